# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# TLS of smtp-send: good servers, bad ones, and who may see a message.
load tls
load send

setup_file() {
	export certs=$BATS_FILE_TMPDIR/certs
	mkdir "$certs"
	self_signed ca
	self_signed mx.test
	signed_for good mx.test
	signed_for friend friend
	signed_for expired mx.test -days -1
	signed_for other other.test
	signed_for wild '*.wild.test'
	signed_for home localhost
	# a directory, as openssl rehash leaves it
	mkdir "$certs/dir"
	cp "$certs/ca-cert.pem" \
		"$certs/dir/$(openssl x509 -hash -noout -in "$certs/ca-cert.pem").0"
}
# signed_for FILE NAME [OPTION...]: FILE.pem, for this name, signed by the CA.
signed_for() {
	local file=$1 name=$2
	shift 2
	key "$file"
	openssl req -new -key "$certs/$file-key.pem" -subj "/O=Test/CN=$name" |
		openssl x509 -req -CA "$certs/ca-cert.pem" \
			-CAkey "$certs/ca-key.pem" -set_serial 7 -days 30 \
			-extfile <(echo "subjectAltName=DNS:$name,IP:127.0.0.9") \
			"$@" -out "$certs/$file-cert.pem" 2>/dev/null
	cat "$certs/$file-cert.pem" "$certs/$file-key.pem" >"$certs/$file.pem"
}
setup() {
	prepare
	trusting="--client-tls-verify=$certs/ca-cert.pem --client-tls-server-name=mx.test"
}

