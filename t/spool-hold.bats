#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# spool-hold and spool-remove
load helper

a=emailrelay.1.100.1 b=emailrelay.1.100.2 c=emailrelay.1.100.3

setup() {
	prepare
	for id in $a $b $c; do
		place $id me@a.test you@b.test <<<"x"
	done
}
hold() { run spool-hold --spool-dir="$spool" "$@"; }
remove() { run spool-remove --spool-dir="$spool" "$@"; }
files() { (cd "$spool" && echo *); }

@test "what is on hold is not sent; what is released is" {
	hold $a $b
	assert_success
	assert_output "$a
$b"
	assert_equal "$(spooled hold | paste -sd' ')" "$a $b"
	assert_equal "$(spooled)" $c
	hold --release $b
	assert_success
	assert_output $b
	assert_equal "$(spooled | paste -sd' ')" "$b $c"
}

@test "what is so already goes on down the pipe" {
	hold $a
	hold $a
	assert_success
	assert_output $a
	hold --release $b
	assert_success
	assert_output $b
}

@test "a message that is named, and why it cannot be held, released, removed" {
	for state in new busy bad local; do
		mv "$spool/$a.envelope" "$spool/$a.envelope.$state"
		case $state in
		new) why="has not been received yet" expected=75 ;;
		busy) why="is being forwarded right now" expected=75 ;;
		bad) why="was given up" expected=69 ;;
		local) why="is a copy for local recipients" expected=69 ;;
		esac
		for option in '' --release; do
			hold $option $a
			assert_failure $expected
			assert_output "spool-hold: $a: $why"
		done
		case $state in
		new | busy)
			remove $a
			assert_failure $expected
			assert_output "spool-remove: $a: $why"
			;;
		esac
		assert_file_exists "$spool/$a.envelope.$state"
		mv "$spool/$a.envelope.$state" "$spool/$a.envelope"
	done
	hold $b
	run spool-retry --spool-dir="$spool" $b
	assert_failure 69
	assert_output "spool-retry: $b: is on hold"
}

@test "--all, to and fro" {
	mv "$spool/$c.envelope" "$spool/$c.envelope.bad"
	hold --all
	assert_output "$a
$b"
	hold --all
	assert_output ""
	hold --release --all
	assert_output "$a
$b"
	assert_equal "$(spooled bad)" $c
}

@test "in a pipe: all mail from one sender" {
	place $b spam@a.test you@b.test <<<"x"
	run bash -c 'spool-list -q --sender=spam@* -s "$1" |
		spool-hold -s "$1" - | spool-remove -s "$1" -' - "$spool"
	assert_success
	assert_output $b
	assert_equal "$(files)" \
		"$a.content $a.envelope $c.content $c.envelope"
}

@test "what was given up, or is in other hands, is left alone" {
	mv "$spool/$a.envelope" "$spool/$a.envelope.bad"
	hold $a
	assert_failure 69
	assert_output --partial "$a: was given up"
	mv "$spool/$b.envelope" "$spool/$b.envelope.busy"
	hold $b
	assert_failure 75
	assert_output --partial "$b: is being forwarded right now"
	remove $b
	assert_failure 75
	run flock "$spool/$c.envelope" spool-hold -s "$spool" $c
	assert_failure 75
	run flock "$spool/$c.envelope" spool-remove -s "$spool" $c
	assert_failure 75
	assert_output --partial "$c: is in somebody else's hands"
	assert_file_exists "$spool/$c.content"
}

@test "removed: ready, bad and on hold, with their texts" {
	mv "$spool/$a.envelope" "$spool/$a.envelope.bad"
	mv "$spool/$b.envelope" "$spool/$b.envelope.hold"
	remove $a $b $c
	assert_success
	assert_output "$a
$b
$c"
	assert_equal "$(files)" "*"
}

@test "the text stays while a local copy needs it" {
	cp "$spool/$a.envelope" "$spool/$a.envelope.local"
	remove $a
	assert_success
	assert_equal "$(cd "$spool" && echo $a.*)" "$a.content $a.envelope.local"
	remove $a
	assert_success
	assert_equal "$(cd "$spool" && ls | grep -c "$a")" 0
}

@test "the text stays while an envelope in a sub-directory needs it" {
	mkdir "$spool/fred"
	cp "$spool/$a.envelope" "$spool/fred"
	remove $a $b
	assert_success
	assert_file_exists "$spool/$a.content"
	assert_file_not_exists "$spool/$b.content"
}

@test "of what is not there it is said so, and the others are removed" {
	remove emailrelay.9.9.9 $a
	assert_failure 66
	assert_line --partial "no such message"
	assert_line $a
	remove nonsense
	assert_failure 65
	remove </dev/null
	assert_failure 64
	hold </dev/null
	assert_failure 64
	hold --all $b
	assert_failure 64
	assert_equal "$(spooled | paste -sd' ')" "$b $c"
}

@test "a thousand are removed in a moment, in one pass" {
	local i calls=$BATS_TEST_TMPDIR/calls
	command -v strace >/dev/null || skip "no strace"
	for ((i = 0; i < 1000; i++)); do
		ln "$spool/$a.content" "$spool/emailrelay.2.100.$i.content"
		cp "$spool/$a.envelope" "$spool/emailrelay.2.100.$i.envelope"
	done
	spool-list -q -s "$spool" |
		strace -c -o "$calls" spool-remove -s "$spool" - >/dev/null
	assert_equal "$(files)" "*"
	[ "$(awk '$NF == "getdents64" { print $4 }' "$calls")" -lt 20 ]
}
