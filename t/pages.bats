# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2034,SC2086,SC2154,SC2317
# The examples of the manual pages do what the page says: see page.bash. Those
# of emailrelay(1) are in emailrelay-manual.bats, unit files in readme.bats.
load tls
load page

setup_file() {
	export certs=$BATS_FILE_TMPDIR/certs
	mkdir "$certs"
	self_signed smarthost.example
	self_signed smtp.office365.com
}
setup() { prepare_page; }
teardown() {
	stop_all
	check_page
}

# examples PAGE: of doc/PAGE
examples() {
	page=$top/doc/$1
	recipe EXAMPLES
	far=$here/far
}
# cron N: the command of a line for cron, which is one
cron() { part "$1" | paste -sd' ' | sed 's/^[^a-z]*\(daemon\|[^ ]*\) //' >"$here/cron" && sh "$here/cron"; }
run_part() { run --separate-stderr bash -c "$(part "$1")"; }
# ready N [FROM [TO]], failed N [TO]: a message that waits, or was given up.
ready() {
	place "emailrelay.1.1.$1" "${2:-a@a.test}" "${3:-b@b.test}" <<-EOF
		Subject: number $1

		hello
	EOF
}
failed() {
	ready "$1" a@a.test "${2:-b@b.test}"
	printf 'X-MailRelay-Reason: no\r\nX-MailRelay-ReasonCode: 550\r\n' \
		>>"$spool/emailrelay.1.1.$1.envelope"
	mv "$spool/emailrelay.1.1.$1.envelope"{,.bad}
}
to_smarthost() {
	smarthost
	change smarthost.example:25 "$next"
}
# state N...: these are ready, N.bad and so on; sorted, in a line.
state() {
	assert_equal "$(find "$spool" -name 'emailrelay.1.1.*.envelope*' \
		-printf '%f\n' | sed 's/emailrelay\.1\.1\.//; s/\.envelope//' |
		sort | paste -sd' ')" "$*"
}
reports() { cat "$spool"/*.envelope | grep -c '^X-MailRelay-To-Remote: a@a.test'; }
has() { [ "$(find "${2:-$far}" -name '*.envelope' | wc -l)" = "$1" ]; }

@test "spool-bounce" {
	needs less
	examples spool-bounce.1
	failed 1
	cron 1
	state 1.bad
	[ "$(reports)" = 1 ]
	failed 2
	run_part 2
	state
	[ "$(reports)" = 2 ]
	failed 3 c@example.com
	failed 4
	run_part 3
	assert_output --partial 'Subject: number 3'
	refute_output --partial 'Subject: number 4'
	[ "$(reports)" = 3 ]
	state 3.bad 4.bad
}
@test "spool-check" {
	examples spool-check.1
	cron 1
	failed 1
	rm "$spool/emailrelay.1.1.1.content"
	touch -d '3 days ago' "$spool"/*.bad
	run_part 2
	assert_output --partial emailrelay.1.1.1
}
@test "spool-hold" {
	examples spool-hold.1
	ready 1 a@a.test c@example.com
	ready 2
	run_part 1
	state 1.hold 2
	to_smarthost
	run_part 2
	assert_success
	state
	has 2
}
@test "spool-list" {
	needs jq
	examples spool-list.1
	ready 1 ann@example.com c@example.com
	ready 2
	touch -d '2 hours ago' "$spool"/emailrelay.1.1.2.*
	run_part 1
	assert_output --partial emailrelay.1.1.2
	refute_output --partial emailrelay.1.1.1
	run_part 2
	assert_output "      1 b.test
      1 example.com"
	to_smarthost
	run_part 3
	state 2
	has 1
}
@test "spool-metrics" {
	examples spool-metrics.1
	mkdir -p "$here/var/lib/prometheus"
	ready 1
	cron 1
	# what to be woken up for is a number that there is
	part 2 | grep -oE 'sluice_[a-z_]+({[^}]*})?' >"$here/numbers"
	[ "$(wc -l <"$here/numbers")" = 2 ]
	while read -r number; do
		grep -qF "$number " "$here/var/lib/prometheus/sluice.prom"
	done <"$here/numbers"
}
@test "spool-passwd" {
	examples spool-passwd.1
	run -0 sh -c "$(part 1 | sed -n 's/^\$ //p')"
	assert_output "$(part 1 | sed '1d; s/\\$//' | tr -d '\n')"
}
@test "spool-poke" {
	examples spool-poke.1
	smarthost
	failed 1
	ready 2
	listen admin-cmd --forward-to="$next"
	change 10026 "$port"
	change relay.example: 127.0.0.1:
	cron 1
	state 1.bad
	has 1
	run_part 2
	assert_output --partial emailrelay.1.1.1
}
@test "spool-remove" {
	examples spool-remove.1
	failed 1
	failed 2
	touch -d '31 days ago' "$spool"/emailrelay.1.1.1.*
	run_part 1
	assert_success
	state 2.bad
}
@test "spool-retry" {
	examples spool-retry.1
	to_smarthost
	failed 1
	failed 2
	touch -d '2 days ago' "$spool"/emailrelay.1.1.2.*
	run_part 1
	assert_success
	assert_output --regexp '^emailrelay.1.1.1 sent '
	state 2.bad
	run_part 2
	assert_success
	state
	has 2
}
@test "spool-show" {
	needs jq
	examples spool-show.1
	failed 1
	ready 2
	run_part 1
	assert_line --regexp '^Reason: .*no'
	assert_line 'Subject: number 1'
	refute_line 'Subject: number 2'
	run_part 2
	assert_line --partial 'emailrelay.1.1.2 number 2'
}
@test "spool-submit" {
	examples spool-submit.1
	run_part 1
	assert_success
	printf 'To: you@example.net\nSubject: x\n\nhello\n' >"$here/message"
	cd "$here"
	run_part 2
	assert_success
	has 2 "$spool"
	[ "$(cat "$spool"/*.envelope | grep -c '^X-MailRelay-To-Remote: you@example.net')" = 2 ]
}
@test "spool-watch" {
	examples spool-watch.1
	mkdir "$here/bin"
	printf '#!/bin/sh\necho "$1" >>%s/noticed\n' "$here" >"$here/bin/notify-send"
	chmod 755 "$here/bin/notify-send"
	PATH=$here/bin:$PATH
	part 1 >"$here/watch"
	start sh -c 'echo x; exec sh "$0" >&2' "$here/watch"
	# it may not be there yet when the first one fails
	n=0
	notices() {
		failed $((++n))
		test -s "$here/noticed"
	}
	wait_until notices
	grep -q ' failed ' "$here/noticed"
}
@test "admin-cmd: health, notify" {
	examples admin-cmd.8
	elsewhere 1 2 3 # conversations: admin.bats
	run --separate-stderr sh -c "$(part 4 | sed 's/^HEALTHCHECK CMD //')"
	assert_success
	mkdir "$here/bin"
	printf '#!/bin/sh\necho "$1" >>%s/noticed\n' "$here" >"$here/bin/logger"
	chmod 755 "$here/bin/logger"
	PATH=$here/bin:$PATH
	part 5 >"$here/watch"
	start sh -c 'echo x; exec sh "$0" >&2' "$here/watch"
	start answer --reply "RCPT=550 nobody here"
	next=127.0.0.1:$port n=0
	notices() {
		ready $((++n))
		smtp-send $me --forward-to="$next" || [ $? = 69 ]
		test -s "$here/noticed"
	}
	wait_until notices
	grep -q 'client: failed: .*nobody here' "$here/noticed"
}

# --- servers ---

# tcpserver's port in part N is PORT: opened N PORT
opened() {
	change " 0 $2 " " 127.0.0.1 $in "
	change " 127.0.0.1 $2 " " 127.0.0.1 $in "
	kept_open "$1"
}
# inetd N: what that line would start, for each connection to $in; it is in lines
# that are one.
inetd() {
	read -r _ _ _ _ _ program _ arguments < <(part "$1" | paste -sd' ')
	start sh -c 'echo "$0"; exec "$@" >&2' "$in" \
		tcpserver -HR -l localhost 127.0.0.1 "$in" "$program" $arguments
	wait_until open_at "$in"
}
next_port() { in=$(free_port); }
send() {
	swaks --silent 2 --server "127.0.0.1:$in" --ehlo c.test --from a@a.test \
		--to b@b.test --body hello "$@"
}
# a key for the server, and one who may log in
key_and_secret() {
	cp "$certs/smarthost.example.pem" "$here/etc/emailrelay.pem"
	(umask 077 && echo 'server plain bob secret' >"$here/etc/emailrelay.auth")
}
pop() { curl --silent --insecure --user bob:secret "$@"; }

@test "smtp-recv" {
	needs tcprules
	examples smtp-recv.8
	elsewhere 5 6 # units: readme.bats
	to_smarthost
	key_and_secret
	opened 1 2525
	send
	has 1 "$spool"
	next_port
	inetd 2
	send
	wait_until has 2
	wait_until is_empty
	next_port
	opened 3 587
	run send
	assert_failure
	run send --auth PLAIN --auth-user bob --auth-password secret
	assert_failure
	send --tls --auth PLAIN --auth-user bob --auth-password secret
	has 1 "$spool"
	next_port
	cd "$here"
	part 4 | sed -n '2,/^\$/{/^\$/d;p}' >rules
	[ "$(wc -l <rules)" = 3 ]
	sh -c "$(part 4 | sed -n 's/^\$ \(tcprules\)/\1/p')"
	part 4 | sed -n 's/^\$ \(tcpserver\)/\1/p' |
		sed "s/ 0 25 / 127.0.0.1 $in /" >serve
	start sh -c 'echo "$0"; . "$1" >&2' "$in" "$here/serve"
	wait_until open_at "$in"
	send
	has 2 "$spool"
	change /tmp/spool "$spool"
	run bash -c "$(part 7 | sed 's/^\$ //')"
	assert_success
	assert_output --partial '250 2.0.0 OK queued'
	has 3 "$spool"
}
@test "smtp-send" {
	examples smtp-send.8
	elsewhere 2 3 # units: readme.bats
	elsewhere 7
	to_smarthost
	ready 1
	cron 1
	has 1
	ready 2
	part 4 >"$here/poll"
	start sh -c 'echo x; exec sh "$0" >&2' "$here/poll"
	wait_until has 2
	kill -- "-$pid"
	wait "$pid" || true
	ready 3 ann@example.com
	ready 4
	run_part 6
	assert_output --partial 'emailrelay.1.1.3 sent '
	state 4
	said=$here/said
	: >"$said"
	start "$BATS_TEST_DIRNAME/tlsserver" -c "$certs/smtp.office365.com.pem" \
		-s 'AUTH XOAUTH2' "$said"
	change smtp.office365.com:587 "127.0.0.1:$port"
	export SLUICE_CLIENT_TLS_VERIFY=$certs/smtp.office365.com-cert.pem
	export SLUICE_CLIENT_TLS_SERVER_NAME=smtp.office365.com
	start "$BATS_TEST_DIRNAME/httpd" "$here/asked" 200 '{"access_token":"t0ken"}'
	(umask 077 && printf '%s\n' 'client-id x' 'client-secret y' \
		"token-url http://127.0.0.1:$port/token" >"$here/etc/sluice/oauth")
	run_part 5
	assert_success
	grep -q "^tls: AUTH XOAUTH2 $(printf 'user=me@example.com\1auth=Bearer t0ken\1\1' | base64 -w 0)$" "$said"
	state
}
@test "smtp-send: what a server is like" {
	examples smtp-send.8
	elsewhere 1 2 3 4 5 6
	said=$here/said
	: >"$said"
	start "$BATS_TEST_DIRNAME/tlsserver" -c "$certs/smarthost.example.pem" \
		-s 'PIPELINING,AUTH PLAIN LOGIN' -g '220 smarthost.example ESMTP' "$said"
	(umask 077 && echo 'client LOGIN relay secret' >"$here/etc/emailrelay.auth")
	change smarthost.example:587 "127.0.0.1:$port"
	change --client-tls-verify=default "--client-tls-verify=$certs/smarthost.example-cert.pem"
	export SLUICE_CLIENT_TLS_SERVER_NAME=smarthost.example
	run --separate-stderr bash -c "$(part 7 | sed -n 's/^\$ //; /^server:/q; p')"
	assert_success
	# the words in front are those of the page, in its order
	diff <(part 7 | sed -n '/^server:/,$s/: .*//p') <(printf '%s\n' "${lines[@]%%: *}")
	for line in 'verified: yes' 'login: PLAIN: accepted' 'result: ready for mail' \
		'greeting: smarthost.example ESMTP' 'offers: PIPELINING, AUTH PLAIN LOGIN'; do
		assert_line "$line"
		part 7 | grep -qxF "$line"
	done
}
@test "pop3-serve" {
	needs curl
	examples pop3-serve.8
	key_and_secret
	ready 1
	opened 1 1110
	run -0 pop "pop3://127.0.0.1:$in/1"
	assert_output --partial hello
	next_port
	change '--pop-by-name$' "--pop-by-name --pop-auth=$here/etc/emailrelay.auth"
	inetd 2
	mkdir "$spool/bob"
	cp "$spool"/*.envelope "$spool/bob"
	run -0 pop --ssl-reqd "pop3://127.0.0.1:$in/1"
	assert_output --partial hello
	run pop "pop3://127.0.0.1:$in/1"
	assert_failure
	next_port
	kept_open 3
	swaks --silent 2 --server "127.0.0.1:$in" --from a@a.test --to eve@b.test
	[ -d "$spool/eve" ]
	next_port
	export SLUICE_POP_AUTH=$here/etc/emailrelay.auth
	opened 4 995
	run -0 pop "pop3s://127.0.0.1:$in/1"
	assert_output --partial hello
	change /tmp/spool "$spool"
	change /tmp/auth "$here/etc/emailrelay.auth"
	run bash -c "$(part 5 | sed 's/^\$ //')"
	assert_output --partial '+OK 1 message'
}
@test "filter-copy" {
	examples filter-copy.8
	change '^# ' ''
	part 1 | grep -v '^tcpserver\|^  ' >"$here/typed"
	sh "$here/typed"
	part 1 | sed -n '/^tcpserver/,$p' >"$here/serve"
	start sh -c 'echo "$0"; . "$1" >&2' "$in" "$here/serve"
	wait_until open_at "$in"
	send
	has 1 "$spool/bob"
	has 1 "$spool/carol"
	assert_equal "$(spooled)" ''
	eval receive "$(part 2)"
	[[ $reply = 250\ * ]]
	has 2 "$spool/bob"
	has 2 "$spool/carol"
}
@test "filter-deliver" {
	examples filter-deliver.8
	to_smarthost
	mkdir "$spool/b"
	kept_open 1
	swaks --silent 2 --server "127.0.0.1:$in" --from a@a.test --to b@example.com,b@b.test
	wait_until has 1
	has 1 "$spool/b"
	wait_until is_empty
}
@test "tls-io" {
	examples tls-io.8
	mkdir -p "$here/etc/ssl"
	cp "$certs/smarthost.example.pem" "$here/etc/ssl/mail.pem"
	opened 1 465
	send --tlsc
	has 1 "$spool"
	next_port
	inetd 2
	send --tlsc
	has 2 "$spool"
	cd "$here"
	run sh -c "$(part 3)"
	assert_success
	cp mail.pem "$here/etc/ssl/mail.pem"
	send --tlsc
	has 3 "$spool"
}
@test "pam-check" {
	examples pam-check.8
	# there is no such service here: PAM cannot tell, or says no
	run_part 1
	assert_failure
	refute_output
}
@test "sluice" {
	examples sluice.7
	to_smarthost
	kept_open 1
	send
	wait_until has 1
	wait_until is_empty
}
@test "spool: hold by hand, and why it failed" {
	examples spool.5
	id=emailrelay.812.1795449206.506663
	place $id a@a.test b@b.test <<<x
	run bash -c "$(part 1 | sed 's/^\$ //' | sed '2,3!d' | sed "1icd $spool")"
	[ -e "$spool/$id.envelope.hold" ]
	run bash -c "$(part 1 | sed 's/^\$ //' | sed '4,$!d' | sed "1icd $spool")"
	[ -e "$spool/$id.envelope" ]
	failed 1
	cd "$spool"
	run bash -c "$(part 2 | sed 's/^\$ //')"
	assert_output --partial 'X-MailRelay-Reason: no'
}
@test "secrets" {
	examples secrets.5
	# the key is one line in the file
	part 1 | sed -e :a -e '/\\$/{N;s/\\\n//;ta' -e '}' >"$here/etc/emailrelay.auth"
	chmod 600 "$here/etc/emailrelay.auth"
	listen smtp-recv $me --server-auth="$here/etc/emailrelay.auth"
	in=$port
	while read -r mechanism name password; do
		send --auth "$mechanism" --auth-user "$name" --auth-password "$password" ||
			fail "$name"
	done <<-EOF
		CRAM-MD5 ann correct horse
		PLAIN ann correct horse
		LOGIN bob battery=staple
		CRAM-MD5 eve secret
	EOF
	run send --auth CRAM-MD5 --auth-user bob --auth-password battery=staple
	assert_failure
	rm "$here/etc/emailrelay.auth"
	change '^# ' ''
	run bash -c "$(part 2 | sed '/^Password/d')" <<<secret
	grep -q '^server CRAM-MD5 eve [0-9.]*$' "$here/etc/emailrelay.auth"
}
@test "emailrelay.conf" {
	examples emailrelay.conf.5
	elsewhere 2 # the engine of containers
	to_smarthost
	change '^\$ ' ''
	part 1 | sed '1d; /^tcpserver/,$d' >"$here/etc/emailrelay.conf"
	part 1 | grep '^tcpserver' >"$here/serve"
	start sh -c 'echo "$0"; . "$1" >&2' "$in" "$here/serve"
	wait_until open_at "$in"
	send
	wait_until has 1
	ready 1
	run sh -c "$(part 1 | grep '^smtp-send')"
	assert_success
	has 2
	state
}

# --- filters and verifiers ---

# a message by way of smtp-recv with these options; $reply is that to its text
receive() {
	session smtp-recv $me "$@" <<-EOF
		EHLO c
		MAIL FROM:<a@a.test>
		RCPT TO:<${to:-b@b.test}>
		DATA
		Subject: x

		hello
		.
		QUIT
	EOF
	reply=$(tail -n 2 <<<"$output" | head -n 1)
}
@test "filters" {
	examples filters.7
	printf '#!/bin/sh\ncat >%s/sent\n' "$here" >"$here/sendmail"
	printf '#!/bin/sh\n! grep -q hello "$1"\n' >"$here/scanner"
	chmod 755 "$here/sendmail" "$here/scanner"
	change /usr/sbin/sendmail "$here/sendmail"
	change /usr/bin/scanner "$here/scanner"
	file 1 "$here/filter" 755
	TCPREMOTEIP=192.168.0.2 receive --remote-clients --filter="$here/filter"
	[[ $reply = 250\ * ]]
	grep -q hello "$here/sent"
	has 0 "$spool"
	TCPREMOTEIP=192.168.0.3 receive --remote-clients --filter="$here/filter"
	has 1 "$spool"
	file 2 "$here/filter" 755
	receive --filter="$here/filter"
	assert_equal "$reply" "550 5.7.1 that is a virus"
	has 1 "$spool"
}
@test "verifiers" {
	examples verifiers.7
	echo B@b.test >"$here/etc/recipients"
	file 1 "$here/verifier" 755
	receive --verifier="$here/verifier"
	envelope "$(spooled)" | grep -qx 'X-MailRelay-To-Remote: b@b.test'
	file 2 "$here/verifier" 755
	receive --verifier="$here/verifier"
	[[ $reply = 250\ * ]]
	envelope "$(spooled local)" | grep -qx 'X-MailRelay-To-Local: postmaster'
	file 3 "$here/verifier" 755
	receive --verifier="$here/verifier"
	[[ $reply = 250\ * ]]
	to=c@b.test receive --verifier="$here/verifier"
	assert_output --partial 'no such person: c@b.test'
}
