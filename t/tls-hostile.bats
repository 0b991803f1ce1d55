# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# STARTTLS, and clients that mean no good.
load tls

@test "injection: whole commands behind STARTTLS are not obeyed" {
	local rest
	for rest in 'NOOP\r\n' 'EHLO e\r\nMAIL FROM:<e@e.test>\r\n' \
		'AUTH PLAIN AGEAYg==\r\n' 'RSET\r\nQUIT\r\n'; do
		steps <<-EOF
			hear
			clear EHLO c.test\r\n
			hear
			clear STARTTLS\r\n$rest
		EOF
		assert_success
		replies 220c 250c
		logged 'clear text behind the request'
	done
}
@test "injection: half a command behind STARTTLS is not kept" {
	local rest
	for rest in NO 'NOOP\n' '\r' '\x16\x03\x01'; do
		steps <<-EOF
			hear
			clear EHLO c.test\r\n
			hear
			clear STARTTLS\r\n$rest
		EOF
		assert_success
		replies 220c 250c
	done
}
@test "injection: clear text before the hello fails the handshake" {
	steps <<-'EOF'
		hear
		clear EHLO c.test\r\n
		hear
		clear STARTTLS\r\n
		hear
		clear NOOP\r\n
		start
	EOF
	assert_success
	replies 220c 250c 220c
	assert_line failed
	logged 'SSL_accept error from unknown[127.0.0.1]'
}
@test "nothing said in clear survives: EHLO and HELO name" {
	steps <<-EOF
		$starttls
		text MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n
		hear 3
		text HELO tls.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n
		hear 4
		text hi\r\n.\r\nQUIT\r\n
	EOF
	replies 220c 250c 220c 503 503 503 250 250 250 354 250 221
	content "$(only)" | grep -q '^Received: from tls.test '
}
@test "nothing said in clear survives: the transaction" {
	steps <<-'EOF'
		hear
		clear EHLO c.test\r\nMAIL FROM:<a@a.test>\r\n
		hear 2
		clear STARTTLS\r\n
		hear
		clear RSET\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nRSET\r\n
		hear 4
		clear STARTTLS\r\n
		hear
		start
		text DATA\r\nEHLO x\r\nDATA\r\nQUIT\r\n
	EOF
	replies 220c 250c 250c 503c 250c 250c 250c 250c 220c 503 250 503 221
	nothing_left
}
@test "nothing said in clear survives: the log-in" {
	printf 'server plain bob secret\nserver LOGIN bob secret\n' >"$spool/../auth"
	chmod 600 "$spool/../auth"
	local plain
	plain=$(printf '\0bob\0secret' | base64)
	steps --server-auth="$spool/../auth" <<-EOF
		hear
		clear EHLO c.test\r\nAUTH PLAIN $plain\r\n
		hear 2
		clear STARTTLS\r\n
		hear
		start
		text EHLO x\r\nMAIL FROM:<a@a.test>\r\nAUTH PLAIN $plain\r\nMAIL FROM:<a@a.test>\r\nQUIT\r\n
	EOF
	replies 220c 250c 235c 220c 250 530 235 250 221
}
@test "a second STARTTLS is refused, and is not offered" {
	steps <<-EOF
		$starttls
		text EHLO x\r\nSTARTTLS\r\nNOOP\r\nQUIT\r\n
	EOF
	replies 220c 250c 220c 250 503 250 221
	assert_line 'clear: 250-STARTTLS'
	refute_line 'tls: 250-STARTTLS'
}
@test "close_notify in the text: nothing is stored, nothing more is heard" {
	local after
	for after in 'text' 'bdat'; do
		if [ $after = text ]; then
			steps <<-EOF
				$tls_data
				text half a text\r\n
				notify
				clear \r\n.\r\nNOOP\r\nQUIT\r\n
			EOF
			replies 220c 250c 220c 250 250 250 354
		else
			steps <<-EOF
				$starttls
				text EHLO c\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n
				hear 3
				text BDAT 100 LAST\r\nhalf
				notify
				clear the other half
				fill 200
			EOF
			replies 220c 250c 220c 250 250 250
		fi
		assert_success
		nothing_left
	done
}
@test "a cut without close_notify in the text: nothing is stored" {
	local end
	for end in fin reset; do
		steps <<-EOF
			$tls_data
			text half a text\r\n
			$end
		EOF
		assert_success
		replies 220c 250c 220c 250 250 250 354
		nothing_left
		logged 'DATA from unknown[127.0.0.1]'
	done
}
@test "what is complete before the cut is stored" {
	steps <<-EOF
		$tls_data
		text a text\r\n.\r\n
		hear
		fin
	EOF
	assert_success
	replies 220c 250c 220c 250 250 250 354 250
	holds 'a text\r\n'
}
@test "garbage for a hello" {
	local garbage
	for garbage in 'GET / HTTP/1.1\r\n\r\n' '\x16\x03\x01\xff\xff' \
		'\x15\x03\x03\x00\x02\x02\x28' '\x00\x00\x00\x00\x00\x00' \
		'\x16\x03\x01\x00\x04\x01\x00\xff\xff' '\x80\x2e\x01\x03\x00'; do
		steps <<-EOF
			hear
			clear EHLO c\r\nSTARTTLS\r\n
			hear 2
			clear $garbage
			fin
		EOF
		assert_success
		replies 220c 250c 220c
		logged 'SSL_accept error from unknown[127.0.0.1]'
	done
}
@test "a record that is too large" {
	steps <<-EOF
		$starttls
		text EHLO c\r\n
		hear
		clear \x17\x03\x03\x48\x01
		fill 20000
	EOF
	assert_success
	replies 220c 250c 220c 250
	steps <<-'EOF'
		hear
		clear EHLO c\r\nSTARTTLS\r\n
		hear 2
		clear \x16\x03\x01\x48\x01\x01
		fill 200000
	EOF
	assert_success
	replies 220c 250c 220c
}
@test "half a hello, and then nothing or the end" {
	local n
	for n in 1 5 60 150; do
		steps <<-EOF
			hear
			clear EHLO c\r\nSTARTTLS\r\n
			hear 2
			hello $n
			fin
		EOF
		assert_success
		replies 220c 250c 220c
	done
	steps --idle-timeout=1 <<-'EOF'
		hear
		clear EHLO c\r\nSTARTTLS\r\n
		hear 2
		hello 60
	EOF
	assert_success
	replies 220c 250c 220c
	logged 'timed out'
	steps --idle-timeout=1 --server-tls-connection </dev/null
	assert_success
	replies
	logged 'timed out'
}
@test "a silent client within TLS is told, and hung up on" {
	steps --idle-timeout=1 <<-EOF
		$starttls
		text EHLO c\r\n
		hear
	EOF
	assert_success
	replies 220c 250c 220c 250 421
	assert_line notified
}
@test "TLS 1.0 and 1.1 are refused, 1.2 and 1.3 are not" {
	local v
	for v in 1.0 1.1; do
		steps <<<"$starttls $v"
		assert_success
		assert_line failed
		replies 220c 250c 220c
	done
	for v in 1.2 1.3; do
		steps <<-EOF
			$starttls $v
			text QUIT\r\n
		EOF
		assert_line "secure TLSv$v"
		replies 220c 250c 220c 221
	done
}
@test "weak ciphers are refused" {
	needs openssl
	listen $(tls_server)
	local cipher
	for cipher in aNULL eNULL 3DES RC4 PSK MD5; do
		run openssl s_client -starttls smtp -connect "127.0.0.1:$port" \
			-tls1_2 -cipher "$cipher:@SECLEVEL=0" </dev/null
		assert_failure
	done
	run openssl s_client -starttls smtp -connect "127.0.0.1:$port" \
		-tls1_2 -cipher ECDHE </dev/null
	assert_success
}
@test "renegotiation, compression, tickets and early data are not to be had" {
	needs openssl
	listen $(tls_server)
	run openssl s_client -starttls smtp -connect "127.0.0.1:$port" \
		-tls1_2 -comp -reconnect < <(printf 'EHLO c\r\nQUIT\r\n')
	assert_output --partial 'Compression: NONE'
	refute_output --partial 'TLS session ticket:'
	refute_output --partial 'Reused, '
	# R asks for a renegotiation
	run openssl s_client -starttls smtp -connect "127.0.0.1:$port" \
		-tls1_2 < <(printf 'R\nNOOP\r\n')
	refute_output --partial 'Secure Renegotiation IS NOT'
	assert_output --partial 'no renegotiation'
}
@test "a client that speaks another protocol is refused by its own word" {
	play '-a http/1.1,h2' "$(tls_server)" <<<"$starttls"
	assert_line failed
	play '-a http/1.1,smtp' "$(tls_server)" <<-EOF
		$starttls
		text QUIT\r\n
	EOF
	replies 220c 250c 220c 221
}
@test "TLS from the start: the same, and HTTP is no more welcome than in clear" {
	local words
	for words in http/1.1 h2 pop3 imap ftp; do
		play "-a $words" "$(tls_server)" --server-tls-connection <<<start
		assert_line failed
		replies
	done
	play '-a smtp' "$(tls_server)" --server-tls-connection <<-'EOF'
		start
		text POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO c\r\nMAIL FROM:<a@a.test>\r\n
	EOF
	assert_success
	replies 220 221
}
@test "tls-io dies: the session ends by itself" {
	steps <<-EOF
		$tls_data
		text half\r\n
		kill tls-io
	EOF
	assert_success
	replies 220c 250c 220c 250 250 250 354
	nothing_left
}
@test "smtp-recv dies: the client is told, and tls-io ends" {
	steps <<-EOF
		$tls_data
		text half\r\n
		slay
	EOF
	[ "$status" = 247 ]
	replies 220c 250c 220c 250 250 250 354
	assert_line notified
}
@test "a client that floods and does not listen costs little" {
	head -c 5000000 /dev/zero | tr '\0' x | fold -w 60 | sed 's/.*/NOOP &\r/' \
		>"$BATS_TEST_TMPDIR/flood"
	steps <<-EOF
		$starttls
		text EHLO c\r\n
		hear
		file $BATS_TEST_TMPDIR/flood
	EOF
	assert_success
	assert_output --partial 'tls: 421 4.7.0 too many commands in vain'
}
@test "memory is bounded, whatever passes" {
	needs prlimit
	head -c 30000000 /dev/zero | tr '\0' x | fold -w 998 | sed 's/$/\r/' \
		>"$BATS_TEST_TMPDIR/text"
	[[ $build != *asan* ]] || skip "not this build"
	play "" "prlimit --data=16000000 $(tls_server)" <<-EOF
		$tls_data
		file $BATS_TEST_TMPDIR/text
		hear
		text QUIT\r\n
	EOF
	assert_success
	replies 220c 250c 220c 250 250 250 354 250 221
	[ "$(stat -c %s "$spool/$(only).content")" -gt 30000000 ]
}
