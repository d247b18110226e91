# Only Python >= 3.11 and make are assumed; uv comes from the package index into .venv.
PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
STAMP := $(VENV)/.installed
STAMP_DEV := $(VENV)/.installed-dev

.PHONY: demo test second faults fuzz lint format lock benchmark benchmark-diagnosis screenshots schema clean help

help: ## the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 18

demo: $(STAMP) ## start posdeck on the embedded cluster
	@$(BIN)/posdeck demo $(ARGS)

test: $(STAMP_DEV) ## run the tests (ARGS="-k name" to choose, WORKERS=0 for one process)
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

second: $(STAMP_DEV) ## run what starts Ansible on another Python (PYTHON2=python3.13)
	$(PYTHON2) -m venv .cache/second
	$(BIN)/uv pip install -q --python .cache/second/bin/python --require-hashes -r requirements-dev.txt
	$(BIN)/uv pip install -q --python .cache/second/bin/python --no-deps -e .
	.cache/second/bin/python -m pytest -q tests/execution tests/catalogue -p no:cacheprovider

faults: $(STAMP_DEV) ## run the fault matrix and print it (ARGS="--quick" or words of a case)
	@$(BIN)/python -m tests.faults $(ARGS)

fuzz: $(STAMP_DEV) ## fuzz what others write with atheris, which has a Python of its own (SECONDS_EACH=600)
	$(PYTHON) -m venv .cache/atheris
	$(BIN)/uv pip install -q --python .cache/atheris --require-hashes -r requirements-dev.txt
	$(BIN)/uv pip install -q --python .cache/atheris --no-deps -e .
	$(BIN)/uv pip install -q --python .cache/atheris atheris==3.0.0
	.cache/atheris/bin/python -m tests.faults.fuzz

lint: $(STAMP_DEV) ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

benchmark-diagnosis: $(STAMP_DEV) ## measure the diagnosis over all drills, into docs/diagnosis.md (ARGS="--seeds 1 --hours 2")
	@$(BIN)/python -m tests.benchmarks.benchmark_diagnosis $(ARGS)

format: $(STAMP_DEV) ## put the code into ruff's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: $(STAMP_DEV) ## measure speed against a real control plane; writes docs/performance.md (ARGS="--pods 2 1000")
	@$(BIN)/python -m compileall -qq tui playbooks $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); true  # some packages ship files for other Pythons
	@$(BIN)/python -m tests.benchmarks.run $(ARGS)

lock: $(BIN)/uv ## renew requirements*.txt
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 -q --upgrade pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --python-version 3.11 -q pyproject.toml --group test --group lint -c requirements.txt -o requirements-dev.txt

screenshots: $(STAMP) ## draw every view into docs/screenshots
	$(BIN)/python docs/make_screenshots.py

clean: ## remove the environment and the caches
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit("posdeck needs Python 3.11 or newer; this is %s. Try: make PYTHON=python3.12" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)

$(STAMP): $(BIN)/uv requirements.txt pyproject.toml
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps -e .
	@$(BIN)/python -m compileall -q tui playbooks
	@touch $@

$(STAMP_DEV): $(STAMP) requirements-dev.txt
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@touch $@
