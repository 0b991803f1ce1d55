#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2086,SC2154
# Logging in to smtp-recv with the programs that people use, and having the
# passwords checked by another program.
load recv

setup() {
	prepare
	accounts=$BATS_TEST_TMPDIR/accounts
	(umask 077 && cat >"$accounts") <<-'EOF'
		server LOGIN bob s+20cret
		server CRAM-MD5 tim 1376891476.79044465.1577270986.1796281712.458124752.2764766246.18396848.2738889491
		server plain ann all+2Bsorts
	EOF
}
serve_auth() {
	listen smtp-recv $me --spool-dir="$spool" --domain=mx.test \
		--server-auth="${1:-$accounts}" --log --no-syslog "${@:2}"
}
# logged METHOD NAME: a message has come from somebody who has logged in.
logged() {
	wait_until grep -q "sasl_method=$1, sasl_username=$2\$" "$log"
	[[ $(envelope "$(only)") = *"Authentication: $2"$'\n'* ]]
	rm "$spool"/*
	: >"$log"
}

# account METHOD USER PASSWORD, each with its quirks
swaks_sends() {
	swaks --server 127.0.0.1 --port "$port" --helo c.test --silent 3 \
		--from a@a.test --to b@b.test --auth "$1" --auth-user "$2" \
		--auth-password "$3" "${@:4}"
}

@test "swaks logs in, in each way" {
	needs swaks
	serve_auth
	swaks_sends PLAIN bob 's cret'
	logged PLAIN bob
	swaks_sends LOGIN bob 's cret'
	logged LOGIN bob
	swaks_sends CRAM-MD5 tim tanstaaftanstaaf
	logged CRAM-MD5 tim
	for method in PLAIN LOGIN CRAM-MD5; do
		swaks_sends "$method" ann all+sorts
		logged "$method" ann
	done
}

@test "swaks with a wrong password sends nothing" {
	needs swaks
	serve_auth
	for method in PLAIN LOGIN CRAM-MD5; do
		run swaks_sends "$method" tim wrong
		assert_equal "$status" 28
		wait_until grep -q "warning: .*127.0.0.1.: SASL $method authentication failed: " "$log"
	done
	[ -z "$(spooled)" ]
}

@test "curl logs in, in each way" {
	needs curl
	serve_auth
	for method in PLAIN LOGIN CRAM-MD5; do
		printf 'Subject: hi\r\n\r\nhello\r\n' |
			curl -sS "smtp://127.0.0.1:$port/c.test" -T - \
				--user 'ann:all+sorts' --mail-from a@a.test \
				--mail-rcpt b@b.test --login-options "AUTH=$method"
		logged "$method" ann
		printf 'hi\r\n' | curl -sS "smtp://127.0.0.1:$port/c.test" -T - \
			--user 'ann:all+sorts' --mail-from a@a.test --sasl-ir \
			--mail-rcpt b@b.test --login-options "AUTH=$method"
		logged "$method" ann
	done
	run curl -sS "smtp://127.0.0.1:$port/c.test" -T - --user ann:wrong \
		--mail-from a@a.test --mail-rcpt b@b.test </dev/null
	assert_equal "$status" 67
}

@test "Python's smtplib logs in, in each way" {
	needs python3
	serve_auth
	for method in PLAIN LOGIN CRAM-MD5; do
		python3 - "$port" "$method" <<-'EOF'
			import smtplib
			import sys
			s = smtplib.SMTP('127.0.0.1', int(sys.argv[1]))
			s.ehlo()
			s.user, s.password = 'ann', 'all+sorts'
			way = 'auth_' + sys.argv[2].lower().replace('-', '_')
			code, _ = s.auth(sys.argv[2], getattr(s, way))
			assert code == 235, code
			s.sendmail('a@a.test', ['b@b.test'], 'Subject: hi\n\nhello\n')
			s.quit()
		EOF
		logged "$method" ann
	done
	# as it does by itself: what it likes best of what is offered
	python3 -c "
import smtplib
s = smtplib.SMTP('127.0.0.1', $port)
s.login('ann', 'all+sorts')
s.sendmail('a@a.test', ['b@b.test'], 'hi')
try:
    smtplib.SMTP('127.0.0.1', $port).login('bob', 'wrong')
except smtplib.SMTPAuthenticationError as e:
    assert e.smtp_code == 535, e
else:
    raise SystemExit('a wrong password was taken')
"
	logged CRAM-MD5 ann
}

@test "msmtp logs in" {
	needs msmtp
	serve_auth
	for method in plain login cram-md5; do
		printf 'Subject: hi\n\nhello\n' | msmtp --file=/dev/null \
			--host=127.0.0.1 --port="$port" --tls=off \
			--auth="$method" --user=ann --from=a@a.test \
			--passwordeval='echo all+sorts' b@b.test
		logged "${method^^}" ann
	done
}

# A checkpassword program: notes what it is given, and does as it is told.
judge() {
	judge=$BATS_TEST_TMPDIR/judge
	cat >"$judge" <<-EOF
		#!/bin/sh
		tr '\\0' '|' <&3 >"$judge.got"
		echo "\$@" >"$judge.args"
		echo "\$TCPREMOTEIP" >"$judge.ip"
		case \$(cat "$judge.got") in
		'bob|s cret|'*) exit 0 ;;
		'late|'*) exit 111 ;;
		'dead|'*) kill -9 \$\$ ;;
		*) exit 1 ;;
		esac
	EOF
	chmod 755 "$judge"
	chmod 777 "$BATS_TEST_TMPDIR"
}
asks() {
	recv --server-auth="checkpassword:$judge a\\ b c" --log --no-syslog "$@"
}
plain() { printf '\0%s\0%s' "$1" "$2" | base64; }

@test "a checkpassword program says who may log in" {
	judge
	asks <<-EOF
		EHLO c
		AUTH PLAIN $(plain bob wrong)
		AUTH CRAM-MD5
		AUTH LOGIN Ym9i
		$(printf 's cret' | base64)
		MAIL FROM:<a@a.test>
	EOF
	codes 220 250 535 504 334 235 250
	assert_line "250-AUTH LOGIN PLAIN"
	[[ $(cat "$judge.got") =~ ^bob\|s\ cret\|[0-9]+\|$ ]]
	[ "$(cat "$judge.args")" = "a b c" ]
}

@test "it is told where the client is, whoever has told us" {
	judge
	REMOTE_ADDR=192.0.2.9 asks --remote-clients \
		<<<$'EHLO c\nAUTH PLAIN '"$(plain bob x)"
	codes 220 250 535
	[ "$(cat "$judge.ip")" = 192.0.2.9 ]
}

@test "one that cannot tell, crashes or is not there is a temporary failure" {
	judge
	for name in late dead; do
		asks <<<$'EHLO c\nAUTH PLAIN '"$(plain $name x)"$'\nNOOP'
		codes 220 250 454 250
		assert_line "454 4.7.0 Temporary authentication failure"
		[[ $stderr = *"SASL PLAIN authentication failed: temporary failure, sasl_username=$name"* ]]
		[[ $stderr = *"'$judge' cannot say whether a password is right: exit status 1"* ]]
	done
	recv --server-auth=checkpassword:/nowhere/judge <<<"EHLO c"
	assert_equal "$status" 78
	recv --server-auth=checkpassword:judge <<<"EHLO c"
	assert_equal "$status" 78
	printf '#!/nowhere\n' >"$judge"
	asks <<<$'EHLO c\nAUTH PLAIN '"$(plain bob x)"
	codes 220 250 454
}

@test "it gets the client's address, and neither socket nor file" {
	judge=$BATS_TEST_TMPDIR/judge
	cat >"$judge" <<-EOF
		#!/bin/bash
		echo "\$TCPREMOTEIP" >"$judge.got"
		ls -l /proc/\$\$/fd >>"$judge.got"
		exit 0
	EOF
	chmod 755 "$judge"
	TCPREMOTEIP=127.0.0.9 asks <<<$'EHLO c\nAUTH PLAIN '"$(plain bob x)"
	codes 220 250 235
	[ "$(head -n 1 "$judge.got")" = 127.0.0.9 ]
	run grep -E 'socket:|spool' "$judge.got"
	refute_output
}

@test "nothing of it is left when the client has gone" {
	judge
	serve_auth "checkpassword:$judge"
	exec 9<>"/dev/tcp/127.0.0.1/$port"
	read -r -u 9
	wait_until [ "$(pgrep -fc -- "--spool-dir=$spool")" -ge 2 ]
	exec 9>&-
	gone() { [ "$(pgrep -fc -- "smtp-recv.*--spool-dir=$spool")" = 1 ]; }
	wait_until gone
}

@test "the program is run as root when smtp-recv was, and only it" {
	as_root || skip "needs root"
	judge
	sed -i '2i id -u >"$0.uid"' "$judge"
	chmod 755 "$BATS_TEST_TMPDIR" && chown daemon "$spool"
	run smtp-recv --spool-dir="$spool" --server-auth="checkpassword:$judge" \
		< <(printf 'EHLO c\r\nAUTH PLAIN %s\r\n' "$(plain bob 's cret')"
			wait_until grep -q . "$judge.uid"
			ps -o user= -C smtp-recv >"$judge.ps")
	assert_line --partial 235
	[ "$(cat "$judge.uid")" = 0 ]
	grep -q daemon "$judge.ps"
}

@test "no secret is left in memory once somebody has logged in" {
	needs python3
	[[ $build != *asan* ]] || skip "what is freed is kept there"
	(umask 077 && printf 'server LOGIN %s\n' 'bob Xq7secretZ9' \
		'ann Yother77pw' >"$accounts")
	run python3 - smtp-recv $me --spool-dir="$spool" \
		--server-auth="$accounts" <<-'EOF'
		import base64
		import re
		import subprocess
		import sys
		p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE,
		                     stdout=subprocess.PIPE)
		plain = base64.b64encode(b'\0bob\0Xq7secretZ9')
		p.stdin.write(b'EHLO c\r\nAUTH PLAIN ' + plain + b'\r\n')
		p.stdin.flush()
		while p.stdout.readline()[:3] != b'235':
		    pass
		mem = open('/proc/%d/mem' % p.pid, 'rb')
		all = b''
		for line in open('/proc/%d/maps' % p.pid):
		    part = re.match(r'([0-9a-f]+)-([0-9a-f]+) rw', line)
		    if part:
		        start, end = (int(x, 16) for x in part.groups())
		        mem.seek(start)
		        all += mem.read(end - start)
		assert b'EHLO' in all, 'not the right memory'
		for text in b'Xq7secretZ9', b'Yother77pw', plain[8:20]:
		    assert text not in all, text
		p.stdin.close()
		p.wait()
		EOF
	assert_success
}

@test "spool-passwd makes keys that work" {
	key=$(echo ' tanstaaftanstaaf ' | spool-passwd)
	[ "$key" = 1376891476.79044465.1577270986.1796281712.458124752.2764766246.18396848.2738889491 ]
	[ "$(spool-passwd --dotted <<<foobar)" = 3507327710.2524437411.674156941.3275202688.3577739107.3692417735.1542828932.27631078 ]
	[ "$(spool-passwd --format=base64 <<<foobar)" = 3pIN0aPbd5aN0S4ogKA3w2P3P9XH0hXchLP1W+adpQE= ]
	[ "$(spool-passwd --format=xtext <<<'a b=c+')" = a+20b+3Dc+2B ]
	[ "$(printf 'secret\r\nmore\n' | spool-passwd)" = 4059553961.2316091643.3282746241.1444639637.3735501773.3404060330.2760590371.1201092398 ]
	needs swaks
	for format in dotted base64; do
		echo "server md5 new $(echo 'new one' | spool-passwd --format=$format)" >"$accounts"
		[ -n "${port:-}" ] || serve_auth
		swaks_sends CRAM-MD5 new 'new one'
		logged CRAM-MD5 new
	done
}

@test "spool-passwd asks at a terminal, and does not show what is typed" {
	run python3 - <<-'EOF'
		import os, pty, termios, time
		pid, fd = pty.fork()
		if pid == 0:
		    os.execvp('spool-passwd', ['spool-passwd', '--format=xtext'])
		said = b''
		while b'Password: ' not in said:
		    said += os.read(fd, 1000)
		# it is asked for before the terminal is blind
		while termios.tcgetattr(fd)[3] & termios.ECHO:
		    time.sleep(0.01)
		os.write(fd, b'se=cret\n')
		try:
		    while more := os.read(fd, 1000):
		        said += more
		except OSError:
		    pass
		assert os.waitpid(pid, 0)[1] == 0
		assert said.split() == [b'Password:', b'se+3Dcret'], said
		EOF
	assert_success
}

@test "spool-passwd refuses no password, and words" {
	for input in '' ' ' $'\t\r'; do
		run --separate-stderr spool-passwd <<<"$input"
		assert_equal "$status" 65
		assert_output ""
		[ "$stderr" = "spool-passwd: invalid password" ]
	done
	run spool-passwd secret </dev/null
	assert_equal "$status" 64
	refute_output --partial "secret"
	run spool-passwd < <(head -c 5000 /dev/zero | tr '\0' x)
	assert_equal "$status" 65
}
