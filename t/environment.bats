# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# Options in the environment, and secrets in files that it names.
load judge
load send

# \0ann\0horse; ann, horse
plain=AGFubgBob3JzZQ== ann=YW5u horse=aG9yc2U=

setup() {
	prepare
	secret=$here/secret
	echo "plain:$ann:$horse" >"$secret"
}
teardown() {
	stop_all
	chmod -R u+rwX "$here"
}
# A suite in a directory of its own, whose smtp-send notes how it was started:
# watched [PROGRAM].
watched() {
	mkdir -p "$here/bin"
	cp "$bin/smtp-recv" "$here/bin"
	cat >"$here/bin/smtp-send" <<-EOF
		#!/bin/sh
		printf '%s\n' "\$@" >>'$here/arguments'
		exec '$bin/smtp-send' "\$@"
	EOF
	chmod 755 "$here/bin/smtp-send"
}
# through OPTION...: a message by way of smtp-recv in there.
through() {
	wire "${upto_data}Subject: x\r\n\r\ntext\r\n.\r\n$bye" "$@"
}
# silent: no password is in the log, or among anybody's arguments.
silent() {
	local word
	for word in horse "$plain" "$horse"; do
		[[ $stderr$output != *"$word"* ]] || fail "$word: $stderr"
		[ ! -e "$here/arguments" ] ||
			run ! grep -q -- "$word" "$here/arguments"
	done
}
logged() { [[ $stderr = *"$1"* ]] || fail "not logged: $1, but: $stderr"; }
has_ended() { [ ! -e "/proc/$1" ]; }

@test "smtp-send: all that it needs" {
	post 1
	serve --ehlo "AUTH PLAIN"
	export SLUICE_FORWARD_TO=127.0.0.1:$port SLUICE_SPOOL_DIR=$spool
	export SLUICE_CLIENT_AUTH_FILE=$secret SLUICE_DOMAIN=env.test
	export SLUICE_VERBOSE=yes SLUICE_NO_SYSLOG=1 SLUICE_LOG=off
	run --separate-stderr smtp-send $me
	exits 0
	[ "$(state 1)" = gone ]
	grep -q "^AUTH PLAIN $plain" "$said"
	grep -q '^EHLO env.test' "$said"
	logged 'tx>>: "AUTH PLAIN [...]"'
	silent
}

@test "the secret is in the variable itself, or is the path of a secrets file" {
	serve --ehlo "AUTH PLAIN"
	post 1
	SLUICE_CLIENT_AUTH=plain:$ann:$horse forward -v
	exits 0
	silent
	post 2
	(umask 077 && echo "client plain ann horse" >"$here/mine")
	SLUICE_CLIENT_AUTH=$here/mine forward -v
	exits 0
	silent
	[ "$(said_times "^AUTH PLAIN $plain")" = 2 ]
	# a secret in a pipe, as by <(pass show smarthost)
	post 3
	mkfifo "$here/fifo"
	echo "plain:$ann:$horse" >"$here/fifo" 3>&- &
	SLUICE_CLIENT_AUTH_FILE=$here/fifo forward
	exits 0
	[ "$(said_times "^AUTH PLAIN $plain")" = 3 ]
}

@test "the command line wins over the environment, and that over the file" {
	serve
	echo "domain file.test" >"$here/conf"
	post 1 2 3
	export SLUICE_FORWARD_TO=127.0.0.1:1
	go() {
		run --separate-stderr smtp-send $me --spool-dir="$spool" \
			--no-syslog --forward-to=127.0.0.1:$port "$@"
		exits 0
	}
	SLUICE_CONFIG=$here/conf go "$(id 1)"
	SLUICE_CONFIG=$here/conf SLUICE_DOMAIN=env.test go "$(id 2)"
	SLUICE_CONFIG=$here/conf SLUICE_DOMAIN=env.test \
		go --domain=argv.test "$(id 3)"
	assert_equal "$(sed -n 's/^EHLO //p' "$said" | paste -sd' ')" \
		"file.test env.test argv.test"
}

@test "through smtp-recv: --immediate and --forward-on-disconnect" {
	watched
	serve --ehlo "AUTH PLAIN"
	PATH=$here/bin:$PATH
	export SLUICE_FORWARD_TO=127.0.0.1:$port SLUICE_CLIENT_AUTH_FILE=$secret
	export SLUICE_VERBOSE=1 SLUICE_NO_SYSLOG=1
	# smtp-send that is started by smtp-recv does not go on for ever
	export SLUICE_POLL=3600
	for option in IMMEDIATE FORWARD_ON_DISCONNECT; do
		export SLUICE_$option=true
		through
		codes 220 250 250 250 354 250 221
		silent
		unset SLUICE_$option
		nothing_left
	done
	SLUICE_POLL=0 through
	nothing_left
	[ "$(said_times "^AUTH PLAIN $plain")" = 3 ]
	[ "$(arrived)" = 3 ]
	# what came from the environment is not among the arguments
	run ! grep -E 'forward-to|client-auth|verbose|syslog' "$here/arguments"
	grep -qx -- "--spool-dir=$spool" "$here/arguments"
}

