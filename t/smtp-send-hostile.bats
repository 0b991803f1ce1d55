#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# smtp-send and servers that are unwell, or mean no good, at each step: what
# becomes of the messages, in what time, with how much memory, and what the
# log says. t/smtp-send-fate.bats has what they may say in answer to MAIL, RCPT,
# DATA and the text.
# shellcheck disable=SC2046,SC2086,SC2154

load helper
load send

setup() {
	prepare
	mine=$BATS_TEST_TMPDIR/mine
	(umask 077 && echo "client PLAIN ann horse" >"$mine")
	options=
}
# All of it has to do with 4 MB of memory.
sender=(prlimit --data=4000000 "$bin/smtp-send")
if [[ $build = *asan* ]] || ! command -v prlimit >/dev/null; then
	sender=("$bin/smtp-send")
fi
smtp-send() { "${sender[@]}" "$@"; }

# will_meet STATES STATUS REGEX OPTION-OF-ANSWER...: two messages are to be sent
# to such a server. They end in these states, the log has that, and all is well
# besides. t/bin/meet.c has what else may stand among the options.
will_meet() {
	local option send=()
	for option in $options; do send+=("send:$option"); done
	printf '%s\0' "${@:1:3}" "${send[@]}" "${@:4}" '' >>"$BATS_TEST_TMPDIR/servers"
}
# meet_all: do it, many at a time.
meet_all() {
	run meet "$BATS_TEST_TMPDIR" 16 "${sender[@]}" $me --domain mx.test --log \
		--no-syslog --report --response-timeout=2 --prompt-timeout=2 \
		<"$BATS_TEST_TMPDIR/servers"
	assert_success
	assert_output --regexp '^[0-9]+ servers$'
}
# meets STATES STATUS REGEX OPTION-OF-ANSWER...: one such server at once, whose
# spool, log and report are there to be looked at.
meets() {
	local want=$1 code=$2 why=$3
	shift 3
	rm -f "$spool"/*
	post 1 2
	serve "$@"
	SECONDS=0
	forward --response-timeout=2 --prompt-timeout=2 $options
	((SECONDS < 15)) || fail "answer $*: it took $SECONDS s"
	[[ $(states 2) =~ ^$want$ ]] ||
		fail "answer $*: $(states 2), not $want
$stderr"
	[[ $status =~ ^$code$ ]] ||
		fail "answer $*: status $status, not $code
$stderr"
	[[ $stderr =~ $why ]] || fail "answer $*: not logged: $why
$stderr"
	orderly "answer $*"
}
# orderly ABOUT: the log is printable, no envelope is damaged, nothing lies about.
orderly() {
	local n
	! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80[\xa8-\xae]' <<<"$stderr$output" ||
		fail "$1: in the log: $(cat -v <<<"$stderr$output")"
	for n in 1 2; do
		[ "$(state $n)" = gone ] || kept $n
	done
	[ -z "$(find "$spool" -type f ! -name '*.content' ! -name '*.envelope' \
		! -name '*.envelope.bad' ! -name .counters)" ] || fail "$1: $(ls "$spool")"
}
# What a step needs before it comes.
needs_of() {
	case $1 in
	HELO) need=(--reply EHLO=502) ;;
	AUTH) need=(--ehlo "AUTH PLAIN") options=--client-auth=$mine ;;
	AUTH+) need=(--ehlo "AUTH PLAIN" --reply "AUTH=334 ") options=--client-auth=$mine ;;
	STARTTLS) need=(--ehlo STARTTLS) options=--client-tls ;;
	RSET) need=(--reply RCPT:1=550) options= ;;
	*) need=() options= ;;
	esac
}

@test "before MAIL: hung up, reset, or hung up behind a reply: nothing is changed" {
	local step how lost
	# a reset may come before we know that we are connected
	lost='451 4\.4\.2 |Connection reset by peer'
	for step in GREETING EHLO HELO STARTTLS AUTH AUTH+; do
		needs_of $step
		for how in "" --reset; do
			will_meet "ready ready" 75 "$lost" "${need[@]}" $how --close $step \
				'said:1:CONNECT' \
				'said:0:MAIL'
		done
	done
	will_meet "ready ready" 75 'does not want to talk: 451 4.4.2 ' --close-after GREETING
	will_meet "ready ready" 75 "$lost" --close-after GREETING --reset
	needs_of STARTTLS
	will_meet "ready ready" 75 'is not secure enough: 451 4.7.5 ' "${need[@]}" \
		--reply 'STARTTLS=220 go' --close-after STARTTLS
	meet_all
}

@test "behind MAIL: hung up behind a reply" {
	local step
	for step in EHLO MAIL RCPT; do
		will_meet "deferred deferred" 75 'status=deferred \(451 4.4.2 ' --close-after $step \
			'unlogged:arrive twice'
	done
	for step in MAIL RCPT; do
		will_meet "deferred gone" 75 'status=deferred \(451 4.4.2 ' --close-after $step:1 --reset
	done
	# a connection that is gone before there is a word of the message is no
	# fault of it, if it is noticed in time
	will_meet "(deferred|gone) gone" "(0|75)" 'status=' --close-after EHLO:1 --reset
	needs_of RSET
	will_meet "bad (deferred|gone)" 69 'status=bounced' "${need[@]}" --close-after RSET
	will_meet "bad gone" 69 'status=bounced' "${need[@]}" --close RSET --reset
	will_meet "gone gone" 0 'status=sent' --close-after QUIT --reset
	will_meet "gone gone" 0 'status=sent' --close QUIT --reset
	meet_all
}

@test "a refusal before MAIL: all is to be tried again" {
	local step code
	for step in GREETING EHLO HELO STARTTLS AUTH AUTH+; do
		needs_of $step
		for code in 421 400 454 502 530 535 554 599; do
			# after these HELO is tried, which is not refused
			[[ $step != EHLO || $code != 502 ]] || continue
			will_meet "ready ready" 75 "$code go away" "${need[@]}" --reply "$step=$code go away" \
				'said:0:MAIL' \
				'said:1:CONNECT'
		done
	done
	meet_all
}

@test "a refusal of a message: what is to be tried again, and what is given up" {
	local step code
	for step in MAIL RCPT DATA EOD; do
		for code in 400 499; do
			will_meet "deferred gone" 75 "status=deferred \($code " --reply "$step:1=$code go away"
		done
		for code in 500 530 599; do
			will_meet "bad gone" 69 "status=bounced \($code " --reply "$step:1=$code go away"
		done
	done
	for code in 421 450 500 554 600; do
		will_meet "bad gone" 69 'status=bounced' --reply RCPT:1=550 --reply "RSET=$code no"
		will_meet "gone gone" 0 'status=sent' --reply "QUIT=$code no"
	done
	meet_all
}

@test "a reply that is none, at each step" {
	local step how code=2
	for step in GREETING EHLO HELO STARTTLS AUTH AUTH+; do
		needs_of $step
		[[ $step != AUTH* ]] || code=3
		# more of them in t/unit/reply.c
		for how in "${code}50-a\r\n${code}51 b" "${code}50-a\r\n550 b" "99 x" \
			"1000 x" "150 wait" "650 x" "" "+250 x" '25\x000 x'; do
			will_meet "ready ready" 75 '451 4\.4\.2 invalid reply ' "${need[@]}" --reply "$step=$how" \
				'said:0:MAIL'
		done
		for how in garbage endless endless-line; do
			will_meet "ready ready" 75 '451 4\.4\.2 ' "${need[@]}" --$how $step
		done
	done
	for step in EHLO HELO STARTTLS; do
		needs_of $step
		will_meet "ready ready" 75 'unexpected reply 354 go' "${need[@]}" --reply "$step=354 go"
	done
	for how in 220 250 251 354 335; do
		needs_of AUTH
		will_meet "ready ready" 75 "unexpected reply $how hm" "${need[@]}" --reply "AUTH=$how hm"
	done
	meet_all
}

@test "a reply that is none to what makes a message: it is not taken for sent" {
	local step o how
	for o in "" "--ehlo PIPELINING" "--ehlo CHUNKING"; do
		for step in MAIL RCPT DATA EOD; do
			[[ $o$step != *CHUNKINGDATA ]] || continue
			for how in '250-a\r\n251 b' '250-a\r\n550 b' '250-a\r\nb' 99 1000 \
				'150 wait' '650 x' '2 5 0' 25 2 '' '\x00250 ok' '250~ok' '+250 ok' \
				'-250 ok' ' 250 ok' '0250 ok' '250ok' '２５０ ok' 'HTTP/1.1 200 OK' \
				'354 go' '334 VXNlcm5hbWU6' '220'; do
				# the first digit is what counts, RFC 5321 section 4.2.1
				[[ $step$how != DATA3* && $how$step != 220[!D]* ]] || continue
				will_meet "deferred gone" 75 'status=deferred \(451 ' $o \
					--reply "$step:1=$how"
			done
			# half a reply, and then the end
			for how in '250\c' '250-half\r\n\c' '250 half\c' '2\c' '250 half\r\c'; do
				will_meet "deferred gone" 75 'status=deferred \(451 ' $o \
					--reply "$step:1=$how" --close-after "$step:1"
			done
		done
	done

	meet_all
}

@test "silence at each step ends in time" {
	local step
	for step in HELO STARTTLS AUTH AUTH+; do
		needs_of $step
		will_meet "ready ready" 75 '451 4\.4\.2 timed out ' "${need[@]}" --silent $step
	done
	options=
	will_meet "ready ready" 75 'no greeting from .*451 4\.4\.2 timed out ' --silent GREETING
	will_meet "bad gone" 69 'status=bounced' --reply RCPT:1=550 --silent RSET
	will_meet "gone gone" 0 'status=sent' --silent QUIT
	will_meet "gone gone" 0 'status=sent' --endless QUIT --delay-ms 50
	will_meet "gone gone" 0 'status=sent' --endless-line QUIT
	meet_all
}

@test "replies octet by octet are replies; slower than --response-timeout they are none" {
	will_meet "gone gone" 0 'status=sent' --drip-ms 1 --ehlo SIZE --ehlo PIPELINING \
		'said:2:SIZE=' \
		'said:0:EARLY'
	will_meet "ready ready" 75 'timed out while waiting for the reply to the connection' --drip-ms 200
	will_meet "ready ready" 75 'timed out while waiting for the reply to EHLO' --drip-ms 90 \
		--ehlo "SIZE 10000000000000000000000000000000"
	meet_all
}

@test "a flood of replies stops at the first that was not asked for" {
	local step
	for step in GREETING EHLO HELO AUTH AUTH+ STARTTLS; do
		needs_of $step
		will_meet "ready ready" 75 '451 4\.[47]\.[25] ' "${need[@]}" --flood $step \
			'said:0:MAIL'
	done
	options=
	for step in MAIL RCPT DATA; do
		will_meet "deferred deferred" 75 '451 4\.4\.2 ' --flood $step \
			arrived:0
		will_meet "deferred deferred" 75 '451 4\.4\.2 ' --flood $step --ehlo PIPELINING \
			arrived:0
	done
	# the first of them is a reply to the text, the rest is not looked at
	will_meet "gone gone" 0 'status=sent' --flood EOD
	will_meet "gone gone" 0 'status=sent' --flood QUIT
	will_meet "bad gone" 69 'status=bounced' --reply RCPT:1=550 --flood RSET
	meet_all
}

@test "the log-in is over with its reply: more behind it ends the session" {
	needs_of AUTH
	will_meet "ready ready" 75 'reply out of turn behind the one to AUTH' "${need[@]}" \
		--reply 'AUTH=235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok' \
		'said:0:MAIL'
	meet_all
}

@test "how long a reply may be" {
	local line lines octets n
	line=$(head -c 4092 /dev/zero | tr '\0' x)
	will_meet "gone gone" 0 'status=sent' --reply "EHLO=250 $line"
	will_meet "ready ready" 75 'endless line' --reply "EHLO=250 ${line}x"
	for n in 199 200; do
		lines=$(printf '250-X%d\\r\\n' $(seq 1 $n))
		if [ $n = 199 ]; then
			will_meet "gone gone" 0 'status=sent' --reply "EHLO=${lines}250 SIZE" \
				'said:2:SIZE='
		else
			will_meet "ready ready" 75 'invalid reply' --reply "EHLO=${lines}250 SIZE"
		fi
	done
	octets=$(for ((n = 1; n <= 16; n++)); do printf '250-%s\\r\\n' "$line"; done)
	will_meet "ready ready" 75 'invalid reply' --reply "EHLO=${octets}250 x"
	meet_all
	# not shown in full anywhere
	meets "bad gone" 69 'status=bounced \(550 xxx' --reply "MAIL:1=550-$line\r\n550 ${line}"
	[ "$(wc -c <"$spool/$(id 1).envelope.bad")" -lt 1000 ]
	[ "$(awk '{ if (length > n) n = length } END { print n }' <<<"$stderr")" -lt 2100 ]
}

@test "what a server says is printable in the log, in the report and in the envelope" {
	local octets shown
	while IFS='|' read -r octets shown; do
		meets "deferred bad" 69 "$shown" --reply "MAIL:1=451 4.3.0 a${octets}b" \
			--reply "MAIL:2=550-5.7.1 a${octets}b\r\n550 X-MailRelay-End: 1"
		deferred 1 1 "^451 4.3.0 a${shown}b\$"
		given_up 2 "smtp client failure: 550 5.7.1 a.*b X-MailRelay-End: 1" 550
		[[ $output == *"$(id 1) deferred 451 4.3.0 a"* ]]
		[ "$(wc -l <<<"$output")" = 2 ]
		for step in GREETING EHLO; do
			will_meet "ready ready" 75 "does not want to talk: 554 a${shown}b" \
				--reply "$step=554 a${octets}b"
		done
		options="--client-auth=$mine -v"
		will_meet "ready ready" 75 "SASL PLAIN failed: 535 a${shown}b" --ehlo "AUTH PLAIN" \
			--reply "AUTH=535 a${octets}b" unlogged:horse unlogged:aG9yc2
		options=
	done <<-'END'
		\x00|\\x00
		\x1b]0;owned\x07|\\x1B]0;owned\\x07
		\x08\x7f|\\x08\\x7F
		\r|\\r
		\t|\\t
		\x9b31m|\\x9B31m
		\xc2\x9b31m|\\xC2\\x9B31m
		\xe2\x80\xa8\xe2\x80\xa9|\\xE2\\x80\\xA8\\xE2\\x80\\xA9
		\xe2\x80\xae\xe2\x81\xa6|\\xE2\\x80\\xAE\\xE2\\x81\\xA6
		%s%n%500000d|%s%n%500000d
		\xff\xfe|\\xFF\\xFE
	END
	meet_all
}

@test "the same in JSON" {
	options=--log-format=json
	meets "deferred bad" 69 '"event":"deliver"' --reply 'MAIL:1=451 "\x00\\\xe2\x80\xaeb' \
		--reply 'MAIL:2=550 \xff\x1b\xe2\x80\xa8"},{"x":"'
	python3 -c 'import json, sys
for line in sys.stdin: assert "x" not in json.loads(line)' <<<"$stderr"
}

@test "offers that make no sense are none" {
	local offer
	for offer in "SIZE" "SIZE " "SIZE 0" "SIZE -1" "SIZE +5" "SIZE 0x1" "SIZE 1e1" "SIZE one" \
		"SIZE 18446744073709551616" "SIZE 99999999999999999999999999999999" \
		"SIZE 1 2" "SIZE=1" 'SIZE\x001' "SIZE 18446744073709551615" "SIZE 010"; do
		will_meet "gone gone" 0 'status=sent' --ehlo "$(printf %b "$offer" | tr -d '\0')"
	done
	for offer in "SIZE 1" "SIZE 20" "size 20"; do
		will_meet "bad bad" 69 '5.3.4 message larger than the server takes' --ehlo "$offer" \
			'said:0:MAIL'
	done
	# the last one counts, as long as it is one
	will_meet "gone gone" 0 'status=sent' --ehlo "SIZE 1" --ehlo "SIZE 1000"
	for offer in " " "-" "AUTH" "AUTH " "AUTH=" "AUTH  =  =" "$(head -c 3000 /dev/zero | tr '\0' P)" \
		"PIPELININGS" "XSMTPUTF8" "8BITMIMEX" "STARTTLS-NOT"; do
		will_meet "gone gone" 0 'status=sent' --ehlo "$offer" \
			'said:0:^EARLY'
	done
	meet_all
}

@test "HELO offers nothing: no password, and nothing in clear that is not to be" {
	options=--client-auth=$mine
	will_meet "ready ready" 75 'does not offer AUTH' --reply EHLO=502 --ehlo "AUTH PLAIN" \
		'said:0:AUTH|MAIL'
	will_meet "ready ready" 75 'does not offer AUTH' --reply EHLO=502 \
		--reply 'HELO=250-hi\r\n250-AUTH PLAIN\r\n250 AUTH=PLAIN' \
		'said:0:AUTH|MAIL'
	options=--client-tls-required
	will_meet "ready ready" 75 'does not offer STARTTLS' --reply EHLO=502 \
		--reply 'HELO=250-hi\r\n250 STARTTLS' \
		'said:0:STARTTLS|MAIL'
	# the offers of an EHLO that was refused are none either
	options=--client-auth=$mine
	will_meet "ready ready" 75 'does not offer AUTH' --reply 'EHLO=502-no\r\n502 AUTH PLAIN'
	meet_all
}

@test "a greeting in several lines, and one that comes twice" {
	will_meet "gone gone" 0 'status=sent' --reply 'GREETING=220-a\r\n220-\r\n220'
	will_meet "ready ready" 75 'reply out of turn before EHLO' --reply 'GREETING=220 a\r\n220 a'
	will_meet "ready ready" 75 'reply out of turn before EHLO' --reply 'GREETING=220 a\r\n554 b'
	will_meet "ready ready" 75 'does not want to talk: 554 a b' --reply 'GREETING=554-a\r\n554 b'
	meet_all
}

@test "lines that end in LF, CR LF, or not" {
	will_meet "gone gone" 0 'status=sent' --reply 'GREETING=220-a\n220 b\n\c' \
		--reply 'EHLO=250-a\r\n250 b\n\c' --reply 'DATA=354 go\n\c' --reply 'EOD=250 ok\n\c'
	will_meet "ready ready" 75 'timed out' --reply 'EHLO=250 a\r\c'
	will_meet "ready ready" 75 'timed out' --reply 'EHLO=250 a\r250 b\r\c'
	will_meet "gone gone" 0 'status=sent' --reply 'EHLO=250 a\r250 b\r\n\c'
	will_meet "deferred gone" 75 'arrive twice' --reply 'EOD:1=250 ok\r\c'
	will_meet "deferred gone" 75 'reply out of turn' --reply 'MAIL:1=250 a\r\n\r\n\c'
	meet_all
}

@test "many recipients, and fewer replies than commands" {
	local n o
	for n in 0 1 99 100 101 249; do
		for o in "" --reset; do
			rm -f "$spool"/*
			to 1 $(printf 'r%d@b.test ' $(seq 250))
			serve --ehlo PIPELINING $o --close "RCPT:$((n + 1))"
			forward --response-timeout=2
			exits 75
			[ "$(state 1)" = deferred ] || fail "$n: $(state 1)"
			deferred 1 1 '^451 4.4.2 '
			[ "$(arrived)" = 0 ]
			# each recipient has its line, and it says the same
			[ "$(grep -c 'status=deferred (451 4.4.2 ' <<<"$stderr")" = 250 ]
		done
	done
}

@test "many recipients, each refused: one reason, of bounded length" {
	rm -f "$spool"/*
	to 1 $(printf 'r%d@b.test ' $(seq 250))
	serve --ehlo PIPELINING --reply "RCPT=550 5.1.1 $(head -c 3000 /dev/zero | tr '\0' n)"
	forward
	exits 69
	given_up 1 'smtp client failure: 550 5.1.1 one or more recipients rejected: <r1@b.test>: n{300,500}' 550
	[ "$(said_times '^DATA')" = 0 ]
}

@test "with TLS that was asked for nothing of it is said in clear" {
	local reply
	needs_of STARTTLS
	for reply in '220 go\r\n250-x\r\n250 AUTH PLAIN' '220-go\r\n220 ahead\r\n550 no'; do
		will_meet "ready ready" 75 'clear text before the handshake' "${need[@]}" --reply "STARTTLS=$reply" \
			'said:0:MAIL|AUTH'
	done
	# some other 2xx: what follows is no handshake
	will_meet "ready ready" 75 'is not secure enough: ' "${need[@]}" --reply 'STARTTLS=220 go' \
		--close-after STARTTLS \
		'said:0:MAIL'
	meet_all
}
