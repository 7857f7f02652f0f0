# Every target builds .venv from the pinned requirements by itself; only python3, git and make are needed.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
SOAK_MINUTES ?= 5
SOAK_SEED ?= 100000

.DEFAULT_GOAL := help
.PHONY: help demo demo-github test soak check bench clean pins

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)  ## six agents, one repository: watch the queue work
	$(BIN)/pointsman demo

demo-github: $(STAMP)  ## pull requests on a stand-in for GitHub: watch the real app work
	$(BIN)/python -m tests.github.demo

test: $(STAMP)  ## the whole test suite
	$(BIN)/pytest

soak: $(STAMP)  ## the long runs, some ten minutes: kills at random instants, random histories full of faults
	$(BIN)/pytest -m soak
	$(BIN)/python -m tests.faults.simulation --seed $(SOAK_SEED) --minutes $(SOAK_MINUTES)

check: $(STAMP)  ## lint, types, layers, workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --strict-collection --no-progress --persona=pedantic .github action.yml examples
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml examples/github-*/.github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml

bench: $(STAMP)  ## the benchmarks of bench/, with their peers
	$(BIN)/python -m bench

pins: $(STAMP)  ## renew requirements.txt from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --all-extras --no-emit-index-url --no-header --no-annotate --python-version 3.11 -o requirements.txt pyproject.toml

clean:  ## remove what the targets made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
