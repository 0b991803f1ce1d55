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

# dripping SPEED TEXT OPTION...: the session of somebody who goes on behind TEXT
# with an octet now and then. So many seconds of it are one of ours.
dripping() {
	local speed=$1 text=$2 before=$EPOCHSECONDS drip
	shift 2
	needs faketime
	[[ $build != *static* ]] || skip "not this build"
	[[ $build != *asan* ]] || skip "not this build"
	exec 5<>"$BATS_TEST_TMPDIR/in" 6<>"$BATS_TEST_TMPDIR/out"
	printf %b "$text" >&5
	(while printf x >&5; do read -rt 0.05 <&6 || :; done) 2>/dev/null 3>&- &
	drip=$!
	run --separate-stderr faketime -f "+0 x$speed" smtp-recv $me \
		--spool-dir="$spool" --domain=mx.test "$@" \
		<"$BATS_TEST_TMPDIR/in" 5>&- 6>&-
	kill $drip
	exec 5>&- 6>&-
	output=${output//$'\r'/}
	assert_success
	((EPOCHSECONDS - before < 10))
	nothing_left
}

@test "a text has to come with some speed" {
	dripping 300 "$upto_data"
	codes 220 250 250 250 354 421
	dripping 300 "$hello${start}BDAT 1000000\r\n"
	codes 220 250 250 250 421
}

@test "so has a chunk that is refused" {
	dripping 300 "${hello}BDAT 1000000\r\n"
	codes 220 250 421
}

@test "an hour without a message is enough" {
	dripping 3600 "$hello" --idle-timeout=86400
	codes 220 250 421
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
