# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2046,SC2086,SC2154
# Each reply of pop3-serve, as E-MailRelay gives it.
load pop3

@test "the greeting has a challenge, fresh each time" {
	local first
	pop <<<QUIT
	assert_success
	assert_line --index 0 --regexp \
		'^\+OK POP3 server ready <[0-9]+\.[0-9]+\.[0-9a-f]{32}@mx\.test>$'
	replies '+OK signing off'
	first=${lines[0]}
	pop <<<QUIT
	[ "${lines[0]}" != "$first" ]
	session pop3-serve $me --domain= --spool-dir="$spool" \
		--pop-auth="$secrets" --no-syslog <<<QUIT
	assert_line --index 0 --regexp '@localhost>$'
}

@test "the whole of E-MailRelay's example" {
	message 1 'Subject: one\r\n\r\nx\r\n'
	message 2 'Subject: two\r\n\r\n.a\r\nb\r\n'
	pop <<-'EOF'
		USER bob
		PASS pass
		STAT
		LIST
		LIST 2
		UIDL
		UIDL 1
		RETR 2
		TOP 2 1
		DELE 1
		NOOP
		RSET
		QUIT
	EOF
	assert_success
	replies '+OK user: bob' '+OK' '+OK 2 42' '+OK 2 message(s)' '1 19' '2 23' \
		'.' '+OK 2 23' '+OK 2 message(s)' '1 emailrelay.1.1.1.content' \
		'2 emailrelay.1.1.2.content' '.' '+OK 1 emailrelay.1.1.1.content' \
		'+OK 23 octets' 'Subject: two' '' '..a' 'b' '.' \
		'+OK' 'Subject: two' '' '..a' '.' '+OK' '+OK' '+OK' '+OK signing off'
	assert_equal "$(left)" '1 2'
}

@test "an empty maildrop" {
	pop <<<$'USER bob\nPASS pass\nSTAT\nLIST\nUIDL\nRETR 1\nQUIT'
	replies '+OK user: bob' '+OK' '+OK 0 0' '+OK 0 message(s)' . \
		'+OK 0 message(s)' . '-ERR no such message' '+OK signing off'
}

@test "CAPA, before and after the log-in" {
	pop <<<$'CAPA\nUSER bob\nPASS pass\ncapa\nQUIT'
	local capa=('+OK capability list follows' USER CAPA TOP UIDL
		'SASL LOGIN PLAIN' RESP-CODES AUTH-RESP-CODE PIPELINING
		"IMPLEMENTATION Sluice-$(pop3-serve --version |
			sed -nE '1s/.* ([0-9.]+)$/\1/p')" .)
	replies "${capa[@]}" '+OK user: bob' '+OK' "${capa[@]}" '+OK signing off'
}

@test "CAPA offers what somebody has an entry for" {
	: >"$secrets"
	pop <<<$'CAPA\nQUIT'
	refute_line USER
	refute_line --regexp ^SASL
	secret APOP bob x
	pop <<<$'CAPA\nQUIT'
	refute_line USER
	refute_line --regexp ^SASL
	secret CRAM-MD5 bob 1.2.3.4.5.6.7.8
	pop <<<$'CAPA\nAUTH\nQUIT'
	refute_line USER
	assert_line 'SASL CRAM-MD5'
	assert_line CRAM-MD5
	secret PLAIN bob x
	pop <<<$'CAPA\nQUIT'
	assert_line USER
	assert_line 'SASL PLAIN CRAM-MD5'
	refute_line STLS
}

@test "USER takes anything, also nothing" {
	pop <<<$'USER\nUSER a b\nUSER \xff\nUSER bob\nPASS pass\nQUIT'
	replies '+OK user: ' '+OK user: a' '+OK user: \xFF' '+OK user: bob' \
		'+OK' '+OK signing off'
}

@test "commands in any case, leading blanks, more words than wanted" {
	message 1
	pop <<<$'  user bob x\n\tPass pass\nstat x y\n LIST 1 z\nretr 1 y\ndele 1 x\nRSET x\nNOOP x\nquit x'
	signs +++++++++
	assert_equal "$(left)" 1
}

