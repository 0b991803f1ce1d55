#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The dialogue of smtp-send with a server that is well.
# shellcheck disable=SC2154

load helper
load send

# The commands the server was given, in a line; without the text.
dialogue() { grep -v '^CONNECT$' "$said" | paste -sd'|'; }
# sender N WHAT: put that into the envelope of message N in place of its sender.
sender() { sed -i "s/^X-MailRelay-From: .*/X-MailRelay-From: $2\r/" "$spool/$(id "$1").envelope"; }
eight_bit() {
	sed -i 's/^X-MailRelay-Content: .*/X-MailRelay-Content: 8bit\r/' "$spool/$(id "$1").envelope"
}

@test "one message, the plainest server: EHLO MAIL RCPT DATA QUIT" {
	post 1
	serve
	forward
	exits 0
	[ "$(dialogue)" = "EHLO mx.test|MAIL FROM:<from1@a.test>|RCPT TO:<to1@b.test>|DATA|QUIT" ] ||
		fail "$(dialogue)"
	[ "$(ls "$spool")" = "" ]
	[ "$output" = "$(id 1) sent 250 2.0.0 kept" ]
	[[ $stderr == *"$(id 1): to=<to1@b.test>, relay=127.0.0.1[127.0.0.1]:$port, delay="*", dsn=2.0.0, status=sent (250 2.0.0 kept)" ]]
}

@test "HELO when EHLO is not known, with no capability to be used" {
	local code
	for code in 500 501 502 503 504; do
		post 1
		serve --reply "EHLO=$code 5.5.1 what?"
		forward
		exits 0
		[ "$(dialogue)" = "EHLO mx.test|HELO mx.test|MAIL FROM:<from1@a.test>|RCPT TO:<to1@b.test>|DATA|QUIT" ] ||
			fail "$code: $(dialogue)"
	done
	for code in 421 450 521 550 554; do
		post 1
		serve --reply "EHLO=$code no"
		forward
		exits 75
		[ "$(said_times HELO)" = 0 ] || fail "HELO after $code"
	done
}

@test "capabilities are known in any case, and only whole words" {
	local c
	for c in SIZE size Size "SIZE 0" "SIZE 100000" "sIzE nonsense"; do
		post 1
		serve --ehlo "$c"
		forward
		exits 0
		[ "$(said_times '^MAIL FROM:<from1@a.test> SIZE=[1-9][0-9]*$')" = 1 ] ||
			fail "$c: $(dialogue)"
	done
	for c in SIZES SIZ XSIZE SIZE=100 "X SIZE" PIPELININGS 8BITMIMES; do
		post 1
		eight_bit 1
		serve --ehlo "$c" --ehlo HELP
		forward
		exits 0
		[ "$(said_times '^MAIL FROM:<from1@a.test>$')" = 1 ] ||
			fail "$c: $(dialogue)"
	done
	# the first line is the server's name
	post 1
	serve --reply 'EHLO=250-SIZE 1\r\n250 HELP'
	forward
	exits 0
}

@test "SIZE= is the size of the text; what is too large is not even tried" {
	local n
	post 1 2
	head -c 5000 /dev/zero >>"$spool/$(id 1).content"
	n=$(stat -c %s "$spool/$(id 2).content")
	serve --ehlo "SIZE $n"
	forward
	exits 69
	[ "$(states 2)" = "bad gone" ]
	given_up 1 'smtp client failure: 552 5.3.4 .*larger.*' 552
	[ "$(said_times '^MAIL')" = 1 ]
	[ "$(said_times "^MAIL FROM:<from2@a.test> SIZE=$n$")" = 1 ]
}

@test "BODY=8BITMIME for 8-bit messages only, and only if it is offered" {
	post 1 2
	eight_bit 2
	serve --ehlo 8bitmime
	forward
	[ "$(said_times '^MAIL FROM:<from1@a.test>$')" = 1 ]
	[ "$(said_times '^MAIL FROM:<from2@a.test> BODY=8BITMIME$')" = 1 ]
	post 1
	eight_bit 1
	serve
	forward
	exits 0
	[ "$(said_times '^MAIL FROM:<from1@a.test>$')" = 1 ]
	[[ $stderr == *"does not offer 8BITMIME"* ]]
}

@test "SMTPUTF8 if an address needs it: without the offer the message comes back" {
	post 1 2 3
	sender 2 'jörg@a.test'
	to 4 'jürgen@b.test'
	serve --ehlo SMTPUTF8
	forward
	exits 0
	# the log of the server shows octets that are no ASCII as they are
	[ "$(said_times '^MAIL FROM:<.*> SMTPUTF8$')" = 2 ] || fail "$(dialogue)"
	post 1 2
	sender 1 'jörg@a.test'
	serve --ehlo 8BITMIME
	forward
	exits 69
	[ "$(states 2)" = "bad gone" ]
	given_up 1 'smtp client failure: 553 5.6.7 .*SMTPUTF8' 553
	[ "$(said_times '^MAIL')" = 1 ]
}

