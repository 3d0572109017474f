#!/usr/bin/env bash
# One private Zipkin for tests, in memory, from Maven's repository; called by
# scripts/servers, which documents the verbs. TIDEWIRE_ZIPKIN_PORT (default 19411).
set -euo pipefail
version=3.5.1
port=${TIDEWIRE_ZIPKIN_PORT:-19411}
name=zipkin
dir=${TIDEWIRE_SERVERS:?}/zipkin
log=$TIDEWIRE_SERVERS/zipkin.log
url="http://127.0.0.1:$port"
mark="-Dtidewire=$dir"
program=$TIDEWIRE_SERVERS/zipkin-$version.jar

install() { jar "io.zipkin:zipkin-server:$version:jar:exec" "$program"; }

# boot starts the server on loopback only: its web server reads armeria.ports, and by
# itself would listen on every address. It keeps half a million spans unless told
# otherwise, which is more than its memory, and then does nothing but collect garbage.
boot() {
	(cd "$dir" && QUERY_PORT=$port MEM_MAX_SPANS=50000 exec java -Xmx256m -XX:+ExitOnOutOfMemoryError -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "$mark" \
		-jar "$program" --armeria.ports[0].ip=127.0.0.1 --armeria.ports[0].port="$port" --armeria.ports[0].protocols[0]=http \
		</dev/null >"$log" 2>&1) &
	echo $! >"$dir/pid"
}

ready() { curl -fsS -m 2 "$url/health" >/dev/null 2>&1; }
env_() { echo "export TIDEWIRE_TEST_ZIPKIN='$url'"; }

. "${BASH_SOURCE%/*}/process.sh"
verb "$@"
