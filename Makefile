# Two commands: `make labs` runs everything once, `make test` proves it. Each sets up what is missing.

include setup.mk

export RAGKIT_QUIET ?=

NOTEBOOKS := --nbval-lax --nbval-current-env --nbval-cell-timeout 120

.PHONY: labs test test-portable test-ledger lab bench bench-quick editions results train spans translated clean

labs: exported  ## execute every lab headlessly and print the results table
	$(BIN)/ragkit editions --run
	$(BIN)/ragkit evaluate

test: exported  ## lint, types, drift, unit tests, and both editions of every notebook
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/ragkit editions --check
	$(BIN)/ragkit results --check
	# two workers, one thread each: more threads than cores would wait for one another
	RAGKIT_QUIET=1 RAGKIT_THREADS=1 OMP_NUM_THREADS=1 MPLBACKEND=agg \
		$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder --durations=15 $(NOTEBOOKS) \
		labs solutions tests ragkit

ONE := RAGKIT_THREADS=1 OMP_NUM_THREADS=1
OLD := ATEN_CPU_CAPABILITY=default OPENBLAS_CORETYPE=Nehalem FAISS_OPT_LEVEL=generic
AVX2 := ATEN_CPU_CAPABILITY=avx2 OPENBLAS_CORETYPE=Haswell FAISS_OPT_LEVEL=avx2

test-portable: exported  ## the suite without the ledger, with the kernels that older processors run
	# each run has a cache of its own (tests/conftest.py), so nothing comes from another's kernels
	for kernels in "$(OLD)" "$(OLD) $(ONE)" "$(AVX2)" "$(AVX2) $(ONE)"; do \
		env $$kernels RAGKIT_QUIET=1 MPLBACKEND=agg $(BIN)/python -m pytest -n 2 --dist loadscope $(NOTEBOOKS) \
			--ignore tests/course/test_ledger.py labs solutions tests ragkit || exit 1; \
	done

test-ledger: exported  ## measure every quoted number again, all trainings included: about 40 minutes
	RAGKIT_LEDGER=whole RAGKIT_QUIET=1 RAGKIT_THREADS=1 OMP_NUM_THREADS=1 MPLBACKEND=agg \
		$(BIN)/python -m pytest -n 2 --dist loadscope tests/course/test_ledger.py

lab: exported  ## copy the labs into work/, your own folder, and open JupyterLab there
	$(BIN)/ragkit work --open

editions: exported  ## make and execute both editions of every lab from its source
	$(BIN)/ragkit editions

results: exported  ## measure every quoted number again and update the prose
	$(BIN)/ragkit results

bench: exported  ## measure ragkit beside its peers, alone on the machine: about 20 minutes
	$(BIN)/python -m benchmarks --suite

bench-quick: exported  ## the same on small sizes, in less than three minutes, into .build/benchmarks
	$(BIN)/python -m benchmarks --quick

train: $(READY)  ## train MiniGPT again
	$(BIN)/ragkit train-minigpt

spans: $(READY)  ## find the handbook's gold quotes again after an edit
	$(BIN)/python tools/relocate_spans.py

translated: $(READY)  ## record that the Spanish pages are up to date with the English ones
	$(BIN)/python tools/stamp_translations.py

clean:  ## remove the environment and what was built
	rm -rf $(VENV) .build .pytest_cache .mypy_cache .ruff_cache .hypothesis
