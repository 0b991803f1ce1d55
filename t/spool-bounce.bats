#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
load helper
load send

a=emailrelay.1.100.1 b=emailrelay.1.100.2 c=emailrelay.1.100.3

setup() {
	prepare
	for id in $a $b $c; do
		place $id "me$id@a.test" you@b.test <<-EOT
		From: Me <me@a.test>
		Message-ID: <$id@a.test>
		Subject: a letter

		secret body
		EOT
	done
}
bounce() {
	run --separate-stderr spool-bounce --no-syslog $me --domain=mx.test \
		--spool-dir="$spool" "$@"
}
# give_up ID REASON: as smtp-send does it
give_up() {
	mv "$spool/$1.envelope" "$spool/$1.envelope.bad"
	printf 'X-MailRelay-Reason: %s\r\nX-MailRelay-ReasonCode: 550\r\n' \
		"$2" >>"$spool/$1.envelope.bad"
}
# Those that are no message of ours.
reports() { spooled | grep -v '^emailrelay\.1\.100\.' || true; }
the_report() { echo "$spool/$(reports).content"; }
# judge PYTHON: is it true of the report `m`, as Python reads it?
judge() {
	python3 - "$(the_report)" "$1" <<-'EOT'
	import email, email.policy, sys
	raw = open(sys.argv[1], "rb").read()
	assert b"\n" not in raw.replace(b"\r\n", b""), "line ends"
	assert max(map(len, raw.split(b"\r\n"))) <= 998, "long lines"
	m = email.message_from_bytes(raw, policy=email.policy.default)
	assert not m.defects, m.defects
	assert m.get_content_type() == "multipart/report"
	assert m.get_param("report-type") == "delivery-status"
	text, status, header = m.iter_parts()
	assert status.get_content_subtype().endswith("delivery-status")
	machine, *people = status.get_payload()
	if not people:          # Python does not know the global one
	    people = [email.message_from_string(g, policy=email.policy.default)
	        for g in machine.get_content().replace("\r", "").split("\n\n") if g.strip()]
	exec(sys.argv[2])
	EOT
}

@test "the sender of what was given up gets a report, and it is sent" {
	give_up $a 'smtp client failure: 550 5.1.1 no such user'
	bounce $a
	assert_success
	assert_output $a
	judge '
assert m["To"].addresses[0].addr_spec == "meemailrelay.1.100.1@a.test"
assert m["From"].addresses[0].addr_spec == "MAILER-DAEMON@mx.test"
assert m["Auto-Submitted"] == "auto-replied"
assert m["In-Reply-To"] == "<emailrelay.1.100.1@a.test>"
assert m["Message-ID"].endswith("@mx.test>")
assert m["Date"].datetime
assert "<you@b.test>" in text.get_content()
assert "no such user" in text.get_content()
assert machine["Reporting-MTA"] == "dns; mx.test"
assert machine["Arrival-Date"]
assert len(people) == 1
assert people[0]["Final-Recipient"] == "rfc822; you@b.test"
assert people[0]["Action"] == "failed"
assert people[0]["Status"] == "5.1.1"
assert people[0]["Diagnostic-Code"] == "smtp; 550 5.1.1 no such user"
assert header.get_content_type() == "text/rfc822-headers"
assert "Subject: a letter" in header.get_content()
assert b"secret" not in raw'
	run envelope "$(reports)"
	assert_line "X-MailRelay-From: "
	assert_line "X-MailRelay-To-Remote: meemailrelay.1.100.1@a.test"
	assert_line "X-MailRelay-Content: 7bit"
	assert_equal "$(spooled bad)" $a
	serve
	forward "$(reports)"
	exits 0
	grep -qi 'MAIL FROM:<>' "$said"
	assert_equal "$(reports)" ""
}

@test "nobody is told twice, not even of another failure" {
	local first
	give_up $a no
	bounce $a
	first=$(reports)
	bounce $a
	assert_success
	assert_output $a
	assert_equal "$(reports)" "$first"
	bounce --all
	assert_output ""
	spool-retry -s "$spool" $a
	give_up $a 'no, again'
	bounce $a
	assert_output $a
	assert_equal "$(reports)" "$first"
	run spool-show -s "$spool" $a
	assert_line "Bounced: $first"
	run bash -c 'spool-show --json -s "$1" $2 | jq -r .bounced' - "$spool" $a
	assert_output "$first"
}

