#!/usr/bin/env bash
# One private mail server for tests, GreenMail; called by scripts/servers, which documents
# the verbs. It takes mail for everybody, keeps it in memory, and gives it back by HTTP. What
# it has makes it slow, so `up` empties it.
# TIDEWIRE_MAIL_PORT (default 13025); its API is on the next port.
set -euo pipefail
port=${TIDEWIRE_MAIL_PORT:-13025}
api=$((port + 1))
version=2.1.5
data=${TIDEWIRE_SERVERS:?}/mail
jar=$data/greenmail-standalone-$version.jar
log=$data/log
url="smtp://127.0.0.1:$port"

# need installs a package unless its program is there.
need() {
	! command -v "$1" >/dev/null || return 0
	[ "$(id -u)" = 0 ] || { echo "mail: $1 is not installed; run this once as root, or: apt-get install $2" >&2; exit 1; }
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}

install() {
	need java default-jre-headless
	[ ! -f "$jar" ] || return 0
	need mvn maven
	local new=$data/new.$$
	mkdir -p "$new"
	mvn -q -B dependency:copy -Dartifact=com.icegreen:greenmail-standalone:$version -DoutputDirectory="$new" >"$log" 2>&1 ||
		{ echo "mail: GreenMail $version could not be fetched; the end of $log:" >&2; tail -5 "$log" >&2; exit 1; }
	mv "$new/${jar##*/}" "$jar" # whole or not at all
	rm -rf "$new"
}

# pid prints the server's, if it lives. The number in the file may be somebody else's.
pid() {
	local p
	p=$(cat "$data/pid" 2>/dev/null) || return 1
	tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline" | grep -qF -- "$jar" && echo "$p"
}

answers() { curl -sf -m 2 -o /dev/null "http://127.0.0.1:$api/api/service/readiness" 2>/dev/null || bash -c "exec 3<>/dev/tcp/127.0.0.1/$port && timeout 2 head -c3 <&3 | grep -q 220" 2>/dev/null; }

purge() { curl -sf -m 30 -o /dev/null -X POST "http://127.0.0.1:$api/api/mail/purge" 2>/dev/null; }

boot() {
	setsid java -Xmx256m -Dgreenmail.smtp.hostname=127.0.0.1 -Dgreenmail.smtp.port="$port" -Dgreenmail.auth.disabled \
		-Dgreenmail.api.hostname=127.0.0.1 -Dgreenmail.api.port="$api" -jar "$jar" >"$log" 2>&1 </dev/null &
	echo $! >"$data/pid"
}

up() {
	mkdir -p "$data"
	install
	if pid >/dev/null; then resume; else boot; fi
	local try
	for ((try = 0; try < 300; try++)); do
		! { answers && purge; } || { echo "mail ready at $url"; return 0; }
		pid >/dev/null || break
		sleep 0.2
	done
	echo "mail: does not start; the end of $log:" >&2
	tail -5 "$log" >&2
	return 1
}

down() {
	local p
	p=$(pid) || return 0
	kill -CONT "$p"
	kill "$p"
	while pid >/dev/null; do sleep 0.1; done
}

status() {
	local p
	p=$(pid) || { echo "mail down"; return 1; }
	answers || { echo "mail pid $p does not answer"; return 1; }
	echo "mail up, pid $p, $url"
}

env_() {
	echo "export TIDEWIRE_TEST_MAIL='$url'"
	echo "export TIDEWIRE_TEST_MAIL_API='http://127.0.0.1:$api'"
	echo "export TIDEWIRE_TEST_MAIL_JAR='$jar'"
}

running() { pid || { echo "mail: not running" >&2; return 1; }; }
wipe() { down; rm -rf "$data"; }
kill9() { local p; p=$(running) && kill -KILL "$p"; }
pause() { local p; p=$(running) && kill -STOP "$p"; }
resume() { local p; p=$(running) && kill -CONT "$p"; }

case ${1:-} in
env) env_ ;;
up | down | status | wipe | kill9 | pause | resume) "$1" ;;
*) exit 2 ;;
esac
