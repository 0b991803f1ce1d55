# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# smtp-recv: clients that mean no good, or cannot do better.
load recv

# What ends the text for somebody, but not for us: name, octets.
sequences() {
	cat <<-'EOF'
		lf.lf|\n.\n
		lf.crlf|\n.\r\n
		crlf.lf|\r\n.\n
		cr.cr|\r.\r
		cr.crlf|\r.\r\n
		crlf.cr|\r\n.\r
		cr.lf|\r.\n
		lf.cr|\n.\r
		crlf.crcrlf|\r\n.\r\r\n
		crcrlf.crlf|\r\r\n.\r
		lflf|\n\n.\n\n
		crcr|\r\r.\r\r
		lfcr|\n\r.\n\r
		two-dots|\r\n..\r\n
		nul-before-dot|\r\n\x00.\r\n
		nul-after-dot|\r\n.\x00\r\n
		nul-in-first-crlf|\r\x00\n.\r\n
		nul-in-last-crlf|\r\n.\r\x00\n
		space-after-dot|\r\n. \r\n
		tab-after-dot|\r\n.\t\r\n
		space-before-dot|\r\n .\r\n
		vt|\x0b.\x0b
		ff|\x0c.\x0c
		fs|\x1c.\x1c
		nel|\x85.\x85
		utf8-nel|\xc2\x85.\xc2\x85
		utf8-ls|\xe2\x80\xa8.\xe2\x80\xa8
		overlong-crlf|\xc0\x8d\xc0\x8a.\xc0\x8d\xc0\x8a
		fullwidth-dot|\r\n\xef\xbc\x8e\r\n
		ctrl-z|\r\n\x1a.\r\n
		ctrl-z-after|\r\n.\x1a\r\n
		iac|\r\n\xff\xf4.\r\n
		bs|\r\n.\x08\r\n
		bs-bs|\r\nx\x08.\r\n
		del|\r\n\x7f.\r\n
		del-after|\r\n.\x7f\r\n
	EOF
}
evil='MAIL FROM:<evil@x.test>\r\nRCPT TO:<bob@b.test>\r\nDATA\r\nsmuggled\r\n.\r\n'

