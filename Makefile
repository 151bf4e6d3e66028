# Everything a developer does; `make` alone lists it.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# Tests run side by side in this many processes; much of their time is waiting. WORKERS=0 runs them in one.
WORKERS ?= 3

.PHONY: help up test check fmt lock bench functions chaos clean run-environment dev-environment

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: run-environment ## Install what is missing, then run the API, the proxy and a worker on this machine
	@$(PYTHON) scripts/system.py up
	@exec $(BIN)/carrel up

test: dev-environment ## Install what the tests need and run them all; ARGS="-m unit" runs a tier: unit, integration or e2e
	@$(PYTHON) scripts/system.py test
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

check: dev-environment ## Format, lint, names, prose, import rules, generated pages and SDL, types, migrations on filled databases
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/python -m scripts.check_names
	$(BIN)/python -m scripts.check_prose
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m scripts.settings_table --check
	$(BIN)/python -m scripts.operations_page --check
	$(BIN)/python -m scripts.check_sdl
	$(BIN)/mypy --no-error-summary
	$(BIN)/mypy --no-error-summary scripts tests/services tests/scripts tests/*.py
	@$(PYTHON) scripts/system.py test
	$(BIN)/python -m scripts.check_migrations

fmt: dev-environment ## Format the code and write what is generated: imports, SDL snapshot, settings table, page of operations
	$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format --quiet .
	$(BIN)/python -m scripts.check_sdl --write
	$(BIN)/python -m scripts.settings_table --write
	$(BIN)/python -m scripts.operations_page --write

lock: dev-environment ## Pin the dependencies of pyproject.toml anew, with hashes; ARGS=--upgrade takes the newest
	scripts/lock.sh $(ARGS)

bench: dev-environment ## Measure what the design promises
	$(BIN)/python -m bench $(ARGS)

functions: dev-environment ## Build the archives of the functions into dist, the same bytes at each build
	$(BIN)/python -m scripts.function_package $(ARGS)

chaos: dev-environment ## Kill processes and drop connections while sessions run; everything must end as promised
	$(BIN)/python -m bench.chaos $(ARGS)

clean: ## Remove the environment, caches and build results; never the data in .carrel
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find build -mindepth 1 -maxdepth 1 ! -name test-cache -exec rm -rf {} + 2>/dev/null || true
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

run-environment:
	@$(PYTHON) scripts/bootstrap.py run

dev-environment:
	@$(PYTHON) scripts/bootstrap.py dev
