#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# smtp-send --jobs: several connections at a time.
# shellcheck disable=SC2030,SC2031,SC2086,SC2154

load helper
load send
load terminal

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
# sender [OPTIONS]: smtp-send in the background, its process id in $sender.
sender() {
	smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog \
		--log "$@" </dev/null >"$BATS_TEST_TMPDIR/report" 2>"$BATS_TEST_TMPDIR/sender" 3>&- &
	sender=$!
	pids+=("$sender")
}
# ends STATUS: the sender does, with that.
ends() {
	local s=0
	wait "$sender" || s=$?
	[ "$s" = "$1" ] || fail "exit status $s, not $1: $(tail -n 5 "$BATS_TEST_TMPDIR/sender")"
}
# Each of them has a child, which is in the sandbox and does the work.
workers() { pgrep -P "$sender"; }
inner() { pgrep -P "$1" || echo "$1"; }
no_workers() { ! workers >/dev/null; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }
# Each of N messages has arrived exactly once, and the spool is empty.
each_once() {
	[ "$(ls "$spool")" = "" ] || fail "left: $(ls "$spool")"
	[ "$(subjects | tr ' ' '\n' | sort -n | paste -sd' ')" = "$(seq "$1" | paste -sd' ')" ] ||
		fail "$(subjects)"
}
has_arrived() { (($(arrived) >= $1)); }
said_as_often() { (($(said_times "$1") >= $2)); }
no_more_than() {
	(($(said_times CONNECT) <= $1)) || fail "$(said_times CONNECT) connections, not up to $1"
}
needs_pgrep() { command -v pgrep >/dev/null || skip "pgrep is not installed"; }

# --- each message once ---

@test "500 messages over 8 connections: each goes once, all say goodbye" {
	post_many 500
	serve --delay-ms 1
	forward --jobs=8
	exits 0
	each_once 500
	[ "$(said_times CONNECT)" = 8 ]
	[ "$(said_times QUIT)" = 8 ]
	# whole lines, one for each message
	[ "${#lines[@]}" = 500 ]
	[ "$(grep -cE "^emailrelay\.7\.1000\.[0-9]+ sent 250 2\.0\.0 kept$" <<<"$output")" = 500 ]
	[ "$(cut -d' ' -f1 <<<"$output" | sort -u | wc -l)" = 500 ]
}

@test "into smtp-recv" {
	local far=$BATS_TEST_TMPDIR/far
	mkdir "$far"
	post_many 100
	listen smtp-recv $me --spool-dir="$far" --domain=far.test --no-syslog
	forward --jobs=5
	exits 0
	[ "$(ls "$spool")" = "" ]
	[ "$(cat "$far"/*.content | grep -ao '^Subject: message [0-9]*' | sort -u | wc -l)" = 100 ]
	[ "$(find "$far" -name '*.envelope' | wc -l)" = 100 ]
}

