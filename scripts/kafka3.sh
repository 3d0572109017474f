#!/usr/bin/env bash
# Three Kafka nodes that are one cluster, for tests in which a leader changes; called by
# scripts/servers, which documents the verbs. Of the second node alone: kafka3:2.
# TIDEWIRE_KAFKA3_PORT (default 19192); the ports of each are ten after those of the one before.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
port=${TIDEWIRE_KAFKA3_PORT:-19192}

# node runs kafka.sh for one of the nodes.
node() {
	TIDEWIRE_KAFKA_NAME=kafka3-$1 TIDEWIRE_KAFKA_NODE=$1 TIDEWIRE_KAFKA_NODES=3 TIDEWIRE_KAFKA_PORT=$((port + 10 * ($1 - 1))) "$here/kafka.sh" "$2"
}

# each runs a verb for the nodes at once: one alone is no majority, and neither starts nor
# stops well.
each() {
	local i failed=0 all=()
	for i in 1 2 3; do
		node "$i" "$1" &
		all+=($!)
	done
	for i in "${all[@]}"; do wait "$i" || failed=1; done
	return $failed
}

env_() {
	local nodes="127.0.0.1:$port,127.0.0.1:$((port + 10)),127.0.0.1:$((port + 20))"
	echo "export TIDEWIRE_TEST_KAFKA3='kafka://$nodes'"
}

case ${1:-} in
env) env_ ;;
up | down | status | wipe | kill9 | pause | resume) if [ -n "${2:-}" ]; then node "$2" "$1"; else each "$1"; fi ;;
*) exit 2 ;;
esac
