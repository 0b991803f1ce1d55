#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2046,SC2086,SC2154
# One spool and several hosts: network and process namespaces that share a
# directory. There are as many processes 2 as there are hosts.
load helper
load send

# A host in the middle, which has the server, and two more with a wire to it.
setup() {
	prepare
	[ "$EUID" = 0 ] || skip "needs root"
	unshare -npmf --kill-child --mount-proc ip link set lo up 2>/dev/null ||
		skip "no namespaces to be had"
	declare -gA host=()
	senders=()
	boot hub
	boot a
	boot b
	wire a 192.0.2.1 192.0.2.2
	wire b 192.0.2.5 192.0.2.6
	on b ip route add default via 192.0.2.5
}
# boot NAME: a host, as ${host[NAME]}, its first process.
boot() {
	# the first process of a host gets no signal that it does not ask for
	start unshare -npmf --kill-child --mount-proc sh -c '
		trap "exit 143" TERM
		ip link set lo up
		echo up
		sleep infinity &
		wait'
	host[$1]=$(pgrep -P "$pid")
}
# on NAME COMMAND...: there.
on() {
	local where=${host[$1]}
	shift
	nsenter -n -p -m -t "$where" "$@"
}
# wire NAME HERE THERE: between the hub and that host.
wire() {
	on hub ip link add "to-$1" type veth peer name eth0
	# the number of a process, as we know it
	nsenter -n -t "${host[hub]}" ip link set eth0 netns "${host[$1]}"
	on hub ip addr add "$2/30" dev "to-$1"
	on hub ip link set "to-$1" up
	on $1 ip addr add "$3/30" dev eth0
	on $1 ip link set eth0 up
}
# sink [OPTIONS]: a server at the hub; the first lines of what has come are
# in $got.
sink() {
	got=$BATS_TEST_TMPDIR/got
	: >"$got"
	start nsenter -n -t "${host[hub]}" "$build/t/bench/sink" \
		--address 192.0.2.1 --log "$got" "$@"
}
# sender NAME [OPTIONS]: smtp-send on that host, in the background; what it
# reports is in $report.N.
sender() {
	local name=$1
	shift
	report=$BATS_TEST_TMPDIR/report
	on $name smtp-send $me --spool-dir "$spool" --forward-to "192.0.2.1:$port" \
		--no-syslog --report "$@" </dev/null >"$report.${#senders[@]}" \
		2>>"$BATS_TEST_TMPDIR/senders" 3>&- &
	senders+=($!)
}
all_done() {
	local p
	for p in "${senders[@]}"; do
		wait "$p" || fail "a sender ended with $?: $(cat "$BATS_TEST_TMPDIR/senders")"
	done
	senders=()
}
# post_many N: a spool of N messages.
post_many() {
	local n e
	post 1
	e=$(<"$spool/$(id 1).envelope")
	for ((n = 2; n <= $1; n++)); do
		printf '%s\n' "${e//1@/$n@}" >"$spool/$(id $n).envelope"
		printf 'Subject: message %s\r\n\r\ntext\r\n' $n >"$spool/$(id $n).content"
	done
}
came_once() {
	diff <(sort "$got") <(seq "$1" | sed 's/^/Subject: message /' | sort) ||
		fail "$(cat "$BATS_TEST_TMPDIR/senders")"
}
more_than() { (($(wc -l <"$got") > $1)); }
# What a kill leaves may be a text whose envelope has gone already.
no_envelopes() { [ "$(ls "$spool" | grep -c envelope)" = 0 ] || fail "left: $(ls "$spool")"; }
empty() { [ "$(ls "$spool")" = "" ] || fail "left: $(ls "$spool")"; }

@test "four forwarders on two hosts: each of 400 messages goes once" {
	local n
	post_many 400
	# as long as it takes them all to start
	sink --delay-ms 3
	for n in a a b b; do sender $n; done
	all_done
	empty
	came_once 400
	# all of them had a share in it
	for n in 0 1 2 3; do
		grep -q ' sent ' "$report.$n" || fail "number $n has sent nothing"
	done
	[ "$(cat "$report".? | grep -c ' sent ')" = 400 ]
}

@test "one of them is killed: nothing is lost, no more than its message comes twice" {
	local n victim twice
	post_many 400
	sink --delay-ms 1
	for n in a a b b; do sender $n; done
	wait_until more_than 100
	wait_until pgrep -P "${senders[3]}" >/dev/null
	victim=$(pgrep -P "${senders[3]}")
	kill -9 "$victim"
	wait "${senders[3]}" || true
	unset 'senders[3]'
	all_done
	# whoever comes next takes up what it had
	[ "$(spooled busy | wc -l)" -le 1 ]
	sender a
	all_done
	no_envelopes
	[ "$(sort -u "$got" | wc -l)" = 400 ]
	twice=$(sort "$got" | uniq -d | wc -l)
	[ "$twice" -le 1 ] || fail "$twice came twice"
}

@test "a host that goes down with its forwarders is replaced by the other" {
	local n twice
	post_many 200
	sink --delay-ms 1
	for n in a a b b; do sender $n; done
	wait_until more_than 40
	kill -9 "${host[b]}"
	wait "${senders[2]}" "${senders[3]}" 2>/dev/null || true
	senders=("${senders[@]:0:2}")
	all_done
	sender a
	all_done
	no_envelopes
	[ "$(sort -u "$got" | wc -l)" = 200 ]
	twice=$(sort "$got" | uniq -d | wc -l)
	[ "$twice" -le 2 ] || fail "$twice came twice"
}

@test "triggers on two hosts: one forwarder at a time, and all is sent" {
	local n
	post_many 50
	sink --delay-ms 2
	for n in {1..15}; do
		sender a --forward-on-disconnect
		sender b --forward-on-disconnect
	done
	all_done
	empty
	came_once 50
}

# receive NAME N: N messages, one after the other, by as many processes there.
receive() {
	local n said=$BATS_TEST_TMPDIR/said.$1
	mkdir "$said"
	for ((n = 1; n <= $2; n++)); do
		printf 'EHLO x\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n%s%s\r\nQUIT\r\n' \
			$'Subject: message '"$1-$n" $'\r\n\r\ntext\r\n.' >"$said/$n"
	done
	on $1 sh -c 'for f in "$1"/*; do
		smtp-recv $2 --spool-dir="$3" --domain=mx.test --no-syslog <"$f"
	done' sh "$said" "$me" "$spool" >"$BATS_TEST_TMPDIR/heard.$1"
}

@test "receivers with the same process ids, on two hosts: no message takes another's place" {
	local other
	receive a 100 &
	other=$!
	receive b 100
	wait $other
	[ "$(spooled | wc -l)" = 200 ]
	[ "$(cat "$spool"/*.content | tr -d '\r' | grep '^Subject: ' | sort -u | wc -l)" = 200 ]
	# it was the case: the ids have the process id in them
	[ "$(spooled | cut -d. -f2 | sort | uniq -d | wc -l)" -ge 50 ] ||
		fail "process ids: $(spooled | cut -d. -f2 | sort | uniq -c)"
	# and all of it can be sent from both
	sink
	sender a
	sender b
	all_done
	empty
	[ "$(wc -l <"$got")" = 200 ]
}
