# `make` lists the targets. Everything is installed into this clone: .venv, native/target, web/node_modules.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test check check-python check-rust test-rust test-web fmt web bench bench-engine referee bots fuzz sanitize sim chaos infra deploy-check lock clean
SHELL := /bin/sh

BIN := .venv/bin
# The machine's certificates: uv brings a list of its own that does not know a company's proxy.
UV := $(BIN)/uv --system-certs --quiet
export VIRTUAL_ENV := $(CURDIR)/.venv
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export UV_SYSTEM_CERTS := 1
export UV_NO_PROGRESS := 1
# A venue is nine processes that import the same: compiled once, by the set-up, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE
ARGS ?=
PYTEST_ARGS ?=
# What is Python's and what is Rust's is built and checked side by side; what each command says comes in one piece.
SIDE_BY_SIDE = $(MAKE) --silent --jobs 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=line)
# cargo shares the cores out by itself, and complains of make's way of doing so, which is closed to it.
CARGO := MAKEFLAGS= cargo
# Tests that start whole venues want the machine for themselves; all others run side by side, one more than two cores hold,
# for many wait. Whole venues that nobody asks for times of (runbooks, clients, stories, the page) may be two at a time.
PROCESSES := system or browser or clients
# A file's tests stay together, and tests/conftest.py says which files are begun first.
FILES := --dist loadfile --no-loadscope-reorder
PATIENT := tests/runbooks tests/clients tests/scenarios tests/cli tests/web

# The stable compiler has the sanitizer; RUSTC_BOOTSTRAP lets it be asked for. With a target of its own what cargo builds
# for itself stays plain.
RUST_HOST = $(shell rustc -vV | sed -n 's/^host: //p')
PROVEN := --manifest-path native/Cargo.toml -p openbourse-book -p openbourse-core
# Everything is some thirty times slower under it.
MEMCHECK_CASES := 4

NATIVE := $(shell find native -name target -prune -o \( -name '*.rs' -o -name 'Cargo.*' \) -print 2>/dev/null)
WEB := $(shell find web \( -name node_modules -o -name dist \) -prune -o -type f -print 2>/dev/null)

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.dev.ok .venv/.native.ok .venv/.web.ok  ## install everything that running and testing need into this clone

run: .venv/.native.ok .venv/.web.ok  ## start the exchange: make run ARGS='--no-demo --port 8123 --data DIR'
	@exec $(BIN)/openbourse up $(ARGS)

test:  ## every check and every test
	@$(SIDE_BY_SIDE) setup check-rust check-python test-rust test-web
	@if [ -n "$(PYTEST_ARGS)" ]; then $(BIN)/pytest $(PYTEST_ARGS); else \
	  $(BIN)/pytest --numprocesses 3 $(FILES) -m "not ($(PROCESSES) or bots)" --ignore=tests/test_tidy.py && \
	  $(BIN)/pytest --numprocesses 2 $(FILES) -m "$(PROCESSES)" $(PATIENT) && \
	  $(BIN)/pytest -m "$(PROCESSES)" $(PATIENT:%=--ignore=%); fi

check:  ## format, lint, types, import contracts, house rules
	@$(SIDE_BY_SIDE) setup check-rust check-python

check-python: .venv/.dev.ok .venv/.native.ok
	@$(BIN)/ruff format --check --quiet . || { echo "make fmt puts the format right"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pytest --quiet tests/test_tidy.py

check-rust: .venv/.run.ok
	@cargo fmt --all --check --manifest-path native/Cargo.toml
	@$(CARGO) clippy --quiet --locked --all-targets --manifest-path native/Cargo.toml -- -D warnings

test-rust: .venv/.run.ok
	@$(CARGO) test --quiet --locked --workspace --exclude openbourse-python --manifest-path native/Cargo.toml

test-web: .venv/.web.ok
	@npm --prefix web run --silent test

fmt: .venv/.dev.ok  ## put the format right
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .
	@if [ -f native/Cargo.toml ]; then cargo fmt --all --manifest-path native/Cargo.toml; fi

web: .venv/.web.ok  ## build the page

bench: setup  ## measure: engine, REST and WebSocket order entry, beside a hello-world ceiling
	@$(BIN)/python -m bench $(ARGS)

bench-engine: setup  ## measure the engine from inside: make bench-engine ARGS='--minutes 10'
	@$(BIN)/python -m bench.inside $(ARGS)

referee:  ## build our adapter for the public matching-engine benchmark: make referee REFEREE=DIR (bench/referee/README.md)
	@[ -f "$(REFEREE)/api/matching_engine_api.h" ] || { echo "REFEREE names no checkout of the benchmark"; exit 1; }
	@RUSTFLAGS="-C target-cpu=native" cargo build --quiet --release --locked \
	  --manifest-path bench/referee/Cargo.toml --target-dir bench/referee/target
	@cp bench/referee/target/release/libopenbourse_adapter.so bench/referee/openbourse_adapter.so

bots: setup  ## whole bots and more client libraries, as published, trade on a venue of their own: make bots ARGS='-k freqtrade'
	@$(BIN)/pytest -m bots tests/bots $(ARGS)

fuzz: setup  ## compare core and reference on random commands, counts kept: make fuzz COMMANDS=10000000
	@$(BIN)/python -m sim fuzz --commands $(or $(COMMANDS),10000000) $(if $(SEED),--seed $(SEED))

sanitize:  ## book and core under AddressSanitizer, and under valgrind's memcheck where it is installed (docs/proofs.md)
	@RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=detect_stack_use_after_return=1 cargo test --locked \
	  --target $(RUST_HOST) --target-dir native/target/sanitize $(PROVEN)
	@if command -v valgrind >/dev/null; then PROPTEST_CASES=$(MEMCHECK_CASES) \
	  cargo test --locked --config 'target."$(RUST_HOST)".runner="valgrind --quiet --error-exitcode=9"' $(PROVEN) \
	  --test properties --test trading --test exotic_orders --test exotic_venue; \
	  else echo "valgrind is not installed: memcheck was left out"; fi

chaos: setup  ## faults on the real program in three zones: make chaos FAULTS=20 SEED=1 (root, Linux; docs/chaos.md)
	@$(BIN)/python -m chaos --faults $(or $(FAULTS),10) $(if $(SEED),--seed $(SEED)) $(ARGS)

sim: setup  ## run the venue simulated, by seeds: make sim SEEDS=100, or one again with its timeline: make sim SEED=7
	@$(BIN)/python -m sim.cluster $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),100)) $(ARGS)

