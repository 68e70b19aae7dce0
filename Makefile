# The commands of this repository. `make` alone lists them.

MATRIX ?= matrix.yaml
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
LINTED := harness tests tools $(wildcard targets bench)
WITH_ENGINE := --ignore=tests/unit --ignore=tests/bootstrap
WITHOUT_ENGINE := --ignore=tests/e2e --ignore=tests/browser
SPELLED := $(LINTED) docs Makefile pyproject.toml $(wildcard *.md .ci .github)

CAMPAIGNS = $(patsubst %/plan.json,%,$(sort $(filter-out results/latest/%,$(wildcard results/*/plan.json))))
NEWEST = $(lastword $(CAMPAIGNS))
BASE ?=
CAMPAIGN ?= results/latest
HEAD ?=
BEFORE = $(or $(BASE),$(lastword $(filter-out $(NEWEST),$(CAMPAIGNS))))
AFTER = $(or $(HEAD),$(NEWEST))

# Without compiled modules each start of the harness takes half a second longer, and so does each of its tests.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help matrix report compare bench bench-holds bench-load bench-page bench-search bench-truth screenshots soak test test-v2 check check-all fmt venv lock engine base browser \
	clean distclean caches

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

matrix: venv engine base ## measure every size of MATRIX (matrix.yaml) and write the report
	@$(BIN)/harness run "$(MATRIX)" --results results $(ARGS)

report: venv ## write the report of the newest campaign again
	@$(BIN)/harness report results/latest $(ARGS)

compare: venv ## compare two campaigns: BASE (default: the newest but one) and HEAD (default: the newest)
	@[ "$(BEFORE)" ] && [ "$(AFTER)" ] || { echo 'results/ has no two campaigns: name them with BASE=… and HEAD=…' >&2; exit 1; }
	@$(BIN)/harness compare "$(BEFORE)" "$(AFTER)" $(ARGS)

bench: bench-search bench-page bench-load bench-truth ## bench-search, bench-page, bench-load and bench-truth: most of an hour, on an idle machine

bench-search: venv ## compare the search with other methods, on simulated targets
	@$(BIN)/python -m bench.search $(ARGS)

bench-holds: venv engine base ## hold the users that results/latest certified again, five minutes each
	@$(BIN)/python -m bench.holds --matrix "$(MATRIX)" $(ARGS)

bench-load: venv engine base ## compare CPU time per request with plain Locust, and one engine with two
	@$(BIN)/python -m bench.load $(ARGS)
	@$(BIN)/python -m bench.engines

bench-page: venv browser ## measure the time to write and open the report, with 25 and 1,000 sizes
	@$(BIN)/python -m bench.page $(ARGS)

bench-truth: venv engine base ## compare measured capacities of a real target with calculated ones
	@$(BIN)/python -m bench.calibration $(ARGS)

screenshots: venv browser ## make docs/sample and the pictures of the docs from CAMPAIGN (results/latest)
	@$(BIN)/python -m tools.screenshots "$(CAMPAIGN)"

soak: venv engine base ## stress the harness for an hour: 20,000 broken files, many drawn examples, 200 sizes, 50 kills
	EXAMPLES_FACTOR=20 $(BIN)/pytest tests/unit -m hypothesis -n logical
	@$(BIN)/python -m tests.soak.fuzz --inputs 20000
	@$(BIN)/python -m tests.soak $(ARGS)

test: check-all engine base browser ## all of check-all, and the tests that need Docker or a browser
	$(BIN)/pytest $(WITH_ENGINE) -m "(e2e or browser) and side_by_side" -n logical --dist loadgroup $(ARGS)
	$(BIN)/pytest $(WITH_ENGINE) -m "(e2e or browser) and not side_by_side" $(ARGS)

test-v2: venv ## test the counters of containers on cgroup v2: on this host, or in a virtual machine
	@PYTHON=$(BIN)/python tools/test-v2 $(ARGS)

check: venv ## formatting, lint, spelling, types, and the tests that need no Docker and little time
	$(BIN)/ruff format --check $(LINTED)
	$(BIN)/ruff check $(LINTED)
	tools/beside '$(BIN)/codespell $(SPELLED) && $(BIN)/mypy' \
		$(BIN)/pytest $(WITHOUT_ENGINE) -m "not e2e and not browser and not slow" -n logical --dist worksteal $(ARGS)

check-all: check ## all of check, and the slow tests that need no Docker (tests/slow.py): whole campaigns on fakes, simulations
	$(BIN)/pytest $(WITHOUT_ENGINE) -m slow -n logical --dist worksteal $(ARGS)

fmt: venv ## format the code and fix what lint can fix
	$(BIN)/ruff format $(LINTED)
	$(BIN)/ruff check --fix $(LINTED)

venv: $(READY) ## create or update the Python environment in .venv
	@:

$(READY): pyproject.toml constraints.txt
	@tools/venv $(VENV)
	@touch $@

lock: venv ## write the versions in .venv to constraints.txt, which `make venv` installs
	@$(BIN)/python tools/lock.py
	@touch $(READY)

engine: ## make sure that a Docker engine answers: install and start one if none does (ENGINE=manual: never)
	@tools/engine

base: engine ## build or pull the image that the bundled targets are based on
	@tools/base-image

browser: ## make sure that chromium is installed, which the browser tests need
	@tools/browser

clean: caches ## remove leftover containers, networks and replaced images of the harness, and caches
	@[ ! -x $(BIN)/harness ] || $(BIN)/harness clean $(ARGS)

distclean: caches ## remove caches and the Python environment (never results/)
	@rm -rf $(VENV)

caches:
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	@find $(LINTED) -name __pycache__ -prune -exec rm -rf {} +
