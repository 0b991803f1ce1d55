#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2086,SC2154
# smtp-send: logging in, as whom and how, and what comes of it if that fails.
load helper
load send

key=1376891476.79044465.1577270986.1796281712.458124752.2764766246.18396848.2738889491
# \0ann\0horse; ann, horse; Username:, Password:
plain=AGFubgBob3JzZQ== ann=YW5u horse=aG9yc2U=
user_ask=VXNlcm5hbWU6 pass_ask=UGFzc3dvcmQ6

setup() {
	prepare
	mine=$BATS_TEST_TMPDIR/mine
	secrets <<<"client plain ann horse"
}
secrets() { (umask 077 && cat >"$mine"); }
# log_in [OPTIONS]: forward with that file.
log_in() { forward --client-auth="$mine" "$@"; }
# heard LINE...: what the server has heard of the log-in, in this order.
heard() {
	diff <(printf '%s\n' "$@") <(grep -E '^AUTH' "$said") ||
		fail "$stderr"
}
# in_vain: what a log-in that fails leaves of messages 1 and 2.
in_vain() {
	exits 75
	[ "$(states 2)" = "ready ready" ] || fail "$(states 2)
$stderr"
	[ "$(md5sum "$spool"/*)" = "$before" ] || fail "messages have changed"
	[ "$(said_times '^MAIL')" = 0 ]
	[ "$(said_times '^CONNECT')" = 1 ]
}
# failing WHY [serve OPTIONS]: a log-in fails with this warning.
failing() {
	local why=$1
	shift
	post 1 2
	before=$(md5sum "$spool"/*)
	serve "$@"
	log_in -v $options
	in_vain
	grep -qE -- "warning: .*: 127.0.0.1\[127.0.0.1\]:$port: SASL $why" \
		<<<"$stderr" || fail "$stderr"
	silent
}
# silent: no password is anywhere in the log.
silent() {
	local word
	for word in horse "$plain" "$horse" s3cr3t $(printf s3cr3t | base64); do
		[[ $stderr$output != *"$word"* ]] || fail "$word: $stderr"
	done
}
# a server of ours that wants a log-in: relay ENTRY
relay() {
	local theirs=$BATS_TEST_TMPDIR/theirs
	(umask 077 && printf '%s\n' "$@" >"$theirs")
	mkdir -p "$BATS_TEST_TMPDIR/next"
	listen smtp-recv $me --spool-dir="$BATS_TEST_TMPDIR/next" \
		--server-auth="$theirs" --domain=next.test --log --no-syslog
}
# token NAME: a program that prints one, and counts how often.
token() {
	program=$BATS_TEST_TMPDIR/token
	printf '#!/bin/sh\necho x >>%s.count\ncat %s.text\n' \
		"$program" "$program" >"$program"
	chmod +x "$program"
	printf '%s\n' "$1" >"$program.text"
	: >"$program.count"
}
fetched() { wc -l <"$program.count"; }

@test "each mechanism, to smtp-recv --server-auth" {
	local mechanism entry theirs
	while IFS='|' read -r mechanism theirs entry; do
		post 1 2
		secrets <<<"$entry"
		relay "$theirs"
		log_in -v
		exits 0
		[ "$(states 2)" = "gone gone" ]
		grep -q "AUTH $mechanism" <<<"$stderr" || fail "$stderr"
		grep -q "sasl_method=$mechanism, sasl_username=ann" "$log" ||
			fail "$(cat "$log")"
		silent
	done <<-EOF
		PLAIN|server PLAIN ann horse|client PLAIN ann horse
		PLAIN|server PLAIN ann horse|client LOGIN ann horse
		PLAIN|server LOGIN ann horse|client plain ann horse
		PLAIN|server LOGIN ann ho+20rse|client LOGIN ann ho+20rse
		CRAM-MD5|server plain ann horse|client plain:b $ann $horse
		CRAM-MD5|server CRAM-MD5 ann $key|client md5 ann $key
		CRAM-MD5|server plain ann tanstaaftanstaaf|md5 client ann $key
	EOF
}

@test "which mechanism is taken" {
	local offer entry taken
	while IFS='|' read -r offer entry taken; do
		post 1
		secrets <<<"$entry"
		serve --ehlo "$offer" --reply AUTH="334 $user_ask"
		log_in -v
		[ "$(grep -m 1 '^AUTH ' "$said" | cut -d' ' -f2)" = "$taken" ] ||
			fail "$offer: $(cat "$said")"
	done <<-EOF
		AUTH LOGIN PLAIN CRAM-MD5|client plain ann horse|CRAM-MD5
		AUTH LOGIN PLAIN CRAM-MD5|client LOGIN ann horse|PLAIN
		AUTH LOGIN|client LOGIN ann horse|LOGIN
		auth plain login|client LOGIN ann horse|PLAIN
		AUTH=LOGIN|client LOGIN ann horse|LOGIN
		AUTH=LOGIN PLAIN|client PLAIN ann horse|PLAIN
		AUTH NTLM Cram-Md5  GSSAPI|client md5 ann $key|CRAM-MD5
		AUTH LOGIN PLAIN|client plain bob other sel|
		AUTHX LOGIN|client plain ann horse|
	EOF
}

@test "PLAIN: with the answer in the command, or asked for, or when the line is too long" {
	post 1
	secrets <<<"client PLAIN ann horse"
	serve --ehlo "AUTH PLAIN"
	log_in
	exits 0
	heard "AUTH PLAIN $plain"
	post 1
	serve --ehlo "AUTH PLAIN" --reply AUTH="334 "
	log_in
	exits 0
	heard "AUTH PLAIN $plain" "AUTH+ $plain"
	post 1
	serve --ehlo "AUTH PLAIN" --reply AUTH:1="501 5.5.4 what?" --reply AUTH="334 "
	log_in
	exits 0
	heard "AUTH PLAIN $plain" "AUTH PLAIN" "AUTH+ $plain"
	post 1
	secrets <<<"client PLAIN ann $(head -c 400 /dev/zero | tr '\0' p)"
	serve --ehlo "AUTH PLAIN" --reply AUTH="334 "
	log_in
	exits 0
	[ "$(said_times '^AUTH PLAIN$')" = 1 ]
	[ "$(grep '^AUTH+' "$said" | cut -c7- | base64 -d | tr -d '\0')" = \
		"ann$(head -c 400 /dev/zero | tr '\0' p)" ]
}

@test "LOGIN: the password is the answer to nothing but the question for it" {
	local ask
	post 1
	secrets <<<"client LOGIN ann horse"
	serve --ehlo "AUTH LOGIN" --reply AUTH="334 $user_ask" \
		--reply AUTH+:1="334 $pass_ask"
	log_in
	exits 0
	heard "AUTH LOGIN" "AUTH+ $ann" "AUTH+ $horse"
	options=
	for ask in "$user_ask" "!" "$(printf 'Your PIN:' | base64)" "$pass_ask="; do
		failing "LOGIN failed: 504" --ehlo "AUTH LOGIN" \
			--reply AUTH="334 $user_ask" --reply AUTH+:1="334 $ask" \
			--reply AUTH+:2="501 cancelled"
		heard "AUTH LOGIN" "AUTH+ $ann" "AUTH+ *"
	done
	failing "LOGIN failed: 504" --ehlo "AUTH LOGIN" --reply AUTH="334 $pass_ask"
	heard "AUTH LOGIN" "AUTH+ *"
}

@test "a log-in that fails: nothing is lost, nothing is written, the next time will do" {
	options=
	secrets <<<"client LOGIN ann horse"
	failing "login failed: 451 4.7.0 the server does not offer AUTH$"
	failing "login failed: 451 4.7.0 .* AUTH in clear: see --client-tls$" --ehlo STARTTLS
	failing "login failed: 451 4.7.0 no mechanism in common" --ehlo "AUTH CRAM-MD5 NTLM"
	failing "PLAIN failed: 535 5.7.8 no" --ehlo "AUTH PLAIN" --reply AUTH="535 5.7.8 no"
	failing "PLAIN failed: 454 4.7.0 later" --ehlo "AUTH PLAIN LOGIN" --reply AUTH="454 4.7.0 later"
	[ "$(said_times '^AUTH LOGIN')" = 0 ]
	failing "PLAIN failed: 421 bye" --ehlo "AUTH PLAIN LOGIN" --reply AUTH="421 bye"
	failing "PLAIN failed: 451 4.4.2 unexpected reply 250 fine" --ehlo "AUTH PLAIN LOGIN" --reply AUTH="250 fine"
	failing "PLAIN failed: 451 4.4.2 connection closed" --ehlo "AUTH PLAIN LOGIN" --close AUTH
	failing "PLAIN failed: 451 4.4.2 invalid reply" --ehlo "AUTH PLAIN LOGIN" --garbage AUTH
	secrets <<<"client plain ann horse"
	failing "CRAM-MD5 failed: 504" --ehlo "AUTH CRAM-MD5" --reply AUTH="334 " --reply AUTH+="501 so?"
	failing "CRAM-MD5 failed: 535" --ehlo "AUTH CRAM-MD5" --reply AUTH="334 PDEuMkBhPg==" --reply AUTH+="535 no"
	[ "$(said_times '^AUTH')" = 2 ]
}

@test "refused in one way, it tries the next one" {
	local code
	for code in 535 504; do
		post 1
		serve --ehlo "AUTH CRAM-MD5 PLAIN" --reply AUTH:1="$code no"
		log_in
		exits 0
		heard "AUTH CRAM-MD5" "AUTH PLAIN $plain"
		[[ $stderr == *"SASL CRAM-MD5 failed: $code no"* ]]
	done
}

@test "with nothing to log in with it goes on without" {
	local entry
	for entry in "" "server LOGIN ann horse" "client plain:b = ="; do
		post 1
		secrets <<<"$entry"
		serve --ehlo "AUTH PLAIN"
		log_in
		exits 0
		heard_nothing=$(said_times '^AUTH')
		[ "$heard_nothing" = 0 ]
		[[ $stderr == *"nothing there to log in with"* ]]
	done
}

@test "AUTH= of MAIL: only when logged in, as the envelope has it" {
	local who
	while IFS='|' read -r who expected; do
		post 1
		sed -i "s/^X-MailRelay-Authentication: .*/X-MailRelay-Authentication: $who\r/" \
			"$spool/$(id 1).envelope"
		serve --ehlo "AUTH PLAIN" --ehlo SIZE
		log_in
		exits 0
		grep -qxE "MAIL FROM:<from1@a.test> SIZE=[0-9]+ AUTH=$expected" "$said" ||
			fail "$(cat "$said")"
	done <<-'EOF'
		|<>
		bob|bob
		my+20name|my\+20name
		a=b|<>
	EOF
	post 1
	sed -i "s/^X-MailRelay-Authentication: .*/X-MailRelay-Authentication: bob\r/" \
		"$spool/$(id 1).envelope"
	serve --ehlo "AUTH PLAIN"
	forward
	exits 0
	[ "$(said_times '^MAIL FROM:<from1@a.test>$')" = 1 ]
}

@test "where secrets may come from" {
	local from
	export CREDENTIALS_DIRECTORY=$BATS_TEST_TMPDIR
	for from in "file:$mine" "cred:mine" "exec:/bin/cat $mine" \
		"plain:$ann:$horse" fd:7; do
		post 1
		serve --ehlo "AUTH PLAIN"
		forward -v --client-auth="$from" 7<"$mine"
		exits 0
		heard "AUTH PLAIN $plain"
		silent
	done
	unset CREDENTIALS_DIRECTORY
	post 1
	for from in "$mine.none" fd:9 fd:1 cred:mine exec:/bin/false "exec:cat $mine" \
		"plain:$ann" "plain:!:$horse"; do
		forward --client-auth="$from" 9<&-
		exits 78
		silent
	done
	chmod 644 "$mine"
	log_in
	exits 78
	[[ $stderr == *"others may use it"* ]]
	[ "$(state 1)" = ready ]
}

@test "what it inherits is closed, a descriptor for secrets as well" {
	post 1
	serve --ehlo "AUTH PLAIN" --reply MAIL="451 not now"
	fifo=$BATS_TEST_TMPDIR/fifo
	mkfifo "$fifo"
	# were it open in smtp-send, the reader would not see the end
	start sh -c 'echo 1; exec cat "$1"' sh "$fifo"
	exec 8>"$fifo"
	port=$(head -n 1 "$BATS_TEST_TMPDIR/start.0")
	setsid smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" \
		--no-syslog --poll=600 2>/dev/null </dev/null 3>&- &
	pids+=($!)
	exec 8>&-
	wait_until grep -q '^MAIL' "$said"
	wait_until sh -c "! kill -0 $pid 2>/dev/null || grep -q Z /proc/$pid/status"
}

@test "tokens: XOAUTH2 and OAUTHBEARER, from a program" {
	local want mechanism
	token s3cr3t
	for mechanism in XOAUTH2 OAUTHBEARER; do
		post 1
		serve --ehlo "AUTH PLAIN $mechanism"
		forward -v --oauth-exec="$program" --oauth-user=ann@a.test
		exits 0
		if [ $mechanism = XOAUTH2 ]; then
			want=$'user=ann@a.test\1auth=Bearer s3cr3t\1\1'
		else
			want=$'n,a=ann@a.test,\1host=127.0.0.1\1port='$port$'\1auth=Bearer s3cr3t\1\1'
		fi
		heard "AUTH $mechanism $(printf %s "$want" | base64 -w 0)"
		silent
	done
	post 1
	secrets <<<"client oauth ann s3cr3t"
	serve --ehlo "AUTH XOAUTH2"
	log_in
	exits 0
	heard "AUTH XOAUTH2 $(printf 'user=ann\1auth=Bearer s3cr3t\1\1' | base64 -w 0)"
	post 1
	secrets <<<"client LOGIN bob horse"
	serve --ehlo "AUTH XOAUTH2 LOGIN"
	log_in --oauth-exec="$program"
	exits 0
	heard "AUTH XOAUTH2 $(printf 'user=bob\1auth=Bearer s3cr3t\1\1' | base64 -w 0)"
}

@test "a token is kept in a file that is its owner's, and asked for again when it is refused" {
	local cache=$spool/.oauth-token
	token s3cr3t
	post 1 2
	serve --ehlo "AUTH XOAUTH2" --reply AUTH:2="334 eyJzdGF0dXMiOiI0MDEifQ==" \
		--reply AUTH+="535 5.7.3 no"
	oauth() { forward -v --oauth-exec="$program" --oauth-user=ann "$@"; }
	oauth "$(id 1)"
	exits 0
	[ "$(fetched)" = 1 ]
	[ "$(stat -c '%a %u' "$cache")" = "600 $(command id -u)" ]
	# taken from there, refused, and got anew
	echo s3cr3t2 >"$program.text"
	oauth "$(id 2)"
	exits 0
	[ "$(fetched)" = 2 ]
	old=$(printf 'user=ann\1auth=Bearer s3cr3t\1\1' | base64 -w 0)
	new=$(printf 'user=ann\1auth=Bearer s3cr3t2\1\1' | base64 -w 0)
	heard "AUTH XOAUTH2 $old" "AUTH XOAUTH2 $old" "AUTH+ " "AUTH XOAUTH2 $new"
	silent
	# others may read it, or it is too old, or it is somebody else's: not used
	chmod 644 "$cache"
	post 1
	oauth
	[ "$(fetched)" = 3 ]
	touch -d '2 hours ago' "$cache"
	post 1
	oauth
	[ "$(fetched)" = 4 ]
	post 1
	oauth --oauth-user=bob
	exits 0
	[ "$(fetched)" = 4 ] || fail "the first --oauth-user counts"
	post 1
	forward --oauth-exec="$program" --oauth-user=bob
	exits 0
	[ "$(fetched)" = 5 ]
	rm "$cache"
	ln -s "$program.text" "$cache"
	post 1
	oauth
	[ "$(fetched)" = 6 ]
	[ ! -L "$cache" ]
	[ -z "$(find "$spool" -name '.oauth-token?*')" ]
}

@test "a token is kept beside what another host writes with the same process number" {
	local other=$spool/.oauth-token.99999 run
	token s3cr3t
	serve --ehlo "AUTH XOAUTH2"
	# smtp-send with that number, and all in one process
	# shellcheck disable=SC2016
	run='echo $$ >"$0"; until [ -e "$0.go" ]; do sleep 0.05; done; exec "$@"'
	oauth() {
		post 1
		rm -f "$spool/.oauth-token"* "$BATS_TEST_TMPDIR"/number*
		setsid sh -c "$run" "$BATS_TEST_TMPDIR/number" smtp-send --spool-dir "$spool" \
			--forward-to "127.0.0.1:$port" --log --no-syslog \
			--oauth-exec="$program" --oauth-user=ann --no-sandbox \
			$me 2>"$BATS_TEST_TMPDIR/log" 3>&- &
		pids+=($!)
		wait_until test -s "$BATS_TEST_TMPDIR/number"
		other=$spool/.oauth-token.$(cat "$BATS_TEST_TMPDIR/number")
		printf 'half of a' >"$other"
		"$@"
		touch "$BATS_TEST_TMPDIR/number.go"
		wait "${pids[-1]}"
		[ "$(state 1)" = gone ]
	}
	oauth true
	[ "$(cat "$other")" = "half of a" ]
	[ ! -e "$spool/.oauth-token" ]
	grep -q "cannot keep the token in '.oauth-token': File exists" "$BATS_TEST_TMPDIR/log"
	oauth eval 'touch -d "2 minutes ago" "$other"'
	[ ! -e "$other" ]
	tail -n 1 "$spool/.oauth-token" | grep -qx s3cr3t
}

@test "a token that is refused when it is new: no second one, and it is not kept" {
	token s3cr3t
	options="--oauth-exec=$program --oauth-user=ann"
	failing "XOAUTH2 failed: 535 5.7.3 no" --ehlo "AUTH XOAUTH2 PLAIN" \
		--reply AUTH="334 e30=" --reply AUTH+="535 5.7.3 no"
	[ "$(fetched)" = 1 ]
	[ ! -e "$spool/.oauth-token" ]
	[ "$(said_times '^AUTH PLAIN')" = 0 ]
	failing "OAUTHBEARER failed: 535" --ehlo "AUTH OAUTHBEARER" \
		--reply AUTH="334 e30=" --reply AUTH+="535 5.7.3 no"
	[ "$(said_times '^AUTH\+ AQ==$')" = 1 ]
}

@test "a token does not leave the machine in the clear" {
	local there
	token s3cr3t
	serve --ehlo "AUTH XOAUTH2"
	there=$port
	start "$BATS_TEST_DIRNAME/socksd"
	post 1
	run --separate-stderr smtp-send $me --spool-dir "$spool" --no-syslog \
		--forward-to "next.test:$there@127.0.0.1:$port" \
		--oauth-exec="$program" --oauth-user=ann
	exits 75
	[[ $stderr == *"SASL login failed: 451 4.7.0 no mechanism in common that may be used"* ]] ||
		fail "$stderr"
	[ "$(said_times '^EHLO')" = 1 ]
	[ "$(said_times '^AUTH')" = 0 ]
	[ "$(fetched)" = 0 ]
}

@test "a program that gives no token" {
	token ""
	options="--oauth-exec=$program --oauth-user=ann"
	failing "XOAUTH2 failed: 451 4.7.0 no token" --ehlo "AUTH XOAUTH2"
	grep -q "no token from '$program': it has printed something else" <<<"$stderr"
	[ "$(said_times '^AUTH')" = 0 ]
	for text in $'s3cr3t\nx' $'s3cr3t\1' "s3cr3t x" "$(head -c 5000 /dev/zero | tr '\0' t)"; do
		token "$text"
		failing "XOAUTH2 failed: 451 4.7.0 no token" --ehlo "AUTH XOAUTH2"
	done
	options="--oauth-exec=/bin/false --oauth-user=ann"
	failing "XOAUTH2 failed: 451 4.7.0 no token" --ehlo "AUTH XOAUTH2"
	options="--oauth-exec=/no/such --oauth-user=ann"
	failing "XOAUTH2 failed: 451 4.7.0 no token" --ehlo "AUTH XOAUTH2"
	forward --oauth-exec=token --oauth-user=ann
	exits 64
	forward --oauth-exec=/bin/false
	exits 64
	[[ $stderr == *"--oauth-user is missing"* ]]
}

@test "smtp-recv hands it all down" {
	serve --ehlo "AUTH PLAIN"
	session smtp-recv $me --spool-dir="$spool" --no-syslog --immediate \
		--forward-to="127.0.0.1:$port" --client-auth="$mine" <<-'EOF'
		EHLO c
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		x
		.
	EOF
	codes 220 250 250 250 354 250
	heard "AUTH PLAIN $plain"
	token s3cr3t
	serve --ehlo "AUTH XOAUTH2" --reply AUTH="535 no"
	session smtp-recv $me --spool-dir="$spool" --no-syslog --immediate \
		--forward-to="127.0.0.1:$port" --oauth-exec="$program" --oauth-user=ann <<-'EOF'
		EHLO c
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		x
		.
	EOF
	codes 220 250 250 250 354 451
	[ -z "$(spooled; spooled bad)" ]
}

@test "SCRAM-SHA-256: both sides have to know the password" {
	local how
	post 1
	start "$BATS_TEST_DIRNAME/scramserver" horse
	log_in -v
	exits 0
	silent
	[ "$(state 1)" = gone ]
	grep -q '^AUTH SCRAM-SHA-256 ' "$log"
	while IFS='|' read -r theirs how why; do
		post 1
		start "$BATS_TEST_DIRNAME/scramserver" $theirs $how
		log_in -v
		exits 75
		silent
		[[ $stderr == *"SASL SCRAM-SHA-256 failed: $why"* ]] || fail "$stderr"
		[ "$(state 1)" = ready ]
		! grep -q '^MAIL' "$log" || fail "mail has been sent"
	done <<-'EOT'
		donkey||535 5.7.8 wrong
		donkey|forged|451 4.7.0 the server has not shown that it knows
		donkey|hasty|451 4.7.0 the server has not shown that it knows
	EOT
}
