# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# How many connections a client may have, and how fast they may come.
load recv

setup() {
	prepare
	held=0
	options=(--remote-clients --log --no-syslog)
}

# hold ADDRESS OPTION...: a session that stays until it is killed or its end
# of the FIFO, descriptor $in, is closed; its process is $holder, and what it
# says comes to $out.
hold() {
	local ip=$1 fifo=$BATS_TEST_TMPDIR/in.$held
	shift
	out=$BATS_TEST_TMPDIR/out.$held
	held=$((held + 1))
	mkfifo "$fifo"
	exec {in}<>"$fifo"
	TCPREMOTEIP=$ip setsid smtp-recv $me --spool-dir="$spool" --domain=mx.test \
		"${options[@]}" "$@" <"$fifo" >"$out" 2>"$out.log" 3>&- &
	holder=$!
	pids+=("$holder")
	wait_until test -s "$out"
}
# come ADDRESS OPTION...: a session that says nothing but QUIT.
come() {
	local ip=$1
	shift
	TCPREMOTEIP=$ip wire "$bye" "${options[@]}" "$@"
	assert_success
}
welcome() { [[ ${lines[0]} = "220 "* ]] || fail "$output $stderr"; }
too_many() {
	[ "$output" = "421 4.7.0 too many connections from you" ] ||
		fail "$output $stderr"
}

@test "so many connections of a client at a time" {
	options+=(--max-connections-per-client=2)
	hold 192.0.2.1
	hold 192.0.2.1
	come 192.0.2.1
	too_many
	[[ $stderr = *"warning: Connection concurrency limit exceeded: 3 from unknown[192.0.2.1] for service smtp"* ]]
	[[ $stderr = *"disconnect from unknown[192.0.2.1] commands=0/0"* ]]
	come 192.0.2.2
	welcome
	# one of them says goodbye
	echo QUIT$'\r' >&"$in"
	wait_until grep -q '^221' "$out"
	wait "$holder"
	come 192.0.2.1
	welcome
	come 192.0.2.1
	welcome
}

@test "a process that was killed has left its place" {
	options+=(--max-connections-per-client=1)
	hold 192.0.2.1
	come 192.0.2.1
	too_many
	kill -KILL "$holder"
	wait "$holder" || true
	come 192.0.2.1
	welcome
}

@test "the place is free while the forwarder runs" {
	start answer --silent GREETING
	options+=(--max-connections-per-client=1 --poll=0
		--forward-to="127.0.0.1:$port" --prompt-timeout=20)
	hold 192.0.2.1
	printf %b "$message_of_one" >&"$in"
	wait_until grep -q '^221' "$out"
	wait_until grep -q smtp-send "/proc/$holder/comm"
	come 192.0.2.1
	welcome
}
message_of_one="$upto_data.\r\n$bye"

@test "IPv6: a /64 is one client" {
	options+=(--max-connections-per-client=1 --max-rate-per-client=3/1h)
	hold 2001:db8::1
	come 2001:db8::2
	too_many
	come 2001:db8:0:1::2
	welcome
	come 2001:db8:0:0:ffff::
	too_many
	# refused or not, it has come three times now
	come 2001:db8::4
	too_many
	[[ $stderr = *"warning: Connection rate limit exceeded: 4 from unknown[2001:db8::4] for service smtp"* ]]
}

@test "so many connections in a time" {
	options+=(--max-rate-per-client=2/1h)
	come 192.0.2.1
	welcome
	come 192.0.2.1
	welcome
	come 192.0.2.1
	too_many
	[[ $stderr = *"warning: Connection rate limit exceeded: 3 from unknown[192.0.2.1] for service smtp"* ]]
	come 192.0.2.2
	welcome
}

@test "after a while they may come again" {
	options+=(--max-rate-per-client=1/1s)
	come 192.0.2.1
	welcome
	again() {
		come 192.0.2.1
		[[ ${lines[0]} = "220 "* ]]
	}
	wait_until again
}

