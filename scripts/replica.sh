#!/usr/bin/env bash
# A streaming replica of the private PostgreSQL, which it starts if need be; called by
# scripts/servers, which documents the verbs. It is asynchronous, and is copied anew when it
# no longer follows: its primary is another one now, or has thrown away what it lacks.
# TIDEWIRE_REPLICA_PORT (default 15433).
set -euo pipefail
primary=${TIDEWIRE_POSTGRES_PORT:-15432}
port=${TIDEWIRE_REPLICA_PORT:-15433}
name=replica
data=${TIDEWIRE_SERVERS:?}/replica
log=$TIDEWIRE_SERVERS/replica.log
slot=replica_$port
url="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

. "$here/cluster.sh"

# ask puts a question to the server on a port.
ask() { as "$(bin)/psql" -h 127.0.0.1 -p "$1" -U postgres -d postgres -XAtqc "$2"; }

# forget gives up the place of the former copy: what its primary keeps for it is kept for ever.
forget() { ask "$primary" "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '$slot' AND NOT active" >/dev/null 2>&1 || true; }

fill() {
	forget
	as "$(bin)/pg_basebackup" -h 127.0.0.1 -p "$primary" -U postgres -D "$data.new" -R -X stream -c fast -C -S "$slot"
}

prepare() { :; }

# follows says whether the primary tells it what it commits, within ten seconds.
follows() {
	local try
	for ((try = 0; try < 50; try++)); do
		[ "$(ask "$port" 'SELECT pg_is_in_recovery() AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = '"'streaming'"')' 2>/dev/null)" != t ] || return 0
		sleep 0.2
	done
	return 1
}

# follow is up, once more with a new copy where that is needed.
follow() {
	"$here/servers" up postgres >/dev/null
	up >/dev/null && follows || { wipe; up >/dev/null; follows || { echo "replica: does not follow its primary; the end of $log:" >&2; tail -5 "$log" >&2; return 1; }; }
	echo "replica ready at $url"
}

discard() { wipe; forget; }

env_() { echo "export TIDEWIRE_TEST_REPLICA='$url'"; }

case ${1:-} in
up) follow ;;
wipe) discard ;;
*) verb "$@" ;;
esac
