# Everything here does its own set-up: git, make and Python >= 3.11 are all that must be there.
# The first target run makes .venv from uv.lock; uv itself is put in .uv/ where the machine has none.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo serve test quick lint messages openapi openapi-tools push-tools bench soak soak-pairs drills drill-tools drill-versions drill-restore drill-failover attack third-party dist licences advisories secrets clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# the first Python on the path that is new enough
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
  command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
UV = $$(command -v uv || echo .uv/bin/uv)
# the one that is put here has its cache here too: nothing else of the machine is written to
OWN_CACHE = $$(command -v uv >/dev/null 2>&1 || echo UV_CACHE_DIR=.uv/cache)
SYNC = env $(OWN_CACHE) UV_COMPILE_BYTECODE=$${UV_COMPILE_BYTECODE:-1} UV_PYTHON_DOWNLOADS=never $(UV) sync --frozen --all-extras --quiet --python "$(PYTHON)"
# compiled once and kept, whatever the environment says: every process of a run reads the same files
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
# while some tests wait for proofs, processes and sockets, others work
WORKERS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /: /'

$(READY): pyproject.toml uv.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found; install it, then run make again." >&2; exit 1; }
	@command -v uv >/dev/null 2>&1 || test -x .uv/bin/uv || { \
	  echo "uv is not here: putting it in .uv/"; \
	  "$(PYTHON)" -m pip install --quiet --no-cache-dir --target .uv uv 2>/dev/null \
	  || { rm -rf .uv && "$(PYTHON)" -m venv .uv && .uv/bin/pip install --quiet --no-cache-dir uv; } \
	  || { rm -rf .uv; "$(PYTHON)" -m pip install --quiet --no-cache-dir --user uv && mkdir -p .uv/bin \
	       && ln -sf "$$("$(PYTHON)" -m site --user-base)/bin/uv" .uv/bin/uv; } \
	  || { rm -rf .uv; echo "uv could not be installed: install it (or python3-venv), then run make again." >&2; exit 1; }; }
	@# where a proxy brings certificates of its own, those of the system know it
	@$(SYNC) 2>/dev/null || UV_NATIVE_TLS=true UV_SYSTEM_CERTS=true $(SYNC)
	@touch $(READY)

demo: $(READY) ## two cases from first report to proof, then the tampering drill (under 3 minutes)
	@$(BIN)/socai demo

serve: $(READY) ## serve the enclave in SOCAI_HOME (default .socai) on port 8000
	@$(BIN)/socai serve

test: $(READY) ## every test of a push: under eight minutes on 2 cores
	@$(BIN)/python -m tests.room $(WORKERS)
	$(PYTEST) -q -rs -n $(WORKERS) --dist loadgroup

quick: $(READY) ## lint, types, contracts and the tests that start no database
	@.ci/run quick

lint: $(READY) ## ruff, mypy, basedpyright, import contracts
	@.ci/run lint

messages: $(READY) ## bring the catalogue of texts up to date and compile it
	@$(BIN)/python -m tests.messages

openapi: $(READY) ## write docs/reference/openapi.json anew, and what the client makes of it
	@$(BIN)/python -c "import api.http.app; print(api.http.app.openapi_bytes().decode())" >docs/reference/openapi.draft
	@mv docs/reference/openapi.draft docs/reference/openapi.json
	@$(BIN)/python -m api.http.answer_shapes <docs/reference/openapi.json >api/client/answer_shapes.json

OPENAPI_TOOLS := tests/third_party/openapi
AXE := tests/third_party/axe
openapi-tools: $(OPENAPI_TOOLS)/node_modules/.ready ## bring the linters and generators that read that document, by npm

$(OPENAPI_TOOLS)/node_modules/.ready $(AXE)/node_modules/.ready: %/node_modules/.ready: %/package-lock.json
	@command -v npm >/dev/null 2>&1 || { echo "npm is not here." >&2; exit 1; }
	@npm ci --prefix $* --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# Debian packages, by name
INSTALL = sh -c 'apt-get update -q -o Acquire::http::Timeout=30 && \
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$$@"' install
push-tools: ## what the tests of a push need that is no wheel: Chromium and its driver, npm, axe-core, readers of OpenAPI
	@command -v npm >/dev/null 2>&1 || $(INSTALL) npm >/dev/null 2>&1 \
	  || { echo "npm is not here, and could not be installed: install Node 20 or newer with npm." >&2; exit 1; }
	@command -v chromium >/dev/null 2>&1 && command -v chromedriver >/dev/null 2>&1 \
	  || $(INSTALL) chromium chromium-driver >/dev/null 2>&1 \
	  || { echo "Chromium is not here, and could not be installed: install chromium and chromium-driver." >&2; exit 1; }
	@$(MAKE) --no-print-directory $(AXE)/node_modules/.ready openapi-tools \
	  || { echo "axe-core, or the readers of OpenAPI, could not be fetched: npm has no way to its registry." >&2; exit 1; }

