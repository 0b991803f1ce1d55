# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# The PROXY protocol: haproxy and swaks in front, and headers made by hand.
load recv

message="$upto_data.\r\n$bye"
signature='\r\n\r\n\x00\r\nQUIT\n'
# from 192.0.2.7:4711 to 192.0.2.25:25
v1='PROXY TCP4 192.0.2.7 192.0.2.25 4711 25\r\n'
v2="$signature"'\x21\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x19\x12\x67\x00\x19'
local_v2="$signature"'\x20\x00\x00\x00'

# The address in the envelope of the only message, which goes.
client() {
	envelope "$(only)" | sed -n 's/^X-MailRelay-Client: //p'
	rm "$spool"/*
}
# proxied HEADER OPTION...: a session through a proxy on this machine.
proxied() {
	local header=$1
	shift
	wire "$header$message" --proxy-protocol=127.0.0.1 --log --no-syslog "$@"
}
# header2 COMMAND FAMILY ADDRESSES... [TLV]: a header of version 2, in hex
# escapes for wire.
header2() {
	python3 - "$@" <<-'EOF'
		import ipaddress, struct, sys
		command, family, source, target, *more = sys.argv[1:]
		body = ipaddress.ip_address(source).packed
		body += ipaddress.ip_address(target).packed
		body += struct.pack('>HH', 4711, 25) + bytes.fromhex(''.join(more))
		head = b'\r\n\r\n\0\r\nQUIT\n' + bytes.fromhex(command + family)
		head += struct.pack('>H', len(body)) + body
		print(''.join(f'\\x{octet:02x}' for octet in head))
	EOF
}

@test "the client is whom the header names" {
	while IFS='|' read -r ip header; do
		proxied "$header" --remote-clients
		codes 220 250 250 250 354 250 221 || fail "$header"
		[[ $stderr = *"connect from unknown[$ip]"* ]] || fail "$stderr"
		[[ $stderr = *"disconnect from unknown[$ip] "* ]]
		content "$(only)" | grep -qF "$ip])"
		[ "$(client)" = "$ip" ]
	done <<-EOF
		192.0.2.7|$v1
		192.0.2.7|$v2
		2001:db8::7|PROXY TCP6 2001:db8::7 2001:db8::25 4711 25\r\n
		192.0.2.7|PROXY TCP6 ::ffff:192.0.2.7 2001:db8::25 4711 25\r\n
		2001:db8::7|$(header2 21 21 2001:db8::7 2001:db8::25)
		192.0.2.7|$(header2 21 11 192.0.2.7 192.0.2.25 020003616263)
		192.0.2.7|$(header2 21 11 192.0.2.7 192.0.2.25 "$(printf '00%.0s' {1..4068})")
	EOF
}

@test "a proxy that speaks for itself" {
	for header in "$local_v2" "$(header2 20 11 192.0.2.7 192.0.2.25)"; do
		proxied "$header"
		codes 220 250 250 250 354 250 221
		[ "$(client)" = 127.0.0.1 ]
	done
}

@test "a client that the proxy does not know is not taken for the proxy" {
	for header in 'PROXY UNKNOWN\r\n' "$signature"'\x21\x00\x00\x00' \
		'PROXY UNKNOWN 192.0.2.7 192.0.2.25 4711 25\r\n'; do
		RELAYCLIENT='' proxied "$header"
		codes
		nothing_left
		proxied "$header" --remote-clients
		codes 220 250 250 250 354 250 221
		[ "$(client)" = unknown ]
	done
}

@test "a header that comes octet by octet, and what follows at once" {
	for header in "$v1" "$v2"; do
		for size in 1 7 100000; do
			run talk -4 -c $size smtp-recv $me --spool-dir="$spool" \
				--domain=mx.test --proxy-protocol=127.0.0.0/8 \
				--remote-clients < <(printf %b "$header$message")
			output=${output//$'\r'/}
			codes 220 250 250 250 354 250 221
			[ "$(client)" = 192.0.2.7 ]
		done
	done
}

@test "anything else from a proxy: closed, without a word" {
	while IFS= read -r header; do
		proxied "$header" --remote-clients
		assert_success
		[ -z "$output" ] || fail "$header: $output"
		[[ $stderr = *"warning: no PROXY header from unknown[127.0.0.1]: "* ]]
		[[ $stderr != *connect\ from* ]]
		nothing_left
	done <<-EOF
		EHLO c.test\r\n
		PROXY TCP4 192.0.2.7\r\n
		PROXY TCP4 192.0.2.7 192.0.2.25 4711 smtp\r\n
		PROXY TCP4 mx.test mx.test 4711 25\r\n
		PROXY UNKNOWN $(printf '%0100d' 0)\r\n
		$signature\x21\x11\x00\x04\x7f\x00\x00\x01
		$signature\x21\x12\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x19\x12\x67\x00\x19
		$signature\x11\x00\x00\x00
		$signature\x21\x11\xff\xff$(printf '%0200d' 0)
	EOF
	# half a header, and one without anything
	wire "${v1:0:20}" --proxy-protocol=127.0.0.1 --no-syslog
	[[ -z $output && $stderr = *": connection closed" ]]
	wire '' --proxy-protocol=127.0.0.1 --no-syslog
	[[ -z $output && -z $stderr ]]
}

@test "a proxy that sends no header is left after the time" {
	local before=$EPOCHSECONDS
	mkfifo "$BATS_TEST_TMPDIR/in"
	for part in '' "${v1:0:20}"; do
		exec 5<>"$BATS_TEST_TMPDIR/in"
		printf %b "$part" >&5
		run --separate-stderr smtp-recv $me --spool-dir="$spool" --no-syslog \
			--idle-timeout=1 --proxy-protocol=127.0.0.1 \
			<"$BATS_TEST_TMPDIR/in" 5>&-
		exec 5>&-
		[ -z "$output" ]
		[[ $stderr = *"no PROXY header from unknown[127.0.0.1]: timed out" ]]
	done
	((EPOCHSECONDS - before < 10))
}

@test "from anybody else it is an unknown command" {
	for list in 192.0.2.1 10.0.0.0/8,2001:db8::/32; do
		wire "$v1$message" --proxy-protocol=$list
		codes 220 500 250 250 250 354 250 221
		[ "$(client)" = 127.0.0.1 ]
	done
	wire "$v2$bye" --proxy-protocol=192.0.2.1
	[[ ${lines[0]} = "220 "* && ${lines[1]} = "500 "* ]]
}

@test "the proxy's address decides who is one, the client's who may talk" {
	export TCPREMOTEIP=10.0.0.5 TCPREMOTEHOST=proxy.test
	local option=--proxy-protocol=192.0.2.1,10.0.0.0/8
	wire "$v1$message" $option --no-syslog
	[ -z "$output" ]
	[[ $stderr = *"reject non-local smtp connection: unknown[192.0.2.7]"* ]]
	wire "$v1$message" $option --remote-clients
	[ "$(client)" = 192.0.2.7 ]
	# that is the proxy's own loopback, not ours
	wire "PROXY TCP4 127.0.0.1 127.0.0.1 4711 25\r\n$message" $option
	[ -z "$output" ]
	# that the proxy is trusted does not make its clients so
	RELAYCLIENT='' wire "$v1$message" $option
	[ -z "$output" ]
	RELAYCLIENT='' wire "$local_v2$message" $option
	[ "$(client)" = 10.0.0.5 ]
	unset TCPREMOTEIP
	wire "PROXY TCP4 127.0.0.1 127.0.0.1 4711 25\r\n$message" \
		--proxy-protocol=127.0.0.1
	[ "$(client)" = 127.0.0.1 ]
}

@test "a list that makes no sense" {
	for list in x '192.0.2.1,' 192.0.2.1/33 '192.0.2.1 192.0.2.2' ','; do
		wire "$bye" --proxy-protocol="$list"
		[ "$status" = 78 ]
		[ "$output" = "421 4.3.0 service not available" ]
		[[ $stderr = *"--proxy-protocol is no list of addresses and ranges: $list"* ]]
	done
}

# relay_with WORD...: haproxy on $port, in front of smtp-recv whose log is in
# $server_log.
relay_with() {
	command -v haproxy >/dev/null || skip "haproxy is not installed"
	listen smtp-recv $me --spool-dir="$spool" --domain=mx.test --log --no-syslog \
		--proxy-protocol=127.0.0.1
	server_log=$log
	cat >"$BATS_TEST_TMPDIR/haproxy.cfg" <<-EOF
		defaults
			mode tcp
			timeout connect 10s
			timeout client 10s
			timeout server 10s
			timeout check 10s
			option smtpchk EHLO probe.test
		listen smtp
			bind "fd@\${DOOR}"
			server one 127.0.0.1:$port $*
	EOF
	start python3 -c 'if True:
		import os, socket, sys
		door = socket.create_server(("127.0.0.1", 0))
		print(door.getsockname()[1], flush=True)
		door.set_inheritable(True)
		os.environ["DOOR"] = str(door.fileno())
		os.execvp("haproxy", ["haproxy", "-db", "-f", sys.argv[1]])' \
		"$BATS_TEST_TMPDIR/haproxy.cfg"
}

@test "haproxy in front, versions 1 and 2" {
	for how in send-proxy send-proxy-v2 \
		"send-proxy-v2 proxy-v2-options unique-id,crc32c"; do
		relay_with $how
		run swaks --server "127.0.0.1:$port" --local-interface 127.0.0.7 \
			--from a@a.test --to b@b.test --ehlo c.test
		assert_success
		[ "$(client)" = 127.0.0.7 ]
		grep -qF 'connect from unknown[127.0.0.7]' "$server_log"
	done
}

@test "haproxy's health checks" {
	for how in send-proxy send-proxy-v2; do
		relay_with $how check inter 200ms
		wait_until grep -q 'disconnect from unknown\[127.0.0.1\] ehlo=1 quit=1 commands=2' \
			"$server_log"
		run ! grep -q warning "$server_log"
	done
}

@test "TLS from the start, in one piece with the header" {
	command -v openssl >/dev/null || skip "openssl is not installed"
	local pem=$BATS_TEST_TMPDIR/mx.pem
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mx.test \
		-keyout "$pem" -out "$pem.cert" 2>/dev/null
	cat "$pem.cert" >>"$pem"
	listen smtp-recv $me --spool-dir="$spool" --remote-clients --log --no-syslog \
		--server-tls="$pem" --server-tls-connection \
		--proxy-protocol=127.0.0.1 --max-rate-per-client=1/1h
	for greeting in '220 ' ''; do
		run python3 - "$port" "$v1" <<-'EOF'
			import socket, ssl, sys
			s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 20)
			header = sys.argv[2].encode().decode('unicode_escape').encode()
			context = ssl._create_unverified_context()
			coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
			tls = context.wrap_bio(coming, going)
			while True:
			    try:
			        text = tls.read(4)
			        break
			    except ssl.SSLWantReadError:
			        s.sendall(header + going.read())
			        header = b''
			        try:
			            more = s.recv(4096)
			        except ConnectionResetError:
			            more = b''
			        if not more:
			            text = b''
			            break
			        coming.write(more)
			print(text.decode())
		EOF
		assert_success
		assert_output "$greeting"
	done
	grep -qF 'TLS connection established from unknown[192.0.2.7]' "$log"
}

@test "swaks says it is a proxy" {
	command -v swaks >/dev/null || skip "swaks is not installed"
	listen smtp-recv $me --spool-dir="$spool" --remote-clients \
		--proxy-protocol=127.0.0.0/8
	run swaks --server "127.0.0.1:$port" --from a@a.test --to b@b.test \
		--proxy-version 1 --proxy-protocol STREAM --proxy-family TCP4 \
		--proxy-source 192.0.2.7 --proxy-source-port 4711 \
		--proxy-dest 192.0.2.25 --proxy-dest-port 25
	assert_success
	[ "$(client)" = 192.0.2.7 ]
	run swaks --server "127.0.0.1:$port" --from a@a.test --to b@b.test \
		--proxy-version 2 --proxy-family AF_INET6 --proxy-protocol STREAM \
		--proxy-source 2001:db8::7 --proxy-source-port 4711 \
		--proxy-dest 2001:db8::25 --proxy-dest-port 25
	assert_success
	[ "$(client)" = 2001:db8::7 ]
}
