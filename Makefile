.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := freqtrade_recon_plugin dags tests

.PHONY: help install fmt lint type imports test check bench bench-peers demo run clean constraints

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort \
		| awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(VENV)/.installed  ## set up the one tested environment in .venv

$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Setting up $(VENV) (once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet -c constraints.txt uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'
	@touch $@

fmt: install  ## format the code
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix --quiet $(SOURCES)

lint: install  ## check format and lint
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)

type: install  ## check types
	@$(BIN)/mypy

imports: install  ## check who may import whom
	@$(BIN)/lint-imports --config setup.cfg

test: install  ## run the tests and check coverage (ARGS="tests/unit -k dust" runs some, unmeasured)
ifdef ARGS
	@$(BIN)/python -m pytest $(ARGS)
else
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest
	@$(BIN)/coverage combine --quiet
	@rm -f .coverage.*  # half-written by a process that a test has killed
	@$(BIN)/coverage report --fail-under=90
	@$(BIN)/coverage report --include='*/domain/*' --fail-under=100
endif

check: lint type imports test  ## everything that CI checks

bench: install  ## measure comparing and replaying on this machine
	@$(BIN)/python -m tests.benchmarks.bench_compare
	@$(BIN)/python -m tests.benchmarks.bench_replay

bench-peers: install  ## measure NautilusTrader beside it, in an environment of its own
	@$(BIN)/python -m tests.benchmarks.bench_peers

demo: install  ## play the classic failure end to end, and win (MANUAL=1: you approve)
	@$(BIN)/freqtrade-recon demo $(if $(MANUAL),--manual)

run: install  ## the same stack, kept up to play with
	@$(BIN)/freqtrade-recon demo --keep-running

constraints:  ## pin the newest versions that work together
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header \
		--all-extras setup.cfg --upgrade -o constraints.txt

clean:  ## remove what the targets made
	@rm -rf $(VENV) build dist *.egg-info .coverage* .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
