#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Messages in other hands, or left behind; spools that do not let us.
# shellcheck disable=SC2154

load helper
load send

# As somebody who is not root, whom permissions concern.
need_permissions() {
	post 99
	chmod 0 "$spool/$(id 99).envelope"
	if [ -r "$spool/$(id 99).envelope" ]; then
		setpriv --reuid=1 --clear-groups true 2>/dev/null ||
			skip "root, and no other user to become"
		chmod 755 "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
		setpriv --reuid=1 --regid=1 --clear-groups test -x "$spool/." ||
			skip "another user cannot get at the spool"
		chown -R 1:1 "$spool"
		as=(setpriv --reuid=1 --regid=1 --clear-groups)
	else
		as=()
	fi
	rm -f "$spool"/*
}
as_other() {
	chown -R 1:1 "$spool" 2>/dev/null || true
	run --separate-stderr "${as[@]}" smtp-send --spool-dir "$spool" --no-syslog \
		--forward-to "127.0.0.1:$port" --log --report
}

@test "a .busy that a dead forwarder has left behind is taken up again" {
	post 1 2
	mv "$spool/$(id 1).envelope" "$spool/$(id 1).envelope.busy"
	serve
	forward
	exits 0
	[ "$(subjects)" = "1 2" ]
	[[ $stderr == *"$(id 1): left behind"* ]]
	[ "$(ls "$spool")" = "" ]
	# the same for one that is named
	post 3
	mv "$spool/$(id 3).envelope" "$spool/$(id 3).envelope.busy"
	forward "$(id 3)"
	exits 0
	[ "$(state 3)" = gone ]
	[ "$(subjects)" = "1 2 3" ]
}

@test "a .busy that somebody holds is left alone" {
	post 1 2
	mv "$spool/$(id 1).envelope" "$spool/$(id 1).envelope.busy"
	exec 7<"$spool/$(id 1).envelope.busy"
	flock 7
	serve 7<&-
	forward
	exits 0
	[ "$(states 2)" = "busy gone" ]
	[ "$(subjects)" = 2 ]
	forward "$(id 1)"
	exits 0
	[[ $output == "$(id 1) taken "* ]]
	[ "$(states 1)" = "busy" ]
	exec 7<&-
	forward
	exits 0
	[ "$(subjects)" = "2 1" ]
}

@test "a message that somebody else is at is left alone" {
	local e
	post 1
	e=$spool/$(id 1).envelope
	exec 7<"$e"
	flock 7
	serve 7<&-
	forward
	exits 0
	[[ $output == "$(id 1) taken "* ]]
	[ "$(state 1)" = ready ]
	[ "$(said_times CONNECT)" = 0 ] 2>/dev/null || [ ! -e "$said" ]
	exec 7<&-
}

@test "a stale .busy that is damaged becomes .bad, an empty one as well" {
	post 1 2
	: >"$spool/$(id 1).envelope.busy"
	rm "$spool/$(id 1).envelope"
	serve
	forward
	exits 69
	[ "$(states 2)" = "bad gone" ]
}

@test "while it is sent, a message is .busy and locked" {
	local sender
	post 1
	serve --silent EOD
	# shellcheck disable=SC2086
	smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog 3>&- &
	sender=$!
	wait_until grep -qs '^DATA$' "$said"
	[ "$(state 1)" = busy ]
	run flock -n "$spool/$(id 1).envelope.busy" true
	assert_failure
	kill -9 "$sender"
	wait "$sender" || true
	[ "$(state 1)" = busy ]
	flock -n "$spool/$(id 1).envelope.busy" true
}

@test "no spool: an exit status that says so, and which" {
	local d
	for d in "$spool/none" "$spool/file" ""; do
		touch "$spool/file"
		# shellcheck disable=SC2086
		run --separate-stderr smtp-send $me --spool-dir "$d" --forward-to 127.0.0.1:9 --no-syslog
		[ "$status" -ge 64 ] || fail "$d: status $status"
		[[ $stderr == *"'$d'"* ]] || fail "$d: $stderr"
	done
}

@test "a spool that cannot be written: said once a message, nothing is sent or lost" {
	need_permissions
	post 1 2
	serve
	chmod 555 "$spool"
	as_other
	exits 75
	chmod 755 "$spool"
	[ "$(states 2)" = "ready ready" ]
	[[ $stderr == *"error: $(id 1): cannot claim '$spool/$(id 1).envelope"*"': Permission denied"* ]] ||
		fail "$stderr"
	[ "$(arrived)" = 0 ]
	chmod 000 "$spool"
	as_other
	[ "$status" -ge 64 ]
	chmod 755 "$spool"
	as_other
	exits 0
	[ "$(arrived)" = 2 ]
}

@test "files that may not be read wait; they are not given up" {
	need_permissions
	post 1 2 3
	chown -R 1:1 "$spool" 2>/dev/null || true
	chmod 0 "$spool/$(id 1).content" "$spool/$(id 2).envelope"
	serve
	as_other
	exits 75
	[ "$(states 3)" = "ready ready gone" ] || fail "$(states 3) $stderr"
	[[ $stderr == *"$(id 1): cannot open content file: Permission denied"* ]] || fail "$stderr"
	[[ $stderr == *"$(id 2): cannot claim "*"Permission denied"* ]]
	[ "$(arrived)" = 1 ]
	chmod 660 "$spool"/*
	as_other
	exits 0
	[ "$(ls "$spool")" = "" ]
}

# run_with INJECTION: smtp-send with that fault, as strace(1) has it.
run_with() {
	status=0
	# shellcheck disable=SC2086
	stderr=$(strace -f -o /dev/null -e trace="${1%%:*}" -e inject="$1" smtp-send $me \
		--spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog 2>&1) || status=$?
}

@test "out of descriptors, a disk that fails: the message waits, or has arrived" {
	strace -o /dev/null true 2>/dev/null || skip "strace is not to be had"
	local fault n failed=0
	serve
	for fault in openat:error=EMFILE openat:error=EIO read:error=EIO pread64:error=EIO \
		flock:error=ENOLCK renameat2:error=ENOSPC socket:error=EMFILE \
		connect:error=ENETUNREACH newfstatat:error=EIO sendto:error=ENOBUFS \
		recvfrom:error=ENOMEM unlinkat:error=EIO; do
		# a program makes no more than so many of each before it is done
		for ((n = 1; n <= 12; n++)); do
			post 1
			rm -f "$got"/0*
			run_with "$fault:when=$n"
			case $(state 1) in
			gone | orphan) [ "$(arrived)" = 1 ] || fail "$fault $n: lost: $stderr" ;;
			ready | deferred | busy) [ "$status" -ge 64 ] || fail "$fault $n: status $status: $stderr" ;;
			*) fail "$fault $n: $(state 1): $stderr" ;;
			esac
			[ "$status" = 0 ] || ((++failed))
			rm -f "$spool"/*
		done
	done
	((failed >= 20)) || fail "only $failed of the faults were felt"
}

@test "no room to write the reason down: it is tried again, not .bad without a reason" {
	strace -o /dev/null true 2>/dev/null || skip "strace is not to be had"
	local r
	for r in MAIL=550 MAIL=451; do
		post 1
		serve --reply "$r 4.0.0 no"
		# shellcheck disable=SC2086
		run --separate-stderr strace -f -o /dev/null -P "$spool/$(id 1).envelope" \
			-P "$spool/$(id 1).envelope.busy" -e inject=write:error=ENOSPC \
			smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog
		exits 75
		[ "$(state 1)" = ready ]
		[[ $stderr == *"No space left on device"* ]]
		[ "$(tail -n 1 "$spool/$(id 1).envelope")" = $'X-MailRelay-End: 1\r' ]
	done
}

@test "a .busy that is no file is not ours, one that cannot be looked into is to be sent" {
	post 2
	mkfifo "$spool/$(id 1).envelope.busy"
	serve
	forward
	exits 0
	rm "$spool/$(id 1).envelope.busy"
	((EUID != 0)) || skip "root may look into all"
	post 1
	mv "$spool/$(id 1).envelope" "$spool/$(id 1).envelope.busy"
	chmod 0 "$spool/$(id 1).envelope.busy"
	forward
	exits 75
	[[ $stderr = *"$(id 1): busy, and cannot be taken up again: Permission denied"* ]]
}