infra: .venv-infra/.ok .venv-ministack/.ok  ## synthesise the stacks for AWS and check them, no account: make infra ARGS="--only 0,1"
	@PYTHONPATH=src:. .venv-infra/bin/python -m infra.check $(ARGS)

deploy-check: setup .venv-deploy/.ok  ## units, image, balancer, rollouts on real systemd (root, Debian; docs/aws/deploy.md)
	@$(BIN)/pytest -s deploy/judged deploy/proof $(PYTEST_ARGS)

lock: .venv/.dev.ok  ## write requirements/*.lock anew (ARGS=--upgrade for newer versions)
	@sh requirements/lock.sh $(ARGS)

clean:  ## remove what was installed and built, not the data in var/
	@rm -rf .venv .venv-deploy .venv-infra .venv-ministack cdk.out native/target web/node_modules web/dist
	@find src -name '_native*.so' -delete

.venv/.run.ok: requirements/bootstrap.lock requirements/run.lock
	@sh requirements/tools.sh
	@echo "Python: installing packages into .venv"
	@[ -x $(BIN)/python ] || "$$(sh requirements/tools.sh python)" -m venv .venv
	@[ -x $(BIN)/uv ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@$(UV) pip install --require-hashes --compile-bytecode -r requirements/run.lock
	@touch $@

.venv/.dev.ok: .venv/.run.ok requirements/dev.lock
	@echo "Python: installing what tests and checks need"
	@$(UV) pip install --require-hashes -r requirements/dev.lock
	@touch $@

.venv-infra/.ok: .venv/.run.ok requirements/infra.lock
	@echo "infra: installing the CDK and what checks its templates into .venv-infra (1.1 GB)"
	@[ -x .venv-infra/bin/python ] || "$$(sh requirements/tools.sh python)" -m venv .venv-infra
	@$(UV) pip install --python .venv-infra/bin/python --require-hashes -r requirements/infra.lock
	@touch $@

.venv-ministack/.ok: .venv/.run.ok requirements/ministack.lock
	@echo "infra: installing the emulator into .venv-ministack"
	@[ -x .venv-ministack/bin/python ] || "$$(sh requirements/tools.sh python)" -m venv .venv-ministack
	@$(UV) pip install --python .venv-ministack/bin/python --require-hashes -r requirements/ministack.lock
	@touch $@

.venv/.native.ok: .venv/.run.ok pyproject.toml $(NATIVE)
	@echo "Rust: building the engine (a minute or so the first time)"
	@$(UV) pip install --no-deps --no-build-isolation --reinstall-package openbourse -C build-args=--locked -e .
	@$(BIN)/python -m compileall -q src
	@touch $@

.venv/.web.ok: .venv/.run.ok $(WEB)
	@if [ -f web/package.json ]; then \
	  echo "Web: building the page" && cd web && \
	  { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent --no-audit --no-fund; } && \
	  npm run --silent build; fi
	@touch $@

.venv-deploy/.ok: .venv/.run.ok requirements/deploy.lock
	@echo "deploy: installing what judges units, chart, workflows and recipes into .venv-deploy"
	@[ -x .venv-deploy/bin/python ] || "$$(sh requirements/tools.sh python)" -m venv .venv-deploy
	@$(UV) pip install --python .venv-deploy/bin/python --require-hashes -r requirements/deploy.lock
	@touch $@
