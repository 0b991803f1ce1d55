# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# Options: the command line, --config, the log, --user; by smtp-recv.
load recv

setup() {
	prepare
	conf=$BATS_TEST_TMPDIR/relay.conf
}
# The greeting and the replies of a session with just these options.
say() {
	run --separate-stderr smtp-recv "$@" < <(printf 'EHLO c\r\nQUIT\r\n')
	output=${output//$'\r'/} lines=("${lines[@]//$'\r'/}")
}
# refused STATUS MESSAGE: before the greeting, and the client hears of it.
refused() {
	[ "$status" = "$1" ] || fail "$status: $output $stderr"
	[ "$output" = "421 4.3.0 service not available" ]
	[[ $stderr = *"error: "$2 ]] || fail "$stderr"
}

@test "--config: names and values, comments, blanks" {
	printf '%s\n' '# a comment' '' '  domain   conf.test  ' $'\tsize\t1234' \
		anonymous '  # anonymous' "spool-dir $spool" $'no-syslog\r' >"$conf"
	say --config "$conf" $me
	assert_success
	[ "${lines[0]}" = "220 ready" ]
	assert_line "250-SIZE 1234"
	say --config="$conf" $me
	assert_line "250-SIZE 1234"
}

@test "--config: what belongs to another program is skipped" {
	printf '%s\n' 'port 2525' 'as-server' 'pop' 'pop-port 1100' 'older-than 3d' \
		'domain conf.test' >"$conf"
	say --config "$conf" $me
	assert_success
	[ "${lines[0]}" = "220 conf.test ESMTP Sluice -- Service ready" ]
}

@test "--config: the command line wins, before and behind" {
	printf '%s\n' 'domain conf.test' 'size 1' >"$conf"
	say --domain=first.test --config "$conf" --size 22 $me
	[ "${lines[0]}" = "220 first.test ESMTP Sluice -- Service ready" ]
	assert_line "250-SIZE 22"
}

@test "--config: mistakes are told by file and line" {
	while IFS='|' read -r line message; do
		printf '%s\n' '# first' "$line" >"$conf"
		say --config "$conf" $me
		refused 78 "$conf:2: $message"
	done <<-'EOF'
		domian x|unknown option domian, did you mean domain?
		max-recipient 5|unknown option max-recipient, did you mean max-recipients?
		xyzzyxyzzy|unknown option xyzzyxyzzy
		--domain x|unknown option --domain, did you mean domain?
		config x|unknown option config
		help|unknown option help
		anonym|unknown option anonym, did you mean anonymous?
		size|no value supplied for size
		anonymous yes|takes no value: anonymous
		size big|--size does not take "big": a number from 0 to 4611686018427387903
		bare-newline maybe|--bare-newline does not take "maybe": one of normalize reject keep
	EOF
	say --config "$conf.not" $me
	refused 78 "cannot open '$conf.not': No such file or directory"
	say --config "$BATS_TEST_TMPDIR" $me
	refused 78 "cannot read '$BATS_TEST_TMPDIR': Is a directory"
	printf '%05000d\n' 0 >"$conf"
	say --config "$conf" $me
	refused 78 "$conf:1: line too long"
}

@test "the first of two counts" {
	say --domain=one.test --domain=two.test $me
	[ "${lines[0]}" = "220 one.test ESMTP Sluice -- Service ready" ]
	printf '%s\n' 'domain one.test' 'domain two.test' >"$conf"
	say --config "$conf" $me
	[ "${lines[0]}" = "220 one.test ESMTP Sluice -- Service ready" ]
}

@test "letters, alone and together" {
	say -AM 77 -D x.test -s "$spool" $me
	assert_success
	[ "${lines[0]}" = "220 ready" ]
	assert_line "250-SIZE 77"
	say -M77 $me
	assert_line "250-SIZE 77"
}

@test "mistakes on the command line" {
	while IFS='|' read -r args message; do
		say $args
		refused 64 "$message; try \"smtp-recv --help\""
	done <<-'EOF'
		--domian=x|unknown option --domian=x, did you mean --domain?
		--dom x|unknown option --dom, did you mean --domain?
		--anonym|unknown option --anonym, did you mean --anonymous?
		--forward|unknown option --forward, did you mean --forward-on-disconnect?
		--anonymous=1|*--anonymous*
		--xyzzyxyzzy|unknown option --xyzzyxyzzy
		-!|unknown option -!
		--size|no value supplied for --size
		-M|no value supplied for -M
		--size=-1|--size does not take "-1": a number from 0 to 4611686018427387903
		--size=1k|--size does not take "1k": a number*
		--size=|--size does not take "": a number*
		--size=007|--size does not take "007": a number*
		--size=99999999999999999999|--size does not take "99999999999999999999": a number*
		--idle-timeout=0|--idle-timeout does not take "0": a number from 1 to 86400
		--max-recipients=0|--max-recipients does not take "0": a number from 1 to 100000
		--retry-for=5x|--retry-for does not take "5x": a number, of seconds or with s, m, h or d
		--log-format=xml|--log-format does not take "xml": one of text json
	EOF
	say one
	refused 64 "too many non-switch arguments"
}

@test "a configuration that cannot work is refused" {
	say $me --immediate
	refused 78 "the --forward, --immediate and --poll options require --forward-to"
	say $me --poll=0
	refused 78 "the --forward, --immediate and --poll options require --forward-to"
	say $me --forward-to=nowhere
	refused 78 "invalid host:service format: nowhere"
	say $me --domain='a b'
	refused 78 "--domain is no host name: a b"
	as_root || skip "the rest needs root"
	say --user=nobody-of-that-name
	refused 67 "no such user: nobody-of-that-name"
}

@test "bad configuration: a socket hears of it, too" {
	run --separate-stderr talk -4 smtp-recv --nonsense </dev/null
	output=${output//$'\r'/}
	refused 64 "unknown option --nonsense; try \"smtp-recv --help\""
}

@test "--help and --version" {
	run smtp-recv --help
	assert_success
	[ "${lines[0]}" = "usage: smtp-recv [options]" ]
	for name in spool-dir domain size max-recipients idle-timeout bare-newline \
		remote-clients anonymous user log config help version; do
		[ "$(grep -c -- "--$name\b" <<<"$output")" -ge 1 ] || fail $name
	done
	[ "$(wc -L <<<"$output")" -le 79 ]
	run smtp-recv -V
	assert_success
	assert_output --regexp '^smtp-recv \(Sluice\) [0-9.]+$'
}

# a_message OPTION...: its log is $stderr.
a_message() {
	wire "${upto_data}.\r\n$bye" --no-syslog "$@"
	codes 220 250 250 250 354 250 221
}

@test "the log: nothing by itself, an event a line with --log" {
	a_message
	[ -z "$stderr" ]
	rm "$spool"/*
	a_message --log
	id=$(only)
	size=$(stat -c %s "$spool/$id.content")
	[ "$(sed 's/\[[0-9]*\]: /: /' <<<"$stderr" | head -n 3)" = "sluice/smtpd: connect from unknown[127.0.0.1]
sluice/smtpd: $id: client=unknown[127.0.0.1]
sluice/smtpd: $id: from=<a@a.test>, size=$size, nrcpt=1" ]
}

@test "the log: --verbose tells of refusals" {
	wire 'NOPE\r\n' --no-syslog --log
	[[ $stderr != *"command unrecognized"* ]]
	wire 'NOPE\r\n' --no-syslog --verbose
	[[ $stderr = *"command unrecognized"* ]]
}

@test "the log: refused recipients are named as Postfix names them" {
	wire "${hello}MAIL FROM:<a@a.test>\r\nRCPT TO:<b@@b>\r\n" --no-syslog --log
	[[ $stderr = *": NOQUEUE: reject: RCPT from unknown[127.0.0.1]: 550 5.1.3 mailbox unavailable: invalid mailbox name; from=<a@a.test>"*" proto=ESMTP helo=<c.test>"* ]]
}

@test "the log: --log-time and --log-format=json" {
	a_message --log --log-time
	[ "$(grep -cE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[+-][0-9:]{5} sluice/smtpd\[[0-9]+\]: ' <<<"$stderr")" = "$(wc -l <<<"$stderr")" ]
	rm "$spool"/*
	a_message --log --log-format=json
	python3 -c '
import json, sys
lines = [json.loads(l) for l in sys.argv[1].splitlines()]
assert all(l["prog"] == "smtp-recv" and l["level"] == "info" for l in lines)
assert lines[0]["text"] == "connect from unknown[127.0.0.1]"
assert lines[1]["event"] == "receive" and lines[1]["qid"] == sys.argv[2]
assert lines[2]["event"] == "queue" and lines[2]["from"] == "a@a.test"
' "$stderr" "$(only)"
}

@test "the log: what a client says stays within its line" {
	for format in text json; do
		wire "EHLO x\"\\\\\\\\\r\nMAIL FROM:<\"\\\\\\\\\"b>\r\nMAIL FROM:<\xff\xe2\x80\xa8\xc2\x85>\r\n" \
			--no-syslog --verbose --log-format=$format
		run ! grep -qP '[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xff' <<<"$stderr"
		[ "$(grep -cE '^(\{.*\}|sluice/smtpd\[.*)$' <<<"$stderr")" = \
			"$(wc -l <<<"$stderr")" ]
	done
}

@test "--user: root is given up for good" {
	as_root || skip "needs root"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec 5<>"$BATS_TEST_TMPDIR/fifo"
	chown daemon "$spool"
	smtp-recv --spool-dir="$spool" --user=daemon <&5 >"$BATS_TEST_TMPDIR/out" 3>&- &
	printf %b "${upto_data}" >&5
	wait_until grep -q ^354 "$BATS_TEST_TMPDIR/out"
	id=$(id -u daemon) gid=$(id -g daemon)
	for who in "Uid $id" "Gid $gid"; do
		set -- $who
		[ "$(awk -v k="$1:" '$1 == k { print $2, $3, $4, $5 }' /proc/$!/status)" = \
			"$2 $2 $2 $2" ]
	done
	[ "$(awk '$1 == "Groups:" { print NF, $2 }' /proc/$!/status)" = "2 $gid" ]
	[ "$(awk '$1 == "CapPrm:" { print $2 }' /proc/$!/status)" = 0000000000000000 ]
	printf '.\r\nQUIT\r\n' >&5
	wait $!
	[ "$(stat -c %U "$spool/$(only).content")" = daemon ]
	[ "$(stat -c %U "$spool/$(only).envelope")" = daemon ]
}
