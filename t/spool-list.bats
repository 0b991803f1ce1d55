#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
load helper
load terminal

# Five messages, in this order, whatever their names say.
first=emailrelay.900.100.2 second=emailrelay.20.200.9
third=emailrelay.20.200.10 fourth=emailrelay.1.300.000001
fifth=emailrelay.1.300.000002

setup() {
	prepare
	place $fifth e@a.test e@b.test <<<"five"
	place $second "" two@b.test TOO@c.test <<<"twotwo"
	place $first a@a.test a@b.test <<<"one"
	place $fourth d@a.test d@b.test <<<"four"
	place $third c@a.test c@b.test <<<"three"
	mv "$spool/$second.envelope" "$spool/$second.envelope.bad"
	printf 'X-MailRelay-Reason: no such "user"\r\nX-MailRelay-ReasonCode: 550\r\n' \
		>>"$spool/$second.envelope.bad"
	mv "$spool/$third.envelope" "$spool/$third.envelope.busy"
	mv "$spool/$fourth.envelope" "$spool/$fourth.envelope.hold"
	printf 'X-Sluice-Deferred: 3 4102444800 try later\r\n' \
		>>"$spool/$first.envelope"
	touch -d '3 hours ago' "$spool/$first.content"
	touch -d '2 days ago' "$spool/$second.content"
}
list() { run spool-list --spool-dir="$spool" "$@"; }
ids() { assert_equal "$(echo $output)" "$*"; }

@test "all of them, in the order of their arrival" {
	list -q
	assert_success
	ids $first $second $third $fourth $fifth
}

