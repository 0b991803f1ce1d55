# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# smtp-recv starts smtp-send: --poll=0, --forward-on-disconnect, --immediate.
load recv

setup() {
	prepare
	far=$BATS_TEST_TMPDIR/far
	mkdir "$far"
	message="${start}DATA\r\nSubject: x\r\n\r\ntext\r\n.\r\n"
}
# The next server: another smtp-recv, with its own spool.
listen_far() {
	listen smtp-recv $me --spool-dir="$far" --domain=far.test --log --no-syslog
	sink=127.0.0.1:$port
}
arrived() { [ "$(find "$far" -name '*.envelope' | wc -l)" = "$1" ]; }
is_empty() { [ -z "$(ls "$1")" ]; }
emptied() { [ -z "$(spooled)" ]; }

@test "--poll=0 and --forward-on-disconnect forward when the client has gone" {
	listen_far
	for option in --poll=0 --forward-on-disconnect; do
		wire "$hello$message$message$bye" $option --forward-to=$sink
		assert_success
		codes 220 250 250 250 354 250 250 250 354 250 221
		arrived 2
		nothing_left
		grep -q '^text' "$far"/*.content
		rm "$far"/*
	done
}

@test "--poll=0 is not started for nothing" {
	start answer --log "$BATS_TEST_TMPDIR/said"
	for session in "$bye" "$hello${start}RSET\r\n" "${upto_data}half"; do
		wire "$session" --poll=0 --forward-to=127.0.0.1:$port
		nothing_left
	done
	run ! test -s "$BATS_TEST_TMPDIR/said"
	# whoever just hangs up has his message sent all the same
	wire "$hello$message" --poll=0 --forward-to=127.0.0.1:$port
	nothing_left
	grep -q CONNECT "$BATS_TEST_TMPDIR/said"
}

@test "--poll=60 is for smtp-send, which does that by itself" {
	listen_far
	wire "$hello$message$bye" --poll=60 --forward-to=$sink
	arrived 0
	only
}

@test "--poll=0: what cannot be sent stays" {
	wire "$hello$message$bye" --poll=0 --forward-to=127.0.0.1:1
	codes 220 250 250 250 354 250 221
	only
}

@test "two hundred clients that go at once start few forwarders" {
	listen_far
	# our own smtp-send, which counts
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$bin/smtp-recv" "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/smtp-send" <<-EOF
		#!/bin/sh
		echo x >>'$BATS_TEST_TMPDIR/count'
		exec '$bin/smtp-send' "\$@"
	EOF
	chmod +x "$BATS_TEST_TMPDIR/bin/smtp-send"
	start tcpserver -1 -RH -l localhost -c 300 -b 300 127.0.0.1 0 \
		"$BATS_TEST_TMPDIR/bin/smtp-recv" $me --spool-dir="$spool" \
		--domain=mx.test --poll=0 --forward-to="$sink"
	python3 - "$port" "$hello$message" <<-'EOF'
		import socket, sys
		text = sys.argv[2].replace(r'\r\n', '\r\n')
		clients = []
		for _ in range(200):
		    s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 20)
		    s.sendall(text.encode())
		    clients.append(s)
		for s in clients:
		    got = b''
		    while b'queued as' not in got:
		        more = s.recv(4096)
		        assert more, got
		        got += more
		for s in clients:
		    s.close()
	EOF
	wait_until arrived 200
	wait_until emptied
	forwarders=$(wc -l <"$BATS_TEST_TMPDIR/count")
	((forwarders >= 1 && forwarders <= 20)) || fail "$forwarders forwarders"
	# each message once
	arrived 200
}

@test "no message is left waiting when clients come and go" {
	listen_far
	listen smtp-recv $me --spool-dir="$spool" --domain=mx.test --poll=0 \
		--forward-to="$sink"
	for _ in {1..8}; do
		for _ in {1..10}; do
			exec 5<>"/dev/tcp/127.0.0.1/$port"
			printf %b "$hello$message$bye" >&5
			grep -q '^221' <&5
			exec 5>&-
		done 3>&- &
	done
	wait_until arrived 80
	wait_until emptied
}

@test "--immediate: sent before the reply" {
	listen_far
	wire "$hello$message$bye" --immediate --forward-to=$sink
	codes 220 250 250 250 354 250 221
	[[ $output = *"250 2.0.0 OK queued as emailrelay."* ]]
	arrived 1
	nothing_left
}

@test "--immediate: two messages share a connection" {
	listen_far
	wire "$hello$message$message$bye" --immediate --forward-to=$sink
	codes 220 250 250 250 354 250 250 250 354 250 221
	arrived 2
	nothing_left
	[ "$(grep -c ': connect from' "$log")" = 1 ]
}

@test "--immediate: a refusal is passed on, and nothing is kept" {
	while IFS='|' read -r verb said reply; do
		start answer --reply "$verb=$said"
		wire "$hello$message$bye" --immediate --forward-to=127.0.0.1:$port
		codes 220 250 250 250 354 "${reply%% *}" 221
		assert_line "$reply"
		nothing_left
	done <<-'EOF'
		MAIL|550 5.1.8 not you|550 5.1.8 message processing failed: not you
		RCPT|550 5.1.1 nobody here|550 5.1.1 message processing failed: one or more recipients rejected: <b@b.test>: nobody here
		RCPT|450 4.2.1 not now|450 4.2.1 message processing failed: one or more recipients rejected: <b@b.test>: not now
		DATA|554 5.5.1 no|554 5.5.1 message processing failed: no
		EOD|554 5.7.1 spam|554 5.7.1 message processing failed: spam
		EOD|452 4.3.1 full|452 4.3.1 message processing failed: full
	EOF
}

@test "--immediate: a refusal of one message says nothing of the next" {
	start answer --reply 'EOD:1=554 5.7.1 spam'
	wire "$hello$message$message$bye" --immediate --forward-to=127.0.0.1:$port
	codes 220 250 250 250 354 554 250 250 354 250 221
	nothing_left
}

@test "--immediate: nobody there" {
	wire "$hello$message$message$bye" --immediate --forward-to=127.0.0.1:1
	codes 220 250 250 250 354 451 250 250 354 451 221
	assert_line --partial "message processing failed: cannot connect to 127.0.0.1:1"
	nothing_left
}

@test "--immediate: the next server breaks off" {
	for where in GREETING MAIL EOD; do
		start answer --close $where
		wire "$hello$message$bye" --immediate --forward-to=127.0.0.1:$port
		codes 220 250 250 250 354 4"$(sed -n 's/^4\(..\) .*/\1/p' <<<"$output")" 221
		nothing_left
	done
}

@test "--immediate by BDAT" {
	listen_far
	wire "$hello${start}BDAT 3\r\nabcBDAT 2 LAST\r\n\r\n$bye" --immediate --forward-to=$sink
	codes 220 250 250 250 250 250 221
	arrived 1
	nothing_left
}
