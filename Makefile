# The house's few commands; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
UV_VERSION := $(shell sed -n '/^name = "uv"$$/{n;s/^version = "\(.*\)"$$/\1/p;}' uv.lock)

# Python starts many times in a run of the tests: each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test check faults soak bench pages dist format messages

help: ## list these commands
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: .venv/.ready ## make .venv with everything in it

demo: setup ## send a real letter to sample subscribers, with everything embedded
	@$(BIN)/mailer demo

test: setup ## run the tests, on every processor
	@$(BIN)/pytest -n auto --dist worksteal --maxfail=12

check: setup ## form, lint, types, the order of the rooms, the rules of the house
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q tests/architecture

faults: setup ## break everything that can break, and show what the ledger says of it
	@$(BIN)/pytest -q -p tests.faults.table tests/faults

soak: setup ## kill workers and PostgreSQL at random; MINUTES=10, or KILLS=500, and SEED=1
	@$(BIN)/python -m tests.faults.soak --minutes $(or $(MINUTES),$(if $(KILLS),0,5)) --kills $(or $(KILLS),0) --seed $(or $(SEED),1)

bench: setup ## measure the whole path beside smtp-source, and write docs/performance.md; QUICK=1: under two minutes; TRIAL=1: does it work? VERIFY=1: the proof of consent alone; PREVIEW=1: the preview alone
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(TRIAL),--trial) $(if $(VERIFY),--verifying) $(if $(PREVIEW),--previewing)

pages: setup ## photograph every page in a browser, into build/pages; ONLY=rights: those alone; KEEP=1: docs/pages too
	@$(BIN)/python -m tests.gallery $(if $(ONLY),--only $(ONLY)) $(if $(KEEP),--keep)

dist: setup ## build the wheel, and the versions it was tested with, into dist/
	@$(BIN)/uv build --quiet --wheel --out-dir dist
	@$(BIN)/uv export --quiet --frozen --no-dev --no-emit-project --no-hashes --no-annotate --no-header \
	  --all-extras --output-file dist/constraints.txt >/dev/null

format: setup ## put the code in the house's form
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

# An inactive shim answers to its name and fails when it runs: each candidate is tried, not looked up.
.venv/.ready: uv.lock pyproject.toml
	@set -e; python=""; \
	for each in python3.12 python3.11 python3.13 python3.14 python3; do \
	  if $$each -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then python=$$each; break; fi; \
	done; \
	test -n "$$python" || { echo "mailer needs Python 3.11 or newer with its venv module" \
	  "(on Debian or Ubuntu: apt install python3 python3-venv)" >&2; exit 1; }; \
	$(BIN)/python -c '' 2>/dev/null || $$python -m venv --clear .venv || { \
	  echo "$$python could not make .venv: is this folder writable, and the disk not full?" >&2; exit 1; }; \
	$(BIN)/uv --version 2>/dev/null | grep -qF "uv $(UV_VERSION)" || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)" || { \
	  echo "uv $(UV_VERSION) could not be installed: is the package index reachable?" >&2; exit 1; }; \
	$(BIN)/uv sync --quiet --frozen --all-extras --compile-bytecode || { \
	  echo "the packages of uv.lock could not be installed: is the package index reachable?" >&2; exit 1; }; \
	touch $@

messages: setup ## bring the catalogues in step with what the pages say, and mails.txt with the mails
	@$(BIN)/python -m tests.architecture.catalogues
	@$(BIN)/python -m tests.architecture.wording
