#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
load helper

submit() { spool-submit --spool-dir="$spool" "$@"; }
only() { spooled | head -n 1; }
nothing_left() { [ -z "$(ls -A "$spool")" ] || fail "left: $(ls -A "$spool")"; }

@test "a message is stored with CR LF, and its envelope is E-MailRelay's" {
	printf 'Subject: x\nFrom: me@a.test\n\none\ntwo\n' |
		submit bob@b.test joe@c.test
	run cat "$spool/$(only).content"
	assert_output $'Subject: x\r\nFrom: me@a.test\r\n\r\none\r\ntwo\r'
	run cat "$spool/$(only).envelope"
	assert_output "$(printf 'X-MailRelay-%s\r\n' 'Format: #2821.4' \
		'Content: 7bit' 'From: me@a.test' 'ToCount: 2' \
		'To-Remote: bob@b.test' 'To-Remote: joe@c.test' \
		'Authentication: ' 'Client: 127.0.0.1' 'ClientName: ' \
		'ClientCertificate: ' 'End: 1')"
}

@test "LF, CR LF and CR all end lines, also mixed, also at the end" {
	local text
	for text in 'S: x\n\na\nb\n' 'S: x\r\n\r\na\r\nb\r\n' 'S: x\r\n\na\rb' \
		'S: x\r\ra\nb\r'; do
		rm -f "$spool"/*
		# shellcheck disable=SC2059
		printf "$text" | submit bob@b.test
		run cat "$spool/$(only).content"
		assert_output $'S: x\r\n\r\na\r\nb\r'
	done
}

@test "nothing is printed, with -v the path of the content" {
	run submit bob@b.test <<<"Subject: x"
	assert_success
	assert_output ""
	rm -f "$spool"/*
	run submit -v bob@b.test <<<"Subject: x"
	assert_output "$spool/$(only).content"
	rm -f "$spool"/*
	cd "$spool"
	run spool-submit -v -s . bob@b.test <<<"Subject: x"
	assert_output "$spool/./$(only).content"
}

@test "a line with a single dot ends it, two dots stay" {
	printf 'Subject: x\n\n..\n.x\n.\nafter\n' | submit bob@b.test
	run content "$(only)"
	assert_output $'Subject: x\n\n..\n.x'
}

@test "a header without a blank line gets one, and nothing stays nothing" {
	printf 'Subject: x\n' | submit bob@b.test
	run cat "$spool/$(only).content"
	assert_output $'Subject: x\r\n\r'
	rm -f "$spool"/*
	submit bob@b.test </dev/null
	assert_size_zero "$spool/$(only).content"
}

@test "the sender: --from, the last From, anonymous" {
	printf 'From: A <a@a.test>\nFrom: "B, C" <b@a.test>\n\n' |
		submit bob@b.test
	run envelope "$(only)"
	assert_line "X-MailRelay-From: b@a.test"
	rm -f "$spool"/*
	printf 'From: a@a.test\n\n' | submit -f c@a.test bob@b.test
	run envelope "$(only)"
	assert_line "X-MailRelay-From: c@a.test"
	rm -f "$spool"/*
	printf 'Subject: x\n\n' | submit bob@b.test
	run envelope "$(only)"
	assert_line "X-MailRelay-From: anonymous"
	run content "$(only)"
	refute_line --partial "From:"
}

@test "--from adds a From field at the end of the header if there is none" {
	printf 'Subject: x\n\nbody\n' | submit --from c@a.test bob@b.test
	run content "$(only)"
	assert_output $'Subject: x\nFrom: c@a.test\n\nbody'
}

@test "the null sender can be given in two ways" {
	for from in '' '<>'; do
		rm -f "$spool"/*
		printf 'From: a@a.test\n\n' | submit -f "$from" bob@b.test
		run envelope "$(only)"
		assert_line "X-MailRelay-From: "
	done
}

@test "a backslash in front of a recipient is dropped" {
	submit '\bob@b.test' <<<"Subject: x"
	run envelope "$(only)"
	assert_line "X-MailRelay-To-Remote: bob@b.test"
}

@test "8-bit text is marked, whether in header or body" {
	for text in 'Subject: \303\274\n\nx\n' 'Subject: x\n\n\303\274\n'; do
		rm -f "$spool"/*
		# shellcheck disable=SC2059
		printf "$text" | submit bob@b.test
		run envelope "$(only)"
		assert_line "X-MailRelay-Content: 8bit"
	done
}

@test "no recipient is wrong usage, a bad one bad data" {
	run submit <<<"Subject: x"
	assert_failure 64
	for to in 'bob@' 'a b@c.test' 'bob@b..test' $'bob@b.test\nx' 'a|b@c.test'; do
		run submit "$to" <<<"Subject: x"
		assert_failure 65
		assert_output --partial "bad address"
	done
	nothing_left
}

@test "a header of more than a mebibyte is refused, a body is not" {
	run submit bob@b.test < <(printf 'X: '; head -c 1100000 /dev/zero | tr '\0' x)
	assert_failure 65
	nothing_left
	(printf 'X: x\n\n'; head -c 3000000 /dev/zero | tr '\0' x) |
		submit bob@b.test
	run stat -c %s "$spool/$(only).content"
	assert_output 3000010
}

@test "a spool that is not there, or may not be written, and a directory" {
	run spool-submit -s "$spool/none" bob@b.test <<<"Subject: x"
	assert_failure 75
	run submit bob@b.test <"$spool"
	assert_failure 66
	[ "$(id -u)" != 0 ] || skip "root may write everywhere"
	chmod 555 "$spool"
	run submit bob@b.test <<<"Subject: x"
	assert_failure 77
	nothing_left
}

@test "a signal leaves nothing behind" {
	local status=0
	mkfifo "$BATS_TEST_TMPDIR/in"
	spool-submit -s "$spool" bob@b.test <"$BATS_TEST_TMPDIR/in" 3>&- &
	exec 4>"$BATS_TEST_TMPDIR/in"
	printf 'Subject: x\n\nbody\n' >&4
	wait_until compgen -G "$spool/*.content"
	kill -TERM $!
	wait $! || status=$?
	exec 4>&-
	assert_equal $status 75
	nothing_left
}

@test "the log has Postfix's words" {
	run submit --log --no-syslog -f a@a.test b@b.test c@c.test <<<"Subject: x"
	assert_output --regexp \
		"^sluice/pickup\[[0-9]+\]: $(only): from=<a@a.test>, size=[0-9]+, nrcpt=2$"
}

@test "--domain completes addresses, else they stay" {
	submit --domain=d.test -f me bob <<<"Subject: x"
	run envelope "$(only)"
	assert_line "X-MailRelay-From: me@d.test"
	assert_line "X-MailRelay-To-Remote: bob@d.test"
	rm -f "$spool"/*
	submit -f me bob <<<"Subject: x"
	run envelope "$(only)"
	assert_line "X-MailRelay-To-Remote: bob"
}

@test "files get mode 0660" {
	submit bob@b.test <<<"Subject: x"
	run stat -c %a "$spool/$(only).content" "$spool/$(only).envelope"
	assert_output $'660\n660'
}

@test "addresses that are not ASCII are remembered as such" {
	submit $'b\303\274b@b.test' <<<"Subject: x"
	run envelope "$(only)"
	assert_line "X-Sluice-Utf8: 1"
}
