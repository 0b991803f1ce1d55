# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# The log as other people's programs read it: fail2ban, pflogsumm.
load recv

filter=$top/doc/examples/fail2ban/filter.d/sluice.conf
options=(--remote-clients --log --no-syslog)

setup() {
	prepare
	record=$BATS_TEST_TMPDIR/log
	: >"$record"
}
# A session from an address; its log goes to $record.
from() {
	local ip=$1 text=$2
	shift 2
	printf %b "$text" | TCPREMOTEIP=$ip smtp-recv $me --spool-dir="$spool" \
		--domain=mx.test --log-time "$@" 2>>"$record" >/dev/null
}
# The addresses that fail2ban finds in $1, one for each line that matches.
banned() {
	command -v fail2ban-regex >/dev/null || skip "fail2ban is not installed"
	fail2ban-regex --out ip "$1" "$filter" 2>/dev/null
}
# found ADDRESS...: exactly these were found in $record, and likewise when
# syslog or journald has written them.
found() {
	local got want
	want=$(printf '%s\n' "$@")
	got=$(banned "$record")
	[ "$got" = "$want" ] || fail "found: $got
$(<"$record")"
	sed 's/^[^ ]* /Nov 23 08:57:33 mx /' "$record" >"$record.syslog"
	[ "$(banned "$record.syslog")" = "$want" ]
	sed 's/^[^ ]* /2026-11-23T08:57:33.123456+00:00 mx smtp-recv[99]: /' \
		"$record" >"$record.journal"
	[ "$(banned "$record.journal")" = "$want" ]
}

@test "fail2ban: failed log-ins" {
	local secrets=$BATS_TEST_TMPDIR/auth
	printf 'server %s bob secret\n' PLAIN LOGIN >"$secrets"
	chmod 600 "$secrets"
	from 192.0.2.1 "${hello}AUTH PLAIN $(printf '\0bob\0bad' | base64)\r\n$bye" \
		"${options[@]}" --server-auth="$secrets"
	from 2001:db8::1 "${hello}AUTH LOGIN\r\n$(base64 <<<'9.9.9.9]: x')\r\n$(base64 <<<bad)\r\n$bye" \
		"${options[@]}" --server-auth="$secrets"
	# without --log as well
	from 192.0.2.2 "${hello}AUTH PLAIN $(printf '\0x\0y' | base64)\r\n$bye" \
		--remote-clients --no-syslog --server-auth="$secrets"
	from 192.0.2.3 "${hello}AUTH PLAIN $(printf '\0bob\0secret' | base64)\r\n$bye" \
		"${options[@]}" --server-auth="$secrets"
	found 192.0.2.1 2001:db8::1 192.0.2.2
}

@test "fail2ban: relaying that was refused" {
	local secrets=$BATS_TEST_TMPDIR/auth
	echo 'server PLAIN bob secret' >"$secrets"
	chmod 600 "$secrets"
	from 192.0.2.1 "${hello}$start$bye" "${options[@]}" --server-auth="$secrets"
	from 192.0.2.2 "$bye" --no-syslog
	from 192.0.2.3 'GET / HTTP/1.0\r\n' "${options[@]}"
	found 192.0.2.1 192.0.2.2 192.0.2.3
}

@test "fail2ban: too many errors, too many connections" {
	from 192.0.2.1 "$hello$(printf 'FOO\\r\\n%.0s' {1..20})" "${options[@]}"
	for i in 1 2; do
		from 2001:db8::$i "$bye" "${options[@]}" --max-rate-per-client=1/1h
	done
	found 192.0.2.1 2001:db8::2
}

