#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Several recipients, and what becomes of each of them: --forward-to-all,
# --forward-to-some, and servers that want no more than so many at once.
# shellcheck disable=SC2154,SC2034

load helper
load send

# mixed OPTIONS-OF-ANSWER...: message 1 to ok, ok2, busy, gone at b.test, whom
# such a server accepts, or not.
mixed() {
	to 1 ok@b.test busy@b.test gone@b.test ok2@b.test
	serve --to 'busy@b.test=450 4.2.1 mailbox busy' \
		--to 'gone@b.test=550 5.1.1 no such user' "$@"
}
# Who has got message N of those that arrived: got_by NNN
got_by() { sed -n 's/^RCPT TO:<\(.*\)@b.test>.*/\1/p' "$got/$1.log" | paste -sd' '; }
# What the log says of an address.
fate_of() {
	sed -n "s/.*to=<$1@b.test>.* dsn=\([0-9.]*\), status=\([a-z]*\) (\(.*\))$/\2 \1 \3/p" <<<"$stderr"
}
journal() { sed '1,/^X-MailRelay-End/d' "$spool/$(id "$1").envelope"* | tr -d '\r'; }

ways=(--ehlo=8BITMIME --ehlo=PIPELINING --ehlo=CHUNKING "--ehlo=PIPELINING --ehlo=CHUNKING")