# tls_serve CERTIFICATE [OPTIONS of tlsserver]; what it has heard is in $said.
tls_serve() {
	said=$BATS_TEST_TMPDIR/said.${#pids[@]}
	: >"$said"
	start "$BATS_TEST_DIRNAME/tlsserver" -c "$certs/$1.pem" "${@:2}" "$said"
}
heard() { grep -qE -e "^$1$" "$said" || fail "not heard: $1, but: $(<"$said")"; }
never_heard() { ! grep -E -e "$1" "$said" || fail "heard: $1"; }
# sent HOW: message 1 has gone, and all of it was said so (tls or clear).
sent() {
	exits 0
	[ "$(state 1)" = gone ] || fail "message 1 is $(state 1)"
	heard "$1: MAIL FROM:<from1@a.test>.*"
	heard message
}
# refused REASON: nothing of message 1 was told, and it is as it was.
refused() {
	exits 75
	[ "$(state 1)" = ready ] || fail "message 1 is $(state 1)"
	kept 1
	never_heard '(MAIL|RCPT|AUTH|DATA|message)'
	logged_match "$1"
}
logged_match() { [[ $stderr =~ $1 ]] || fail "not logged: $1, but: $stderr"; }

# --- it works ---

@test "--client-tls: STARTTLS when it is offered" {
	local option
	for option in --client-tls -j; do
		tls_serve good
		post 1
		forward $option
		sent tls
		heard 'clear: EHLO mx.test'
		heard 'clear: STARTTLS'
		heard 'tls: EHLO mx.test'
		heard 'tls: QUIT'
		never_heard '^clear: (MAIL|QUIT)'
		logged_match 'Untrusted TLS connection established to 127.0.0.1\[127.0.0.1\]:[0-9]*: TLSv1.3 with cipher TLS_'
	done
}
@test "--client-tls: in clear when it is not" {
	tls_serve good -n
	post 1
	forward --client-tls
	sent clear
	never_heard STARTTLS
}
@test "without --client-tls STARTTLS is not said" {
	tls_serve good
	post 1
	forward
	sent clear
	never_heard STARTTLS
}
@test "--client-tls-connection: TLS before the greeting" {
	local option
	for option in --client-tls-connection -b '-b --client-tls-required'; do
		tls_serve good -i
		post 1
		forward $option
		sent tls
		never_heard '^clear'
		never_heard STARTTLS
	done
}
@test "many messages over one encrypted connection, and many connections" {
	tls_serve good
	post 1 2 3 4 5 6 7 8 9
	forward --client-tls $trusting
	exits 0
	[ "$(said_times '^message$')" = 9 ]
	[ "$(said_times '^connect$')" = 1 ]
	post 1 2 3
	run --separate-stderr smtp-send $me --spool-dir "$spool" --report -n \
		--forward-to "127.0.0.1:$port" --client-tls $trusting - \
		< <(for n in 1 2 3; do id $n; done)
	exits 0
	[ "$(said_times '^message$')" = 12 ]
}
@test "a long message, through PIPELINING" {
	tls_serve good -s PIPELINING,SIZE
	yes 'a line of a long message, to fill more than one buffer' |
		head -n 100000 | place "$(id 1)" from1@a.test to1@b.test
	forward --client-tls $trusting
	sent tls
}
@test "the same over TLS 1.2" {
	tls_serve good -v 1.2
	post 1
	forward --client-tls $trusting
	sent tls
	heard 'secure TLSv1.2'
	logged 'Verified TLS connection established to 127.0.0.1[127.0.0.1]:'
	logged_match 'TLSv1.2 with cipher ECDHE-ECDSA-'
}
@test "openssl s_server as the server" {
	needs openssl
	local fifo=$BATS_TEST_TMPDIR/fifo
	mkfifo "$fifo"
	exec 7<>"$fifo"
	setsid openssl s_server -accept 127.0.0.1:0 -cert "$certs/good.pem" \
		-naccept 1 <"$fifo" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 7>&- &
	pids+=("$!")
	wait_until grep -q '^ACCEPT' "$BATS_TEST_TMPDIR/out"
	port=$(sed -n 's/^ACCEPT 127.0.0.1://p' "$BATS_TEST_TMPDIR/out")
	post 1
	# all replies at once would be out of turn
	(
		at_once() { wait_until grep -q "^$1" "$BATS_TEST_TMPDIR/out"; printf '%s\r\n' "$2"; }
		printf '220 s\r\n'
		at_once EHLO '250 s'
		at_once MAIL '250 s'
		at_once RCPT '250 s'
		at_once DATA '354 s'
		at_once '\.' '250 s'
		at_once QUIT '221 s'
	) >"$fifo" 3>&- &
	pids+=("$!")
	forward -b $trusting
	exits 0
	[ "$(state 1)" = gone ]
	logged 'Verified TLS'
}
@test "smtp-recv as the server, from spool to spool" {
	local far=$BATS_TEST_TMPDIR/far
	mkdir "$far"
	listen smtp-recv $me --spool-dir="$far" --domain=far.test --log --no-syslog \
		--server-tls="$certs/good.pem" --server-tls-required
	post 1
	forward --client-tls $trusting
	exits 0
	listen smtp-recv $me --spool-dir="$far" --domain=far.test --log --no-syslog \
		--server-tls="$certs/good.pem" --server-tls-connection
	post 2
	forward --client-tls-connection $trusting
	exits 0
	[ "$(states 2)" = 'gone gone' ]
	[ "$(grep -lE '^Received: .* with ESMTPS id .* \(TLSv1.3 ' "$far"/*.content | wc -l)" = 2 ]
	grep -q '^.text 1' "$far"/*.content
}

@test "a signal to all of us ends smtp-send behind the message, not in it" {
	local fifo=$BATS_TEST_TMPDIR/fifo sender
	mkfifo "$fifo"
	tls_serve good -h "$fifo"
	post 1 2
	setsid smtp-send $me --spool-dir "$spool" -n --client-tls $trusting \
		--forward-to "127.0.0.1:$port" 3>&- &
	sender=$!
	pids+=("$sender")
	wait_until grep -q hold "$said"
	kill -TERM -- "-$sender"
	kill -INT -- "-$sender"
	echo go >"$fifo"
	status=0
	wait "$sender" || status=$?
	[ "$status" = 75 ]
	[ "$(states 2)" = 'gone ready' ] || fail "$(states 2)"
	heard message
}

@test "--jobs: each connection is encrypted, and each helper ends" {
	local all n far=$BATS_TEST_TMPDIR/far
	mkdir "$far"
	listen smtp-recv $me --spool-dir="$far" --domain=mx.test --log --no-syslog \
		--server-tls="$certs/good.pem" --server-tls-required
	mapfile -t all < <(seq 40)
	post "${all[@]}"
	forward --jobs=4 --client-tls --client-tls-required $trusting
	exits 0
	[ "$(ls "$spool")" = "" ]
	[ "$(find "$far" -name '*.envelope' | wc -l)" = 40 ]
	n=$(grep -c 'Verified TLS connection established' <<<"$stderr")
	((n >= 2 && n <= 4)) || fail "$n connections: $stderr"
	# not with a server that is not the one
	post 1 2 3
	forward --jobs=4 --client-tls --client-tls-verify="$certs/ca-cert.pem" \
		--client-tls-server-name=other.test
	exits 75
	[ "$(states 3)" = "ready ready ready" ]
	[ "$(grep -c 'is not secure enough' <<<"$stderr")" = 1 ]
}

# --- names and certificates ---

@test "the name is sent, and is what is verified" {
	tls_serve good
	post 1
	forward --client-tls $trusting
	sent tls
	heard 'sni mx.test'
	logged 'Verified TLS connection established to'
	tls_serve wild
	post 1
	forward --client-tls --client-tls-verify="$certs/ca-cert.pem" \
		--client-tls-server-name=mx.wild.test
	sent tls
	heard 'sni mx.wild.test'
}
@test "the name of --forward-to; an address is not sent" {
	tls_serve home
	post 1
	run --separate-stderr smtp-send $me --spool-dir "$spool" --log -n \
		--forward-to "localhost:$port" --client-tls \
		--client-tls-verify="$certs/ca-cert.pem"
	sent tls
	heard 'sni localhost'
	logged 'Verified TLS'
	tls_serve good
	post 1
	forward --client-tls
	sent tls
	heard 'sni None'
}
@test "an address is verified, too" {
	tls_serve good
	post 1
	forward --client-tls --client-tls-verify="$certs/ca-cert.pem"
	refused 'IP address mismatch'
	forward --client-tls --client-tls-verify="$certs/ca-cert.pem" \
		--client-tls-server-name=127.0.0.9
	sent tls
}
@test "--client-tls-verify: a file, a directory, the very certificate" {
	local trust
	for trust in ca-cert.pem dir good-cert.pem; do
		tls_serve good
		post 1
		forward --client-tls --client-tls-server-name=mx.test \
			--client-tls-verify="$certs/$trust"
		sent tls
		logged 'Verified TLS'
	done
}
@test "a wrong certificate: no MAIL, and the message stays as it is" {
	local how server
	for how in --client-tls --client-tls-connection --client-tls-required; do
		server=
		[ $how != --client-tls-connection ] || server=-i
		while IFS='|' read -r certificate reason; do
			tls_serve "$certificate" $server
			post 1
			forward $how $trusting
			refused "127.0.0.1\]:$port is not secure enough: 451 4.7.5 certificate verify failed: $reason"
			heard failed
			[[ $output = "$(id 1) deferred 451 4.7.5 certificate verify failed: "* ]]
		done <<-'END'
			mx.test|self-signed certificate
			expired|certificate has expired
			other|hostname mismatch
		END
	done
}
@test "the system's certificates do not know ours" {
	local trust
	for trust in default '<default>'; do
		tls_serve good
		post 1
		forward --client-tls --client-tls-verify="$trust" \
			--client-tls-server-name=mx.test
		refused 'unable to get local issuer certificate'
	done
	forward --client-tls --tls-config=8 --client-tls-server-name=mx.test
	refused 'unable to get local issuer certificate'
	forward --client-tls --tls-config=8 --client-tls-verify=none
	sent tls
}
@test "not verified, but looked at" {
	while IFS='|' read -r certificate reason; do
		tls_serve "$certificate"
		post 1
		forward --client-tls --client-tls-server-name=mx.test
		sent tls
		logged_match "Untrusted TLS connection established to .*: TLSv1.3 with cipher TLS_[A-Z0-9_]*: $reason"
	done <<-'END'
		mx.test|self-signed certificate
		good|unable to
	END
}
@test "--client-tls-certificate" {
	tls_serve good -a "$certs/ca-cert.pem"
	post 1
	forward --client-tls $trusting
	[ "$(state 1)" != gone ]
	[ "$status" = 75 ]
	forward --client-tls $trusting --client-tls-certificate="$certs/friend.pem"
	sent tls
	heard 'client friend'
	post 1
	forward --client-tls --client-tls-certificate="$certs/ca-cert.pem"
	exits 75
	logged "no usable key in '$certs/ca-cert.pem'"
	[ "$(state 1)" = ready ]
}
@test "--tls-config: versions" {
	tls_serve good -v 1.1
	post 1
	forward --client-tls
	refused 'is not secure enough: 451 4.7.5 (unsupported protocol|tlsv1 alert protocol version)'
	forward --client-tls --tls-config=tlsv1.1
	sent tls
	tls_serve good
	post 1
	forward --client-tls -0 -tlsv1.2
	sent tls
	heard 'secure TLSv1.2'
}

# --- servers that mean no good, or are unwell ---

@test "STARTTLS is not offered, though it has to be" {
	local option
	for option in --client-tls-required "--client-tls --client-tls-required" \
		"--client-tls $trusting" "--client-tls --tls-config=8"; do
		tls_serve good -n
		post 1
		forward $option
		refused 'is not secure enough: 451 4.7.4 the server does not offer STARTTLS'
		never_heard STARTTLS
		heard 'clear: QUIT'
	done
}
@test "STARTTLS is refused: never in clear" {
	local reply
	for reply in '454 4.7.0 TLS not available' '502 5.5.1 what?' \
		'554 5.3.0 no' '421 4.3.0 not now'; do
		for option in --client-tls --client-tls-required; do
			tls_serve good -r "$reply"
			post 1
			forward $option
			refused "is not secure enough: $reply"
		done
	done
}
@test "clear text behind the 220 is not taken for what comes under TLS" {
	local text
	for text in '250-server.test\r\n250 SIZE\r\n' '550 no\r\n' '2' \
		'250 x\r\n250 x\r\n250 x\r\n250 x\r\n354 x\r\n250 x\r\n'; do
		tls_serve good -j "$text"
		post 1
		forward --client-tls
		refused '451 4.7.5 clear text before the handshake'
		never_heard '^(tls|secure)'
	done
}
@test "the handshake does not come about: never in clear" {
	local how option
	for how in garbage close; do
		for option in --client-tls --client-tls-required; do
			tls_serve good -b $how
			post 1
			forward $option
			refused 'is not secure enough: 451 4.7.5 '
			[ "$(said_times '^connect')" = 1 ]
		done
	done
	tls_serve good -b silent
	post 1
	forward --client-tls --response-timeout=1
	refused '451 4.7.5 timed out'
}
@test "no TLS behind the port that should have it" {
	tls_serve good
	post 1
	forward --client-tls-connection
	refused 'is not secure enough: 451 4.7.5 wrong version number'
}
@test "what was offered in clear counts no more" {
	tls_serve good -o SIZE=10,PIPELINING,SMTPUTF8 -s SIZE
	post 1
	forward --client-tls
	sent tls
	heard 'tls: MAIL FROM:<from1@a.test> SIZE=[0-9]*'
	tls_serve good -o 8BITMIME,SIZE=1000000
	post 1
	forward --client-tls
	sent tls
	heard 'tls: MAIL FROM:<from1@a.test>'
}
@test "EHLO under TLS is refused" {
	tls_serve good -e '421 4.3.2 later'
	post 1
	forward --client-tls
	refused 'does not want to talk: 421 4.3.2 later'
}
@test "an unfriendly greeting under TLS" {
	tls_serve good -i -g '554 5.3.2 go away'
	post 1
	forward -b
	refused 'does not want to talk: 554 5.3.2 go away'
}
@test "no message is tried when the first was told that there is no TLS" {
	tls_serve mx.test
	post 1 2 3
	forward --client-tls $trusting
	refused 'self-signed certificate'
	[ "$(states 3)" = 'ready ready ready' ]
	[ "$(said_times '^connect')" = 1 ]
}

# --- a password is at stake ---

login() {
	printf 'LOGIN client bob secret\n' >"$BATS_TEST_TMPDIR/auth"
	chmod 600 "$BATS_TEST_TMPDIR/auth"
	forward "--client-auth=$BATS_TEST_TMPDIR/auth" "$@"
}
@test "with a password the server is verified" {
	local how server
	for how in --client-tls --client-tls-connection; do
		server=
		[ $how = --client-tls ] || server=-i
		while IFS='|' read -r certificate reason; do
			tls_serve "$certificate" $server -o 'AUTH PLAIN' \
				-s 'AUTH PLAIN'
			post 1
			login $how --client-tls-server-name=mx.test
			refused "certificate verify failed: $reason"
			login $how $trusting
			[ "$certificate" = good ] || refused "certificate verify failed"
		done <<-'END'
			mx.test|self-signed certificate
			other|unable to get local issuer certificate
			good|unable to get local issuer certificate
		END
		sent tls
		heard 'tls: AUTH PLAIN .*'
		never_heard '^clear: AUTH'
	done
}
@test "with a password STARTTLS may not be left out" {
	tls_serve good -n -o 'AUTH PLAIN'
	post 1
	login --client-tls
	refused 'the server does not offer STARTTLS'
	tls_serve good -o 'AUTH PLAIN' -j '250-x\r\n250 AUTH PLAIN\r\n'
	login --client-tls $trusting
	refused 'clear text before the handshake'
}
@test "with a password, and --client-tls-verify=none" {
	tls_serve mx.test -s 'AUTH PLAIN'
	post 1
	login --client-tls --client-tls-verify=none
	sent tls
	heard 'tls: AUTH PLAIN .*'
}
@test "AUTH that is offered in clear only is not said under TLS" {
	tls_serve good -o 'AUTH PLAIN'
	post 1
	login --client-tls $trusting
	exits 75
	[ "$(state 1)" = ready ]
	never_heard '(AUTH|MAIL)'
}

# --- options ---

@test "options that do not go together" {
	port=1
	forward -j -b
	exits 64
	logged 'the --client-tls and --client-tls-connection options cannot be used together'
	forward --client-tls-verify=default
	exits 64
	logged 'require --client-tls or --client-tls-connection'
	forward -j --client-tls-server-name='a b'
	exits 64
	forward -j --client-tls-verify=/nowhere
	exits 78
	logged "cannot read '/nowhere'"
	forward -j --client-tls-certificate=/nowhere
	exits 78
	forward -j --tls-config=nonsense
	exits 78
	recv --client-tls --client-tls-connection <<<QUIT
	exits 78
	codes 421
}
@test "handed down by smtp-recv --immediate and --poll=0" {
	local trigger message="${start}DATA\r\nSubject: x\r\n\r\ntext\r\n.\r\n"
	for trigger in --immediate --poll=0; do
		tls_serve good -a "$certs/ca-cert.pem"
		wire "$hello$message$bye" $trigger "--forward-to=127.0.0.1:$port" \
			--client-tls --client-tls-required $trusting \
			--client-tls-certificate="$certs/friend.pem" \
			--tls-config=-tlsv1.2
		codes 220 250 250 250 354 250 221
		wait_until grep -q '^message' "$said"
		heard 'secure TLSv1.2'
		heard 'client friend'
		heard 'tls: MAIL .*'
		wait_until nothing_left
	done
	tls_serve mx.test -i
	wire "$hello$message$bye" --immediate "--forward-to=127.0.0.1:$port" \
		--client-tls-connection $trusting
	codes 220 250 250 250 354 451 221
	assert_line --partial '4.7.5 message processing failed: certificate verify failed: self-signed certificate'
	never_heard MAIL
}

# --- --check ---

check() {
	run --separate-stderr smtp-send $me --forward-to "127.0.0.1:$port" \
		--domain mx.test --no-syslog --check "$@"
}
@test "--check: what the server is like" {
	tls_serve good -s SIZE=1000,PIPELINING
	post 1
	check --client-tls $trusting
	exits 0
	assert_output --regexp "^server: 127.0.0.1\[127.0.0.1\]:$port
greeting: server.test ESMTP
tls: TLSv1.3
cipher: TLS_[A-Z0-9_]*
certificate: CN=mx.test,O=Test
names: mx.test, 127.0.0.9
expires: $(date -d '30 days' +%Y-%m-%d)
verified: yes
offers: SIZE=1000, PIPELINING
login: none
result: ready for mail$"
	[ -z "$stderr" ]
	never_heard '(MAIL|message)'
	heard 'tls: QUIT'
	[ "$(state 1)" = ready ]
}
@test "--check: logs in" {
	tls_serve good -s 'AUTH PLAIN'
	printf 'LOGIN client bob secret\n' >"$BATS_TEST_TMPDIR/auth"
	chmod 600 "$BATS_TEST_TMPDIR/auth"
	check --client-tls $trusting --client-auth="$BATS_TEST_TMPDIR/auth"
	exits 0
	assert_line 'login: PLAIN: accepted'
	[[ $output$stderr != *secret* ]]
	check --client-tls $trusting --client-auth="$BATS_TEST_TMPDIR/auth" --json
	exits 0
	assert_equal "$(jq -rs 'add | .login, .names, .result' <<<"$output" | paste -sd'|')" \
		"PLAIN: accepted|mx.test, 127.0.0.9|ready for mail"
}
@test "--check: a log-in that is refused, or is not to be had" {
	printf 'LOGIN client bob secret\n' >"$BATS_TEST_TMPDIR/auth"
	chmod 600 "$BATS_TEST_TMPDIR/auth"
	serve --ehlo "AUTH PLAIN" --reply AUTH='535 5.7.8 who "are" you'
	check --client-auth="$BATS_TEST_TMPDIR/auth"
	exits 69
	assert_output --regexp '^server: .*
greeting: .*
tls: none, and the server does not offer it
offers: .*AUTH PLAIN
login: PLAIN: 535 5.7.8 who "are" you
result: 535 5.7.8 who "are" you$'
	[ "$(said_times '^MAIL')" = 0 ]
	check --client-auth="$BATS_TEST_TMPDIR/auth" --json
	exits 69
	assert_equal "$(jq -rs 'add | .result' <<<"$output")" '535 5.7.8 who "are" you'
	serve --ehlo SIZE
	check --client-auth="$BATS_TEST_TMPDIR/auth"
	exits 75
	assert_line 'login: 451 4.7.0 the server does not offer AUTH'
	serve --ehlo "AUTH PLAIN" --ehlo STARTTLS
	check
	exits 0
	assert_line 'tls: none, but the server offers it: --client-tls'
	assert_line 'login: none, but the server offers it: --client-auth'
}
@test "--check: without TLS, and not verified" {
	tls_serve good -n
	check
	exits 0
	assert_line 'tls: none, and the server does not offer it'
	tls_serve mx.test -i
	check -b --client-tls-server-name=mx.test
	exits 0
	assert_line 'verified: self-signed certificate'
}
@test "--check: trouble" {
	tls_serve mx.test
	check --client-tls $trusting
	exits 75
	assert_line 'result: 451 4.7.5 certificate verify failed: self-signed certificate'
	tls_serve mx.test -g '554 5.3.2 go away'
	check
	exits 69
	assert_line 'result: 554 5.3.2 go away'
	port=1
	check
	exits 75
	assert_output --partial 'result: 451 4.4.1 cannot connect to 127.0.0.1:1: '
	check "$(id 1)"
	exits 64
}
