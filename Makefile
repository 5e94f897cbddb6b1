# `make serve` and `make test` need nothing but Python 3.11+ and make; everything else is set up here, in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8080
SOURCES := mockserver tests bench docs/examples

.PHONY: all format lint types test cover docs schemas fresh wheel serve bench clean help

help: ## Show what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

all: lint types cover docs fresh wheel ## What CI runs: every gate

$(VENV)/.runtime: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.development: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

serve: $(VENV)/.runtime ## Serve the shipped rules on http://127.0.0.1:8080/v1 (PORT=... for another port)
	$(BIN)/mockserver serve --port $(PORT)

test: $(VENV)/.development ## Run the tests
	$(BIN)/python -m pytest -q -n auto

format: $(VENV)/.development ## Format the code
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lint: $(VENV)/.development ## Check format and lint
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

types: $(VENV)/.development ## Check types, source and tests
	$(BIN)/mypy

cover: $(VENV)/.development ## Run the tests with branch coverage of core/
	$(BIN)/python -m pytest -q -n auto --cov --cov-report=term

schemas: $(VENV)/.development ## Build the JSON Schemas from schemas/openapi.yaml and the overlays
	$(BIN)/mockserver schemas build

fresh: $(VENV)/.development ## Fail when the built schemas are stale
	$(BIN)/python -m pytest -q tests/core/test_schemas_fresh.py

docs: $(VENV)/.development ## Run every example in the README and docs/, and check the reference against the code
	$(BIN)/python -m pytest -q tests/docs

wheel: $(VENV)/.development ## Build the wheel into dist/ and try one in a clean environment, dependencies from the index
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python -m pytest -q tests/doors/test_wheel.py --online

bench: $(VENV)/.development ## Measure, beside a bare ASGI callable in the same run
	$(BIN)/python -m bench

clean: ## Remove everything that was made
	rm -rf $(VENV) build dist .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