bench: $(READY) ## the table of architecture.md §8, also as bench.json
	@$(SYNC) --group bench 2>/dev/null || UV_NATIVE_TLS=true UV_SYSTEM_CERTS=true $(SYNC) --group bench
	$(BIN)/python -m tests.bench

# where the soak's random tests begin; `make soak SEED=…` begins there again
SEED ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')

soak: $(READY) ## the long ones: 10 M records, kills at random, ten thousand mutations
	@echo "soak: SEED=$(SEED)"
	$(PYTEST) -q -n $(WORKERS) --dist loadgroup --hypothesis-profile=night --hypothesis-seed=$(SEED) -m property tests
	$(PYTEST) -q -m soak tests
	$(PYTEST) -q -m 'not soak' --hypothesis-profile=night --hypothesis-seed=$(SEED) tests/e2e/test_api_server.py
	$(BIN)/python -m tests.bench --soak

drills: $(READY) drill-tools ## an operator's nights: failover, restore, upgrade, full disks, hangs, clocks, poolers, kills; prints tables
	@$(MAKE) --silent --no-print-directory push-tools || echo "What needs it is skipped, and says so."
	@# those whose figures are asked for run alone, behind the others, whatever became of these
	$(PYTEST) -q -rs -n $(WORKERS) --dist loadgroup -m 'drill or operation' --ignore=tests/soak --ignore=tests/drills tests; \
	  before=$$?; $(MAKE) --no-print-directory drill-versions || before=1; \
	  $(PYTEST) -q -rs -n0 -m drill tests/soak tests/drills && exit $$before

# program:package of Debian
DRILL_TOOLS := pgbouncer:pgbouncer patroni:patroni etcd:etcd-server haproxy:haproxy promtool:prometheus softhsm2-util:softhsm2
drill-tools:
	@packages=; for tool in $(DRILL_TOOLS); do \
	  PATH=$$PATH:/usr/sbin command -v $${tool%%:*} >/dev/null 2>&1 || packages="$$packages $${tool#*:}"; done; \
	PATH=$$PATH:/usr/sbin command -v nginx >/dev/null 2>&1 || packages="$$packages nginx libnginx-mod-stream"; \
	test -d /usr/lib/postgresql/17 || packages="$$packages postgresql-17"; \
	test -z "$$packages" || { apt-get update -q && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$packages python3-etcd; } >/dev/null 2>&1 \
	  || echo "Not here, and not installed:$$packages. What needs them is skipped, and says so."

# what the soak compares pair by pair, in pieces that each take minutes: PART=1/60, then 2/60 …
PART ?= 1/1

soak-pairs: $(READY) ## the soak's pairs alone (who is above, neighbours), or a part of them: PART=1/60
	$(PYTEST) -q -n0 -m soak -k 'comparisons or pairs' --part=$(PART) tests/soak/test_nothing_below_shows_it.py tests/soak/test_noninterference.py

drill-versions: $(READY) ## all that speaks to the database, on the other versions of PostgreSQL that Debian has installed here
	@for version in 15 16 17; do test ! -x /usr/lib/postgresql/$$version/bin/postgres || { echo "PostgreSQL $$version"; \
	  $(PYTEST) -q -rs -n $(WORKERS) --dist loadgroup -m 'not soak and not drill' --postgres $$version tests/contract tests/integration || exit; }; done

drill-restore: $(READY) ## a machine is lost under load and comes back on another: how long, and what is gone
	$(PYTEST) -q -rs -n0 -m drill tests/soak/test_restore.py

drill-failover: $(READY) drill-tools ## the database's leader is killed under load, with a synchronous standby and with one that lags
	$(PYTEST) -q -rs -m drill tests/drills/test_failover.py

attack: $(READY) ## every attack that we know, each in all its forms, and what stopped or noticed it
	$(PYTEST) -q -n $(WORKERS) --dist loadgroup --hypothesis-profile=whole -m attack tests

third-party: $(READY) ## check the ledger with Go's tlog, npm jose and openssl; brings them where it can
	@command -v go >/dev/null 2>&1 && test -d /usr/share/gocode/src/golang.org/x/mod \
	  || { apt-get update -q && apt-get install -q -y --no-install-recommends golang-go golang-golang-x-mod-dev; } \
	  || echo "Go or golang.org/x/mod is not here and could not be installed: that test is skipped."
	@command -v npm >/dev/null 2>&1 && npm ci --prefix tests/third_party/jose --no-audit --no-fund \
	  || echo "npm is not here, or jose could not be fetched: that test is skipped."
	@$(MAKE) --no-print-directory push-tools || echo "What needs it is skipped, and says so."
	$(PYTEST) -q -rs -m "not soak" tests/e2e/test_third_party.py tests/e2e/test_generated_clients.py tests/e2e/test_docs_page.py
	$(PYTEST) -q -rs -m "drill or not drill" tests/e2e/test_pages_in_chromium.py

