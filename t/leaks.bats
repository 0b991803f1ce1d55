# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2086,SC2154
# A conversation may go on for long: what is in use at its end, memory and
# descriptors, is the same after few messages and after many. Valgrind also
# tells of memory that is read before it is written, or is not ours.
#
# It does not know the newest system calls, so the sandbox and helpers are left
# out here.
load pop3

setup() {
	[[ $build != *asan* && $build != *coverage* && $build != *static* ]] ||
		skip "valgrind wants the ordinary build"
	needs valgrind
	prepare_pop3
	here=$BATS_TEST_TMPDIR
}

# in_use PROGRAM ARGS...: octets and blocks at its end, and descriptors.
in_use() {
	valgrind --error-exitcode=99 --track-fds=yes --log-file="$here/%p.vg" \
		--child-silent-after-fork=yes "$@" >"$here/out" 2>"$here/err" || {
		(($? != 99)) || fail "$(cat "$here"/*.vg)"
	}
	cat "$here"/*.vg | sed -nE 's/.*in use at exit: (.*)/\1/p; s/.*FILE DESCRIPTORS: ([0-9]+) open.*/\1/p'
	rm -f "$here"/*.vg
}
# same_for FEW MANY FUNCTION: FUNCTION N prints what is in use after N.
same_for() {
	local few many
	few=$("$3" "$1")
	many=$("$3" "$2")
	[ -n "$few" ]
	assert_equal "$many" "$few"
}

received() {
	local i
	{
		printf 'EHLO c.test\r\n'
		for ((i = 0; i < $1; i++)); do
			printf '%s\r\n' 'MAIL FROM:<a@a.test>' 'RCPT TO:<no>' 'RCPT TO:<b@b.test>' \
				'RCPT TO:<c@b.test>' DATA 'Subject: x' '' hello . NOOP 'VRFY x' \
				'MAIL FROM:<a@a.test>' 'RCPT TO:<b@b.test>' 'BDAT 3' a 'BDAT 2 LAST' '' \
				'MAIL FROM:<a@a.test>' RSET 'AUTH PLAIN AGJvYgBwYXNz' BOGUS
		done
		printf 'QUIT\r\n'
	} | in_use smtp-recv $me --spool-dir="$spool" --domain=mx.test --no-sandbox \
		--no-syslog --server-auth="$secrets"
}
@test "smtp-recv" {
	# the first log-in is the last: what is trusted stays so
	secret NONE 127.0.0.1 me
	same_for 3 12 received
}

fetched() {
	local i
	{
		printf 'USER bob\r\nPASS pass\r\n'
		for ((i = 0; i < $1; i++)); do
			printf '%s\r\n' STAT LIST UIDL 'RETR 1' 'TOP 2 1' 'DELE 2' RSET NOOP 'RETR 9' BOGUS
		done | head -n $(($1 * 10 - 1))
		printf 'QUIT\r\n'
	} | in_use $(server) --no-sandbox
}
@test "pop3-serve" {
	message 1
	message 2
	same_for 3 12 fetched
}

# The list of ids grows with them, in steps; named one by one they are not kept.
@test "smtp-send" {
	start answer --save "$here"
	one_by_one() {
		local i
		for ((i = 0; i < $1; i++)); do message $((10 + i)); done
		spooled | in_use smtp-send $me --spool-dir="$spool" \
			--forward-to="127.0.0.1:$port" --no-sandbox --no-syslog -
		[ "$(spooled)" = "" ] || fail "left: $(ls "$spool") $(cat "$here/err")"
	}
	same_for 3 20 one_by_one
}

administered() {
	local i
	{
		for ((i = 0; i < $1; i++)); do
			printf '%s\n' help list failures info status pid version bogus 'smtp enable'
		done
		echo quit
	} | in_use admin-cmd $me --spool-dir="$spool" --no-sandbox --no-syslog
}
@test "admin-cmd" {
	message 1
	same_for 2 8 administered
}

@test "a program that was run leaves no descriptor behind" {
	local few
	printf '#!/bin/sh\nls /proc/$PPID/fd | wc -l >>%s\n' "$here/count" >"$here/f"
	chmod 755 "$here/f"
	received_filtered() {
		local i
		{
			printf 'EHLO c.test\r\n'
			for ((i = 0; i < 12; i++)); do
				printf '%s\r\n' 'MAIL FROM:<a@a.test>' 'RCPT TO:<b@b.test>' DATA hello .
			done
		} | smtp-recv $me --spool-dir="$spool" --no-syslog --filter="$here/f" "$@" \
			>"$here/out" 2>"$here/err"
	}
	for how in --no-sandbox ""; do
		rm -f "$here/count"
		received_filtered $how
		[ "$(wc -l <"$here/count")" = 12 ]
		assert_equal "$(sort -u "$here/count" | wc -l)" 1
	done
}