@test "numbers" {
	message 1
	message 2
	pop <<<$'USER bob\nPASS pass\nLIST 01\nLIST +2\nLIST 0002\nLIST 1x\nLIST 0\nLIST -1\nLIST 3\nQUIT'
	signs +++++----+
	assert_line '-ERR invalid id'
	pop <<<$'USER bob\nPASS pass\nUIDL 18446744073709551617\nUIDL 4294967297\nUIDL 99999999999999999999999999\nUIDL x\nUIDL +\nUIDL ++1\nUIDL 1.\nQUIT'
	signs ++-------+
	pop <<<$'USER bob\nPASS pass\nRETR\nRETR 18446744073709551617\nDELE\nDELE 0\nTOP\nTOP 3 1\nTOP 1 x\nTOP 1 -1\nQUIT'
	signs ++--------+
	assert_equal "$(left)" '1 2'
}

@test "TOP: lines of the body" {
	message 1 'A: b\r\nC: d\r\n e\r\n\r\n\r\n.2\r\n3\r\n'
	message 2 'A: b\r\n\r\n'
	message 3 'A: b\r\nno blank line'
	message 4 ''
	top() { wire "${in}TOP $1\r\n$bye" && sed '1,3d;$d' <<<"$output"; }
	assert_equal "$(top 1)" $'+OK\nA: b\nC: d\n e\n\n.'
	assert_equal "$(top '1 0')" $'+OK\nA: b\nC: d\n e\n\n.'
	assert_equal "$(top '1 1')" $'+OK\nA: b\nC: d\n e\n\n\n.'
	assert_equal "$(top '1 2')" $'+OK\nA: b\nC: d\n e\n\n\n..2\n.'
	assert_equal "$(top '1 18446744073709551615')" \
		$'+OK\nA: b\nC: d\n e\n\n\n..2\n3\n.'
	assert_equal "$(top '2 5')" $'+OK\nA: b\n\n.'
	assert_equal "$(top '3 5')" $'+OK\nA: b\nno blank line\n.'
	assert_equal "$(top '4 5')" $'+OK\n.'
}

@test "RETR: the text as it is stored, and its octets" {
	message 1 '.\r\n..\r\n.x\r\n\0\xff\r\n'
	message 2 'no line end'
	message 3 ''
	wire "${in}RETR 1\r\n$bye" --log
	run --separate-stderr bash -c "printf '${in}RETR 1\r\nRETR 2\r\nRETR 3\r\n$bye' | $(server) |
		sed 1,3d | sed '\$d' | od -An -c -v | tr -d ' \n'"
	assert_output '+OK15octets\r\n..\r\n...\r\n..x\r\n\0377\r\n.\r\n+OK11octets\r\nnolineend\r\n.\r\n+OK0octets\r\n.\r\n'
}

