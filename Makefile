# Each target sets up what it needs in its own virtual environment; all it asks for is Python 3.11 and pip.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint format bench docs clean

demo: $(VENV)/.user
	@$(BIN)/modelc demo

test: $(VENV)/.dev
	$(BIN)/pytest -q -n auto --dist loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/bench_passes.py

docs: $(VENV)/.dev
	$(BIN)/modelc ops --format markdown > docs/ops.md

clean:
	rm -rf $(VENV) build dist

$(VENV)/bin/python:
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip

$(VENV)/.user: pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@echo "installing what tests and linters need, TensorFlow among it (some minutes, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,onnxruntime,tensorflow]'
	@touch $@ $(VENV)/.user
