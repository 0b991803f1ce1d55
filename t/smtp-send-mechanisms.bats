#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# smtp-send: which mechanism is taken, in clear and under TLS, and servers that
# ask for what they should not have.
# shellcheck disable=SC2016,SC2030,SC2031,SC2086,SC2154
load tls
load send

key=1376891476.79044465.1577270986.1796281712.458124752.2764766246.18396848.2738889491
plain=AGFubgBob3JzZQ== ann=YW5u horse=aG9yc2U=
all="AUTH XOAUTH2 OAUTHBEARER LOGIN PLAIN CRAM-MD5 SCRAM-SHA-256"

setup_file() {
	export certs=$BATS_FILE_TMPDIR/certs
	mkdir "$certs"
	self_signed mx.test
}
setup() {
	prepare
	mine=$BATS_TEST_TMPDIR/mine
	secrets <<<"client plain ann horse"
}
secrets() { (umask 077 && cat >"$mine"); }
log_in() { forward --client-auth="$mine" --response-timeout=2 "$@"; }
heard() { diff <(printf '%s\n' "$@") <(grep -E '^AUTH' "$said") || fail "$stderr"; }
# unseen: no password is in the log, nor in what the server has heard.
unseen() {
	local word
	for word in horse "$plain" "$horse"; do
		[[ $stderr$output != *"$word"* ]] || fail "$1: logged: $stderr"
		! grep -qF "$word" "$said" || fail "$1: told: $(cat "$said")"
	done
}
b64() { printf "$@" | base64 -w 0; }
# tried OFFER, tried_secure OFFER: $order is then the mechanisms that are tried,
# one after the other, as the server says $no to the first line of each.
no="504 5.5.4 not this one"
tried() {
	rm -f "$spool"/*
	post 1
	serve --ehlo "$1" --reply AUTH="$no"
	log_in
	exits 75
	[ "$(state 1)" = ready ]
	[ "$(said_times CONNECT)" = 1 ]
	order=$(grep '^AUTH ' "$said" | cut -d' ' -f2 | uniq | paste -sd' ')
}
tried_secure() {
	post 1
	said=$BATS_TEST_TMPDIR/said.${#pids[@]}
	: >"$said"
	start "$BATS_TEST_DIRNAME/tlsserver" -c "$certs/mx.test.pem" -s "$1" \
		-A "$no" "$said"
	log_in --client-tls --client-tls-verify="$certs/mx.test-cert.pem" \
		--client-tls-server-name=mx.test
	exits 75
	[ "$(state 1)" = ready ]
	! grep -q '^clear: AUTH' "$said" || fail "AUTH in clear"
	order=$(sed -n 's/^tls: AUTH \([^ ]*\).*/\1/p' "$said" | uniq | paste -sd' ')
}

@test "the order of mechanisms, in clear and under TLS" {
	local entry clear secure
	while IFS='|' read -r entry clear secure; do
		secrets <<<"$(tr ';' '\n' <<<"$entry")"
		tried "$all"
		[ "$order" = "$clear" ] || fail "$entry, in clear: $order, not $clear"
		tried_secure "$all"
		[ "$order" = "$secure" ] || fail "$entry, under TLS: $order, not $secure"
	done <<-EOF
		client plain ann horse|SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN|SCRAM-SHA-256 PLAIN LOGIN CRAM-MD5
		client LOGIN ann horse|PLAIN LOGIN|PLAIN LOGIN
		client PLAIN ann horse|PLAIN|PLAIN
		client CRAM-MD5 ann $key|CRAM-MD5|CRAM-MD5
		client oauth ann horse|OAUTHBEARER XOAUTH2|OAUTHBEARER XOAUTH2
		client LOGIN ann horse;client CRAM-MD5 ann $key|CRAM-MD5 PLAIN LOGIN|PLAIN LOGIN CRAM-MD5
		client oauth ann horse;client PLAIN ann horse|OAUTHBEARER XOAUTH2 PLAIN|OAUTHBEARER XOAUTH2 PLAIN
	EOF
}

