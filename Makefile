# ZhiGui: `make` prints this help; `make run` and `make test` are all that a newcomer needs.
SHELL       := /bin/bash
GO          ?= go
BIN         := bin
PSEC        := $(CURDIR)/bin/psec
GMSSL       := $(CURDIR)/bin/gmssl
BINARIES    := drivers/cmd/driverd drivers/cmd/driverctl terminal/cmd/platformd keeper/cmd/keeperd \
               keeper/cmd/keeperctl server/cmd/server server/cmd/serverctl sim/cmd/simctl sim/cmd/simbank sim/cmd/simhsm sim/cmd/desk
FRONTENDS   := terminal/frontend server/web
WAILS_TAGS  := desktop,production,webkit2_41

.DEFAULT_GOAL := help
.PHONY: help run test build web shell deps deps-test deps-browser e2e bench kill fuzz lint gen trace conform clean

help: ## print this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-10s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

run: build ## a whole counter with its server, on this machine (Ctrl-C ends it)
	@$(BIN)/desk $(ARGS)

test: deps-test web ## every test but the browser and the long ones; lint and architecture with them
	$(GO) vet ./...
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt on these files"; exit 1; }
	HOSTS=$$(! command -v apt-get >/dev/null || echo required) PSEC_PYTHON=$$(ls $(PSEC)/bin/python 2>/dev/null) GMSSL=$$(ls $(GMSSL)/gmssl 2>/dev/null) $(GO) test -race -timeout 20m $$($(GO) list ./... | grep -v -e /bench/kill -e /bench/e2e)
	@! command -v apt-get >/dev/null || for e in mariadb postgres; do STORE=$$e HOSTS=required $(GO) test ./server/internal/mgmt && STORE=$$e HOSTS=required $(GO) test -run 'Killed|Repeat|Revers|Deposit' ./server/internal/trade || exit 1; done
	$(GO) test -short -count=1 -timeout 15m ./bench/kill/...
	node --test sim/device/panel/rules.test.mjs
	@set -e; for d in $(FRONTENDS); do [ ! -f $$d/package.json ] || (cd $$d && npm test --silent); done

build: web shell ## all programs, into bin/
	@mkdir -p $(BIN)
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/ $(foreach b,$(BINARIES),$(if $(wildcard $(b)),./$(b)))

shell: deps ## the counter's window where there is a display, or the server of its pages
	@mkdir -p $(BIN)
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] && ! pkg-config --exists webkit2gtk-4.1 2>/dev/null; then \
	  deploy/deps.sh pkg-config gcc libc6-dev libgtk-3-dev libwebkit2gtk-4.1-dev || echo "no window then: the pages go to a browser"; fi
	@if pkg-config --exists webkit2gtk-4.1 2>/dev/null; then \
	  $(GO) build -trimpath -tags "$(WAILS_TAGS)" -ldflags "-s -w" -o $(BIN)/terminal ./terminal; \
	else CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/terminal ./terminal; fi

web: $(FRONTENDS:%=%/dist/.built) ## the pages (npm ci when package-lock.json changed)

%/dist/.built: deps
	@[ ! -f $*/package.json ] || ( cd $* && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error; } && npm run --silent build && mkdir -p dist && touch dist/.built )

deps: ## what the build needs (Go, Node); says in one line what is missing
	@command -v $(GO) >/dev/null || { echo "Go 1.26 or newer is missing: https://go.dev/dl/"; exit 1; }
	@command -v npm >/dev/null || { echo "Node.js 20 or newer with npm is missing: https://nodejs.org/"; exit 1; }

deps-test: deps ## a C compiler for the race detector, OpenSSL, independent hosts (mbpoll, NUT, PC/SC) for the virtual devices, MariaDB, PostgreSQL and Redis, Java for Kafka and jPOS, a font for printed pages, psec for payment cryptography, GmSSL for TLCP
	@command -v cc >/dev/null || deploy/deps.sh gcc libc6-dev
	@! command -v apt-get >/dev/null || deploy/deps.sh openssl mbpoll nut-server nut-client pcscd vsmartcard-vpcd pcsc-tools \
	  mariadb-server-core mariadb-client-core postgresql redis-server python3 python3-venv default-jre-headless cmake fonts-droid-fallback
	@$(PSEC)/bin/python -c 'import psec' 2>/dev/null || { python3 -m venv $(PSEC) && $(PSEC)/bin/pip install -q psec==1.3.0; } || { rm -rf $(PSEC); echo "psec 1.3.0 is not to be had: key blocks and PIN blocks are not compared with it"; }
	@[ -x $(GMSSL)/gmssl ] || deploy/gmssl.sh $(GMSSL) $(PSEC)/bin/python || echo "GmSSL 3.1.1 is not to be had: TLCP is not compared with it"

deps-browser: ## Chromium and Chinese fonts for the browser tests (Debian packages)
	@deploy/deps.sh chromium fonts-noto-cjk

e2e: build deps-browser ## the whole desk driven in a real browser; pictures in docs/pictures
	@cd bench/e2e && npm ci --no-audit --no-fund --loglevel=error && node --test --test-concurrency=1 --test-reporter=spec *.e2e.mjs

kill: build ## SIGKILL, SIGSTOP and power cuts at every state, books compared at the end
	$(GO) test -count=1 -timeout 30m ./bench/kill/...

bench: build ## figures as ratios of one run (ARGS="--quick", "--only trade", …)
	$(GO) run ./bench/cmd/bench $(ARGS)

conform: ## every driver against its virtual device, through the real plugin wire: a table model × rule
	@$(GO) run ./bench/cmd/conform $(ARGS)

fuzz: ## every decoder for 20 s
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list 'Fuzz.*' $$p 2>/dev/null | grep ^Fuzz); do echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime 20s $$p || exit 1; done; done

trace: ## which requirements the tests prove
	@$(GO) run ./bench/cmd/trace

gen: ## generated code
	$(GO) generate ./...

lint: ## golangci-lint, when it is installed
	golangci-lint run ./...

clean: ## what was built, and the desk's data
	rm -rf $(BIN) run terminal/frontend/dist server/web/dist/console server/web/dist/pad server/web/dist/.built
