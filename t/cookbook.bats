# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# The recipes of sluice-cookbook(7), see page.bash.
load tls
load page

page=$top/doc/sluice-cookbook.7

setup_file() {
	export certs=$BATS_FILE_TMPDIR/certs
	mkdir "$certs"
	self_signed smtp.gmail.com
	self_signed smtp.office365.com
}
setup() { prepare_page; }
teardown() {
	stop_all
	check_page
}

# tls_smarthost NAME MECHANISM: it has NAME's certificate; $said is what it hears.
tls_smarthost() {
	said=$here/said
	: >"$said"
	start "$BATS_TEST_DIRNAME/tlsserver" -c "$certs/$1.pem" -s "AUTH $2" "$said"
	change "$1:587" "127.0.0.1:$port"
	export SLUICE_CLIENT_TLS_VERIFY=$certs/$1-cert.pem
	export SLUICE_CLIENT_TLS_SERVER_NAME=$1
}
# provider URL ANSWER...: in its place; $asked is what it is asked.
provider() {
	local url=$1
	shift
	asked=$here/asked
	start "$BATS_TEST_DIRNAME/httpd" "$asked" "$@"
	change "$url" "http://127.0.0.1:$port"
	provider=http://127.0.0.1:$port
}
# a message to USER's address, from a client that is not ours
send_to() {
	swaks --silent 2 --server "127.0.0.1:${at:-$in}" --ehlo c.test \
		--from a@a.test --to "$1" --body hello "${@:2}"
}
heard() { grep -qxE -- "$1" "$said"; }
xoauth2() { printf 'user=%s\1auth=Bearer %s\1\1' "$1" "$2" | base64 -w 0; }
# has N [DIRECTORY]: so many messages are there.
has() { [ "$(find "${2:-$far}" -name '*.envelope' | wc -l)" = "$1" ]; }

# forwards_with_token ADDRESS TOKEN CHECK RUN: these parts let mail go on.
forwards_with_token() {
	run --separate-stderr sh -c "$(part "$3")"
	assert_success
	assert_line 'login: XOAUTH2: accepted'
	assert_line 'result: ready for mail'
	kept_open "$4"
	send_to b@b.test
	wait_until heard message
	heard "tls: AUTH XOAUTH2 $(xoauth2 "$1" "$2")"
	heard 'tls: RCPT TO:<b@b.test>.*'
	wait_until is_empty
}

@test "every recipe is tried, and none that is not there" {
	local name missing=
	while read -r name; do
		grep -qxF "	recipe \"$name\"" "$BATS_TEST_FILENAME" || missing+="
$name"
	done < <(sed -n 's/^\.Ss //p' "$page")
	[ -z "$missing" ] || fail "not tried:$missing"
}

@test "Gmail" {
	needs curl
	recipe "Gmail, with OAuth"
	elsewhere 6
	tls_smarthost smtp.gmail.com XOAUTH2
	provider https://oauth2.googleapis.com \
		200 '{"access_token": "x", "refresh_token": "1//r3fresh"}' \
		200 '{"access_token": "ya29.x"}'
	typed 1 2
	assert_success
	python3 - "$output" <<-'EOF'
		import sys
		from urllib.parse import parse_qs, urlsplit
		url = urlsplit(sys.argv[1])
		assert url[:3] == ('https', 'accounts.google.com', '/o/oauth2/v2/auth'), url
		assert parse_qs(url.query, strict_parsing=True) == {
			'client_id': ['0123-abcd.apps.googleusercontent.com'],
			'redirect_uri': ['http://127.0.0.1'], 'response_type': ['code'],
			'access_type': ['offline'], 'prompt': ['consent'],
			'scope': ['https://mail.google.com/']}, url
	EOF
	assert_equal "$(cat "$asked")" "POST /token client_id=0123-abcd.apps.googleusercontent.com client_secret=GOCSPX-efgh code=4/0AbCd-eFg grant_type=authorization_code redirect_uri=http://127.0.0.1"
	echo "token-url $provider/token" >>"$here/etc/sluice/google"
	file 3 "$here/etc/emailrelay.conf"
	forwards_with_token me@gmail.com ya29.x 4 5
	tail -n 1 "$asked" | grep -q ' refresh_token=1//r3fresh$'
}