@test "to all, the default: one refused for good is reason enough to send nothing" {
	local mode way
	for mode in "" --forward-to-all; do
		for way in "${ways[@]}"; do
			# shellcheck disable=SC2086
			mixed $way
			# shellcheck disable=SC2086
			forward $mode
			[ "$(arrived)" = 0 ]
			if [[ $way == *PIPELINING* ]]; then
				exits 69
				given_up 1 'smtp client failure: 550 5.1.1 one or more recipients rejected: <gone@b.test>: no such user' 550
			else
				exits 75        # it is asked no further than busy
				deferred 1 1 '450 4.2.1 .*<busy@b.test>: mailbox busy'
			fi
			[[ $(journal 1) != *X-Sluice-Done* && $(journal 1) != *X-Sluice-Refused* ]]
			rm -f "$spool"/*
		done
	done
}

@test "to some: those accepted get it, and only the rest is tried again" {
	local way
	for way in "${ways[@]}"; do
		# shellcheck disable=SC2086
		mixed $way
		forward --forward-to-some
		exits 75
		[ "$(arrived)" = 1 ] || fail "$way: $(arrived) arrived"
		[ "$(got_by 001)" = "ok ok2" ]
		deferred 1 1 '450 4.2.1 one or more recipients rejected: <busy@b.test>: mailbox busy'
		[[ ${lines[0]} == "$(id 1) deferred 450 4.2.1 "*busy ]]
		[ "$(fate_of ok)" = "sent 2.0.0 250 2.0.0 kept" ]
		[ "$(fate_of ok2)" = "sent 2.0.0 250 2.0.0 kept" ]
		[ "$(fate_of busy)" = "deferred 4.2.1 450 4.2.1 mailbox busy" ]
		[ "$(fate_of gone)" = "bounced 5.1.1 550 5.1.1 no such user" ]
		[ "$(grep -c 'status=' <<<"$stderr")" = 4 ]
		# the line of each recipient stands before the one that ends it
		[ "$(journal 1 | cut -d' ' -f1,2 | head -n 3 | sort | paste -sd' ')" = \
			"X-Sluice-Done: <ok2@b.test> X-Sluice-Done: <ok@b.test> X-Sluice-Refused: <gone@b.test>" ]

		# still busy
		forward --forward-to-some "$(id 1)"
		exits 75
		[ "$(arrived)" = 1 ]
		[ "$(said_times 'RCPT TO:<(ok|ok2|gone)@')" = 3 ]
		[ "$(said_times 'RCPT TO:<busy@')" = 2 ]

		# and then not, whatever the mode: the refused one remains
		kill "$pid"
		# shellcheck disable=SC2086
		serve $way
		forward "$(id 1)"
		exits 69
		[ "$(got_by 001)" = busy ]
		given_up 1 'smtp client failure: 550 5.1.1 one or more recipients rejected: <gone@b.test>: no such user' 550
		[[ ${lines[0]} == "$(id 1) bounced 550 5.1.1 "*"no such user" ]]
		rm -f "$spool"/*
	done
}

@test "to some: spool-retry, or a rename by hand, is for those refused, and nobody else" {
	local how
	for how in retry rename; do
		to 1 ok@b.test gone@b.test gone2@b.test
		serve --ehlo PIPELINING --to 'gone@b.test=550 5.1.1 no such user' \
			--to 'gone2@b.test=554 5.7.1 not wanted'
		forward --forward-to-some
		exits 69
		given_up 1 'smtp client failure: 550 5.1.1 .*<gone@b.test>: no such user; <gone2@b.test>: 554 5.7.1 not wanted' 550
		run spool-list --spool-dir "$spool" --json
		assert_output --partial '"to":["gone@b.test","gone2@b.test"]'
		kill "$pid"
		if [ "$how" = retry ]; then
			# shellcheck disable=SC2086
			spool-retry $me --spool-dir "$spool" "$(id 1)"
		else
			mv "$spool/$(id 1).envelope.bad" "$spool/$(id 1).envelope"
		fi
		# one is accepted now: then the other one is all that is left
		serve --to 'gone2@b.test=554 5.7.1 not wanted'
		forward --forward-to-some
		exits 69
		[ "$(got_by 001)" = gone ]
		given_up 1 'smtp client failure: 554 5.7.1 .*<gone2@b.test>: not wanted' 554
		kill "$pid"
		mv "$spool/$(id 1).envelope.bad" "$spool/$(id 1).envelope"
		serve
		forward --forward-to-some
		exits 0
		[ "$(got_by 001)" = gone2 ]
		[ "$(state 1)" = gone ]
	done
}

@test "to some: nobody accepted, the whole refused, the connection lost" {
	local way
	for way in "${ways[@]}"; do
		# shellcheck disable=SC2086
		serve $way --to 'a@b.test=450 4.2.1 busy' --to 'b@b.test=550 5.1.1 unknown'
		to 1 a@b.test b@b.test
		to 2 b@b.test
		to 3 ok@b.test
		forward --forward-to-some
		exits 69
		[ "$(states 3)" = "deferred bad gone" ] || fail "$way: $(states 3)"
		[ "$(arrived)" = 1 ]
		[ "$(got_by 001)" = ok ]
		deferred 1 1 '450 4.2.1 .*<a@b.test>: busy'
		given_up 2 'smtp client failure: 550 5.1.1 .*<b@b.test>: unknown' 550
		[[ $stderr != *"may arrive twice"* ]]
		rm -f "$spool"/*

		# the text is refused: that is for those who were accepted
		# shellcheck disable=SC2086
		serve $way --to 'a@b.test=450 4.2.1 busy' --reply 'EOD=554 5.7.1 spam'
		to 1 a@b.test b@b.test
		to 2 b@b.test c@b.test
		forward --forward-to-some
		exits 69
		[ "$(states 2)" = "deferred bad" ]
		[ "$(fate_of a)" = "deferred 4.2.1 450 4.2.1 busy" ]
		given_up 2 '.*<b@b.test>: spam; <c@b.test>: 554 5.7.1 spam' 554
		rm -f "$spool"/*

		# MAIL is refused: that is for all
		# shellcheck disable=SC2086
		serve $way --reply 'MAIL:1=550 5.7.1 not you' --reply 'MAIL:2=451 4.3.0 not now'
		to 1 a@b.test b@b.test
		to 2 a@b.test b@b.test
		forward --forward-to-some
		exits 69
		[ "$(states 2)" = "bad deferred" ]
		[[ $stderr != *"may arrive twice"* ]]
		[ "$(arrived)" = 0 ] || [ ! -s "$got/001.content" ] || [[ $way == *CHUNKING* ]]
		rm -f "$spool"/*

		# lost before the reply to it all
		# shellcheck disable=SC2086
		mixed $way --close EOD:1
		forward --forward-to-some
		exits 75
		[[ $stderr == *"may arrive twice"* ]] || fail "$way: $stderr"
		[ "$(fate_of gone)" = "bounced 5.1.1 550 5.1.1 no such user" ]
		[[ $(fate_of ok) == "deferred 4.4.2 "* ]]
		forward --forward-to-some "$(id 1)"
		exits 75
		[ "$(got_by 002)" = "ok ok2" ]
		rm -f "$spool"/*
	done
}

@test "421 and losses between recipients are nobody's fault" {
	local way
	for way in "${ways[@]}"; do
		# shellcheck disable=SC2086
		serve $way --reply 'RCPT:3=421 4.3.2 closing' --close-after RCPT:3 --to 'a@b.test=550 5.1.1 unknown'
		to 1 a@b.test b@b.test c@b.test d@b.test
		forward --forward-to-some
		exits 75
		[ "$(arrived)" = 0 ]
		[[ $stderr != *"may arrive twice"* ]]
		[ "$(fate_of a)" = "bounced 5.1.1 550 5.1.1 unknown" ]
		[ "$(fate_of b)" = "deferred 4.3.2 421 4.3.2 closing" ]
		[ "$(fate_of d)" = "deferred 4.3.2 421 4.3.2 closing" ]
		forward --forward-to-some "$(id 1)"
		exits 69
		[ "$(got_by 001)" = "b c d" ]
		[ "$(said_times '<a@')" = 1 ]
		rm -f "$spool"/*
	done
}

@test "too many recipients at once: as many transactions as it takes, in both modes" {
	local way mode n
	for way in "${ways[@]}"; do
		for mode in --forward-to-all --forward-to-some; do
			# shellcheck disable=SC2046
			to 1 $(printf '%s@b.test ' {1..250})
			# shellcheck disable=SC2086
			serve $way --crowd 40
			forward "$mode"
			exits 0
			[ "$(state 1)" = gone ]
			[ "$(arrived)" = 7 ] || fail "$way: $(arrived)"
			cat "$got"/*.log | sed -n 's/^RCPT TO:<\(.*\)@.*/\1/p' | sort -n >"$BATS_TEST_TMPDIR/who"
			cmp "$BATS_TEST_TMPDIR/who" <(seq 250)
			[ "$(said_times CONNECT)" = 1 ]
			[ "$(grep -c status=sent <<<"$stderr")" = 250 ]
			# once it is known, nobody is asked in vain
			n=$(said_times '^RCPT')
			((n <= 310)) || fail "$way: $n times RCPT"
		done
	done
}

