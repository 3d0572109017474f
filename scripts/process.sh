# What the scripts of single servers have in common: one process, its pid in a file. A
# script sets name, dir, log, url and mark (a word of the command line that no other process
# has), defines install, boot, ready and env_, sources this, and ends with: verb "$@"
# It may define stopped: what is to be done once the process has ended.

# alone runs a command while no other script of ours installs anything: neither apt-get nor
# Maven takes kindly to company.
alone() {
	local fd
	exec {fd}>"$TIDEWIRE_SERVERS/install.lock"
	flock "$fd"
	"$@" {fd}>&-
	exec {fd}>&-
}

# packages installs Debian packages, and starts nothing of what they bring: a policy says no
# meanwhile.
packages() {
	[ "$(id -u)" = 0 ] || { echo "$name: not installed; run this once as root, or: apt-get install $*" >&2; exit 1; }
	alone install_packages "$@"
}

install_packages() {
	local policy=/usr/sbin/policy-rc.d ours= rc=0
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		ours=yes
	fi
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; } || rc=$?
	[ -z "$ours" ] || rm -f "$policy"
	return "$rc"
}

# needs installs the packages of those programs that are not there: needs PROGRAM:PACKAGE…
needs() {
	local lacks=() need
	for need; do
		command -v "${need%%:*}" >/dev/null || lacks+=("${need#*:}")
	done
	[ ${#lacks[@]} = 0 ] || packages "${lacks[@]}"
}

# jar fetches an artifact from Maven's repository to a file, whole or not at all. What runs
# it and what fetches it are installed if they are not there.
jar() {
	needs java:default-jre-headless curl:curl
	[ -f "$2" ] || needs mvn:maven
	[ -f "$2" ] || alone fetch_jar "$@"
}

fetch_jar() {
	local artifact=$1 file=$2
	# Into, and from, a folder without a pom.xml: Maven would read it first.
	local new=$file.new
	mkdir -p "$new"
	(cd "$new" && mvn -q -B -Dstyle.color=never dependency:copy -Dartifact="$artifact" -DoutputDirectory="$new" </dev/null >&2)
	mv "$new"/*.jar "$file"
	rm -rf "$new"
}

# jars fetches artifacts and all that they need to a folder, whole or not at all:
# jars FOLDER GROUP:ARTIFACT:VERSION…
jars() {
	[ ! -d "$1" ] || return 0
	needs mvn:maven
	alone fetch_jars "$@"
}

fetch_jars() {
	local folder=$1 artifact group rest
	[ ! -d "$folder" ] || return 0 # somebody else's turn has brought it
	shift
	rm -rf "$folder.new"
	mkdir -p "$folder.new"
	{
		echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
		echo '<groupId>local</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging><dependencies>'
		for artifact; do
			group=${artifact%%:*}
			rest=${artifact#*:}
			echo "<dependency><groupId>$group</groupId><artifactId>${rest%%:*}</artifactId><version>${rest#*:}</version></dependency>"
		done
		echo '</dependencies></project>'
	} >"$folder.new/pom.xml"
	(cd "$folder.new" && mvn -q -B -Dstyle.color=never dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$folder.new" </dev/null >&2)
	rm "$folder.new/pom.xml"
	mv "$folder.new" "$folder"
}

# certificates makes an authority, and a certificate and key of a server and of a client for
# this machine, in a folder, whole or not at all: ca.pem, server.pem, server.key and so on,
# and server.both.pem with key and certificate in one file. Anybody may read them: they are
# for tests, and thrown away.
certificates() {
	[ ! -d "$1" ] || return 0
	needs openssl:openssl
	local new=$1.new who
	rm -rf "$new"
	mkdir -p "$new"
	(
		cd "$new"
		openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=tidewire-tests -keyout ca.key -out ca.pem
		for who in server client; do
			openssl req -newkey rsa:2048 -nodes -subj "/CN=$who" -keyout "$who.raw" -out "$who.csr"
			openssl x509 -req -in "$who.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -out "$who.pem" \
				-extfile <(echo 'subjectAltName=DNS:localhost,IP:127.0.0.1')
			openssl pkcs8 -topk8 -nocrypt -in "$who.raw" -out "$who.key" # the form that Java reads
			cat "$who.key" "$who.pem" >"$who.both.pem"
			rm "$who.raw" "$who.csr"
		done
		chmod 644 ./*
	) 2>/dev/null
	mv "$new" "$1"
}

# answers says whether a port answers to some bytes, given as printf takes them. That it
# takes a connection says nothing: the kernel does that for a paused process too.
answers() {
	[ "$(timeout 3 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "$2" >&3 && head -c 1 <&3 | wc -c' - "$1" "$2" 2>/dev/null)" = 1 ]
}

# ours says whether a process is the server: a number in a file may be somebody else's, and
# a zombie has no command line.
ours() { tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "$mark"; }

# pid prints the server's, if it lives.
pid() {
	local p
	p=$(cat "$dir/pid" 2>/dev/null) || return 1
	ours "$p" && echo "$p"
}

# await waits until the server answers, for so many fifths of a second, while it lives. One
# that writes its pid itself has some seconds for it.
await() {
	local try
	for ((try = 0; try < $1; try++)); do
		! ready || return 0
		pid >/dev/null || [ "$try" -lt "${grace:-5}" ] || return 1
		sleep 0.2
	done
	return 1
}

up() {
	mkdir -p "$dir"
	install
	if pid >/dev/null; then
		resume
		await 10 || down # it hangs
	fi
	if ! pid >/dev/null; then
		boot
		await "${patience:-300}" || { echo "$name: does not start; the end of $log:" >&2; tail -5 "$log" >&2; return 1; }
	fi
	echo "$name ready at $url"
}

down() {
	local p try
	if p=$(pid); then
		kill -CONT "$p"
		kill -TERM "$p"
		# Not by the file, which some servers delete before they have ended.
		for ((try = 0; try < 100; try++)); do ours "$p" || break; sleep 0.1; done
		! ours "$p" || kill -KILL "$p"
	fi
	! declare -F stopped >/dev/null || stopped
}

status() {
	local p
	p=$(pid) || { echo "$name down"; return 1; }
	ready || { echo "$name pid $p does not answer"; return 1; }
	echo "$name up, pid $p, $url"
}

wipe() { down; rm -rf "$dir" "$log"; } # a program that was fetched stays: it is nobody's data

running() { pid || { echo "$name: not running" >&2; return 1; }; }
kill9() { local p; p=$(running) && kill -KILL "$p"; }
pause() { local p; p=$(running) && kill -STOP "$p"; }
resume() { local p; p=$(running) && kill -CONT "$p"; }

verb() {
	case ${1:-} in
	env) env_ ;;
	up | down | status | wipe | kill9 | pause | resume) "$1" ;;
	*) exit 2 ;;
	esac
}
