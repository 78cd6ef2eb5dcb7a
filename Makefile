# The two commands of a newcomer are `make run` and `make test`; both install what they need.

.DEFAULT_GOAL := help
.PHONY: help run test soak year bench coverage check check-types check-description check-rest openapi lock clean install
MAKEFLAGS += --no-print-directory
# If it is set (as in images for containers), each of some hundred processes compiles everything that it imports.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
EMULATOR := infra/local/storage-emulator

RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
AZURITE := $(EMULATOR)/node_modules/.installed
READERS := infra/docs/node
DESCRIPTION := $(READERS)/node_modules/.installed
WORKER := $(VENV)/.worker

PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq --no-compile
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url --no-emit-find-links

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

run: $(RUNTIME) $(AZURITE) $(if $(LOCAL_WORKER),$(WORKER)) ## Run the local cloud with a sample (PORT=7071, HOSTS=1, ONCE=1 to end after it, KEEP=1)
	@$(BIN)/python -m infra.local

test: install ## Run the tests except the long ones (ARGS="-k expiry")
	@$(BIN)/python -m pytest --numprocesses 3 --no-loadscope-reorder -m "not soak" $(ARGS)

soak: install ## Run the long tests: faults, outages, redelivery, kills at every point, Microsoft's worker
	@$(BIN)/python -m pytest -m soak $(ARGS)
	@LOCAL_WORKER=microsoft $(BIN)/python -m pytest --numprocesses 2 -m "not soak" tests/api tests/operations tests/dry_run

year: $(DEVELOPMENT) $(AZURITE) ## Simulate a year of 300 connections: which warnings were due, and which arrived
	@$(BIN)/python -m tests.expiry.year

bench: $(DEVELOPMENT) $(AZURITE) ## Measure the cost of a sweep with few and with many connections
	@$(BIN)/python -m tests.bench.sweep

coverage: install ## Run the tests and show what they cover; takes one and a half times as long
	@$(BIN)/coverage erase
	@COVERAGE_PROCESS_START="$(CURDIR)/pyproject.toml" COVERAGE_FILE="$(CURDIR)/.coverage" \
		$(BIN)/python -m pytest --numprocesses 3 --no-loadscope-reorder $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

check: install ## Check format, style, types, the direction of imports and the generated files
	@$(MAKE) --jobs check-types check-description check-rest

check-types:
	@$(BIN)/mypy

check-description:
	@$(BIN)/python -m infra.docs.linters

check-rest:
	@$(BIN)/ruff format --check --quiet . || { echo "make: run '$(BIN)/ruff format .'" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports
	@$(BIN)/python -m infra.docs --check

openapi: $(RUNTIME) ## Generate docs/openapi.json and the tables in docs
	@$(BIN)/python -m infra.docs

lock: $(DEVELOPMENT) ## Pin the dependencies anew (requirements*.in to requirements*.txt)
	@$(LOCK) --generate-hashes --output-file requirements.txt requirements.in
	@$(LOCK) --output-file requirements-dev.txt requirements-dev.in

install: ## Install everything, run nothing (after make clean: PYTHON=python3.13 to choose one)
	@$(MAKE) --jobs $(DEVELOPMENT) $(AZURITE) $(DESCRIPTION)

clean: ## Remove what was installed, kept and measured
	@rm -rf $(VENV) .local $(EMULATOR)/node_modules $(READERS)/node_modules .coverage .coverage.* htmlcov
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Azure runs the app with these. The oldest comes first: what works with it works with the others.
PYTHON := python3.11 python3.12 python3.13 python3

$(BIN)/python:
	@for python in $(PYTHON); do \
		if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
			echo "Making a virtual environment with $$python"; \
			"$$python" -m venv $(VENV) && exit 0; \
			echo "make: $$python cannot make a virtual environment; on Debian and Ubuntu install python3-venv" >&2; \
			rm -rf $(VENV); exit 1; \
		fi; \
	done; \
	echo "make: this project needs Python 3.11, 3.12 or 3.13; not found: $(PYTHON)" >&2; exit 1

$(RUNTIME): requirements.txt | $(BIN)/python
	@echo "Installing the packages that the app needs"
	@$(PIP) -r requirements.txt || { echo "make: the packages could not be installed" >&2; exit 1; }
	@touch $@

$(DEVELOPMENT): requirements-dev.txt $(RUNTIME) $(WORKER)
	@echo "Installing the packages that tests and checks need"
	@$(PIP) -r requirements-dev.txt || { echo "make: the packages could not be installed" >&2; exit 1; }
	@touch $@

# It requires Python 3.13 but runs with 3.11. Its other requirements are for bindings that the app does not use.
$(WORKER): requirements-worker.txt $(RUNTIME)
	@echo "Installing Microsoft's Python worker"
	@$(PIP) --no-deps --ignore-requires-python -r requirements-worker.txt \
		|| { echo "make: the worker could not be installed" >&2; exit 1; }
	@touch $@

$(AZURITE): $(EMULATOR)/package-lock.json $(EMULATOR)/package.json | $(RUNTIME)
	@echo "Installing Azurite, the storage emulator"
	@$(BIN)/python -m infra.local.node $(EMULATOR)
	@touch $@

$(DESCRIPTION): $(READERS)/package-lock.json $(READERS)/package.json | $(RUNTIME)
	@echo "Installing the tools that read the API's description"
	@$(BIN)/python -m infra.local.node $(READERS)
	@touch $@
