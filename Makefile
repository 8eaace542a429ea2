.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
TERRAFORM_TESTS := $(addprefix tests/terraform/test_,source.py boot_scripts.py checkov.py rules.py)
TERRAFORM_ONLY := -k "not fails_when_it_is_broken"
# Slow tests of one kind are drawn by commit; SAMPLE= runs all of them, SAMPLE=SEED draws again what SEED drew.
SAMPLE ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo release)
export SAMPLE
DRAWN := $(if $(SAMPLE),--sample $(SAMPLE))
# Servers of a few minutes: Java's first compiler alone takes two fifths of the processor time from their start.
JAVA := $(if $(SAMPLE),JDK_JAVA_OPTIONS=-XX:TieredStopAtLevel=1)
SLOWEST := --durations 40 --durations-min 5
# Parts of `make test` that run beside each other; three of them start servers, of 5 to 7 GB each.
PARTS ?= 5
CHAOS := tests/e2e/test_kills.py tests/component/test_launcher.py tests/spark/test_duty_cycle_process.py tests/spark/test_release_on_cluster.py
TFLINT := github.com/terraform-linters/tflint@v0.64.0

.PHONY: help lint unit unit-operations contracts setup venv setup-airflow setup-superset setup-browser setup-terraform setup-openadr stack demo test test-nightly test-unit test-integration test-servers test-jobs test-e2e test-chaos test-accuracy check truths engines ways browser kills dist terraform-check terraform-test bench lock api-docs format clean

help: ## What can be made
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: venv setup-airflow setup-superset setup-browser stack ## The environments and the servers' jars: everything that is downloaded

venv: .venv/.installed

.venv/.installed: requirements/core.txt requirements/dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) not found: install Python 3.11 or set PYTHON"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements/dev.txt)"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements/core.txt requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

setup-airflow: .venv-airflow/.installed ## Airflow's environment

.venv-airflow/.installed: requirements/airflow.txt | venv
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-airflow
	$(BIN)/uv pip sync --quiet --python .venv-airflow/bin/python requirements/airflow.txt
	@touch $@

setup-superset: .venv-superset/.installed ## Superset's environment

.venv-superset/.installed: requirements/superset.txt | venv
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-superset
	$(BIN)/uv pip sync --quiet --python .venv-superset/bin/python requirements/superset.txt
	@touch $@

setup-browser: ## Chromium for pictures and browser tests, if it can be had
	@command -v chromium chromium-browser google-chrome >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -qq -y chromium; } >/dev/null 2>&1 \
	|| echo "no browser: tests of the dashboards are skipped; on Debian: sudo apt-get install chromium"

setup-terraform: .venv-terraform/.installed ## The tools of terraform-test

.venv-terraform/.installed: requirements/terraform.txt | venv
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-terraform
	$(BIN)/uv pip sync --quiet --python .venv-terraform/bin/python requirements/terraform.txt
	@command -v go >/dev/null && GOBIN=$(CURDIR)/.venv-terraform/bin go install $(TFLINT) || echo "no tflint: go install $(TFLINT)"
	@touch $@

stack: venv
	@$(BIN)/python -m gridflex.operations.local.jars

setup-openadr: stack ## The OpenADR VTN, built by cargo once on a machine: five minutes of a core
	@$(BIN)/python -m gridflex.operations.local.openadr_programs

demo: setup ## Set up, start everything, play generated houses, show what comes out
	@$(BIN)/gridflex demo

test: ## Set up and pass every test on real servers; of the slowest a few, drawn by commit (SAMPLE=SEED repeats)
	@$(MAKE) --no-print-directory -j3 check setup
	@$(MAKE) --no-print-directory -j$(PARTS) test-e2e test-jobs test-servers test-accuracy terraform-check

test-nightly: ## Set up and pass every test, none left out, and all of terraform-test where terraform is
	@CLOSED_LOOP=200:15 $(MAKE) --no-print-directory test SAMPLE= TERRAFORM_TESTS=tests/terraform TERRAFORM_ONLY=

check: venv ## Format, ruff, mypy, import-linter, unit, contracts, doctests: under a minute
	@$(MAKE) --no-print-directory -j3 lint unit contracts

lint: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

test-unit: unit contracts ## Tests without servers: units, contracts, examples in docstrings

# Two processes of about the same length: each imports the libraries once.
unit: venv
	$(PYTEST) -q --doctest-modules tests/unit gridflex ingestion stream_processing batch --ignore tests/unit/operations --ignore batch/dags

unit-operations: venv
	$(PYTEST) -q tests/unit/operations

contracts: venv
	$(PYTEST) -q tests/contracts tests/unit/operations

test-accuracy: venv ## Longer tests that need no server: known truths, real data
	nice -n 19 $(PYTEST) -q $(DRAWN) tests/accuracy

test-integration: test-servers test-jobs ## Kafka, Druid, launcher; the streaming job, batch jobs, Airflow: each on real servers

test-servers: setup
	$(JAVA) TEST_PORTS=20000:24000 $(PYTEST) $(SLOWEST) $(DRAWN) tests/component

test-jobs: setup
	$(JAVA) TEST_PORTS=24000:28000 $(PYTEST) $(SLOWEST) $(DRAWN) tests/airflow tests/spark

test-e2e: setup ## The readings' whole way through all servers, and the dashboards in a browser as every role
	$(JAVA) TEST_PORTS=28000:32000 $(PYTEST) $(SLOWEST) $(DRAWN) tests/e2e tests/browser

test-chaos: stack ## Kill every server with -9, none left out: while houses are played, one by one, and all at once
	$(PYTEST) $(CHAOS)

browser: setup ## The dashboards alone, in a real browser (Chromium), as every role, on live data
	$(PYTEST) tests/browser

truths: test-accuracy
engines: test-integration
ways: test-e2e
kills: test-chaos

dist: stack ## The release that Terraform uploads: build/dist
	@$(BIN)/gridflex deploy pack

terraform-check: venv ## The quick part of terraform-test, if terraform and its provider are here already; else says why not
	@if lacks=$$($(BIN)/python -m tests.support.terraform.toolbox 2>&1); \
	then $(MAKE) --no-print-directory setup-terraform && nice -n 19 $(PYTEST) $(DRAWN) $(TERRAFORM_TESTS) $(TERRAFORM_ONLY); \
	else echo "skipped: terraform-check: $$lacks"; fi

terraform-test: stack setup-terraform ## Check infra/terraform, then bring it up and down against a local stand-in for AWS
	$(PYTEST) tests/terraform

bench: setup ## Measure every hot path against a peer
	@$(BIN)/python -m benchmarks

lock: ## Resolve the pins anew
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-header --no-annotate --no-emit-index-url --upgrade requirements/core.in -o requirements/core.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-header --no-annotate --no-emit-index-url -c requirements/core.txt requirements/dev.in -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-header --no-annotate --no-emit-index-url --upgrade requirements/airflow.in -o requirements/airflow.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-header --no-annotate --no-emit-index-url --upgrade requirements/superset.in -o requirements/superset.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-header --no-annotate --no-emit-index-url --upgrade requirements/terraform.in -o requirements/terraform.txt

api-docs: venv ## docs/events-api.md, from the OpenAPI document of the events service
	$(BIN)/python -m gridflex.events.reference

format: ## Format and fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Stop the servers, then remove all that was made
	@if [ -x $(BIN)/gridflex ]; then $(BIN)/gridflex down; fi
	rm -rf .venv .venv-airflow .venv-superset .venv-terraform build var demo-data *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
