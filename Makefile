# Every chore of this project, one entry each. `make` or `make help` lists them.
#
# Variables, given as `make setup NAME=value`:
#   PYTHON          the interpreter to build .venv with (3.11, 3.12 or 3.13); found by itself
#   SYSTEM_TORCH=1  keep the torch that is there (a GPU host's CUDA build) instead of the lock's;
#                   .venv remembers it
#   PIP='uv pip'    install with uv instead of pip
#   ARGS            more words for pytest, e.g. make test ARGS='-k lock -x'; -n 0: one process

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.hpo-ready
KEEPS_TORCH := $(VENV)/.hpo-keeps-torch
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCK := requirements-dev.lock
TORCH := 2.13.0

ASKED_TO_KEEP_TORCH := $(SYSTEM_TORCH)
ifneq ($(wildcard $(KEEPS_TORCH)),)
SYSTEM_TORCH := 1
endif

# The system's torch belongs to the system's python3; otherwise the first Python that will do.
CANDIDATES = $(if $(SYSTEM_TORCH),python3,python3.11 python3 python3.12 python3.13)
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for python in $(CANDIDATES); do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)
HAS_TORCH := import torch; assert tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 10)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY) ## make .venv with the pinned dependencies and the project; say which torch it has
ifneq ($(ASKED_TO_KEEP_TORCH),)
	@test -e $(KEEPS_TORCH) || { echo "$(VENV) was made with the lock's torch: run make clean," \
	  "then make setup SYSTEM_TORCH=1" >&2; exit 1; }
endif
	@$(BIN)/python -c 'import platform, torch; print("hpo is ready: Python", \
	  platform.python_version() + ", torch", torch.__version__ + ", device", \
	  f"cuda ({torch.cuda.device_count()} x {torch.cuda.get_device_name(0)})" \
	  if torch.cuda.is_available() else "cpu")'

# Python 3.11 brings a pip of 2023 that needs 1.7 times the CPU. A newer one is wanted, not needed: an
# index of one's own may not have it.
QUICK_PIP := pip>=26

# A third of what is installed is code that nothing here imports, other than at times a file of it,
# which Python then compiles by itself.
SELDOM := /(tests?|transformers/models/(?!auto/|bart/)[^/]+|plotly/graph_objs/[^/]+)/

# A .venv that is there already is completed, not replaced: what its owner put there stays.
$(READY): pyproject.toml requirements.lock $(LOCK)
	@test -x $(BIN)/python || $(MAKE) --no-print-directory venv
	@$(BIN)/python -c '$(SUPPORTED)' || { \
	  echo "$(VENV) has $$($(BIN)/python --version): hpo needs 3.11, 3.12 or 3.13;" \
	    "run make clean, then make setup" >&2; exit 1; }
ifdef SYSTEM_TORCH
	@$(BIN)/python -c '$(HAS_TORCH)' 2>/dev/null || { \
	  echo "$(VENV) sees no torch of yours, or one before 2.10: install it for the Python that" \
	    "$(VENV) is made from, then run make clean and make setup SYSTEM_TORCH=1" >&2; exit 1; }
	@touch $(KEEPS_TORCH)
endif
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@$(PIP) install --quiet '$(QUICK_PIP)' 2>/dev/null || \
	  echo "no $(QUICK_PIP) to be had: going on with the pip that is there, which takes longer"
ifdef SYSTEM_TORCH
	@echo "installing the packages of $(LOCK) but torch: some minutes the first time"
	@grep -v '^torch==' $(LOCK) >$(VENV)/without-torch.lock
	@# --no-deps: the lock is complete, and no other package may bring a torch along.
	$(PIP) install --quiet --no-compile --no-deps -r $(VENV)/without-torch.lock
else
	@echo "installing the packages of $(LOCK): some minutes the first time"
	$(PIP) install --quiet --no-compile -r $(LOCK)
