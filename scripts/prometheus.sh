#!/usr/bin/env bash
# One private Prometheus for tests, on Debian's package; called by scripts/servers, which
# documents the verbs. It scrapes only what a test names: a test writes its own files
# below $TIDEWIRE_SERVERS/prometheus/conf.d and asks for a reload.
# TIDEWIRE_PROMETHEUS_PORT (default 19090).
set -euo pipefail
port=${TIDEWIRE_PROMETHEUS_PORT:-19090}
name=prometheus
dir=${TIDEWIRE_SERVERS:?}/prometheus
log=$TIDEWIRE_SERVERS/prometheus.log
url="http://127.0.0.1:$port"
mark="--storage.tsdb.path=$dir/data"

install() { needs prometheus:prometheus promtool:prometheus curl:curl; }

boot() {
	mkdir -p "$dir/data"
	[ -f "$dir/prometheus.yml" ] || printf 'global:\n  scrape_interval: 1s\n' >"$dir/prometheus.yml"
	(cd "$dir" && exec prometheus --config.file="$dir/prometheus.yml" "$mark" \
		--storage.tsdb.retention.time=1d --web.listen-address="127.0.0.1:$port" --web.enable-lifecycle \
		</dev/null >"$log" 2>&1) &
	echo $! >"$dir/pid"
}

ready() { curl -fsS -m 2 "$url/-/ready" >/dev/null 2>&1; }
env_() { echo "export TIDEWIRE_TEST_PROMETHEUS='$url'"; echo "export TIDEWIRE_TEST_PROMETHEUS_CONFIG='$dir/prometheus.yml'"; }

. "${BASH_SOURCE%/*}/process.sh"
verb "$@"
