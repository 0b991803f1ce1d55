#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# --forward-to HOST:PORT@SOCKSHOST:PORT: by way of a SOCKS 4a proxy.
# shellcheck disable=SC2086,SC2154
load helper
load send

# A server, with its port in $there, and a proxy in $port with its log in $log.
by_proxy() {
	serve
	there=$port
	start "$BATS_TEST_DIRNAME/socksd" "$@"
}
# via HOST:PORT [OPTIONS]
via() {
	local to=$1
	shift
	run --separate-stderr smtp-send $me --spool-dir "$spool" \
		--forward-to "$to@127.0.0.1:$port" --domain mx.test --log \
		--no-syslog "$@"
}

@test "the proxy is told the name and the port, and mail goes through" {
	local how
	for how in '' slowly at-once; do
		post 1 2
		by_proxy $how
		via "far.test:$there"
		exits 0
		[ "$(arrived)" = 2 ]
		[ "$(cat "$log")" = "0401$(printf %04x "$there")0000000100$(printf far.test | od -An -tx1 | tr -d ' ')00" ]
		[[ $stderr == *"relay=far.test[unknown]:$there, "*"status=sent"* ]] || fail "$stderr"
	done
}

@test "the port may be the name of a service" {
	post 1
	by_proxy 005b000000000000
	via far.test:smtp
	exits 75
	[[ $(cat "$log") == 04010019* ]]
	via far.test:no-such-service
	exits 75
	[[ $stderr == *"dns error: far.test:no-such-service: "* ]]
}

@test "refused, or no sense: the messages are as they were" {
	local answer why before
	post 1 2
	before=$(md5sum "$spool"/*; stat -c '%n %Y' "$spool"/*)
	serve
	while read -r answer why; do
		by_proxy "$answer"
		via "far.test:$there" --connection-timeout=1
		exits 75
		[[ $stderr == *"warning: "*"socks error: far.test:$there: "$why* ]] ||
			fail "$answer: $stderr"
		[ "$(grep -c 'socks error' <<<"$stderr")" = 1 ]
		[ "$(md5sum "$spool"/*; stat -c '%n %Y' "$spool"/*)" = "$before" ]
	done <<-EOF
		005b000000000000 request rejected
		005d000000000000 request rejected
		050000000000000032323020780d0a invalid response
		005a0000 incomplete response
		silent *timed out
	EOF
}

@test "a proxy that is unwell: in time, and the messages are as they were" {
	local how why before there=
	post 1 2
	before=$(md5sum "$spool"/*; stat -c '%n %Y' "$spool"/*)
	while read -r how why; do
		by_proxy "$how"
		SECONDS=0
		via "far.test:$there" --connection-timeout=1 --prompt-timeout=1 \
			--response-timeout=1
		((SECONDS < 10)) || fail "$how: it took $SECONDS s"
		exits 75
		[[ $stderr =~ $why ]] || fail "$how: $stderr"
		[ "$(md5sum "$spool"/*; stat -c '%n %Y' "$spool"/*)" = "$before" ]
		[ "$(arrived)" = 0 ]
		[ "$(wc -l <"$log")" = 1 ] || fail "$how: asked again"
	done <<-EOF
		close socks error: far.test:[0-9]*: (hung up|Connection reset by peer)
		reset socks error: far.test:[0-9]*: Connection reset by peer
		drip socks error: far.test:[0-9]*: Connection timed out
		mute no greeting from far.test.*451 4.4.2 timed out
		flood far.test.* does not want to talk: 451 4.4.2 (endless line|invalid reply)
		00 socks error: far.test:[0-9]*: incomplete response
		005a00000000 socks error: far.test:[0-9]*: incomplete response
		045a000000000000 socks error: far.test:[0-9]*: invalid response
		5a00000000000000 socks error: far.test:[0-9]*: invalid response
		485454502f312e31 socks error: far.test:[0-9]*: invalid response
		0000000000000000 socks error: far.test:[0-9]*: request rejected
		00ff000000000000 socks error: far.test:[0-9]*: request rejected
		005a000000000000 does not want to talk: 451 4.4.2 connection closed
		005a000000000000353534206e6f0d0a does not want to talk: 554 no
	EOF
}

@test "nobody at the host, or no proxy: the run ends" {
	post 1
	by_proxy
	kill "${pids[-2]}"
	wait "${pids[-2]}" || true
	via "far.test:$there"
	exits 75
	[[ $stderr == *"request rejected"* ]]
	kill "$pid"
	wait "$pid" || true
	via "far.test:$there"
	exits 75
	[[ $stderr == *"cannot connect to 127.0.0.1:$port: Connection refused"* ]]
	[ "$(state 1)" = ready ]
}

@test "smtp-recv knows what it hands down" {
	by_proxy
	session smtp-recv $me --spool-dir "$spool" --no-syslog --immediate \
		--forward-to "far.test:$there@127.0.0.1:$port" <<-'EOF'
		EHLO c.test
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		Subject: hi

		.
		QUIT
	EOF
	codes 220 250 250 250 354 250 221
	[ "$(arrived)" = 1 ]
	session smtp-recv $me --spool-dir "$spool" --no-syslog \
		--forward-to "far.test:25@" </dev/null
	exits 78
	[[ $stderr == *"invalid host:service format: far.test:25@"* ]]
}

@test "a real one: ssh -D" {
	local d=$BATS_TEST_TMPDIR sshd=/usr/sbin/sshd
	command -v ssh "$sshd" >/dev/null || skip "OpenSSH, client and server, is not installed"
	[ "$(command id -u)" = 0 ] || skip "sshd wants to be started by root"
	post 1 2
	serve
	there=$port
	# it cannot be told to take any port: this one was free a moment ago
	start answer
	kill "$pid"
	wait "$pid" || true
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$d/key"
	cp "$d/key.pub" "$d/authorized"
	chmod 600 "$d/authorized"
	printf '%s\n' "HostKey $d/key" "AuthorizedKeysFile $d/authorized" 'StrictModes no' \
		'UsePAM no' 'PermitRootLogin prohibit-password' >"$d/sshd_config"
	# the server is at the other end of a pipe
	setsid ssh -F none -N -D "127.0.0.1:$port" -i "$d/key" -o ExitOnForwardFailure=yes \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o ProxyCommand="$sshd -i -e -f $d/sshd_config 2>$d/sshd.log" root@relay.test \
		>"$d/ssh.log" 2>&1 </dev/null 3>&- &
	pids+=("$!")
	wait_until listens "$port"
	via "localhost:$there"
	[ "$status" = 0 ] || fail "$stderr $(cat "$d/ssh.log" "$d/sshd.log")"
	[ "$(arrived)" = 2 ]
	kill "${pids[0]}"
	post 3
	via "localhost:$there"
	exits 75
	[[ $stderr == *"socks error: localhost:$there: "* ]]
	[ "$(state 3)" = ready ]
}
# Does somebody?
listens() { grep -q "^ *[0-9]*: 0100007F:$(printf %04X "$1") 00000000:0000 0A" /proc/net/tcp; }
