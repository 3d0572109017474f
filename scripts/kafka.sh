#!/usr/bin/env bash
# One private Kafka for tests, a KRaft node from Maven's repository; called by
# scripts/servers, which documents the verbs, and by kafka3.sh, for one node of three.
# TIDEWIRE_KAFKA_PORT (default 19092): plaintext, where everybody may do everything. The next
# ports: its controller; SASL with TLS (user admin, password admin-secret, who may do
# everything; SCRAM and PLAIN); mutual TLS (user CN=client, who may do nothing until told).
set -euo pipefail
version=4.3.1
port=${TIDEWIRE_KAFKA_PORT:-19092}
node=${TIDEWIRE_KAFKA_NODE:-1} # of how many; the ports of each are ten after those of the one before
nodes=${TIDEWIRE_KAFKA_NODES:-1}
name=${TIDEWIRE_KAFKA_NAME:-kafka}
dir=${TIDEWIRE_SERVERS:?}/$name
log=$TIDEWIRE_SERVERS/$name.log
url="kafka://127.0.0.1:$port"
mark="kafka.Kafka $dir/server.properties"
tls=$dir/tls
libs=$TIDEWIRE_SERVERS/kafka-$version
password=admin-secret

install() {
	needs java:default-jre-headless
	# Without this binding of slf4j its log is empty.
	jars "$libs" "org.apache.kafka:kafka_2.13:$version" "org.apache.kafka:kafka-tools:$version" org.apache.logging.log4j:log4j-slf4j-impl:2.24.3
	certificates "$tls"
}

# voters are the controllers of all nodes.
voters() {
	local i all=
	for ((i = 1; i <= nodes; i++)); do all+=",$i@127.0.0.1:$((port + 1 + 10 * (i - node)))"; done
	echo "${all#,}"
}

# configure writes what a small machine needs: few threads, no pause before a new group.
configure() {
	local copies=$nodes least=1 login=org.apache.kafka.common.security
	[ "$nodes" -lt 3 ] || least=2
	cat >"$dir/server.properties" <<P
process.roles=broker,controller
node.id=$node
controller.quorum.voters=$(voters)
controller.listener.names=CONTROL
listeners=PLAIN://127.0.0.1:$port,CONTROL://127.0.0.1:$((port + 1)),SASL://127.0.0.1:$((port + 2)),MUTUAL://127.0.0.1:$((port + 3))
advertised.listeners=PLAIN://127.0.0.1:$port,SASL://127.0.0.1:$((port + 2)),MUTUAL://127.0.0.1:$((port + 3))
listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROL:PLAINTEXT,SASL:SASL_SSL,MUTUAL:SSL
inter.broker.listener.name=PLAIN
log.dirs=$dir/data
default.replication.factor=$copies
min.insync.replicas=$least
offsets.topic.replication.factor=$copies
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$least
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$least
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
log.segment.bytes=67108864
log.cleaner.dedupe.buffer.size=16777216
ssl.keystore.type=PEM
ssl.keystore.location=$tls/server.both.pem
ssl.truststore.type=PEM
ssl.truststore.location=$tls/ca.pem
listener.name.mutual.ssl.client.auth=required
listener.name.sasl.ssl.client.auth=none
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN
listener.name.sasl.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN
listener.name.sasl.scram-sha-256.sasl.jaas.config=$login.scram.ScramLoginModule required;
listener.name.sasl.scram-sha-512.sasl.jaas.config=$login.scram.ScramLoginModule required;
listener.name.sasl.plain.sasl.jaas.config=$login.plain.PlainLoginModule required user_admin="$password";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:admin
P
	# A leader that is killed is missed soon: what waits for that should be short.
	[ "$nodes" = 1 ] || printf 'broker.session.timeout.ms=3000\nbroker.heartbeat.interval.ms=500\ncontroller.quorum.fetch.timeout.ms=1500\ncontroller.quorum.election.timeout.ms=500\n' >>"$dir/server.properties"
	cat >"$dir/log4j2.xml" <<'P'
<Configuration status="WARN"><Appenders><Console name="o"><PatternLayout pattern="[%d] %p %m (%c)%n"/></Console></Appenders>
<Loggers><Root level="INFO"><AppenderRef ref="o"/></Root></Loggers></Configuration>
P
}

# format makes the node's storage, with the users, unless it is there.
format() {
	[ ! -f "$dir/data/meta.properties" ] || return 0
	java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx128m -Dlog4j2.configurationFile="$dir/log4j2.xml" -cp "$libs/*" \
		kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qk -c "$dir/server.properties" --ignore-formatted \
		--add-scram "SCRAM-SHA-256=[name=admin,password=$password]" --add-scram "SCRAM-SHA-512=[name=admin,password=$password]" >"$log" 2>&1 ||
		{ echo "$name: its storage cannot be formatted; the end of $log:" >&2; tail -5 "$log" >&2; return 1; }
}

boot() {
	configure
	format
	setsid java -XX:+UseSerialGC -Xms128m -Xmx512m -Dlog4j2.configurationFile="$dir/log4j2.xml" -cp "$libs/*" \
		kafka.Kafka "$dir/server.properties" >"$log" 2>&1 </dev/null &
	echo $! >"$dir/pid"
}

# ready says whether it has started and answers a question: which versions of the protocol
# it speaks.
ready() { grep -q 'Kafka Server started' "$log" 2>/dev/null && answers "$port" '\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff'; }

env_() {
	local both="tls=true&ca=$tls/ca.pem"
	echo "export TIDEWIRE_STREAMS='$url'"
	echo "export TIDEWIRE_TEST_KAFKA='$url'"
	echo "export TIDEWIRE_TEST_KAFKA_SECURE='kafka://admin:$password@127.0.0.1:$((port + 2))?$both&sasl=scram-sha-256'"
	echo "export TIDEWIRE_TEST_KAFKA_MUTUAL='kafka://127.0.0.1:$((port + 3))?$both&cert=$tls/client.pem&key=$tls/client.key'"
	echo "export TIDEWIRE_TEST_KAFKA_TLS='$tls'"
}

. "${BASH_SOURCE%/*}/process.sh"
verb "$@"
