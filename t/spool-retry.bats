#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
load helper
load send

a=emailrelay.1.100.1 b=emailrelay.1.100.2 c=emailrelay.1.100.3

setup() {
	prepare
	for id in $a $b $c; do
		place $id me@a.test you@b.test <<<"x"
	done
}
retry() { run spool-retry --spool-dir="$spool" "$@"; }
fail_for_good() {
	mv "$spool/$1.envelope" "$spool/$1.envelope.bad"
	printf 'X-MailRelay-Reason: %s\r\nX-MailRelay-ReasonCode: 550\r\n' \
		"$2" >>"$spool/$1.envelope.bad"
}
put_off() {
	printf 'X-Sluice-Deferred: 4 4102444800 %s\r\n' "$2" \
		>>"$spool/$1.envelope"
	touch -d 2100-01-01 "$spool/$1.envelope"
}
is_due() { [ "$(stat -c %Y "$spool/$1.envelope")" -le "$(date +%s)" ]; }

@test "what was given up is ready again, with its reasons" {
	fail_for_good $a "no such user"
	retry $a
	assert_success
	assert_output $a
	assert_equal "$(spooled | paste -sd' ')" "$a $b $c"
	run envelope $a
	assert_line "X-MailRelay-Reason: no such user"
}

@test "what was put off is due at once, with its tries and its reason" {
	put_off $b 'a \\ b'
	retry $b
	assert_success
	assert_output $b
	is_due $b
	run envelope $b
	assert_line --index -1 'X-Sluice-Deferred: 4 0 a \\ b'
	run spool-list --json -s "$spool" $b
	assert_output --partial '"tries":4,"next_try":null'
}

@test "what was put off and then given up is due at once, too" {
	put_off $b later
	fail_for_good $b never
	touch -d 2100-01-01 "$spool/$b.envelope.bad"
	retry $b
	assert_success
	is_due $b
	run spool-list --json -s "$spool" $b
	assert_output --partial '"state":"ready"'
	assert_output --partial '"next_try":null,"reason":"never"'
}

@test "what is ready and due needs nothing, but goes on down the pipe" {
	local before
	before=$(md5sum "$spool/$c.envelope")
	retry $c
	assert_success
	assert_output $c
	assert_equal "$(md5sum "$spool/$c.envelope")" "$before"
}

@test "--all is about those that were given up or put off" {
	fail_for_good $a no
	put_off $b later
	retry --all
	assert_success
	assert_output "$a
$b"
	is_due $b
	retry --all
	assert_success
	assert_output ""
}

@test "ids from stdin" {
	fail_for_good $a no
	fail_for_good $b no
	run bash -c 'spool-list -q --state=bad -s "$1" | spool-retry -s "$1" -' \
		- "$spool"
	assert_success
	assert_output "$a
$b"
	assert_equal "$(spooled bad)" ""
}

@test "ids from a pipe or a file, without saying so" {
	fail_for_good $a no
	fail_for_good $b no
	run bash -c 'spool-list -q --state=bad -s "$1" | spool-retry -s "$1"' \
		- "$spool"
	assert_success
	assert_output "$a
$b"
	assert_equal "$(spooled bad)" ""
	fail_for_good $c no
	echo $c >"$BATS_TEST_TMPDIR/ids"
	retry <"$BATS_TEST_TMPDIR/ids"
	assert_success
	assert_output $c
	# nothing to be done is no error
	retry < <(true)
	assert_success
	assert_output ""
}

@test "the lines of spool-list, and what grep leaves of them, are as good as ids" {
	local long
	long=$(printf 'x%.0s' {1..60})@$(printf 'y%.0s' {1..60}).$(printf 'z%.0s' {1..60})
	long=$long.$(printf 'z%.0s' {1..60}).test
	place $b $long $long <<<x
	fail_for_good $a no
	fail_for_good $b no
	run bash -c 'spool-list -s "$1" | grep -v "$2" | spool-retry -s "$1"' \
		- "$spool" $c
	assert_success
	assert_output "$a
$b"
	run spool-retry -s "$spool" < <(printf '  %s \tx' $c)
	assert_output $c
	run spool-retry -s "$spool" < <(echo "x $c")
	assert_failure 65
}

@test "the pipeline: what was given up for one domain is sent again" {
	place $b me@a.test Somebody@Other.test <<<"the one"
	place $c me@a.test third@b.test fourth@other.test <<<"another one"
	fail_for_good $a no
	fail_for_good $b no
	fail_for_good $c no
	serve
	run --separate-stderr bash -c 'set -o pipefail
		spool-list -q --state=bad --recipient="*@other.test" -s "$1" |
		spool-retry -s "$1" |
		smtp-send '"$me"' -s "$1" --no-syslog --report \
			--forward-to="127.0.0.1:$2" -' - "$spool" "$port"
	assert_success
	assert_equal "$(cut -d" " -f1,2 <<<"$output")" "$b sent
$c sent"
	assert_equal "$(spooled bad)" $a
	assert_equal "$(spooled)" ""
	grep -qi 'RCPT TO:<Somebody@Other.test>' "$said"
	run ! grep -q you@b.test "$said"
}

@test "what is being forwarded is left alone" {
	mv "$spool/$a.envelope" "$spool/$a.envelope.busy"
	retry $a
	assert_failure 75
	assert_output --partial "$a: is being forwarded right now"
	assert_file_exists "$spool/$a.envelope.busy"
	put_off $b later
	run flock "$spool/$b.envelope" spool-retry --spool-dir="$spool" $b
	assert_failure 75
	run envelope $b
	assert_line --index -1 'X-Sluice-Deferred: 4 4102444800 later'
}

@test "what is on hold stays so" {
	mv "$spool/$a.envelope" "$spool/$a.envelope.hold"
	retry $a
	assert_failure 69
	assert_output --partial "on hold"
	assert_equal "$(spooled hold)" $a
}

@test "one that cannot be done does not keep the others from it" {
	fail_for_good $c no
	retry emailrelay.9.9.9 $c
	assert_failure 66
	assert_line --partial "no such message: emailrelay.9.9.9"
	assert_line $c
	assert_equal "$(spooled bad)" ""
	retry nonsense $c
	assert_failure 65
}

@test "a damaged one that was given up is ready again, too" {
	echo junk >"$spool/$a.envelope"
	mv "$spool/$a.envelope" "$spool/$a.envelope.bad"
	retry $a
	assert_success
	assert_equal "$(spooled | head -n 1)" $a
}

@test "either ids or --all" {
	retry </dev/null
	assert_failure 64
	retry --all $a
	assert_failure 64
	run spool-retry -s "$spool/none" --all
	assert_failure 66
}