@test "Gmail, with an app password" {
	recipe "Gmail, with OAuth"
	elsewhere 1 2 5
	tls_smarthost smtp.gmail.com PLAIN
	file 6 "$here/etc/sluice/google.auth" 600
	part 3 | sed '/^oauth-user/d; s/^oauth-exec.*/client-auth '"${here//\//\\/}"'\/etc\/sluice\/google.auth/' \
		>"$here/etc/emailrelay.conf"
	run --separate-stderr sh -c "$(part 4)"
	assert_success
	assert_line 'login: PLAIN: accepted'
	heard "tls: AUTH PLAIN $(printf '\0me@gmail.com\0abcdefghijklmnop' | base64 -w 0)"
}

@test "Microsoft 365, as an application" {
	needs curl
	tls_smarthost smtp.office365.com XOAUTH2
	provider https://login.microsoftonline.com 200 '{"access_token":"ey.J0"}'
	recipe "Microsoft 365, with OAuth"
	elsewhere 2
	typed 1
	assert_success
	echo "token-url $provider/token" >>"$here/etc/sluice/microsoft"
	file 3 "$here/etc/emailrelay.conf"
	forwards_with_token me@example.com ey.J0 4 5
	assert_equal "$(sort -u "$asked")" 'POST /token client_id=01234567-89ab-cdef-0123-456789abcdef client_secret=8Q~abcdef grant_type=client_credentials scope=https://outlook.office365.com/.default'
}

@test "Microsoft 365, for one mailbox" {
	needs curl
	recipe "Microsoft 365, with OAuth"
	elsewhere 1 5
	tls_smarthost smtp.office365.com XOAUTH2
	provider https://login.microsoftonline.com \
		200 '{"user_code":"ABC","device_code":"d3vice","message":"To sign in, go there and enter ABC."}' \
		200 '{"token_type":"Bearer","access_token":"x","refresh_token":"r3fresh-1"}' \
		200 '{"access_token":"two"}'
	typed 2 </dev/null
	assert_output "To sign in, go there and enter ABC."
	assert_equal "$(cat "$here/var/lib/sluice/microsoft")" r3fresh-1
	diff - "$asked" <<-'EOF'
		POST /example.onmicrosoft.com/oauth2/v2.0/devicecode client_id=01234567-89ab-cdef-0123-456789abcdef scope=https://outlook.office.com/SMTP.Send offline_access
		POST /example.onmicrosoft.com/oauth2/v2.0/token client_id=01234567-89ab-cdef-0123-456789abcdef device_code=d3vice grant_type=urn:ietf:params:oauth:grant-type:device_code
	EOF
	echo "token-url $provider/token" >>"$here/etc/sluice/microsoft"
	file 3 "$here/etc/emailrelay.conf"
	run --separate-stderr sh -c "$(part 4)"
	assert_success
	assert_line 'login: XOAUTH2: accepted'
	heard "tls: AUTH XOAUTH2 $(xoauth2 me@example.com two)"
}

@test "a proxy with a filter" {
	recipe "A proxy with a filter"
	smarthost
	change smarthost.example:25 "$next --spool-dir=$spool"
	file 1 "$here/etc/sluice/no-programs" 755
	kept_open 2
	send_to b@b.test
	has_mail "$far"
	is_empty
	echo x >"$here/x.EXE"
	run send_to b@b.test --attach-type application/octet-stream \
		--attach-name x.EXE --attach "@$here/x.EXE"
	assert_failure
	run swaks --server "127.0.0.1:$in" --from a@a.test --to b@b.test \
		--attach-name x.EXE --attach "@$here/x.EXE"
	assert_output --partial '550 5.7.1 no programs, please'
	has 1
	is_empty
	# the client hears what the next server says
	mv "$far" "$far.gone"
	run swaks --server "127.0.0.1:$in" --from a@a.test --to b@b.test
	assert_failure
	assert_output --partial '<** 45'
	is_empty
}