@test "many at once: not one too many" {
	local n=$BATS_TEST_TMPDIR/n
	seq 60 | TCPREMOTEIP=192.0.2.1 xargs -P 20 -I% sh -c 'printf "QUIT\r\n" |
		smtp-recv "$@" 2>/dev/null | head -c 3' - $me --spool-dir="$spool" \
		"${options[@]}" --max-rate-per-client=25/1h >"$n"
	[ "$(grep -o 220 "$n" | wc -l)" = 25 ]
	[ "$(grep -o 421 "$n" | wc -l)" = 35 ]
}

@test "who is trusted is not limited, unless that is wanted" {
	options+=(--max-connections-per-client=1 --max-rate-per-client=1/1h)
	for i in 1 2 3; do
		come 127.0.0.1
		welcome
		RELAYCLIENT='' come 192.0.2.1
		welcome
	done
	[ ! -e "$spool/.clients" ]
	options+=(--limit-trusted)
	come 127.0.0.1
	welcome
	come 127.0.0.1
	too_many
	RELAYCLIENT='' come 192.0.2.1
	welcome
	RELAYCLIENT='' come 192.0.2.1
	too_many
}

@test "behind a proxy the client counts" {
	options+=(--max-rate-per-client=1/1h --proxy-protocol=10.0.0.5)
	export TCPREMOTEIP=10.0.0.5
	for code in 220 421; do
		for ip in 192.0.2.1 192.0.2.2; do
			wire "PROXY TCP4 $ip 192.0.2.25 4711 25\r\n$bye" "${options[@]}"
			[ "${output:0:3}" = $code ]
		done
	done
}

@test "without the limits there is no file, and no call for it" {
	come 192.0.2.1
	welcome
	[ ! -e "$spool/.clients" ]
	strace -qq -o /dev/null true 2>/dev/null || skip "strace cannot trace here"
	case $build in *asan*) skip "the sanitizers make too many calls" ;; esac
	calls() {
		TCPREMOTEIP=192.0.2.1 strace -qq -o "$BATS_TEST_TMPDIR/calls" \
			smtp-recv $me --spool-dir="$spool" --remote-clients "$@" \
			< <(printf %b "$bye") >/dev/null
		grep -cvE '^(exit|\+\+\+)' "$BATS_TEST_TMPDIR/calls"
	}
	local none both
	none=$(calls --idle-timeout=300)
	# the first one has to make the file
	calls --max-connections-per-client=9
	both=$(calls --max-connections-per-client=9 --max-rate-per-client=9/1m)
	# openat, fstat, lock, read, write, unlock, place, close; brk at times
	((both - none <= 9)) || fail "$none and $both calls"
}

@test "when it cannot be counted the session goes on" {
	options+=(--max-connections-per-client=1 --max-rate-per-client=1/1h)
	mkdir "$spool/.clients"
	for i in 1 2; do
		come 192.0.2.1
		welcome
		[[ $stderr = *"warning: cannot count the connections from unknown[192.0.2.1]: '$spool/.clients': "* ]]
	done
	rmdir "$spool/.clients"
	ln -s elsewhere "$spool/.clients"
	come 192.0.2.1
	welcome
	rm "$spool/.clients"
	mv "$spool" "$spool.not"
	come 192.0.2.1
	welcome
	mv "$spool.not" "$spool"
}

@test "nobody takes the file for a message" {
	come 192.0.2.1 --max-rate-per-client=1/1h
	[ -f "$spool/.clients" ]
	[ "$(stat -c %s "$spool/.clients")" -le 65536 ]
	run spool-list --spool-dir="$spool"
	refute_output --partial clients
	touch -d "2 days ago" "$spool/.clients"
	run spool-check $me --spool-dir="$spool"
	assert_success
	refute_output --partial clients
	[ -f "$spool/.clients" ]
}

@test "limits that make no sense" {
	for bad in x 10 10/ /1m 0/1m 10/x -1/1m 10/1m/; do
		wire "$bye" --max-rate-per-client="$bad"
		[ "$status" = 78 ]
		[ "$output" = "421 4.3.0 service not available" ]
		[[ $stderr = *"--max-rate-per-client is no number/time, such as 60/1m: $bad"* ]]
	done
	for bad in x -1 1001; do
		wire "$bye" --max-connections-per-client="$bad"
		[ "$status" = 64 ]
	done
}
