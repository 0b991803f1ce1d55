#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# PAM: pam-check and smtp-recv --server-auth=/pam, really authenticating, with
# a service directory and accounts of our own by way of pam_wrapper(1).
load tls

modules=$(dirname "$(find /usr/lib -name pam_matrix.so 2>/dev/null | head -n 1)")
wrapper=$(find /usr/lib -name 'libpam_wrapper.so*' 2>/dev/null | head -n 1)

setup() {
	prepare
	services=$BATS_TEST_TMPDIR/services
	mkdir "$services"
	chmod 755 "$BATS_TEST_TMPDIR" "$services"
	printf '%s:%s:emailrelay\n' ann 'a secret' bob builder >"$services.db"
	service "auth required $modules/pam_matrix.so passdb=$services.db" \
		"account required $modules/pam_matrix.so passdb=$services.db"
}
# Called by what really asks PAM.
wrapped() {
	[ -n "$wrapper" ] || skip "libpam-wrapper is not installed"
	[[ $build != *asan* ]] || skip "pam_wrapper and the sanitizers do not mix"
}
# service LINE...: what /etc/pam.d/emailrelay would hold.
service() { printf '%s\n' "$@" >"$services/emailrelay"; }
pam() {
	LD_PRELOAD=$wrapper PAM_WRAPPER=1 PAM_WRAPPER_SERVICE_DIR=$services \
		"$@"
}
# check 'NAME\0PASSWORD\0TIME\0': asks pam-check itself.
check() {
	wrapped
	run pam "$build/libexec/pam-check" 3< <(printf "$1")
}
serve_pam() {
	wrapped
	pam listen smtp-recv $me --spool-dir="$spool" --domain=mx.test \
		--log --no-syslog --server-auth=/pam \
		--server-tls="$certs/mx.test.pem"
}
curl_sends() {
	printf 'Subject: hi\r\n\r\nhello\r\n' |
		curl -sS "smtp://127.0.0.1:$port/c.test" -T - --user "$1" \
			--mail-from a@a.test --mail-rcpt b@b.test \
			--cacert "$certs/mx.test-cert.pem" -k "${@:2}"
}

@test "pam-check: yes and no" {
	check 'ann\0a secret\0001\0'
	assert_equal "$status" 0
	for input in 'ann\0wrong\0001\0' 'nobody\0a secret\0001\0' \
		'bob\0a secret\0001\0'; do
		check "$input"
		assert_equal "$status" 1
	done
}

@test "pam-check: the account has to be good, too" {
	service "auth required pam_permit.so" "account required pam_permit.so"
	check 'ann\0whatever\0001\0'
	assert_equal "$status" 0
	service "auth required pam_permit.so" "account required pam_deny.so"
	check 'ann\0whatever\0001\0'
	assert_equal "$status" 1
	service "auth required pam_deny.so" "account required pam_permit.so"
	check 'ann\0whatever\0001\0'
	assert_equal "$status" 1
}

@test "pam-check: PAM in disorder is no answer" {
	service "auth required /nowhere/pam_nothing.so" \
		"account required pam_permit.so"
	check 'ann\0a secret\0001\0'
	assert_equal "$status" 111
}

@test "pam-check: what is no question by the interface" {
	for input in '' 'ann' 'ann\0' 'ann\0a secret' 'ann\0a secret\0' \
		'ann\0a secret\0001' '\0a secret\0001\0' 'ann\0\0001\0'; do
		check "$input"
		assert_equal "$status" 2
	done
	check "ann\\0$(printf '%05000d' 0)\\0001\\0"
	assert_equal "$status" 2
	run pam "$build/libexec/pam-check" 3<&-
	assert_equal "$status" 2
}

