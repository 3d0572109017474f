# make up and make test are all that a newcomer needs. make test is what CI runs: it
# installs and starts what it needs, on a fresh machine with Go and apt.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# with_servers sets where the tests find the real servers, and nothing that would
# change what the tested program does.
with_servers := eval "$$(scripts/servers env)"; unset TIDEWIRE_DATABASE TIDEWIRE_STREAMS TIDEWIRE_QUEUES TIDEWIRE_CACHE TIDEWIRE_SEARCH;

.PHONY: up test e2e lint proto documents bench soak servers compiler

up: ## the whole platform, nothing else needed
	go run ./cmd/tidewire up

test: lint documents servers compiler ## every test, with the race detector and on the real servers
	$(with_servers) timeout 60m go test -race -count=1 -timeout 30m $$(go list ./... | grep -v -e /audit$$ -e /lab/style$$ -e /shop/analytics$$ -e /toolkit/projection$$ -e /toolkit/saga$$ -e /lab/engine$$ -e /lab/fault$$) # -count: a test that builds the binary is never the same
	$(with_servers) timeout 25m go test -count=1 -timeout 20m ./audit ./lab/style ./shop/analytics ./toolkit/projection ./toolkit/saga ./lab/engine ./lab/fault # many canaries, ten thousand orders, tables exchanged within a second, a kill before each write, the built binary: under the detector all take ten times as long

e2e: servers ## the built binary, through its doors only
	$(with_servers) go test -count=1 -timeout 5m ./cmd/tidewire

lint: ## formatting, vet, staticcheck, import rules, size budget
	@unformatted="$$(gofmt -l .)"; if [ -n "$$unformatted" ]; then echo "not formatted:" $$unformatted >&2; exit 1; fi
	go vet ./...
	go tool staticcheck ./...
	go test ./internal/archtest

proto: ## the Go code of the gRPC contracts; a test checks that it is up to date, and that no contract breaks what was told before
	cd shop/api/tools && go tool buf format -w .. && go tool buf lint .. && go tool buf generate .. --template ../buf.gen.yaml -o ..

documents: ## what others are told of our messages, read by the official parser
	scripts/asyncapi/check docs/asyncapi.json

bench: servers ## the figures of bench/README.md, each beside its raw twin in the same run
	$(with_servers) go run ./bench

soak: servers compiler ## what takes longer than CI has: 100 stops on each database, 1,000 poisoned orders, 100,000 histories, fuzzed requests
	go test ./shop/door -run '^$$' -fuzz FuzzDecode -fuzztime 5m
	go test ./shop/order -run '^$$' -fuzz FuzzOrder -fuzztime 5m
	go test ./toolkit/cloudevent -run '^$$' -fuzz FuzzUnmarshal -fuzztime 5m
	TIDEWIRE_POISON=1000 go test -count=1 -timeout 30m -v ./lab/poison # by itself: it compares times
	$(with_servers) TIDEWIRE_STOPS=100 go test -count=1 -timeout 60m -v ./driver/... # servers that fail in every way, and each suite in full
	$(with_servers) TIDEWIRE_STOPS=100 TIDEWIRE_SEEDS=100000 TIDEWIRE_MUTANTS=1 TIDEWIRE_CUTS=100 go test -count=1 -timeout 180m -v ./lab/...

servers: ## real servers for the tests, from packages
	scripts/servers up

compiler: # the race detector needs one for C
	@command -v gcc >/dev/null || command -v clang >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gcc libc6-dev >/dev/null; }
