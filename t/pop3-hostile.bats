# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2046,SC2086,SC2154
# Clients that mean no good, and files that are not what they seem.
load pop3
load siege

# Octets in base64.
b64() { printf %b "$1" | base64 -w0; }

@test "user names that lead out of the spool" {
	local outside=$BATS_TEST_TMPDIR/outside name coded
	mkdir "$outside" "$spool/.hidden" "$spool/-dash" "$spool/bob" "$spool/bob/sub"
	message 1
	for name in "$outside" "$spool/.hidden" "$spool/-dash" "$spool/bob/sub"; do
		cp "$spool"/emailrelay.1.1.1.* "$name"
	done
	for name in ../outside .. . ../spool .hidden -dash bob/sub bob/ /bob \
		"$outside" 'bob/../bob' ./bob; do
		: >"$secrets"
		coded=${name//+/+2B}
		secret plain "$coded" pass
		pop --pop-by-name --log <<<"USER $name
PASS pass
STAT
QUIT"
		assert_line '-ERR [SYS/PERM] no maildrop for that name'
		refute_line --regexp '^\+OK [0-9]'
		pop --pop-by-name <<<"AUTH PLAIN $(b64 "\\0$name\\0pass")
STAT
QUIT"
		assert_line '-ERR [SYS/PERM] no maildrop for that name'
		refute_line --regexp '^\+OK [0-9]'
	done
	[ -e "$outside/emailrelay.1.1.1.envelope" ]
}

@test "user names: empty, 10,000 octets, NUL, newline" {
	local long
	long=$(printf '%010000d' 0)
	message 1
	mkdir "$spool/bob"
	# a filter that knows everybody
	printf '#!/bin/sh\nexit 0\n' >"$BATS_TEST_TMPDIR/yes"
	chmod 755 "$BATS_TEST_TMPDIR/yes"
	try() {
		run --separate-stderr pop3-serve $me --spool-dir="$spool" --no-syslog \
			--pop-by-name --pop-auth="checkpassword:$BATS_TEST_TMPDIR/yes" \
			< <(printf %b "$1")
		output=${output//$'\r'/} lines=("${lines[@]//$'\r'/}")
		assert_success
		refute_line --regexp '^\+OK 1 '
	}
	try "USER $long\\r\\nPASS x\\r\\nSTAT\\r\\nQUIT\\r\\n"
	assert_line '-ERR line too long'
	try "USER ${long:0:65}\\r\\nPASS x\\r\\nSTAT\\r\\nQUIT\\r\\n"
	assert_line '-ERR [SYS/PERM] no maildrop for that name'
	try "USER ${long:0:64}\\r\\nPASS x\\r\\nSTAT\\r\\nQUIT\\r\\n"
	assert_line '+OK 0 0'
	try "USER\\r\\nPASS x\\r\\nSTAT\\r\\nQUIT\\r\\n"
	assert_line '-ERR [AUTH] authentication failed'
	try "USER bob\\0/../..\\r\\nPASS x\\r\\nSTAT\\r\\nQUIT\\r\\n"
	assert_line '-ERR control character in command'
	try "USER bob\\n..\\r\\nPASS x\\r\\nQUIT\\r\\n"
	assert_line '-ERR control character in command'
	try "AUTH PLAIN $(b64 "\\0$long\\0x")\\r\\nSTAT\\r\\nQUIT\\r\\n"
	try "AUTH PLAIN $(b64 "\\0a\\nb\\0x")\\r\\nSTAT\\r\\nQUIT\\r\\n"
	assert_line '-ERR [AUTH] authentication failed'
	try "AUTH PLAIN $(b64 '\0a/b\0x')\\r\\nSTAT\\r\\nQUIT\\r\\n"
	assert_line '-ERR [SYS/PERM] no maildrop for that name'
	try "AUTH PLAIN $(b64 '\0..\0x')\\r\\nSTAT\\r\\nQUIT\\r\\n"
	assert_line '-ERR [SYS/PERM] no maildrop for that name'
	try "AUTH PLAIN $(b64 '\0\xff\0x')\\r\\nSTAT\\r\\nQUIT\\r\\n"
	assert_line '-ERR [SYS/PERM] no maildrop for that name'
	[ "$(find "$spool" -mindepth 1 -maxdepth 1 -type d)" = "$spool/bob" ]
}

@test "a sub-directory that is a link, or a file" {
	mkdir "$BATS_TEST_TMPDIR/other"
	ln -s "$BATS_TEST_TMPDIR/other" "$spool/bob"
	pop --pop-by-name <<<$'USER bob\nPASS pass\nSTAT\nQUIT'
	signs +--+
	rm "$spool/bob"
	: >"$spool/bob"
	pop --pop-by-name <<<$'USER bob\nPASS pass\nSTAT\nQUIT'
	assert_line '-ERR [SYS/PERM] no maildrop for that name'
}

@test "links, pipes and directories in the place of files" {
	message 1
	message 2
	message 3
	message 4
	message 5
	echo secret >"$BATS_TEST_TMPDIR/elsewhere"
	ln -sf "$BATS_TEST_TMPDIR/elsewhere" "$spool/emailrelay.1.1.1.content"
	rm "$spool/emailrelay.1.1.2.content" && mkfifo "$spool/emailrelay.1.1.2.content"
	rm "$spool/emailrelay.1.1.3.content" && mkdir "$spool/emailrelay.1.1.3.content"
	ln -sf emailrelay.1.1.5.envelope "$spool/emailrelay.1.1.4.envelope"
	pop <<<$'USER bob\nPASS pass\nUIDL\nDELE 1\nQUIT'
	assert_line '+OK 1 message(s)'
	assert_line '1 emailrelay.1.1.5.content'
	assert_equal "$(find "$spool" -type l -o -type p -o -type d | wc -l)" 5
	[ "$(cat "$BATS_TEST_TMPDIR/elsewhere")" = secret ]
}

@test "changed into a link after the log-in" {
	message 1
	mkfifo "$BATS_TEST_TMPDIR/in"
	env $(server) <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>/dev/null &
	exec 8>"$BATS_TEST_TMPDIR/in"
	printf %b "$in" >&8
	wait_until grep -qx $'+OK\r' "$BATS_TEST_TMPDIR/out"
	ln -sf /etc/passwd "$spool/emailrelay.1.1.1.content"
	printf 'RETR 1\r\nQUIT\r\n' >&8
	exec 8>&-
	wait $!
	run cat "$BATS_TEST_TMPDIR/out"
	assert_line --partial '-ERR [SYS/TEMP] cannot read that message'
	refute_output --partial root:
}

@test "a text that becomes shorter: no end, and hung up on" {
	message 1 "$(printf 'x%.0s' {1..3000})\\r\\n"
	truncate -s 60000000 "$spool/emailrelay.1.1.1.content"
	start tcpserver -1 -RH -l localhost 127.0.0.1 0 $(server)
	run python3 - "$port" "$spool/emailrelay.1.1.1.content" <<-'EOF'
		import os, socket, sys
		s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
		s.sendall(b'USER bob\r\nPASS pass\r\nRETR 1\r\n')
		got = b''
		while b'octets' not in got:
		    got += s.recv(100)
		os.truncate(sys.argv[2], 3000)
		while True:
		    more = s.recv(65536)
		    if not more:
		        break
		    got = got[-10:] + more
		print('end' if got.endswith(b'\r\n.\r\n') else 'no end')
	EOF
	assert_output 'no end'
}

# The sessions of t/hostile/TABLE, and what has to be so after each.
against() {
	message 1
	message 2
	message 3
	secret APOP joe tanstaaf
	secret CRAM-MD5 eve 1.2.3.4.5.6.7.8
	siege "$1" -p -s "$spool" -- pop3-serve $me --pop-auth="$secrets" \
		--domain=mx.test --log --no-syslog
}
@test "lines, names, log-ins, numbers, other protocols, silence" { against pop; }
@test "who goes removes nothing, wherever it was" { against pop-gone; }

@test "smuggling out: RETR and TOP end in one place only" {
	local n
	n=$("$BATS_TEST_DIRNAME/texts" write "$spool")
	env $(server) < <(
		printf %b "$in"
		seq "$n" | sed $'s/.*/RETR &\\r\\\nTOP & 1000000\\r/'
		printf %b "$bye"
	) >"$BATS_TEST_TMPDIR/said"
	run "$BATS_TEST_DIRNAME/texts" pop <"$BATS_TEST_TMPDIR/said"
	assert_success
	assert_output ""
}

@test "a client that does not read" {
	message 1
	truncate -s 50000000 "$spool/emailrelay.1.1.1.content"
	start tcpserver -1 -RH -l localhost 127.0.0.1 0 $(server) --idle-timeout=1 --log
	python3 - "$port" <<-'EOF'
		import socket, sys, time
		s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
		s.sendall(b'USER bob\r\nPASS pass\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n')
		time.sleep(2)
		s.settimeout(20)
		n = 0
		try:
		    while x := s.recv(65536):
		        n += len(x)
		except ConnectionError:
		    pass
		assert n < 50000000, n
	EOF
	wait_until grep -q 'disconnect from' "$log"
	assert_equal "$(left)" 1
}

@test "memory stays flat: a large message, and a hundred thousand small ones" {
	[[ $build != *asan* ]] || skip "not this build"
	needs python3
	python3 - "$spool" <<-'EOF'
		import sys
		for i in range(20000):
		    for kind in 'content', 'envelope':
		        open('%s/emailrelay.1.2.%d.%s' % (sys.argv[1], i, kind), 'w').close()
		with open(sys.argv[1] + '/emailrelay.1.1.1.content', 'wb') as f:
		    f.truncate(300 << 20)
		open(sys.argv[1] + '/emailrelay.1.1.1.envelope', 'w').close()
	EOF
	run bash -c "ulimit -v 16000; printf '${in}LIST\r\nUIDL\r\nRETR 1\r\n$bye' | $(server) | tail -c 17"
	assert_output --partial '+OK signing off'
}