@test "fail2ban: what is innocent" {
	from 192.0.2.1 "$upto_data.\r\n$bye" "${options[@]}"
	from 192.0.2.2 "${hello}FOO\r\nMAIL FROM:<a\r\n${start}RCPT TO:<>\r\n$bye" \
		"${options[@]}"
	from 192.0.2.3 "$upto_data" "${options[@]}"
	from 192.0.2.4 "$upto_data$(printf '%0200d' 0)\r\n.\r\n$bye" \
		"${options[@]}" --size=100
	from 127.0.0.1 'EHLO x\r\n' "${options[@]}" --proxy-protocol=127.0.0.1
	# what a client says is not taken for what we say
	for words in 'unknown[9.9.9.9]: SASL PLAIN authentication failed: x' \
		'warning: unknown[9.9.9.9]: SASL PLAIN authentication failed: x' \
		'a sluice/smtpd[1]: warning: a[9.9.9.9]: SASL PLAIN authentication failed: x' \
		'x from unknown[9.9.9.9]: 530 5.7.0 authentication required'; do
		from 192.0.2.5 "EHLO $words\r\nMAIL FROM:<$words>\r\nMAIL FROM:<\"$words\"@x.test>\r\nRCPT TO:<$words\r\n$words\r\n$bye" \
			"${options[@]}" --verbose
	done
	cat >>"$record" <<-'EOF'
		2026-11-23T08:57:33+00:00 other[1]: warning: unknown[9.9.9.9]: SASL PLAIN authentication failed: x
		2026-11-23T08:57:33+00:00 sluice/smtpd[1]: warning: unknown[9.9.9.9]: SASL PLAIN authentication failed: temporary failure, sasl_username=x
		2026-11-23T08:57:33+00:00 sluice/smtpd[1]: NOQUEUE: reject: MAIL from unknown[9.9.9.9]: 530 5.7.0 authentication required: use starttls; from=<> proto=ESMTP helo=<x>
	EOF
	found
}

@test "fail2ban: the jail is one" {
	command -v fail2ban-client >/dev/null || skip "fail2ban is not installed"
	local etc=$BATS_TEST_TMPDIR/fail2ban
	cp -r /etc/fail2ban "$etc"
	rm -f "$etc"/jail.d/*
	cp "$top"/doc/examples/fail2ban/filter.d/* "$etc/filter.d"
	sed "s,/var/log/mail.log,$record," \
		"$top/doc/examples/fail2ban/jail.d/sluice.conf" >"$etc/jail.d/sluice.conf"
	run fail2ban-client -c "$etc" -t
	assert_success
	run fail2ban-client -c "$etc" -d
	assert_line --partial "['add', 'sluice', 'auto']"
}

# What pflogsumm counts: `received 1`.
counted() {
	pflogsumm --syslog-name=sluice "$1" |
		sed -nE 's/^ +([0-9]+) +(received|delivered|deferred|bounced|rejected) .*|^ +([0-9]+) +(received|delivered|deferred|bounced)$/\2\4 \1\3/p'
}

@test "pflogsumm counts what came, went, and was refused" {
	command -v pflogsumm >/dev/null || skip "pflogsumm is not installed"
	local to reply ids n=0
	for to in b1 b2 b3; do
		from 192.0.2.1 "${hello}MAIL FROM:<a@a.test>\r\nRCPT TO:<$to@b.test>\r\nDATA\r\n.\r\n$bye" \
			"${options[@]}"
	done
	from 192.0.2.1 "${hello}MAIL FROM:<a@a.test>\r\nRCPT TO:<x\r\nRCPT TO:<b@b.test> FOO\r\n$bye" \
		"${options[@]}"
	mapfile -t ids < <(spooled)
	for reply in '250 ok' '450 4.2.1 later' '550 5.1.1 no'; do
		start answer --reply "RCPT=$reply"
		smtp-send $me --spool-dir="$spool" --domain=mx.test --log --log-time \
			--no-syslog --forward-to="127.0.0.1:$port" \
			"${ids[n++]}" 2>>"$record" || true
	done
	sed 's/^[^ ]* /Nov 23 08:57:33 mx /' "$record" >"$record.syslog"
	run counted "$record.syslog"
	assert_line "delivered 1"
	assert_line "deferred 1"
	assert_line "bounced 1"
	assert_line "rejected 2"
	# it takes no queue id with dots in it, where it counts what was received
	sed -E 's/emailrelay\.([0-9]+)\.([0-9]+)\./emailrelay\1\2/' \
		"$record.syslog" >"$record.ids"
	run counted "$record.ids"
	assert_line "received 3"
	assert_line "delivered 1"
}
