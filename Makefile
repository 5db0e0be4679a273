# Two commands are enough: `make study` and `make test`. Each target sets up what it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp-dev
JOBS ?= 2
# A bare machine with a GPU has no .venv, and no network to make one.
GPU_PYTHON ?= $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))
export OMP_NUM_THREADS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup study test test-slow coverage test-pre-releases release-check lint format types arch docs check bench gpu figures example clean

help:  ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 28

setup: $(STAMP)  ## Create .venv and install prunekit with everything for development

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

study: $(STAMP)  ## Run the quickstart study on real digits and leave a report in study/
	$(BIN)/prunekit run recipes/quickstart.toml --jobs $(JOBS) --threads 1 --out study
	@echo "The report is study/index.html: open it in a browser."

test: $(STAMP)  ## Run the tests (the slow ones are left out; GPU rows run on a pretend GPU where there is no real one)
	$(BIN)/python -m pytest

test-slow: $(STAMP)  ## Run the slow tests too
	$(BIN)/python -m pytest -m 'slow or not slow'

coverage: $(STAMP)  ## Run the tests with branch coverage; the shares by package go to coverage.json
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered --cov-report=json:coverage.json
	$(BIN)/python .ci/coverage_floor.py coverage.json

test-pre-releases: $(STAMP)  ## Run the tests against pre-releases of torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --pre --upgrade torch torchvision timm
	$(BIN)/python -m pytest

release-check: $(STAMP)  ## Build the package; try it with the newest and the lowest dependencies, and without torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[release]'
	.ci/release-check

lint: $(STAMP)  ## Check style, security rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP)  ## Format the code
	$(BIN)/ruff format .

types: $(STAMP)  ## Check types strictly
	$(BIN)/mypy

arch: $(STAMP)  ## Check that a module imports lower layers only
	$(BIN)/lint-imports

docs: $(STAMP)  ## Check that the docs are current and name everything that exists; build the site into site/
	$(BIN)/python docs/write_reference.py --check
	$(BIN)/python -m pytest tests/docs/test_docs.py tests/docs/test_architecture.py
	$(BIN)/zensical build --strict --clean

figures: $(STAMP)  ## Draw the pictures of the docs
	$(BIN)/python docs/draw_corruptions.py

example: study  ## Publish the quickstart's report beside the docs, and draw its pictures (with Chromium and poppler-utils)
	$(BIN)/python docs/draw_report.py study

check: lint types arch docs test  ## Everything that must pass before a change lands

bench: $(STAMP)  ## Measure speed as ratios within one run, into docs/benchmarks.md (ARGS=--quick: about five minutes)
	$(BIN)/python benchmarks/table.py --out docs/benchmarks.md $(ARGS)

gpu:  ## What a GPU does with prunekit, in eight minutes and without a network (ARGS=--dry: on the CPU, as small as can be)
	$(GPU_PYTHON) benchmarks/gpu.py $(ARGS)

# `make paper-cifar10-resnet20` runs recipes/cifar10/resnet20.toml; `make paper-cifar10-small` recipes/cifar10-small.toml.
RECIPES := $(filter-out recipes/quickstart.toml recipes/shared/%,$(wildcard recipes/*.toml recipes/*/*.toml))
PAPER   := $(foreach file,$(RECIPES),paper-$(subst /,-,$(patsubst recipes/%.toml,%,$(file))))
.PHONY: $(PAPER)
define paper-rule
paper-$(subst /,-,$(patsubst recipes/%.toml,%,$(1))): $(STAMP)
	$(BIN)/prunekit run $(1) --out reports/$(patsubst recipes/%.toml,%,$(1)) $$(ARGS)
endef
$(foreach file,$(RECIPES),$(eval $(call paper-rule,$(file))))

clean:  ## Remove the environment, caches and the quickstart's results
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache site dist build study .prunekit