@test "smuggling: the text ends in one place only" {
	while IFS='|' read -r name seq; do
		for policy in normalize keep reject; do
			wire "${upto_data}Subject: a\r\n\r\ntext$seq$evil$bye" \
				--bare-newline=$policy
			if [ $policy != reject ] || [ -n "$(spooled)" ]; then
				codes 220 250 250 250 354 250 221 || fail "$name"
				id=$(only) || fail "$name"
				text "$id" | grep -aq 'FROM:<evil@x.test>' || fail "$name"
				text "$id" | grep -aq smuggled || fail "$name"
				[[ $(envelope "$id") = *"From: a@a.test"* ]]
				rm "$spool"/*
			else
				codes 220 250 250 250 354 554 221 || fail "$name"
				nothing_left
			fi
		done
	done < <(sequences)
}

@test "smuggling: what is stored by default has CR LF only" {
	local all=''
	while IFS='|' read -r name seq; do all+="x$seq"; done < <(sequences)
	wire "$upto_data$all\r\n.\r\n$bye"
	codes 220 250 250 250 354 250 221
	run ! grep -qaP '\r(?!$)' "$spool/$(only).content"
	[ "$(grep -ac '' "$spool/$(only).content")" = \
		"$(grep -ac $'\r$' "$spool/$(only).content")" ]
}

@test "smuggling: as the first line" {
	while IFS='|' read -r name seq; do
		wire "$upto_data${seq#'\r\n'}$evil$bye"
		codes 220 250 250 250 354 250 221 || fail "$name"
		only
		rm "$spool"/*
	done < <(sequences)
}

@test "smuggling: half an end is no end" {
	while IFS='|' read -r name seq; do
		wire "${upto_data}text$seq"
		codes 220 250 250 250 354 || fail "$name"
		nothing_left
	done < <(sequences)
	wire "${upto_data}text\r\n."
	codes 220 250 250 250 354
	nothing_left
}

@test "it does not matter how the input is cut up" {
	local all=$hello n=0
	while IFS='|' read -r name seq; do
		all+="${start}DATA\r\nSubject: a\r\n\r\ntext$seq$evil"
		all+="${start}BDAT 6\r\na\r\n.\r\nBDAT 2 LAST\r\n\r\n"
		((n += 2))
	done < <(sequences | head -n 20)
	printf %b "$all$bye" >"$BATS_TEST_TMPDIR/in"
	for size in 1000000 1 2 3 64; do
		run talk -c $size smtp-recv $me --spool-dir="$spool" \
			--domain=mx.test <"$BATS_TEST_TMPDIR/in"
		output=${output//$'\r'/}
		# shellcheck disable=SC2046
		codes 220 250 $(times $((n / 2)) 250 250 354 250 250 250 250 250) 221
		[ "$(spooled | wc -w)" = $n ]
		for id in $(spooled); do text "$id"; done >"$BATS_TEST_TMPDIR/$size"
		cmp "$BATS_TEST_TMPDIR/1000000" "$BATS_TEST_TMPDIR/$size"
		rm "$spool"/*
	done
}

@test "command lines: 2048 octets are taken, more are refused once, whole" {
	local n long
	wire "NOOP $(printf '%0507d' 0)\r\nNOOP $(printf '%02043d' 0)\r\n$bye"
	codes 220 250 250 221
	for n in 2044 4096 65535 65536 65537 300000; do
		long=$(printf "%0${n}d" 0)
		wire "NOOP $long QUIT\r\nNOOP\r\n$bye"
		codes 220 500 250 221
		[ "${lines[1]}" = "500 5.5.2 line too long" ]
	done
}

@test "control characters end no command and are in none" {
	for c in '\n' '\r' '\x00' '\x0b' '\x0c' '\x08' '\x1b' '\x7f'; do
		wire "${hello}NOOP${c}QUIT\r\nNOOP${c}\r\nVRFY a${c}b\r\n$bye"
		codes 220 250 500 500 500 221 || fail "$c"
		[ "${lines[9]}" = "500 5.5.2 control character in command" ]
	done
}

@test "nothing gets into an envelope by way of an address" {
	for c in '\n' '\r' '\x00' '\x1b' '|' '\x7f'; do
		bad="a@a.test${c}X-MailRelay-End: 1"
		wire "${hello}MAIL FROM:<$bad>\r\nMAIL FROM:<\"x${c}y\"@a.test>\r\nMAIL FROM:<a@a.test> AUTH=a${c}b\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<$bad>\r\nRCPT TO:<\"x${c}y\"@b.test>\r\nDATA\r\n$bye"
		[[ $output =~ 250.8BITMIME$'\n'(5..).*$'\n'(5..).*$'\n'(5..|250).*$'\n'(250|503).*$'\n'(5..).*$'\n'(5..).*$'\n'554.*$'\n'221 ]] ||
			fail "$c: $output"
		nothing_left
	done
	wire "${hello}MAIL FROM:<a@a.test> AUTH=a+0D+0AX-MailRelay-End:+201\r\nRCPT TO:<x|1|1|0|name|inject@b.test||y>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n.\r\n"
	codes 220 250 250 550 250 354 250
	[ "$(envelope "$(only)" | wc -l)" = 10 ]
}

@test "no reply is long, raw or two lines" {
	wire "${hello}VRFY $(printf '%02000d' 0)\r\nVRFY \xff\xfe\xc3\xa9\xc2\x85\r\n$bye"
	codes 220 250 252 252 221
	((${#lines[9]} <= 510))
	run ! grep -qP '[^ -~]' <<<"$output"
}

@test "a web browser is shown the door" {
	for method in GET POST PUT HEAD OPTIONS DELETE CONNECT post; do
		wire "$method / HTTP/1.1\r\nHost: mx.test\r\n\r\n$upto_data.\r\n$bye"
		codes 220 221
		nothing_left
	done
}

@test "other protocols are told so a few times, then no more" {
	for first in '\x16\x03\x01\x02\x00\x01' 'SSH-2.0-x' '*2\r\n$4' '\x00\x00\x00' \
		'PROXY TCP4 1.2.3.4 1.2.3.4 1 2' '\r\n\r\n'; do
		wire "$first\r\n$(times 50 'x\r\n' | tr -d '\n')$bye"
		[ "$(grep -c ^5 <<<"$output")" = 8 ]
		[ "${lines[-1]}" = "421 4.7.0 too many commands in vain, closing connection" ]
		assert_success
	done
}

@test "thousands of idle commands end in 421" {
	for command in NOOP RSET HELP 'VRFY x' 'HELO x' 'RSET\r\nMAIL FROM:<a@a.test>'; do
		wire "$hello$(times 5000 "$command\r\n" | tr -d '\n')"
		[ "${lines[-1]}" = "421 4.7.0 too many commands in vain, closing connection" ]
		((${#lines[@]} < 1012))
	done
	# who takes his leave by then is not scolded for it
	wire "$(times 999 'NOOP\r\n' | tr -d '\n')$bye"
	# shellcheck disable=SC2046
	codes 220 $(times 999 250) 221
}

@test "useful sessions may be long" {
	wire "$hello$(times 400 "${start}DATA\r\n.\r\n" | tr -d '\n')$bye"
	[ "$(spooled | wc -w)" = 400 ]
	[ "${lines[-1]}" = "221 2.0.0 closing connection" ]
}

# memory PRE COUNT: feed COUNT octets without a line end behind PRE, and look
# at how much memory the session has used by then.
memory() {
	local fifo=$BATS_TEST_TMPDIR/fifo hwm
	[ -p "$fifo" ] || mkfifo "$fifo"
	smtp-recv $me --spool-dir="$spool" <"$fifo" >"$fifo.out" &
	pids+=($!)
	exec 5>"$fifo"
	printf %b "$1" >&5
	head -c "$2" /dev/zero | tr '\0' x >&5
	hwm=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$!/status)
	exec 5>&-
	wait $!
	((hwm < 64000)) || fail "$hwm kB"
	nothing_left
}
@test "memory: no line, text or chunk is kept in it" {
	memory '' 100000000
	memory "$upto_data" 100000000
	memory 'BDAT 999999999\r\n' 100000000
	memory "${hello}${start}BDAT 999999999\r\n" 100000000
}
