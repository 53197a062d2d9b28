# `make train` and `make test` do all set-up themselves on a bare machine with
# Python 3.10 to 3.13: a virtual environment in .venv, and the install.
PYTHON ?= python3
VENV ?= .venv
RUN ?= runs/quick
# Processes that run the tests; each takes some 3 GB.
WORKERS ?= 2
PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
BIN := $(VENV)/bin

.PHONY: help train test test-all lint unit cover bench docs clean

help:
	@echo "make train     train, evaluate and export WA-ResNet-50 on the embedded phantom"
	@echo "make test      linters, type checks, layering contract, all but slow tests"
	@echo "make test-all  the same with the slow tests, run when an issue is closed"
	@echo "make cover     all tests with their coverage, which takes a quarter longer"
	@echo "make bench     speed against other libraries, in benchmarks/results/"
	@echo "make docs      the documentation as a site, in site/; a dead link is an error"
	@echo "make clean     remove the virtual environment and caches (runs are kept)"

train: $(VENV)/installed
	$(BIN)/python train.py --config configs/quick.toml --run-dir $(RUN)
	$(BIN)/python evaluate.py $(RUN)

test: $(VENV)/installed-test
	$(MAKE) lint
	$(MAKE) unit

test-all: $(VENV)/installed-test-all
	$(MAKE) lint
	$(BIN)/pytest $(PARALLEL)

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/installed-test
	$(BIN)/pytest $(PARALLEL) -m "not slow"

cover: $(VENV)/installed-test
	rm -f .coverage .coverage.*
	$(BIN)/pytest $(PARALLEL) --cov --cov-report=
	$(BIN)/coverage report --fail-under=90

bench: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks.run

# The variable leaves out a notice on the future of MkDocs, which is no warning of the build.
docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v <= (3, 13) else "Python 3.10 to 3.13 is needed; this is %d.%d. Name another: make train PYTHON=python3.12" % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/installed: setup.cfg pyproject.toml $(VENV)/bin/python
	@echo "Installing keras_wa into $(VENV) (once; a few minutes)"
	$(BIN)/python -m pip install --quiet -e .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	@echo "Installing the test tools into $(VENV) (once)"
	$(BIN)/python -m pip install --quiet -e '.[test]'
	@touch $@

$(VENV)/installed-test-all: $(VENV)/installed-test
	@echo "Installing PyTorch, a third backend of Keras, into $(VENV) (once; it is large)"
	$(BIN)/python -m pip install --quiet -e '.[test-all]'
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed
	@echo "Installing what is measured against into $(VENV) (once; PyTorch is large)"
	$(BIN)/python -m pip install --quiet -e '.[bench]'
	@touch $@

$(VENV)/installed-docs: $(VENV)/installed
	@echo "Installing the documentation tools into $(VENV) (once)"
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	@touch $@

clean:
	rm -rf $(VENV) site .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache *.egg-info
