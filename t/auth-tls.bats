#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2086,SC2154
# smtp-recv: logging in where there is TLS.
load tls

good=AGJvYgBzZWNyZXQ=

setup() {
	prepare
	accounts=$BATS_TEST_TMPDIR/accounts
	(umask 077 && echo "server LOGIN bob secret" >"$accounts")
}

@test "--server-tls-required: no AUTH in clear, and MAIL says why" {
	session $(tls_server) --server-auth="$accounts" \
		--server-tls-required <<-EOF
		EHLO c
		AUTH PLAIN $good
		MAIL FROM:<a@a.test>
	EOF
	codes 220 250 530 530
	refute_output --partial 250-AUTH
	[[ $stderr != *"$good"* ]]
}

@test "under TLS it is offered, and Received says ESMTPSA" {
	steps --server-auth="$accounts" --server-tls-required <<<"$starttls
text EHLO c.test\\r\\n
hear
text AUTH PLAIN $good\\r\\n
hear
text MAIL FROM:<a@a.test>\\r\\nRCPT TO:<b@b.test>\\r\\nDATA\\r\\n
hear 3
text hello\\r\\n.\\r\\nQUIT\\r\\n
hear 2"
	assert_output --partial "250-AUTH LOGIN PLAIN"
	assert_output --partial "235 2.7.0"
	[[ $(content "$(only)") = *" with ESMTPSA "* ]]
	[[ $(envelope "$(only)") = *"Authentication: bob"$'\n'* ]]
	[[ $stderr = *"sasl_method=PLAIN, sasl_username=bob"* ]]
}

@test "what was said in clear is forgotten: STARTTLS, and log in again" {
	steps --server-auth="$accounts" <<<"hear
clear EHLO c.test\\r\\n
hear
clear AUTH PLAIN $good\\r\\n
hear
clear STARTTLS\\r\\n
hear
start
text EHLO c.test\\r\\n
hear
text MAIL FROM:<a@a.test>\\r\\n
hear
text AUTH PLAIN $good\\r\\n
hear
text MAIL FROM:<a@a.test>\\r\\nQUIT\\r\\n
hear 2"
	[ "$(grep -c '235 2.7.0' <<<"$output")" = 2 ]
	assert_output --partial "530 5.7.0 authentication required"
	assert_output --partial "250 2.1.0 OK"
}