@test "RETR: nothing in a text can end it" {
	local each n=0 all=('a\n.\nb' 'a\n.\r\nb' 'a\r.\rb' 'a\r.\r\nb'
		'a\r\n.\nb' 'a\r\n.\rb' 'a\r\n.' 'a\r\n.\r' '\001.\001' '\r\n.\r\n'
		'a\r\n\r.\r\n' 'a\n\r.\n\rb' '\n.\r\nNOOP\r\n' 'x\r\n.\r\n.\r\n')
	for each in "${all[@]}"; do message $((++n)) "$each"; done
	for ((; n > 0; n--)); do
		wire "${in}RETR $n\r\n$bye"
		assert_success
		# one line with a single dot, whatever a line end is
		assert_equal "$(tr '\r' '\n' <<<"$output" | grep -cx '\.')" 1
		assert_line --index $((${#lines[@]} - 1)) '+OK signing off'
	done
}

@test "DELE: the others keep their numbers, and it is not there any more" {
	local i
	for i in 1 2 3; do message $i; done
	pop <<<$'USER bob\nPASS pass\nDELE 2\nSTAT\nLIST\nUIDL\nLIST 2\nUIDL 2\nRETR 2\nTOP 2 0\nDELE 2\nLIST 3\nRETR 3\nQUIT'
	replies '+OK user: bob' '+OK' '+OK' '+OK 2 42' '+OK 2 message(s)' '1 21' \
		'3 21' . '+OK 2 message(s)' '1 emailrelay.1.1.1.content' \
		'3 emailrelay.1.1.3.content' . '-ERR invalid id' '-ERR invalid id' \
		'-ERR no such message' '-ERR no such message' \
		'-ERR no such message' '+OK 3 21' '+OK 21 octets' 'Subject: m3' '' \
		body . '+OK signing off'
	assert_equal "$(left)" '1 3'
	assert_equal "$(texts)" '1 3'
}

@test "RSET: all are there again" {
	message 1
	message 2
	pop <<<$'USER bob\nPASS pass\nDELE 1\nDELE 2\nSTAT\nRSET\nSTAT\nDELE 1\nQUIT'
	assert_line '+OK 0 0'
	assert_line '+OK 2 42'
	assert_equal "$(left)" 2
}

@test "without QUIT nothing is removed" {
	message 1
	wire "${in}DELE 1\r\n"
	wire "${in}DELE 1\r\nQUIT"
	wire "${in}DELE 1\r\nQUIT\r"
	wire "${in}DELE 1\r\nQUIT\n"
	assert_equal "$(left)" 1
}

@test "--pop-no-delete" {
	message 1
	message 2
	pop --pop-no-delete <<<$'USER bob\nPASS pass\nDELE 1\nSTAT\nRETR 1\nQUIT'
	signs ++++-+
	assert_line '+OK 1 21'
	assert_equal "$(left)" '1 2'
}

@test "wrong state, unknown commands, empty lines" {
	pop <<<$'STAT\nRETR 1\nNOOP\nRSET\nFOO\n\nPASS pass\nQUIT'
	signs -------+
	pop <<<$'USER bob\nPASS pass\nUSER bob\nPASS x\nAPOP a b\nAUTH PLAIN\nSTLS\nLAST\nQUIT'
	signs ++------+
}

@test "errors end, and progress forgets them" {
	message 1
	pop <<<"$(printf 'FOO\n%.0s' {1..20})"
	assert_line --index 9 '-ERR too many commands in vain, closing connection'
	assert_equal "${#lines[@]}" 10
	pop <<<"$(echo $'USER bob\nPASS pass'; for i in {1..20}; do
		echo $'FOO\nRETR 1'; done; echo QUIT)"
	assert_line '+OK signing off'
}

@test "order of arrival, and only what is ready" {
	local i
	for i in 2 10 9; do message $i; done
	for i in new busy bad hold local; do
		message 5
		mv "$spool/emailrelay.1.1.5.envelope" "$spool/emailrelay.1.1.5.envelope.$i"
	done
	touch "$spool/other.envelope" "$spool/emailrelay.1.1.x.envelope"
	message 6 && rm "$spool/emailrelay.1.1.6.content"
	pop <<<$'USER bob\nPASS pass\nUIDL\nQUIT'
	replies '+OK user: bob' '+OK' '+OK 3 message(s)' \
		'1 emailrelay.1.1.2.content' '2 emailrelay.1.1.9.content' \
		'3 emailrelay.1.1.10.content' . '+OK signing off'
}

@test "UIDs: the same in every session, and at most 70 octets" {
	local n=99999999999999999999 id
	id=emailrelay.$n.$n.$n
	place $id a@a.test b@b.test <<<x
	message 1
	pop <<<$'USER bob\nPASS pass\nUIDL\nQUIT'
	assert_line "2 $n.$n.$n"
	pop <<<$'USER bob\nPASS pass\nDELE 1\nUIDL 2\nQUIT'
	assert_line "+OK 2 $n.$n.$n"
	pop <<<$'USER bob\nPASS pass\nUIDL 1\nQUIT'
	assert_line "+OK 1 $n.$n.$n"
}

@test "pipelined commands are answered in one piece" {
	needs strace
	message 1
	run --separate-stderr bash -c "printf '${in}STAT\r\nRETR 1\r\nDELE 1\r\n$bye' |
		strace -f -e trace=write,sendto -o '$BATS_TEST_TMPDIR/trace' $(server)"
	assert_success
	# and what came before is out when QUIT removes something
	run grep -c '+OK' "$BATS_TEST_TMPDIR/trace"
	assert_output 3
	run --separate-stderr bash -c "printf '${in}STAT\r\n$bye' |
		strace -f -e trace=write,sendto -o '$BATS_TEST_TMPDIR/trace' $(server)"
	run grep -c '+OK' "$BATS_TEST_TMPDIR/trace"
	assert_output 2
}

@test "a silent client is left without a word" {
	message 1
	run --separate-stderr "$BATS_TEST_DIRNAME/talk" -k $(server) \
		--idle-timeout=1 --log < <(printf %b "${in}DELE 1\r\n")
	signs +++
	assert_equal "${#lines[@]}" 4
	logged 'timeout after DELE'
	assert_equal "$(left)" 1
}

@test "by name: own and shared contents, and nobody else's" {
	mkdir "$spool"/{bob,carol}
	secret LOGIN carol pass
	secret LOGIN dave pass
	message 1
	message 2
	message 3
	cp "$spool/emailrelay.1.1.1.envelope" "$spool/carol"
	mv "$spool"/emailrelay.1.1.1.envelope "$spool/bob"
	mv "$spool"/emailrelay.1.1.2.* "$spool/bob"
	pop --pop-by-name <<<$'USER bob\nPASS pass\nLIST\nRETR 1\nRETR 2\nDELE 1\nDELE 2\nQUIT'
	assert_line '+OK 2 message(s)'
	assert_line 'Subject: m1'
	assert_line 'Subject: m2'
	assert_line '+OK signing off'
	assert_equal "$(ls "$spool/bob")" ''
	# carol needs it
	assert_equal "$(texts)" '1 3'
	pop --pop-by-name <<<$'USER dave\nPASS pass\nSTAT\nQUIT'
	assert_line '+OK 0 0'
	pop --pop-by-name <<<$'USER carol\nPASS pass\nDELE 1\nQUIT'
	signs ++++
	assert_equal "$(ls "$spool/carol")" ''
	assert_equal "$(texts)" '3'
	assert_equal "$(left)" '3'
}

@test "not by name: a text that a sub-directory needs stays" {
	mkdir "$spool/carol"
	secret LOGIN carol pass
	message 1
	cp "$spool/emailrelay.1.1.1.envelope" "$spool/carol"
	pop <<<$'USER bob\nPASS pass\nDELE 1\nQUIT'
	signs ++++
	assert_equal "$(left)" ''
	pop --pop-by-name <<<$'USER carol\nPASS pass\nRETR 1\nDELE 1\nQUIT'
	signs +++++
	assert_equal "$(texts)" ''
}

@test "wrong configuration: one reply, and what is wrong" {
	run --separate-stderr pop3-serve $me --spool-dir="$spool" \
		--pop-auth=/nonexistent --no-syslog </dev/null
	assert_failure 78
	assert_output $'-ERR [SYS/TEMP] service not available\r'
	run --separate-stderr pop3-serve $me --spool-dir="$spool" \
		--pop-auth=/pam --no-syslog </dev/null
	assert_failure 78
	logged "--pop-auth using pam requires --server-tls"
	run --separate-stderr $(server) x </dev/null
	assert_failure 64
	rmdir "$spool"
	pop <<<$'USER bob\nPASS pass\nQUIT'
	replies '+OK user: bob' '-ERR [SYS/TEMP] maildrop not available' \
		'+OK signing off'
}

@test "remote clients, and too many of them" {
	TCPREMOTEIP=192.0.2.1 run --separate-stderr $(server) </dev/null
	refute_output
	logged 'warning: configured to reject non-local pop connection: unknown[192.0.2.1]'
	TCPREMOTEIP=192.0.2.1 pop --remote-clients --max-rate-per-client=1/1h <<<QUIT
	replies '+OK signing off'
	TCPREMOTEIP=192.0.2.1 pop --remote-clients --max-rate-per-client=1/1h <<<QUIT
	assert_output '-ERR [SYS/TEMP] too many connections from you'
	logged 'for service pop'
	pop --proxy-protocol=127.0.0.1 --log <<<$'PROXY TCP4 192.0.2.9 127.0.0.1 1 2\nQUIT'
	refute_output
	pop --proxy-protocol=127.0.0.1 --remote-clients --log <<<$'PROXY TCP4 192.0.2.9 127.0.0.1 1 2\nQUIT'
	logged 'connect from unknown[192.0.2.9]'
	assert_line '+OK signing off'
}