@test "535: a password that was refused is not tried in each of the ways" {
	local entry clear secure no="535 5.7.8 wrong"
	while IFS='|' read -r entry clear secure; do
		secrets <<<"$(tr ';' '\n' <<<"$entry")"
		tried "$all"
		[ "$order" = "$clear" ] || fail "$entry, in clear: $order, not $clear"
		tried_secure "$all"
		[ "$order" = "$secure" ] || fail "$entry, under TLS: $order, not $secure"
	done <<-EOF
		client plain ann horse|SCRAM-SHA-256 PLAIN|SCRAM-SHA-256 PLAIN
		client LOGIN ann horse|PLAIN|PLAIN
		client oauth ann horse|OAUTHBEARER|OAUTHBEARER
		client LOGIN ann horse;client CRAM-MD5 ann $key|CRAM-MD5 PLAIN|PLAIN CRAM-MD5
		client LOGIN ann horse;client PLAIN ann donkey|PLAIN LOGIN|PLAIN LOGIN
		client LOGIN bob horse;client PLAIN ann horse|PLAIN LOGIN|PLAIN LOGIN
		client oauth ann horse;client PLAIN ann donkey|OAUTHBEARER PLAIN|OAUTHBEARER PLAIN
	EOF
}

@test "only what is offered is tried, however it is written" {
	local offer want
	while IFS='|' read -r offer want; do
		tried "$offer"
		[ "$order" = "$want" ] || fail "$offer: $order, not $want"
	done <<-'EOF'
		AUTH PLAIN|PLAIN
		AUTH LOGIN CRAM-MD5|CRAM-MD5 LOGIN
		auth=cram-md5|CRAM-MD5
		AUTH    LOGIN    PLAIN|PLAIN LOGIN
		AUTH PLAIN PLAIN PLAIN|PLAIN
		AUTH PLAINER LOGINS CRAM-MD5X CRAM|
		AUTH SCRAM-SHA-1 SCRAM-SHA-256-PLUS SCRAM-SHA-512 NTLM GSSAPI EXTERNAL ANONYMOUS|
		AUTH|
		AUTH |
		XAUTH PLAIN|
	EOF
}

