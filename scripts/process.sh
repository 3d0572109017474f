# What the scripts of single servers have in common: one process, its pid in a file. A
# script sets name, dir, log, url and mark (a word of the command line that no other process
# has), defines install, boot, ready and env_, sources this, and ends with: verb "$@"

# packages installs Debian packages.
packages() {
	[ "$(id -u)" = 0 ] || { echo "$name: not installed; run this once as root, or: apt-get install $*" >&2; exit 1; }
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# jar fetches an artifact from Maven's repository to a file, whole or not at all. What runs
# it and what fetches it are installed if they are not there.
jar() {
	local artifact=$1 file=$2 lacks=()
	command -v java >/dev/null || lacks+=(default-jre-headless)
	[ -f "$file" ] || command -v mvn >/dev/null || lacks+=(maven)
	[ ${#lacks[@]} = 0 ] || packages "${lacks[@]}"
	[ ! -f "$file" ] || return 0
	# Into, and from, a folder without a pom.xml: Maven would read it first.
	local new=$file.new
	mkdir -p "$new"
	(cd "$new" && mvn -q -B -Dstyle.color=never dependency:copy -Dartifact="$artifact" -DoutputDirectory="$new" </dev/null >&2)
	mv "$new"/*.jar "$file"
	rm -rf "$new"
}

# pid prints the server's, if it lives: the number in the file may be somebody else's.
pid() {
	local p
	p=$(cat "$dir/pid" 2>/dev/null) || return 1
	tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline" | grep -qF -- "$mark" && echo "$p"
}

# await waits until the server answers, for so many fifths of a second, while it lives.
await() {
	local try
	for ((try = 0; try < $1; try++)); do
		! ready || return 0
		pid >/dev/null || [ "$try" -lt 5 ] || return 1
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
		await 300 || { echo "$name: does not start; the end of $log:" >&2; tail -5 "$log" >&2; return 1; }
	fi
	echo "$name ready at $url"
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
