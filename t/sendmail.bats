#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
load helper

setup() {
	prepare
	conf=$BATS_TEST_TMPDIR/conf
	printf 'spool-dir %s\ndomain here.test\n' "$spool" >"$conf"
}
mail() { sendmail -C "$conf" "$@"; }
only() { spooled | head -n 1; }
recipients() { envelope "$(only)" | sed -n 's/^X-MailRelay-To-Remote: //p' | paste -sd' '; }
sender() { envelope "$(only)" | sed -n 's/^X-MailRelay-From: //p'; }

@test "every caller's flags are taken" {
	local flags
	while read -r flags; do
		rm -f "$spool"/*
		# shellcheck disable=SC2086
		mail $flags bob@b.test <<<$'Subject: x\n\nbody'
		[ "$(recipients)" = bob@b.test ] || fail "$flags: $(recipients)"
	done <<-'EOF2'
	-FCronDaemon -i -B8BITMIME -oem
	-FCronDaemon -i -odi -oem -oi -f a@b.test
	-t -i
	-oem -oi
	-bm -G -N never -R hdrs -V id -L tag -h 3 -p ESMTP -X log -O A=b -U -m -n -em
	-Ac -v -d0.1 -r a@b.test --
	-Z -y -ba -bm
	EOF2
}

@test "a header is completed: From, Date, Message-ID" {
	mail -f me@a.test -F 'Me Myself' bob@b.test <<<$'Subject: x\n\nbody'
	run content "$(only)"
	assert_line --index 0 "Subject: x"
	assert_line "From: Me Myself <me@a.test>"
	assert_line --regexp '^Date: [A-Z][a-z]{2}, [0-9]+ [A-Z][a-z]{2} [0-9: +-]+$'
	assert_line --regexp '^Message-ID: <[^@ ]+@here\.test>$'
	assert_line --index 4 "body"
}

@test "what is there stays as it is" {
	local text=$'From: a@b\nDATE: x\nmessage-id: <1@2>\n\nbody'
	mail bob@b.test <<<"$text"
	run content "$(only)"
	assert_output "$text"
}

@test "names in From are quoted, or encoded" {
	mail -f me@a.test -F 'M. "E"' bob@b.test <<<$'S: x\n'
	run content "$(only)"
	assert_line 'From: "M. \"E\"" <me@a.test>'
	rm -f "$spool"/*
	mail -f me@a.test -F $'J\303\274rgen' bob@b.test <<<$'S: x\n'
	run content "$(only)"
	assert_line 'From: =?UTF-8?Q?J=C3=BCrgen?= <me@a.test>'
	rm -f "$spool"/*
	mail -f me@a.test -F $'x\nBcc: y' bob@b.test <<<$'S: x\n'
	run content "$(only)"
	assert_line 'From: me@a.test'
	refute_line --partial "Bcc"
}

@test "the sender is who calls, with the domain" {
	mail bob@b.test <<<$'S: x\n'
	local name
	name=$(id -un) || name=anonymous
	assert_equal "$(sender)" "$name@here.test"
}

@test "-f, -r and the null sender; From is the caller's then" {
	local flag
	for flag in '-f <>' '-r <>' '-f<>'; do
		rm -f "$spool"/*
		# shellcheck disable=SC2086
		mail $flag bob@b.test <<<$'S: x\n'
		assert_equal "$(sender)" ""
		run content "$(only)"
		assert_line --regexp '^From: .+@here\.test$'
	done
	rm -f "$spool"/*
	mail -f '' bob@b.test <<<$'S: x\n'
	assert_equal "$(sender)" ""
}

@test "-t: To, Cc and Bcc with all that RFC 5322 allows; Bcc is removed" {
	mail -t arg@h.test <<-'EOF2'
	Subject: x
	To: "Doe, Jane" <a@h.test> , b@h.test (work (home)),
	 local
	bcc: hidden@h.test,
	 c@h.test
	Cc: team: d@h.test, E F <@r.test,@s.test:e@h.test>;, undisclosed:;,
	 John Q. Public <"odd one"@h.test>, a@h.test

	To: not@h.test
	EOF2
	assert_equal "$(recipients)" "\"odd one\"@h.test a@h.test arg@h.test b@h.test \
c@h.test d@h.test e@h.test hidden@h.test local@here.test"
	run content "$(only)"
	refute_line --partial "hidden"
	refute_line --partial "c@h.test"
	assert_line "To: not@h.test"
}

@test "-t takes Resent- fields alone if there are any" {
	mail -t <<<$'To: a@h.test\nResent-To: b@h.test\nResent-Bcc: c@h.test\n'
	assert_equal "$(recipients)" "b@h.test c@h.test"
	run content "$(only)"
	refute_line --partial "c@h.test"
}

@test "without -t the header names nobody, but Bcc is removed" {
	mail bob@b.test <<<$'To: a@h.test\nBcc: c@h.test\n'
	assert_equal "$(recipients)" "bob@b.test"
	run content "$(only)"
	refute_line --partial "c@h.test"
}

@test "a list in one argument, as in cron's MAILTO" {
	mail 'a@h.test, b@h.test' <<<$'S: x\n'
	assert_equal "$(recipients)" "a@h.test b@h.test"
}

@test "a dot ends the message, with -i and -oi it does not" {
	mail a@h.test <<<$'S: x\n\none\n.\ntwo'
	run content "$(only)"
	refute_line two
	local flag
	for flag in -i -oi '-o i'; do
		rm -f "$spool"/*
		# shellcheck disable=SC2086
		mail $flag a@h.test <<<$'S: x\n\none\n.\ntwo'
		run content "$(only)"
		assert_line .
		assert_line two
	done
}

@test "an mbox's first line is dropped, and only there" {
	mail a@h.test <<<$'From me Mon Nov 23\nS: x\n\nFrom here'
	run content "$(only)"
	assert_line --index 0 "S: x"
	assert_line "From here"
}

@test "text without a header gets one" {
	mail a@h.test <<<$'backup failed\nsee: log'
	run content "$(only)"
	assert_line --index 0 --partial "From: "
	assert_line --index 3 "backup failed"
	assert_line --index 4 "see: log"
	run grep -c '^.$' "$spool/$(only).content"
	assert_output 1
}

@test "nobody to send it to, or somebody who cannot be" {
	run mail <<<$'S: x\n'
	assert_failure 64
	run mail -t <<<$'S: x\n'
	assert_failure 65
	run mail -t <<<$'To: one two@h.test\n'
	assert_failure 65
	run mail -t <<<$'To: "open <a@h.test>\n'
	assert_failure 65
	run mail -f 'a b' a@h.test <<<$'S: x\n'
	assert_failure 65
	run ls -A "$spool"
	assert_output ""
}

@test "nothing is printed, whatever the configuration says" {
	printf 'log\nverbose\nno-syslog\n' >>"$conf"
	run mail -v a@h.test <<<$'S: x\n'
	assert_success
	assert_output ""
}

@test "-q, -bi, -I and newaliases do nothing, -bd is refused" {
	ln -s "$bin/spool-submit" "$BATS_TEST_TMPDIR/newaliases"
	local flag
	for flag in -q -q15m -bi -I; do
		run mail "$flag" </dev/null
		assert_success
		assert_output ""
	done
	run "$BATS_TEST_TMPDIR/newaliases" -C "$conf"
	assert_success
	assert_output ""
	run mail -bd
	assert_failure 64
}

@test "-bp and mailq list the queue" {
	run mail -bp
	assert_success
	assert_output "Mail queue is empty"
	mail -f me@a.test a@h.test <<<$'S: x\n'
	run mailq -C "$conf"
	assert_success
	assert_line --partial "me@a.test"
	assert_line --index -1 "-- 1 Kbytes in 1 Request."
}

@test "-bs speaks SMTP" {
	[ -z "$me" ] || printf 'user root\n' >>"$conf"
	session sendmail -C "$conf" -bs <<-'EOF2'
	HELO h.test
	MAIL FROM:<a@b.test>
	RCPT TO:<c@d.test>
	QUIT
	EOF2
	codes 220 250 250 250 221
}

@test "a wrong configuration file is 78" {
	echo "no-such-thing 1" >>"$conf"
	run mail a@h.test <<<$'S: x\n'
	assert_failure 78
}
