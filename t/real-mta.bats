#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2046,SC2086,SC2154
# smtp-send to Postfix, OpenSMTPD and Exim, as Debian has them.
load helper
load send
load mta

setup_file() { mtas_up; }
teardown_file() { mtas_down; }
setup() {
	mtas_there
	prepare
	entry client plain ann horse+20staple
}
# Debian 12 has put OpenSMTPD 6.8 and OpenSSL 3 together, which do not get as
# far as the end of a handshake (its bug 1171); and it takes no log-in in clear.
with_tls='postfix exim'
all='postfix opensmtpd exim'

# gone N...: these messages are
gone() {
	local n
	exits 0
	for n; do [ "$(state $n)" = gone ] || fail "message $n is $(state $n)"; done
}

@test "a log-in over STARTTLS, and over TLS from the start" {
	local m
	for m in $with_tls; do
		short 1 $m-starttls
		via $m 587 $(starttls)
		gone 1
		short 2 $m-implicit
		via $m 465 $(implicit)
		gone 2
		came $m $m-starttls
		came $m $m-implicit
		received $m $m-starttls | grep -qi esmtpsa
		received $m $m-implicit | grep -qi esmtpsa
	done
}

@test "each mechanism that they know" {
	local m port name
	while read -r port name; do
		for m in $with_tls; do
			[ $m-$port != exim-604 ] || continue
			short 1 $m-$name
			via $m $port $(starttls) -v
			gone 1
			grep -q "AUTH $name" <<<"$stderr" || fail "$m: no $name: $stderr"
			came $m $m-$name
		done
	done <<-EOF
		601 PLAIN
		602 LOGIN
		603 CRAM-MD5
		604 SCRAM-SHA-256
	EOF
}

@test "CRAM-MD5 with the key that spool-passwd makes, which is no password" {
	local m key
	key=$(spool-passwd <<<'horse staple')
	entry client md5 ann $key
	for m in $with_tls; do
		short 1 $m-md5
		via $m 587 $(starttls) -v
		gone 1
		grep -q 'AUTH CRAM-MD5' <<<"$stderr" || fail "$stderr"
		came $m $m-md5
	done
}

@test "a wrong password: all waits as it is" {
	local m before
	entry client plain ann wrong
	for m in $with_tls; do
		short 1 $m-wrong
		short 2 $m-wrong
		before=$(md5sum "$spool"/*)
		via $m 587 $(starttls)
		exits 75
		[ "$(md5sum "$spool"/*)" = "$before" ] || fail "$m: they have changed"
		grep -q 'warning: .*SASL .* failed: 535 ' <<<"$stderr" || fail "$m: $stderr"
		! grep -qe wrong -e "$(printf '\0ann\0wrong' | base64)" <<<"$stderr"
		[ "$(copies $m $m-wrong)" = "" ]
	done
}

@test "no log-in where there has to be one: the server's word is passed on" {
	local m
	for m in $with_tls; do
		short 1 $m-nobody
		via $m 587 --client-tls-required --client-tls-verify="$world/ca.pem"
		[ "$(state 1)" != gone ] || fail "$m has let it pass"
		grep -qE 'reply|status=(bounced|deferred)' <<<"$stderr" || fail "$stderr"
		[ "$(copies $m $m-nobody)" = "" ]
		rm -f "$spool"/*
	done
}

@test "a certificate for somebody else, or from a stranger: nothing is sent" {
	local m how
	for m in $with_tls; do
		short 1 $m-stranger
		for how in "--client-tls-verify=default" \
			"--client-tls-verify=$world/ca.pem --client-tls-server-name=other.test"; do
			via $m 587 --client-tls-required $how \
				--client-auth="$BATS_TEST_TMPDIR/secrets" -v
			exits 75
			[ "$(state 1)" = ready ]
			! grep -qE 'AUTH (PLAIN|LOGIN|CRAM|SCRAM)|MAIL FROM' <<<"$stderr" || fail "$stderr"
		done
	done
}

@test "a handshake that fails: all waits as it is, no password is said" {
	! nsenter --net="/proc/$mta_pid/ns/net" openssl s_client -connect 127.0.1.2:465 \
		-brief </dev/null >/dev/null 2>&1 || skip "OpenSMTPD's works here"
	short 1 hands
	local before
	before=$(md5sum "$spool"/*)
	for how in "587 $(starttls)" "465 $(implicit)"; do
		via opensmtpd $how -v
		exits 75
		[ "$(md5sum "$spool"/*)" = "$before" ]
		grep -q 'not secure enough' <<<"$stderr" || fail "$stderr"
		! grep -qE 'AUTH|MAIL FROM' <<<"$stderr" || fail "$stderr"
	done
}

@test "somebody whom they do not know" {
	local m
	for m in $all; do
		short 1 $m-unknown stranger@b.test
		short 2 $m-known
		via $m 25
		exits 69
		[ "$(states 2)" = "bad gone" ] || fail "$m: $(states 2)"
		kept 1
		# in the words of each: OpenSMTPD takes it for a mailing list
		envelope "$(id 1)" | grep -qE '^X-MailRelay-ReasonCode: 5[25][0-9]$' ||
			fail "$m: $(envelope "$(id 1)")"
		grep -q 'to=<stranger@b.test>.*status=bounced' <<<"$stderr"
		came $m $m-known
		rm "$spool"/*
	done
}

@test "more than they take: given up by what they said in EHLO" {
	local m
	for m in $all; do
		letter 1 $m-big < <(printf '\n' && times 6000 "$(printf %060d 0)")
		short 2 $m-small
		via $m 25
		exits 69
		[ "$(states 2)" = "bad gone" ] || fail "$m: $(states 2)"
		envelope "$(id 1)" | grep -q '^X-MailRelay-ReasonCode: 552$' ||
			fail "$m: $(envelope "$(id 1)")"
		came $m $m-small
		rm "$spool"/*
	done
}
times() {
	local n=$1
	shift
	yes "$*" | head -n "$n"
}

@test "many over one connection" {
	local m n
	for m in $all; do
		for n in {1..12}; do short $n $m-many; done
		via $m 25 -v
		gone {1..12}
		[ "$(grep -c 'EHLO mx.test' <<<"$stderr")" = 1 ] || fail "$m: $stderr"
		wait_until has_come $m $m-many 12
		[ "$(sed -sn 's/^Subject: message //p' $(copies $m $m-many) | sort -n | paste -sd' ')" = \
			"$(seq 12 | paste -sd' ')" ]
	done
}

@test "many over one connection with TLS and a log-in" {
	local m n
	for m in $with_tls; do
		for n in {1..12}; do short $n $m-tls; done
		via $m 587 $(starttls)
		gone {1..12}
		[ "$(grep -c 'Verified TLS connection established' <<<"$stderr")" = 1 ]
		wait_until has_come $m $m-tls 12
	done
}

@test "several recipients" {
	local m
	for m in $all; do
		short 1 $m-several to1@b.test to2@b.test to3@b.test
		via $m 25
		gone 1
		came $m $m-several 3
	done
}

# All sorts of texts, as message 1 to 12.
texts() {
	local m=$1
	letter 1 $m-dots < <(printf '\n.\n..\n.a\n...\n\n.\n')
	letter 2 $m-dot-first < <(printf '\n.')
	letter 3 $m-utf8 <<<$'Subject: x\n\n\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9f'
	letter 4 $m-latin1 <<<$'Subject: x\n\n\xe4\xf6\xfc\xff\x80\xa0'
	letter 5 $m-long < <(printf '\n%0998d\n.%0997d\n%0998d' 0 0 0)
	letter 6 $m-no-body < <(printf 'Subject: x\n\n')
	# Exim would add one
	[[ $m == exim* ]] || letter 7 $m-no-blank < <(printf 'Subject: x\n')
	letter 8 $m-no-end < <(printf 'Subject: x\n\nand no more')
	letter 9 $m-blank < <(printf '\n \n\t\n  x  \n\n\n\n')
	letter 10 $m-big < <(printf '\n' && times 3000 'This line has sixty octets, counting its line end, you know')
	letter 11 $m-traps < <(printf '\nFrom a\n>From b\nQUIT\nBDAT 3 LAST\n--\n-- \n=3D=\n')
	letter 12 $m-folded < <(printf 'Subject: a\n b\n\tc\nX-Long: %0900d\n\nx\n' 0)
}
# arrived_whole NAME: they have
arrived_whole() {
	local t
	for t in dots dot-first utf8 latin1 long no-body no-blank no-end blank big \
		traps folded; do
		[ $1-$t = exim-no-blank ] || came $1 $1-$t
	done
}

@test "all sorts of texts arrive as they were, in clear" {
	local m
	for m in $all; do
		texts $m
		via $m 25
		gone {1..12}
		arrived_whole $m
	done
}

@test "all sorts of texts arrive as they were, encrypted" {
	local m
	for m in $with_tls; do
		texts $m-tls
		via $m 465 $(implicit)
		gone {1..12}
		for t in dots long no-end big; do came $m $m-tls-$t; done
	done
}

@test "SMTPUTF8, where it is offered" {
	local m
	for m in $all; do
		short 1 $m-smtputf8
		sed -i $'s/^X-MailRelay-From: .*/X-MailRelay-From: \xc3\xbc@a.test\r/' \
			"$spool/$(id 1).envelope"
		via $m 25 -v
		case $m in
		opensmtpd)
			exits 69
			given_up 1 'smtp client failure: 553 5.6.7 .*SMTPUTF8' 553
			rm "$spool"/*
			;;
		*)
			gone 1
			came $m $m-smtputf8
			received $m $m-smtputf8 | grep -q $'\xc3\xbc@a.test'
			;;
		esac
	done
}

@test "--check: what they are like" {
	local m
	for m in $with_tls; do
		via $m 587 $(starttls) --check
		exits 0
		grep -qE "^greeting: $m.test ESMTP " <<<"$output"
		grep -qE '^tls: TLSv1.[23]$' <<<"$output"
		grep -qx 'certificate: CN=smarthost.test' <<<"$output"
		grep -qE '^names: .*smarthost.test' <<<"$output"
		grep -qE '^expires: 20' <<<"$output"
		grep -qx 'verified: yes' <<<"$output"
		grep -qE '^offers: .*CHUNKING' <<<"$output"
		grep -qE '^offers: .*AUTH .*PLAIN' <<<"$output"
		grep -qE '^login: (PLAIN|SCRAM-SHA-256): accepted$' <<<"$output" ||
			fail "$output"
		grep -qx 'result: ready for mail' <<<"$output"
	done
	via opensmtpd 25 --check
	exits 0
	grep -qE '^tls: none' <<<"$output"
	entry client plain ann wrong
	for m in $with_tls; do
		via $m 465 $(implicit) --check
		exits 69
		grep -q '^result: 535 ' <<<"$output" || fail "$output"
	done
}
