# Every target makes the virtual environment that it needs from the lock files. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
SOURCES := manage.py arena credits evaluations leaderboard reports workers arena_client simlab benchmarks tests
CHECKS := check-format check-lint check-types check-imports check-templates check-migrations check-settings
LOCK := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	--only-binary :all: pyproject.toml
# Two at once leave room for what a test starts; the last ones measure time, or use both cores themselves.
FAST := "not slow and not e2e and not sim"
BROWSER := "e2e and not sim"
ALONE := "sim or (slow and not e2e)"
DEEP := property simlab arena_client arena/embedded arena/accounts evaluations/relay evaluations/roboarena \
	evaluations/uploads evaluations/test_attacks.py leaderboard/ranking leaderboard/test_oddity_checks.py \
	leaderboard/test_pair_evidence.py leaderboard/test_integrity_page.py workers
MAKEFLAGS += --no-print-directory
export PYTHON

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo up
demo: .env-simlab ## the platform with simulated labs, on http://127.0.0.1:PORT (8000); state in ARENA_HOME (./var/demo)
	@exec $(PY) manage.py demo $(ARGS)

up: .env-run ## the platform: web, worker, relay; state in ARENA_HOME (./var)
	@exec $(PY) manage.py up $(ARGS)

.PHONY: test test-fast
test: .env-dev ## the whole suite (ARGS="-k relay" to choose)
	@.ci/test-packages
ifdef ARGS
	@exec $(PY) -m pytest $(ARGS)
else
	@$(PY) -m pytest -n 2 --dist worksteal -m $(FAST)
	@$(PY) -m pytest -n 2 --dist worksteal -m $(BROWSER)
	@$(PY) -m pytest -m $(ALONE)
endif

test-fast: .env-dev ## the part of it that takes less than two minutes: without what rests in itself and seldom changes
	@exec $(PY) -m pytest -n 2 --dist worksteal -m $(FAST) $(addprefix --ignore=tests/,$(DEEP)) $(ARGS)

.PHONY: check $(CHECKS)
check: .env-dev ## formatting, lint, types, import direction, templates, migrations, settings: all, then the verdict
	@$(MAKE) --keep-going $(CHECKS)

check-format: .env-dev ## ruff format
	@echo "== formatting"; $(PY) -m ruff format --check $(SOURCES)
check-lint: .env-dev ## ruff check
	@echo "== lint"; $(PY) -m ruff check $(SOURCES)
check-types: .env-dev ## mypy, strict
	@echo "== types"; $(PY) -m mypy
check-imports: .env-dev ## import-linter
	@echo "== import direction"; .venv/bin/lint-imports
check-templates: .env-dev ## djade
	@echo "== templates"; find templates -name '*.html' -exec .venv/bin/djade --target-version 5.2 --check {} +
check-migrations: .env-dev ## no model has changed without a migration
	@echo "== migrations"; $(PY) manage.py makemigrations --check --dry-run
check-settings: .env-dev ## Django's own checks
	@echo "== settings"; $(PY) manage.py check --fail-level WARNING

.PHONY: format
format: .env-dev ## put the code and the templates into their form
	@$(PY) -m ruff format $(SOURCES) && $(PY) -m ruff check --fix $(SOURCES)
	@find templates -name '*.html' -exec .venv/bin/djade --target-version 5.2 {} +

.PHONY: screenshots
screenshots: .env-dev ## take the pictures of docs/evaluators.md anew
	@exec $(PY) -m pytest tests/e2e/screenshots.py $(ARGS)

.PHONY: lock
lock: .env-dev ## resolve pyproject.toml into the lock files
	@$(LOCK) -o requirements.lock
	@$(LOCK) --extra simlab -o requirements-simlab.lock
	@$(LOCK) --extra simlab --extra dev -o requirements-dev.lock
	@$(LOCK:pyproject.toml=benchmarks/peers.in) -o requirements-bench.lock

.PHONY: check-provider
check-provider: .env-run ## can this server of models be used? URL=http://HOST/v1 MODEL=name [KEY_ENV=VARIABLE] [ARGS=--vision]
	@exec $(PY) manage.py check_provider --url "$(URL)" --model "$(MODEL)" $(if $(KEY_ENV),--key-env "$(KEY_ENV)") $(ARGS)

.PHONY: openapi
openapi: .env-dev ## write docs/openapi.yaml anew from the code
	@$(PY) manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

bench-ranking_speed: .env-dev .env-bench ## the ranking against its peers, which get an environment of their own
	@exec $(PY) -m benchmarks.ranking_speed $(ARGS)

bench-%: .env-dev ## one benchmark: make bench-relay
	@exec $(PY) -m benchmarks.$*

.PHONY: .env-run .env-simlab .env-dev .env-bench
.env-run:
	@.ci/venv requirements.lock
.env-simlab:
	@.ci/venv requirements-simlab.lock
.env-dev:
	@.ci/venv requirements-dev.lock
.env-bench:
	@VENV=.venv-bench .ci/venv requirements-bench.lock
