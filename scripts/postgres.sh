#!/usr/bin/env bash
# One private PostgreSQL for tests; called by scripts/servers, which documents the verbs.
# Super-user postgres, trust on loopback, fsync on, TLS for those who ask for it.
# TIDEWIRE_POSTGRES_PORT (default 15432).
set -euo pipefail
port=${TIDEWIRE_POSTGRES_PORT:-15432}
name=postgres
data=${TIDEWIRE_SERVERS:?}/postgres
log=$TIDEWIRE_SERVERS/postgres.log
tls=$TIDEWIRE_SERVERS/postgres-tls
url="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"

. "${BASH_SOURCE%/*}/cluster.sh"

fill() {
	as "$(bin)/initdb" -D "$data.new" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --data-checksums >/dev/null
	cat >>"$data.new/postgresql.conf" <<X
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = on
synchronous_commit = on
full_page_writes = on
wal_level = logical
max_connections = 200
shared_buffers = 128MB
deadlock_timeout = 100ms
X
}

# prepare turns on what came later than some folders that are in use: TLS, and a bound on
# what is kept for a replica that is away.
prepare() {
	[ ! -f "$data/server.key" ] || return 0
	certificates "$tls"
	cp "$tls/server.pem" "$data/server.crt"
	(umask 77 && cp --no-preserve=mode "$tls/server.key" "$data/server.new")
	[ "$(id -u)" != 0 ] || chown postgres: "$data/server.crt" "$data/server.new"
	printf 'ssl = on\nmax_slot_wal_keep_size = 1GB\n' >>"$data/postgresql.conf"
	mv "$data/server.new" "$data/server.key"
	! pid >/dev/null || as "$(bin)/pg_ctl" -D "$data" reload >/dev/null
}

env_() {
	echo "export TIDEWIRE_DATABASE='$url'"
	echo "export TIDEWIRE_TEST_POSTGRES='$url'"
	echo "export TIDEWIRE_TEST_POSTGRES_SECURE='postgres://postgres@127.0.0.1:$port/postgres?sslmode=verify-full&sslrootcert=$tls/ca.pem'"
	echo "export TIDEWIRE_TEST_POSTGRES_TLS='$tls'"
}

verb "$@"
