# make lab    set up .venv where it is missing, check it, open JupyterLab at lesson 00
# make test   the same set-up, then every test and every notebook
# make bench  time the road on this machine
# make notebooks  write the learners' notebooks anew from the lessons' sources

VENV ?= .venv
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt $(PIP_FLAGS)
SETUP := $(VENV)/.setup-done
TRAIN := $(VENV)/.train-done
# Notebooks are found by listing their folder, so none can be forgotten.
NBVAL := --nbval-lax --nbval-current-env --nbval-cell-timeout=180 \
	--nbval-sanitize-with tests/nbval_sanitize.cfg

.PHONY: lab setup train-deps test bench notebooks clean

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

test: $(SETUP) $(TRAIN)
	$(BIN)/python -m pytest tests notebooks $(NBVAL) $(TEST_FLAGS)

bench: $(SETUP)
	$(BIN)/python benchmarks/run.py

notebooks: $(SETUP)
	$(BIN)/python -m riffedu.exercises.build

clean:
	rm -rf $(VENV) .pytest_cache .hypothesis
