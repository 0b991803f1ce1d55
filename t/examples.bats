#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# The filters and verifiers of doc/examples do what they say.
load judge

examples=$top/doc/examples

# The example with another path in it: with NAME FROM TO; it is $here/NAME.
with() {
	sed "s:$2:$3:" "$examples/$1" >"$here/$1"
	chmod 755 "$here/$1"
}
filter() { send --filter="$1" "${@:2}"; }
taken() { [[ ${lines[-2]} = "250 2.0.0 OK queued as "* ]] || fail "$output $stderr"; }
rcpt() {
	recv --verifier="$1" --domain=mx.test "${@:3}" <<-EOF
		EHLO x
		MAIL FROM:<a@a.test>
		RCPT TO:<$2>
		QUIT
	EOF
	reply=${lines[-2]-}
}

@test "all are POSIX shell, and none is missing here" {
	local f missing=
	local all=("$examples"/filter-* "$examples"/verify-* "$examples/resubmit")
	for f in "${all[@]}"; do
		[ -x "$f" ]
		head -n 1 "$f" | grep -qx '#!/bin/sh'
		grep -q "$(basename "$f")" "$BATS_TEST_FILENAME" || missing="$missing $f"
	done
	assert_equal "$missing" ""
	! command -v shellcheck >/dev/null || shellcheck "${all[@]}"
}

