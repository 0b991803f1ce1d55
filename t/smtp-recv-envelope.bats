# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# smtp-recv: senders, recipients, sizes, the envelope and the Received line.
load recv

# the_received PATTERN: the Received line is this, with ID and DATE filled in.
the_received() {
	local id want got when
	id=$(only)
	got=$(content "$id" | head -n 1)
	when=${got##* ; }
	want=${1//ID/$id}
	[ "${got% ; *}" = "$want" ] || fail "got: $got"
	# the time is now: the test began less than a minute ago
	((EPOCHSECONDS - $(date -d "$when" +%s) < 60)) || fail "date: $when"
	[ "$when" = "$(date -d "$when" '+%a, %-d %b %Y %H:%M:%S %z')" ]
	rm "$spool"/*
}
one() {
	recv "${@:3}" <<-EOF
		$1
		MAIL FROM:<a@a.test>$2
		RCPT TO:<b@b.test>
		DATA
		.
		QUIT
	EOF
}

@test "the Received line" {
	one "EHLO client.test"
	the_received "Received: from client.test ([127.0.0.1]) by mx.test with ESMTP id ID"
	one "HELO client.test"
	the_received "Received: from client.test ([127.0.0.1]) by mx.test with SMTP id ID"
	one "EHLO [192.0.2.1]" " SMTPUTF8"
	the_received "Received: from [192.0.2.1] ([127.0.0.1]) by mx.test with UTF8SMTP id ID"
	TCPREMOTEIP=2001:db8::7 one "EHLO c" "" --remote-clients
	the_received "Received: from c ([IPv6:2001:db8::7]) by mx.test with ESMTP id ID"
}

@test "the date is in the zone of TZ" {
	for zone in UTC0 EST5 XYZ-5:30 ABC12:45; do
		export TZ=$zone
		one "EHLO c"
		[[ $(content "$(only)" | head -n 1) = *" $(date +%z)" ]]
		the_received "Received: from c ([127.0.0.1]) by mx.test with ESMTP id ID"
	done
}

@test "what no host name has does not get into the Received line" {
	one 'EHLO evil) by x; (\" <a@b>'
	the_received "Received: from evil??by?x???????a?b? ([127.0.0.1]) by mx.test with ESMTP id ID"
	recv <<<"EHLO $(printf '%0300d' 0)
HELO $(printf '%0255d' 0)"
	codes 220 501 250
}

@test "the envelope, octet by octet" {
	recv <<-EOF
		EHLO c
		MAIL FROM:<a.b+c@a.test> SIZE=10 BODY=8BITMIME AUTH=x+2Ey
		RCPT TO:<first@b.test>
		RCPT TO:<second@[192.0.2.1]>
		RCPT TO:<first@b.test>
		DATA
		.
	EOF
	codes 220 250 250 250 250 250 354 250
	cmp - "$spool/$(only).envelope" < <(sed 's/$/\r/' <<-EOF
		X-MailRelay-Format: #2821.4
		X-MailRelay-Content: 7bit
		X-MailRelay-From: a.b+c@a.test
		X-MailRelay-ToCount: 3
		X-MailRelay-To-Remote: first@b.test
		X-MailRelay-To-Remote: second@[192.0.2.1]
		X-MailRelay-To-Remote: first@b.test
		X-MailRelay-Authentication: 
		X-MailRelay-Client: 127.0.0.1
		X-MailRelay-ClientName: 
		X-MailRelay-ClientCertificate: 
		X-MailRelay-End: 1
	EOF
	)
}

@test "the null sender" {
	recv <<-EOF
		EHLO c
		MAIL FROM:<>
		RCPT TO:<b@b.test>
		DATA
		.
	EOF
	codes 220 250 250 250 354 250
	[ "$(envelope "$(only)" | sed -n 3p)" = "X-MailRelay-From: " ]
}

@test "recipients that are taken, and as what" {
	while IFS='|' read -r said kept; do
		recv <<-EOF
			EHLO c
			MAIL FROM:<a@a.test>
			RCPT TO:$said
			DATA
			.
		EOF
		codes 220 250 250 250 354 250 || fail "$said"
		[ "$(envelope "$(only)" | sed -n 's/.*To-Remote: //p')" = "$kept" ]
		rm "$spool"/*
	done <<-'EOF'
		<b@b.test>|b@b.test
		 <b@b.test>|b@b.test
		< b@b.test >|b@b.test
		<Postmaster>|Postmaster
		<@x.test:b@b.test>|b@b.test
		<@x.test,@y.test:b@b.test>|b@b.test
		<"a b"@b.test>|"a b"@b.test
		<"a>b"@b.test>|"a>b"@b.test
		<"a\"b"@b.test>|"a\"b"@b.test
		<"a@b"@b.test>|"a@b"@b.test
		<a..b.@b.test>|a..b.@b.test
		<!#$%&'*+-/=?^_`{}~@b.test>|!#$%&'*+-/=?^_`{}~@b.test
		<b@[IPv6:2001:db8::1]>|b@[IPv6:2001:db8::1]
		<b@under_score.test>|b@under_score.test
	EOF
}

@test "addresses that are refused, and why" {
	while IFS='|' read -r said code why; do
		recv <<-EOF
			EHLO c
			MAIL FROM:$said
			MAIL FROM:<a@a.test>
			RCPT TO:$said
			DATA
			QUIT
		EOF
		codes 220 250 553 250 550 554 221
		[[ ${lines[9]} = "553 5.1.7 mailbox name not allowed: $why" ]] || fail "${lines[9]}"
		[[ ${lines[11]} = "550 5.1.3 mailbox unavailable: $why" ]] || fail "${lines[11]}"
		nothing_left
	done < <(sed 's/|[^|]*$/|&/' <<-'EOF'
		b@b.test|missing or invalid angle brackets in mailbox name
		<b@b.test|missing or invalid angle brackets in mailbox name
		b <b@b.test>|missing or invalid angle brackets in mailbox name
		|missing or invalid angle brackets in mailbox name
		<b@b.test b>|invalid mailbox name
		<a b@b.test>|invalid mailbox name
		<b@>|invalid mailbox name
		<@b.test>|invalid mailbox name
		<@x.test;b@b.test>|invalid mailbox name
		<b@@b.test>|invalid mailbox name
		<b@b..test>|invalid mailbox name
		<b@.test>|invalid mailbox name
		<b@-b.test>|invalid mailbox name
		<b@b.test.>|invalid mailbox name
		<b@[192.0.2.1>|invalid mailbox name
		<"b@b.test>|invalid mailbox name
		<"b"b@b.test>|invalid mailbox name
		<<b@b.test>>|invalid mailbox name
		<b@caf\xe9.test>|invalid mailbox name
		<b\@b.test>|invalid mailbox name
	EOF
	)
	recv <<<"EHLO c
MAIL FROM:<$(printf '%0320d' 0)@a.test>
MAIL FROM:<a@a.test>
RCPT TO:<>"
	codes 220 250 553 250 550
}

@test "MAIL and RCPT without their keyword" {
	recv <<-EOF
		EHLO c
		MAIL <a@a.test>
		MAIL TO:<a@a.test>
		MAIL FROM:<a@a.test>
		RCPT <b@b.test>
		RCPT FROM:<b@b.test>
		QUIT
	EOF
	codes 220 250 501 501 250 501 501 221
}

@test "parameters" {
	while IFS='|' read -r code parameters; do
		recv <<-EOF
			EHLO c
			MAIL FROM:<a@a.test>$parameters
			QUIT
		EOF
		codes 220 250 "$code" 221 || fail "$parameters"
	done <<-'EOF'
		250| SIZE=0
		250| SIZE=000001 BODY=7BIT
		250| size=5 body=8bitmime smtputf8
		250| AUTH=<>
		501| SIZE
		501| SIZE=
		501| SIZE=-1
		501| SIZE=0x5
		501| SIZE=1 SIZE=1
		501| SIZE=123456789012345678901
		501| BODY=BINARYMIME
		501| SMTPUTF8=yes
		501| AUTH=a+0
		501|SIZE=1
		555| X=1
		555| RET=FULL
	EOF
	recv <<<"EHLO c
MAIL FROM:<a@a.test>
RCPT TO:<b@b.test> X=1
RCPT TO:<b@b.test>X=1"
	codes 220 250 250 555 501
}

@test "addresses that are not ASCII need SMTPUTF8, and to be UTF-8" {
	wire "${hello}MAIL FROM:<caf\xc3\xa9@a.test>\r\nMAIL FROM:<caf\xe9@a.test> SMTPUTF8\r\nMAIL FROM:<caf\xc3\xa9@a.test> SMTPUTF8\r\nRCPT TO:<b@\xc3\xbc.test>\r\nDATA\r\n.\r\n"
	codes 220 250 553 553 250 250 354 250
	id=$(only)
	grep -q $'From: caf\xc3\xa9@a.test' "$spool/$id.envelope"
	grep -q $'To-Remote: b@\xc3\xbc.test' "$spool/$id.envelope"
	run ! grep -q $'[\x80-\xff]' "$spool/$id.content"
}

@test "--size: the announcement, and the text" {
	local limit=1000
	recv --size=$limit <<-EOF
		EHLO c
		MAIL FROM:<a@a.test> SIZE=1001
		MAIL FROM:<a@a.test> SIZE=18446744073709551616
		MAIL FROM:<a@a.test> SIZE=1000
		RCPT TO:<b@b.test>
		DATA
		$(printf '%0998d' 0)
		.
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		$(printf '%0999d' 0)
		.
		NOOP
		QUIT
	EOF
	codes 220 250 552 552 250 250 354 250 250 250 354 552 250 221
	[[ $output = *"250-SIZE 1000"* ]]
	[ "$(text "$(only)" | wc -c)" = $limit ]
	[ "$(find "$spool" -type f -name "emailrelay.*" | wc -l)" = 2 ]
}

@test "--size: what goes far beyond it ends the connection" {
	run bash -c '{ printf "$1"; yes "MAIL FROM:<x@x.test>"; } |
		smtp-recv $2 --spool-dir="$3" --domain=mx.test --size=100000' \
		- "$upto_data" "$me" "$spool"
	codes 220 250 250 250 354 552
	nothing_left
}

@test "--max-recipients" {
	recv --max-recipients=2 <<-EOF
		EHLO c
		MAIL FROM:<a@a.test>
		$(printf 'RCPT TO:<b%d@b.test>\n' {1..30})
		DATA
		.
		QUIT
	EOF
	# shellcheck disable=SC2046
	codes 220 250 250 250 250 $(times 28 452) 354 250 221
	[ "$(envelope "$(only)" | grep -c To-Remote)" = 2 ]
}

@test "a thousand recipients" {
	recv <<-EOF
		EHLO c
		MAIL FROM:<a@a.test>
		$(printf 'RCPT TO:<b%d@b.test>\n' {1..1500})
		DATA
		.
		QUIT
	EOF
	# shellcheck disable=SC2046
	codes 220 250 250 $(times 1000 250) $(times 500 452) 354 250 221
	diff <(envelope "$(only)" | sed -n 's/.*To-Remote: //p') \
		<(printf 'b%d@b.test\n' {1..1000})
}
