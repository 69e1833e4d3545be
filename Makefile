.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON := $(shell for p in python3.12 python3.11 python3.13 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.PHONY: help setup test check format

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready ## make .venv with everything in it

.venv/.ready: uv.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "mailer needs Python 3.11 or newer, with venv (Debian: apt install python3-venv)."; exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@test -x .venv/bin/uv || .venv/bin/pip install --quiet uv || { echo "uv could not be installed: is the package index reachable?"; exit 1; }
	@.venv/bin/uv sync --quiet --frozen --all-extras
	@touch $@

test: setup ## run the tests
	@.venv/bin/pytest

check: setup ## lint, types, layers
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

format: setup ## put the code in the house's form
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix --quiet .