@test "pam-check: as any checkpassword program, without TLS" {
	wrapped
	run --separate-stderr pam smtp-recv $me --spool-dir="$spool" \
		--server-auth="checkpassword:$build/libexec/pam-check" \
		< <(printf '%s\r\n' "EHLO c" \
			"AUTH PLAIN $(printf '\0bob\0wrong' | base64)" \
			"AUTH LOGIN $(printf bob | base64)" \
			"$(printf builder | base64)")
	output=${output//$'\r'/}
	codes 220 250 535 334 235
}

@test "/pam without TLS is refused" {
	for spec in /pam pam:; do
		recv --server-auth=$spec <<<"EHLO c"
		assert_equal "$status" 78
		assert_output "421 4.3.0 service not available"
		[[ $stderr = *"--server-auth using pam requires --server-tls"* ]]
	done
}

@test "/pam before TLS: no AUTH, and MAIL says what to do" {
	run --separate-stderr $(tls_server) --server-auth=/pam \
		< <(printf '%s\r\n' "EHLO c" "AUTH PLAIN" "AUTH LOGIN" \
			"MAIL FROM:<a@a.test>" "VRFY x@x.test")
	output=${output//$'\r'/}
	codes 220 250 504 504 530 252
	refute_output --partial 250-AUTH
	assert_output --partial "504 5.5.4 Unsupported authentication mechanism"
	assert_output --partial "530 5.7.0 authentication required: use starttls"
}

@test "/pam under TLS: curl logs in" {
	serve_pam
	curl_sends 'ann:a secret' --ssl-reqd
	wait_until grep -q "sasl_method=PLAIN, sasl_username=ann" "$log"
	[[ $(envelope "$(only)") = *"Authentication: ann"$'\n'* ]]
	[[ $(content "$(only)") = *" with ESMTPSA id "* ]]
	run curl_sends 'ann:wrong' --ssl-reqd
	assert_equal "$status" 67
	wait_until grep -q "SASL PLAIN authentication failed: .*=ann" "$log"
	run curl_sends 'ann:a secret'
	refute [ "$status" = 0 ]
	[ "$(spooled | wc -l)" = 1 ]
}

@test "/pam under TLS: PLAIN, and only that" {
	serve_pam
	python3 - "$port" <<-'EOF'
		import smtplib
		import ssl
		import sys
		c = ssl.create_default_context()
		c.check_hostname = False
		c.verify_mode = ssl.CERT_NONE
		s = smtplib.SMTP('127.0.0.1', int(sys.argv[1]))
		s.starttls(context=c)
		s.ehlo()
		assert s.esmtp_features['auth'].split() == ['PLAIN'], s.esmtp_features
		for other in 'LOGIN', 'CRAM-MD5':
		    assert s.docmd('AUTH', other)[0] == 504
		s.login('bob', 'builder')
		s.sendmail('a@a.test', ['b@b.test'], 'hi')
		s.quit()
	EOF
	wait_until grep -q "sasl_method=PLAIN, sasl_username=bob" "$log"
}

@test "/pam when smtp-recv has given root up: PAM still has it" {
	as_root || skip "needs root"
	wrapped
	local who=$BATS_TEST_TMPDIR/who
	printf '#!/bin/sh\nid -u >%s\ncat\n' "$who" >"$who.sh"
	chmod 755 "$who.sh" && chown daemon "$spool"
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR"
	service "auth required pam_exec.so expose_authtok $who.sh" \
		"account required pam_permit.so"
	# pam_wrapper lets no tls-io live that is not root: only pam-check has it
	local tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/bin" "$tree/libexec"
	cp "$bin/smtp-recv" "$tree/bin"
	cp "$build/libexec/tls-io" "$tree/libexec"
	printf '#!/bin/sh\nexport LD_PRELOAD=%s PAM_WRAPPER=1\nexport %s\nexec %s\n' \
		"$wrapper" "PAM_WRAPPER_SERVICE_DIR=$services" \
		"$build/libexec/pam-check" >"$tree/libexec/pam-check"
	chmod -R a+rX "$tree" && chmod 755 "$tree/libexec/pam-check"
	listen "$tree/bin/smtp-recv" --spool-dir="$spool" --log --no-syslog \
		--server-auth=/pam --server-tls="$certs/mx.test.pem"
	curl_sends 'ann:anything' --ssl-reqd || fail "$(cat "$log")"
	[ "$(cat "$who")" = 0 ]
	[ "$(stat -c %U "$spool/$(only).envelope")" = daemon ]
}

# curl_fetches USER:PASSWORD NUMBER
curl_fetches() {
	run curl -sS "pop3://127.0.0.1:$port/$2" --user "$1" --ssl-reqd -k
}
@test "pop3-serve: --pop-auth=/pam, and a sub-directory for each who logs in" {
	wrapped
	mkdir "$spool/ann"
	place emailrelay.1.1.1 a@a.test ann@b.test <<<hello
	mv "$spool/emailrelay.1.1.1.envelope" "$spool/ann"
	pam listen pop3-serve $me --spool-dir="$spool" --domain=mx.test \
		--log --no-syslog --pop-auth=/pam --pop-by-name \
		--server-tls="$certs/mx.test.pem"
	curl_fetches "ann:a secret" 1
	assert_success
	assert_output --partial hello
	curl_fetches ann:wrong 1
	assert_failure 67
	curl_fetches "bob:a secret" 1
	assert_failure 67
	wait_until grep -q 'authentication failed' "$log"
}
