#!/usr/bin/env bash
# One private RabbitMQ node for tests, on Debian's package, with its management; called by
# scripts/servers, which documents the verbs. User guest, password guest, an administrator.
# TIDEWIRE_RABBITMQ_PORT (default 19672). The next ports: AMQPS; the management's HTTP API;
# metrics; Erlang's own and its epmd.
set -euo pipefail
port=${TIDEWIRE_RABBITMQ_PORT:-19672}
name=rabbitmq
dir=${TIDEWIRE_SERVERS:?}/rabbitmq
log=$TIDEWIRE_SERVERS/rabbitmq.log
url="amqp://guest:guest@127.0.0.1:$port/"
mark="-tidewire $dir"
grace=150 # it writes its pid itself, once Erlang is up
epmd=$((port + 5))
tls=$dir/tls
# Not the program of the same name in /usr/sbin: that one insists on folders of its own.
program=/usr/lib/rabbitmq/bin/rabbitmq-server

install() {
	needs curl:curl
	[ -x "$program" ] || packages rabbitmq-server
	certificates "$tls"
}

# as becomes a command as the package's user, with nothing in its environment but what makes
# the node a private one.
as() {
	local user=()
	[ "$(id -u)" != 0 ] || user=(setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups)
	cd /
	exec "${user[@]}" env -i HOME="$dir" LC_ALL=C.UTF-8 PATH=/usr/lib/erlang/bin:/usr/local/bin:/usr/bin:/bin \
		RABBITMQ_NODENAME="tidewire$port@localhost" RABBITMQ_USE_LONGNAME=false RABBITMQ_PID_FILE="$dir/pid" \
		RABBITMQ_MNESIA_BASE="$dir/data" RABBITMQ_LOG_BASE="$dir/log" RABBITMQ_GENERATED_CONFIG_DIR="$dir/generated" RABBITMQ_SCHEMA_DIR="$dir/schema" \
		RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf" RABBITMQ_ADVANCED_CONFIG_FILE="$dir/advanced.config" RABBITMQ_CONF_ENV_FILE="$dir/none" \
		RABBITMQ_ENABLED_PLUGINS_FILE="$dir/plugins" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$port" RABBITMQ_DIST_PORT=$((port + 4)) \
		RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="$mark -kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none" \
		ERL_EPMD_PORT="$epmd" ERL_EPMD_ADDRESS=127.0.0.1 "$@"
}

configure() {
	mkdir -p "$dir"/{data,log,generated,schema}
	cat >"$dir/rabbitmq.conf" <<P
listeners.tcp.1 = 127.0.0.1:$port
listeners.ssl.1 = 127.0.0.1:$((port + 1))
ssl_options.cacertfile = $tls/ca.pem
ssl_options.certfile = $tls/server.pem
ssl_options.keyfile = $tls/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
management.tcp.ip = 127.0.0.1
management.tcp.port = $((port + 2))
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = $((port + 3))
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
P
	echo '[].' >"$dir/advanced.config"
	echo '[rabbitmq_management,rabbitmq_prometheus].' >"$dir/plugins"
	: >"$dir/none"
	[ -f "$dir/.erlang.cookie" ] || (umask 377 && echo tidewirethrowaway >"$dir/.erlang.cookie")
	[ "$(id -u)" != 0 ] || chown -R rabbitmq: "$dir"
}

# names starts Erlang's register of names, which the node would start itself, but not end.
names() {
	tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$dir/epmd.pid" 2>/dev/null)/cmdline" | grep -qF "epmd -port $epmd" && return 0
	(as epmd -port "$epmd" -address 127.0.0.1 -relaxed_command_check) >/dev/null 2>&1 </dev/null &
	echo $! >"$dir/epmd.pid"
	local try
	for ((try = 0; try < 50; try++)); do (exec 3<>"/dev/tcp/127.0.0.1/$epmd") 2>/dev/null && return 0; sleep 0.1; done
}

boot() {
	configure
	names
	rm -f "$dir/pid"
	(as setsid "$program") >"$log" 2>&1 </dev/null &
}

stopped() {
	local p
	p=$(cat "$dir/epmd.pid" 2>/dev/null) || return 0
	! tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline" | grep -qF "epmd -port $epmd" || kill "$p"
	rm -f "$dir/epmd.pid"
}

# ready says whether it greets who speaks AMQP, and whether its management answers, which
# it does last.
ready() { answers "$port" 'AMQP\0\0\x09\x01' && curl -sf -m 3 -o /dev/null -u guest:guest "http://127.0.0.1:$((port + 2))/api/health/checks/port-listener/$port"; }

env_() {
	echo "export TIDEWIRE_QUEUES='$url'"
	echo "export TIDEWIRE_TEST_RABBITMQ='$url'"
	echo "export TIDEWIRE_TEST_RABBITMQ_API='http://guest:guest@127.0.0.1:$((port + 2))'"
	echo "export TIDEWIRE_TEST_RABBITMQ_SECURE='amqps://guest:guest@127.0.0.1:$((port + 1))/?ca=$tls/ca.pem'"
	echo "export TIDEWIRE_TEST_RABBITMQ_TLS='$tls'"
}

. "${BASH_SOURCE%/*}/process.sh"
verb "$@"
