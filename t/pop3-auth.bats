# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2046,SC2086,SC2154
# Logging in to pop3-serve: USER and PASS, APOP, AUTH.
load pop3

b64() { printf %b "$1" | base64 -w0; }

@test "USER and PASS: PLAIN entries, then LOGIN ones" {
	: >"$secrets"
	secret LOGIN bob login
	secret PLAIN bob plain
	secret LOGIN ann a+20b
	secret plain joe x
	secret CRAM-MD5 eve 1.2.3.4.5.6.7.8
	pop <<<$'USER bob\nPASS plain\nQUIT'
	signs +++
	pop <<<$'USER bob\nPASS login\nUSER eve\nPASS x\nQUIT'
	signs +-+-+
	# a blank in it
	pop <<<$'USER ann\nPASS a b\nQUIT'
	signs +++
	pop <<<$'USER joe\nPASS x\nQUIT'
	signs +++
}

@test "PASS without USER, USER without PASS, and once more" {
	pop <<<$'PASS pass\nUSER bob\nSTAT\nPASS pass\nQUIT'
	signs -+-++
	# the name is forgotten
	pop <<<$'USER bob\nPASS x\nPASS pass\nUSER bob\nPASS pass\nQUIT'
	signs +--+++
	pop <<<$'USER bob\nPASS\nUSER bob\nPASS pass\nQUIT'
	signs +-+++
}

@test "nobody can log in by USER and PASS" {
	: >"$secrets"
	secret CRAM-MD5 eve 1.2.3.4.5.6.7.8
	pop <<<$'USER eve\nPASS x\nQUIT'
	replies '-ERR no SASL PLAIN mechanism to do USER/PASS authentication' \
		'-ERR no SASL PLAIN mechanism to do USER/PASS authentication' \
		'+OK signing off'
}

@test "AUTH: the list, in the order E-MailRelay has" {
	secret CRAM-MD5 eve 1.2.3.4.5.6.7.8
	pop <<<$'AUTH\nQUIT'
	replies +OK LOGIN PLAIN CRAM-MD5 . '+OK signing off'
}

@test "AUTH PLAIN: with and without initial response" {
	local right
	right=$(b64 '\0bob\0pass')
	pop <<<"AUTH PLAIN $right
QUIT"
	replies +OK '+OK signing off'
	pop <<<"auth plain
$right
QUIT"
	replies '+ ' +OK '+OK signing off'
	pop <<<"AUTH PLAIN =
$right
QUIT"
	replies '+ ' +OK '+OK signing off'
	pop <<<"AUTH PLAIN $(b64 '\0bob\0no')
AUTH PLAIN $(b64 bob)
AUTH PLAIN $(b64 'x\0bob\0pass')
QUIT"
	replies '-ERR [AUTH] authentication failed' \
		'-ERR [AUTH] authentication failed' +OK '+OK signing off'
}

@test "AUTH LOGIN" {
	pop <<<"AUTH LOGIN
$(b64 bob)
$(b64 pass)
QUIT"
	replies '+ VXNlcm5hbWU6' '+ UGFzc3dvcmQ6' +OK '+OK signing off'
	pop <<<"AUTH LOGIN $(b64 bob)
$(b64 pass)
QUIT"
	replies '+ UGFzc3dvcmQ6' +OK '+OK signing off'
}

@test "AUTH CRAM-MD5, and a replay" {
	secret CRAM-MD5 eve "$(spool-passwd <<<secret)"
	start_pop
	python3 - "$port" <<-'EOF'
		import base64, hmac, poplib, socket, sys
		f = socket.create_connection(('127.0.0.1', int(sys.argv[1]))).makefile('rwb', 0)
		f.readline()
		def say(line):
		    f.write(line + b'\r\n')
		    return f.readline()
		old = None
		for password in b'wrong', b'secret':
		    ask = say(b'auth cram-md5')
		    assert ask.startswith(b'+ '), ask
		    challenge = base64.b64decode(ask[2:])
		    assert challenge != old
		    old = challenge
		    answer = b'eve ' + hmac.new(password, challenge, 'md5').hexdigest().encode()
		    reply = say(base64.b64encode(answer))
		    assert reply[:3] == (b'+OK' if password == b'secret' else b'-ER'), reply
		assert say(b'QUIT').startswith(b'+OK')
		f = socket.create_connection(('127.0.0.1', int(sys.argv[1]))).makefile('rwb', 0)
		f.readline()
		say(b'AUTH CRAM-MD5')
		assert say(base64.b64encode(answer)).startswith(b'-ERR')
	EOF
}
start_pop() {
	start tcpserver -1 -RH -l localhost 127.0.0.1 0 $(server) --log "$@"
}

