# All paths are relative, so that a checkout in a folder with spaces works.
PY := .venv/bin/python

# The first that runs: a pyenv shim exists also for a version that is not chosen.
PYTHON ?= $(or $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	"$$p" -c "" 2>/dev/null && echo "$$p" && break; done),python3)

# Jupyter refuses to run as root, which is the normal user in a container.
LAB_FLAGS ?= $(shell [ "$$(id -u)" != 0 ] || echo --allow-root)

# Makes the sliders quick, and keeps Jupyter from asking about news; see snnlab_server.py.
LAB_CONFIG := JUPYTER_CONFIG_PATH="binder/jupyter$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}"

# By default torch's threads wait by spinning, which beside one other busy program takes ten times
# as long. Read when Python starts.
export OMP_WAIT_POLICY ?= PASSIVE

# The tests run in this many processes, of one thread each. A file stays in one of them: the tests
# of a browser share a server, those of the site its folder, the cells of a notebook a kernel.
WORKERS ?= 2
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest -n $(WORKERS) --dist loadfile

.PHONY: lab check test test-long docs zip links bench lint pins clean help

lab: ## open JupyterLab on the first notebook (the default)
	@$(PYTHON) tools/environment.py lab
	$(LAB_CONFIG) $(PY) -m jupyterlab $(LAB_FLAGS) notebooks/00_start_here.ipynb

check: lint ## check style and types, and run the fast tests: two minutes
	$(PYTEST) -m "not slow and not browser and not long"

# Two runs, because a notebook may show a warning and a test may not.
# Both always run; finding no test at all counts as a failure in each.
# A progress bar, which shows itself on a slow machine only, would be another output of its cell.
test: ## run unit tests, doctests, browser tests and every notebook
	@$(PYTHON) tools/environment.py test
	status=0; \
	$(PYTEST) --no-loadscope-reorder || status=1; \
	TQDM_DISABLE=1 $(PYTEST) -o addopts= -o filterwarnings=default \
		--nbval-lax --nbval-current-env --nbval-cell-timeout=1000 notebooks || status=1; \
	exit $$status

test-long: ## run the tests with many seeds, and all notebooks as on Binder
	@$(PYTHON) tools/environment.py test
	$(PYTEST) -m long

docs: ## build the site into build/docs
	@$(PYTHON) tools/environment.py docs
	$(PY) -m sphinx -q -W --keep-going docs build/docs

zip: ## pack the notebooks for those who have no git, into build
	@$(PYTHON) tools/environment.py lab
	$(PY) tools/course_zip.py

links: ## check the site's links to other sites, which needs the internet
	@$(PYTHON) tools/environment.py docs
	$(PY) -m sphinx -q -b linkcheck docs build/links

bench: ## measure speed and accuracy, also in a browser and beside a busy program
	@$(PYTHON) tools/environment.py test
	$(PY) -m benchmarks
	$(PY) -m benchmarks browser
	$(PY) -m benchmarks neighbour

lint: ## check style, types and the order of imports
	@$(PYTHON) tools/environment.py dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports --no-logo --no-cache

pins: ## write constraints.txt anew with the newest versions
	@$(PYTHON) tools/environment.py pins

clean: ## remove caches and build outputs; the environment .venv stays
	rm -rf build dist docs/notebooks docs/_static/folders.svg .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . \( -name .venv -o -name .git \) -prune -o -type d \
		\( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile
