# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2046,SC2086,SC2154
# Other people's clients fetch, keep and delete: in clear, by STLS, and with
# TLS from the start.
load tls
load pop3

setup() {
	prepare_pop3
	secret plain ann pass
	home=$BATS_TEST_TMPDIR/home
	mkdir "$home"
	chmod 700 "$home"
	ca=$certs/mx.test-cert.pem
	message 1
	message 2 'Subject: m2\r\nFrom: a@a.test\r\n\r\n.dots\r\n..\r\n'
}
# with clear|stls|tls: start the server for it.
with() {
	case $1 in
	clear) listen $(server) --log ;;
	stls) listen $(server) --server-tls="$certs/mx.test.pem" --server-tls-required --log ;;
	tls) listen $(server) --server-tls="$certs/mx.test.pem" --server-tls-connection --log ;;
	esac
}
# What a client has fetched to files below a directory: both messages, once.
fetched() {
	[ "$(cat "$@" | grep -c '^Subject: m[12]')" = 2 ] ||
		fail "fetched: $(cat "$@")"
	cat "$@" | tr -d '\r' | grep -qx '\.dots'
}

curl_with() {
	local how=$1
	shift
	case $how in
	clear) curl -sS --max-time 20 --user ann:pass "$@" ;;
	stls) curl -sS --max-time 20 --ssl-reqd --cacert "$ca" --user ann:pass "$@" ;;
	tls) curl -sS --max-time 20 --cacert "$ca" --user ann:pass "${@/pop3:/pop3s:}" ;;
	esac
}
@test "curl" {
	needs curl
	local how
	for how in clear stls tls; do
		message 1
		message 2
		with $how
		at="--resolve mx.test:$port:127.0.0.1 pop3://mx.test:$port"
		run curl_with $how $at/
		assert_success
		assert_line --index 0 --partial '1 21'
		run curl_with $how $at/1
		assert_line --partial 'Subject: m1'
		assert_equal "$(left)" '1 2'
		run curl_with $how -X 'DELE 1' -l $at/1
		assert_equal "$(left)" 2
	done
	with clear
	for how in PLAIN LOGIN CRAM-MD5 +APOP; do
		run curl -sS --max-time 20 --login-options "AUTH=$how" --user ann:pass \
			"pop3://127.0.0.1:$port/1"
		assert_success
		assert_line --partial 'Subject: m2'
	done
}

@test "Python's poplib" {
	local how
	for how in clear stls tls; do
		message 1
		message 2
		with $how
		python3 - $how "$port" "$ca" <<-'EOF'
			import poplib, socket, ssl, sys
			how, port, ca = sys.argv[1:]
			context = ssl.create_default_context(cafile=ca)
			context.check_hostname = False
			def connect():
			    if how == 'tls':
			        p = poplib.POP3_SSL('127.0.0.1', int(port), context=context)
			    else:
			        p = poplib.POP3('127.0.0.1', int(port))
			    if how == 'stls':
			        p.stls(context)
			    p.user('bob')
			    p.pass_('pass')
			    return p
			p = connect()
			assert 'UIDL' in p.capa()
			n, octets = p.stat()
			assert n == 2 and octets == sum(int(x.split()[1]) for x in p.list()[1])
			uids = [x.split()[1] for x in p.uidl()[1]]
			for i in 1, 2:
			    assert sum(len(x) + 2 for x in p.retr(i)[1]) == int(p.list(i).split()[2])
			assert p.top(2, 0)[1][-1] == b''
			p.dele(1)
			p.quit()
			p = connect()
			assert [x.split()[1] for x in p.uidl()[1]] == uids[1:]
			p.quit()
		EOF
		assert_equal "$(left)" 2
	done
}

fetchmail_with() {
	local how=$1 tls
	shift
	case $how in
	clear) tls="sslproto ''" ;;
	stls) tls="sslproto 'TLS1.2+' sslcertck sslcertfile '$ca' sslcommonname 'mx.test'" ;;
	tls) tls="ssl sslcertck sslcertfile '$ca' sslcommonname 'mx.test'" ;;
	esac
	cat >"$home/rc" <<-EOF
		set no bouncemail
		poll 127.0.0.1 protocol POP3 port $port uidl
		user bob password pass $tls
		mda "cat >>$home/mbox"
		$*
	EOF
	chmod 600 "$home/rc"
	HOME=$home FETCHMAILHOME=$home timeout 60 fetchmail --nodetach --nosyslog \
		-f "$home/rc" -i "$home/ids" --pidfile "$home/pid"
}
@test "fetchmail" {
	needs fetchmail
	local how
	for how in clear stls tls; do
		rm -f "$home"/*
		message 1
		message 2 'Subject: m2\r\nFrom: a@a.test\r\n\r\n.dots\r\n..\r\n'
		with $how
		run fetchmail_with $how keep
		assert_success
		fetched "$home/mbox"
		assert_equal "$(left)" '1 2'
		# it knows them by their unique ids
		run fetchmail_with $how keep
		[ "$status" = 1 ]
		run fetchmail_with $how nokeep fetchall
		assert_success
		assert_equal "$(left)" ''
		assert_equal "$(texts)" ''
	done
}

getmail_with() {
	local how=$1 type=SimplePOP3Retriever
	[ "$how" != tls ] || type=SimplePOP3SSLRetriever
	printf '#!/bin/sh\ncat >>%s/mbox\n' "$home" >"$home/deliver"
	chmod 755 "$home/deliver"
	cat >"$home/getmailrc" <<-EOF
		[retriever]
		type = $type
		server = 127.0.0.1
		port = $port
		username = bob
		password = pass
		[destination]
		type = MDA_external
		path = $home/deliver
		allow_root_commands = true
		[options]
		delete = $2
		read_all = false
	EOF
	timeout 60 getmail --getmaildir="$home" --rcfile="$home/getmailrc"
}
@test "getmail" {
	needs getmail
	local how
	for how in clear tls; do
		rm -rf "${home:?}"/*
		message 1
		message 2 'Subject: m2\r\nFrom: a@a.test\r\n\r\n.dots\r\n..\r\n'
		with $how
		run getmail_with $how false
		assert_success
		fetched "$home/mbox"
		run getmail_with $how false
		fetched "$home/mbox"
		run getmail_with $how true
		assert_success
		assert_equal "$(left)" ''
	done
}

mpop_with() {
	local how=$1 tls
	case $how in
	clear) tls='tls off' ;;
	stls) tls=$'tls on\ntls_starttls on' ;;
	tls) tls=$'tls on\ntls_starttls off' ;;
	esac
	cat >"$home/mpoprc" <<-EOF
		account default
		host mx.test
		port $port
		proxy_host
		user ann
		password pass
		$tls
		tls_trust_file $ca
		auth ${3:-user}
		keep $2
		delivery mbox $home/mbox
		uidls_file $home/uidls
	EOF
	sed -i '/^proxy_host/d; s/^host .*/host localhost/' "$home/mpoprc"
	[ "$how" = clear ] || sed -i 's/^tls_trust_file.*/tls_certcheck off/' "$home/mpoprc"
	chmod 600 "$home/mpoprc"
	timeout 60 mpop -C "$home/mpoprc" default
}
@test "mpop" {
	needs mpop
	local how auth
	for how in clear stls tls; do
		rm -f "$home"/*
		message 1
		message 2 'Subject: m2\r\nFrom: a@a.test\r\n\r\n.dots\r\n..\r\n'
		with $how
		run mpop_with $how on
		assert_success
		fetched "$home/mbox"
		run mpop_with $how on
		assert_success
		fetched "$home/mbox"
		rm "$home/uidls"
		run mpop_with $how off
		assert_success
		assert_equal "$(left)" ''
	done
	with clear
	for auth in plain cram-md5 apop login; do
		message 1
		run mpop_with clear off $auth
		assert_success
		assert_equal "$(left)" ''
	done
}

@test "mutt" {
	needs mutt
	local how url
	for how in clear stls tls; do
		rm -rf "${home:?}"/*
		rm -f "$spool"/*
		message 2 'Subject: m2\r\nFrom: a@a.test\r\n\r\n.dots\r\n..\r\n'
		with $how
		url=pop://bob@127.0.0.1:$port
		[ $how != tls ] || url=pops://bob@127.0.0.1:$port
		cat >"$home/muttrc" <<-EOF
			set pop_pass=pass
			set pop_authenticators=user
			set ssl_starttls=$([ $how = stls ] && echo yes || echo no)
			set ssl_force_tls=$([ $how = clear ] && echo no || echo yes)
			set certificate_file=$ca
			set ssl_verify_host=no
			set copy=no quit=yes delete=yes confirmcreate=no
			set confirmappend=no header_cache="" wait_key=no
			push "<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>$home/mbox<enter><tag-prefix><delete-message><quit>"
		EOF
		# it wants a terminal
		run env HOME="$home" TERM=xterm timeout 20 script -qec \
			"mutt -n -F $home/muttrc -f $url/" /dev/null </dev/null
		grep -q '^Subject: m2' "$home/mbox"
		grep -qx '\.dots' "$home/mbox"
		assert_equal "$(left)" ''
	done
}

@test "openssl s_client, STLS and TLS" {
	needs openssl
	local how
	for how in stls tls; do
		message 1
		with $how
		run timeout 30 openssl s_client -quiet -ign_eof -CAfile "$ca" \
			-verify_return_error $([ $how = tls ] || echo -starttls pop3) \
			-connect "127.0.0.1:$port" \
			< <(printf 'USER bob\r\nPASS pass\r\nretr 1\r\nDELE 1\r\nquit\r\n')
		assert_success
		assert_line --partial 'Subject: m1'
		assert_line --partial '+OK signing off'
		[ ! -e "$spool/emailrelay.1.1.1.envelope" ]
	done
}
