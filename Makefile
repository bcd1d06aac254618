# The few commands of Hookdesk. `make run` and `make test` need nothing but Python 3.11 or newer.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PIP_DISABLE_PIP_VERSION_CHECK := 1

BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet
FIND_PYTHON = for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; python=; done; \
	if [ -z "$$python" ]; then echo 'Hookdesk needs Python 3.11 or newer; name one with make PYTHON=/path/to/python3' >&2; exit 1; fi

.PHONY: help run demo test chaos check audit bench fuzz lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/make \1	\2/' | expand -t 16

run: .venv/.runtime ## start everything here, with a practice Chatwoot to talk to (Ctrl-C stops it)
	@exec $(BIN)/hookdesk up --practice

demo: .venv/.runtime ## watch a support day in about a minute, then stop
	@exec $(BIN)/hookdesk demo

test: .venv/.tests ## run all tests (ARGS='--broker rabbitmq': those that start a broker, on RabbitMQ)
	@exec $(BIN)/python -m pytest $(ARGS)

chaos: .venv/.tests ## kill everything under a support desk at work, and look what is left (ARGS='--kills 500' for more)
	@exec $(BIN)/python -m tests.integration.chaos $(ARGS)

check: .venv/.tests ## format, lint, types and import rules
	@$(BIN)/ruff format --check --quiet . || { echo 'to format: $(BIN)/ruff format .' >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache >.venv/imports.log || { cat .venv/imports.log; exit 1; }
	@echo 'check: format, lint, types and import rules are fine'

audit: .venv/.audit ## look for risky code, and for advisories about what requirements.lock pins
	@.venv/audit/bin/python .ci/findings.py
	@.venv/audit/bin/python .ci/dependencies.py requirements.lock

bench: .venv/.bench ## measure it beside a plain Flask + Celery recipe (ARGS='all --quick' for a first look)
	@exec $(BIN)/python -m bench $(ARGS)

fuzz: .venv/.fuzz ## send it hostile input by the million (ARGS='--cases 30000', '--minutes 60', '--seed 7')
	@exec $(BIN)/python -m tests.fuzz $(ARGS)

lock: .venv/.tests ## write both lock files anew
	@$(BIN)/python -m pip --quiet install uv
	@printf 'setuptools\nwheel\n' > .venv/build.in
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --extra postgres -o requirements.lock pyproject.toml .venv/build.in
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --extra test -c requirements.lock -o tests/requirements.lock pyproject.toml

clean: ## remove the virtual environment and caches; the data folder stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info

# The stamps make a second run instant; whatever changes a lock or pyproject.toml makes the next one install again.
.venv/.runtime: requirements.lock pyproject.toml
	@$(FIND_PYTHON); [ -x $(BIN)/python ] || { echo 'Installing Hookdesk into .venv; only the first run does this.'; \
		$$python -m venv .venv || { echo 'That Python has no venv module; on Debian: apt-get install python3-venv' >&2; rm -rf .venv; exit 1; }; }
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.bench: .venv/.runtime bench/requirements.txt
	@$(PIP) install --no-deps --require-hashes -r bench/requirements.txt
	@touch $@

.venv/.fuzz: .venv/.tests tests/fuzz/requirements.txt
	@$(PIP) install --no-deps --require-hashes -r tests/fuzz/requirements.txt
	@touch $@

# An environment of its own: the tools pin other versions of what Hookdesk runs on.
.venv/.audit: .venv/.runtime .ci/requirements.txt
	@$(BIN)/python -m venv .venv/audit
	@.venv/audit/bin/python -m pip --quiet install --no-deps --require-hashes -r .ci/requirements.txt
	@touch $@

.venv/.tests: .venv/.runtime tests/requirements.lock
	@$(PIP) install --require-hashes -r tests/requirements.lock
	@touch $@
