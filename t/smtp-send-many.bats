#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Several smtp-send on one spool, and such as are killed.
# shellcheck disable=SC2030,SC2031,SC2154

load helper
load send

# sender [OPTIONS]: smtp-send in the background, its process id in $sender.
sender() {
	# shellcheck disable=SC2086
	smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog \
		--log --verbose "$@" </dev/null >>"$BATS_TEST_TMPDIR/senders" 2>&1 3>&- &
	sender=$!
	senders+=("$sender")
}
# post_many N: a spool of N messages, made faster than post does.
post_many() {
	local n e
	post 1
	e=$(<"$spool/$(id 1).envelope")
	for ((n = 2; n <= $1; n++)); do
		printf '%s\n' "${e//1@/$n@}" >"$spool/$(id $n).envelope"
		printf 'Subject: message %s\r\n\r\ntext\r\n' $n >"$spool/$(id $n).content"
	done
}
# Each of N messages has arrived exactly once, and the spool is empty.
each_once() {
	[ "$(ls "$spool")" = "" ] || fail "left: $(ls "$spool")"
	[ "$(subjects | tr ' ' '\n' | sort -n | paste -sd' ')" = "$(seq "$1" | paste -sd' ')" ] ||
		fail "$(subjects)"
}
# How many of the texts came more than once.
twice() { subjects | tr ' ' '\n' | sort | uniq -d | wc -l; }
# Each of N messages has arrived at least once.
none_lost() {
	[ "$(subjects | tr ' ' '\n' | sort -n -u | paste -sd' ')" = "$(seq "$1" | paste -sd' ')" ] ||
		fail "$(subjects)
$(ls "$spool")"
}
all_done() {
	local p
	for p in "${senders[@]}"; do
		wait "$p" || fail "a sender ended with $?: $(tail "$BATS_TEST_TMPDIR/senders")"
	done
	senders=()
}
needs_strace() {
	strace -f -o /dev/null true 2>/dev/null || skip "strace is not to be had, or may not trace"
}

@test "two at once: each of 200 messages goes once" {
	post_many 200
	serve
	sender
	sender
	all_done
	each_once 200
}

@test "four at once" {
	post_many 200
	serve --ehlo PIPELINING
	for _ in 1 2 3 4; do sender; done
	all_done
	each_once 200
}

@test "eight at once, of a server that refuses some for now and for good" {
	local n
	post_many 200
	serve --reply MAIL:20='451 4.3.0 later' --reply MAIL:50='550 5.7.1 no' \
		--reply MAIL:120='451 4.3.0 later'
	for n in 1 2 3 4 5 6 7 8; do sender; done
	for n in "${senders[@]}"; do wait "$n" || [ $? = 75 ] || [ $? = 69 ] || true; done
	[ "$(spooled | wc -l)" = 2 ]
	[ "$(spooled bad | wc -l)" = 1 ]
	[ "$(spooled busy)" = "" ]
	[ "$(arrived)" = 197 ]
	[ "$(twice)" = 0 ]
}

@test "eight at once that are killed all the time: nothing is lost, at most one copy a kill" {
	local kills=0 n p
	post_many 60
	serve --delay-ms 1 --ehlo PIPELINING
	for ((n = 0; n < 24; n++)); do
		senders=()
		for _ in 1 2; do sender; done
		# let it get to some place within the work, another one each time
		wait_until at_least $((n * 2 + 1))
		for p in "${senders[@]}"; do kill -9 "$p" 2>/dev/null && ((++kills)); done
		wait "${senders[@]}" 2>/dev/null || true
	done
	senders=()
	sender
	all_done
	none_lost 60
	[ "$(find "$spool" -name '*.envelope*')" = "" ] || fail "$(ls "$spool")"
	(($(arrived) <= 60 + kills)) || fail "$(arrived) arrived of 60 with $kills kills"
}
at_least() { (($(arrived) >= $1)) || [ "$(spooled)$(spooled busy)" = "" ]; }

