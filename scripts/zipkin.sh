#!/usr/bin/env bash
# One private Zipkin for tests, in memory, from Maven Central; called by scripts/servers,
# which documents the verbs. TIDEWIRE_ZIPKIN_PORT (default 19411).
set -euo pipefail
version=3.5.1
port=${TIDEWIRE_ZIPKIN_PORT:-19411}
dir=${TIDEWIRE_SERVERS:?}/zipkin
jar=$TIDEWIRE_SERVERS/zipkin-$version.jar
log=$TIDEWIRE_SERVERS/zipkin.log
url="http://127.0.0.1:$port"

install() {
	if [ -f "$jar" ] && command -v java >/dev/null; then return 0; fi
	local lacks=()
	command -v java >/dev/null || lacks+=(default-jre-headless)
	[ -f "$jar" ] || command -v mvn >/dev/null || lacks+=(maven)
	if [ ${#lacks[@]} -gt 0 ]; then
		[ "$(id -u)" = 0 ] || { echo "zipkin: needs Java and Maven; run this once as root, or: apt-get install ${lacks[*]}" >&2; exit 1; }
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${lacks[@]}" >/dev/null
	fi
	[ ! -f "$jar" ] || return 0
	# From a folder without a pom.xml: Maven would read it first.
	mkdir -p "$dir"
	(cd "$dir" && mvn -q -B dependency:copy -Dartifact="io.zipkin:zipkin-server:$version:jar:exec" -DoutputDirectory="$dir/jar" -Dmdep.overWriteReleases=true </dev/null >&2)
	mv "$dir/jar/zipkin-server-$version-exec.jar" "$jar" # whole or not at all
}

# pid prints the server's, if it lives: the number in the file may be somebody else's.
pid() {
	local p
	p=$(cat "$dir/pid" 2>/dev/null) || return 1
	tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline" | grep -qF -- "-Dtidewire=$dir" && echo "$p"
}

# boot starts the server on loopback only: its web server reads armeria.ports, and by
# itself would listen on every address. It keeps half a million spans unless told
# otherwise, which is more than its memory, and then does nothing but collect garbage.
boot() {
	mkdir -p "$dir"
	(cd "$dir" && QUERY_PORT=$port MEM_MAX_SPANS=50000 exec java -Xmx256m -XX:+ExitOnOutOfMemoryError -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dtidewire="$dir" \
		-jar "$jar" --armeria.ports[0].ip=127.0.0.1 --armeria.ports[0].port="$port" --armeria.ports[0].protocols[0]=http \
		</dev/null >"$log" 2>&1) &
	echo $! >"$dir/pid"
}

ready() { curl -fsS -m 2 "$url/health" >/dev/null 2>&1; }

up() {
	install
	local try
	if pid >/dev/null; then
		resume
		for ((try = 0; try < 5; try++)); do ready && break; sleep 1; done
		ready || down # it hangs
	fi
	pid >/dev/null || boot
	for ((try = 0; try < 300; try++)); do
		ready && break
		pid >/dev/null || [ "$try" -lt 5 ] || break
		sleep 0.2
	done
	ready || { echo "zipkin: does not start; the end of $log:" >&2; tail -5 "$log" >&2; return 1; }
	echo "zipkin ready at $url"
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
	local p
	p=$(pid) || { echo "zipkin down"; return 1; }
	ready || { echo "zipkin pid $p does not answer"; return 1; }
	echo "zipkin up, pid $p, $url"
}

env_() { echo "export TIDEWIRE_TEST_ZIPKIN='$url'"; }
wipe() { down; rm -rf "$dir" "$log"; } # the program stays: it is large, and nobody's data
kill9() { local p; p=$(pid) && kill -KILL "$p"; }
pause() { local p; p=$(pid) && kill -STOP "$p"; }
resume() { local p; p=$(pid) && kill -CONT "$p"; }

case ${1:-} in
env) env_ ;;
up | down | status | wipe | kill9 | pause | resume) "$1" ;;
*) exit 2 ;;
esac
