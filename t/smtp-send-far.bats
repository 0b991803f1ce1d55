#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2086,SC2154
# A server that is far away: how often smtp-send waits for it. How long it
# takes is for t/bench/run.
load helper
load send

# sink [OPTIONS]: a server whose replies take a while.
sink() {
	start "$build/t/bench/sink" --away-ms 5 "$@"
	counts=$BATS_TEST_TMPDIR/start.$((${#pids[@]} - 1))
}
# counted WHAT: how many connections, messages or turns there were.
counted() {
	kill -TERM "$pid" 2>/dev/null || true
	wait_until grep -qs turns "$counts"
	sed -nE "s/.*\b([0-9]+) $1.*/\1/p" "$counts"
}
post_many() {
	local n e
	post 1
	e=$(<"$spool/$(id 1).envelope")
	for ((n = 2; n <= $1; n++)); do
		printf '%s\n' "${e//1@/$n@}" >"$spool/$(id $n).envelope"
		printf 'Subject: message %s\r\n\r\ntext\r\n' $n >"$spool/$(id $n).content"
	done
}

@test "200 messages: one connection, and two turns a message" {
	post_many 200
	sink
	forward
	exits 0
	[ "$(ls "$spool")" = "" ]
	[ "$(counted messages)" = 200 ]
	[ "$(counted connections)" = 1 ]
	# greeting and EHLO
	[ "$(counted turns)" = 402 ] || fail "$(cat "$counts")"
}
