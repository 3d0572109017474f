#!/usr/bin/env bash
# One private PostgreSQL for tests; called by scripts/servers, which documents the verbs.
# Super-user postgres, trust on loopback, fsync on. TIDEWIRE_POSTGRES_PORT (default 15432).
set -euo pipefail
port=${TIDEWIRE_POSTGRES_PORT:-15432}
data=${TIDEWIRE_SERVERS:?}/postgres
log=$TIDEWIRE_SERVERS/postgres.log
url="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"

# bin is the folder of the newest installed version's programs.
bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1; }

# as runs a command as the user that PostgreSQL insists on: anybody but root.
as() {
	if [ "$(id -u)" = 0 ]; then
		(cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/tmp LC_ALL=C.UTF-8 "$@")
	else
		LC_ALL=C.UTF-8 "$@"
	fi
}

install() {
	[ -z "$(bin)" ] || return 0
	[ "$(id -u)" = 0 ] || { echo "postgres: not installed; run this once as root, or: apt-get install postgresql" >&2; exit 1; }
	mkdir -p /etc/postgresql-common # keeps the package from starting a cluster of its own
	[ -f /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
}

# pid prints the postmaster's, if it lives. A zombie has no cmdline, and after a crash
# the number in the file may be somebody else's.
pid() {
	local p
	p=$(head -1 "$data/postmaster.pid" 2>/dev/null) || return 1
	tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline" | grep -qF -- "-D $data" && echo "$p"
}

# family prints the postmaster's and its children's ids, the postmaster first.
family() {
	local p stat
	p=$(pid) || { echo "postgres: not running" >&2; return 1; }
	echo "$p"
	for stat in /proc/[0-9]*/stat; do
		stat=$(cat "$stat" 2>/dev/null) || continue
		[ "$(set -- ${stat##*) }; echo "$2")" != "$p" ] || echo "${stat%% *}"
	done
}

init() {
	[ ! -f "$data/PG_VERSION" ] || return 0
	rm -rf "$data" "$data.new"
	mkdir -p "$data.new"
	: >"$log"
	[ "$(id -u)" != 0 ] || chown postgres: "$data.new" "$log"
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
	mv "$data.new" "$data" # whole or not at all
}

# boot starts the server. Right after a kill -9 the old back ends still hold the shared
# memory for a moment: try again.
boot() {
	local try
	for try in 1 2 3 4 5 6 7 8 9 10; do
		as "$(bin)/pg_ctl" -D "$data" -w -t 60 -l "$log" -o "-p $port" start >/dev/null 2>&1 && return 0
		grep -q 'could not bind\|Address already in use' <(tail -5 "$log") && break
		sleep 0.5
	done
	echo "postgres: does not start; the end of $log:" >&2
	tail -5 "$log" >&2
	return 1
}

up() {
	install
	init
	if pid >/dev/null; then resume; else boot; fi
	local try
	for ((try = 0; try < 300; try++)); do
		as "$(bin)/pg_isready" -q -h 127.0.0.1 -p "$port" && break
		sleep 0.2
	done
	echo "postgres ready at $url"
}

down() {
	pid >/dev/null || return 0
	resume
	as "$(bin)/pg_ctl" -D "$data" -m fast -w -t 60 stop >/dev/null
}

status() {
	local p
	p=$(pid) || { echo "postgres down"; return 1; }
	as "$(bin)/pg_isready" -q -t 2 -h 127.0.0.1 -p "$port" || { echo "postgres pid $p does not answer"; return 1; }
	echo "postgres up, pid $p, $url"
}

env_() {
	echo "export TIDEWIRE_DATABASE='$url'"
	echo "export TIDEWIRE_TEST_POSTGRES='$url'"
}

wipe() { down; rm -rf "$data" "$data.new" "$log"; }
kill9() { local all; all=$(family) && kill -KILL $all; }
pause() { local all; all=$(pid) && kill -STOP "$all" && all=$(family) && kill -STOP $all; }
resume() { local all; all=$(family) && kill -CONT $all; }

case ${1:-} in
env) env_ ;;
up | down | status | wipe | kill9 | pause | resume) "$1" ;;
*) exit 2 ;;
esac
