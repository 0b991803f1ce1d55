# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# smtp-recv: clients that are slow, deaf, or gone.
load recv

setup() {
	prepare
	mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
}

# until_tired TEXT: the session that follows from TEXT and then nothing.
until_tired() {
	local before=$EPOCHSECONDS
	exec 5<>"$BATS_TEST_TMPDIR/in"
	printf %b "$1" >&5
	run smtp-recv $me --spool-dir="$spool" --domain=mx.test --idle-timeout=1 \
		<"$BATS_TEST_TMPDIR/in" 5>&-
	exec 5>&-
	output=${output//$'\r'/} lines=("${lines[@]//$'\r'/}")
	assert_success
	[ "${lines[-1]}" = "421 4.4.2 timed out, closing connection" ]
	((EPOCHSECONDS - before < 10))
	nothing_left
}

@test "silence is answered with 421, at any stage" {
	until_tired ''
	codes 220 421
	until_tired "${hello}NO"
	codes 220 250 421
	until_tired "${upto_data}some text\r\n."
	codes 220 250 250 250 354 421
	until_tired "${hello}${start}BDAT 100\r\nsome text"
	codes 220 250 250 250 421
	until_tired "${hello}BDAT 100 LAST\r\nsome text"
	codes 220 250 421
}

@test "a command has to come within the time, not each of its octets" {
	local before=$EPOCHSECONDS drip
	exec 5<>"$BATS_TEST_TMPDIR/in" 6<>"$BATS_TEST_TMPDIR/out"
	(while printf N >&5; do read -rt 0.1 <&6 || :; done) 2>/dev/null 3>&- &
	drip=$!
	run smtp-recv $me --spool-dir="$spool" --domain=mx.test --idle-timeout=1 \
		<"$BATS_TEST_TMPDIR/in" 5>&- 6>&-
	kill $drip
	exec 5>&- 6>&-
	output=${output//$'\r'/}
	codes 220 421
	((EPOCHSECONDS - before < 10))
}

@test "who does not read what we say is left" {
	local before=$EPOCHSECONDS
	exec 6<>"$BATS_TEST_TMPDIR/out"
	run bash -c 'yes "VRFY $(printf %0400d 0)"$'"'\r'"' |
		smtp-recv "$@" >"$0"' "$BATS_TEST_TMPDIR/out" \
		$me --spool-dir="$spool" --domain=mx.test --idle-timeout=1 6>&-
	exec 6>&-
	assert_success
	((EPOCHSECONDS - before < 15))
}

@test "who vanishes leaves nothing, wherever it was" {
	local all n i
	all=$(printf %b "$hello${start}BDAT 3\r\nabcRSET\r\n${start}DATA\r\nsome text\r\n.\r"; echo x)
	all=${all%x}
	n=${#all}
	for ((i = 1; i <= n; i++)); do
		smtp-recv $me --spool-dir="$spool" >/dev/null \
			< <(printf %s "${all:0:i}") || fail "after $i octets"
		nothing_left
	done
	((n > 120))
}

@test "who resets the connection leaves nothing, or a whole message" {
	local all i id
	all=$(printf %b "${upto_data}some text\r\n.\r\n"; echo x)
	all=${all%x}
	for i in 1 5 13 30 60 65 72 74 "${#all}"; do
		printf %s "${all:0:i}" |
			talk -4 -r smtp-recv $me --spool-dir="$spool" >/dev/null ||
			fail "after $i octets"
		for id in $(spooled); do
			((i == ${#all}))
			[ "$(content "$id" | tail -n +2)" = "some text" ]
			rm "$spool/$id".*
		done
		nothing_left
	done
}

@test "who reads nothing and hangs up" {
	printf %b "$hello$(times 900 NOOP '\r\n' | tr -d '\n')${start}DATA\r\nx\r\n" |
		(smtp-recv $me --spool-dir="$spool"; echo $? >&2) \
			2>"$BATS_TEST_TMPDIR/status" | true
	[ "$(cat "$BATS_TEST_TMPDIR/status")" = 0 ]
	nothing_left
}
