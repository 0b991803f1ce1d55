#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The text by BDAT (RFC 3030), and the whole transaction in one go (RFC 2920).
# shellcheck disable=SC2154

load helper
load send

plain=(--ehlo=CHUNKING)
piped=(--ehlo=CHUNKING --ehlo=PIPELINING)

# text N FORMAT: message N whose content is printf's output.
text() {
	post "$1"
	# shellcheck disable=SC2059 # the text is the format
	printf "$2" >"$spool/$(id "$1").content"
}
# What was sent in chunks: "12 LAST", one a line.
chunks() { sed -n 's/^BDAT //p' "$said" | paste -sd,; }

@test "octet for octet: dots, 8 bits, NUL, no line end, nothing at all" {
	local o n want=('a\r\n' '.\r\n..\r\n.a\r\n\r\n.\r\n' '\0\001\xff\xfe\x80 end' '' \
		'x' 'a\r\n.\r\nMAIL FROM:<evil@b.test>\r\n' '\r\n' '.')
	for o in plain piped; do
		rm -f "$spool"/*
		for n in "${!want[@]}"; do text $((n + 1)) "${want[n]}"; done
		if [ $o = plain ]; then serve "${plain[@]}"; else serve "${piped[@]}"; fi
		forward
		exits 0
		for n in "${!want[@]}"; do
			# shellcheck disable=SC2059
			cmp "$got/00$((n + 1)).content" <(printf "${want[n]}") || fail "$o: row $n"
		done
		[ "$(said_times DATA)" = 0 ]
		[ "$(said_times BDAT)" = 8 ]
		[ "$(said_times evil)" = 0 ]
	done
}

@test "a CR or LF on its own is made CR LF for BDAT, too: nothing to smuggle with" {
	text 1 'a\n.\nb\r.\rc\r\n\r.\n\r'
	serve "${piped[@]}"
	forward
	exits 0
	cmp "$got/001.content" <(printf 'a\r\n.\r\nb\r\n.\r\nc\r\n\r\n.\r\n\r\n')
	[ "$(said_times BARE)" = 0 ]
}

@test "large texts come in chunks of about a MiB, with and without PIPELINING" {
	local o
	for o in plain piped; do
		post 1 2 3
		head -c 5000000 /dev/urandom | base64 -w 76 | sed 's/$/\r/' >"$spool/$(id 1).content"
		# the last chunk is an empty one
		head -c 2097152 /dev/zero | tr '\0' . >"$spool/$(id 2).content"
		# CR and LF on both sides of the blocks that are read
		yes $'\r' | head -n 70000 | tail -c 139999 >"$spool/$(id 3).content"
		cp "$spool/$(id 1).content" "$BATS_TEST_TMPDIR/1"
		if [ $o = plain ]; then serve "${plain[@]}"; else serve "${piped[@]}"; fi
		forward
		exits 0
		cmp "$got/001.content" "$BATS_TEST_TMPDIR/1"
		cmp "$got/002.content" <(head -c 2097152 /dev/zero | tr '\0' .)
		cmp "$got/003.content" <(yes $'\r' | head -n 70000 | { printf '\r\n'; tail -n +2; })
		[[ $(chunks) == *"0 LAST"* ]]
		while read -r n _; do ((n <= 1048576 + 131074)); done < <(sed -n 's/^BDAT //p' "$said")
	done
}

@test "small and pipelined: a message is one write" {
	post 1 2
	serve "${piped[@]}"
	run strace -f -qq -e trace=sendto,recvfrom,poll -o "$BATS_TEST_TMPDIR/trace" true
	[ "$status" = 0 ] || skip "no strace"
	# shellcheck disable=SC2086
	strace -f -s 400 -e trace=sendto -o "$BATS_TEST_TMPDIR/trace" smtp-send $me \
		--spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog
	[ "$(arrived)" = 2 ]
	# EHLO, one for each message, QUIT
	[ "$(grep -c '"MAIL FROM.*RCPT TO.*BDAT [0-9]* LAST.*Subject: ' "$BATS_TEST_TMPDIR/trace")" = 2 ]
	[ "$(grep -c '"\(EHLO\|MAIL\|RCPT\|BDAT\|DATA\|RSET\|QUIT\)' "$BATS_TEST_TMPDIR/trace")" = 4 ]
}

@test "large and pipelined: MAIL and RCPT first, and no text if they are refused" {
	post 1 2
	head -c 100000 /dev/zero | tr '\0' x >>"$spool/$(id 1).content"
	serve "${piped[@]}" --reply 'RCPT:1=550 5.1.1 unknown'
	forward
	exits 69
	[ "$(states 2)" = "bad gone" ]
	[ "$(said_times BDAT)" = 1 ]
}

@test "pipelined: whichever is refused, it is the right one that counts" {
	local row verb text want status
	while IFS='|' read -r verb text want status; do
		rm -f "$spool"/*
		post 1 2 3
		serve "${piped[@]}" --reply "$verb:1=$text"
		forward
		exits "$status"
		[ "$(states 3)" = "$want gone gone" ] || fail "$verb: $(states 3)"
		[[ $stderr == *"status="*" ($text)"* || $stderr == *"recipients rejected: <to1@b.test>: ${text:10})"* ]] ||
			fail "$verb: $stderr"
		[[ $stderr != *"may arrive twice"* ]] || fail "$verb: in doubt"
		[ "$(said_times CONNECT)" = 1 ]
	done <<-'EOT'
	MAIL|550 5.7.1 not you|bad|69
	MAIL|451 4.7.1 not now|deferred|75
	RCPT|550 5.1.1 unknown|bad|69
	RCPT|450 4.2.1 greylisted|deferred|75
	EOD|554 5.7.1 spam|bad|69
	EOD|451 4.3.0 not now|deferred|75
	EOT
}

@test "dropped between BDAT and its reply: it may arrive twice, and that is said" {
	local o how
	for o in plain piped; do
		for how in --close --silent --garbage; do
			rm -f "$spool"/*
			post 1 2
			if [ $o = plain ]; then serve "${plain[@]}" $how EOD:1
			else serve "${piped[@]}" $how EOD:1; fi
			forward --response-timeout=2
			exits 75
			[ "$(states 2)" = "deferred gone" ]
			[[ $stderr == *"may arrive twice"* ]] || fail "$o $how: $stderr"
		done
	done
	# pipelined, nobody can know; else there was no text yet
	rm -f "$spool"/*
	post 1
	serve "${piped[@]}" --close MAIL:1
	forward
	deferred 1 1 '451 4.4.2 '
	[[ $stderr == *"may arrive twice"* ]]
	rm -f "$spool"/*
	post 1
	serve "${plain[@]}" --close RCPT:1
	forward
	deferred 1 1 '451 4.4.2 '
	[[ $stderr != *"may arrive twice"* ]]
}

@test "a connection that wears out is replaced, all goes out in one run" {
	local how
	for how in '--close MAIL:2' '--close MAIL:3 --reset' '--close-after EOD' \
		'--reply MAIL:2=421' '--reply EOD:1=250' '--close-after EOD:2 --reset'; do
		rm -f "$spool"/* "$got"/0* 2>/dev/null
		post 1 2 3
		# shellcheck disable=SC2086
		serve "${piped[@]}" $how
		forward
		exits 0
		[ "$(arrived)" = 3 ] || fail "$how: $(arrived)"
		# a text was said to who has hung up without a word
		if [[ $how = *"--close MAIL"* ]]; then [[ $stderr == *"may arrive twice"* ]]
		# and whether he has hung up yet is seen in time, or not
		elif [[ $how != "--close-after EOD"* ]]; then [[ $stderr != *"may arrive twice"* ]]; fi || fail "$how: $stderr"
	done
}

@test "cut off in a chunk: not in doubt unless it is the last one" {
	local o how
	for o in plain piped; do
		for how in "" --reset; do
			rm -f "$spool"/*
			post 1
			head -c 16000000 /dev/zero | tr '\0' x >>"$spool/$(id 1).content"
			# shellcheck disable=SC2086
			if [ $o = plain ]; then serve "${plain[@]}" $how --close-data 100
			else serve "${piped[@]}" $how --close-data 100; fi
			forward
			exits 75
			deferred 1 1 '^451 4.4.2 '
			[[ $stderr != *"may arrive twice"* ]]
		done
	done
}

@test "a chunk is refused: the others are not sent, and the next message is" {
	local o
	for o in plain piped; do
		rm -f "$spool"/*
		post 1 2
		head -c 8000000 /dev/zero | tr '\0' x >>"$spool/$(id 1).content"
		if [ $o = plain ]; then serve "${plain[@]}" --reply 'BDAT:2=552 5.3.4 too big'
		else serve "${piped[@]}" --reply 'BDAT:2=552 5.3.4 too big'; fi
		forward
		exits 69
		[ "$(states 2)" = "bad gone" ]
		given_up 1 'smtp client failure: 552 5.3.4 too big' 552
		(($(said_times BDAT) <= 4)) || fail "$(chunks)"
		[ "$(said_times CONNECT)" = 1 ]
		[ "$(said_times RSET)" = 1 ]
	done
}

@test "CHUNKING is offered, but BDAT is no command: DATA, over another connection" {
	local o r
	for o in plain piped; do
		for r in 500 502; do
			rm -f "$spool"/*
			post 1 2
			if [ $o = plain ]; then serve "${plain[@]}" --reply "EOD:1=$r what?"
			else serve "${piped[@]}" --reply "EOD:1=$r what?"; fi
			forward
			exits 0
			[ "$(states 2)" = "gone gone" ]
			[ "$(said_times CONNECT)" = 2 ]
			[ "$(said_times BDAT)" = 1 ]
			[ "$(said_times '^DATA')" = 2 ]
			[[ $stderr == *"offers CHUNKING and knows no BDAT"* ]]
		done
	done
}

@test "BDAT is no command, and the recipient is refused: the text may have been taken for commands" {
	local r how
	for r in 500 502; do
		for how in "" --forward-to-some; do
			rm -f "$spool"/*
			post 1 2
			serve "${piped[@]}" --reply "RCPT:1=550 5.1.1 no" --reply "BDAT:1=$r what?"
			# shellcheck disable=SC2086
			forward $how
			exits 69
			[ "$(states 2)" = "bad gone" ]
			given_up 1 "smtp client failure: .*550 5.1.1 .*no" 550
			[ "$(said_times CONNECT)" = 2 ]
			[ "$(said_times RSET)" = 0 ]
		done
	done
}

@test "replies out of turn are no replies to BDAT" {
	local o
	post 1 2 3
	serve "${piped[@]}" --reply 'MAIL:2=250 ok\r\n250 ok\r\n250 sent'
	forward
	# the promise behind MAIL came before the text, and is noticed at the latest
	# when the next message is to be sent; it was answered in full all the same
	[ "$(arrived)" = 3 ]
	rm -f "$spool"/*
	post 1
	head -c 8000000 /dev/zero | tr '\0' x >>"$spool/$(id 1).content"
	serve "${plain[@]}" --reply 'BDAT:1=250 ok\r\n250 ok\r\n250 ok'
	forward
	exits 75
	deferred 1 1 'out of turn'
	[[ $stderr != *"may arrive twice"* ]]
}

@test "several recipients: BDAT goes along only with --forward-to-some" {
	to 1 a@b.test b@b.test
	to 2 a@b.test b@b.test
	serve "${piped[@]}" --to 'b@b.test=550 5.1.1 unknown'
	forward "$(id 1)"
	exits 69
	[ "$(said_times BDAT)" = 0 ]
	forward --forward-to-some "$(id 2)"
	exits 69
	[ "$(said_times BDAT)" = 1 ]
	[ "$(arrived)" = 1 ]
}

@test "to a smtp-recv: octet for octet, with everything in one go" {
	local f
	text 1 'Subject: x\r\n\r\n.\r\n..\r\n.a\r\n\0\xff\r\n.\r\nMAIL FROM:<x@y>\r\nend'
	cp "$spool/$(id 1).content" "$BATS_TEST_TMPDIR/want"
	mkdir "$BATS_TEST_TMPDIR/there"
	# shellcheck disable=SC2086
	listen smtp-recv $me --spool-dir "$BATS_TEST_TMPDIR/there" --no-syslog
	forward --verbose
	exits 0
	[[ $stderr == *"BDAT $(stat -c %s "$BATS_TEST_TMPDIR/want") LAST"* ]]
	f=$(echo "$BATS_TEST_TMPDIR"/there/*.content)
	cmp <(tail -c "$(stat -c %s "$BATS_TEST_TMPDIR/want")" "$f") "$BATS_TEST_TMPDIR/want"
	grep -q '^X-MailRelay-ToCount: 1' "$BATS_TEST_TMPDIR"/there/*.envelope
}