# sink [OPTIONS]: Postfix's, in $here.
sink() {
	local sink as=
	sink=$(PATH=$PATH:/usr/sbin command -v smtp-sink) || skip "smtp-sink is not installed"
	here=$BATS_TEST_TMPDIR/sink.${#pids[@]}
	mkdir -m 777 "$here"
	if [ "$(command id -u)" = 0 ]; then
		as="-u daemon"
		chmod 755 "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
	fi
	setsid "$sink" $as -d "$here/%M." "$@" 127.0.0.1:0 50 >"$here.log" 2>&1 </dev/null 3>&- &
	pids+=("$!")
	wait_until listens "$!"
}
@test "into smtp-sink, which is Postfix's" {
	sink
	post_many 200
	forward --jobs=8
	exits 0
	[ "$(ls "$spool")" = "" ]
	[ "$(cat "$here"/* | grep -ao '^Subject: message [0-9]*' | sort | uniq -c |
		awk '$1 == 1' | wc -l)" = 200 ]
}

@test "a server that lets those wait who are too many: they get in when others go" {
	sink -m 3
	post_many 200
	SECONDS=0
	forward --jobs=8 --prompt-timeout=60
	exits 0
	[ "$(ls "$spool")" = "" ]
	((SECONDS < 30)) || fail "$SECONDS seconds"
}

# It does not say which port it has got: as the kernel has it, in $port.
listens() {
	local inode
	inode=$(ls -l "/proc/$1/fd" | sed -n 's/.*socket:\[\(.*\)\]/\1/p' | head -n 1)
	port=$(awk -v inode="${inode:-x}" '$10 == inode { print $2 }' /proc/net/tcp)
	[ -n "$port" ] && port=$((16#${port#*:}))
}

@test "they are open at the same time" {
	post_many 8
	# no reply to a message before all are there
	serve --gather 8
	forward --jobs=8 --response-timeout=20
	exits 0
	each_once 8
	[ "$(said_times CONNECT)" = 8 ]
}

@test "no more connections than messages, or than --jobs" {
	post 1 2 3
	serve --gather 3
	forward --jobs=100
	exits 0
	[ "$(said_times CONNECT)" = 3 ]
	post_many 50
	serve
	forward --jobs=2
	no_more_than 2
	each_once 50
	for n in 0 101 x -1; do
		forward --jobs=$n
		exits 64
	done
}

@test "--jobs=1: no other process, but for the sandbox" {
	strace -o /dev/null true 2>/dev/null || skip "strace is not to be had"
	local trace=$BATS_TEST_TMPDIR/trace
	serve
	post 1 2
	strace -f -e trace=process -o "$trace" smtp-send $me --spool-dir "$spool" \
		--forward-to "127.0.0.1:$port" --no-syslog --no-sandbox --jobs=1
	[ "$(spooled)" = "" ]
	run grep -E 'fork|clone' "$trace"
	refute_output
	[ "$(subjects)" = "1 2" ]
}

# --- a server that takes fewer, or is not there ---

@test "no more than three at a time: the three do it all, and nothing has failed" {
	post_many 200
	serve --most 3 --delay-ms 1
	forward --jobs=16
	exits 0
	each_once 200
	[ "$(said_times EHLO)" = 3 ]
	# they double, and another minute has not passed
	no_more_than 6
	[ "${#lines[@]}" = 200 ]
	[[ $stderr == *"going on with "* ]]
	[[ $stderr != *deferred* ]]
}

@test "421 to the third connection: the others do its work" {
	post_many 100
	serve --reply GREETING:3='421 4.7.0 not so many' --delay-ms 1
	forward --jobs=8
	exits 0
	each_once 100
	[ "$(grep -c 'sent 250' <<<"$output")" = 100 ]
}

@test "a log-in that only the first gets: it does all the work" {
	post_many 20
	(umask 077 && echo "client plain ann horse" >"$BATS_TEST_TMPDIR/mine")
	serve --ehlo "AUTH PLAIN" --reply AUTH='454 4.7.0 too many' --delay-ms 1 \
		--reply AUTH:1='235 2.7.0 welcome'
	forward --jobs=8 --client-auth="$BATS_TEST_TMPDIR/mine"
	exits 0
	each_once 20
	no_more_than 2
}

@test "nobody lets us in: one has tried, and nothing is the worse for it" {
	local before
	post_many 20
	before=$(md5sum "$spool"/*)
	serve --reply GREETING='421 4.7.0 not now'
	forward --jobs=8
	exits 75
	[ "$(said_times CONNECT)" = 1 ]
	[ "$(md5sum "$spool"/*)" = "$before" ]
	[ "$output" = "$(id 1) deferred 421 4.7.0 not now" ]
	# the same for a log-in, which many providers count
	(umask 077 && echo "client plain ann horse" >"$BATS_TEST_TMPDIR/mine")
	serve --ehlo "AUTH PLAIN" --reply AUTH='535 5.7.8 no'
	forward --jobs=8 --client-auth="$BATS_TEST_TMPDIR/mine"
	exits 75
	[ "$(said_times CONNECT)" = 1 ]
	[ "$(said_times AUTH)" = 1 ]
	[ "$(md5sum "$spool"/*)" = "$before" ]
}

@test "nobody there: what has waited too long is given up, and only that" {
	post 1 2 3 4
	touch -d '2 hours ago' "$spool/$(id 2).content" "$spool/$(id 3).content"
	port=1
	forward --jobs=4 --retry-for=1h
	exits 69
	[ "$(states 4)" = "ready bad bad ready" ]
	given_up 2 'smtp client failure: 451 4.4.1 cannot connect to 127.0.0.1:1.*' 451
	given_up 3 'smtp client failure: 451 4.4.1 cannot connect to 127.0.0.1:1.*' 451
}

@test "a server that goes away: the rest stays as it is" {
	local left
	post_many 300
	serve --delay-ms 5
	sender --jobs=4
	wait_until has_arrived 30
	kill -- "-${pids[0]}"
	ends 75
	left=$(spooled | wc -l)
	((left >= 200)) || fail "$left left"
	[ "$(spooled busy)$(spooled bad)" = "" ]
	# each connection may have had one message, and one more try
	(($(grep -l X-Sluice-Deferred "$spool"/*.envelope | wc -l) <= 8))
	serve
	find "$spool" -name '*.envelope' -exec touch -d '1 hour ago' {} +
	forward --jobs=4
	exits 0
	[ "$(ls "$spool")" = "" ]
}

@test "each connection is hung up on at MAIL: the run ends soon" {
	post_many 100
	serve --close MAIL
	forward --jobs=8
	exits 75
	no_more_than 16
	(($(grep -l X-Sluice-Deferred "$spool"/*.envelope | wc -l) <= 16))
	[ "$(spooled | wc -l)" = 100 ]
}

@test "many messages, and hung up on after each: a new connection each time" {
	post_many 60
	serve --close-after EOD
	forward --jobs=4
	exits 0
	each_once 60
}

# --- processes that end early ---

@test "a process that is killed: its message is left to the next run, the others go on" {
	needs_pgrep
	local victim
	post_many 100
	serve --silent MAIL:5 --delay-ms 2
	sender --jobs=4 --report
	# the others are done, and wait for this one
	wait_until has_arrived 99
	victim=$(workers)
	for victim in $victim; do
		ls -l "/proc/$(inner "$victim")/fd" | grep -q busy && break
	done
	kill -9 "$victim"
	ends 75
	[ "$(spooled | wc -l)" = 1 ]
	[ "$(spooled busy)" = "" ]
	grep -q "error: $(spooled): the process $victim of this run was killed by signal 9" \
		"$BATS_TEST_TMPDIR/sender"
	[ "$(grep -c ' sent 250 ' "$BATS_TEST_TMPDIR/report")" = 99 ]
	grep -qx "$(spooled) kept 451 4.3.0 the process that was at it was killed by signal 9" \
		"$BATS_TEST_TMPDIR/report"
	forward --jobs=4
	exits 0
	each_once 100
}

@test "SIGTERM: each is done with its message, nobody is left" {
	needs_pgrep
	local all p
	post_many 400
	serve --delay-ms 10
	sender --jobs=4
	wait_until said_as_often '^EHLO' 4
	all=$(workers)
	[ "$(wc -w <<<"$all")" = 4 ]
	kill -TERM "$sender"
	ends 75
	for p in $all; do is_gone "$p" || fail "$p is there"; done
	[ "$(said_times QUIT)" = 4 ]
	[ "$(spooled busy)" = "" ]
	[ "$(($(spooled | wc -l) + $(arrived)))" = 400 ]
	[ "$(said_times LOST)" = 0 ]
	run ! grep -q X-Sluice "$spool"/*.envelope
}

@test "SIGTERM to all of them, as systemd does it" {
	needs_pgrep
	post_many 400
	serve --delay-ms 10
	sender --jobs=4
	wait_until said_as_often '^EHLO' 4
	kill -TERM "$sender" $(workers)
	ends 75
	[ "$(said_times QUIT)" = 4 ]
	[ "$(spooled busy)" = "" ]
	[ "$(($(spooled | wc -l) + $(arrived)))" = 400 ]
	[ ! -s "$BATS_TEST_TMPDIR/report" ]
	run ! grep -E 'error|warning' "$BATS_TEST_TMPDIR/sender"
}

@test "SIGTERM to one of them: the others do its work" {
	needs_pgrep
	local all
	post_many 200
	serve --delay-ms 5
	sender --jobs=3
	wait_until said_as_often '^EHLO' 3
	all=$(workers)
	kill -TERM ${all%%[[:space:]]*}
	ends 0
	each_once 200
}

@test "who hands out the work is killed: the others end after their message, the turn is free" {
	needs_pgrep
	local all p
	post_many 50
	serve --silent EOD:6 --silent EOD:5 --delay-ms 2
	sender --jobs=4 --forward-on-disconnect
	wait_until has_arrived 20
	all=$(workers)
	[ "$(wc -w <<<"$all")" = 4 ]
	kill -9 "$sender"
	ends 137
	wait_until two_left $all
	# nobody does anything for those two but wait for the server
	[ "$(spooled busy | wc -l)" = 2 ]
	run timeout 20 smtp-send $me --spool-dir "$spool" --no-syslog \
		--forward-to "127.0.0.1:$port" --jobs=4 --forward-on-disconnect
	[ "$status" = 0 ] || fail "status $status: $output"
	[ "$(spooled)" = "" ]
	[ "$(spooled busy | wc -l)" = 2 ]
	# they are no children of ours: not left behind
	for p in $all; do kill -9 "$p" 2>/dev/null || true; done
	for p in $all; do wait_until is_gone "$p"; done
	forward --jobs=4
	exits 0
	each_at_least_once 50
}
two_left() {
	local p n=0
	for p; do is_gone "$p" || ((++n)); done
	((n == 2))
}
each_at_least_once() {
	[ "$(ls "$spool")" = "" ] || fail "left: $(ls "$spool")"
	[ "$(subjects | tr ' ' '\n' | sort -nu | paste -sd' ')" = "$(seq "$1" | paste -sd' ')" ] ||
		fail "$(subjects)"
}

@test "no process, or no socket to talk to it: with those that there are, or not at all" {
	strace -f -o /dev/null true 2>/dev/null || skip "strace is not to be had"
	local fault
	serve --delay-ms 5
	# one libc forks by clone(2), another by fork(2)
	for fault in '?fork,clone:error=EAGAIN' socketpair:error=EMFILE; do
		rm -f "$spool"/* "$got"/0*
		post_many 20
		run strace -o /dev/null -e trace="${fault%%:*}" -e inject="$fault" smtp-send $me \
			--spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog --jobs=4
		[ "$status" = 75 ] || fail "$fault: $status $output"
		[[ $output == *"error: cannot start a process for another connection: "* ]]
		[ "$(spooled | wc -l)" = 20 ]
		run strace -o /dev/null -e trace="${fault%%:*}" -e inject="$fault:when=3+" smtp-send $me \
			--spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog --jobs=4
		[ "$status" = 0 ] || fail "$fault: $status $output"
		[ "$(arrived)" = 20 ]
	done
}

@test "a process of it has what it needs, and nothing of the others'" {
	needs_pgrep
	local p f
	post_many 4
	serve --silent EOD
	sender --jobs=4 --forward-on-disconnect
	wait_until said_as_often '^DATA' 4
	ls -l "/proc/$sender/fd" | grep -q forward.lock
	for p in $(workers); do
		f=$(ls -l "/proc/$p/fd")
		[ "$(grep -c "$spool/emailrelay" <<<"$f")" = 0 ] || fail "$f"
		[ "$(grep -c 'forward.lock' <<<"$f")" = 0 ] || fail "$f"
		p=$(inner "$p")
		f=$(ls -l "/proc/$p/fd")
		# the server, who hands out the work, and the monitor
		[ "$(grep -c 'socket:' <<<"$f")" = 3 ] || fail "$f"
		[ "$(grep -c 'forward.lock' <<<"$f")" = 0 ] || fail "$f"
		[ "$(grep -c "$spool/emailrelay" <<<"$f")" = 2 ] || fail "$f"
		[ "$(grep -c "$spool/.counters" <<<"$f")" = 1 ] || fail "$f"
		[ "$(readlink "/proc/$p/fd/0")" = /dev/null ]
	done
	kill -9 $(workers)
	ends 75
	[ "$(spooled | wc -l)" = 4 ]
}

@test "killed at random, all of them: nothing is lost" {
	needs_pgrep
	local n
	post_many 60
	serve --delay-ms 1
	for ((n = 1; n <= 8; n++)); do
		sender --jobs=3
		wait_until reached $((n * 5))
		kill -9 "$sender" $(workers) 2>/dev/null || true
		wait "$sender" 2>/dev/null || true
	done
	wait_until no_workers
	forward --jobs=3
	[ "$(ls "$spool"/*.envelope* 2>/dev/null)" = "" ] || fail "$(ls "$spool") $stderr"
	rm -f "$spool"/*.content
	each_at_least_once 60
	(($(arrived) <= 60 + 24))
}
reached() { has_arrived "$1" || is_gone "$sender"; }

# --- where the ids come from ---

@test "ids from stdin go as they come" {
	local n
	post_many 30
	serve
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog \
		--jobs=4 - <"$BATS_TEST_TMPDIR/fifo" 3>&- &
	sender=$!
	pids+=("$sender")
	exec 7>"$BATS_TEST_TMPDIR/fifo"
	id 1 >&7
	wait_until has_arrived 1
	# half a line is none
	printf %s emailrelay.7. >&7
	sleep 0.1
	{ echo 1000.2 && id 3; } >&7
	wait_until has_arrived 3
	for ((n = 4; n < 30; n++)); do printf ' %s \r\n\n' "$(id $n)"; done >&7
	printf %s "$(id 30)" >&7
	exec 7>&-
	ends 0
	each_once 30
	no_more_than 4
}

@test "ids from stdin: SIGTERM while nothing comes" {
	needs_pgrep
	post 1 2 3
	serve
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog \
		--jobs=4 - <"$BATS_TEST_TMPDIR/fifo" 3>&- &
	sender=$!
	pids+=("$sender")
	exec 7>"$BATS_TEST_TMPDIR/fifo"
	{ id 1 && id 2; } >&7
	wait_until has_arrived 2
	kill -TERM "$sender"
	ends 0
	exec 7>&-
	[ "$(states 3)" = "gone gone ready" ]
	no_workers
}

@test "ids from stdin: a server that is away is asked again for each" {
	post 1 2 3
	serve --reply GREETING:1='421 no' --reply GREETING:2='421 no'
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog \
		--jobs=4 --report - <"$BATS_TEST_TMPDIR/fifo" >"$BATS_TEST_TMPDIR/report" 3>&- &
	sender=$!
	pids+=("$sender")
	exec 7>"$BATS_TEST_TMPDIR/fifo"
	id 1 >&7
	wait_until grep -q "$(id 1) deferred" "$BATS_TEST_TMPDIR/report"
	id 2 >&7
	wait_until grep -q "$(id 2) deferred" "$BATS_TEST_TMPDIR/report"
	id 3 >&7
	wait_until has_arrived 1
	exec 7>&-
	ends 75
	[ "$(states 3)" = "ready ready gone" ]
}

@test "what is no id: on stdin what came before it is sent, of arguments nothing" {
	local x
	serve
	for x in x "$(id 1)x" "../$(id 1)" "$(printf %0200d 1)"; do
		post 1 2 3
		forward --jobs=3 - < <(printf '%s\n' "$(id 1)" "$(id 2)" "$x" "$(id 3)")
		exits 64
		[ "$(states 3)" = "gone gone ready" ] || fail "$x: $(states 3)"
		[[ $stderr == *"not a message id: "* ]]
		post 1
		forward --jobs=3 "$(id 1)" "$x" "$(id 3)"
		exits 64
		[ "$(states 3)" = "ready gone ready" ]
	done
}

@test "ids as arguments: due or not, and no others" {
	post 1 2 3 4 5
	touch -d 'now + 1 hour' "$spool/$(id 2).envelope"
	mv "$spool/$(id 3).envelope" "$spool/$(id 3).envelope.busy"
	serve
	forward --jobs=4 "$(id 2)" "$(id 3)" "$(id 5)" "$(id 99)"
	exits 0
	[ "$(states 5)" = "ready gone gone ready gone" ]
	[[ $stderr == *"$(id 3): left behind"* ]]
	[[ $output == *"$(id 99) taken "* ]]
}

# --- what becomes of them ---

@test "exit statuses: later, given up, and both" {
	post_many 20
	serve --reply MAIL:7='451 4.3.0 later'
	forward --jobs=4
	exits 75
	[ "$(spooled | wc -l)" = 1 ]
	rm "$spool"/*
	post_many 20
	serve --reply MAIL:7='451 4.3.0 later' --reply RCPT:12='550 5.1.1 nobody'
	forward --jobs=4
	exits 69
	[ "$(spooled bad | wc -l)" = 1 ]
	[ "$(spooled | wc -l)" = 1 ]
	[ "$(arrived)" = 18 ]
	# not due
	forward --jobs=4
	exits 75
}

@test "report lines are whole, however long" {
	local long
	long=$(head -c 300 /dev/zero | tr '\0' x)
	post_many 60
	serve --reply EOD="250-2.0.0 $long\\r\\n250-2.0.0 $long\\r\\n250 2.0.0 end"
	forward --jobs=6
	exits 0
	[ "${#lines[@]}" = 60 ]
	[ "$(grep -cE "^emailrelay\.7\.1000\.[0-9]+ sent 250 2\.0\.0 $long 2\.0\.0 x+$" <<<"$output")" = 60 ]
	[ "$(cut -d' ' -f1 <<<"$output" | sort -u | wc -l)" = 60 ]
}

@test "a client filter that ends the run: who is at work gets done, the rest waits" {
	local f=$BATS_TEST_TMPDIR/filter
	printf '#!/bin/sh\ncase $1 in *.1.content) exit 102; esac\n' >"$f"
	chmod 755 "$f"
	post_many 100
	serve --delay-ms 5
	forward --jobs=3 --client-filter="$f"
	exits 75
	(($(arrived) >= 1 && $(arrived) <= 30)) || fail "$(arrived) arrived"
	[ "$(state 1)" = gone ]
	[ "$(($(spooled | wc -l) + $(arrived)))" = 100 ]
	[ "$(spooled busy)" = "" ]
}

@test "--poll: what comes later is found, and no process waits in the pause" {
	needs_pgrep
	serve
	post 1 2 3
	sender --poll=1 --jobs=3
	wait_until has_arrived 3
	wait_until no_workers
	post 4 5 6
	wait_until has_arrived 6
	wait_until no_workers
	kill -TERM "$sender"
	ends 0
	each_once 6
	[ "$(said_times QUIT)" = "$(said_times CONNECT)" ]
}

@test "--forward-on-disconnect: thirty triggers at once" {
	local n all=()
	post_many 60
	serve --delay-ms 1
	for ((n = 0; n < 30; n++)); do
		sender --forward-on-disconnect --jobs=3
		all+=("$sender")
	done
	for sender in "${all[@]}"; do ends 0; done
	each_once 60
	no_more_than 6
}

@test "a token: one process asks for it, and if it is refused nobody asks without end" {
	local program=$BATS_TEST_TMPDIR/token oauth
	printf '#!/bin/sh\necho x >>%s.runs\necho s3cr3t\n' "$program" >"$program"
	chmod 755 "$program"
	oauth="--oauth-exec=$program --oauth-user=ann"
	post_many 60
	serve --ehlo "AUTH XOAUTH2" --gather 8
	forward --jobs=8 $oauth
	exits 0
	each_once 60
	[ "$(wc -l <"$program.runs")" = 1 ]
	# from now on nobody is let in
	rm "$program.runs"
	post_many 60
	serve --ehlo "AUTH XOAUTH2" --reply AUTH='535 5.7.8 no'
	forward --jobs=8 $oauth
	exits 75
	[ "$(wc -l <"$program.runs")" = 1 ]
	[ "$(said_times AUTH)" = 1 ]
	[ "$(spooled | wc -l)" = 60 ]
	# the first four are, the others are not
	rm "$program.runs"
	serve --ehlo "AUTH XOAUTH2" --reply AUTH='535 5.7.8 no' --delay-ms 3 \
		--reply AUTH:1='235 yes' --reply AUTH:2='235 yes' \
		--reply AUTH:3='235 yes' --reply AUTH:4='235 yes'
	forward --jobs=8 $oauth
	exits 0
	each_once 60
	(($(wc -l <"$program.runs") <= 5)) || fail "$(wc -l <"$program.runs") runs"
}

# --- smtp-recv ---

@test "smtp-recv hands --jobs on: by several connections when the client has gone" {
	post_many 8
	serve --gather 4
	printf 'EHLO c.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n\r\nx\r\n.\r\nQUIT\r\n' |
		smtp-recv $me --spool-dir="$spool" --no-syslog --poll=0 --jobs=4 \
			--forward-to="127.0.0.1:$port" >/dev/null
	[ "$(arrived)" = 9 ]
	[ "$(said_times CONNECT)" = 4 ]
	[ "$(ls "$spool")" = "" ]
}

@test "smtp-recv --immediate: one connection, whatever --jobs says" {
	serve --reply EOD:2='550 5.7.1 no'
	run smtp-recv $me --spool-dir="$spool" --no-syslog --immediate --jobs=4 \
		--forward-to="127.0.0.1:$port" < <(
		printf 'EHLO c.test\r\n'
		for _ in 1 2 3; do
			printf 'MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n\r\nx\r\n.\r\n'
		done
		printf 'QUIT\r\n')
	codes 220 250 250 250 354 250 250 250 354 550 250 250 354 250 221
	[ "$(said_times CONNECT)" = 1 ]
	[ "$(ls "$spool")" = "" ]
}

# --- progress ---

send_on_terminal() {
	on_terminal smtp-send $me --spool-dir "$spool" --no-syslog \
		--forward-to "127.0.0.1:$port" "$@"
}

@test "progress on a terminal: a line that is written over, and the sum" {
	local jobs
	for jobs in 1 4; do
		post_many 40
		serve --delay-ms $((jobs * 8)) --reply MAIL:3='451 4.3.0 later' --reply MAIL:5='550 5.7.1 no'
		send_on_terminal --jobs=$jobs
		[ "$status" = 69 ]
		grep -aqF $'\r\033[Ksent 0 of 40' "$shown"
		grep -aqE $'\033\\[Ksent [1-9][0-9]* of 40, later 1, failed 1, [0-9.]+/s, 0:0[0-9] left' "$shown" ||
			fail "$(cat -v "$shown")"
		# the last line stays
		tail -n 1 "$shown" | grep -aqE $'\r\033\\[Ksent 38, later 1, failed 1: [0-9.]+ s, [0-9.]+/s\r$' ||
			fail "$(cat -v "$shown")"
		# a warning wipes it away
		grep -aqF $'\r\033[Ksluice/smtp[' "$shown"
		# five times a second
		(($(grep -ao 'of 40' "$shown" | wc -l) <= 60))
		rm -f "$spool"/*
	done
}

@test "progress: ids from stdin, without a total" {
	post 1 2 3
	serve
	on_terminal sh -c "printf '%s\n' $(id 1) $(id 2) $(id 3) | exec smtp-send $me \
		--spool-dir '$spool' --no-syslog --forward-to 127.0.0.1:$port --jobs=2 -"
	[ "$status" = 0 ]
	grep -aqF $'\033[Ksent 0\r' "$shown" || fail "$(cat -v "$shown")"
	tail -n 1 "$shown" | grep -aqF 'sent 3, later 0, failed 0: '
}

@test "no progress where nobody looks, or where there is something else to see" {
	local option
	serve
	for option in --log --verbose --debug --forward-on-disconnect; do
		post 1 2
		send_on_terminal --jobs=2 $option
		[ "$status" = 0 ]
		run ! grep -aF $'\033[K' "$shown"
	done
	post 1 2
	kind=dumb send_on_terminal
	[ ! -s "$shown" ]
	# nothing to do, nothing to say
	send_on_terminal
	[ ! -s "$shown" ]
	post 1 2
	stdout=terminal send_on_terminal --report
	run ! grep -aF $'\033[K' "$shown"
	grep -aq "^$(id 1) sent" "$shown"
	post 1 2
	send_on_terminal --report
	grep -aqF $'\033[K' "$shown"
	grep -aq "^$(id 1) sent" "$shown.out"
	# not a terminal
	post 1 2
	run --separate-stderr smtp-send $me --spool-dir "$spool" --no-syslog \
		--forward-to "127.0.0.1:$port" --jobs=2
	[ "$output$stderr" = "" ]
}