@test "refused for now: the next mechanism is not tried, nor the next message" {
	local code
	for code in 421 432 450 451 454; do
		rm -f "$spool"/*
		post 1 2
		serve --ehlo "AUTH CRAM-MD5 PLAIN LOGIN" --reply AUTH="$code later"
		log_in
		exits 75
		[ "$(states 2)" = "ready ready" ]
		heard "AUTH CRAM-MD5"
		unseen $code
		[[ $output == "$(id 1) deferred $code 4."* ]] || fail "$output"
	done
}

@test "refused for good: every mechanism once, and the messages are as they were" {
	local code
	for code in 500 501 502 503 504 530 534 535 538 550 554; do
		rm -f "$spool"/*
		post 1 2
		serve --ehlo "AUTH CRAM-MD5 LOGIN" --reply AUTH="$code no"
		log_in
		exits 75
		[ "$(states 2)" = "ready ready" ]
		heard "AUTH CRAM-MD5" "AUTH LOGIN"
		unseen $code
		[ "$(said_times CONNECT)" = 1 ]
		[[ $output == "$(id 1) deferred 451 4."* ]] || fail "$output"
	done
}

# asks MECHANISM QUESTION[|QUESTION...]: the server asks these, the last one
# for ever; the log-in comes to an end, and mail is not sent.
asks() {
	local mechanism=$1 n=0 rules=() q
	local -a questions
	IFS='|' read -ra questions <<<"$2"
	[ -n "$2" ] || questions=("")
	rm -f "$spool"/*
	post 1
	for q in "${questions[@]}"; do
		if ((n == 0)); then rules+=(--reply "AUTH=334 $q"); else
			rules+=(--reply "AUTH+:$n=334 $q"); fi
		n=$((n + 1))
	done
	rules+=(--reply "AUTH+=334 $q")
	serve --ehlo "AUTH $mechanism" "${rules[@]}"
	SECONDS=0
	log_in
	((SECONDS < 10)) || fail "$mechanism, $2: it took $SECONDS s"
	exits 75
	[ "$(state 1)" = ready ]
	[ "$(said_times MAIL)" = 0 ]
	[ "$(said_times '^AUTH\+')" -le 4 ] || fail "$mechanism, $2: $(cat "$said")"
	[ "$(said_times CONNECT)" = 1 ]
}
# It was asked to stop, and did not: the next command would be an answer.
given_up_on() {
	wait_until grep -q '^LOST' "$said"
	[ "$(tail -n 2 "$said" | head -n 1)" = "AUTH+ *" ] || fail "$1: $(cat "$said")"
	[ "$(tail -n 1 "$said")" = LOST ] || fail "$1: $(cat "$said")"
	[[ $stderr == *"failed: 504 5.5.2 unexpected question"* ]] || fail "$stderr"
}

@test "questions without end, or in place of a verdict" {
	local m
	asks LOGIN "VXNlcm5hbWU6|UGFzc3dvcmQ6|UGFzc3dvcmQ6"
	given_up_on LOGIN
	asks LOGIN ""
	given_up_on LOGIN
	asks PLAIN ""
	given_up_on PLAIN
	[ "$(said_times "$plain")" = 2 ]        # at once, and when asked again
	asks CRAM-MD5 "$(b64 '<1.2@host>')"
	given_up_on CRAM-MD5
	asks SCRAM-SHA-256 ""
	given_up_on SCRAM-SHA-256
	unseen SCRAM
	secrets <<<"client oauth ann t0ken"
	for m in XOAUTH2 OAUTHBEARER; do
		asks $m "$(b64 '{"status":"401"}')"
		given_up_on $m
		[ "$(said_times 'AUTH\+ (|AQ==)$')" = 1 ]
	done
}

@test "questions that are no base64" {
	local m q
	for m in LOGIN CRAM-MD5 SCRAM-SHA-256; do
		for q in "!" "VXNl cm5h" "VXNlcm5hbWU6=" "VXN" "====" "=" '\x00' '\xff\xff' \
			"{\"status\":\"401\"}" "*"; do
			asks $m "$q"
			given_up_on "$m $q"
			unseen "$m $q"
		done
	done
	secrets <<<"client oauth ann t0ken"
	for m in XOAUTH2 OAUTHBEARER; do
		asks $m '{"status":"401"}'
		given_up_on $m
	done
}

@test "LOGIN: prompts of other servers, and other questions" {
	local user pass
	secrets <<<"client LOGIN ann horse"
	while IFS='|' read -r user pass; do
		post 1
		serve --ehlo "AUTH LOGIN" --reply AUTH="334 $(b64 "$user")" \
			--reply AUTH+:1="334 $(b64 "$pass")"
		log_in
		exits 0
		heard "AUTH LOGIN" "AUTH+ $ann" "AUTH+ $horse"
	done <<-'EOF'
		Username:|Password:
		User Name\0|Password\0
		username|password
		USERNAME:|PASSWORD:
		User:|Pass:
		|
	EOF
	for user in Password: Passwort: Login: " Username:" '\0Username:' "Enter Username:"; do
		asks LOGIN "$(b64 "$user")"
		unseen "$user"
	done
	for pass in Username: "PIN:" "OTP" '\0Password:' "Confirm Password:"; do
		asks LOGIN "VXNlcm5hbWU6|$(b64 "$pass")"
		[ "$(said_times "AUTH\+ $ann")" = 1 ]
		unseen "$pass"
	done
}

@test "CRAM-MD5: challenges of any kind get an answer, and never the password" {
	local q
	secrets <<<"client plain ann horse"
	for q in "<1.2@host>" x '\0\0\0' '\r\nMAIL FROM:<>\r\n' "$(head -c 2900 /dev/zero | tr '\0' c)"; do
		post 1
		serve --ehlo "AUTH CRAM-MD5" --reply AUTH="334 $(b64 "$q")" --reply AUTH+="235 ok"
		log_in
		exits 0
		[[ $(sed -n 's/^AUTH+ //p' "$said" | base64 -d) =~ ^ann\ [0-9a-f]{32}$ ]] ||
			fail "$q: $(cat "$said")"
		unseen "$q"
	done
	# a 334 of several lines is no question
	post 1
	serve --ehlo "AUTH CRAM-MD5" --reply "AUTH=334-$(b64 x)\r\n334 $(b64 y)" --reply "AUTH+=501 ok"
	log_in
	exits 75
	heard "AUTH CRAM-MD5" "AUTH+ *"
}

@test "SCRAM-SHA-256: what a server may lie about" {
	local how why
	while IFS='|' read -r how why; do
		rm -f "$spool"/*
		post 1
		start "$BATS_TEST_DIRNAME/scramserver" horse "$how"
		said=$log
		log_in -v
		exits 75
		[ "$(state 1)" = ready ] || fail "$how: $(state 1)"
		[[ $stderr == *"SASL SCRAM-SHA-256 failed: $why"* ]] || fail "$how: $stderr"
		! grep -q '^MAIL' "$log" || fail "$how: mail has been sent"
		unseen "$how"
	done <<-'EOF'
		lie:v=AAAA|451 4.7.0 the server has not shown
		lie:v=|451 4.7.0 the server has not shown
		lie:|451 4.7.0 the server has not shown
		lie:e=invalid-proof|504 5.5.2 unexpected question
		ask:r=NONCE,s=AAAA,i=1|504 5.5.2
		ask:r=NONCE,s=AAAA,i=4095|504 5.5.2
		ask:r=NONCE,s=AAAA,i=99999999999999999999|504 5.5.2
		ask:r=NONCE,s=AAAA,i=-1|504 5.5.2
		ask:r=NONCE,s=AAAA,i=|504 5.5.2
		ask:r=NONCE,s=,i=4096|504 5.5.2
		ask:r=NONCE,s=!!,i=4096|504 5.5.2
		ask:r=other,s=AAAA,i=4096|504 5.5.2
		ask:m=x,r=NONCE,s=AAAA,i=4096|504 5.5.2
		ask:|504 5.5.2
	EOF
}

@test "SCRAM-SHA-256: who does not know the password gets it in no other way" {
	local how
	for how in forged hasty lie:v=AAAA; do
		post 1
		OFFER="SCRAM-SHA-256 PLAIN LOGIN CRAM-MD5" \
			start "$BATS_TEST_DIRNAME/scramserver" donkey $how
		said=$log
		log_in
		exits 75
		[ "$(state 1)" = ready ]
		[ "$(grep -c '^AUTH' "$log")" = 1 ] || fail "$how: $(cat "$log")"
		unseen $how
	done
}

# token TEXT: a program that prints it, and counts how often.
token() {
	program=$BATS_TEST_TMPDIR/token
	printf '#!/bin/sh\necho x >>%s.count\ncat %s.text\n' "$program" "$program" >"$program"
	chmod +x "$program"
	printf '%s\n' "$1" >"$program.text"
	: >"$program.count"
}
fetched() { wc -l <"$program.count"; }
# The token comes into the cache.
first_run() {
	post 1
	forward --oauth-exec="$program" --oauth-user=ann
	exits 0
	[ "$(fetched)" = 1 ]
}
# It is of no use.
second_run() {
	post 2 3
	forward --oauth-exec="$program" --oauth-user=ann --response-timeout=2
	exits 75
	[ "$(states 3)" = "gone ready ready" ]
	[ "$(said_times 'CONNECT')" = 2 ]
	[ "$(said_times '^MAIL')" = 1 ]
}

@test "a token that is refused is fetched once more, whatever the server does" {
	local error rules xoauth2
	error="334 $(b64 '{"status":"401","schemes":"bearer","scope":"https://mail.test/"}')"
	while IFS='|' read -ra rules; do
		rm -f "$spool"/* "$spool"/.oauth-token
		token t0ken
		serve --ehlo "AUTH XOAUTH2 OAUTHBEARER" --reply AUTH:1="235 ok" "${rules[@]}"
		first_run
		# from now on the one in the cache is no good, nor is any other
		second_run
		[ "$(fetched)" = 2 ] || fail "${rules[*]}: $(fetched)"
		[ ! -e "$spool/.oauth-token" ]
		# another way with the same one only if it was not 535 in the end
		xoauth2=
		! grep -qxF "AUTH+ *" "$said" || xoauth2=" XOAUTH2"
		[ "$(grep '^AUTH ' "$said" | cut -d' ' -f2 | paste -sd' ')" = \
			"OAUTHBEARER OAUTHBEARER OAUTHBEARER$xoauth2" ] || fail "$(cat "$said")"
	done <<-EOF
		--reply|AUTH=535 5.7.3 no
		--reply|AUTH=$error|--reply|AUTH+=535 5.7.8 no
		--reply|AUTH=334 {"status":"401"}|--reply|AUTH+=535 5.7.8 no
		--reply|AUTH=334 |--reply|AUTH+=535 5.7.8 no
	EOF
}

@test "a token is not fetched again for a refusal that is none of it" {
	local rules
	while IFS='|' read -ra rules; do
		rm -f "$spool"/* "$spool"/.oauth-token
		token t0ken
		serve --ehlo "AUTH XOAUTH2 PLAIN" --reply AUTH:1="235 ok" "${rules[@]}"
		first_run
		second_run
		[ "$(fetched)" = 1 ] || fail "${rules[*]}: $(fetched)"
		[ -e "$spool/.oauth-token" ]
		[ "$(said_times '^AUTH ')" = 2 ]
	done <<-EOF
		--reply|AUTH=454 4.7.0 later
		--reply|AUTH=421 4.7.0 later
		--close|AUTH
		--garbage|AUTH
		--silent|AUTH
	EOF
}