@test "452 for another reason, or for the first recipient, is no crowd" {
	local r
	for r in '452 4.2.2 over quota' '452 4.3.1 disk full' '552 5.2.2 over quota' \
		'552 mailbox full'; do
		to 1 a@b.test b@b.test
		serve --ehlo PIPELINING --to "b@b.test=$r"
		forward
		[ "$(arrived)" = 0 ] || fail "$r"
		[ "$(said_times '^MAIL')" = 1 ]
		rm -f "$spool"/*
	done
	to 1 a@b.test b@b.test
	serve --ehlo PIPELINING --reply 'RCPT=452 4.5.3 too many'
	forward
	exits 75
	[ "$(said_times '^MAIL')" = 1 ]
	for r in '452 too many' '552 too many recipients' '552 5.5.3 too many' '452 4.5.3 enough'; do
		rm -f "$spool"/*
		to 1 a@b.test b@b.test
		serve --ehlo PIPELINING --reply "RCPT:2=$r"
		forward
		exits 0
		[ "$(arrived)" = 2 ] || fail "$r"
	done
}

@test "killed, or cut off, between two transactions: the first ones do not get it again" {
	# shellcheck disable=SC2046
	to 1 $(printf '%s@b.test ' {1..30})
	serve --ehlo PIPELINING --crowd 10 --silent MAIL:2
	# shellcheck disable=SC2086
	smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" \
		--no-syslog --response-timeout=60 2>/dev/null 3>&- &
	forwarder=$!
	second() { [ "$(said_times '^MAIL')" = 2 ]; }
	wait_until second
	kill -9 "$forwarder"
	wait "$forwarder" || true
	[ "$(state 1)" = busy ]
	[ "$(journal 1 | grep -c '^X-Sluice-Done: ')" = 10 ]
	kill "$pid"
	serve --ehlo PIPELINING --crowd 10 --close MAIL:2
	forward --response-timeout=5
	exits 0
	[ "$(sed -n 's/^RCPT TO:<\(.*\)@.*/\1/p' "$got"/*.log | sort -n | paste -sd' ')" = "$(seq -s' ' 11 30)" ]
}

