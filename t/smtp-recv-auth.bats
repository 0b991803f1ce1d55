#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# smtp-recv: who has to log in, how that is done, and what becomes of it.
load recv

# \0bob\0secret, \0bob\0wrong; bob, secret, wrong
good=AGJvYgBzZWNyZXQ= bad=AGJvYgB3cm9uZw==
bob=Ym9i secret=c2VjcmV0 wrong=d3Jvbmc=

setup() {
	prepare
	accounts=$BATS_TEST_TMPDIR/accounts
	secrets <<-'EOF'
		# made up for these tests
		server LOGIN bob secret
		server LOGIN us+20er e+3Dmc2
		server CRAM-MD5 tim 1376891476.79044465.1577270986.1796281712.458124752.2764766246.18396848.2738889491
		server NONE 192.0.2.* tr+20usted
	EOF
}
secrets() { (umask 077 && cat >"$accounts"); }
auth() { recv --server-auth="$accounts" --log --no-syslog "$@"; }
# says LINE...: each of these is among the lines said.
says() {
	local line
	for line in "$@"; do assert_line "$line"; done
}

@test "EHLO names the mechanisms that an entry can serve" {
	while IFS='|' read -r entries offer; do
		tr ';' '\n' <<<"$entries" | secrets
		auth <<<$'EHLO c\nHELO c\nEHLO c'
		[ "$(grep -c "^250-AUTH" <<<"$output")" = $((${#offer} ? 2 : 0)) ]
		[ -z "$offer" ] || assert_line --index 2 "250-AUTH $offer"
	done <<-'EOF'
		server LOGIN a b|LOGIN PLAIN
		server PLAIN a b|PLAIN
		server CRAM-MD5 a 1.2.3.4.5.6.7.8|CRAM-MD5
		server CRAM-MD5 a 1.2.3.4.5.6.7.8;server LOGIN a b|LOGIN PLAIN CRAM-MD5
		server plain a b|LOGIN PLAIN CRAM-MD5
		server md5 a 3pIN0aPbd5aN0S4ogKA3w2P3P9XH0hXchLP1W+adpQE=|CRAM-MD5
		client LOGIN a b;server APOP a b;server NONE 10.* c|
		server CRAM-MD5 a nonsense|
		|
	EOF
	recv <<<"EHLO c"
	refute_output --partial AUTH
}

@test "without --server-auth AUTH is not known, and nobody has to log in" {
	recv <<-EOF
		EHLO c
		AUTH PLAIN $good
		MAIL FROM:<a@a.test>
	EOF
	codes 220 250 500 250
	says "500 5.5.1 command unrecognized"
}

@test "PLAIN, with and without an initial response" {
	for initial in " $good" $'\n'"$good" " eABib2IAc2VjcmV0"; do
		auth <<<"EHLO c
auth plain$initial
MAIL FROM:<a@a.test>"
		says "235 2.7.0 Authentication successful" "250 2.1.0 OK"
	done
	auth <<<$'EHLO c\nAUTH PLAIN\n'"$good"
	says "334 "
}

@test "LOGIN, with and without the user's name as initial response" {
	for initial in " $bob" $'\n'"$bob"; do
		auth <<<"EHLO c
AUTH Login$initial
$secret
MAIL FROM:<a@a.test>"
		says "334 UGFzc3dvcmQ6" "235 2.7.0 Authentication successful" \
			"250 2.1.0 OK"
	done
	says "334 VXNlcm5hbWU6"
	auth <<<$'EHLO c\nAUTH LOGIN\ndXMgZXI=\nZT1tYzI='
	codes 220 250 334 334 235
}

@test "HELO clients may log in, too" {
	auth <<<$'HELO c\nAUTH PLAIN '"$good"$'\nMAIL FROM:<a@a.test>'
	codes 220 250 235 250
}

@test "AUTH is for IDLE, and once" {
	auth <<-EOF
		AUTH PLAIN $good
		EHLO c
		AUTH PLAIN $good
		AUTH PLAIN $good
		MAIL FROM:<a@a.test>
		AUTH LOGIN
		RSET
		AUTH LOGIN
	EOF
	codes 220 503 250 235 503 250 503 250 503
	says "503 5.5.1 command out of sequence -- use RSET to resynchronise"
}

@test "without it MAIL is refused, and nothing else" {
	auth --verbose <<-EOF
		EHLO c
		MAIL FROM:<a@a.test>
		MAIL FROM:nonsense
		RCPT TO:<b@b.test>
		VRFY b@b.test
		NOOP
		RSET
		EHLO d
		MAIL FROM:<>
		QUIT
	EOF
	codes 220 250 530 530 503 252 250 250 250 530 221
	says "530 5.7.0 authentication required"
	[[ $stderr = *"NOQUEUE: reject: MAIL from unknown[127.0.0.1]: 530 5.7.0 authentication required; "* ]]
}

@test "it survives EHLO, HELO, RSET and messages" {
	auth <<-EOF
		EHLO c
		AUTH PLAIN $good
		EHLO d
		RSET
		HELO e
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		.
		MAIL FROM:<a@a.test>
	EOF
	codes 220 250 235 250 250 250 250 250 354 250 250
}

@test "what is wrong with an AUTH is told" {
	local count=0 line reply
	while IFS='|' read -r line reply; do
		auth <<<$'EHLO c\n'"AUTH${line//;/$'\n'}"$'\nQUIT'
		says "$reply" "221 2.0.0 closing connection"
		count=$((count + 1))
	done <<-EOF
		|504 5.5.4 Unsupported authentication mechanism
		 APOP|504 5.5.4 Unsupported authentication mechanism
		 DIGEST-MD5 x|504 5.5.4 Unsupported authentication mechanism
		 PLAIN =|501 5.5.2 Invalid argument
		 LOGIN =|501 5.5.2 Invalid argument
		 PLAIN !!!!|501 5.5.2 Invalid argument
		 PLAIN A|501 5.5.2 Invalid argument
		 PLAIN A===|501 5.5.2 Invalid argument
		 PLAIN AA=A|501 5.5.2 Invalid argument
		 PLAIN $good $good|501 5.5.2 Invalid argument
		 PLAIN $good=|501 5.5.2 Invalid argument
		 LOGIN Ym9i=|501 5.5.2 Invalid argument
		 CRAM-MD5 $bob|501 5.5.2 Invalid argument
		 CRAM-MD5 =|501 5.5.2 Invalid argument
		 PLAIN;*|501 5.7.0 authentication cancelled
		 LOGIN;*|501 5.7.0 authentication cancelled
		 LOGIN $bob;*|501 5.7.0 authentication cancelled
		 CRAM-MD5;*|501 5.7.0 authentication cancelled
		 PLAIN; $good|501 5.5.2 Invalid argument
		 PLAIN;not base64|501 5.5.2 Invalid argument
	EOF
	[ "$count" = 20 ]
}

@test "commands in vain are counted, cancelled ones too" {
	auth < <(echo EHLO c && times 16 $'AUTH PLAIN\n*' && echo NOOP)
	assert_line --index "$((${#lines[@]} - 1))" --partial "421 4.7.0 "
	[ "$(grep -c '^501' <<<"$output")" = 8 ]
}

@test "a failure costs a second; the third ends it" {
	local before=${EPOCHREALTIME/./}
	auth <<-EOF
		EHLO c
		AUTH PLAIN $bad
		AUTH LOGIN
		$bob
		$wrong
		MAIL FROM:<a@a.test>
		AUTH CRAM-MD5
		$(printf 'tim %032d' 0 | base64)
		AUTH PLAIN $good
	EOF
	codes 220 250 535 334 334 535 530 334 535 421
	says "535 5.7.8 Authentication failed"
	((${EPOCHREALTIME/./} - before >= 3000000))
	[[ $stderr = *"warning: unknown[127.0.0.1]: SASL PLAIN authentication failed: authentication failure, sasl_username=bob"* ]]
	[[ $stderr = *"SASL LOGIN authentication failed: authentication failure, sasl_username=bob"* ]]
	[[ $stderr = *"SASL CRAM-MD5 authentication failed: authentication failure, sasl_username=tim"* ]]
}

@test "a success costs nothing, and failures leave the session usable" {
	local before=${EPOCHREALTIME/./}
	auth <<<$'EHLO c\nAUTH PLAIN '"$good"
	((${EPOCHREALTIME/./} - before < 900000))
	auth <<<$'EHLO c\nAUTH PLAIN '"$bad"$'\nAUTH PLAIN '"$good"
	codes 220 250 535 235
}

@test "who does not exist, has no password or no such entry is told the same" {
	for text in '\0nobody\0secret' '\0bob\0' '\0\0secret' '\0bob' \
		'\0tim\0tanstaaftanstaaf' '\0BOB\0secret' '\0bob\0secret\0'; do
		auth <<<$'EHLO c\nAUTH PLAIN '"$(printf "$text" | base64)"
		codes 220 250 535
	done
	auth <<<$'EHLO c\nAUTH LOGIN\n\n'"$secret"
	codes 220 250 334 334 535
}

@test "a challenge is fresh each time, and a replay fails" {
	auth <<<$'EHLO c\nAUTH CRAM-MD5\n*\nAUTH CRAM-MD5\n*'
	local a b
	{ read -r a && read -r b; } < <(sed -n 's/^334 //p' <<<"$output")
	[ "$a" != "$b" ]
	[[ $(base64 -d <<<"$a") =~ ^\<[0-9]+\.[0-9]+\.[0-9a-f]{32}@mx\.test\>$ ]]
	# the right answer to another challenge
	auth <<<$'EHLO c\nAUTH CRAM-MD5\n'"$(printf \
		'tim b913a602c7eda7a495b4e6e7334d3890' | base64 -w0)"
	codes 220 250 334 535
}

@test "envelope, Received line and log tell who it was" {
	auth <<-EOF
		EHLO c
		AUTH LOGIN dXMgZXI=
		ZT1tYzI=
		MAIL FROM:<a@a.test> AUTH=other@a.test
		RCPT TO:<b@b.test>
		DATA
		.
	EOF
	local id
	id=$(only)
	[[ $(envelope "$id") = *$'\nX-MailRelay-Authentication: us+20er\n'* ]]
	[[ $(content "$id") = "Received: from c ([127.0.0.1]) by mx.test with ESMTPA id $id ; "* ]]
	[[ $stderr = *"$id: client=unknown[127.0.0.1], sasl_method=LOGIN, sasl_username=us+20er"$'\n'* ]]
}

@test "a name cannot forge log lines" {
	auth --verbose <<<$'EHLO c\nAUTH PLAIN '"$(printf \
		'\0a, b=c [x]\033\0secret' | base64)"$'\nAUTH PLAIN '"$(printf \
		'\0a, b=c [x]\0secret' | base64)"
	codes 220 250 535 535
	[[ $stderr = *"authentication failure, sasl_username="$'\n'* ]]
	[[ $stderr = *"sasl_username=a,+20b+3Dc+20[x]"$'\n'* ]]
}

@test "passwords get into no log, however much is asked for" {
	auth --verbose --debug <<-EOF
		EHLO c
		AUTH PLAIN $bad
		AUTH LOGIN
		$bob
		$wrong
		AUTH PLAIN x$good
		AUTH PLAIN $good
		AUTH PLAIN $good
		XAUTH PLAIN $good
	EOF
	codes 220 250 535 334 334 535 501 235 503 500
	for text in secret wrong "$secret" "$wrong" "$good" "$bad"; do
		refute_output --partial "$text"
		[[ $stderr != *"$text"* ]]
	done
}

@test "trusted addresses need not log in" {
	for ip in 192.0.2.1 192.0.2.255; do
		TCPREMOTEIP=$ip auth --remote-clients <<-EOF
			EHLO c
			MAIL FROM:<a@a.test>
			RCPT TO:<b@b.test>
			DATA
			.
		EOF
		codes 220 250 250 250 354 250
		[[ $(envelope "$(only)") = *"Authentication: tr+20usted"$'\n'* ]]
		[[ $(content "$(only)") = *" with ESMTP id "* ]]
		rm "$spool"/*
	done
	TCPREMOTEIP=192.0.3.1 auth --remote-clients <<<$'EHLO c\nMAIL FROM:<a@a.test>'
	codes 220 250 530
	# as anybody may, they can log in
	TCPREMOTEIP=192.0.2.1 auth --remote-clients <<-EOF
		EHLO c
		MAIL FROM:<a@a.test>
		RSET
		AUTH PLAIN $good
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		.
	EOF
	[[ $(envelope "$(only)") = *"Authentication: bob"$'\n'* ]]
}

@test "patterns of trusted addresses" {
	while read -r pattern ip code; do
		secrets <<<"server NONE $pattern key"
		TCPREMOTEIP=$ip auth --remote-clients <<<$'EHLO c\nMAIL FROM:<>'
		codes 220 250 "$code"
	done <<-'EOF'
		10.1.2.3 10.1.2.3 250
		10.1.2.3 10.1.2.4 530
		10.0.0.0/21 10.0.7.1 250
		10.0.0.0/21 10.0.8.1 530
		10.*.*.* 10.9.9.9 250
		0.0.0.0/0 203.0.113.1 250
		20010db8000000000000000000000000/32 2001:db8::1 250
		20010db8000000000000000000000000/32 2001:db9::1 530
		2001:db8::/32 2001:db8::1 250
		192.0.2.1 unknown 530
	EOF
}

@test "tcprules' RELAYCLIENT is as good" {
	TCPREMOTEIP=203.0.113.1 RELAYCLIENT='' auth <<<$'EHLO c\nMAIL FROM:<>'
	codes 220 250 250
}

@test "the file is read by each connection" {
	auth <<<$'EHLO c\nAUTH PLAIN '"$good"
	codes 220 250 235
	secrets <<<"server LOGIN bob other"
	auth <<<$'EHLO c\nAUTH PLAIN '"$good"
	codes 220 250 535
}

@test "a file that others may use, or that is not there, serves nobody" {
	for mode in 644 604 602 601; do
		chmod "$mode" "$accounts"
		auth <<<"EHLO c"
		assert_equal "$status" 78
		[ "$output" = "421 4.3.0 service not available" ]
		[[ $stderr = *"cannot read secrets file '$accounts': others may use it"* ]]
	done
	rm "$accounts"
	auth <<<"EHLO c"
	assert_equal "$status" 78
	[[ $stderr = *"No such file"* ]]
}

@test "lines that are wrong are told with their numbers" {
	secrets <<<$'server LOGIN bob secret\nserver LOGIN x\n\nserver LOGIN y z 1'
	auth <<<$'EHLO c\nAUTH PLAIN '"$good"
	codes 220 250 235
	[[ $stderr = *"warning: $accounts: ignoring line 2 of secrets file: too few fields"* ]]
	[[ $stderr = *"ignoring extra fields on line 4 of secrets file"* ]]
}

@test "the file is opened before root is given up" {
	as_root || skip "needs root"
	chmod 755 "$BATS_TEST_TMPDIR" && chown daemon "$spool"
	run --separate-stderr smtp-recv --spool-dir="$spool" \
		--server-auth="$accounts" < <(printf 'EHLO c\r\nAUTH PLAIN %s\r\n' $good)
	assert_line --partial "235 2.7.0"
}

@test "lines of 12288 octets, and no longer ones" {
	local most
	most=$(head -c 9216 /dev/zero | base64 -w0)
	auth <<<$'EHLO c\nAUTH PLAIN\n'"$most"
	codes 220 250 334 535
	auth <<<$'EHLO c\nAUTH PLAIN\n'"${most}AAAA"$'\nNOOP'
	codes 220 250 334 500 250
	says "500 5.5.6 line too long"
	auth <<<$'EHLO c\nAUTH PLAIN '"${most:16}"$'\nNOOP'
	codes 220 250 535 250
	auth <<<$'EHLO c\nAUTH PLAIN '"$most"$'\nNOOP'
	codes 220 250 500 250
	auth <<<$'EHLO c\nNOOP '"$most"
	codes 220 250 500
}

@test "the connection ends in the middle of it" {
	auth <<<$'EHLO c\nAUTH LOGIN\n'"$bob"
	assert_success
	codes 220 250 334 334
}

@test "--anonymous tells no name in the challenge" {
	auth --anonymous <<<$'EHLO c\nAUTH CRAM-MD5\n*'
	[[ $(sed -n 's/^334 //p' <<<"$output" | base64 -d) = *@localhost\> ]]
}