@test "SMTPUTF8 for a header that is not ASCII, if the sender said it" {
	local n
	post 1 2 3
	for n in 1 2 3; do eight_bit $n; done
	printf 'Subject: ö\r\n\r\ntext\r\n' >"$spool/$(id 1).content"
	printf 'X-Sluice-Utf8: 1\r\n' >>"$spool/$(id 1).envelope"
	printf 'Subject: o\r\n\r\ntöxt\r\n' >"$spool/$(id 2).content"
	printf 'X-Sluice-Utf8: 1\r\n' >>"$spool/$(id 2).envelope"
	printf 'Subject: ö\r\n\r\ntext\r\n' >"$spool/$(id 3).content"
	serve --ehlo SMTPUTF8
	forward
	exits 0
	[ "$(said_times '^MAIL FROM:<from1@a.test> SMTPUTF8$')" = 1 ]
	[ "$(said_times '^MAIL FROM:<from[23]@a.test>$')" = 2 ]
}

@test "without PIPELINING each reply is waited for; with it they come together" {
	post 1
	to 2 a@b.test b@b.test c@b.test
	serve --delay-ms 30
	forward
	exits 0
	[ "$(said_times EARLY)" = 0 ] || fail "$(dialogue)"
	post 1
	to 2 a@b.test b@b.test c@b.test
	serve --delay-ms 30 --ehlo pipelining
	forward
	exits 0
	# DATA and the text's end are last in a group: no early talk there either
	[ "$(said_times EARLY)" = 0 ] || fail "$(dialogue)"
	[ "$(arrived)" = 2 ]
	strace -o /dev/null true 2>/dev/null || skip "strace is not to be had: groups not looked at"
	post 1
	strace -f -s 200 -e trace=sendto -o "$BATS_TEST_TMPDIR/trace" \
		smtp-send ${me:+"$me"} --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog
	grep -qF 'MAIL FROM:<from1@a.test>\r\nRCPT TO:<to1@b.test>\r\nDATA\r\n"' "$BATS_TEST_TMPDIR/trace" ||
		fail "$(cat "$BATS_TEST_TMPDIR/trace")"
}

@test "many recipients, the null sender, quoted local parts" {
	local all
	mapfile -t all < <(seq -f 'user%g@b.test' 1000)
	to 1 "${all[@]}"
	sender 1 ''
	to 2 '"a b"@b.test' 'a+b@[127.0.0.1]' postmaster
	serve --ehlo PIPELINING
	forward
	exits 0
	[ "$(said_times '^MAIL FROM:<>$')" = 1 ]
	[ "$(said_times '^RCPT TO:<user[0-9]*@b.test>$')" = 1000 ]
	[ "$(grep -A1 '"a b"' "$said" | paste -sd'|')" = 'RCPT TO:<"a b"@b.test>|RCPT TO:<a+b@[127.0.0.1]>' ]
	[ "$(said_times '^RCPT TO:<postmaster>$')" = 1 ]
	[ "$(grep -c "$(id 1): to=<" <<<"$stderr")" = 1000 ]
}

@test "many messages go over one connection, in the order of their arrival" {
	local n
	mapfile -t n < <(shuf -i 1-30)
	post "${n[@]}"
	serve --ehlo PIPELINING
	forward
	exits 0
	[ "$(subjects)" = "$(seq 30 | paste -sd' ')" ] || fail "$(subjects)"
	[ "$(said_times CONNECT)" = 1 ]
	[ "$(said_times 'EHLO|QUIT')" = 2 ]
	[ "$(said_times RSET)" = 0 ]
	[ "$(ls "$spool")" = "" ]
}

@test "an empty spool: exit status 0, and no connection" {
	serve
	forward
	exits 0
	forward - </dev/null
	exits 0
	touch "$spool/$(id 1).content" "$spool/$(id 2).envelope.bad" "$spool/$(id 3).envelope.hold"
	forward
	exits 0
	[ ! -e "$said" ] || [ "$(said_times CONNECT)" = 0 ]
	[ "$output$stderr" = "" ]
}

@test "ids as arguments, and from stdin: these and no others" {
	post 1 2 3 4 5
	serve
	forward "$(id 3)" "$(id 1)"
	exits 0
	[ "$(subjects)" = "3 1" ]
	[ "$(states 5)" = "gone ready gone ready ready" ]
	forward - < <(printf '%s\n\n  %s \r\n' "$(id 5)" "$(id 2)"; printf %s "$(id 4)")
	exits 0
	[ "$(subjects)" = "3 1 5 2 4" ] || fail "$(subjects)"
	[ "$(said_times CONNECT)" = 2 ]
	forward "$(id 1)"
	exits 0
	[[ $output == "$(id 1) taken "* ]]
}

@test "what is no id is refused" {
	local x
	post 1
	serve
	for x in x "$(id 1)x" "../$(id 1)" "$(id 1).envelope" "emailrelay.1.2" "$(printf %0200d 1)"; do
		forward "$x"
		exits 64
		forward - <<<"$x"
		exits 64
	done
	[ "$(state 1)" = ready ]
}

@test "--report is for programs; without it stdout is silent" {
	post 1 2
	serve --reply 'MAIL:1=550-5.1.8 bad\r\n550 5.1.8 sender'
	forward
	[ "${lines[0]}" = "$(id 1) bounced 550 5.1.8 bad 5.1.8 sender" ] || fail "$output"
	[ "${lines[1]}" = "$(id 2) sent 250 2.0.0 kept" ]
	post 3
	# shellcheck disable=SC2086
	run --separate-stderr smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog
	exits 0
	[ "$output$stderr" = "" ]
	[ "$(state 3)" = gone ]
}
