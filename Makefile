# Commands of the project; each makes the environment it needs in .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Outputs of the examples are those of these weights.
GALLERY := docs/gallery/.of_weights

OLDEST := .venv-oldest

.PHONY: help demo test test-oldest unit lint types doctest html docs clean

help:
	@echo "make demo         learn, embed and classify real EEG; a table and two figures in demo/"
	@echo "make test         everything CI runs: format, lint, types, tests, examples in docstrings"
	@echo "make test-oldest  the tests, with the oldest versions that setup.py allows"
	@echo "make docs         run all examples, build the documentation into docs/_build/html, check its links"
	@echo "make clean        remove the environment and everything built"

$(STAMP): setup.py pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,docs]"
	touch $@

demo: $(STAMP)
	$(BIN)/python examples/quickstart.py --output demo

# Two processes share two cores: libraries that start a thread for each core get in their way.
test test-oldest: export OMP_NUM_THREADS := 1
test: $(STAMP)
	$(MAKE) --jobs 4 lint types doctest unit

$(OLDEST)/.installed: setup.py tests/packaging/oldest_versions.py
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --upgrade "pip>=24"
	$(OLDEST)/bin/python tests/packaging/oldest_versions.py > $(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install --quiet --constraint $(OLDEST)/constraints.txt --editable ".[dev]"
	touch $@

test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python -m pytest --numprocesses 2 --dist worksteal

unit: $(STAMP)
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell

types: $(STAMP)
	$(BIN)/mypy

# Examples of the pages; those of docstrings sphinx only reads, and pytest runs.
doctest: $(STAMP)
	$(BIN)/sphinx-build -W -q -t pages -b doctest docs docs/_build/doctest docs/*.rst

$(GALLERY): $(wildcard sk_brainrvq/weights/bundled/*/model.safetensors)
	rm -rf docs/gallery
	mkdir docs/gallery
	touch $@

html: $(STAMP) $(GALLERY)
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	$(BIN)/python docs/_ext/check_site.py docs/_build/html

# The examples of the pages run beside the site, which takes longer.
docs: export OMP_NUM_THREADS := 1
docs: $(STAMP)
	$(MAKE) --jobs 2 doctest html

clean:
	rm -rf $(VENV) $(OLDEST) demo docs/_build docs/api/generated docs/api/backreferences docs/gallery docs/sg_execution_times.rst build dist *.egg-info
