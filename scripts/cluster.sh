# What the scripts of PostgreSQL servers have in common. A script sets name, port, data, log
# and url, sources this, defines fill, which makes the files of a new one in "$data.new",
# prepare, which is run before each start, and env_, and ends with: verb "$@"
name=${name:?}
dir=$data
mark="-D $data"

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

. "${BASH_SOURCE%/*}/process.sh"

install() {
	[ -z "$(bin)" ] || return 0
	if [ "$(id -u)" = 0 ]; then
		mkdir -p /etc/postgresql-common # keeps the package from starting a cluster of its own
		[ -f /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
	fi
	packages postgresql
}

# pid prints the postmaster's, if it lives.
pid() {
	local p
	p=$(head -1 "$data/postmaster.pid" 2>/dev/null) || return 1
	ours "$p" && echo "$p"
}

# family prints the postmaster's and its children's ids, the postmaster first.
family() {
	local p stat
	p=$(running) || return 1
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
	chmod 700 "$data.new"
	: >"$log"
	[ "$(id -u)" != 0 ] || chown postgres: "$data.new" "$log"
	fill
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
	echo "$name: does not start; the end of $log:" >&2
	tail -5 "$log" >&2
	return 1
}

ready() { as "$(bin)/pg_isready" -q -t 2 -h 127.0.0.1 -p "$port"; }

up() {
	install
	init
	prepare
	if pid >/dev/null; then resume; else boot; fi
	await 300 || { echo "$name: does not answer; the end of $log:" >&2; tail -5 "$log" >&2; return 1; }
	echo "$name ready at $url"
}

down() {
	pid >/dev/null || return 0
	resume
	as "$(bin)/pg_ctl" -D "$data" -m fast -w -t 60 stop >/dev/null
}

wipe() { down; rm -rf "$data" "$data.new" "$log"; }
kill9() { local all; all=$(family) && kill -KILL $all; }
pause() { local all; all=$(pid) && kill -STOP "$all" && all=$(family) && kill -STOP $all; }
resume() { local all; all=$(family) && { kill -CONT $all 2>/dev/null || true; }; } # some have ended since