@test "store and forward" {
	recipe "Store and forward, over a line that is up now and then"
	smarthost
	change smarthost.example:25 "$next"
	kept_open 1
	send_to b@b.test
	send_to c@b.test
	typed 3
	assert_success
	assert_output --partial b@b.test
	has 2 "$spool"
	# one has failed a moment ago
	id=$(spooled | tail -n 1)
	printf 'X-Sluice-Deferred: 1 %s 450 later\r\n' $((EPOCHSECONDS + 900)) \
		>>"$spool/$id.envelope"
	touch -d '15 minutes' "$spool/$id.envelope"
	# and one was refused
	place emailrelay.1.1.1 a@a.test b@b.test <<<$'Subject: x\n\nx'
	printf 'X-MailRelay-Reason: no\r\nX-MailRelay-ReasonCode: 550\r\n' \
		>>"$spool/emailrelay.1.1.1.envelope"
	mv "$spool/emailrelay.1.1.1.envelope"{,.bad}
	file 2 "$here/etc/ppp/ip-up.d/sluice" 755
	run --separate-stderr "$here/etc/ppp/ip-up.d/sluice"
	has 3
	is_empty
	grep -lq '^X-MailRelay-To-Remote: a@a.test' "$far"/*.envelope
}

@test "POP for several clients" {
	needs curl
	recipe "POP for several clients"
	smarthost
	change smarthost.example:25 "$next --spool-dir=$spool"
	pop=$(free_port)
	change ' 0 110 ' " 127.0.0.1 $pop "
	typed 1 2
	assert_success
	kept_open 3
	wait_until open_at "$pop"
	send_to ann@example.com
	send_to eve@b.test
	wait_until has_mail "$far"
	fetch() {
		curl --silent --show-error --insecure --ssl-reqd --user "$1" \
			"pop3://127.0.0.1:$pop/${3:-1}" "${@:4}"
	}
	run -0 fetch 'ann:correct horse' x 1
	assert_output --partial hello
	# removed by her, and not seen by others
	run -0 fetch 'ann:correct horse' x 1 --request DELE --list-only
	has 0 "$spool/ann"
	send_to ann@example.com --to bob@example.com,ann@example.com
	run -0 fetch bob:battery=staple x 1
	assert_output --partial hello
	run fetch bob:battery x 1
	assert_failure 67
	run curl --silent --user bob:battery=staple "pop3://127.0.0.1:$pop/1"
	assert_failure
}

@test "behind haproxy" {
	PATH=$PATH:/usr/sbin
	needs haproxy
	recipe "Behind haproxy"
	local front one two
	front=$(free_port)
	one=$in
	change 192.0.2.10 "127.0.0.1"
	kept_open 2
	two=$in
	until [ "$two" != "$one" ] && [ "$two" != "$front" ]; do two=$(free_port); done
	in=$two
	kept_open 2
	change 'bind :25' "bind 127.0.0.1:$front"
	change 192.0.2.11:25 "127.0.0.1:$one"
	change 192.0.2.12:25 "127.0.0.1:$two"
	changes=("${changes[@]:2}")
	file 1 "$here/haproxy.cfg"
	start sh -c 'echo "$0"; exec haproxy -db -f "$1" >&2' "$front" \
		"$here/haproxy.cfg"
	wait_until open_at "$front"
	at=$front send_to b@b.test --local-interface 127.0.0.7
	at=$front send_to b@b.test --local-interface 127.0.0.8
	assert_equal "$(cat "$spool"/*.envelope | tr -d '\r' |
		sed -n 's/^X-MailRelay-Client: //p' | sort | paste -sd' ')" \
		'127.0.0.7 127.0.0.8'
}

@test "several relays on one shared spool" {
	recipe "Several relays on one shared spool"
	local n first second
	smarthost
	change smarthost.example:25 "$next"
	first=$in
	kept_open 1
	in=$(free_port)
	second=$in
	kept_open 1
	for n in 1 2 3 4 5 6; do
		at=$first send_to "n$n@b.test"
		at=$second send_to "m$n@b.test"
	done
	wait_until has 12
	wait_until is_empty
	has 12
	cat "$far"/*.envelope | grep -c '^X-MailRelay-To-Remote: [mn][1-6]@b' |
		grep -qx 12
	typed 2
	assert_success
	assert_output --partial 'sluice_'
}