@test "killed at each system call: nothing is lost" {
	needs_strace
	local call n runs=0
	serve
	for call in openat flock renameat2 newfstatat fstat read pread64 socket connect sendto \
		recvfrom poll unlinkat close exit_group; do
		for ((n = 1; ; n++)); do
			post 1 2
			rm -f "$got"/0*
			# shellcheck disable=SC2086
			run strace -f -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$n" \
				smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog
			[ "$status" != 0 ] || break
			[ "$status" = 137 ] || fail "$call $n: status $status: $output"
			((++runs))
			# whatever is left is one of the states that there are
			[ "$(find "$spool" -name 'emailrelay*' ! -name '*.content' ! -name '*.envelope' \
				! -name '*.envelope.busy')" = "" ]
			# shellcheck disable=SC2086
			smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog 2>/dev/null ||
				fail "$call $n: the run behind it failed"
			none_lost 2
			(($(arrived) <= 3)) || fail "$call $n: $(arrived) arrived"
			rm -f "$spool"/*.content
			[ "$(ls "$spool")" = "" ] || fail "$call $n: $(ls "$spool")"
		done
	done
	((runs >= 30)) || fail "only $runs kills: is this the list of its calls?"
}

@test "killed while it writes down why: the message and its journal stay whole" {
	needs_strace
	local call n reply runs=0
	for reply in 451 550; do
		serve --reply "MAIL=$reply 4.0.0 no"
		for call in write fsync utimensat renameat2 close; do
			for ((n = 1; ; n++)); do
				rm -f "$spool"/*
				post 1
				# shellcheck disable=SC2086
				run strace -f -o /dev/null -e trace="$call" \
					-e inject="$call:signal=KILL:when=$n" \
					smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog
				[ "$status" = 137 ] || break
				((++runs))
				kept 1
				forward "$(id 1)"
				case $reply in
				451) deferred 1 '[12]' '4.0.0 no' ;;
				550) given_up 1 'smtp client failure: 550 4.0.0 no' 550 ;;
				esac
			done
		done
	done
	((runs >= 10)) || fail "only $runs kills: is this the list of its calls?"
}

@test "SIGTERM and SIGINT: the message at hand is finished, the rest waits for the next run" {
	local sig
	for sig in TERM INT; do
		rm -f "$spool"/*
		post 1 2 3
		serve --delay-ms 150
		# not in the background of a shell that has it ignore SIGINT
		# shellcheck disable=SC2086
		start sh -c 'echo started; exec env --default-signal=INT "$@"' sh smtp-send $me \
			--spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog
		wait_until grep -qs '^DATA$' "$said"
		kill -$sig "$pid"
		status=0
		wait "$pid" || status=$?
		[ "$status" = 75 ] || fail "$sig: status $status"
		[ "$(states 3)" = "gone ready ready" ] || fail "$sig: $(states 3)"
		[ "$(subjects)" = 1 ]
		[ "$(said_times QUIT)" = 1 ]
	done
}

@test "--poll: what comes later is found, and SIGTERM ends the waiting" {
	serve
	sender --poll=1
	post 1
	wait_until has_arrived 1
	post 2
	wait_until has_arrived 2
	kill -TERM "$sender"
	all_done
	each_once 2
	# a connection is not kept while there is nothing to do
	[ "$(said_times QUIT)" = "$(said_times CONNECT)" ]
}
has_arrived() { (($(arrived) >= $1)) && [ "$(ls "$spool")" = "" ]; }

@test "--poll: SIGHUP means now" {
	serve
	post 1
	sender --poll=3600
	wait_until has_arrived 1
	post 2
	# the pause has begun when the connection has been closed
	wait_until grep -qs '^QUIT$' "$said"
	wait_until hup_works
	kill -TERM "$sender"
	all_done
	each_once 2
}
hup_works() { kill -HUP "$sender" && has_arrived 2; }

@test "--poll: a server that is away for a while is asked again, deferred mail when due" {
	post 1 2
	serve --close GREETING:1 --reply MAIL:1='451 4.3.2 not now'
	sender --poll=1
	wait_until has_states "deferred gone"
	touch "$spool/$(id 1).envelope"
	wait_until has_states "gone gone"
	kill -TERM "$sender"
	all_done
	[ "$(said_times CONNECT)" = 3 ]
}
has_states() { [ "$(states 2)" = "$1" ]; }

@test "fifty triggers at once: all of them end, all is sent once, one or two do the work" {
	local n workers
	post_many 50
	serve --delay-ms 2
	for ((n = 0; n < 50; n++)); do sender --forward-on-disconnect; done
	all_done
	each_once 50
	# each worker has a connection of its own, if it finds anything
	workers=$(said_times CONNECT)
	((workers >= 1 && workers <= 2)) || fail "$workers connections"
}

@test "a trigger never leaves behind what was there before it came" {
	local n
	serve --ehlo PIPELINING
	for ((n = 1; n <= 40; n++)); do
		post $n
		sender --poll=0
	done
	all_done
	each_once 40
}

@test "a trigger whose forwarder was killed is not in the way of the next" {
	post 1 2
	serve --silent MAIL:1
	sender --forward-on-disconnect
	wait_until grep -qs '^MAIL' "$said"
	sender --forward-on-disconnect
	kill -9 "${senders[0]}"
	wait "${senders[0]}" || true
	unset 'senders[0]'
	senders=("${senders[@]}")
	all_done
	each_once 2
	[ ! -e "$spool/.forward.lock" ] || [ ! -s "$spool/.forward.lock" ]
}

@test "a forwarder that waits in line: SIGHUP is not its end, SIGTERM is" {
	local first second
	post 1
	serve --silent MAIL:1
	sender --forward-on-disconnect
	first=$sender
	wait_until grep -qs '^MAIL' "$said"
	sender --forward-on-disconnect
	second=$sender
	wait_until somebody_waits
	kill -HUP "$second"
	kill -HUP "$second"
	kill -9 "$first"
	wait "$first" || true
	senders=("$second")
	all_done
	each_once 1
	# and again, ended by SIGTERM
	post 2
	serve --silent MAIL:1
	sender --forward-on-disconnect
	first=$sender
	wait_until grep -qs '^MAIL' "$said"
	sender --forward-on-disconnect
	second=$sender
	wait_until somebody_waits
	kill -TERM "$second"
	wait "$second" || true
	[ "$(said_times CONNECT)" = 1 ]
	kill -9 "$first"
	wait "$first" || true
	senders=()
}
# Is the place behind the running one taken (spool/trigger.h)?
somebody_waits() {
	python3 -c 'import fcntl, struct, sys
asked = struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 1, 0)
F_OFD_GETLK = 36
with open(sys.argv[1], "r+") as f:
    got = fcntl.fcntl(f, F_OFD_GETLK, asked + bytes(32 - len(asked)))
sys.exit(struct.unpack("h", got[:2])[0] == fcntl.F_UNLCK)' "$spool/.forward.lock"
}

@test "a signal does not cut the wait for the greeting short" {
	post 1
	serve --delay-ms 700
	sender --poll=600 --prompt-timeout=20
	wait_until grep -qs '^CONNECT' "$said"
	kill -HUP "$sender"
	wait_until has_arrived 1
	kill -TERM "$sender"
	all_done
	[ "$(said_times EARLY)" = 0 ]
	run ! grep 'no greeting' "$BATS_TEST_TMPDIR/senders"
}
