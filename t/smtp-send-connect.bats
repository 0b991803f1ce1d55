#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# How smtp-send comes to a server, and how long it waits for it.
# shellcheck disable=SC2154

load helper
load send

# send_to HOST:PORT [OPTIONS]
send_to() {
	local there=$1
	shift
	# shellcheck disable=SC2086
	run --separate-stderr smtp-send $me --spool-dir "$spool" --forward-to "$there" \
		--domain mx.test --log --no-syslog "$@"
}
# A port of 127.0.0.1 that nobody listens on: its listener has just ended.
closed_port() {
	start answer
	kill "$pid"
	wait "$pid" || true
}

@test "where to has to be a host and a port" {
	local x
	post 1
	for x in "" localhost localhost: :25 127.0.0.1 ::1 ::1:25 '[::1]' '[::1]:' '[]:25' \
		localhost:0 localhost:65536 localhost:99999 localhost:-25 localhost:+25 \
		"localhost: 25" "local host:25" $'localhost:25\n' localhost:25@x; do
		send_to "$x"
		exits 64
		[[ $stderr == *"host:service"* || -z $x ]] || fail "'$x': $stderr"
	done
	# shellcheck disable=SC2086
	run smtp-send $me --spool-dir "$spool" --no-syslog
	exits 64
	[ "$(state 1)" = ready ]
}

@test "--domain has to be a name, and is ours by default" {
	local x
	post 1
	serve
	for x in 'a b' $'a\r\nQUIT' 'a>' 'a..b' -a; do
		# shellcheck disable=SC2086
		run smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog --domain="$x"
		exits 64
	done
	# shellcheck disable=SC2086
	run smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog
	exits 0
	[ "$(said_times "^EHLO $(uname -n)$")" = 1 ] || fail "$(cat "$said")"
	post 1
	# shellcheck disable=SC2086
	run smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog --domain='[127.0.0.1]'
	exits 0
	[ "$(said_times '^EHLO \[127.0.0.1\]$')" = 1 ]
}

