#!/usr/bin/env bash
# One private Prometheus for tests, on Debian's package; called by scripts/servers, which
# documents the verbs. It scrapes only what a test names: a test writes its own files
# below $TIDEWIRE_SERVERS/prometheus/conf.d and asks for a reload.
# TIDEWIRE_PROMETHEUS_PORT (default 19090).
set -euo pipefail
port=${TIDEWIRE_PROMETHEUS_PORT:-19090}
dir=${TIDEWIRE_SERVERS:?}/prometheus
log=$TIDEWIRE_SERVERS/prometheus.log
url="http://127.0.0.1:$port"

install() {
	command -v prometheus >/dev/null && command -v promtool >/dev/null && return 0
	[ "$(id -u)" = 0 ] || { echo "prometheus: not installed; run this once as root, or: apt-get install prometheus" >&2; exit 1; }
	# The package would start a server of its own: a policy says no while it is installed.
	local policy=/usr/sbin/policy-rc.d ours=
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		ours=yes
	fi
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >/dev/null
	[ -z "$ours" ] || rm -f "$policy"
}

# pid prints the server's, if it lives: the number in the file may be somebody else's.
pid() {
	local p try
	p=$(cat "$dir/pid" 2>/dev/null) || return 1
	tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline" | grep -qF -- "--storage.tsdb.path=$dir/data" && echo "$p"
}

init() {
	mkdir -p "$dir/data"
	[ -f "$dir/prometheus.yml" ] || printf 'global:\n  scrape_interval: 1s\n' >"$dir/prometheus.yml"
}

boot() {
	(cd "$dir" && exec prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/data" \
		--storage.tsdb.retention.time=1d --web.listen-address="127.0.0.1:$port" --web.enable-lifecycle \
		</dev/null >"$log" 2>&1) &
	echo $! >"$dir/pid"
}

ready() { curl -fsS -m 2 "$url/-/ready" >/dev/null 2>&1; }

up() {
	install
	init
	if pid >/dev/null; then resume; else boot; fi
	local try
	for ((try = 0; try < 300; try++)); do
		ready && break
		pid >/dev/null || [ "$try" -lt 5 ] || break
		sleep 0.2
	done
	ready || { echo "prometheus: does not start; the end of $log:" >&2; tail -5 "$log" >&2; return 1; }
	echo "prometheus ready at $url"
}

down() {
	local p try
	p=$(pid) || return 0
	kill -CONT "$p"
	kill -TERM "$p"
	for ((try = 0; try < 100; try++)); do pid >/dev/null || return 0; sleep 0.1; done
	kill -KILL "$p"
}

status() {
	local p try
	p=$(pid) || { echo "prometheus down"; return 1; }
	ready || { echo "prometheus pid $p does not answer"; return 1; }
	echo "prometheus up, pid $p, $url"
}

env_() { echo "export TIDEWIRE_TEST_PROMETHEUS='$url'"; echo "export TIDEWIRE_TEST_PROMETHEUS_CONFIG='$dir/prometheus.yml'"; }
wipe() { down; rm -rf "$dir" "$log"; }
kill9() { local p; p=$(pid) && kill -KILL "$p"; }
pause() { local p; p=$(pid) && kill -STOP "$p"; }
resume() { local p; p=$(pid) && kill -CONT "$p"; }

case ${1:-} in
env) env_ ;;
up | down | status | wipe | kill9 | pause | resume) "$1" ;;
*) exit 2 ;;
esac