@test "APOP: the digest of the greeting, and nothing else" {
	secret APOP joe tanstaaf
	secret plain ann pass
	start_pop
	python3 - "$port" <<-'EOF'
		import hashlib, poplib, sys
		def connect():
		    return poplib.POP3('127.0.0.1', int(sys.argv[1]))
		for user, password in ('joe', 'tanstaaf'), ('ann', 'pass'):
		    p = connect()
		    p.apop(user, password)
		    p.quit()
		# bob has only a LOGIN entry; a digest of another session
		stamp = p.welcome.split()[-1]
		old = hashlib.md5(stamp + b'tanstaaf').hexdigest()
		p = connect()
		for line in ('APOP bob ' + hashlib.md5(
		        p.welcome.split()[-1] + b'pass').hexdigest(),
		        'APOP joe ' + old, 'APOP', 'APOP joe', 'APOP joe ' + old[1:]):
		    try:
		        p._shortcmd(line)
		        sys.exit(line)
		    except poplib.error_proto:
		        pass
	EOF
}

@test "AUTH: what is wrong is said, and the session goes on" {
	pop <<<"AUTH FOO
AUTH APOP
AUTH CRAM-MD5 $(b64 x)
AUTH PLAIN !!!!
AUTH PLAIN
*
AUTH PLAIN $(b64 '\0bob\0pass')
AUTH PLAIN
QUIT"
	replies '-ERR invalid mechanism' '-ERR invalid mechanism' \
		'-ERR invalid initial response' '-ERR invalid base64' '+ ' \
		'-ERR authentication cancelled' +OK '-ERR not now' '+OK signing off'
}

@test "three wrong passwords end it, each costs a second" {
	local t=$SECONDS
	pop --log <<<$'USER bob\nPASS a-bad-one\nAPOP bob 0123456789abcdef0123456789abcdef\nUSER bob\nPASS another-bad-one\nUSER bob\nPASS pass\nQUIT'
	replies '+OK user: bob' '-ERR [AUTH] authentication failed' \
		'-ERR [AUTH] authentication failed' '+OK user: bob' \
		'-ERR [AUTH] too many failed log-ins, closing connection'
	((SECONDS - t >= 2))
	logged 'warning: unknown[127.0.0.1]: SASL PLAIN authentication failed: authentication failure, sasl_username=bob'
	logged 'SASL APOP authentication failed'
	[[ $stderr != *bad-one* ]]
}

@test "who does not exist is told the same" {
	local wrong
	pop <<<$'USER bob\nPASS x\nQUIT'
	wrong=$(sed 1,2d <<<"$output")
	pop <<<$'USER nobody\nPASS x\nQUIT'
	assert_equal "$(sed 1,2d <<<"$output")" "$wrong"
	pop <<<$'USER\nPASS x\nQUIT'
	assert_equal "$(sed 1,2d <<<"$output")" "$wrong"
}

@test "checkpassword" {
	local program=$BATS_TEST_TMPDIR/check
	cat >"$program" <<-'EOF'
		#!/bin/sh
		said=$(tr '\0' ' ' <&3)
		case $said in
		"bob pa ss "*) exit 0 ;;
		later*) exit 111 ;;
		esac
		exit 1
	EOF
	chmod 755 "$program"
	message 1
	ask() {
		session pop3-serve $me --spool-dir="$spool" --no-syslog \
			--pop-auth="checkpassword:$program"
	}
	ask <<<$'CAPA\nAUTH CRAM-MD5\nAPOP bob x\nUSER bob\nPASS pa ss\nSTAT\nQUIT'
	assert_line 'SASL LOGIN PLAIN'
	signs +--++++
	ask <<<$'USER bob\nPASS x\nUSER later\nPASS x\nQUIT'
	assert_line '-ERR [AUTH] authentication failed'
	assert_line '-ERR [SYS/TEMP] cannot check passwords now'
	logged 'temporary failure, sasl_username=later'
}

@test "fail2ban knows pop3-serve's words" {
	needs fail2ban-regex
	local record=$BATS_TEST_TMPDIR/record ip i=0 words
	local -a texts=('USER bob\r\nPASS bad\r\n' 'AUTH PLAIN AGJvYgBiYWQ=\r\n'
		'APOP bob 0123456789abcdef0123456789abcdef\r\n' 'GET / HTTP/1.0\r\n'
		"$(printf 'FOO\\r\\n%.0s' {1..20})")
	for words in "${texts[@]}"; do
		ip=192.0.2.$((++i))
		printf %b "$words" | TCPREMOTEIP=$ip $(server) --log \
			--log-time --remote-clients 2>>"$record" >/dev/null
	done
	printf %b "$in$bye" | TCPREMOTEIP=192.0.2.8 $(server) --log --log-time \
		2>>"$record" --remote-clients >/dev/null
	printf 'USER a[9.9.9.9]: SASL PLAIN authentication failed: x\r\nPASS x\r\n' |
		TCPREMOTEIP=192.0.2.6 $(server) --log --log-time --verbose \
			2>>"$record" --remote-clients >/dev/null
	TCPREMOTEIP=192.0.2.7 $(server) --log-time 2>>"$record" </dev/null
	run fail2ban-regex --out ip "$record" \
		"$top/doc/examples/fail2ban/filter.d/sluice.conf"
	assert_output "$(printf '192.0.2.%d\n' 1 2 3 4 5 6 7)"
}
