# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2046,SC2086,SC2154
# pop3-serve and TLS: STLS, from the start, and what is hidden before.
load tls
load pop3

setup() {
	prepare_pop3
	message 1
}
# over "OPTION..." STEP...: a conversation with the server, in $output.
over() {
	local options=$1
	start tcpserver -1 -RH -l localhost 127.0.0.1 0 $(server) --log \
		"--server-tls=$certs/mx.test.pem" $options
	shift
	run python3 - "$port" "$certs/mx.test-cert.pem" "$@" <<-'EOF'
		import os, socket, ssl, sys
		port, ca, *steps = sys.argv[1:]
		sock = socket.create_connection(('127.0.0.1', int(port)))
		sock.settimeout(20)
		context = ssl.create_default_context(cafile=ca)
		def tls():
		    global sock
		    sock = context.wrap_socket(sock, server_hostname='mx.test')
		    print('TLS')
		def old(version):
		    global sock
		    context.set_ciphers('ALL:@SECLEVEL=0')
		    context.minimum_version = context.maximum_version = version
		    try:
		        tls()
		    except (ssl.SSLError, OSError):
		        print('failed')
		        sys.exit()
		def notify():
		    global sock
		    plain = socket.socket(fileno=os.dup(sock.fileno()))
		    sock.setblocking(False)
		    try:
		        sock.unwrap()
		    except ssl.SSLError:
		        pass
		    sock = plain
		    sock.settimeout(20)
		def clear():
		    try:
		        sock.sendall(b'QUIT\r\n')
		    except OSError:
		        pass
		def drain():
		    try:
		        sock.shutdown(socket.SHUT_WR)
		        while sock.recv(65536):
		            pass
		    except OSError:
		        pass
		    print('END')
		def hear():
		    line = b''
		    while not line.endswith(b'\n'):
		        c = sock.recv(1)
		        if not c:
		            print('END')
		            sys.exit()
		        line += c
		    print(line.decode().strip().split(' <')[0])
		    return line
		for step in steps:
		    if step == 'TLS':
		        tls()
		    elif step.startswith('TLSv'):
		        old(ssl.TLSVersion[step])
		    elif step == 'NOTIFY':
		        notify()
		    elif step == 'CLEAR':
		        clear()
		    elif step == 'DRAIN':
		        drain()
		    elif step == 'HEAR':
		        hear()
		    elif step == 'LIST':
		        while hear() != b'.\r\n':
		            pass
		    else:
		        sock.sendall(step.encode().decode('unicode_escape').encode('latin1'))
	EOF
}
login='USER bob\r\nPASS pass\r\n'

@test "STLS: one reply in clear, none behind the handshake" {
	over "" HEAR 'CAPA\r\n' LIST 'STLS\r\n' HEAR TLS 'CAPA\r\n' LIST \
		"$login" HEAR HEAR 'RETR 1\r\n' LIST 'STLS\r\n' HEAR 'QUIT\r\n' HEAR HEAR
	assert_success
	assert_equal "$(grep -n STLS <<<"$output" | wc -l)" 1
	assert_line '+OK begin TLS negotiation'
	assert_equal "$(sed -n '/^TLS/{n;p}' <<<"$output")" '+OK capability list follows'
	assert_line 'Subject: m1'
	assert_line '-ERR not now'
	assert_line '+OK signing off'
	assert_line END
	grep -q 'TLS connection established from' "$log"
}

@test "STLS: what was said before is forgotten" {
	over "" HEAR 'USER bob\r\n' HEAR 'STLS\r\n' HEAR TLS 'PASS pass\r\n' HEAR \
		"$login" HEAR HEAR 'STLS\r\n' HEAR
	assert_line --index 4 '-ERR [AUTH] authentication failed'
	assert_line '-ERR not now'
}

@test "STLS: what is injected behind it is never obeyed" {
	over "" HEAR 'STLS\r\nNOOP\r\n' HEAR HEAR
	refute_line --regexp '^\+OK$'
	over "" HEAR "STLS\\r\\n$login" HEAR HEAR
	refute_line --regexp '^\+OK user'
	local rest
	for rest in NO 'NOOP\n' 'QUIT\r' '\x16\x03\x01'; do
		over "" HEAR "STLS\\r\\n$rest" HEAR HEAR
		assert_line END
	done
}

@test "STLS: what is no handshake ends it" {
	local garbage
	for garbage in 'NOOP\r\n' 'GET / HTTP/1.1\r\n\r\n' '\x16\x03\x01\xff\xff' \
		'\x15\x03\x03\x00\x02\x02\x28' '\x80\x2e\x01\x03\x00'; do
		over "" HEAR 'STLS\r\n' HEAR "$garbage" DRAIN
		assert_line END
		refute_line --regexp '^\+OK$'
		grep -q 'SSL_accept error from' "$log"
	done
}

