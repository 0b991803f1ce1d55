# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# Who is calling: tcpserver, inetd, systemd, a pipe.
load recv

message="$upto_data.\r\n$bye"
# The address in the envelope of the only message, which goes.
client() {
	envelope "$(only)" | sed -n 's/^X-MailRelay-Client: //p'
	rm "$spool"/*
}
# inetd OPTION... -- SMTP-RECV-OPTION...: a message over a socket.
inetd() {
	local options=()
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	run talk "${options[@]}" smtp-recv $me --spool-dir="$spool" \
		--domain=mx.test "$@" < <(printf %b "$message")
	output=${output//$'\r'/} lines=("${lines[@]//$'\r'/}")
}

@test "what the environment says, and in which order" {
	while IFS='|' read -r ip variables; do
		run env $variables smtp-recv $me --spool-dir="$spool" \
			--remote-clients < <(printf %b "$message")
		assert_success
		[ "$(client)" = "$ip" ] || fail "$variables"
	done <<-'EOF'
		192.0.2.1|PROTO=TCP TCPREMOTEIP=192.0.2.1 REMOTE_ADDR=192.0.2.3
		192.0.2.1|PROTO=TCP TCPREMOTEIP=::ffff:192.0.2.1
		2001:db8::1|PROTO=TCP6 TCP6REMOTEIP=2001:db8::1 TCPREMOTEIP=192.0.2.2
		192.0.2.1|PROTO=TCP6 TCP6REMOTEIP=::ffff:192.0.2.1
		192.0.2.2|PROTO=SSL TCPREMOTEIP=192.0.2.2
		192.0.2.2|TCPREMOTEIP=192.0.2.2
		192.0.2.3|REMOTE_ADDR=192.0.2.3 REMOTE_PORT=4711
		fe80::1|REMOTE_ADDR=fe80::1%eth0
		127.0.0.1|PROTO=UNIX
		127.0.0.1|TCPREMOTEIP=
		127.0.0.1|TCPREMOTEIP=mx.test
		127.0.0.1|TCPREMOTEIP=1.2.3.4.5
		192.0.2.3|TCPREMOTEIP=999.1.1.1 REMOTE_ADDR=192.0.2.3
		127.0.0.1|PROTO=%s%s%s%s%n TCPREMOTEIP=x
	EOF
}

@test "a pipe and a Unix socket are local" {
	wire "$message"
	[ "$(client)" = 127.0.0.1 ]
	inetd --
	codes 220 250 250 250 354 250 221
	[ "$(client)" = 127.0.0.1 ]
}

@test "inetd: the socket itself says" {
	inetd -4 -- --log --no-syslog
	assert_line --partial 'connect from unknown[127.0.0.1]'
	[ "$(client)" = 127.0.0.1 ]
	inetd -6 -- || skip "no IPv6 here"
	[ "$(client)" = ::1 ]
}

@test "tcpserver: a real one" {
	listen smtp-recv $me --spool-dir="$spool" --domain=mx.test --log --no-syslog
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	printf %b "$message" >&5
	output=$(tr -d '\r' <&5)
	exec 5>&-
	codes 220 250 250 250 354 250 221
	[ "$(client)" = 127.0.0.1 ]
	grep -q 'sluice/smtpd\[[0-9]*\]: emailrelay\.[0-9.]*: client=unknown\[127.0.0.1\]' "$log"
}

@test "a remote client is not talked to" {
	export TCPREMOTEIP=192.0.2.1
	wire "$message"
	assert_success
	[ -z "$output" ]
	[[ $stderr = *"warning: configured to reject non-local smtp connection: unknown[192.0.2.1]"* ]]
	nothing_left
	wire "$message" --remote-clients
	[ "$(client)" = 192.0.2.1 ]
	RELAYCLIENT='' wire "$message"
	[ "$(client)" = 192.0.2.1 ]
	for TCPREMOTEIP in 127.0.0.1 127.3.2.1 ::1 ::ffff:127.0.0.1; do
		wire "$message"
		client
	done
}

@test "this machine's own address is local, another one is not" {
	# both ends on loopback, in a network of our own
	cat >"$BATS_TEST_TMPDIR/net" <<-EOF
		ip link set lo up && ip addr add 192.0.2.1/32 dev lo &&
		ip addr add 192.0.2.2/32 dev lo || exit 99
		say() { printf %b '$message' | "$BATS_TEST_DIRNAME/talk" -4 smtp-recv \
			--user=root --spool-dir=$spool --domain=mx.test | head -c 4; }
		FROM=192.0.2.1 TO=192.0.2.1 say
		FROM=192.0.2.1 TO=192.0.2.2 say
		exit 0
	EOF
	run --separate-stderr unshare -rn sh "$BATS_TEST_TMPDIR/net"
	[ "$status" = 0 ] || skip "no network namespaces: $stderr"
	[ "$output" = "220 " ]
	[[ $stderr = *"non-local smtp connection: unknown[192.0.2.1]"* ]]
	[ "$(client)" = 192.0.2.1 ]
}

@test "DATABYTES sets the size limit" {
	DATABYTES=12 wire "$hello" --size=100
	[[ $output = *"250-SIZE 12"* ]]
	DATABYTES=0 wire "$hello" --size=100
	[[ $output = *"250-SIZE"$'\n'* ]]
	for bad in x -1 1k 0x9; do
		DATABYTES=$bad wire "$hello"
		[ "$status" = 78 ]
		[ "$output" = "421 4.3.0 service not available" ]
		[[ $stderr = *"DATABYTES is no number: $bad"* ]]
	done
}

@test "TCPREMOTEHOST is in the log, if it is a name" {
	export TCPREMOTEIP=127.0.0.1
	TCPREMOTEHOST=client.test wire "$bye" --log --no-syslog
	[[ $stderr = *"connect from client.test[127.0.0.1]"* ]]
	for bad in $'x\nsmtpd: y' $'x\r\n250 ok' 'a b' $'\e[2J' '' "$(printf '%0256d' 0)" $'caf\xe9' 'x[1.2.3.4]'; do
		TCPREMOTEHOST=$bad wire "$message" --log --no-syslog
		[[ $stderr = *"connect from unknown[127.0.0.1]"* ]]
		run ! grep -qv '^sluice/smtpd\[[0-9]*\]: ' <<<"$stderr"
		[ "$(content "$(only)" | wc -l)" = 1 ]
		rm "$spool"/*
	done
}

@test "TCPLOCALHOST is our name, if it is one" {
	for name in mx.example.test mx; do
		run env TCPLOCALHOST=$name smtp-recv $me --spool-dir="$spool" <<<QUIT
		output=${output//$'\r'/}
		if [ $name = mx ]; then
			[ "$output" = "220 $(hostname) ESMTP Sluice -- Service ready" ]
		else
			[ "$output" = "220 $name ESMTP Sluice -- Service ready" ]
		fi
	done
	for bad in $'x.y\n250 z' 'a.b c' '-a.b' 'a..b' $'a.b\xe9'; do
		run env "TCPLOCALHOST=$bad" smtp-recv $me --spool-dir="$spool" <<<QUIT
		[ "${output//$'\r'/}" = "220 $(hostname) ESMTP Sluice -- Service ready" ]
	done
}

@test "a monstrous environment" {
	local big
	big=$(printf '%0100000d' 0)
	PROTO=$big TCPREMOTEIP=$big TCPREMOTEHOST=$big TCPREMOTEPORT=$big \
		REMOTE_ADDR=$big TCPLOCALHOST=$big TZ=$big wire "$message"
	codes 220 250 250 250 354 250 221
	[ "$(client)" = 127.0.0.1 ]
	run env -i "ASAN_OPTIONS=${ASAN_OPTIONS:-}" "$bin/smtp-recv" $me --spool-dir="$spool" < <(printf %b "$message")
	assert_success
	[ "$(client)" = 127.0.0.1 ]
}

# Only replies, in whole lines, came over the socket.
only_replies() {
	run ! grep -vqE '^[2-5][0-9][0-9][ -][ -~]*$' <<<"$output"
}

@test "inetd: no log line goes to the client" {
	inetd -4 -2 -- --log --verbose --debug --no-syslog
	codes 220 250 250 250 354 250 221
	only_replies
	spool=$spool.not inetd -2 -- --log --verbose --no-syslog
	codes 220 250 451 503 503 500 221
	only_replies
	inetd -2 -- --no-syslog --nonsense
	codes 421
	only_replies
}

@test "inetd: no log line of the forwarder goes to the client" {
	for trigger in --immediate --poll=0; do
		inetd -2 -- --log --verbose --debug --no-syslog $trigger \
			--forward-to=127.0.0.1:1
		if [ $trigger = --immediate ]; then
			codes 220 250 250 250 354 451 221
		else
			codes 220 250 250 250 354 250 221
		fi
		only_replies
	done
}

@test "inetd: with --poll=0 the client need not wait for the forwarder" {
	local before=$EPOCHSECONDS
	start answer --silent GREETING
	# the output ends when nobody has the client's socket any more
	printf %b "$message" | talk -2 -x smtp-recv $me --spool-dir="$spool" \
		--domain=mx.test --no-syslog --poll=0 --prompt-timeout=20 \
		--forward-to="127.0.0.1:$port" >"$BATS_TEST_TMPDIR/out"
	((EPOCHSECONDS - before < 15))
	output=$(tr -d '\r' <"$BATS_TEST_TMPDIR/out")
	codes 220 250 250 250 354 250 221
}

@test "closed descriptors" {
	printf %b "$message" >"$BATS_TEST_TMPDIR/in"
	run bash -c 'smtp-recv "$@" 2>&-' - $me --spool-dir="$spool" <"$BATS_TEST_TMPDIR/in"
	output=${output//$'\r'/}
	codes 220 250 250 250 354 250 221
	client
	run bash -c 'smtp-recv "$@" <&- >&- 2>&-' - $me --spool-dir="$spool"
	assert_success
	nothing_left
}