# the tools of a release stand in the lock too; what else is there stays
RELEASE = $(SYNC) --group release 2>/dev/null || UV_NATIVE_TLS=true UV_SYSTEM_CERTS=true $(SYNC) --group release

dist: $(READY) ## wheel, sdist, SBOM, licences, advisories, image and hashes in dist/ (docs/operate/release.md)
	@$(RELEASE)
	@$(BIN)/python -m release.dist --uv "$(UV)" $(DIST)

licences: $(READY) ## write docs/reference/licences.md anew
	@$(BIN)/python -m release.licences >docs/reference/licences.draft
	@mv docs/reference/licences.draft docs/reference/licences.md

advisories: $(READY) ## known weaknesses of what is shipped; status 2 where nobody could be asked
	@$(RELEASE)
	@$(BIN)/python -m release.advisories "$(UV)"

SECRETS := postgres migrator writer checkpointer projector reader auditor backup keeper vault publisher importer public archiver
GROUP := $$(test "$$(id -u)" = 0 && echo 10001 || id -g)

LEVEL := ordinary
OF_LEVEL := $(if $(filter ordinary,$(LEVEL)),,$(LEVEL))
SECRETS_DIR := secrets$(OF_LEVEL:%=-%)
ENV_FILE := .env$(OF_LEVEL:%=.%)

secrets: ## what docker-compose.yml needs: random secrets in secrets/ (LEVEL=mat: secrets-mat/), their group in .env (.env.mat)
	@mkdir -p $(SECRETS_DIR) && chmod 700 $(SECRETS_DIR)
	@umask 077; \
	random() { LC_ALL=C tr -dc "$$1" </dev/urandom | head -c "$$2"; }; \
	for name in $(SECRETS:%=%.password) passphrase vault.passphrase backup.passphrase; do \
	  test -s $(SECRETS_DIR)/$$name || random A-Za-z0-9 40 >$(SECRETS_DIR)/$$name; done; \
	for name in session ticket; do \
	  test -s $(SECRETS_DIR)/$$name.key || random 0-9a-f 64 >$(SECRETS_DIR)/$$name.key; done
	@for name in mail blobs; do test -s $(SECRETS_DIR)/$$name.json || echo '{}' >$(SECRETS_DIR)/$$name.json; done
	@test -s $(SECRETS_DIR)/proxy.key || { command -v openssl >/dev/null 2>&1 \
	  || { echo "openssl is not here: put the certificate of the proxy and its key into $(SECRETS_DIR)/proxy.crt and proxy.key." >&2; exit 1; }; \
	  umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 -subj /CN=localhost \
	    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout $(SECRETS_DIR)/proxy.key -out $(SECRETS_DIR)/proxy.crt 2>/dev/null; }
	@# the folder is closed to all but its owner; the group is only for the processes in the containers
	@chgrp $(GROUP) $(SECRETS_DIR)/* && chmod 640 $(SECRETS_DIR)/*
	@# what is added is a line of its own, also where the last one has no end
	@test ! -s $(ENV_FILE) || test -z "$$(tail -c1 $(ENV_FILE))" || echo >>$(ENV_FILE)
	@grep -qs ^SOCAI_SECRETS_GID= $(ENV_FILE) || echo "SOCAI_SECRETS_GID=$(GROUP)" >>$(ENV_FILE)
	@test -z "$(OF_LEVEL)" || grep -qs ^SOCAI_LEVEL= $(ENV_FILE) || printf '%s\n' SOCAI_LEVEL=$(LEVEL) \
	  SOCAI_SECRETS=./$(SECRETS_DIR) COMPOSE_PROJECT_NAME=socai-$(LEVEL) \
	  COMPOSE_PROFILES=keeper SOCAI_KEK_OF_API=no-key >>$(ENV_FILE)
	@grep -qs ^COMPOSE_PROFILES= $(ENV_FILE) || echo COMPOSE_PROFILES= >>$(ENV_FILE)
	@echo "The containers take 2 GiB of memory and 5 GB of disk before the first act (docs/operate/capacity.md)."
	@echo "Made $(SECRETS_DIR)/ and $(ENV_FILE); what was there is kept. Keep a copy of $(SECRETS_DIR)/passphrase apart."

clean: ## remove the environment and caches; an enclave (.socai) is never touched
	rm -rf $(VENV) .uv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@kept=$$(ls -d .socai .socai.[0-9]* 2>/dev/null); test -z "$$kept" || echo "kept, with every key and record:" $$kept
