# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# doc/examples/oauth-microsoft and oauth-google: what they ask, of a server of
# ours, and what becomes of the answer.
load helper
load send

examples=$top/doc/examples

setup() {
	prepare
	here=$BATS_TEST_TMPDIR
	conf=$here/conf
	asked=$here/asked
	command -v curl >/dev/null || skip "curl is not installed"
	# what could be seen of curl by others
	mkdir "$here/bin"
	printf '#!/bin/sh\nprintf "%%s\\n" "$@" >>%s/arguments\nexec %s "$@"\n' \
		"$here" "$(command -v curl)" >"$here/bin/curl"
	chmod 755 "$here/bin/curl"
}
# provider ANSWER...: see httpd; then the configuration is on stdin.
provider() {
	start "$BATS_TEST_DIRNAME/httpd" "$asked" "$@"
	(umask 077 && {
		cat
		echo "token-url http://127.0.0.1:$port/token"
	} >"$conf")
}
token() {
	run --separate-stderr env PATH="$here/bin:$PATH" "$examples/$1" "$conf"
	[ ! -e "$here/arguments" ] ||
		! grep 's3cret\|r3fresh' "$here/arguments" || fail "seen by all"
}
# refused TEXT: on stderr, and for smtp-send's log.
refused() {
	[ "$status" = 1 ]
	assert_output "<<$1>>"
	assert_equal "$stderr" "oauth-token: $1"
}
refresh_token() {
	(umask 077 && echo "$1" >"$here/refresh")
	echo "refresh-token-file $here/refresh"
}

@test "they are POSIX shell" {
	command -v shellcheck >/dev/null || skip "shellcheck is not installed"
	shellcheck "$examples"/oauth-*
}

@test "microsoft: the application itself" {
	provider 200 '{"token_type":"Bearer","expires_in":3599,"access_token":"ey.J-0_x"}' <<-'EOF'
		tenant a.test
		client-id 0123
		client-secret s3cret"\ &%+= x\
	EOF
	token oauth-microsoft
	assert_success
	assert_output ey.J-0_x
	assert_equal "$(cat "$asked")" 'POST /token client_id=0123 client_secret=s3cret"\ &%+= x\ grant_type=client_credentials scope=https://outlook.office365.com/.default'
}

@test "microsoft: for a mailbox, with a refresh token that is replaced" {
	provider 200 '{
		"access_token" : "one",
		"refresh_token" : "r3fresh-2\/x"
	}' 200 '{"access_token":"two"}' <<-EOF
		tenant a.test
		client-id 0123
		$(refresh_token r3fresh-1)
	EOF
	token oauth-microsoft
	assert_output one
	assert_equal "$(cat "$here/refresh")" r3fresh-2/x
	assert_equal "$(stat -c %a "$here/refresh")" 600
	token oauth-microsoft
	assert_output two
	assert_equal "$(cat "$here/refresh")" r3fresh-2/x
	diff - "$asked" <<-'EOF'
		POST /token client_id=0123 grant_type=refresh_token refresh_token=r3fresh-1 scope=https://outlook.office.com/SMTP.Send offline_access
		POST /token client_id=0123 grant_type=refresh_token refresh_token=r3fresh-2/x scope=https://outlook.office.com/SMTP.Send offline_access
	EOF
	[ "$(find "$here" -name 'refresh*' | wc -l)" = 1 ]
	# nobody hears the token any more, but the other one is not lost
	provider 200 '{"access_token":"three","refresh_token":"r3fresh-3"}' <<-EOF
		tenant a.test
		client-id 0123
		$(refresh_token r3fresh-2)
	EOF
	# shellcheck disable=SC2016
	run -0 env PATH="$here/bin:$PATH" bash -c '! "$@" >/dev/full 2>&1' _ \
		"$examples/oauth-microsoft" "$conf"
	assert_equal "$(cat "$here/refresh")" r3fresh-3
}

@test "google" {
	provider 200 '{"access_token":"ya29.x","expires_in":3599}' <<-EOF
		client-id 0123.apps.example
		client-secret s3cret
		$(refresh_token 1//r3fresh)
	EOF
	token oauth-google
	assert_success
	assert_output ya29.x
	assert_equal "$(cat "$asked")" "POST /token client_id=0123.apps.example client_secret=s3cret grant_type=refresh_token refresh_token=1//r3fresh"
}

@test "what the provider has against it" {
	provider 401 '{"error":"invalid_client","error_description":"AADSTS7000215: Invalid\r\n <client> secret"}' \
		500 'boom' cut '{"access_token":"half-of-it-is-no-token"}' <<-EOF
		tenant a.test
		client-id 0123
		client-secret s3cret
	EOF
	url=http://127.0.0.1:$port/token
	token oauth-microsoft
	refused "$url refuses: invalid_client AADSTS7000215: Invalid client secret"
	token oauth-microsoft
	refused "$url refuses: it makes no sense"
	token oauth-microsoft
	[ "$status" = 1 ]
	[[ $output$stderr = *"cannot ask $url: curl: ("* ]]
	[[ $output$stderr != *half* ]]
	kill "$pid"
	wait "$pid" || true
	token oauth-microsoft
	[[ $stderr = "oauth-token: cannot ask $url: curl: (7) "* ]]
}

@test "what is wrong with the configuration" {
	provider 200 '{}' <<<"client-id x"
	chmod 640 "$conf"
	token oauth-microsoft
	refused "$conf is open to others: chmod 600"
	chmod 600 "$conf"
	token oauth-google
	refused "no refresh-token-file in $conf"
	(umask 077 && echo "tenant x" >"$conf")
	token oauth-microsoft
	refused "no client-id in $conf"
	echo "client-id x" >"$conf"
	token oauth-microsoft
	refused "no tenant in $conf"
	refresh_token r3fresh >>"$conf"
	chmod 644 "$here/refresh"
	token oauth-google
	refused "$here/refresh is open to others: chmod 600"
	printf '%s\n' 'client-id x' 'token-url http://example.test/token' >"$conf"
	token oauth-microsoft
	refused "token-url is not https: http://example.test/token"
	conf=$here/none
	token oauth-google
	refused "cannot read $here/none"
	[ ! -e "$asked" ]
}

@test "smtp-send logs in with it, and its log says why not" {
	provider 200 '{"access_token":"t0ken"}' \
		400 '{"error":"invalid_grant","error_description":"Token has been expired"}' <<-EOF
		tenant a.test
		client-id 0123
		client-secret s3cret
	EOF
	url=http://127.0.0.1:$port/token
	post 1 2
	serve --ehlo "AUTH XOAUTH2"
	forward --oauth-user=me@a.test "--oauth-exec=$examples/oauth-microsoft $conf" "$(id 1)"
	exits 0
	grep -qx "AUTH XOAUTH2 $(printf 'user=me@a.test\1auth=Bearer t0ken\1\1' | base64 -w 0)" "$said"
	rm "$spool/.oauth-token"
	forward --oauth-user=me@a.test "--oauth-exec=$examples/oauth-microsoft $conf" "$(id 2)"
	exits 75
	[[ $stderr = *"no token from '$examples/oauth-microsoft': it has failed: $url refuses: invalid_grant Token has been expired"* ]]
	[[ $stderr != *s3cret* ]]
	[ "$(state 2)" = ready ]
}
