#!/usr/bin/env bash
# One private mail server for tests, GreenMail; called by scripts/servers, which documents
# the verbs. It takes mail for everybody, keeps it in memory, and gives it back by HTTP. What
# it has makes it slow, so `up` empties it.
# TIDEWIRE_MAIL_PORT (default 13025); its API is on the next port.
set -euo pipefail
version=2.1.5
port=${TIDEWIRE_MAIL_PORT:-13025}
api=$((port + 1))
name=mail
dir=${TIDEWIRE_SERVERS:?}/mail
log=$TIDEWIRE_SERVERS/mail.log
url="smtp://127.0.0.1:$port"
program=$TIDEWIRE_SERVERS/greenmail-standalone-$version.jar
mark=$program

install() { jar "com.icegreen:greenmail-standalone:$version" "$program"; }

boot() {
	setsid java -Xmx256m -Dgreenmail.smtp.hostname=127.0.0.1 -Dgreenmail.smtp.port="$port" -Dgreenmail.auth.disabled \
		-Dgreenmail.api.hostname=127.0.0.1 -Dgreenmail.api.port="$api" -jar "$program" >"$log" 2>&1 </dev/null &
	echo $! >"$dir/pid"
}

ready() { curl -sf -m 2 -o /dev/null "http://127.0.0.1:$api/api/service/readiness" 2>/dev/null; }
purge() { curl -sf -m 30 -o /dev/null -X POST "http://127.0.0.1:$api/api/mail/purge"; }

env_() {
	echo "export TIDEWIRE_TEST_MAIL='$url'"
	echo "export TIDEWIRE_TEST_MAIL_API='http://127.0.0.1:$api'"
	echo "export TIDEWIRE_TEST_MAIL_JAR='$program'"
}

. "${BASH_SOURCE%/*}/process.sh"
verb "$@"
[ "${1:-}" != up ] || purge
