# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# What every .bats file loads: `load helper`. A file with a setup or teardown
# of its own calls prepare and stop_all in them.
bats_require_minimum_version 1.5.0
BATS_LIB_PATH=${BATS_LIB_PATH:-/usr/lib/bats:/usr/local/lib/bats}
bats_load_library bats-support
bats_load_library bats-assert
bats_load_library bats-file
top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
build=$(cd "${TEST_BUILD:-$top/build}" && pwd)
bin=$build/bin peers=$build/t/bin
PATH=$bin:$peers:$PATH
export LC_ALL=C TZ=UTC
# SLUICE_SLOW=1 make check: what takes minutes, too
export TEST_SLOW=${TEST_SLOW-${SLUICE_SLOW-}}
unset PROTO RELAYCLIENT DATABYTES REMOTE_ADDR REMOTE_PORT "${!TCP@}" "${!SLUICE_@}"

# As root the programs would become `daemon`, who may not see our spool: $me
# goes, unquoted, to each of them.
me=$([ "$(id -u)" != 0 ] || echo --user=root)

# needs PROGRAM: the test is skipped without it. What cannot be installed beside
# others is taken out of the package that .ci/setup has fetched.
needs() {
	local deb
	PATH=$BATS_TEST_TMPDIR/fetched/usr/sbin:$PATH
	command -v "$1" >/dev/null && return
	for deb in "${SLUICE_PEERS:-/var/cache/sluice-peers}/$1"_*.deb; do
		[ ! -e "$deb" ] || dpkg-deb -x "$deb" "$BATS_TEST_TMPDIR/fetched"
	done
	command -v "$1" >/dev/null || skip "$1 is not installed"
}

prepare() {
	spool=$BATS_TEST_TMPDIR/spool
	mkdir -p "$spool"
	pids=()
}
# What start started, with its children: each is a process group.
stop_all() {
	local p
	for p in "${pids[@]}"; do kill -- "-$p" 2>/dev/null || true; done
	wait "${pids[@]}" 2>/dev/null || true
}
setup() { prepare; }
teardown() { stop_all; }

# session PROGRAM ARGS... <<EOF: LF in, CR LF on the wire, LF in $output.
session() {
	run --separate-stderr "$@" < <(sed 's/$/\r/')
	output=${output//$'\r'/} lines=("${lines[@]//$'\r'/}")
}
# codes 220 250 503: exactly these replies were given, in this order.
codes() {
	local got
	got=$(sed -n 's/^\([0-9][0-9][0-9]\) .*/\1/p' <<<"$output" | paste -sd' ')
	[ "$got" = "$*" ] || fail "codes: $got, not: $*
$output
${stderr:-}"
}
# The ids of the messages in a state: spooled [bad|busy|new|hold|local]
spooled() {
	local end=.envelope${1:+.$1} f
	for f in "$spool"/*"$end"; do [ ! -e "$f" ] || basename "$f" "$end"; done
}
# Without CR; the exact octets are in $spool/ID.content.
content() { tr -d '\r' <"$spool/$1.content"; }
envelope() { cat "$spool/$1".envelope* | tr -d '\r'; }

# Put a message into the spool by hand: place ID FROM TO... <text
place() {
	local id=$1 from=$2
	shift 2
	sed 's/$/\r/' >"$spool/$id.content"
	printf 'X-MailRelay-%s\r\n' 'Format: #2821.4' 'Content: 7bit' \
		"From: $from" "ToCount: $#" "${@/#/To-Remote: }" \
		'Authentication: ' 'Client: 127.0.0.1' 'ClientName: ' \
		'ClientCertificate: ' 'End: 1' >"$spool/$id.envelope"
}
# wait_until CONDITION...: as soon as the command succeeds, within 20 s.
wait_until() {
	local i
	for ((i = 0; i < 1000; i++)); do "$@" && return; sleep 0.02; done
	fail "waited in vain for: $*"
}
# Run a server that prints its port on stdout first; sets $port, $pid, $log.
start() {
	local out=$BATS_TEST_TMPDIR/start.${#pids[@]}
	log=$out.log
	setsid "$@" >"$out" 2>"$log" </dev/null 3>&- &
	pid=$!
	pids+=("$pid")
	wait_until test -s "$out"
	port=$(head -n 1 "$out")
}
# listen PROGRAM ARGS...: the program behind a port of 127.0.0.1.
listen() { start tcpserver -1 -RH -l localhost 127.0.0.1 0 "$@"; }
