#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
load helper

a=emailrelay.1.100.1 b=emailrelay.1.100.2

setup() {
	prepare
	place $a me@a.test you@b.test <<<"x"
}
check() { run spool-check --spool-dir="$spool" "$@"; }
age() { touch -d '2 days ago' "$@"; }
files() { (cd "$spool" && find . -type f -printf '%P\n' | sort | paste -sd' '); }
all_is_well() {
	assert_success
	assert_output ""
}

@test "nothing to say of a healthy spool" {
	place $b me@a.test you@b.test <<<"x"
	age "$spool"/*
	for state in .bad .hold .local; do
		place emailrelay.1.200.1 me@a.test you@b.test <<<"x"
		mv "$spool/emailrelay.1.200.1.envelope" \
			"$spool/emailrelay.1.200.1.envelope$state"
		age "$spool"/*
		check
		all_is_well
		rm "$spool"/emailrelay.1.200.1.*
	done
	assert_equal "$(files)" "$a.content $a.envelope $b.content $b.envelope"
}

@test "a busy message whose forwarder has died is ready again" {
	mv "$spool/$a.envelope" "$spool/$a.envelope.busy"
	check --dry-run
	assert_success
	assert_output "$a busy, but nobody is at work on it: would become ready"
	assert_equal "$(spooled busy)" $a
	check
	assert_success
	assert_output "$a busy, but nobody is at work on it: ready again"
	assert_equal "$(spooled)" $a
}

@test "a busy message whose forwarder lives is left alone" {
	mv "$spool/$a.envelope" "$spool/$a.envelope.busy"
	run flock "$spool/$a.envelope.busy" spool-check -s "$spool"
	all_is_well
	assert_equal "$(spooled busy)" $a
}

@test "an old text without an envelope is removed" {
	rm "$spool/$a.envelope"
	check
	all_is_well
	age "$spool/$a.content"
	check --dry-run
	assert_success
	assert_output "$a text without an envelope: would be removed"
	assert_file_exists "$spool/$a.content"
	check --age=3d
	all_is_well
	check
	assert_success
	assert_output "$a text without an envelope: removed"
	assert_equal "$(files)" ""
}

@test "a text that is being written is left alone, however old" {
	rm "$spool/$a.envelope"
	age "$spool/$a.content"
	run flock "$spool/$a.content" spool-check -s "$spool"
	all_is_well
	assert_file_exists "$spool/$a.content"
}

@test "a text that a local copy does not need is removed, one that it needs is not" {
	mv "$spool/$a.envelope" "$spool/$a.envelope.local"
	age "$spool"/*
	check
	all_is_well
	cp -p "$spool/$a.content" "$spool/$a.content.local"
	check
	assert_output "$a text without an envelope: removed"
	assert_equal "$(files)" "$a.content.local $a.envelope.local"
	check
	all_is_well
}

@test "a text whose envelope is in a sub-directory is left alone" {
	mkdir "$spool/bob" "$spool/joe"
	mv "$spool/$a.envelope" "$spool/joe"
	age "$spool/$a.content"
	check
	all_is_well
	rm "$spool/joe/$a.envelope"
	check
	assert_output "$a text without an envelope: removed"
}

@test "a sub-directory that may not be looked into could have it" {
	[ "$(id -u)" != 0 ] || skip "root may look into all"
	mkdir "$spool/bob"
	mv "$spool/$a.envelope" "$spool/bob"
	age "$spool/$a.content"
	chmod 0 "$spool/bob"
	check
	chmod 700 "$spool/bob"
	assert_file_exists "$spool/$a.content"
}

@test "an old unfinished message is removed, envelope and text" {
	mv "$spool/$a.envelope" "$spool/$a.envelope.new"
	check
	all_is_well
	age "$spool"/*
	run flock "$spool/$a.content" spool-check -s "$spool"
	all_is_well
	check --dry-run
	assert_output "$a never finished, and its writer is gone: would be removed"
	check
	assert_success
	assert_output "$a never finished, and its writer is gone: removed"
	assert_equal "$(files)" ""
}

@test "an unfinished envelope without a text is removed" {
	mv "$spool/$a.envelope" "$spool/$a.envelope.new"
	rm "$spool/$a.content"
	age "$spool"/*
	check
	assert_success
	assert_equal "$(files)" ""
}

@test "an envelope nobody can read needs a person" {
	printf 'junk\r\n' >"$spool/$a.envelope"
	check
	assert_failure 65
	assert_output "$a ready envelope is damaged (format error: Format): left for you to see to"
	assert_equal "$(files)" "$a.content $a.envelope"
}

@test "an envelope without a text needs a person" {
	rm "$spool/$a.content"
	check
	assert_failure 65
	assert_output "$a ready envelope without a text: left for you to see to"
}

@test "what is not ours is left alone" {
	rm "$spool"/*
	touch "$spool/notes.txt" "$spool/emailrelay.1.2.content" \
		"$spool/emailrelay.1.2.3.content.bak"
	mkdir "$spool/emailrelay.5.5.5.content"
	mkfifo "$spool/emailrelay.6.6.6.content"
	ln -s notes.txt "$spool/emailrelay.7.7.7.content"
	age "$spool"/*
	touch -h -d '2 days ago' "$spool/emailrelay.7.7.7.content"
	check
	all_is_well
	run sh -c 'ls "$1" | wc -l' - "$spool"
	assert_output 6
}

@test "nothing that is younger than a minute is litter" {
	check --age=59
	assert_failure 64
	check --age=1m
	all_is_well
	check extra
	assert_failure 64
	run spool-check -s "$spool/none"
	assert_failure 66
}

@test "messages that move about all the time are never taken for litter" {
	local i
	for i in 2 3 4 5 6 7 8; do
		place emailrelay.1.100.$i me@a.test you@b.test <<<"x"
	done
	age "$spool"/*
	(
		cd "$spool" || exit
		while [ -d . ] && [ ! -e stop ]; do
			for i in 1 2 3 4 5 6 7 8; do
				mv emailrelay.1.100.$i.envelope emailrelay.1.100.$i.envelope.hold
				mv emailrelay.1.100.$i.envelope.hold emailrelay.1.100.$i.envelope
			done
		done
	) 3>&- &
	for ((i = 0; i < 100; i++)); do
		spool-check -s "$spool"
	done
	touch "$spool/stop"
	wait
	run sh -c 'ls "$1"/*.content | wc -l' - "$spool"
	assert_output 8
}