@test "ids in, ids out: the senders are told, and it is removed" {
	give_up $a no
	give_up $b no
	run bash -c 'spool-list -q --state=bad -s "$1" |
		spool-bounce $2 --no-syslog -s "$1" | spool-remove -s "$1"' \
		- "$spool" "$me"
	assert_success
	assert_output "$a
$b"
	assert_equal "$(spooled bad)" ""
	assert_equal "$(reports | wc -l)" 2
	assert_equal "$(spooled | grep '^emailrelay\.1\.100\.')" $c
}

@test "a dry run says what would be done" {
	give_up $a no
	bounce --dry-run --all
	assert_success
	assert_output $a
	assert_equal "$(reports)" ""
	run ! grep -q Bounced "$spool/$a.envelope.bad"
}

@test "a report is never made about a report" {
	place $a '' you@b.test <<<"Subject: x"
	give_up $a no
	bounce $a
	assert_failure 69
	assert_output ""
	[[ $stderr == *"$a: has no sender who could be told" ]]
	bounce --all
	assert_success
	assert_output ""
	[ -z "$stderr" ]
	assert_equal "$(reports)" ""
}

@test "nor about what says that it wants no answer" {
	local says
	for says in auto-replied 'auto-generated; x' '(none) Auto-Notified' 'nothing'; do
		place $a me@a.test you@b.test <<<"Auto-Submitted: $says"
		give_up $a no
		bounce $a
		assert_failure 69
		[[ $stderr == *"$a: was sent by a program that wants no answer" ]]
		assert_equal "$(reports)" ""
	done
	place $a me@a.test you@b.test <<<"Auto-Submitted:  No (really)"
	give_up $a no
	bounce $a
	assert_success
	[ -n "$(reports)" ]
}

@test "only those who have not got it, each with what was said about him" {
	place $a me@a.test got@b.test gone@b.test busy@b.test other@b.test <<<"Subject: x"
	printf 'X-Sluice-%s\r\n' 'Done: <got@b.test> 250 ok' \
		'Refused: <gone@b.test> 550 5.1.1 no such user' \
		'Refused: <busy@b.test> 452 4.2.2 full' \
		'Refused: <other@b.test> given up' >>"$spool/$a.envelope"
	give_up $a 'smtp client failure: 550 5.1.1 <gone@b.test>: no such user; and more'
	bounce $a
	assert_success
	judge '
assert [(p["Final-Recipient"], p["Status"], p["Diagnostic-Code"]) for p in people] == [
    ("rfc822; gone@b.test", "5.1.1", "smtp; 550 5.1.1 no such user"),
    ("rfc822; busy@b.test", "4.2.2", "smtp; 452 4.2.2 full"),
    ("rfc822; other@b.test", "5.0.0", "X-Sluice; given up")]
assert b"got@b.test" not in raw'
}

@test "a real server's refusal of some, and then the report" {
	to 1 ok@b.test gone@b.test
	serve --to 'gone@b.test=550 5.1.1 no such user'
	forward --forward-to-some "$(id 1)"
	exits 69
	rm "$spool"/emailrelay.1.*
	spool_of_one=$(id 1)
	bounce --all
	assert_success
	assert_output "$spool_of_one"
	judge '
assert len(people) == 1
assert people[0]["Final-Recipient"] == "rfc822; gone@b.test"
assert people[0]["Status"] == "5.1.1"'
}

@test "what is not ASCII" {
	place $a 'grü@a.test' 'fü@b.test' x@b.test <<<"Subject: Grüße"
	give_up $a '550 5.1.1 unbekannt: für niemanden'
	bounce $a
	assert_success
	judge '
assert "To: <grü@a.test>".encode() in raw
assert status.get_content_type() == "message/global-delivery-status"
assert "Final-Recipient: utf-8; fü@b.test".encode() in raw
assert len(people) == 2 and people[1]["Final-Recipient"] == "rfc822; x@b.test"
assert header.get_content_type() == "message/global-headers"
assert "für niemanden" in text.get_content()'
	run envelope "$(reports)"
	assert_line "X-MailRelay-Content: 8bit"
	assert_line "X-Sluice-Utf8: 1"
	rm "$(the_report)" "$spool/$(reports)".envelope
	# only the words of the server are
	give_up $b '550 5.1.1 für niemanden'
	bounce $b
	judge '
assert status.get_content_type() == "message/delivery-status"
assert people[0]["Diagnostic-Code"] == "smtp; 550 5.1.1 f??r niemanden"'
	run envelope "$(reports)"
	refute_line "X-Sluice-Utf8: 1"
}

