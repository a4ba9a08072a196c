# Two commands do everything: `make book` and `make test`. Each target first sets up what it needs.
PYTHON ?= python3
PORT ?= 8000
ifndef CHROMIUM
CHROMIUM := $(shell for b in chromium chromium-browser google-chrome \
  "/Applications/Chromium.app/Contents/MacOS/Chromium" "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; \
  do command -v "$$b" && break; done)
endif
export CHROMIUM
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# the book's matrices are small: threads within one product cost more than they save, and several processes share cores
export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1
PY := .venv/bin/python
# executed last, as it collects what the other notebooks show
LEDGER := book/ledger.ipynb
# what formulas are typeset with
MATHJAX := node_modules/mathjax/package.json

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help book test lab serve data benchmarks mutants notebooks lock clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 20

# another Python asked for than the one in .venv: set up again
ifeq ($(origin PYTHON),command line)
ifneq ($(shell { $(PYTHON) -V; } 2>/dev/null),$(shell { $(PY) -V; } 2>/dev/null))
.PHONY: .venv/ready
endif
endif
.venv/ready: requirements.lock pyproject.toml tools/setup.sh
	@sh tools/setup.sh "$(PYTHON)"

$(MATHJAX): package-lock.json requirements-node.lock tools/node.sh | .venv/ready
	@sh tools/node.sh

# --all: an incremental build sees no change in lib/, and passes after one that failed
book: .venv/ready $(MATHJAX) ## execute every notebook and render the book
	jupyter-book build . --all -W -n --keep-going
	@echo; echo "Open this file in a browser: $(CURDIR)/_build/html/index.html"

test: .venv/ready $(MATHJAX) ## run every check: code, notebooks, build, pages
	@test -n "$$CHROMIUM" || test "$(REQUIRE_BROWSER)" != 1 || { echo "REQUIRE_BROWSER=1, but there is no Chromium or Chrome"; exit 1; }
	$(PY) -m ruff check .
	$(PY) -m pytest -q -n 2 --doctest-modules lib tests --ignore tests/site --ignore tests/browser
	@# rendering takes one core, so that the notebooks' outputs are compared on the other one meanwhile
	$(MAKE) book & rendering=$$!; \
	  $(PY) -m pytest -q --nbval --nbval-current-env --nbval-cell-timeout 600 book; compared=$$?; \
	  wait $$rendering && exit $$compared
	$(PY) -m pytest -q -n 2 --dist loadgroup tests/site $(if $(CHROMIUM),tests/browser)
	@test -n "$$CHROMIUM" || echo "LEFT OUT: tests/browser, as no Chromium or Chrome was found; install one (Debian: apt install chromium) or set CHROMIUM=/path/to/it."

lab: .venv/ready ## open the book in JupyterLab, which saves it tidy
	PYTHONPATH="tools:$$PYTHONPATH" $(PY) -m jupyter lab --FileContentsManager.pre_save_hook=tidy_nb.before_saving $(ARGS) book/preface.ipynb

serve: ## show the rendered book at http://localhost:8000
	@test -f _build/html/index.html || $(MAKE) book
	$(PY) -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

data: .venv/ready ## regenerate the long results in data/
	$(PY) -m chapters data $(ARGS)

benchmarks: .venv/ready ## compare speeds with what one would use instead (installs PyTorch and JAX)
	$(PY) -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-benchmarks.lock
	$(PY) benchmarks/run.py

mutants: .venv/ready ## change the code in small ways and see whether a test notices (hours; ARGS="trial modes" for some)
	$(PY) -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-mutants.lock
	$(PY) tools/mutants.py $(ARGS)

notebooks: .venv/ready ## execute the committed notebooks anew and tidy them
	$(PY) -m jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False \
	  $(filter-out $(LEDGER),$(wildcard book/*.ipynb)) $(LEDGER)
	$(PY) tools/tidy_nb.py book/*.ipynb
	$(PY) tools/readme_figure.py book/figures/preface.svg

lock: .venv/ready ## write the lock files (newer versions: make lock ARGS=--upgrade)
	uv pip compile $(ARGS) -q --universal --generate-hashes --no-header --no-annotate pyproject.toml --group book --group test -o requirements.lock
	uv pip compile $(ARGS) -q --universal --generate-hashes --no-header --no-annotate --group node -o requirements-node.lock
	uv pip compile $(ARGS) -q --universal --generate-hashes --no-header --no-annotate pyproject.toml --group benchmarks -c requirements.lock -o requirements-benchmarks.lock
	uv pip compile $(ARGS) -q --universal --generate-hashes --no-header --no-annotate pyproject.toml --group mutants -c requirements.lock -o requirements-mutants.lock
	npm install --package-lock-only --ignore-scripts

clean: ## remove everything that make made
	rm -rf _build .venv .cache node_modules .pytest_cache .ruff_cache lib/*.egg-info
	find lib tests tools -name __pycache__ -prune -exec rm -rf {} +