@test "nobody there: exit status 75, and the messages are as they were" {
	local before
	post 1 2
	before=$(md5sum "$spool"/*; stat -c '%n %Y' "$spool"/*)
	closed_port
	send_to "127.0.0.1:$port"
	exits 75
	[[ $stderr == *"cannot connect to 127.0.0.1:$port: Connection refused"* ]]
	[ "$(grep -c 'cannot connect' <<<"$stderr")" = 1 ] || fail "$stderr"
	[ "$(md5sum "$spool"/*; stat -c '%n %Y' "$spool"/*)" = "$before" ]
	send_to "no.such.host.invalid:25"
	exits 75
	[[ $stderr == *"dns error: no.such.host.invalid:25: "* ]]
	send_to "127.0.0.1:no-such-service"
	exits 75
	[[ $stderr == *"dns error: "* ]]
	[ "$(md5sum "$spool"/*; stat -c '%n %Y' "$spool"/*)" = "$before" ]
}

@test "IPv6: [::1]:PORT" {
	grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null || skip "no IPv6 on loopback"
	post 1
	serve --ipv6
	send_to "[::1]:$port"
	exits 0
	[ "$(arrived)" = 1 ]
	[[ $stderr == *"relay=::1[::1]:$port, "* ]] || fail "$stderr"
}

# A name that has these addresses, for the rest of the test, if it can be done: in
# a mount namespace with another /etc/hosts. $within runs a command there.
name_with() {
	local hosts=$BATS_TEST_TMPDIR/hosts
	printf '%s two.test\n' "$@" >"$hosts"
	# shellcheck disable=SC2016
	within=(unshare -rm sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$hosts")
	"${within[@]}" getent ahosts two.test >/dev/null 2>&1 ||
		skip "/etc/hosts cannot be replaced in a mount namespace"
}

@test "a host with several addresses: each is tried in turn" {
	name_with ::1 127.0.0.1
	post 1
	serve
	run --separate-stderr "${within[@]}" smtp-send --user=root --spool-dir "$spool" \
		--forward-to "two.test:$port" --log --verbose --no-syslog
	exits 0
	[ "$(arrived)" = 1 ]
	[[ $stderr == *"cannot connect to ::1:$port: "*"relay=two.test[127.0.0.1]:$port, "* ]] ||
		fail "$stderr"
	post 1
	closed_port
	run --separate-stderr "${within[@]}" smtp-send --user=root --spool-dir "$spool" \
		--forward-to "two.test:$port" --log --verbose --no-syslog
	exits 75
	[ "$(grep -c 'cannot connect to ::1:' <<<"$stderr")" = 1 ]
	[ "$(grep -c 'cannot connect to 127.0.0.1:' <<<"$stderr")" -ge 1 ]
}

@test "--connection-timeout: a host that is silent already when called" {
	post 1 2
	start answer --deaf
	SECONDS=0
	send_to "127.0.0.1:$port" --connection-timeout=1
	exits 75
	((SECONDS < 10)) || fail "it took $SECONDS s"
	[[ $stderr == *"cannot connect to 127.0.0.1:$port: "*" timed out"* ]] || fail "$stderr"
	[ "$(states 2)" = "ready ready" ]
}

@test "--prompt-timeout: without a greeting we go on, and a late one is understood" {
	post 1
	serve --reply 'GREETING=\c'
	forward --prompt-timeout=1
	exits 0
	[[ $stderr == *"no greeting from "* ]]
	[ "$(arrived)" = 1 ]
	# nothing is said for 1.5 s: then both come, the greeting and the reply
	post 2
	serve --reply 'GREETING=\c' --reply 'EHLO=220 late\r\n250-here\r\n250 SIZE'
	forward --prompt-timeout=1
	exits 0
	[ "$(said_times '^MAIL FROM:<from2@a.test> SIZE=')" = 1 ]
	post 3
	serve --reply 'GREETING=\c' --reply 'EHLO=554 late and sorry'
	forward --prompt-timeout=1
	exits 75
	[ "$(state 3)" = ready ]
	[ "$(said_times 'MAIL|HELO')" = 0 ]
}

@test "a greeting in time is waited for, even if it is slow" {
	post 1
	serve --delay-ms 400
	forward --prompt-timeout=5
	exits 0
	[[ $stderr != *"no greeting"* ]]
	[ "$(said_times EARLY)" = 0 ]
}

@test "--response-timeout: at each step; the connection is not used any more" {
	local step
	for step in EHLO MAIL RCPT DATA EOD; do
		rm -f "$spool"/*
		post 1 2
		serve --silent "$step:1"
		SECONDS=0
		forward --response-timeout=1
		exits 75
		((SECONDS < 10)) || fail "$step: $SECONDS s"
		if [ $step = EHLO ]; then
			[ "$(states 2)" = "ready ready" ]
		else
			deferred 1 1 '^451 4.4.2 timed out '
			[ "$(states 2)" = "deferred gone" ] || fail "$step: $(states 2)"
			[ "$(said_times CONNECT)" = 2 ]
		fi
	done
}

@test "--response-timeout is for a whole reply: one that drips ends as well" {
	post 1 2
	serve --endless MAIL:1 --delay-ms 100
	SECONDS=0
	forward --response-timeout=1
	exits 75
	((SECONDS < 10)) || fail "it took $SECONDS s"
	deferred 1 1 '^451 4.4.2 timed out '
	[ "$(states 2)" = "deferred gone" ]
}

@test "endless lines and replies end long before the time is up" {
	local how step
	for how in endless endless-line; do
		for step in EHLO MAIL:1 EOD:1; do
			rm -f "$spool"/*
			post 1 2
			serve --$how $step
			SECONDS=0
			forward --response-timeout=60
			exits 75
			((SECONDS < 10)) || fail "$how $step: $SECONDS s"
		done
	done
}

@test "a server that does not read: the text is given up in time" {
	post 1
	# more than all the buffers between us can take
	truncate -s 64M "$spool/$(id 1).content"
	# behind the 354 it reads no more
	listen sh -c 'printf "220 x\r\n"; read -r l; printf "250 x\r\n"; read -r l; printf "250 x\r\n"; read -r l; printf "250 x\r\n"; read -r l; printf "354 x\r\n"; exec tail -f /dev/null'
	SECONDS=0
	forward --response-timeout=1
	exits 75
	((SECONDS < 15)) || fail "it took $SECONDS s"
	deferred 1 1 '^451 4.4.2 timed out '
	[[ $stderr != *"may arrive twice"* ]]
}

# A name server that hears and never answers, in a network of its own. $alone
# runs a command there; it ends with it.
name_server_asleep() {
	local conf=$BATS_TEST_TMPDIR/resolv.conf
	echo "nameserver 127.0.0.1
options timeout:30 attempts:1" >"$conf"
	cat >"$BATS_TEST_TMPDIR/asleep" <<-'EOT'
		import socket, subprocess, sys
		sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		sock.bind(('127.0.0.1', 53))
		sys.exit(subprocess.call(sys.argv[1:]))
	EOT
	# shellcheck disable=SC2016
	alone=(unshare -rmn sh -c 'mount --bind "$0" /etc/resolv.conf &&
		ip link set lo up && exec python3 "$@"' "$conf" "$BATS_TEST_TMPDIR/asleep")
	"${alone[@]}" true 2>/dev/null || skip "no network of our own can be had"
	[ "$("${alone[@]}" sh -c 'timeout 1 getent hosts far.test; echo $?')" = 124 ] ||
		skip "the name server is not asked"
}

@test "a name server that never answers: --connection-timeout is for that, too" {
	name_server_asleep
	post 1 2
	SECONDS=0
	run --separate-stderr "${alone[@]}" smtp-send --user=root --spool-dir "$spool" \
		--forward-to "far.test:25" --no-syslog --connection-timeout=1
	((SECONDS < 10)) || fail "it took $SECONDS s"
	exits 75
	[[ $stderr == *"dns error: far.test:25: Connection timed out"* ]] || fail "$stderr"
	[ "$(states 2)" = "ready ready" ]
	run --separate-stderr "${alone[@]}" smtp-send --user=root --spool-dir "$spool" \
		--forward-to "far.test:25@proxy.test:1080" --no-syslog --connection-timeout=1
	((SECONDS < 15)) || fail "it took $SECONDS s"
	exits 75
	[[ $stderr == *"dns error: proxy.test:1080: Connection timed out"* ]] || fail "$stderr"
}

@test "a name server that never answers: --filter-timeout of a net: filter" {
	name_server_asleep
	post 1
	cat >"$BATS_TEST_TMPDIR/both" <<-'EOT'
		answer --save "$1" >"$1/port" &
		until [ -s "$1/port" ]; do sleep 0.02; done
		shift
		"$@" --forward-to "127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")"
		status=$?
		kill $!
		exit $status
	EOT
	SECONDS=0
	run --separate-stderr "${alone[@]}" sh "$BATS_TEST_TMPDIR/both" "$BATS_TEST_TMPDIR" \
		smtp-send --user=root --spool-dir "$spool" --no-syslog \
		--client-filter=net:far.test:10026 --filter-timeout=1
	((SECONDS < 10)) || fail "it took $SECONDS s"
	exits 75
	deferred 1 1 'preprocessing: message processing timed out'
	[[ $stderr == *"dns error: far.test:10026: Connection timed out"* ]] || fail "$stderr"
}

@test "addresses that do not answer leave time for those behind them" {
	name_with 127.0.0.1 127.0.0.2
	post 1
	start answer --deaf
	serve
	# the first one is deaf at this port, the second one is not there
	SECONDS=0
	run --separate-stderr "${within[@]}" smtp-send --user=root --spool-dir "$spool" \
		--forward-to "two.test:$(head -n 1 "$BATS_TEST_TMPDIR/start.0")" --verbose \
		--no-syslog --connection-timeout=2
	((SECONDS < 10)) || fail "it took $SECONDS s"
	exits 75
	[[ $stderr == *"cannot connect to 127.0.0.1:"*": Connection timed out"* ]] || fail "$stderr"
	[[ $stderr == *"cannot connect to 127.0.0.2:"*": Connection refused"* ]] || fail "$stderr"
}