@test "all have got it, but the files are still there: they are removed, nothing is sent" {
	to 1 a@b.test b@b.test
	printf 'X-Sluice-Done: <a@b.test> 250 ok\r\nX-Sluice-Done: <b@b.test> 250 ok\r\n' >>"$spool/$(id 1).envelope"
	serve
	forward
	exits 0
	[ "$(state 1)" = gone ]
	[ "$(said_times CONNECT)" = 0 ]
	[[ ${lines[0]} == "$(id 1) sent 250 "* ]]
}

@test "a torn or forged journal makes nobody done" {
	local line n=0
	for line in 'X-Sluice-Done: <a@b.test> 250 ok' 'X-Sluice-Done: <a@b.test>\r\n' \
		'X-Sluice-Done: <a@b.te\r\n' 'X-Sluice-Done: a@b.test 250 ok\r\n' \
		'X-Sluice-Done: <x@b.test> 250 ok\r\n' 'X-Sluice-Done: 1 250 ok\r\n' \
		'X-Sluice-Done: <a@b.test> 250\x00\r\n' 'X-Sluice-Done:\r\n'; do
		rm -f "$spool"/*
		to 1 a@b.test
		# shellcheck disable=SC2059
		printf "$line" >>"$spool/$(id 1).envelope"
		serve
		forward
		exits 0
		[ "$(arrived)" = 1 ] || fail "$line"
	done
}

@test "--retry-for is over: what was left is given up, what was sent is not" {
	mixed --ehlo PIPELINING
	forward --forward-to-some --retry-for=0
	exits 69
	given_up 1 'smtp client failure: 450 4.2.1 .*<busy@b.test>: mailbox busy; <gone@b.test>: 550 5.1.1 no such user' 450
	mv "$spool/$(id 1).envelope.bad" "$spool/$(id 1).envelope"
	kill "$pid"
	serve
	forward
	exits 0
	[ "$(got_by 001)" = "busy gone" ]
}

@test "mailq and spool-list show who has not got it" {
	mixed
	forward --forward-to-some
	exits 75
	echo "spool-dir $spool" >"$BATS_TEST_TMPDIR/conf"
	run mailq -C "$BATS_TEST_TMPDIR/conf"
	[[ $output == *busy@b.test* && $output == *gone@b.test* ]] || fail "$output"
	[[ $output != *ok@b.test* && $output != *ok2@b.test* ]]
	run spool-list --spool-dir "$spool"
	[[ $output == *"busy@b.test and 1 more"* ]] || fail "$output"
	run spool-list --spool-dir "$spool" --json
	[[ $output == *'"to":["busy@b.test","gone@b.test"]'* ]]
	run spool-list --spool-dir "$spool" -q --recipient 'ok@b.test'
	assert_output ""
	run spool-show --spool-dir "$spool" "$(id 1)"
	assert_line 'To: <busy@b.test>'
	assert_line 'Sent-To: <ok@b.test>'
	assert_line 'Refused-To: <gone@b.test> (550 5.1.1 no such user)'
}

@test "both modes at once are refused, by smtp-send and by smtp-recv" {
	run smtp-send --forward-to-all --forward-to-some --forward-to 127.0.0.1:9
	assert_failure 64
	# shellcheck disable=SC2086
	run smtp-recv $me --spool-dir "$spool" --forward-to-all --forward-to-some </dev/null
	assert_failure 78
}

# immediate OPTIONS...: a client that sends to these through smtp-recv.
immediate() {
	session smtp-recv $me --spool-dir "$spool" --no-syslog --immediate \
		--forward-to "127.0.0.1:$port" "$@" <<-EOT
	EHLO client
	MAIL FROM:<me@a.test>
	RCPT TO:<ok@b.test>
	RCPT TO:<busy@b.test>
	RCPT TO:<gone@b.test>
	DATA
	Subject: x

	text
	.
	QUIT
	EOT
}

@test "--immediate: sent in part is acknowledged, and the rest is ours" {
	mixed
	rm -f "$spool"/*
	immediate --forward-to-some
	codes 220 250 250 250 250 250 354 250 221
	[ "$(got_by 001)" = ok ]
	[ "$(spooled | wc -l)" = 1 ]
	grep -q '^X-Sluice-Done: <ok@b.test> ' "$spool"/*.envelope
	grep -q '^X-Sluice-Deferred: 1 ' "$spool"/*.envelope
}

@test "--immediate: sent in part and refused in part is acknowledged, and .bad" {
	serve --to 'gone@b.test=550 5.1.1 no such user' --to 'busy@b.test=550 5.1.1 nor this'
	immediate --forward-to-some
	codes 220 250 250 250 250 250 354 250 221
	[ "$(spooled bad | wc -l)" = 1 ]
}

@test "--immediate: what nobody got is handed back whole" {
	serve --reply 'RCPT=550 5.1.1 unknown'
	immediate --forward-to-some
	codes 220 250 250 250 250 250 354 550 221
	[ -z "$(ls "$spool"/*.content "$spool"/*.envelope* 2>/dev/null)" ]
	kill "$pid"
	serve --to 'gone@b.test=550 5.1.1 no such user' --to 'ok@b.test=450 4.2.1 x' \
		--to 'busy@b.test=450 4.2.1 y'
	immediate --forward-to-some
	codes 220 250 250 250 250 250 354 450 221
	[ -z "$(ls "$spool"/*.content "$spool"/*.envelope* 2>/dev/null)" ]
	kill "$pid"
	mixed
	rm -f "$spool"/*
	immediate
	codes 220 250 250 250 250 250 354 450 221
	[ "$(arrived)" = 0 ]
}

# Killed, or failed, at a system call of a run that has three transactions: a,
# then b, then one who is refused. The next run ends in the same way, and only
# what the server was just being told may come twice.
each_call() {
	local call n how=$1 runs=0
	command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null || skip "no strace"
	serve --ehlo PIPELINING --crowd 1 --to 'gone@b.test=550 5.1.1 no'
	for call in fallocate lseek write fsync utimensat renameat2 pread64 sendto recvfrom unlinkat; do
		for ((n = 1; n < 100; n++)); do
			rm -f "$spool"/* "$got"/0*
			to 1 a@b.test b@b.test gone@b.test
			# shellcheck disable=SC2086
			run strace -f -o "$BATS_TEST_TMPDIR/trace" -e trace="$call" \
				-e inject="$call:$how:when=$n" smtp-send $me --spool-dir "$spool" \
				--forward-to "127.0.0.1:$port" --no-syslog --forward-to-some
			grep -qE 'INJECTED|SIGKILL' "$BATS_TEST_TMPDIR/trace" || [ "$status" = 137 ] || break
			((++runs))
			forward --forward-to-some "$(id 1)"
			# shellcheck disable=SC2086
			[ "$(state 1)" = bad ] || forward --forward-to-some "$(id 1)"
			[ "$(state 1)" = bad ] || fail "$call $n: $(state 1) $stderr"
			given_up 1 '.*<gone@b.test>: no' 550
			cat "$got"/*.log | sed -n 's/^RCPT TO:<\(.*\)@.*/\1/p' | sort >"$BATS_TEST_TMPDIR/who"
			[ "$(sort -u "$BATS_TEST_TMPDIR/who" | paste -sd' ')" = "a b" ] || fail "$call $n: lost"
			(($(wc -l <"$BATS_TEST_TMPDIR/who") <= 3)) || fail "$call $n: $(paste -sd' ' "$BATS_TEST_TMPDIR/who")"
		done
	done
	((runs >= 20)) || fail "only $runs: is this the list of its calls?"
}
@test "killed at each system call: nobody is lost, one transaction at most comes twice" {
	each_call signal=KILL
}

@test "no room at each system call: the same" {
	each_call error=ENOSPC
}

@test "no room in the spool: the text is not sent to some of many" {
	command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null || skip "no strace"
	to 1 a@b.test b@b.test
	serve --ehlo PIPELINING --to 'b@b.test=550 5.1.1 no'
	# shellcheck disable=SC2086
	run strace -f -o /dev/null -e trace=fallocate -e inject=fallocate:error=ENOSPC \
		smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog --forward-to-some
	assert_failure 75
	[[ $output == *"cannot note who gets it: no room in the spool"* ]]
	[ "$(arrived)" = 0 ] || [ ! -s "$got/001.content" ]
	# a file system that cannot reserve room is no reason
	# shellcheck disable=SC2086
	run strace -f -o /dev/null -e trace=fallocate -e inject=fallocate:error=EOPNOTSUPP \
		smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog --forward-to-some "$(id 1)"
	assert_failure 69
	[ "$(state 1)" = bad ]
}
