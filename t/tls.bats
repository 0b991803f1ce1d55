# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# TLS of smtp-recv: other people's clients, certificates and options. See
# tls-hostile.bats for those who mean no good.
load tls

# One message has come by TLS, with this in the Received line.
came_with() {
	local id
	id=$(only)
	content "$id" | head -n 1 | grep -qE \
		"^Received: from .* by mx.test with $1 id $id \(TLSv1\.[23] [A-Z0-9_-]+\) ; " ||
		fail "$(content "$id")"
	rm "$spool/$id".*
}
message=$'MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n.\r\nQUIT\r\n'

@test "openssl s_client: STARTTLS, and TLS from the start" {
	needs openssl
	listen $(tls_server)
	run openssl s_client -quiet -starttls smtp -connect "127.0.0.1:$port" \
		-CAfile "$certs/mx.test-cert.pem" -verify_return_error \
		-servername mx.test < <(printf 'EHLO c\r\n%s' "$message")
	assert_success
	came_with ESMTPS
	listen $(tls_server) --server-tls-connection
	run openssl s_client -quiet -connect "127.0.0.1:$port" -tls1_2 \
		-CAfile "$certs/mx.test-cert.pem" -verify_return_error \
		< <(printf 'EHLO c\r\n%s' "$message")
	assert_success
	assert_line --partial '220 mx.test ESMTP'
	refute_line --partial STARTTLS
	came_with ESMTPS
}
@test "swaks --tls and --tlsc" {
	needs swaks
	perl -MNet::SSLeay -e1 2>/dev/null ||
		skip "swaks has no TLS here (libnet-ssleay-perl)"
	listen $(tls_server)
	run swaks --server 127.0.0.1 --port "$port" --tls --to b@b.test \
		--from a@a.test
	assert_success
	came_with ESMTPS
	listen $(tls_server) --server-tls-connection
	run swaks --server 127.0.0.1 --port "$port" --tlsc --to b@b.test \
		--from a@a.test
	assert_success
	came_with ESMTPS
}
@test "Python's smtplib, which checks the certificate" {
	listen $(tls_server)
	run python3 - "$port" "$certs/mx.test-cert.pem" <<-'EOF'
		import smtplib, ssl, sys
		context = ssl.create_default_context(cafile=sys.argv[2])
		s = smtplib.SMTP('127.0.0.1', int(sys.argv[1]))
		s._host = 'mx.test'
		s.starttls(context=context)
		s.sendmail('a@a.test', ['b@b.test'], 'Subject: x\n\nhi\n')
		print(s.has_extn('starttls'), s.quit()[0])
	EOF
	assert_success
	assert_output 'False 221'
	came_with ESMTPS
}
@test "curl --ssl-reqd and smtps, which check the certificate" {
	needs curl
	printf 'Subject: x\r\n\r\nhi\r\n' >"$BATS_TEST_TMPDIR/text"
	local scheme option
	for scheme in smtp smtps; do
		option=
		[ $scheme = smtp ] || option=--server-tls-connection
		listen $(tls_server) $option
		run curl -sS --ssl-reqd --cacert "$certs/mx.test-cert.pem" \
			--resolve "mx.test:$port:127.0.0.1" "$scheme://mx.test:$port" \
			--mail-from a@a.test --mail-rcpt b@b.test \
			-T "$BATS_TEST_TMPDIR/text"
		assert_success
		came_with ESMTPS
	done
}
@test "gnutls-cli" {
	needs gnutls-cli
	listen $(tls_server)
	run gnutls-cli --starttls-proto=smtp --port "$port" 127.0.0.1 \
		--x509cafile="$certs/mx.test-cert.pem" \
		--verify-hostname=mx.test --sni-hostname=mx.test \
		--alpn=smtp < <(printf 'EHLO c\r\n%s' "$message")
	assert_success
	came_with ESMTPS
}
@test "msmtp, which checks the certificate" {
	needs msmtp
	listen $(tls_server)
	run msmtp --host=127.0.0.1 --port="$port" --from=a@a.test --tls=on \
		--tls-trust-file="$certs/mx.test-cert.pem" \
		--tls-host-override=mx.test b@b.test <<<$'Subject: x\n\nhi'
	assert_success
	came_with ESMTPS
}
@test "Postfix's posttls-finger" {
	needs posttls-finger
	export MAIL_CONFIG=$BATS_TEST_TMPDIR
	echo 'compatibility_level = 3.6' >"$MAIL_CONFIG/main.cf"
	listen $(tls_server)
	run posttls-finger -c -l verify -F "$certs/mx.test-cert.pem" \
		-p '>=TLSv1.2' "[127.0.0.1]:$port" mx.test
	assert_output --partial 'Verified TLS connection established'
}
@test "stunnel in front" {
	needs stunnel
	listen $(server)
	cat >"$BATS_TEST_TMPDIR/stunnel" <<-EOF
		cert = $certs/mx.test.pem
		connect = 127.0.0.1:$port
		debug = 3
		syslog = no
	EOF
	listen stunnel "$BATS_TEST_TMPDIR/stunnel"
	run openssl s_client -quiet -connect "127.0.0.1:$port" \
		< <(printf 'EHLO c\r\n%s' "$message")
	assert_success
	content "$(only)" | grep -q ' with ESMTP id '
}
@test "tls-io before smtp-recv, as ucspi programs are" {
	start tcpserver -1 -RH -l localhost 127.0.0.1 0 \
		"$build/libexec/tls-io" $me "--server-tls=$certs/mx.test.pem" \
		--alpn=smtp $(server)
	run openssl s_client -quiet -connect "127.0.0.1:$port" \
		-servername mx.test < <(printf 'EHLO c\r\n%s' "$message")
	assert_success
	refute_line --partial STARTTLS
	came_with ESMTPS
	grep -q 'Anonymous TLS connection established from unknown\[127.0.0.1\]' "$log"
}
@test "tls-io: what the program finds in its environment, and its status" {
	play "-n mx.test -c $certs/friend.pem" "$build/libexec/tls-io" $me \
		"--server-tls=$certs/mx.test.pem" --tls-config=4 \
		sh -c 'env | grep ^SSL_ | sort; exit 3' <<<start
	[ "$status" = 3 ]
	assert_line --regexp '^tls: SSL_CIPHER=TLS_'
	assert_line 'tls: SSL_PROTOCOL=TLSv1.3'
	assert_line 'tls: SSL_TLS_SNI_SERVERNAME=mx.test'
	assert_line 'tls: SSL_PEER_CERT_SUBJECT=CN=friend,O=Test'
	assert_line 'tls: SSL_PEER_CERT_ISSUER=CN=ca,O=Test'
	assert_line --regexp '^tls: SSL_PEER_CERT_PEM=-----BEGIN CERTIFICATE-----M'
	assert_line --regexp '^tls: SSL_PEER_VERIFY=unable to get local issuer certificate$'
	assert_line notified
}
@test "tls-io: the program is not run without a handshake" {
	play "" "$build/libexec/tls-io" $me "--server-tls=$certs/mx.test.pem" \
		touch "$BATS_TEST_TMPDIR/run" <<<'clear EHLO c\r\n'
	[ "$status" = 76 ]
	assert_file_not_exists "$BATS_TEST_TMPDIR/run"
	run "$build/libexec/tls-io" $me --server-tls=/nowhere true
	[ "$status" = 78 ]
	run "$build/libexec/tls-io" true
	[ "$status" = 64 ]
}
@test "the super-server's word that it is encrypted" {
	SSL_PROTOCOL=TLSv1.2 SSL_CIPHER='X(Y)-1' recv --server-tls-required <<-EOF
		EHLO c
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		.
		STARTTLS
		QUIT
	EOF
	codes 220 250 250 250 354 250 503 221
	content "$(only)" | grep -q ' with ESMTPS id .* (TLSv1.2 XY-1) ; '
}
@test "UCSPI-TLS: the super-server does it when we ask" {
	play "" "$BATS_TEST_DIRNAME/ucspitlsd $certs/mx.test.pem $(server)" \
		--server-tls-required <<-EOF
		$tls_data
		text hi\r\n.\r\nSTARTTLS\r\nQUIT\r\n
	EOF
	replies 220c 250c 220c 250 250 250 354 250 503 221
	assert_line 'clear: 250-STARTTLS'
	came_with ESMTPS
	play "" "$BATS_TEST_DIRNAME/ucspitlsd $certs/mx.test.pem $(server)" <<-'EOF'
		hear
		clear EHLO c\r\n
		hear
		clear STARTTLS\r\nNO
	EOF
	replies 220c 250c
	logged 'clear text behind the request'
}
@test "not configured: not offered, and refused" {
	recv <<-EOF
		STARTTLS
		EHLO c
		STARTTLS
		QUIT
	EOF
	codes 220 503 250 503 221
	refute_line --partial STARTTLS
}
@test "STARTTLS takes no argument" {
	recv --server-tls="$certs/mx.test.pem" <<-EOF
		EHLO c
		STARTTLS now
		QUIT
	EOF
	codes 220 250 501 221
}
@test "--server-tls-required: neither mail nor AUTH nor VRFY without TLS" {
	printf 'server LOGIN bob secret\n' >"$spool/../auth"
	chmod 600 "$spool/../auth"
	steps --server-tls-required --server-auth="$spool/../auth" <<-EOF
		hear
		clear EHLO c\r\nMAIL FROM:<a@a.test>\r\nAUTH LOGIN\r\nVRFY a\r\nNOOP\r\n
		hear 5
		clear STARTTLS\r\n
		hear
		start
		text EHLO c\r\nQUIT\r\n
	EOF
	replies 220c 250c 530c 530c 530c 250c 220c 250 221
	assert_line 'clear: 530 5.7.0 must issue STARTTLS first'
	refute_line --regexp 'clear: 250-AUTH'
	assert_line --regexp 'tls: 250-AUTH .*LOGIN'
	recv --server-tls-required </dev/null
	[ "$status" = 78 ]
}
@test "with: SMTPUTF8 and authenticated" {
	printf 'server LOGIN bob secret\n' >"$spool/../auth"
	chmod 600 "$spool/../auth"
	steps --server-auth="$spool/../auth" <<-EOF
		$starttls
		text EHLO c\r\nAUTH PLAIN $(printf '\0bob\0secret' | base64)\r\nMAIL FROM:<a@a.test> SMTPUTF8\r\nRCPT TO:<b@b.test>\r\nDATA\r\n
		hear 5
		text hi\r\n.\r\nQUIT\r\n
	EOF
	replies 220c 250c 220c 250 235 250 250 354 250 221
	came_with UTF8SMTPSA
}
@test "the key in a file of its own" {
	play "" "$(server)" --server-tls="$certs/mx.test-cert.pem" \
		--tls-key="$certs/mx.test-key.pem" <<-EOF
		$starttls
		text QUIT\r\n
	EOF
	replies 220c 250c 220c 221
}
@test "files that cannot be opened are found before the greeting" {
	recv --server-tls=/nowhere.pem </dev/null
	[ "$status" = 78 ]
	assert_output '421 4.3.0 service not available'
	[[ $stderr = *"cannot open '/nowhere.pem': No such file"* ]]
	recv --server-tls="$certs/mx.test.pem" --tls-key=/nowhere.key </dev/null
	[ "$status" = 78 ]
	recv --server-tls="$certs/mx.test.pem" --tls-config=16 </dev/null
	[ "$status" = 78 ]
	recv --server-tls-connection </dev/null
	[ "$status" = 78 ]
}
@test "files that cannot be PEM, and trust that cannot be read: 421" {
	echo nonsense >"$BATS_TEST_TMPDIR/nonsense"
	local files
	for files in "--server-tls=$BATS_TEST_TMPDIR/nonsense" \
		"--server-tls=/dev/null" "--server-tls=$certs" \
		"--server-tls=$certs/mx.test.pem --server-tls-verify=/nowhere"; do
		session $(server) $files <<<QUIT
		[ "$output" = '421 4.3.0 service not available' ] || fail "$output"
		assert_equal "$status" 78
	done
}
@test "a key that does not fit: 454 once, and the session goes on in clear" {
	local files
	for files in "--server-tls=$certs/mx.test-cert.pem" \
		"--server-tls=$certs/mx.test.pem --tls-key=$certs/ca-key.pem"; do
		play "" "$(server)" $files <<-'EOF'
			hear
			clear EHLO c\r\n
			hear
			clear STARTTLS\r\n
			hear
			clear MAIL FROM:<a@a.test>\r\nQUIT\r\n
		EOF
		assert_success
		replies 220c 250c 454c 250c 221c
		logged 'error: cannot start TLS: '
	done
}
@test "TLS that others have done has to have verified the client, too" {
	local SSL_PROTOCOL=TLSv1.3 verified
	export SSL_PROTOCOL
	for verify in --tls-config=8 "--server-tls-verify=$certs/ca-cert.pem"; do
		for verified in '' NONE; do
			SSL_PEER_VERIFY=$verified session $(server) "$verify" <<<QUIT
			[ -z "$output" ] || fail "$output"
		done
		SSL_PEER_VERIFY=SUCCESS session $(server) "$verify" <<<QUIT
		codes 220 221
	done
	unset SSL_PROTOCOL
	session $(server) --tls-config=8 <<<QUIT
	assert_equal "$status" 78
}
@test "the last words of a program come through, however many" {
	start tcpserver -1 -RH -l localhost 127.0.0.1 0 "$build/libexec/tls-io" \
		$me --server-tls="$certs/mx.test.pem" head -c 1000000 /dev/zero
	run python3 - "$port" <<-'EOF'
		import socket, ssl, sys
		context = ssl._create_unverified_context()
		# the end without a close_notify would be an error
		s = context.wrap_socket(socket.create_connection(
		    ('127.0.0.1', int(sys.argv[1])), timeout=20),
		    suppress_ragged_eofs=False)
		n = 0
		while block := s.recv(65536):
		    n += len(block)
		print(n)
	EOF
	assert_output 1000000
}
@test "nobody may read tls-io, so that nobody may look at its key" {
	assert_equal "$(stat -c %a "$build/libexec/tls-io")" 711
}
@test "a new certificate serves from the next connection on" {
	cp "$certs/mx.test.pem" "$BATS_TEST_TMPDIR/pem"
	listen $(server) --server-tls="$BATS_TEST_TMPDIR/pem"
	local name
	for name in mx.test other.test mx.test; do
		cp "$certs/$name.pem" "$BATS_TEST_TMPDIR/new"
		mv "$BATS_TEST_TMPDIR/new" "$BATS_TEST_TMPDIR/pem"
		run openssl s_client -starttls smtp -connect "127.0.0.1:$port" \
			</dev/null
		assert_line --regexp "^subject=O = Test, CN = $name"
	done
}
@test "a PROXY header comes before TLS" {
	steps --server-tls-connection --proxy-protocol=127.0.0.1 \
		--remote-clients <<-'EOF'
		clear PROXY TCP4 192.0.2.7 192.0.2.1 4711 465\r\n
		start
		hear
		text QUIT\r\n
	EOF
	replies 220 221
	logged 'Anonymous TLS connection established from unknown[192.0.2.7]'
}
@test "a chain of certificates is sent" {
	cat "$certs/friend.pem" "$certs/ca-cert.pem" >"$BATS_TEST_TMPDIR/pem"
	listen $(server) --server-tls="$BATS_TEST_TMPDIR/pem"
	run openssl s_client -starttls smtp -connect "127.0.0.1:$port" \
		-showcerts </dev/null
	assert_line --regexp '^ 1 s:O = Test, CN = ca'
}
@test "root's key is read before root is given up" {
	as_root || skip "not root"
	su -s /bin/sh daemon -c "test -x '$build/libexec/tls-io'" ||
		skip "the build is out of reach for daemon"
	chmod 777 "$spool"
	play "" "${me:+smtp-recv} --spool-dir=$spool --domain=mx.test --log" \
		--no-syslog --server-tls="$certs/mx.test-cert.pem" \
		--tls-key="$certs/mx.test-key.pem" <<-EOF
		$tls_data
		text hi\r\n.\r\nQUIT\r\n
	EOF
	replies 220c 250c 220c 250 250 250 354 250 221
	[ "$(stat -c %U "$spool/$(only).content")" = daemon ]
}
@test "--tls-config=4: the client's certificate is logged, whoever signed it" {
	play "-c $certs/stranger.pem" "$(tls_server)" --tls-config=4 <<-EOF
		$tls_data
		text hi\r\n.\r\nQUIT\r\n
	EOF
	replies 220c 250c 220c 250 250 250 354 250 221
	logged 'Untrusted TLS connection established from unknown[127.0.0.1]: TLSv1.3'
	logged ', subject=CN=stranger,O=Test'
	local pem
	pem=$(tr -d '\n' <"$certs/stranger-cert.pem")
	envelope "$(only)" | grep -qFx "X-MailRelay-ClientCertificate: $pem"
	steps --tls-config=4 <<-EOF
		$starttls
		text QUIT\r\n
	EOF
	logged 'Anonymous TLS connection'
}
@test "--tls-config=8 and --server-tls-verify: only with a certificate we trust" {
	local how
	openssl rehash "$certs" 2>/dev/null || true
	for how in "--server-tls-verify=$certs/ca-cert.pem" --tls-config=8 \
		"--server-tls-verify=$certs --tls-config=4,openssl"; do
		play "-c $certs/friend.pem" "$(tls_server)" $how <<-EOF
			$starttls
			text QUIT\r\n
		EOF
		replies 220c 250c 220c 221
		logged 'Trusted TLS connection'
		play "" "$(tls_server)" $how <<<"$starttls"
		replies 220c 250c 220c
		logged 'peer did not return a certificate'
	done
	play "-c $certs/stranger.pem" "$(tls_server)" \
		"--server-tls-verify=$certs/ca-cert.pem" <<<"$starttls"
	replies 220c 250c 220c
	logged 'self-signed certificate'
}
@test "the name in the client's certificate is in the Received line" {
	play "-c $certs/friend.pem" "$(tls_server)" --tls-config=4 <<-EOF
		$tls_data
		text .\r\nQUIT\r\n
	EOF
	content "$(only)" |
		grep -Eq '^Received: .* with ESMTPS id .* \(TLSv1.3 [A-Z0-9_]+ CN=friend,O=Test\) ; '
}
@test "--tls-config: versions" {
	local config version
	for config in 2 3 0 tlsv1.2 -tlsv1.3 tlsv1.0,4 1+-tlsv1.2; do
		steps --tls-config="$config" <<-EOF
			$starttls
			text QUIT\r\n
		EOF
		replies 220c 250c 220c 221
	done
	assert_line 'secure TLSv1.2'
	for version in 1.0 1.1; do
		steps --tls-config=tlsv1.0 <<-EOF
			$starttls $version
			text QUIT\r\n
		EOF
		assert_line --regexp "secure TLSv$version?\$" || true
		replies 220c 250c 220c 221
	done
	steps --tls-config=tlsv1.3 <<<"$starttls 1.2"
	assert_line failed
}
@test "50 MiB, every octet" {
	head -c $((37 << 20)) /dev/urandom | base64 -w 76 | sed 's/$/\r/' \
		>"$BATS_TEST_TMPDIR/text"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/text")" -ge $((50 << 20)) ]
	steps <<-EOF
		$tls_data
		file $BATS_TEST_TMPDIR/text
		hear
		text QUIT\r\n
	EOF
	assert_success
	replies 220c 250c 220c 250 250 250 354 250 221
	text "$(only)" | cmp - <(cat "$BATS_TEST_TMPDIR/text" && printf '\r\n')
}
@test "a hundred sessions, ten at a time" {
	listen $(tls_server)
	run python3 - "$port" <<-'EOF'
		import concurrent.futures, smtplib, ssl, sys
		context = ssl._create_unverified_context()
		def send(_):
		    s = smtplib.SMTP('127.0.0.1', int(sys.argv[1]))
		    s.starttls(context=context)
		    s.sendmail('a@a.test', ['b@b.test'], 'Subject: x\n\nhi\n')
		    s.quit()
		with concurrent.futures.ThreadPoolExecutor(10) as pool:
		    list(pool.map(send, range(100)))
	EOF
	assert_success
	[ "$(spooled | wc -l)" = 100 ]
}
# As a library, or all of it.
@test "tls-io is the only one that is linked with OpenSSL" {
	local f
	for f in "$bin"/* "$build"/libexec/*; do
		run readelf -W -d -s "$f"
		case $f in
		*/tls-io) assert_output --partial SSL_CTX_new ;;
		*) refute_output --regexp 'libssl|SSL_CTX_new' ;;
		esac
	done
}
@test "a session in clear starts no tls-io, and OpenSSL reads no configuration" {
	needs strace
	local calls=$BATS_TEST_TMPDIR/calls
	play "" "strace -f -e trace=execve,?open,openat -o $calls $(tls_server)" <<-'EOF'
		hear
		clear EHLO c\r\nQUIT\r\n
	EOF
	replies 220c 250c 221c
	grep -q mx.test.pem "$calls"
	run ! grep -q 'tls-io\|libssl' "$calls"
	play "" "strace -f -e trace=execve,?open,openat -o $calls $(tls_server)" <<-EOF
		$starttls
		text QUIT\r\n
	EOF
	replies 220c 250c 220c 221
	grep -q 'tls-io' "$calls"
	run ! grep -q 'openssl.cnf\|/etc/ssl\|/usr/lib/ssl' "$calls"
}
