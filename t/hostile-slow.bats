# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# smtp-recv: clients that are slow or deaf. More of them in t/hostile.bats.
load recv

setup() {
	prepare
	mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
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

@test "who reads nothing and hangs up" {
	printf %b "$hello$(times 900 NOOP '\r\n' | tr -d '\n')${start}DATA\r\nx\r\n" |
		(smtp-recv $me --spool-dir="$spool"; echo $? >&2) \
			2>"$BATS_TEST_TMPDIR/status" | true
	[ "$(cat "$BATS_TEST_TMPDIR/status")" = 0 ]
	nothing_left
}
