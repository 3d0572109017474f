#!/usr/bin/env bash
# One private Redis for tests, on Debian's package; called by scripts/servers, which
# documents the verbs. What it has acknowledged is on its disk within a second, so that a
# kill loses nothing. TIDEWIRE_REDIS_PORT (default 16379); TLS is on the next port.
set -euo pipefail
port=${TIDEWIRE_REDIS_PORT:-16379}
name=redis
dir=${TIDEWIRE_SERVERS:?}/redis
log=$TIDEWIRE_SERVERS/redis.log
url="redis://127.0.0.1:$port"
# It writes another title over its command line: this is what that says.
mark="redis-server 127.0.0.1:$port"
grace=25

install() {
	needs redis-server:redis-server
	certificates "$dir/tls"
}

boot() {
	mkdir -p "$dir/data"
	setsid redis-server --bind 127.0.0.1 --port "$port" --dir "$dir/data" --daemonize no \
		--appendonly yes --appendfsync everysec --save '' --maxmemory-policy noeviction \
		--tls-port $((port + 1)) --tls-cert-file "$dir/tls/server.pem" --tls-key-file "$dir/tls/server.key" \
		--tls-ca-cert-file "$dir/tls/ca.pem" --tls-auth-clients no >"$log" 2>&1 </dev/null &
	echo $! >"$dir/pid"
}

ready() { answers "$port" 'PING\r\n'; }

env_() {
	echo "export TIDEWIRE_CACHE='$url'"
	echo "export TIDEWIRE_TEST_REDIS='$url'"
	echo "export TIDEWIRE_TEST_REDIS_SECURE='rediss://127.0.0.1:$((port + 1))?ca=$dir/tls/ca.pem'"
	echo "export TIDEWIRE_TEST_REDIS_TLS='$dir/tls'"
}

. "${BASH_SOURCE%/*}/process.sh"
verb "$@"
