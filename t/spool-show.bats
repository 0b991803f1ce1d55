#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
load helper

a=emailrelay.1.100.1 b=emailrelay.1.100.2

setup() {
	prepare
	export TZ=UTC
	place $a me@a.test you@b.test they@c.test <<-'END'
		Received: from x by y;
		 Mon, 23 Nov 2026 08:57:33 +0000
		Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
		 =?utf-8?q?_an_alle?=
		From: =?iso-8859-1?Q?J=F6rg?= <me@a.test>

		Subject: this is the text
	END
	place $b "" you@b.test <<<"no header here"
}
show() { run --separate-stderr spool-show --spool-dir="$spool" "$@"; }

@test "the envelope, then the header, unfolded and decoded" {
	touch -d '2026-11-23 08:57:34' "$spool/$a.content"
	show $a
	assert_success
	assert_output "Id: $a
State: ready
Size: $(stat -c %s "$spool/$a.content")
Arrived: Mon, 23 Nov 2026 08:57:34 +0000
From: <me@a.test>
To: <you@b.test>
To: <they@c.test>
Client: 127.0.0.1

Received: from x by y; Mon, 23 Nov 2026 08:57:33 +0000
Subject: Grüße an alle
From: Jörg <me@a.test>"
}

@test "several messages have a blank line between them" {
	show $a $b
	assert_success
	assert_line "From: <>"
	assert_equal "$(grep -c '^Id: ' <<<"$output")" 2
	assert_output --partial "Jörg <me@a.test>

Id: $b"
}

@test "what a login, a try and a failure have left" {
	sed -i 's/^X-MailRelay-Authentication: /&fred+2Bx/' "$spool/$a.envelope"
	printf 'X-Sluice-Deferred: 3 4102444800 451 4.2.0 try later\r\n' \
		>>"$spool/$a.envelope"
	show $a
	assert_line "Login: fred+x"
	assert_line "Tries: 3"
	assert_line "Next-Try: Fri, 1 Jan 2100 00:00:00 +0000"
	assert_line "Reason: 451 4.2.0 try later"
}

@test "--raw: what is on disk, to the octet" {
	show --raw $a
	{
		cat "$spool/$a.envelope"
		printf '\r\n'
		head -n 5 "$spool/$a.content"
	} >"$BATS_TEST_TMPDIR/wanted"
	spool-show --raw -s "$spool" $a >"$BATS_TEST_TMPDIR/got"
	run cmp "$BATS_TEST_TMPDIR/wanted" "$BATS_TEST_TMPDIR/got"
	assert_success
}

@test "--json: an object a message, with the fields in their order" {
	show --json $a $b
	assert_success
	assert_equal "$(jq -r .id <<<"$output" | paste -sd' ')" "$a $b"
	run jq -r 'select(.from != "") | .header[] | .[0] + "=" + .[1]' <<<"$output"
	assert_line "Subject=Grüße an alle"
	assert_line "From=Jörg <me@a.test>"
	assert_line --index 0 --partial "Received=from x by y; Mon"
}

@test "nothing in a message plays tricks on a terminal" {
	printf 'Subject: \033[2J =?utf-8?q?=1B[31m=0Ax?=\r\nX\033Y: z\r\n\r\n' \
		>"$spool/$b.content"
	show $b
	assert_line 'Subject: \x1B[2J \x1B[31m\nx'
	refute_output --partial $'\033'
	show --json $b
	jq -e .header >/dev/null <<<"$output"
	refute_output --partial $'\033'
}

@test "a damaged envelope is said to be so, and its text is shown" {
	printf 'junk\r\n' >"$spool/$a.envelope"
	show $a
	assert_success
	assert_line --partial "Damaged: "
	assert_line "Subject: Grüße an alle"
}

@test "in whatever state it is; ids from stdin" {
	mv "$spool/$a.envelope" "$spool/$a.envelope.bad"
	run bash -c 'spool-list -q --state=bad -s "$1" | spool-show -s "$1" -' \
		- "$spool"
	assert_success
	assert_line "State: bad"
}

@test "no more than the header is read, and of that a megabyte" {
	{
		printf 'Subject: x\r\n'
		head -c 3000000 /dev/zero | tr '\0' a
	} >"$spool/$b.content"
	show $b
	assert_success
	[ ${#output} -lt 1100000 ]
}

@test "what is not there, what is no id, and wrong options" {
	show emailrelay.9.9.9
	assert_failure 66
	show ../x
	assert_failure 65
	show </dev/null
	assert_failure 64
	show --raw --json $a
	assert_failure 64
}