@test "STLS: TLS 1.0 and 1.1 are refused" {
	local v
	for v in TLSv1 TLSv1_1; do
		over "" HEAR 'STLS\r\n' HEAR "$v" HEAR
		assert_line failed
	done
}

@test "STLS: a close_notify ends it, and what comes then in clear is not heard" {
	over "" HEAR 'STLS\r\n' HEAR TLS "$login" HEAR HEAR 'DELE 1\r\n' HEAR \
		NOTIFY CLEAR DRAIN
	assert_line END
	assert_equal "$(left)" 1
}

@test "STLS is not there without a certificate, after the log-in, or when it has failed" {
	pop <<<$'STLS\nCAPA\nQUIT'
	assert_line --index 1 '-ERR STLS is not available'
	refute_line STLS
	echo '-----BEGIN CERTIFICATE-----' >"$BATS_TEST_TMPDIR/bad.pem"
	pop --server-tls="$BATS_TEST_TMPDIR/bad.pem" <<<$'CAPA\nSTLS\nCAPA\nUSER bob\nPASS pass\nQUIT'
	assert_line '-ERR [SYS/TEMP] TLS is not available'
	assert_equal "$(grep -cx STLS <<<"$output")" 1
	assert_line '+OK signing off'
}

@test "STLS is offered only while it can be said" {
	over "" HEAR 'CAPA\r\n' LIST "$login" HEAR HEAR 'CAPA\r\n' LIST
	assert_equal "$(grep -cx STLS <<<"$output")" 1
}

@test "--client-tls enables STLS, too" {
	pop --client-tls <<<$'CAPA\nQUIT'
	refute_line STLS
	pop --client-tls --client-tls-certificate="$certs/mx.test.pem" <<<$'CAPA\nQUIT'
	assert_line STLS
	pop --client-tls-certificate="$certs/mx.test.pem" <<<$'CAPA\nQUIT'
	refute_line STLS
	pop --client-tls --server-tls="$certs/mx.test.pem" <<<$'CAPA\nQUIT'
	assert_line STLS
}

@test "--server-tls-required hides what is not for clear text" {
	secret plain ann x
	pop --server-tls="$certs/mx.test.pem" --server-tls-required \
		<<<$'CAPA\nAUTH\nAUTH PLAIN AGJvYgBwYXNz\nUSER bob\nPASS pass\nAPOP a b\nQUIT'
	refute_line --regexp '^(USER|SASL)'
	assert_line STLS
	assert_equal "$(grep -cx -- '-ERR must use STLS before authentication' <<<"$output")" 5
	over --server-tls-required HEAR 'STLS\r\n' HEAR TLS 'CAPA\r\n' LIST \
		"$login" HEAR HEAR
	assert_line USER
	assert_line --regexp '^SASL '
	assert_line --index $((${#lines[@]} - 1)) +OK
}

@test "TLS from the start" {
	over --server-tls-connection TLS HEAR 'CAPA\r\n' LIST "$login" HEAR HEAR \
		'DELE 1\r\n' HEAR 'QUIT\r\n' HEAR HEAR
	refute_line STLS
	assert_line '+OK signing off'
	assert_line END
	assert_equal "$(left)" ''
}

@test "TLS by whoever has started us: tls-io in front" {
	start tcpserver -1 -RH -l localhost 127.0.0.1 0 "$build/libexec/tls-io" \
		--alpn=pop3 --server-tls="$certs/mx.test.pem" $(server)
	run curl -sS --cacert "$certs/mx.test-cert.pem" --resolve "mx.test:$port:127.0.0.1" \
		--user bob:pass "pop3s://mx.test:$port/1"
	assert_success
	assert_output --partial 'Subject: m1'
}

@test "ALPN: pop3, and nothing else" {
	needs openssl
	alpn() {
		start tcpserver -1 -RH -l localhost 127.0.0.1 0 $(server) \
			--server-tls="$certs/mx.test.pem" --server-tls-connection
		run timeout 20 openssl s_client -quiet -alpn "$1" -connect \
			"127.0.0.1:$port" -ign_eof < <(printf "$bye")
	}
	alpn pop3
	assert_line --partial '+OK signing off'
	alpn http/1.1
	refute_line --partial '+OK'
}

@test "a certificate from the client" {
	over "--server-tls-verify=$certs/ca-cert.pem" HEAR 'STLS\r\n' HEAR TLS \
		"$login" HEAR HEAR HEAR
	refute_line +OK
}
