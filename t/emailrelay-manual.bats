#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The examples of the manual, as they stand there: only paths, ports and hosts
# that are not ours are others, and with root the user is.
# shellcheck disable=SC2016
load relay

setup() {
	prepare
	etc=$BATS_TEST_TMPDIR/etc
	mkdir "$etc"
	HOME=$BATS_TEST_TMPDIR
	export HOME
	port=$(free_port)
}
teardown() {
	local f
	for f in "$BATS_TEST_TMPDIR"/pid.*; do
		[ -s "$f" ] || continue
		pid=$(cat "$f")
		kill "$pid" || true
		wait_until gone "$pid"
	done
	stop_all
}

# daemon OPTION...: emailrelay in the background, as the manual starts it;
# open on 127.0.0.1:$port, which it was told to use.
daemons=0
daemon() {
	local file
	daemons=$((daemons + 1))
	file=$BATS_TEST_TMPDIR/pid.$daemons
	run timeout 60 emailrelay "$@" $me --pid-file="$file" \
		--interface=127.0.0.1 3>&-
	assert_success
	pid=$(cat "$file")
}
# curl as a mail client: submit PORT OPTION...
submit() {
	local where=$1
	shift
	printf 'Subject: hi\r\n\r\nhello\r\n' |
		curl -sS --max-time 30 "smtp://127.0.0.1:$where" \
			--mail-from a@a.test --mail-rcpt b@b.test "$@" -T -
}
executable() { cat >"$1" && chmod 755 "$1"; }

# --- Mail processing ---

@test "a proxy that runs a filter and forwards to the default MTA" {
	smarthost
	port=$(free_port)
	executable "$HOME/myfilter" <<-'EOF'
		#!/bin/sh
		echo "$1" >>"$(dirname "$0")/seen"
		exit 0
	EOF
	daemon --as-proxy="localhost:${next#*:}" --port="$port" --no-syslog \
		--filter="$HOME/myfilter" --spool-dir="$HOME/spool"
	mail "$port"
	wait_until has_mail "$far"
	wait_until is_empty
	grep -qE "^$HOME/spool/emailrelay\.[0-9.]+\.content\$" "$HOME/seen"
}
@test "a filter's reason goes back to the client" {
	executable "$HOME/myfilter" <<-'EOF'
		#!/bin/sh
		echo '<<not today>>'
		exit 1
	EOF
	daemon --as-server --port="$port" --no-syslog \
		--filter="$HOME/myfilter" --spool-dir="$HOME/spool"
	run submit "$port" -v
	assert_failure
	assert_output --partial 'not today'
	is_empty
}
@test "filter.sh hands the mail of one client to sendmail and cancels it" {
	executable "$HOME/sendmail" <<-EOF
		#!/bin/sh
		cat >$HOME/sent
	EOF
	executable "$HOME/filter.sh" <<-EOF
		#!/bin/sh
		# filter.sh
		content="\${1}"
		envelope="\`echo \"\${content}\" | sed 's/content/envelope.new/'\`"
		ip="\`awk '/MailRelay-Client:/ {print \$2;exit}' \"\${envelope}\" | tr -d '\r'\`"
		if test "\${ip}" = "127.0.0.1"
		then
		cat "\${content}" | $HOME/sendmail -t
		rm -f "\${envelope}" "\${content}"
		exit 100 # <= cancel further processing by emailrelay
		fi
		exit 0
	EOF
	daemon --as-server --port="$port" --no-syslog \
		--filter="$HOME/filter.sh" --spool-dir="$HOME/spool"
	mail "$port"
	grep -q '^hello' "$HOME/sent"
	[ -z "$(find "$spool" -name 'emailrelay.*')" ]
}

# --- Authentication ---

