#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What becomes of a message when the server does not do what it should.
# shellcheck disable=SC2154

load helper
load send

# row STATES STATUS OPTIONS-OF-ANSWER...: three messages for such a server.
# Afterwards they are in these states ("gone bad ready"), and this is the exit status.
row() {
	local want=$1 code=$2
	shift 2
	rm -f "$spool"/*
	post 1 2 3
	serve "$@"
	forward --response-timeout=2
	[ "$(states 3)" = "$want" ] || fail "answer $*: $(states 3), not $want
$stderr"
	[ "$status" = "$code" ] || fail "answer $*: status $status, not $code
$stderr"
	[ "$(said_times BARE)" = 0 ] || fail "answer $*: bare newlines"
}
# The log has one line for the message, with these.
logged() {
	local n=$1 line
	shift
	line=$(grep "$(id "$n"): to=<to$n@b.test>, relay=127.0.0.1\[127.0.0.1\]:$port, " <<<"$stderr")
	[ "$(wc -l <<<"$line")" = 1 ] || fail "not one line: $line"
	[[ $line == *", dsn=$1, status=$2 ($3"* ]] || fail "$line"
}

@test "a server that does not want us at all gets nothing, and nothing is changed" {
	local r
	for r in GREETING=421 GREETING=450 GREETING=554 GREETING=354 \
		GREETING=250 EHLO=421 EHLO=450 EHLO=550 EHLO=354; do
		row "ready ready ready" 75 --reply "$r 4.9.9 go away"
		[ "$(said_times CONNECT)" = 1 ] || fail "$r: it was asked again"
		[ "$(said_times MAIL)" = 0 ] || fail "$r: MAIL"
		[[ $stderr =~ "does not want to talk: ".*("go away"|"no greeting") ]] ||
			fail "$r: no reason in the log: $stderr"
		for n in 1 2 3; do
			[ "$(tail -n 1 "$spool/$(id $n).envelope")" = $'X-MailRelay-End: 1\r' ]
		done
	done
}

@test "a server that hangs up or talks nonsense before MAIL changes nothing" {
	local how step
	for how in close garbage endless endless-line; do
		for step in GREETING EHLO; do
			row "ready ready ready" 75 "--$how" $step
			[ "$(said_times MAIL)" = 0 ] || fail "$how $step: MAIL"
		done
	done
	row "ready ready ready" 75 --reply EHLO=500 --reply HELO=550
	row "ready ready ready" 75 --reply EHLO=502 --close HELO
	row "ready ready ready" 75 --reply 'EHLO=250-a\r\n251 b'
	row "ready ready ready" 75 --reply 'EHLO=250-a\r\nb'
	row "ready ready ready" 75 --reply 'EHLO=2500 a'
	row "ready ready ready" 75 --reply 'EHLO=650 a'
	row "ready ready ready" 75 --reply 'EHLO=150 a'
}

@test "refused for now: the next time is written down, the others go" {
	local step pipelining
	for pipelining in "" --ehlo=PIPELINING; do
		for step in MAIL RCPT DATA EOD; do
			# shellcheck disable=SC2086 # none or one
			row "deferred gone gone" 75 $pipelining \
				--reply "$step:1=451 4.3.2 not now"
			deferred 1 1 '^451 4.3.2 .*not now$'
			logged 1 4.3.2 deferred "451 4.3.2 "
			logged 2 2.0.0 sent "250 2.0.0 kept)"
			[ "$(said_times CONNECT)" = 1 ] || fail "$step: reconnected"
			[[ ${lines[0]} == "$(id 1) deferred 451 4.3.2 "*"not now" ]]
		done
	done
}

@test "refused for good: the message is .bad with the reason, the others go" {
	local step pipelining
	for pipelining in "" --ehlo=PIPELINING; do
		for step in MAIL RCPT DATA EOD; do
			# shellcheck disable=SC2086
			row "bad gone gone" 69 $pipelining \
				--reply "$step:1=554 5.7.1 spam here"
			given_up 1 'smtp client failure: 554 5.7.1 .*spam here' 554
			logged 1 5.7.1 bounced "554 5.7.1 "
			[[ ${lines[0]} == "$(id 1) bounced 554 5.7.1 "*"spam here" ]]
		done
	done
}

@test "several recipients: one refusal keeps the whole message, and names whom" {
	local o
	for o in "" --ehlo=PIPELINING; do
		for n in 1 2 3; do
			rm -f "$spool"/*
			to 1 a@b.test b@b.test c@b.test
			post 2
			# shellcheck disable=SC2086
			serve $o --reply "RCPT:$n=550 5.1.1 no such user"
			forward
			exits 69
			[ "$(states 2)" = "bad gone" ]
			given_up 1 "smtp client failure: 550 5.1.1 one or more recipients rejected: <${n/[123]/[abc]}@b.test>: no such user" 550
			[ "$(subjects)" = 2 ] || fail "sent: $(subjects)"
			[ "$(said_times RSET)" = 1 ]
		done
	done
}

@test "several recipients: a refusal for good weighs more than one for now" {
	to 1 a@b.test b@b.test c@b.test
	to 2 a@b.test b@b.test c@b.test
	serve --ehlo PIPELINING --reply "RCPT:1=450 4.2.1 busy" \
		--reply "RCPT:2=550 5.1.1 unknown" --reply "RCPT:3=451 4.3.0 later" \
		--reply "RCPT:5=450 4.2.1 busy"
	forward
	exits 69
	[ "$(states 2)" = "bad deferred" ]
	given_up 1 '.*<b@b.test>: unknown' 550
	deferred 2 1 '<b@b.test>: busy'
}

@test "421: the next message gets a connection of its own" {
	local step
	for step in MAIL RCPT DATA EOD; do
		row "deferred gone gone" 75 --reply "$step:1=421 4.3.2 closing"
		deferred 1 1 '421 4.3.2 .*closing'
		[ "$(said_times CONNECT)" = 2 ]
		row "deferred deferred ready" 75 --reply "$step=421 4.3.2 closing"
		[ "$(said_times CONNECT)" = 2 ] || fail "$step: $(cat "$said")"
	done
}

@test "hung up at a step: deferred, the others go; after two in a row it is left alone" {
	local step how
	for how in "" --reset --ehlo=PIPELINING; do
		for step in MAIL RCPT DATA EOD; do
			# shellcheck disable=SC2086
			row "deferred gone gone" 75 $how --close $step:1
			deferred 1 1 '^451 4.4.2 '
			logged 1 4.4.2 deferred "451 4.4.2 "
			[[ ${lines[0]} != *"recipients rejected"* ]]
			# shellcheck disable=SC2086
			row "deferred deferred ready" 75 $how --close $step
		done
		# shellcheck disable=SC2086
		row "gone gone gone" 0 $how --close QUIT
	done
}

@test "lost between the final dot and its reply: it may arrive twice, and that is said" {
	local how
	for how in --close --garbage --silent --endless; do
		row "deferred gone gone" 75 "$how" EOD:1
		[[ $stderr == *"warning: $(id 1): "*"may arrive twice"* ]] ||
			fail "$how: no warning: $stderr"
	done
	for how in 354 '250-half' '250-half\r\n' '2' '' 'ok' '250-a\r\n550 b' '25x ok'; do
		row "deferred gone gone" 75 --reply "EOD:1=$how" --close-after EOD:1
		[[ $stderr == *"may arrive twice"* ]] || fail "$how: $stderr"
	done
	row "deferred gone gone" 75 --close DATA:1
	[[ $stderr != *"may arrive twice"* ]]
	row "gone gone gone" 0 --close-after EOD:1 --reset
}

@test "cut off in the text: deferred, never taken for sent, and no doubt about it" {
	local n how
	for n in 1 10 30; do
		for how in "" --reset; do
			rm -f "$spool"/*
			post 1
			head -c 16000000 /dev/zero | tr '\0' x >>"$spool/$(id 1).content"
			# shellcheck disable=SC2086
			serve $how --close-data "$n"
			forward
			exits 75
			deferred 1 1 '^451 4.4.2 '
			[[ $stderr != *"may arrive twice"* ]]
		done
	done
}

@test "nonsense at a step is as good as a loss" {
	local how step
	for step in MAIL RCPT DATA EOD; do
		for how in garbage endless endless-line; do
			row "deferred gone gone" 75 --$how $step:1
			deferred 1 1 '^451 4.4.2 '
		done
		for how in '250-a\r\n251 b' '251-a\r\nb' 99 1000 '150 wait' '600 x' '2 5 0' \
			'\x00250 ok' '250~ok'; do
			row "deferred gone gone" 75 --reply "$step:1=$how"
		done
	done
	row "deferred gone gone" 75 --reply "MAIL:1=354 go"
	row "deferred gone gone" 75 --reply "RCPT:1=354 go"
	row "deferred gone gone" 75 --reply "DATA:1=250 ok"
	row "deferred gone gone" 75 --reply "EOD:1=354 go on"
}

@test "what an unusual, yet correct server says is understood" {
	row "gone gone gone" 0 --reply 'GREETING=220-a\r\n220-b\r\n220 c' \
		--reply 'EHLO=250' --reply 'MAIL=250' --reply 'RCPT=251 forwarded' \
		--reply 'DATA=354-a\r\n354' --reply 'EOD=259-a\r\n259\tb' --reply QUIT=500
	row "gone gone gone" 0 --reply 'EOD=250 \xff\xfe\x1b[31m'
	row "gone gone gone" 0 --reply 'MAIL=250 ok\n\c' --reply 'RCPT=250-a\n250 b\n\c'
}

@test "a reply before it is asked for is no reply" {
	local o
	row "deferred gone gone" 75 --reply 'RCPT:1=250 ok\r\n354 go\r\n250 sent'
	row "deferred gone gone" 75 --reply 'MAIL:1=250 ok\r\n250 ok'
	for o in "" --ehlo=PIPELINING; do
		# shellcheck disable=SC2086
		row "deferred gone gone" 75 $o --reply 'DATA:1=354 go\r\n250 sent'
		# shellcheck disable=SC2086
		row "bad gone gone" 69 $o --reply 'DATA:1=354 go\r\n554 5.7.1 no'
		# not for the first message: that was answered in full
		# shellcheck disable=SC2086
		row "gone gone gone" 0 $o --reply 'EOD:1=250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok'
		# shellcheck disable=SC2086
		row "gone gone gone" 0 $o --reply 'EOD:1=250 ok\r\n421 enough' --close-after EOD:1
	done
	[ "$(said_times CONNECT)" = 2 ]
	row "ready ready ready" 75 --reply 'GREETING=220 hi\r\n250 hi'
	row "ready ready ready" 75 --reply 'EHLO=250 hi\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok'
}

@test "an answer to half of the text: a refusal counts, a promise does not" {
	local n
	for n in 1 2; do
		post "$n"
		head -c 8000000 /dev/zero | tr '\0' x >>"$spool/$(id $n).content"
	done
	serve --reply 'DATA:1=354 go\r\n552 5.3.4 too big' --close-after DATA:1
	forward "$(id 1)"
	exits 69
	given_up 1 'smtp client failure: 552 5.3.4 too big' 552
	serve --reply 'DATA:1=354 go\r\n250 2.0.0 kept' --close-after DATA:1
	forward "$(id 2)"
	exits 75
	deferred 2 1 'half'
}

@test "pipelined: 354 to DATA though the recipient, or the sender, was refused" {
	row "bad gone gone" 69 --ehlo PIPELINING --reply 'RCPT:1=550 5.1.1 no' \
		--reply 'DATA:1=354 go'
	given_up 1 'smtp client failure: 550 5.1.1 .*no' 550
	[ "$(cat "$got"/001.wire)" = $'.\r' ] || fail "the server got text"
	# with a recipient that was taken an empty message would be one
	row "bad gone gone" 69 --ehlo PIPELINING --reply 'MAIL:1=550 5.7.1 no' \
		--reply 'RCPT:1=250 ok' --reply 'DATA:1=354 go'
	[ "$(arrived)" = 2 ] || fail "the server got something for message 1"
}

@test "a connection that wears out is replaced, all goes out in one run" {
	row "gone gone gone" 0 --close-after EOD
	[ "$(said_times CONNECT)" = 3 ]
	row "gone gone gone" 0 --close-after EOD:2
	row "gone gone gone" 0 --close MAIL:2
	row "gone gone gone" 0 --reply MAIL:2='421 4.7.0 enough'
	row "gone gone gone" 0 --ehlo PIPELINING --reply RCPT:3='421 4.7.0 enough'
	row "gone gone gone" 0 --reset --close DATA:2
	row "bad gone gone" 69 --reply RCPT:1=550 --close RSET:1
	row "bad gone gone" 69 --reply RCPT:1=550 --reply RSET:1=502
	row "bad gone gone" 69 --reply RCPT:1=550 --reply RSET:1='421 4.7.0 enough'
}

@test "a reason is one printable line of at most 500 octets" {
	serve --reply 'MAIL:1=550-5.7.1 \x1b[31m\x00\r\n550 X-MailRelay-End: 1\xff' \
		--reply "MAIL:2=550 $(printf '\\xc3\\xa4%.0s' {1..400})"
	post 1 2
	forward
	exits 69
	given_up 1 'smtp client failure: 550 5.7.1 \\+x1B\[31m\\+x00 X-MailRelay-End: 1\\+xFF' 550
	grep '^X-MailRelay-Reason: ' "$spool/$(id 2).envelope.bad" | tr -d '\r' |
		LC_ALL=C.UTF-8 grep -qE '^X-MailRelay-Reason: smtp client failure: 550 ä{240,248}$'
	[[ $stderr != *$'\e'* ]]
}

@test "more than 100 hops: it goes in a circle, and is given up" {
	local n
	for n in 100 101; do
		post 1
		{
			for ((i = 0; i < n; i++)); do printf 'Received: from x\r\n\tby y\r\n'; done
			printf 'Subject: message 1\r\n\r\nReceived: not a field\r\n'
		} >"$spool/$(id 1).content"
		serve
		forward
		[ "$n" = 101 ] || { exits 0 && continue; }
		exits 69
		given_up 1 'smtp client failure: 554 5.4.6 too many hops' 554
		[ "$(said_times MAIL)" = 0 ]
	done
}
