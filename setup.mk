# What the course and the students' bundle share: the environment, set up once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export HF_HUB_OFFLINE := 1

.DEFAULT_GOAL := help
.PHONY: help setup exported

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

setup: exported  ## create .venv with the locked dependencies, verify the weights

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v >= (3, 11) else "ragkit needs Python 3.11 or newer, this is %d.%d. Try: make PYTHON=python3.12" % v)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	$(BIN)/ragkit models
	@touch $@

exported: $(READY)  # MiniLM exported to ONNX, once; later runs find it in the cache folder
	@$(BIN)/ragkit models --export > /dev/null
