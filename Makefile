# make run    everything in one process, with the page at the printed address
# make test   all tests; on Debian, as root, it installs what they need

GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
NPM_DIRS    := cmd/parley/testdata edge/socketio/testdata
NPM_STAMPS  := $(NPM_DIRS:%=%/node_modules/.package-lock.json)

.PHONY: run build test test-faults lint vulns bench fuzz clean tools

run: build
	bin/parley

build:
	$(GO) build -o bin/ ./cmd/...

test: tools $(NPM_STAMPS)
	$(GO) test -race -timeout 12m $(TESTFLAGS) ./...
	$(GO) test -short -run '^$$' -bench . -benchtime 1x ./projector ./edge

# Two hundred clients, while everything that there is fails at random: for as long as FAULTS says. SEED=… repeats a run, FAULTS_DIR=… keeps what the processes
# have said.
FAULTS ?= 10m
test-faults: tools $(NPM_STAMPS)
	FAULTS=$(FAULTS) $(GO) test -race -v -count 1 -timeout 24h -run '^TestFaults' ./cmd/parley

lint:
	@test -z "$$(gofmt -l .)" || { echo "not formatted as gofmt does:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

# Asks a database of known faults on the network.
vulns:
	$(GO) run $(GOVULNCHECK) ./...

# A million messages folded into memory and into a database, and 10,000 a second live, among others; at the end a server of its own is put under load, with
# bare relays to compare. BENCHFLAGS=-short has them small, as test does, to see that they work. LOADFLAGS are of bin/load bench.
bench: tools build
	$(GO) test -run '^$$' -bench . -benchmem -timeout 30m $(BENCHFLAGS) ./...
	bin/load bench $(if $(findstring -short,$(BENCHFLAGS)),--scale 0.02 --steady 1s) $(LOADFLAGS)

# Every fuzz target, for as long as FUZZTIME says.
FUZZTIME ?= 30s
fuzz:
	@for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			$(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
		done; \
	done

clean:
	rm -rf bin $(NPM_DIRS:%=%/node_modules)

# The real Socket.IO clients that the tests talk to.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	@command -v npm >/dev/null || { echo "The tests need Node 20 or later with npm: https://nodejs.org"; exit 1; }
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# What the tests need besides Go and Node: a C compiler for the race detector, curl, disks to fill and to cut the power of, a browser, HAProxy, and a
# database. They start a private MariaDB, unless PARLEY_TEST_DSN names a server to make databases in.
tools:
	@missing=""; \
	command -v "$$($(GO) env CC)" >/dev/null || missing="gcc libc6-dev"; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	command -v haproxy >/dev/null || [ -x /usr/sbin/haproxy ] || missing="$$missing haproxy"; \
	[ "$$(uname)" != Linux ] || command -v mkfs.ext4 >/dev/null || [ -x /sbin/mkfs.ext4 ] || missing="$$missing e2fsprogs"; \
	[ "$$(uname)" != Linux ] || command -v mount >/dev/null || missing="$$missing mount"; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing="$$missing chromium"; \
	[ -n "$$PARLEY_TEST_DSN" ] || command -v mariadbd >/dev/null || command -v mysqld >/dev/null || [ -x /usr/sbin/mariadbd ] || missing="$$missing mariadb-server"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing for the tests:" $$missing; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null; \
	else \
		echo "The tests need what is not here; on Debian it is called:" $$missing; \
		echo "Install it. Instead of a database of their own, they take a server in which they may make databases:"; \
		echo "PARLEY_TEST_DSN='user:password@tcp(host:3306)/'"; \
		exit 1; \
	fi
