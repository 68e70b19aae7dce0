# Everything starts here. `make` alone lists the targets.

MATRIX ?= matrix.yaml
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
LINTED := harness tests $(wildcard targets bench)

CAMPAIGNS = $(patsubst %/plan.json,%,$(sort $(filter-out results/latest/%,$(wildcard results/*/plan.json))))
NEWEST = $(lastword $(CAMPAIGNS))
BASE ?=
HEAD ?=

.DEFAULT_GOAL := help
.PHONY: help matrix report compare bench bench-load bench-page bench-search bench-truth soak test check fmt venv lock engine base browser \
	clean distclean caches

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

matrix: venv engine base ## measure every cell of MATRIX (matrix.yaml), then draw the report
	@$(BIN)/harness run $(MATRIX) --results results $(ARGS)

report: venv ## draw the newest campaign again
	@$(BIN)/harness report results/latest $(ARGS)

compare: venv ## two campaigns: BASE (the newest but one) against HEAD (the newest)
	@$(BIN)/harness compare $(or $(BASE),$(lastword $(filter-out $(NEWEST),$(CAMPAIGNS)))) $(or $(HEAD),$(NEWEST)) $(ARGS)

bench: bench-search bench-page bench-load bench-truth ## measure what the harness claims about itself; quiet machine, most of an hour

bench-search: venv ## the search against others, simulated
	@$(BIN)/python -m bench.search $(ARGS)

bench-load: venv engine base ## what a request costs to make, against plain Locust; cells an hour with one engine and two
	@$(BIN)/python -m bench.load $(ARGS)
	@$(BIN)/python -m bench.engines

bench-page: venv browser ## how fast the report is drawn and opened, with 25 and 1,000 sizes
	@$(BIN)/python -m bench.page $(ARGS)

bench-truth: venv engine base ## a real target's measured capacity against the paper's
	@$(BIN)/python -m bench.calibration $(ARGS)

soak: venv engine base ## break it: 20,000 broken files, 200 sizes, 50 kills in one campaign; half an hour
	@$(BIN)/python -m tests.fuzz --inputs 20000
	@$(BIN)/python -m tests.soak $(ARGS)

test: check engine base browser ## check, and everything that needs Docker or a browser
	$(BIN)/pytest -m "e2e or browser" $(ARGS)

check: venv ## formatting, lint, types and the tests that need no Docker; under a minute
	$(BIN)/ruff format --check $(LINTED)
	$(BIN)/ruff check $(LINTED)
	$(BIN)/mypy
	$(BIN)/pytest -m "not e2e and not browser" $(ARGS)

fmt: venv ## format the code and mend what lint can
	$(BIN)/ruff format $(LINTED)
	$(BIN)/ruff check --fix $(LINTED)

venv: $(READY) ## the Python environment, in .venv
	@:

$(READY): pyproject.toml constraints.txt
	@tools/venv $(VENV)
	@touch $@

lock: venv ## hold the versions of .venv in constraints.txt, which `make venv` then installs
	@$(BIN)/python tools/lock.py
	@touch $(READY)

engine: ## a Docker engine that answers; installed and started if need be (ENGINE=manual: never)
	@tools/engine

base: engine ## the image that targets are built on
	@tools/base-image

browser: ## a chromium for the tests that look at reports
	@tools/browser

clean: caches ## remove what the harness left in Docker, replaced images with it, and caches
	@[ ! -x $(BIN)/harness ] || $(BIN)/harness clean $(ARGS)

distclean: caches ## remove caches and the Python environment (never results/)
	@rm -rf $(VENV)

caches:
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	@find $(LINTED) -name __pycache__ -prune -exec rm -rf {} +
