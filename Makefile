# make lab    set up .venv where it is missing, check it, open JupyterLab at lesson 00
# make test   the same set-up, then every test and every notebook, and real pages where a browser is
# make test-browser   the same notebooks and the panels in a real JupyterLab and Chromium
# make lint   ruff, types and import contracts, as make test checks them
# make live   the instrument as a page without Python: build/live, for any web server
# make bench  time the pipeline on this machine
# make docs   build the site, lessons run, into build/site/html; `riffedu docs` opens it
# make notebooks  write notebooks, the teacher's pages and the README's table from their sources

VENV ?= .venv
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt $(PIP_FLAGS)
SETUP := $(VENV)/.setup-done
TRAIN := $(VENV)/.train-done
BROWSER := $(VENV)/.browser-done
LINT := $(VENV)/.lint-done
DOCS := $(VENV)/.docs-done
WEB := $(VENV)/.web-done
LIVE ?= build/live
# For `make test` every package is in place, one pip after another, before a test begins.
ALL := $(if $(filter test,$(MAKECMDGOALS)),$(LINT))
# The same names as in tests/browser/conftest.py.
CHROMIUM := $(or $(RIFFEDU_CHROMIUM),$(shell for b in \
	chromium chromium-browser google-chrome google-chrome-stable; do command -v $$b && break; done))
# On a CI machine the pages are tested in any case: without a browser they fail.
PAGES := $(or $(CHROMIUM),$(filter true,$(CI)))
# Notebooks are found by listing their folder, so none can be forgotten.
NBVAL := --nbval-lax --nbval-current-env --nbval-cell-timeout=300 \
	--nbval-sanitize-with tests/nbval_sanitize.cfg

COMMANDS := tests/app tests/training tests/verbs tests/wild

.PHONY: lab setup train-deps lint test test-library test-commands test-notebooks test-browser live docs bench notebooks clean

lab: $(SETUP)
	$(BIN)/riffedu check
	$(BIN)/riffedu lab $(LAB_FLAGS)

setup: $(SETUP)

$(SETUP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "riffedu needs Python 3.11 or newer: install it, or run 'make PYTHON=/path/to/python3.11'"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[test]'
	@touch $@

train-deps: $(TRAIN)

# Without --no-deps pip would compile pyaudio, which tinysoundfont uses for live playing only.
$(TRAIN): $(SETUP)
	$(PIP) -e '.[test,train]'
	$(PIP) --no-deps tinysoundfont
	@touch $@

lint: $(LINT)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy

$(LINT): $(SETUP) $(if $(ALL),$(DOCS))
	$(PIP) -e '.[test,lint]'
	@touch $@

# The tests of library, commands and notebooks can run side by side: make -j2 test.
test: $(SETUP) $(TRAIN) lint test-library test-commands test-notebooks
	$(if $(PAGES),$(MAKE) test-browser,@echo "No Chromium or Chrome here: the tests of real pages are left out.")

# With real pages every notebook runs there, and its errors are seen there: one run less without.
test-library: $(TRAIN) $(DOCS) $(ALL)
	$(JOB) $(BIN)/python -m pytest tests riffedu/signal $(addprefix --ignore ,tests/browser $(COMMANDS)) \
		--doctest-modules $(TEST_FLAGS) \
		$(if $(PAGES),--deselect tests/lessons/test_notebooks.py::test_runs_without_hidden_errors)

test-commands: $(TRAIN) $(ALL)
	$(JOB) $(BIN)/python -m pytest $(COMMANDS) $(TEST_FLAGS)

test-notebooks: $(TRAIN) $(ALL)
	$(JOB) $(BIN)/python -m pytest notebooks $(NBVAL) $(TEST_FLAGS)

test-browser: $(BROWSER)
	$(BIN)/python -m pytest tests/browser $(TEST_FLAGS)

$(BROWSER): $(SETUP)
	$(PIP) -e '.[test,browser,hub,web]'
	@touch $@

live: $(WEB)
	$(BIN)/python -m riffedu.app.web_page $(LIVE)

$(WEB): $(SETUP)
	$(PIP) -e '.[test,web]'
	@touch $@

# A lesson runs only if it or the library has changed; with DOCS_FLAGS=--no-run not even then.
docs: $(DOCS)
	$(BIN)/python docs/site/build.py $(DOCS_FLAGS)

$(DOCS): $(SETUP) $(if $(ALL),$(TRAIN))
	$(PIP) -e '.[test,docs,web]'
	@touch $@

bench: $(SETUP)
	$(BIN)/python benchmarks/run.py

notebooks: $(SETUP)
	$(BIN)/python -m riffedu.syllabus
	$(BIN)/python -m riffedu.lessons.build
	$(BIN)/python -m riffedu.lessons.guide

clean:
	rm -rf $(VENV) .pytest_cache .hypothesis