@test "filter-sendmail" {
	script sendmail <<<"echo \"\$@\" >$here/sent; cat >>$here/sent"
	with filter-sendmail /usr/sbin/sendmail "$here/sendmail"
	filter "$here/filter-sendmail 10.0.0.1"
	taken
	rm "$spool"/*
	filter "$here/filter-sendmail 127.0.0.1"
	said 250 2.0.0 OK
	nothing_left
	[ "$(head -n 1 "$here/sent")" = "-t -i" ]
	[ "$(tail -n 1 "$here/sent")" = hello ]
	run ! grep -q $'\r' "$here/sent"
	script sendmail <<<"exit 75"
	filter "$here/filter-sendmail 127.0.0.1"
	said 451 4.7.1 cannot hand the message over
	nothing_left
}

@test "filter-rot13" {
	recv --filter="$examples/filter-rot13" <<-EOF
		EHLO x
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		Subject: a subject
		 that is folded
		X-Secret: nobody reads this
		From: me@a.test

		Hello
		From: here on it is the text
		.
		QUIT
	EOF
	taken
	id=$(only)
	content "$id" >"$here/plain"
	grep -qx ' that is folded' "$here/plain"
	run ! grep -q X-Secret "$here/plain"
	grep -qx Uryyb "$here/plain"
	grep -qx 'K-Frpergf\?: abobql ernqf guvf' "$here/plain"
	run ! grep -vq $'\r$' "$spool/$id.content"
	if [ -x /usr/bin/python3 ]; then
		run /usr/bin/python3 -c '
import email, sys
m = email.message_from_binary_file(open(sys.argv[1], "rb"))
print(m["From"], m.get_content_type(), [p.get_content_type() for p in m.get_payload()])
' "$spool/$id.content"
		assert_output "me@a.test multipart/mixed ['text/plain', 'application/octet-stream']"
	fi
	[ "$(find "$spool" -type f ! -name '.*' | wc -l)" = 2 ]
}

@test "filter-set-from" {
	recv --filter="$examples/filter-set-from me\\\\&+x@isp.example" <<-EOF
		EHLO x
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		from: me@home
		Subject: x

		From: stays
		.
		QUIT
	EOF
	[[ $output = *"message processing failed"* ]] # a backslash is no address
	nothing_left
	recv --filter="$examples/filter-set-from me&+x@isp.example" <<-EOF
		EHLO x
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		from: me@home
		Subject: x

		From: stays
		.
		QUIT
	EOF
	taken
	id=$(only)
	envelope "$id" | grep -qx 'X-MailRelay-From: me&+x@isp.example'
	diff - <(text "$id" | tr -d '\r') <<-EOF
		From: me&+x@isp.example
		X-Original-from: me@home
		Subject: x

		From: stays
	EOF
	[ "$(find "$spool" -type f ! -name '.*' | wc -l)" = 2 ]
}

@test "filter-set-login" {
	filter "$examples/filter-set-login jo+2Be"
	taken
	envelope "$(only)" | grep -qx 'X-MailRelay-Authentication: jo+2Be'
}

@test "filter-mbox" {
	mkdir "$here/mail"
	script v <<-'EOF'
		printf '%s\n%s\n' x "${1%%@*}"
		exit 0
	EOF
	recv --verifier="$here/v" < <(message bob@b.test 'a/../../x@b.test' bob@b.test)
	taken
	id=$(spooled local)
	filter "$examples/filter-mbox $here/mail"
	taken
	assert_equal "$(spooled local)" ""
	[ ! -e "$spool/$id.content.local" ]
	only
	assert_equal "$(ls "$here/mail" | paste -sd' ')" "bob postmaster"
	grep -q '^From a@a.test ' "$here/mail/bob"
	assert_equal "$(grep -cx hello "$here/mail/bob")" 1
	run "$examples/filter-mbox" "$here/mail" "$spool/"
	assert_success
	assert_equal "$(grep -cx hello "$here/mail/bob")" 1
}

@test "filter-mbox keeps what it cannot deliver" {
	script v <<<'printf "x\nbob\n"; exit 0'
	recv --verifier="$here/v" < <(message)
	run "$examples/filter-mbox" "$here/nowhere" "$spool/"
	assert_equal "$(spooled local | wc -l)" 1
	[ -e "$spool/$(spooled local).content.local" ]
}

@test "filter-multicast" {
	filter "$examples/filter-multicast"
	said 451 4.7.1 cannot copy the message
	nothing_left
	mkdir "$spool/bob" "$spool/eve"
	filter "$examples/filter-multicast"
	said 250 2.0.0 OK
	assert_equal "$(spooled)$(spooled new)" ""
	assert_equal "$(ls "$spool/bob")" "$(ls "$spool/eve")"
	id=$(basename "$spool"/bob/*.envelope .envelope)
	content "$id" | grep -qx hello
	touch -d '2 days ago' "$spool"/*.content
	run spool-check --spool-dir="$spool"
	[ -e "$spool/$id.content" ]
}

@test "filter-notify" {
	mkfifo "$here/go"
	script beep <<<"read -r _ <$here/go; echo \"\$1\" >$here/heard.tmp; mv $here/heard.tmp $here/heard"
	# it is not waited for
	filter "$examples/filter-notify $here/beep"
	taken
	[ ! -e "$here/heard" ]
	timeout 20 sh -c "echo >$here/go"
	wait_until test -e "$here/heard"
	assert_equal "$(cat "$here/heard")" a@a.test
}

@test "resubmit" {
	place emailrelay.1.2.3 a@a.test b@b.test <<<x
	printf 'X-MailRelay-Reason: no\r\nX-MailRelay-ReasonCode: 550\r\n' \
		>>"$spool/emailrelay.1.2.3.envelope"
	mv "$spool/emailrelay.1.2.3.envelope"{,.bad}
	place emailrelay.1.2.4 a@a.test b@b.test <<<x
	times 5 'X-MailRelay-Reason: no' >>"$spool/emailrelay.1.2.4.envelope"
	mv "$spool/emailrelay.1.2.4.envelope"{,.bad}
	run "$examples/resubmit" "$spool"
	assert_success
	assert_output "emailrelay.1.2.4.envelope.bad: failed 5 times, left alone"
	assert_equal "$(spooled)" emailrelay.1.2.3
	assert_equal "$(spooled bad)" emailrelay.1.2.4
}

@test "verify-all, verify-none, verify-later" {
	rcpt "$examples/verify-all" b@b.test
	assert_equal "$reply" "250 2.1.5 OK"
	rcpt "$examples/verify-none" b@b.test
	assert_equal "$reply" "550 5.1.1 mailbox unavailable: invalid address: b@b.test"
	rcpt "$examples/verify-later" b@b.test
	assert_equal "$reply" "450 4.2.1 mailbox unavailable: address unavailable: b@b.test"
}

@test "verify-local" {
	printf '%s\n' 'root:x:0:0:Mother Root,,:/root:/bin/sh' \
		'bob:x:9:9:Bob B.,room 1:/:/bin/sh' 'eve:x:8:8::/:/bin/sh' \
		>"$here/passwd"
	with verify-local /etc/passwd "$here/passwd"
	recv --verifier="$here/verify-local" <<-EOF
		EHLO x
		VRFY Postmaster
		VRFY bob@mx.test
		VRFY EVE@localhost
		VRFY joe
		VRFY joe@mx.test
		VRFY joe@b.test
		QUIT
	EOF
	diff - <(tail -n +10 <<<"$output") <<-EOF
		250 2.1.5 Mother Root <root>
		250 2.1.5 Bob B. <bob>
		250 2.1.5 eve <eve>
		550 5.1.1 no such mailbox: joe
		550 5.1.1 no such mailbox: joe@mx.test
		252 2.0.0 cannot verify but will accept: joe@b.test
		221 2.0.0 closing connection
	EOF
	recv --verifier="$here/verify-local" < <(message bob@mx.test)
	taken
	envelope "$(spooled local)" | grep -qx 'X-MailRelay-To-Local: bob'
}

@test "verify-relay" {
	rcpt "$examples/verify-relay" b@b.test
	assert_equal "$reply" "550 5.1.1 mailbox unavailable: cannot relay without authentication"
	rcpt "$examples/verify-relay" b@MX.test
	assert_equal "$reply" "250 2.1.5 OK"
	run "$examples/verify-relay" b@b B B.TEST MX.TEST a@a 1.2.3.4 LOGIN bob
	assert_equal "$status" 1
	run "$examples/verify-relay" b@b B B.TEST MX.TEST a@a 1.2.3.4 NONE key
	assert_equal "$status" 1
	run "$examples/verify-relay" b@b B B.TEST MX.TEST a@a 1.2.3.4 NONE ''
	assert_equal "$status" 2
}

@test "verify-abort" {
	printf '%s\n' trap@mx.test 'x.y@mx.test' >"$here/traps"
	rcpt "$examples/verify-abort $here/traps" b@mx.test
	assert_equal "$reply" "250 2.1.5 OK"
	rcpt "$examples/verify-abort $here/traps" xzy@mx.test
	assert_equal "$reply" "250 2.1.5 OK"
	rcpt "$examples/verify-abort $here/traps" Trap@mx.test
	codes 220 250 250
}