@test "clients log in at a server, and a client at the ISP: LOGIN" {
	cat >"$etc/emailrelay-clients.auth" <<-'EOF'
		#
		# emailrelay secrets file
		#
		client LOGIN jsmith my+20password
		server LOGIN user1 secret
		server LOGIN user2 e+3Dmc2
	EOF
	sed 's/^client/server/' "$etc/emailrelay-clients.auth" >"$etc/isp.auth"
	cp "$etc/emailrelay-clients.auth" "$etc/emailrelay-myisp.auth"
	chmod 600 "$etc"/*
	daemon --as-server --server-auth="$etc/emailrelay-clients.auth" \
		--no-syslog --port="$port" --spool-dir="$spool"
	run submit "$port" --user user1:wrong
	assert_failure
	run submit "$port"
	assert_failure
	submit "$port" --user user1:secret --login-options AUTH=LOGIN
	has_mail
	rm "$spool"/emailrelay.*
	submit "$port" --user 'user2:e=mc2' --login-options AUTH=PLAIN
	has_mail
	at_isp "$etc/isp.auth" jsmith
}
# The ISP has these secrets; $spool goes there, and in the end it says who.
at_isp() {
	local isp=$BATS_TEST_TMPDIR/isp
	mkdir "$isp"
	port=$(free_port)
	daemon --as-server --server-auth="$1" --no-syslog --port="$port" \
		--spool-dir="$isp"
	run timeout 60 emailrelay --as-client="localhost:$port" \
		--client-auth="$etc/emailrelay-myisp.auth" --spool-dir="$spool" $me
	assert_success
	is_empty
	grep -q "^X-MailRelay-Authentication: $2" "$isp"/*.envelope
}
@test "clients log in at a server, and a client at the ISP: CRAM-MD5" {
	local key1 key2 key3
	key1=688498119.2977922305.1278051807.3015243256.2216875978.2833592318.2902375592.3156808220
	key2=4059553961.2316091643.3282746241.1444639637.3735501773.3404060330.2760590371.1201092398
	key3=$(echo secret | spool-passwd)
	printf '%s\n' "client CRAM-MD5 jsmith $key1" "server CRAM-MD5 user1 $key2" \
		"server CRAM-MD5 user3 $key3" >"$etc/emailrelay-clients.auth"
	echo "client CRAM-MD5 jsmith $key1" >"$etc/emailrelay-myisp.auth"
	echo "server CRAM-MD5 jsmith $key1" >"$etc/isp.auth"
	chmod 600 "$etc"/*
	daemon --as-server --server-auth="$etc/emailrelay-clients.auth" \
		--no-syslog --port="$port" --spool-dir="$spool"
	run submit "$port" -v --user user1:wrong
	assert_output --partial 'AUTH CRAM-MD5'
	submit "$port" --user user3:secret
	has_mail
	at_isp "$etc/isp.auth" jsmith
}
@test "trusted addresses need not log in" {
	cat >"$etc/relay.auth" <<-'EOF'
		server NONE 127.0.0.* localdomain
		server LOGIN user1 secret
		server LOGIN user2 e+3Dmc2
	EOF
	chmod 600 "$etc/relay.auth"
	daemon --as-server --server-auth="$etc/relay.auth" --no-syslog \
		--port="$port" --spool-dir="$spool"
	submit "$port"
	has_mail
}

# --- TLS, SOCKS ---

@test "a certificate made as the manual says serves STARTTLS" {
	needs openssl
	(
		cd "$etc"
		USER=${USER:-me}
		openssl req -x509 -nodes -days 365 -subj "/O=$(uname -n)/CN=$USER" \
			-newkey rsa:2048 -keyout emailrelay.pem -out emailrelay2.pem \
			2>/dev/null
		cat emailrelay2.pem >>emailrelay.pem
	)
	daemon --as-server --server-tls="$etc/emailrelay.pem" --no-syslog \
		--port="$port" --spool-dir="$spool"
	submit "$port" --ssl-reqd --insecure
	has_mail
	grep -q 'ESMTPS' "$spool"/*.content
	smarthost_tls=$port
	far=$BATS_TEST_TMPDIR/near
	mkdir "$far"
	mv "$spool"/emailrelay.* "$far"
	run timeout 60 emailrelay --as-client="localhost:$smarthost_tls" \
		--client-tls --spool-dir="$far" $me
	assert_success
	has_mail
}
@test "through a SOCKS proxy" {
	smarthost
	start "$BATS_TEST_DIRNAME/socksd"
	local proxy=$port
	stored
	run timeout 60 emailrelay --dont-serve --forward --no-daemon \
		--forward-to "localhost:${next#*:}@localhost:$proxy" --spool-dir "$spool" $me
	assert_success
	has_mail "$far"
}

# --- Address verification ---

# verified SCRIPT: what RCPT is answered, with this verifier.
verified() {
	executable "$HOME/myverifier"
	daemon --as-server --verifier="$HOME/myverifier" --no-syslog \
		--port="$port" --spool-dir="$spool"
	run submit "$port" -v
}
@test "verifier: accept all" {
	verified <<-'EOF'
		#!/bin/sh
		# address verifier -- accept all (252)
		echo ""
		echo $1
		exit 1
	EOF
	assert_success
	has_mail
}
@test "verifier: accept as local" {
	verified <<-'EOF'
		#!/bin/sh
		# address verifier -- accept as local (250)
		echo Local Postmaster '<postmaster@localhost>'
		echo postmaster
		exit 0
	EOF
	assert_success
	grep -q '^X-MailRelay-To-Local: postmaster' "$spool"/*.envelope.local
}
@test "verifier: reject as invalid" {
	verified <<-'EOF'
		#!/bin/sh
		# address verifier -- reject as invalid (550)
		echo invalid address: $1
		exit 2
	EOF
	assert_failure
	assert_line --regexp '^< 550 .*invalid address: b@b.test'
}
@test "verifier: reject as temporarily invalid" {
	verified <<-'EOF'
		#!/bin/sh
		# address verifier -- reject as temporarily invalid (450)
		echo address unavailable: $1
		exit 3
	EOF
	assert_failure
	assert_line --regexp '^< 450 .*address unavailable: b@b.test'
}
@test "verifier: abort" {
	verified <<-'EOF'
		#!/bin/sh
		# address verifier -- abort
		exit 100
	EOF
	assert_failure
	refute_line --regexp '^< [45]50'
}
@test "verifier: no relay for trusted addresses" {
	printf '%s\n' 'server NONE 127.0.0.* localdomain' >"$etc/relay.auth"
	chmod 600 "$etc/relay.auth"
	executable "$HOME/myverifier" <<-'EOF'
		#!/bin/sh
		# address verifier
		address="$1"
		host="$3"
		local_domain="$4"
		auth_mechanism="$7"
		if test -z "${auth_mechanism}" ; then auth_mechanism="NONE" ; fi
		if test "${auth_mechanism}" = "NONE" -a "${host}" != "${local_domain}"
		then
		echo "cannot relay without authentication"
		exit 2 # reject the recipient address
		fi
		echo ""
		echo "${address}"
		exit 1 # accept the recipient address
	EOF
	daemon --as-server --verifier="$HOME/myverifier" --no-syslog \
		--server-auth="$etc/relay.auth" --domain=myhost.test \
		--port="$port" --spool-dir="$spool"
	run submit "$port" -v
	assert_failure
	assert_output --partial 'cannot relay without authentication'
	printf 'Subject: hi\r\n\r\nhello\r\n' | curl -sS --max-time 30 \
		"smtp://127.0.0.1:$port" --mail-from a@a.test \
		--mail-rcpt me@myhost.test -T -
	has_mail
}

# --- Administration, POP ---

@test "a server with an administration port" {
	local admin
	built admin-cmd
	smarthost
	port=$(free_port)
	admin=$(free_port)
	daemon --as-server --port="$port" --forward-to="localhost:${next#*:}" \
		--admin="$admin" --no-syslog --spool-dir="$spool"
	run nc -C -w 20 127.0.0.1 "$admin" <<<$'info\nquit'
	# that its programs were tried out is no connection
	assert_output --partial 'IN started: 0'
	mail "$port"
	has_mail
	run nc -C -w 20 127.0.0.1 "$admin" <<<$'help\nquit'
	assert_output --partial 'E-MailRelay> '
	assert_output --partial 'flush'
	run nc -C -w 60 127.0.0.1 "$admin" <<<$'flush\nquit'
	assert_output --partial OK
	has_mail "$far"
	is_empty
}
@test "terminate ends it all" {
	local admin
	built admin-cmd
	admin=$(free_port)
	daemon --as-server --port="$port" --admin="$admin" --admin-terminate \
		--no-syslog --spool-dir="$spool"
	nc -C -w 20 127.0.0.1 "$admin" <<<$'terminate' >/dev/null || true
	wait_until gone "$pid"
	shut_at "$port"
	shut_at "$admin"
}
@test "a POP server, from the spool directory and by name" {
	local pop
	built pop3-serve
	pop=$(free_port)
	echo 'server LOGIN bob secret' >"$etc/emailrelay.auth"
	chmod 600 "$etc/emailrelay.auth"
	mkdir "$spool/bob"
	[ "$(id -u)" != 0 ] || chmod 777 "$spool/bob"
	daemon --as-server --port="$port" --no-syslog --spool-dir="$spool" \
		--pop --pop-port="$pop" --pop-auth="$etc/emailrelay.auth" --pop-by-name
	mail "$port"
	mv "$spool"/*.envelope "$spool/bob"
	run curl -sS --max-time 30 "pop3://127.0.0.1:$pop/1" --user bob:secret
	assert_success
	assert_output --partial hello
	run curl -sS --max-time 30 "pop3://127.0.0.1:$pop/1" --user bob:wrong
	assert_failure
}
@test "no SMTP, only POP" {
	local pop
	built pop3-serve
	pop=$(free_port)
	echo 'server LOGIN bob secret' >"$etc/emailrelay.auth"
	chmod 600 "$etc/emailrelay.auth"
	stored
	daemon --log --close-stderr --no-smtp --no-syslog --spool-dir="$spool" \
		--pop --pop-port="$pop" --pop-auth="$etc/emailrelay.auth" --pop-no-delete
	run curl -sS --max-time 30 "pop3://127.0.0.1:$pop/1" --user bob:secret
	assert_success
	assert_output --partial hello
	has_mail
}