@test "a hostile message makes a sound report" {
	{
		printf 'Subject: \0 \r \x1b[31m\r\nX: '
		head -c 5000 /dev/zero | tr '\0' y
		printf '\r\n\tfold\r\n--=_0\r\nBcc: x\r\nMessage-ID: <a b\x01>\r\n'
		for i in {1..3000}; do printf 'Y%s: %050d\r\n' $i 0; done
		printf '\r\nbody\r\n'
	} >"$spool/$a.content"
	give_up $a "550 $(printf 'word%.0s' {1..200}) $(printf 'long %.0s' {1..200})"
	bounce $a
	assert_success
	judge '
assert len(raw) < 80000, len(raw)
assert "In-Reply-To" not in m
assert b"\0" not in raw and b"body" not in raw
assert len(people) == 1'
}

@test "a message without a header, or without a text" {
	printf 'body without header\r\n' >"$spool/$a.content"
	rm "$spool/$b.content"
	give_up $a no
	give_up $b no
	bounce $a
	assert_success
	judge 'assert b"without" not in raw and header.get_content().strip() == ""'
	rm "$(the_report)" "$spool/$(reports)".envelope
	bounce $b
	assert_success
	judge 'assert machine["Arrival-Date"] is None'
}

@test "what was not given up, is damaged, or is in other hands" {
	bounce $a
	assert_failure 69
	[[ $stderr == *"$a: is ready to be sent" ]]
	give_up $a no
	run flock "$spool/$a.envelope.bad" spool-bounce $me -s "$spool" $a
	assert_failure 75
	give_up $b no
	echo rubbish >"$spool/$b.envelope.bad"
	bounce $b $a
	assert_failure 65
	assert_output $a
	assert_equal "$(reports | wc -l)" 1
	bounce emailrelay.1.1.1
	assert_failure 66
	run spool-bounce -s "$spool" --domain='a b' $a
	assert_failure 64
	run spool-bounce -s "$spool" </dev/null
	assert_failure 64
}

@test "two at the same time: one report each" {
	local i
	for i in $a $b $c; do give_up $i no; done
	for i in 1 2 3 4; do
		spool-bounce $me --no-syslog -s "$spool" --all &
	done
	wait
	assert_equal "$(reports | wc -l)" 3
}

@test "killed at any moment, or with any call failing, nothing is lost" {
	strace -qq -o /dev/null true 2>/dev/null || skip "strace cannot trace here"
	case $build in *asan*) skip "the sanitizers make too many calls" ;; esac
	local call n how text
	give_up $a no
	cp "$spool/$a.envelope.bad" "$BATS_TEST_TMPDIR/before"
	rm "$spool/$b".* "$spool/$c".*
	text=$(md5sum <"$spool/$a.content")
	for how in signal=KILL error=ENOSPC; do
		for call in openat write fsync renameat2 fallocate; do
			for ((n = 1; n < 40; n++)); do
				(cd "$spool" && find . -name 'emailrelay*' ! -name "$a*" -delete)
				cp "$BATS_TEST_TMPDIR/before" "$spool/$a.envelope.bad"
				run strace -qq -f -o "$BATS_TEST_TMPDIR/trace" \
					-e trace=$call -e "inject=$call:$how:when=$n" \
					spool-bounce $me --no-syslog -s "$spool" $a
				grep -q INJECTED\\\|killed "$BATS_TEST_TMPDIR/trace" || break
				assert_equal "$(spooled bad)" $a
				assert_equal "$(md5sum <"$spool/$a.content")" "$text"
				head -c "$(stat -c %s "$BATS_TEST_TMPDIR/before")" \
					"$spool/$a.envelope.bad" |
					cmp - "$BATS_TEST_TMPDIR/before"
				# a mark means a report, and it is whole
				! grep -q Bounced "$spool/$a.envelope.bad" || [ -n "$(reports)" ]
				[ -z "$(reports)" ] || [ "$(reports | wc -l)" = 1 ]
				[ -z "$(reports)" ] || judge 'assert len(people) == 1'
				# and the next run tells him, if he has not been told
				spool-bounce $me --no-syslog -s "$spool" $a
				[ -n "$(reports)" ]
			done
			echo "$how $call: $((n - 1))" >>"$BATS_TEST_TMPDIR/sum"
		done
	done
	cat "$BATS_TEST_TMPDIR/sum"
	[ "$(awk '{ n += $NF } END { print n }' "$BATS_TEST_TMPDIR/sum")" -gt 15 ]
}
