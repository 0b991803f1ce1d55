# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# What tcprules(1) says of a client, by way of a real tcpserver.
load recv

@test "the example's rules, from addresses of a network of our own" {
	for program in swaks tcprules tcprulescheck; do
		command -v $program >/dev/null || skip "$program is not installed"
	done
	cd "$BATS_TEST_TMPDIR"
	tcprules rules.cdb rules.tmp <"$top/doc/examples/tcprules"
	mkfifo port
	cat >net <<-EOF
		ip link set lo up || exit 99
		for ip in 192.168.1.1 192.168.1.2 192.168.1.20 192.168.99.3 203.0.113.5; do
			ip addr add \$ip/32 dev lo || exit 99
		done
		tcpserver -1 -HR -x rules.cdb 0 0 smtp-recv --user=root \
			--spool-dir=$spool --domain=mx.test --no-syslog >port 2>log &
		read port <port
		for ip in 192.168.1.2 192.168.1.20 192.168.99.3 203.0.113.5 127.0.0.1; do
			echo "== \$ip"
			swaks --server "192.168.1.1:\$port" --local-interface \$ip \
				--from a@a.test --to b@b.test --ehlo c.test 2>&1
		done
		kill \$!
		exit 0
	EOF
	run unshare -rn sh net 3>&-
	[ "$status" != 99 ] && [ "$status" = 0 ] ||
		skip "no network namespaces: $output"
	said=$output
	part() { sed -n "/^== $1\$/,/^== /p" <<<"$said"; }
	[[ $(part 192.168.1.2) = *"250-SIZE 20000000"*"250 2.0.0 OK queued"* ]]
	[[ $(part 192.168.1.20) = *"250-SIZE"$'\n'*"250 2.0.0 OK queued"* ]]
	[[ $(part 192.168.99.3) != *" 220 "* ]]
	grep -q 'reject non-local smtp connection: unknown\[192.168.99.3\]' log
	[[ $(part 203.0.113.5) != *" 220 "* ]]
	run ! grep -q 203.0.113.5 log
	[[ $(part 127.0.0.1) = *"250 2.0.0 OK queued"* ]]
	[ "$(spooled | wc -l)" = 3 ]
	grep -q 'Client: 192.168.1.20' "$spool"/*.envelope
}

@test "RELAYCLIENT: its value is added to no recipient" {
	TCPREMOTEIP=192.0.2.1 RELAYCLIENT=@fixme.test wire "$upto_data.\r\n$bye"
	codes 220 250 250 250 354 250 221
	[[ $(envelope "$(only)") = *"To-Remote: b@b.test"* ]]
}

@test "DATABYTES counts before --size, and 0 is no limit" {
	DATABYTES=0 wire "${hello}MAIL FROM:<a@a.test> SIZE=1000\r\n$bye" --size=10
	codes 220 250 250 221
	DATABYTES=10 wire "${hello}MAIL FROM:<a@a.test> SIZE=1000\r\n$bye" --size=0
	codes 220 250 552 221
	DATABYTES=10 wire "$upto_data$(printf '%011d' 0)\r\n.\r\n$bye"
	codes 220 250 250 250 354 552 221
	DATABYTES=10 wire "$upto_data$(printf '%08d' 0)\r\n.\r\n$bye"
	codes 220 250 250 250 354 250 221
}
