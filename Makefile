# `make help` lists what there is. The only needs are git, make and Python 3.11, 3.12 or 3.13.

VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)

# PYTHON=python3.12 chooses the interpreter; else the environment's own, else the first fitting one on the PATH.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for p in $(BIN)/python python3 python3.13 python3.12 python3.11 python; do \
    $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
endif
PYVERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
INSTALLED := $(VENV)/.installed-$(PYVERSION)

# One thread for each process: two processes with two threads each are several times slower on two cores.
export OMP_NUM_THREADS := 1
# A relative folder of data would be looked for in notebooks/, where the chapters run.
ifdef GANVAE_DATA
export GANVAE_DATA := $(abspath $(GANVAE_DATA))
endif
PORT ?= 8000
JOBS ?= 2
# Numbers that chapters print may differ by so many percent from the stored ones.
LOOSELY ?= 0

.DEFAULT_GOAL := help
.PHONY: help setup book pdf epub figures graders notebooks test lint fuzz mutations lab serve soak
.PHONY: test-alone test-changed versions clean

help:  ## list these commands
	@awk -F ':.*## *' '/^[a-z-]+:.*##/ { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "  PYTHON=python3.12 chooses the interpreter (3.11 to 3.13), GANVAE_SCALE=full the long runs on real data."
	@echo "  TORCH=pin takes torch as your package index has it; else Linux without an NVIDIA GPU gets the small CPU build."

$(INSTALLED): requirements.txt pyproject.toml
	@case "$(PYVERSION)" in 3.11|3.12|3.13) ;; *) \
	    echo "This needs Python 3.11, 3.12 or 3.13; found: '$(PYTHON)' $(PYVERSION). Say for instance: make PYTHON=/path/to/python3.12 ..." >&2; exit 1;; esac
	@found=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true); \
	    if [ "$$found" != "$(PYVERSION)" ]; then echo "Making $(VENV) with Python $(PYVERSION)"; $(PYTHON) -m venv --clear $(VENV); fi
	@echo "Installing requirements.txt (some minutes the first time)"
	@TORCH="$(TORCH)" $(BIN)/python book/small_torch.py || true
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(INSTALLED)  ## make .venv and install the pinned environment

book: setup  ## execute the chapters that have changed and build the site
	@$(BIN)/python book/build.py --jobs $(JOBS) --loosely $(LOOSELY)

pdf: book  ## the whole book as _build/ganvae.pdf, set by Chromium or Chrome (some minutes)
	@$(BIN)/python book/printing.py pdf

epub: book  ## the whole book as _build/ganvae.epub, formulas as MathML
	@$(BIN)/python book/printing.py epub

notebooks: setup  ## execute the chapters and write their outputs into notebooks/, for committing
	@GANVAE_SCALE=small $(BIN)/python book/build.py --write --jobs $(JOBS)

figures: setup  ## execute the chapters and write each figure as SVG into _build/figures
	@GANVAE_SCALE=small $(BIN)/python book/build.py --figures --jobs $(JOBS)

lint: setup  ## ruff over the library, the tests and the notebooks: rules and format; mypy over the library: types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: export GANVAE_PROGRESS := 0
test: lint book  ## everything: lint, the build, unit tests, doctests, every chapter
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --nbval-lax tests ganvae_lib ganvae_course notebooks

fuzz: setup  ## ten thousand calls of every public name, right ones and wrong ones (GANVAE_FUZZ= another number)
	GANVAE_FUZZ=$${GANVAE_FUZZ:-10000} GANVAE_PROGRESS=0 $(BIN)/python -m pytest -q tests/fuzz

# The operators are cosmic-ray's, which has an environment of its own.
mutations: setup  ## put small faults into the library, one by one, and see whether the tests notice (hours)
	@$(BIN)/python -m venv _build/cosmic-ray
	@_build/cosmic-ray/bin/python -m pip install --quiet --disable-pip-version-check cosmic-ray==8.7.0
	@$(BIN)/python benchmarks/mutations.py

gpu: setup  ## what only a GPU can tell, in eight minutes of one; writes results/gpu
	$(BIN)/python benchmarks/gpu.py

test-alone: setup  ## each chapter alone in an empty folder, with the wheel only (ten minutes)
	$(BIN)/python tests/alone.py

test-changed: setup  ## each line marked "# change me", with two other values (some hours)
	$(BIN)/python tests/changed.py

lab: setup  ## open copies of the chapters in JupyterLab, in lab/, where you may change what you like
	@$(BIN)/python book/lab.py lab
	@echo "Yours are in lab/, and stay as you leave them; delete one, and the next make lab brings the book's again."
	PYTHONSTARTUP=$(abspath book/startup.py) $(BIN)/jupyter lab --notebook-dir=lab 01_two_processes.ipynb

serve: book  ## serve the site at http://localhost:8000 (PORT= to change)
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

soak: setup  ## a thousand kills at random moments, and several writers at once (about half an hour)
	$(BIN)/python tests/soak.py

graders: setup  ## nbgrader and Otter-Grader on the homework of every chapter, in environments of their own
	$(BIN)/python tests/graders.py

versions: setup  ## the zoo with the oldest and the newest supported torch and Python, in environments of their own
	$(BIN)/python tests/versions.py

clean:  ## remove what was built (not .venv)
	rm -rf _build .pytest_cache .ruff_cache .mypy_cache .hypothesis
