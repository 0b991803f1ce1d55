#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# notify: what happens to the spool, as it happens.
load helper
load send
load admin

setup() {
	prepare
	more=--no-syslog
	heard=$BATS_TEST_TMPDIR/heard
}
teardown() {
	exec 5>&- 6>&-
	stop_all
}

# Watch by a connection, the answers in $heard; ready when it is told so.
watch() {
	listen admin-cmd $me --spool-dir="$spool" --no-syslog
	watcher=$pid
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	printf 'notify\r\n' >&5
	cat <&5 >"$heard" 3>&- &
	wait_until grep -q "$ask" "$heard"
}
# The events up to now, one a line, without EVENT.
events() { tr -d '\r' <"$heard" | sed -n 's/^EVENT: //p'; }
heard() { events | grep -qxF "$1"; }
wait_for() { wait_until heard "$1"; }
# in_order EVENT...: exactly these have come.
in_order() {
	diff <(printf '%s\n' "$@") <(events) || fail "heard: $(events)"
}
connected() { pgrep -P "$watcher" >/dev/null; }
is_alone() { ! connected; }

@test "the form of an event" {
	watch
	receive
	wait_for 'network: in: end'
	cmp <(printf '%s' "$ask"; printf '\r\nEVENT: %s\r\n' 'network: in: start' \
		'store: update: ' 'network: in: end') "$heard"
}

@test "a message that is forwarded" {
	serve
	local server=$port
	post 1
	watch
	port=$server forward
	exits 0
	wait_for 'forward: end: '
	# a connection can be told a little before what came before it
	diff <(printf '%s\n' 'forward: start: ' "client: sending: $(id 1)" \
		'client: done: ' 'store: update: ' 'forward: end: ') \
		<(events | grep -vE '^network|connect')
	diff <(printf '%s\n' 'forward: start: ' \
		"client: connecting: 127.0.0.1:$server" \
		"client: connected: 127.0.0.1:$server 127.0.0.1" \
		'client: done: ' 'store: update: ' 'forward: end: ') \
		<(events | grep -vE '^network|sending')
	diff <(printf '%s\n' 'forward: start: ' 'network: out: start' \
		'network: out: end' 'forward: end: ') \
		<(events | grep -E '^(forward|network)')
}

@test "a message that is refused, and one that is put off" {
	serve --reply 'RCPT:1=550 5.1.1 nobody here' --reply 'RCPT:2=450 4.2.0 later'
	local server=$port
	post 1 2
	watch
	port=$server forward --poll=0
	wait_for 'poll: end: '
	heard 'poll: start: '
	[ "$(events | grep -c '^client: sending: ')" = 2 ]
	events | grep -q '^client: failed: .*nobody here'
	events | grep -q '^client: failed: .*later'
	[ "$(events | grep -c '^store: update: ')" = 1 ]
}

@test "nobody there: the message is let go of again" {
	post 1
	watch
	port=9 forward
	wait_for 'forward: end: '
	diff <(printf '%s\n' 'forward: start: ' "client: sending: $(id 1)" \
		'forward: end: ') <(events | grep -v connect)
	[ "$(events | grep -c connect)" = 1 ]
	heard 'client: connecting: 127.0.0.1:9'
}

@test "a run that is left to another one" {
	# somebody waits already, behind one that runs
	post 1
	: >"$spool/.forward.lock"
	perl -e 'use Fcntl; open my $f, "+<", shift or die;
		my $l = pack "s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0;
		fcntl($f, F_SETLK, $l) or die; $| = 1;
		print "locked\n"; sleep 1000' "$spool/.forward.lock" \
		>"$BATS_TEST_TMPDIR/locked" 3>&- &
	local locker=$!
	wait_until grep -q locked "$BATS_TEST_TMPDIR/locked"
	watch
	smtp-send $me --spool-dir="$spool" --no-syslog --poll=0 \
		--forward-to=127.0.0.1:9
	wait_for 'poll: busy: '
	receive 1 --poll=0 --forward-to=127.0.0.1:9
	wait_until eval '[ "$(events | grep -c "^poll: busy: ")" = 2 ]'
	kill "$locker"
	run ! heard 'poll: start: '
}

@test "a filter that asks for a run" {
	printf '#!/bin/sh\nexit 103\n' >"$BATS_TEST_TMPDIR/filter"
	chmod 755 "$BATS_TEST_TMPDIR/filter"
	watch
	receive 1 --filter="$BATS_TEST_TMPDIR/filter"
	wait_for 'network: in: end'
	in_order 'network: in: start' 'store: update: ' 'store: update: poll' \
		'network: in: end'
}

@test "what others do to the spool: retry, hold, remove" {
	post 1 2
	mv "$spool/$(id 1).envelope" "$spool/$(id 1).envelope.bad"
	watch
	spool-retry --spool-dir="$spool" "$(id 1)"
	wait_for 'store: update: '
	mv "$spool/$(id 2).envelope" "$spool/$(id 2).envelope.hold"
	rm "$spool/$(id 1).envelope"
	touch "$spool/foreign" "$spool/$(id 3).content"
	rm "$spool/foreign"
	spool-submit --spool-dir="$spool" x@b.test <<<hello
	wait_until eval '[ "$(events | wc -l)" -ge 4 ]'
	in_order 'store: update: ' 'store: update: ' 'store: update: ' \
		'store: update: '
}