endif
	@# On all cores: pip compiles one file after another, uv none. Some are of no Python of ours.
	@$(BIN)/python -m compileall -qq -j 0 -x '$(SELDOM)' $(VENV)/lib 2>/dev/null || :
	@# Otherwise a newer pip shows how setuptools warns of every editable install.
	PYTHONWARNINGS='ignore:Editable installation' \
	  $(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: venv
venv:
	@test -n "$(PYTHON)" || { echo "no Python here will do: hpo needs 3.11, 3.12 or 3.13;" \
	  "name one, as in make setup PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c '$(SUPPORTED)' || { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1):" \
	  "hpo needs 3.11, 3.12 or 3.13; name one, as in make setup PYTHON=/path/to/python3.12" >&2; \
	  exit 1; }
	$(PYTHON) -m venv $(if $(SYSTEM_TORCH),--system-site-packages )$(VENV)

.PHONY: demo
demo: setup ## run a whole search on the sample data, offline, on the CPU (under 4 minutes)
	@env -u HPO_STORAGE -u HPO_DATA -u HPO_OUTPUT WANDB_MODE=offline HF_HUB_OFFLINE=1 \
	  $(BIN)/hpo worker --study demo

# A process more than there are cores (tests/conftest.py), up to 8 for the memory's sake; each takes a
# whole file at a time, in the folders' order: those with many processes of their own come first.
SIDE_BY_SIDE := --numprocesses logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder

.PHONY: test
test: setup ## run every test, PostgreSQL included (no network, no GPU needed)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

.PHONY: test-gpu
test-gpu: setup ## run the tests of a card, on the first visible one
	$(BIN)/python -m pytest -m gpu -n 0 $(ARGS)

.PHONY: chaos
chaos: setup ## search under kills, pauses and outages, and count what was lost (ten minutes)
	PYTHONPATH=tests $(BIN)/python -m chaos --workers 8 --trials 60 --kills 30 --pauses 5 \
	  --outages 3 $(ARGS)
	PYTHONPATH=tests $(BIN)/python -m chaos --database sqlite --workers 4 --trials 30 --kills 12 \
	  --pauses 3 --outages 3 $(ARGS)

# The rounds with the real tokenizer and dialogues: ARGS='--data FOLDER --tokenizer FOLDER'.
.PHONY: bench-search
bench-search: setup ## replay searches on recorded curves beside their peers (ARGS=--quick: minutes)
	@$(BIN)/python -m benchmarks.search $(ARGS)

.PHONY: bench-trial
bench-trial: setup ## measure one training with its evaluations beside the guide's recipe
	@$(BIN)/python -m benchmarks.trial $(ARGS)

.PHONY: bench-turnover
bench-turnover: setup ## measure what lies between two trials, and a start (an hour; ARGS=--quick)
	@$(BIN)/python -m benchmarks.turnover $(ARGS)

.PHONY: bench-storage
bench-storage: setup ## measure ask, report, tell, status and dashboard beside plain Optuna (an hour)
	@$(BIN)/python -m benchmarks.storage $(ARGS)

.PHONY: bench-per-gpu
bench-per-gpu: setup ## measure trials an hour with 1, 2, 3 and 4 trials at once on a card
	@$(BIN)/python -m benchmarks.per_gpu $(ARGS)

.PHONY: check
check: setup ## lint, check the format, the types, the layers, and that nothing has become slow
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m benchmarks.guards

# Of each package PyPI says which vulnerabilities are known; an index of one's own may not. Without
# an answer the lock counts as unsafe: --strict makes a package that nobody knows an error.
AUDIT := $(BIN)/uv tool run pip-audit@2.10.1 --requirement requirements.lock --no-deps \
	--disable-pip --strict --progress-spinner off

.PHONY: audit
audit: setup ## ask PyPI for known vulnerabilities of the locked packages (needs the network)
	@$(AUDIT) || { echo "make audit: a locked package has a known vulnerability, or PyPI's list of" \
	  "them did not answer (the lines above say which): nothing was shown to be safe" >&2; exit 1; }

.PHONY: format
format: setup ## mend what ruff can mend, and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# One lock for Python 3.11 to 3.13, Linux and macOS, CPU and every CUDA:
# - no hashes and no local version: torch 2.13.0 is one version with a build for each device;
# - none of CUDA's own packages: the torch that is chosen brings the ones it was built with.
RESOLVE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--no-annotate --no-header
HEADER := \# Made by `make lock` from pyproject.toml, for pip and for uv alike.
TIDY := sed -E -e '/^(nvidia-|cuda-|triton=)/d' -e '/sys_platform == .(win32|emscripten)/d'

.PHONY: lock
lock: setup ## write requirements.lock and requirements-dev.lock anew, with the newest versions
	@echo 'torch==$(TORCH)' >$(VENV)/torch.txt
	$(RESOLVE) -c $(VENV)/torch.txt -o $(VENV)/run.lock pyproject.toml >/dev/null
	$(RESOLVE) -c $(VENV)/run.lock -o $(VENV)/dev.lock --extra dev pyproject.toml >/dev/null
	@{ echo '$(HEADER)'; $(TIDY) $(VENV)/run.lock; } >requirements.lock
	@{ echo '$(HEADER)'; $(TIDY) $(VENV)/dev.lock; } >$(LOCK)

.PHONY: clean
clean: ## remove .venv, caches and build products; studies, data and outputs stay
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  .import_linter_cache
	find hpo trainer storage config tests -name __pycache__ -prune -exec rm -rf {} +