@test "through smtp-recv: its configuration file need not be smtp-send's" {
	watched
	serve
	PATH=$here/bin:$PATH
	printf '%s\n' "forward-to 127.0.0.1:$port" 'poll 0' >"$here/conf"
	sed -i "2i [ -z \"\${SLUICE_CONFIG:-}\" ] || exit 78" "$here/bin/smtp-send"
	SLUICE_CONFIG=$here/conf through
	nothing_left
	SLUICE_CONFIG=$here/conf SLUICE_IMMEDIATE=1 through
	codes 220 250 250 250 354 250 221
	nothing_left
	[ "$(arrived)" = 2 ]
}

@test "through smtp-recv: a password in its configuration file" {
	watched
	serve --ehlo "AUTH PLAIN"
	PATH=$here/bin:$PATH
	printf '%s\n' "forward-to 127.0.0.1:$port" \
		"client-auth plain:$ann:$horse" >"$here/conf"
	through --config="$here/conf" --poll=0
	nothing_left
	through --config="$here/conf" --immediate
	nothing_left
	silent
	# the environment wins, and is only for smtp-send to read
	echo "plain:Ym9i:$horse" >"$secret"
	SLUICE_CLIENT_AUTH_FILE=$secret through --config="$here/conf" --poll=0
	nothing_left
	silent
	[ "$(said_times "^AUTH PLAIN $plain")" = 2 ]
	[ "$(said_times "^AUTH PLAIN AGJvYgBob3JzZQ==")" = 1 ]
}

