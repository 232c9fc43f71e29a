# Two commands need nothing but Python 3.10-3.12, git and make:
#   make demo   sets everything up and runs the whole loop
#   make test   sets everything up and runs all tests
# Running either again installs nothing, unless pyproject.toml or constraints.txt changed.

VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/installed
EXTRAS := analysis,experiment,labels,spreadsheets,jxl,hevc,captum,cluster,dev

.PHONY: help setup demo test docs lint check release-check constraints clean

help:
	@sed -n '1,4s/^# *//p' Makefile

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt tools/setup.sh
	@EXTRAS=$(EXTRAS) bash tools/setup.sh $(VENV)
	@touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/fechner demo --out out/demo

# Tests start Python hundreds of times: compiled modules are kept, whatever the environment says.
# No doctest opens a window.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(STAMP)
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not window and not proof"
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "window and not proof" tests

# The site, out/site/index.html: strict, so that a warning fails. The gallery's figures are drawn anew.
docs: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[docs]"
	@$(BIN)/python tools/gallery.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/checks.yml

check: lint test

release-check: $(STAMP)
	@bash tools/release_check.sh $(BIN)/python

# Run it on Debian 12 (Python 3.11.2), the oldest machine to serve: some newest releases refuse it.
constraints:
	EXTRAS=$(EXTRAS),docs CONSTRAINTS= bash tools/setup.sh .venv-fresh
	.venv-fresh/bin/pip freeze --exclude-editable --exclude fechner > constraints.txt
	rm -rf .venv-fresh

clean:
	rm -rf $(VENV) out
