#!/usr/bin/env bash
# A private PgBouncer before the private PostgreSQL, which it starts if need be; called by
# scripts/servers, which documents the verbs. It pools transactions, and gives each the
# session that has rested longest: whoever counts on a session notices.
# TIDEWIRE_PGBOUNCER_PORT (default 16432).
set -euo pipefail
primary=${TIDEWIRE_POSTGRES_PORT:-15432}
port=${TIDEWIRE_PGBOUNCER_PORT:-16432}
name=pgbouncer
dir=${TIDEWIRE_SERVERS:?}/pgbouncer
log=$TIDEWIRE_SERVERS/pgbouncer.log
url="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable&pool_mode=transaction"
mark=$dir/pgbouncer.ini
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

install() {
	needs pgbouncer:pgbouncer
	"$here/servers" up postgres >/dev/null
}

boot() {
	cat >"$dir/pgbouncer.ini" <<INI
[databases]
* = host=127.0.0.1 port=$primary user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = any
pool_mode = transaction
server_round_robin = 1
default_pool_size = 30
max_client_conn = 1000
INI
	local as=()
	[ "$(id -u)" != 0 ] || as=(setpriv --reuid=postgres --regid=postgres --init-groups) # it refuses root
	setsid "${as[@]}" pgbouncer "$dir/pgbouncer.ini" >"$log" 2>&1 </dev/null &
	echo $! >"$dir/pid"
}

ready() { answers "$port" '\x00\x00\x00\x08\x04\xd2\x16\x2f'; } # whether it encrypts: N

env_() { echo "export TIDEWIRE_TEST_PGBOUNCER='$url'"; }

. "$here/process.sh"
verb "$@"
