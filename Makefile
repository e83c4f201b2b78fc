# Needs only make and Python 3.11 or newer; everything else is installed into .venv, once, from the lock files.

PYTHON ?= python3
ARGS ?=
JOBS ?= 2
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input --no-compile --require-hashes

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help paper test check style types layers dependencies tidy bench simulate soak crashes planted mutants image picture boards study lock fmt clean

help: ## print these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

paper: .venv/.runtime ## trade on paper against the built-in exchange: make paper ARGS="--help"
	@$(BIN)/python -m hedger paper $(ARGS)

test: .venv/.dev ## run all tests: make test ARGS="-m unit -k band"
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

check: style types layers dependencies tidy ## style, types, layers, dependencies, tidiness: `make -k check` for all faults

style: .venv/.dev
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .

types: .venv/.dev
	$(BIN)/mypy --no-error-summary

layers: .venv/.dev
	$(BIN)/lint-imports --no-logo

dependencies: .venv/.dev
	$(BIN)/deptry --no-ansi hedger

tidy: .venv/.dev
	$(BIN)/python -m pytest -q --no-header tests/unit/test_tidy.py

simulate: .venv/.runtime ## the daemon against faults on virtual time: make simulate ARGS="--seed 7"
	@$(BIN)/python -m hedger simulate $(ARGS)

# As long as told: make soak HOURS=1000 (simulated), or SECONDS=600 (real). Failed seeds go to the list that is committed.
FIRST ?= 1000
soak: .venv/.runtime ## simulate on all cores: make soak HOURS=1000, make soak SECONDS=600
	@$(BIN)/python -m hedger simulate --seed $(FIRST) --jobs $(JOBS) --failures tests/simulation/seeds.txt \
	  $(if $(HOURS),--hours $(HOURS)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(HOURS)$(SECONDS),,--hours 100) $(ARGS)

bench: .venv/.dev ## measure: make bench ARGS="step"
	@$(BIN)/python -m bench $(ARGS)

crashes: .venv/.dev ## kill the daemon at every point of every scenario, on virtual time: make crashes ARGS="two hedges"
	@$(BIN)/python -m tests.support.crash_table $(JOBS) $(ARGS)

planted: .venv/.dev ## plant bugs, one after the other, and see that the tests catch each: make planted ARGS="breaker"
	@$(BIN)/python -m tests.planted $(ARGS)

mutants: .venv/.dev ## change the safety core everywhere and count what no test notices (an hour): make mutants ARGS="orders"
	@$(BIN)/python -m tests.planted.mutants $(JOBS) $(ARGS)

image: .venv/.dev ## build the container's image and try it: size, start-up, memory, end
	@$(BIN)/python -m tests.support.container_trial

picture: .venv/.dev ## draw the README's pictures from a paper run: the terminal view, and the console in Chromium
	$(BIN)/python -m tests.support.picture
	$(BIN)/python -m tests.support.console_pictures

boards: .venv/.dev ## write Grafana's dashboards from tests/support/boards
	$(BIN)/python -m tests.support.boards

study: .venv/.dev ## measure the bands by Monte Carlo and write docs/bands.md's tables and pictures
	$(BIN)/python -m tests.support.band_pictures

fmt: .venv/.dev ## put the source into its one form
	$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format --quiet .

# One resolution serves Python 3.11 to 3.13 on Linux and macOS; what is locked stays unless LOCK_ARGS says otherwise.
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(LOCK_ARGS) pyproject.toml
lock: .venv/.dev ## write the lock files from pyproject.toml: make lock LOCK_ARGS=--upgrade
	$(UV_COMPILE) --output-file requirements.lock
	$(UV_COMPILE) --extra notify --constraint requirements.lock --output-file requirements-notify.lock
	$(UV_COMPILE) --extra dev --extra notify --extra parquet --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove .venv and all caches
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up: each stamp is younger than the lock file that it was installed from ------------------------------------

# ccxt's first import takes many seconds without bytecode; a few packages ship files that only other Pythons compile.
define install
@$(PIP) -r $(1)
@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
@touch $@
endef

.venv/.runtime: requirements.lock | .venv/.created
	@echo "Installing what hedger runs on into .venv (half a minute, once)…"
	$(call install,requirements.lock)

.venv/.dev: requirements-dev.lock | .venv/.created
	@echo "Installing what hedger runs on, and the tools that check it, into .venv (a minute, once)…"
	$(call install,requirements-dev.lock)
	@touch .venv/.runtime

# A path file and a launcher stand for an installed project: `.venv/bin/hedger` works from any directory.
.venv/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "hedger needs Python 3.11 or newer, and '$(PYTHON)' is older or missing: name another one, as in 'make PYTHON=python3.12 $(MAKECMDGOALS)'." >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments: on Debian and Ubuntu, run 'apt-get install python3-venv' first." >&2; \
	  exit 1; }
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@pwd > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/hedger.pth"
	@printf '#!/bin/sh\nexec "%s/.venv/bin/python" -m hedger "$$@"\n' "$$(pwd)" > $(BIN)/hedger
	@chmod +x $(BIN)/hedger
	@touch $@