@test "filters and verifiers see nothing of it" {
	script look <<-EOF
		env >>"$here/seen"
		[ \$# = 1 ] || { printf 'x\nb@b.test\n'; exit 1; }
	EOF
	export SLUICE_CLIENT_AUTH=plain:$ann:$horse SLUICE_FORWARD_TO=127.0.0.1:1
	SLUICE_FILTER=$here/look SLUICE_VERIFIER=$here/look recv < <(message)
	[ "$(grep -c '^IFS=' "$here/seen")" = 2 ]
	serve --ehlo "AUTH PLAIN"
	SLUICE_CLIENT_FILTER=$here/look forward
	exits 0
	[ "$(grep -c '^IFS=' "$here/seen")" = 3 ]
	run ! grep -E 'SLUICE|horse|aG9y' "$here/seen"
}

@test "nor do programs that check passwords or give tokens, nor tls-io" {
	script judge <<-EOF
		env >>"$here/seen"
		exit 1
	EOF
	script token <<-EOF
		env >>"$here/seen"
		echo t0ken
	EOF
	export SLUICE_CLIENT_AUTH=plain:$ann:$horse
	SLUICE_SERVER_AUTH=checkpassword:$here/judge recv <<-EOF
		EHLO c
		AUTH PLAIN $plain
		QUIT
	EOF
	codes 220 250 535 221
	post 1
	serve --ehlo "AUTH XOAUTH2"
	SLUICE_OAUTH_EXEC=$here/token forward
	exits 0
	mkdir "$here/libexec"
	watched
	cp "$bin/smtp-send" "$here/bin/smtp-send"
	printf '%s\n' '#!/bin/sh' "env >>'$here/seen'; exit 1" >"$here/libexec/tls-io"
	chmod 755 "$here/libexec/tls-io"
	post 2
	run "$here/bin/smtp-send" $me --spool-dir="$spool" --no-syslog \
		--forward-to=127.0.0.1:$port --client-tls-connection
	exits 75
	[ "$(grep -c '^PATH=' "$here/seen")" = 3 ]
	run ! grep -E 'SLUICE|horse|aG9y' "$here/seen"
}

@test "tls-io before smtp-recv leaves it what it needs" {
	command -v openssl >/dev/null || skip "openssl is not installed"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$here/key" -out "$here/cert" -days 3 -subj /CN=mx.test \
		2>/dev/null
	SLUICE_SERVER_TLS_FILE=$here/name SLUICE_TLS_KEY=$here/key \
		SLUICE_CLIENT_TLS_CONNECTION=1 SLUICE_DOMAIN=env.test \
		SLUICE_USER=${me#--user=} SLUICE_SPOOL_DIR=$spool \
		listen "$build/libexec/tls-io" smtp-recv
	echo "$here/cert" >"$here/name"
	run openssl s_client -quiet -connect 127.0.0.1:$port < <(printf 'QUIT\r\n')
	assert_output --partial '220 env.test ESMTP'
}

@test "mistakes: which variable, and never what is in it" {
	post 1
	serve
	while IFS='|' read -r setting message; do
		export "${setting?}"
		forward
		unset "${setting%%=*}"
		exits 78
		logged "error: $message"
		silent
	done <<-EOF
		SLUICE_FOWARD_TO=x|SLUICE_FOWARD_TO: unknown, did you mean SLUICE_FORWARD_TO?
		SLUICE_CLIENT_TLS_REQUIRD=1|SLUICE_CLIENT_TLS_REQUIRD: unknown, did you mean SLUICE_CLIENT_TLS_REQUIRED?
		SLUICE_RETRY_FOR=horse|SLUICE_RETRY_FOR: that will not do: a number, of seconds or with s, m, h or d
		SLUICE_CLIENT_TLS=horse|SLUICE_CLIENT_TLS: wants yes or no
		SLUICE_CHECK=1|SLUICE_CHECK: only for the command line
		SLUICE_CLIENT_AUTH=horse|--client-auth: cannot find the secrets file that the environment names: No such file or directory
		SLUICE_CLIENT_AUTH=plain:horse|plain: wants a name and a password in base64
		SLUICE_CLIENT_AUTH_FILE=$here/none|SLUICE_CLIENT_AUTH_FILE: cannot use '$here/none': No such file or directory
		SLUICE_CLIENT_AUTH_FILE=$here|SLUICE_CLIENT_AUTH_FILE: cannot use '$here': it is no file
	EOF
	printf 'ann horse' >"$secret"
	SLUICE_CLIENT_AUTH_FILE=$secret forward
	exits 78
	silent
	printf '# a secrets file\nclient plain ann horse\n' >"$secret"
	SLUICE_CLIENT_AUTH_FILE=$secret forward
	exits 78
	logged "'$secret': it has more than one line"
	silent
	SLUICE_CLIENT_AUTH_FILE=$secret SLUICE_CLIENT_AUTH=x forward
	exits 78
	logged "both SLUICE_CLIENT_AUTH and SLUICE_CLIENT_AUTH_FILE are there"
	[ "$(state 1)" = ready ]
	[ ! -s "$said" ]
}

@test "what is nobody's is warned of, and no more" {
	post 1
	serve
	SLUICE_SERVICE_HOST=10.0.0.1 SLUICE_VERSION=3 SLUICE_POP_PORT=110 forward
	exits 0
	logged "warning: SLUICE_SERVICE_HOST: no option is called so"
	[ "$(grep -c SLUICE <<<"$stderr")" = 1 ]
}

@test "smtp-recv: its client hears of a mistake" {
	SLUICE_SIZE=big recv <<<QUIT
	[ "$status" = 78 ]
	assert_output "421 4.3.0 service not available"
	logged "SLUICE_SIZE: that will not do: a number from 0"
}

@test "spool-submit, sendmail and mailq" {
	export SLUICE_SPOOL_DIR=$spool SLUICE_DOMAIN=env.test
	spool-submit --from=me@a.test to@b.test <<<"Subject: x"
	SLUICE_CONFIG=/dev/null sendmail to@b.test <<<"Subject: y"
	grep -q '^From: .*@env.test>*'$'\r' "$spool"/*.content
	[ "$(spooled | wc -l)" = 2 ]
	run mailq
	assert_output --partial 'in 2 Requests'
	echo "size x" >"$here/conf"
	SLUICE_CONFIG=$here/conf run sendmail to@b.test <<<"Subject: z"
	exits 0
	echo "unknown-one x" >"$here/conf"
	SLUICE_CONFIG=$here/conf run sendmail to@b.test <<<"Subject: z"
	exits 78
}

@test "set-group-id: nothing of it counts" {
	local group submit=$here/spool-submit
	group=$(command id -G | tr ' ' '\n' | grep -vx "$(command id -g)" | head -n 1)
	[ -n "$group" ] || [ "$(command id -u)" != 0 ] || group=daemon
	[ -n "$group" ] || skip "needs root, or another group"
	cp "$bin/spool-submit" "$submit"
	chgrp "$group" "$submit"
	# a typo would be an error, and the spool another one
	export SLUICE_SPOL_DIR=x SLUICE_SPOOL_DIR=/nowhere
	export SLUICE_FROM_FILE=/nowhere/from SLUICE_CONFIG=/nowhere/conf
	run "$submit" --spool-dir="$spool" to@b.test <<<"Subject: x"
	exits 78
	chmod 2755 "$submit"
	run "$submit" --spool-dir="$spool" to@b.test <<<"Subject: x"
	exits 0
	[ "$(spooled | wc -l)" = 1 ]
}