@test "an empty spool is no error" {
	rm "$spool"/*
	list -q
	assert_success
	assert_output ""
	list
	assert_success
	assert_line --index 0 --regexp '^ID +STATE +SIZE +AGE +TRIES +FROM  TO$'
	assert_equal ${#lines[@]} 1
}

@test "the table" {
	list
	assert_line --regexp "^$first +ready +5 +3h +3  a@a.test  a@b.test$"
	assert_line --regexp "^$second +bad +8 +2d +0  <>  two@b.test and 1 more$"
	assert_line --regexp "^$third +busy +7 +[0-9]+s +0  c@a.test  c@b.test$"
}

@test "JSON" {
	list --json
	assert_line --index 0 --regexp "^\{\"id\":\"$first\",\"state\":\"ready\",\"size\":5,\"age\":10[0-9]{3},\
\"time\":\"[0-9-]+T[0-9:]+\+00:00\",\"from\":\"a@a.test\",\"to\":\[\"a@b.test\"\],\
\"tries\":3,\"next_try\":\"2100-01-01T00:00:00\+00:00\",\"reason\":\"try later\",\"damaged\":false\}$"
	assert_line --index 1 --partial '"from":"","to":["two@b.test","TOO@c.test"],"tries":0,"next_try":null,"reason":"no such \"user\"","damaged":false}'
	assert_equal ${#lines[@]} 5
}

@test "JSON is JSON, whatever is in an envelope" {
	command -v python3 >/dev/null || skip "no python3"
	place emailrelay.1.400.1 $'a\303\274@a.test' 'q"q"@b.test' <<<"x"
	printf 'X-MailRelay-Reason: \\ " \377 \303\274\r\n' \
		>>"$spool/emailrelay.1.400.1.envelope"
	spool-list --json -s "$spool" | python3 -c '
import json, sys
for line in sys.stdin:
    json.loads(line)'
}

@test "by state" {
	list -q --state=ready
	ids $first $fifth
	list -q --state=busy,hold,bad
	ids $second $third $fourth
	list -q --state=rady
	assert_failure 64
	assert_output --partial '"rady"'
}

@test "with --quiet and --state no envelope is opened" {
	command -v strace >/dev/null || skip "no strace"
	strace -f -e trace=openat,open -o "$BATS_TEST_TMPDIR/trace" \
		spool-list -q --state=ready -s "$spool" >/dev/null ||
		skip "strace may not trace"
	run grep -F .envelope "$BATS_TEST_TMPDIR/trace"
	assert_failure
}

@test "by age" {
	list -q --older-than=1h
	ids $first $second
	list -q --older-than=1h --newer-than=1d
	ids $first
	list -q --newer-than=1h
	ids $third $fourth $fifth
	list -q --older-than=soon
	assert_failure 64
}

@test "by sender and recipient, whatever the case" {
	list -q --sender='A@*'
	ids $first
	list -q --sender='<>'
	ids $second
	list -q --recipient='too@?.test'
	ids $second
	list -q --recipient='*@b.test' --sender='[ce]@a.test'
	ids $third $fifth
}

@test "ids as arguments and from stdin" {
	list -q $third $first
	ids $third $first
	list -q --state=bad - <<<"$third
$second"
	ids $second
	list -q emailrelay.1.2.3
	assert_failure 66
	assert_output --partial "no such message: emailrelay.1.2.3"
	list -q - <<<"emailrelay.1.2.3"
	assert_success
	assert_output ""
	list -q ../x
	assert_failure 65
}

@test "as mailq has it" {
	list --mailq
	assert_success
	assert_line --regexp "^$third\* +7 [A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} c@a.test$"
	assert_line --regexp "^$fourth! +6 .* d@a.test$"
	assert_line --regexp "^$first +5 .* a@a.test$"
	assert_line '(no such "user")'
	assert_line --regexp '^ +TOO@c.test$'
	assert_line --index -1 "-- 1 Kbytes in 5 Requests."
	rm "$spool"/*
	list --mailq
	assert_success
	assert_output "Mail queue is empty"
}

@test "a damaged envelope is shown with what is known" {
	echo junk >"$spool/$fifth.envelope"
	list $fifth
	assert_success
	assert_line --regexp "^$fifth +ready +6 .*\(damaged: format error: Format\)$"
	list --json $fifth
	assert_output --partial '"from":null,"to":[],"tries":0,"next_try":null,"reason":"format error: Format","damaged":true}'
	list -q --sender='*' $fifth
	assert_output ""
	list --mailq $fifth
	assert_line "(format error: Format)"
}

@test "a text that is missing" {
	rm "$spool/$fifth.content"
	list $fifth
	assert_line --regexp "^$fifth +ready +- +- +0  e@a.test  e@b.test$"
	list --json $fifth
	assert_output --partial '"size":null,"age":null,"time":null,'
}

@test "terminals are safe" {
	printf 'X-MailRelay-Reason: \033[2J\r\nX-MailRelay-Reason: \302\233x\r\n' \
		>>"$spool/$second.envelope.bad"
	list --mailq
	refute_output --partial $'\033'
	refute_output --partial $'\302\233'
}

@test "what is not ours is not listed" {
	touch "$spool/emailrelay.1.2.3.envelope.old" "$spool/x.envelope" \
		"$spool/emailrelay.1.2.envelope" "$spool/emailrelay.1.2.3.4.envelope"
	ln -s "$first.envelope" "$spool/emailrelay.7.7.7.envelope"
	list --sender='*' -q
	ids $first $second $third $fourth $fifth
}

@test "more messages than fit into a window" {
	local i
	rm "$spool"/*
	for ((i = 0; i < 20100; i++)); do
		echo "emailrelay.1.$i.1.envelope"
	done | (cd "$spool" && xargs touch)
	spool-list -q -s "$spool" >"$BATS_TEST_TMPDIR/ids"
	run sh -c 'sort -u "$1" | wc -l' - "$BATS_TEST_TMPDIR/ids"
	assert_output 20100
	head -n 20000 "$BATS_TEST_TMPDIR/ids" | sort -t. -k3,3n -C
}

@test "a reader who has seen enough" {
	run bash -c 'set -o pipefail; spool-list -q -s "$1" | head -n 1' - "$spool"
	assert_output $first
}

@test "no spool is 66; one form of output at a time" {
	run spool-list -s "$spool/none"
	assert_failure 66
	list -q --json
	assert_failure 64
}

# On stdout there is nobody who reads for a while.
slow_reader='exec 3>&1; spool-list --json -s "$0" 2>&4 | { sleep 1.5; cat >&3; }'
many() {
	perl -e 'chdir shift; my $f = shift; for my $n (1 .. 3000) {
		for my $end ("content", "envelope") {
			link "$f.$end", "emailrelay.5.500.$n.$end" or die } }' \
		"$spool" "$first"
}

@test "a person is shown how far it is, if that takes long" {
	command -v python3 >/dev/null || skip "no python3"
	many
	on_terminal bash -c "exec 4>&2; $slow_reader" "$spool"
	[ "$status" = 0 ]
	grep -aqE $'\r\033\\[K[0-9]+ messages, [0-9]+/s' "$shown" ||
		fail "$(cat -v "$shown")"
	# and it does not stay
	[[ $(cat "$shown") = *$'\r\033[K' ]]
	[ "$(wc -l <"$shown.out")" = 3005 ]
	# nothing of the kind for a short list, nor where it would be in the list
	on_terminal spool-list -q -s "$spool"
	[ ! -s "$shown" ]
	stdout=terminal on_terminal spool-list -q -s "$spool"
	run ! grep -aq $'\033' "$shown"
	on_terminal bash -c "exec 4>'$BATS_TEST_TMPDIR/err'; $slow_reader" "$spool"
	[ ! -s "$shown" ] && [ ! -s "$BATS_TEST_TMPDIR/err" ]
}

@test "on the same terminal, too, as long as nothing is printed there" {
	command -v python3 >/dev/null || skip "no python3"
	strace -qq -o /dev/null true 2>/dev/null || skip "strace cannot trace here"
	local slow="strace -qq -o /dev/null -e trace=getdents64 -e inject=getdents64:delay_enter"
	many
	rm "$spool"/*.busy
	printf x >"$spool/emailrelay.9.9.9.content"
	touch -d '2 days ago' "$spool/emailrelay.9.9.9.content"
	stdout=terminal on_terminal $slow=150000 spool-list -q --state=bad -s "$spool"
	[ "$status" = 0 ]
	grep -aqE $'\r\033\\[K[0-9]+ messages, [0-9]+/s' "$shown" || fail "$(cat -v "$shown")"
	stdout=terminal on_terminal $slow=300000 spool-check --dry-run -s "$spool"
	grep -aqE $'\r\033\\[K[0-9]+ files, [0-9]+/s' "$shown" || fail "$(cat -v "$shown")"
	# what is found stands at the start of a line that was wiped
	grep -aqE $'(^|\033\\[K)emailrelay.9.9.9 text' "$shown" || fail "$(cat -v "$shown")"
	stdout=terminal on_terminal $slow=150000 spool-metrics -s "$spool"
	grep -aqE $'\r\033\\[K[0-9]+ messages, [0-9]+/s' "$shown" || fail "$(cat -v "$shown")"
	grep -aqE $'\033\\[K# HELP sluice_build_info' "$shown"
}