@test "commands are answered between the events" {
	watch
	printf 'version\r\n' >&5
	wait_until grep -q '^E-MailRelay> 0.1' "$heard"
	receive
	wait_for 'network: in: end'
	printf 'list\r\nnotify\r\n' >&5
	wait_until grep -q '^emailrelay\.' "$heard"
	receive
	wait_until eval '[ "$(events | grep -c "network: in: end")" = 2 ]'
	[ "$(events | grep -c 'store: update: ')" = 2 ]
}

@test "flush and notify in one conversation" {
	serve
	post 1
	run "$BATS_TEST_DIRNAME/talk" -k admin-cmd $me --spool-dir="$spool" \
		--no-syslog --forward-to="127.0.0.1:$port" \
		<<<$'notify\r\nflush\r\nquit\r'
	assert_output --partial $'\r\nEVENT: network: out: start\r\n'
	assert_output --partial $'\r\nEVENT: client: done: \r\n'
	assert_output --partial $'OK\r'
}

@test "it ends when the client goes" {
	watch
	connected
	exec 5>&-
	pkill -P $$ -x cat || true
	wait_until is_alone
}

@test "it ends when the client says quit" {
	watch
	printf 'quit\r\n' >&5
	wait_until is_alone
}

@test "a client that is silent is not hung up on while it watches" {
	listen admin-cmd $me --spool-dir="$spool" --no-syslog --idle-timeout=1
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	printf 'notify\r\n' >&5
	run timeout 2.5 cat <&5
	assert_failure 124
	receive
	run timeout 5 head -n 2 <&5
	assert_output --partial 'EVENT: network: in: start'
}

@test "a client that does not read is hung up on, and mail goes on" {
	listen admin-cmd $me --spool-dir="$spool" --no-syslog --idle-timeout=1
	watcher=$pid
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	printf 'notify\r\n' >&5
	wait_until connected
	post 1
	local names
	names=$spool/$(id 1).envelope
	# no process for each: a flood of renames by one
	wait_until flood_until_alone "$names"
	receive
	[ "$(spooled | wc -l)" -ge 1 ]
}
flood_until_alone() {
	perl -e 'my $f = shift; $f =~ s/\.hold$//;
		for (1 .. 20000) {
			rename $f, "$f.hold";
			rename "$f.hold", $f
		}' "$1"
	is_alone
}

@test "events that were lost are said to be lost" {
	watch
	post 1
	local child
	# who is in the sandbox
	child=$(pgrep -P "$(pgrep -P "$watcher")")
	kill -STOP "$child"
	perl -e 'my $f = shift; for (1 .. 20000) {
		rename $f, "$f.hold"; rename "$f.hold", $f }' \
		"$spool/$(id 1).envelope"
	kill -CONT "$child"
	wait_for 'notify: lost: too many events at once'
	receive
	wait_for 'network: in: end'
}

@test "by hand, until the reader has gone" {
	setsid admin-cmd $me --spool-dir="$spool" notify >"$heard" 3>&- &
	pids+=($!)
	local it=$!
	wait_until eval "ls -l /proc/$it/fd | grep -q inotify"
	receive
	wait_for 'network: in: end'
	cmp <(printf 'EVENT: %s\n' 'network: in: start' 'store: update: ' \
		'network: in: end') "$heard"
	kill "$it"
	run timeout 20 bash -c "admin-cmd $me --spool-dir='$spool' notify | true"
	assert_success
}

@test "the counters' file is watched again when somebody has removed it" {
	receive
	watch
	local n
	# somebody keeps the first one open
	exec 6<"$spool/.counters"
	for n in 1 2 3; do
		rm "$spool/.counters"
		receive
		wait_until eval '[ "$(events | grep -c "^network: in: end")" = '$n' ]'
		[ "$(events | grep -c '^network: in: start')" = $n ]
	done
}

@test "a spool that is removed, or moved away, ends it" {
	local n
	for n in 1 2; do
		setsid admin-cmd $me --spool-dir="$spool" --no-syslog notify \
			>"$heard" 2>&1 3>&- &
		pids+=($!)
		local it=$!
		wait_until eval "ls -l /proc/$it/fd | grep -q inotify"
		[ $n = 2 ] || receive
		[ $n = 2 ] || wait_for 'network: in: end'
		if [ $n = 1 ]; then
			rm -r "$spool"
		else
			mv "$spool" "$spool.old"
		fi
		wait_until eval "! kill -0 $it 2>/dev/null"
		local code=0
		wait "$it" || code=$?
		[ "$code" = 66 ]
		grep -q 'is not there any more' "$heard"
		mkdir "$spool"
	done
}

@test "watching makes no files" {
	watch
	[ -z "$(ls -A "$spool")" ]
	receive
	wait_for 'network: in: end'
	heard 'network: in: start'
}

@test "a counter that jumps is no flood" {
	receive
	watch
	printf '\377\377\377\377\377\377\377\177' |
		dd of="$spool/.counters" bs=8 seek=2 conv=notrunc status=none
	receive
	wait_for 'network: in: end'
	[ "$(events | wc -l)" -lt 20 ]
}
