# Two commands: `make labs` runs everything once, `make test` proves it. Each sets up what is missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export RAGKIT_QUIET ?=
export HF_HUB_OFFLINE := 1

.DEFAULT_GOAL := help
.PHONY: help setup labs test lab lint editions results train spans translated clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

setup: $(READY)  ## create .venv with the locked dependencies, verify the weights

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v >= (3, 11) else "ragkit needs Python 3.11 or newer, this is %d.%d. Try: make PYTHON=python3.12" % v)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	$(BIN)/ragkit models
	@touch $@

labs: $(READY)  ## execute every lab headlessly and print the results table
	$(BIN)/ragkit editions --run
	$(BIN)/ragkit evaluate

test: $(READY)  ## lint, types, drift, unit tests, and both editions of every notebook
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/ragkit editions --check
	$(BIN)/ragkit results --check
	# two workers, one thread each: more threads than cores would wait for one another. What takes
	# longest comes first: the ledger measured again, then the labs
	RAGKIT_QUIET=1 RAGKIT_THREADS=1 OMP_NUM_THREADS=1 MPLBACKEND=agg \
		$(BIN)/python -m pytest -n 2 --dist loadscope --nbval-lax --nbval-current-env --nbval-cell-timeout 120 \
		--no-loadscope-reorder tests/test_ledger.py labs solutions tests ragkit

lab: $(READY)  ## open JupyterLab on the labs
	$(BIN)/jupyter lab --notebook-dir labs

editions: $(READY)  ## make and execute both editions of every lab from its source
	$(BIN)/ragkit editions

results: $(READY)  ## measure every quoted number again and update the prose
	$(BIN)/ragkit results

train: $(READY)  ## train MiniGPT again
	$(BIN)/ragkit train-minigpt

spans: $(READY)  ## find the handbook's gold quotes again after an edit
	$(BIN)/python tools/relocate_spans.py

translated: $(READY)  ## record that the Spanish pages are up to date with the English ones
	$(BIN)/python tools/stamp_translations.py

clean:  ## remove the environment and what was built
	rm -rf $(VENV) .build .pytest_cache .mypy_cache .ruff_cache .hypothesis
