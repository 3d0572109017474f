# make test is what CI runs; it installs and starts the servers it needs.
SHELL := /bin/bash -euo pipefail
export CGO_ENABLED ?= 1

.PHONY: up test e2e bench soak lint servers

up: ## the whole platform
	go run ./cmd/tidewire up

test: lint servers ## every test, within 12 minutes
	TIDEWIRE_TEST_POSTGRES="$$(scripts/servers url postgres)" go test -race -timeout 12m ./...

e2e: ## the built binary, through its doors only
	go test -count=1 -timeout 5m ./cmd/tidewire

lint: ## formatting, vet, staticcheck, import rules, size budget
	@unformatted="$$(gofmt -l .)"; test -z "$$unformatted" || { echo "not formatted: $$unformatted" >&2; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go test ./internal/archtest

servers: ## real servers for the tests, from the distribution's packages
	scripts/servers up postgres

bench: ## the figures of bench/README.md, each beside its raw twin
	go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./bench/...

soak: servers ## what takes longer than CI has
	TIDEWIRE_SOAK=1 TIDEWIRE_TEST_POSTGRES="$$(scripts/servers url postgres)" go test -count=1 -timeout 120m ./lab/... ./cmd/tidewire
