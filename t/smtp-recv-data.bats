# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2046,SC2086,SC2154
# smtp-recv: the text of a message, by DATA and by BDAT.
load recv

# data TEXT OPTION...: one message with this text; then what it became.
data() {
	local text=$1
	shift
	wire "$upto_data$text\r\n.\r\n$bye" "$@"
}
# A file of 50 MiB: lines with CR LF, many of which begin with dots.
big_text() {
	head -c 39000000 /dev/urandom | base64 -w 76 |
		sed 's/^[A-M]/./; s/^[a-f]/../; s/$/\r/' >"$BATS_TEST_TMPDIR/big"
	(($(stat -c %s "$BATS_TEST_TMPDIR/big") > 50 * 1024 * 1024))
	grep -qm 1 '^\.' "$BATS_TEST_TMPDIR/big"
}

@test "leading dots" {
	data '..\r\n...\r\n..a\r\n.b\r\n. \r\n.\t\r\nc.\r\n....'
	codes 220 250 250 250 354 250 221
	holds '.\r\n..\r\n.a\r\nb\r\n \r\n\t\r\nc.\r\n...\r\n'
}

@test "an empty message, and one of an empty line" {
	wire "$upto_data.\r\n$bye"
	codes 220 250 250 250 354 250 221
	holds ''
	rm "$spool"/*
	wire "$upto_data\r\n.\r\n$bye"
	holds '\r\n'
}

@test "bare newlines: normalized, kept, or refused" {
	while IFS='|' read -r sent normal kept; do
		kept=${kept:-$sent}
		data "$sent"
		codes 220 250 250 250 354 250 221
		holds "$normal\r\n"
		rm "$spool"/*
		data "$sent" --bare-newline=keep
		codes 220 250 250 250 354 250 221
		holds "$kept\r\n"
		rm "$spool"/*
		data "$sent" --bare-newline=reject
		codes 220 250 250 250 354 554 221
		[[ $output = *"554 5.6.0 bare CR or LF in the message text"* ]]
		nothing_left
	done <<-'EOF'
		a\nb|a\r\nb
		a\rb|a\r\nb
		\na|\r\na
		\ra|\r\na
		a\n|a\r\n
		a\n\nb|a\r\n\r\nb
		a\r\r\nb|a\r\n\r\nb
		a\n\r\nb|a\r\n\r\nb
		a\n\rb|a\r\n\r\nb
		a\n.\nb|a\r\n.\r\nb
		a\n.b|a\r\n.b
		a\n..b|a\r\n..b
		a\r\n.\nb|a\r\n\r\nb|a\r\n\nb
		a\r\n.\rb|a\r\n\r\nb|a\r\n\rb
		a\r\n..\nb|a\r\n.\r\nb|a\r\n.\nb
		.\n|\r\n|\n
	EOF
}

@test "clean text passes --bare-newline=reject" {
	data 'a\r\n..\r\nb' --bare-newline=reject
	codes 220 250 250 250 354 250 221
	holds 'a\r\n.\r\nb\r\n'
}

@test "every octet there is" {
	local all='' i
	for ((i = 0; i < 256; i++)); do
		((i == 10 || i == 13)) || all+=$(printf '\\x%02x' $i)
	done
	data "$all"
	codes 220 250 250 250 354 250 221
	holds "$all\r\n"
	rm "$spool"/*
	wire "${hello}${start}BDAT 257 LAST\r\n$all\r\n\x00$bye"
	codes 220 250 250 250 250 221
	holds "$all\r\n\x00"
}

@test "lines of any length, whole" {
	local n line
	for n in 998 1000 4096 65534 65535 65536 1000000; do
		line=$(printf "%0${n}d" 0)
		data "$line\r\n.$line"
		codes 220 250 250 250 354 250 221
		[ "$(text "$(only)" | tr -d '\r' | wc -L)" = $n ]
		holds "$line\r\n$line\r\n"
		rm "$spool"/*
	done
}

@test "the end of the text at every place in the input buffer" {
	# one session: each message shifts the next one by an octet more
	local n=80 i pad
	pad=$(printf '%065500d' 0)
	wire_from <(
		printf "$hello"
		for ((i = 0; i < n; i++)); do
			printf "${start}DATA\r\n%s%0${i}d\r\n..\r\nMAIL FROM:<x@x.test>\r\n.\r\n" \
				"$pad" 1
		done
		printf "$bye"
	)
	# shellcheck disable=SC2046
	codes 220 250 $(times $n 250 250 354 250) 221
	[ "$(spooled | wc -w)" = $n ]
	for i in $(spooled); do
		[ "$(text "$i" | tail -n 2)" = $'.\r\nMAIL FROM:<x@x.test>\r' ]
	done
}

@test "50 MiB by DATA" {
	big_text
	wire_from <(
		printf "$upto_data"
		sed 's/^\./../' "$BATS_TEST_TMPDIR/big"
		printf ".\r\n$bye"
	)
	codes 220 250 250 250 354 250 221
	text "$(only)" | cmp - "$BATS_TEST_TMPDIR/big"
}

@test "50 MiB by BDAT, in one chunk and in many" {
	big_text
	local big=$BATS_TEST_TMPDIR/big n
	wire_from <(
		printf "$hello$start"'BDAT %d LAST\r\n' "$(stat -c %s "$big")"
		cat "$big"
		printf "$bye"
	)
	codes 220 250 250 250 250 221
	text "$(only)" | cmp - "$big"
	rm "$spool"/*
	(cd "$BATS_TEST_TMPDIR" && split -b 999999 big part.)
	n=$(find "$BATS_TEST_TMPDIR" -name 'part.*' | wc -l)
	wire_from <(
		printf "$hello$start"
		for part in "$BATS_TEST_TMPDIR"/part.*; do
			printf 'BDAT %d\r\n' "$(stat -c %s "$part")"
			cat "$part"
		done
		printf 'BDAT 0 LAST\r\n'"$bye"
	)
	# shellcheck disable=SC2046
	codes 220 250 250 250 $(times "$n" 250) 250 221
	text "$(only)" | cmp - "$big"
}

@test "BDAT: a series of chunks is one message" {
	wire "${hello}${start}BDAT 3\r\na\r\nbdat 0\r\nBDAT 1\r\nbBDAT 7 last\r\n\n.\r\n.\r\n${start}BDAT 00001 LAST\r\ncNOOP\r\n$bye"
	codes 220 250 250 250 250 250 250 250 250 250 250 250 221
	[[ $output = *"250 2.0.0 3 octets received"* ]]
	set -- $(spooled)
	# a chunk may end anywhere: dots are nothing special, newlines are
	cmp <(text "$1") <(printf 'a\r\nb\r\n.\r\n.\r\n')
	cmp <(text "$2") <(printf c)
}

@test "BDAT: CR LF across two chunks is one line end" {
	wire "${hello}${start}BDAT 2\r\na\rBDAT 2 LAST\r\n\nb$bye"
	codes 220 250 250 250 250 250 221
	holds 'a\r\nb'
}

@test "BDAT: ends in CR, or is empty" {
	wire "${hello}${start}BDAT 2 LAST\r\na\r$bye"
	codes 220 250 250 250 250 221
	holds 'a\r\n'
	rm "$spool"/*
	wire "${hello}${start}BDAT 0 LAST\r\n$bye"
	codes 220 250 250 250 250 221
	holds ''
}

@test "BDAT: bare newlines by --bare-newline" {
	wire "${hello}${start}BDAT 3 LAST\r\na\nb$bye" --bare-newline=reject
	codes 220 250 250 250 554 221
	nothing_left
	wire "${hello}${start}BDAT 3 LAST\r\na\nb$bye" --bare-newline=keep
	holds 'a\nb'
}

@test "BDAT: what is no size ends the connection" {
	for bad in '' x -1 +5 0x5 5x '5 LAST x' '5 FIRST' '5 LASTLY' 1.5 '"5"' \
		99999999999999999999 18446744073709551621 9223372036854775808; do
		wire "${hello}${start}BDAT $bad\r\nNOOP\r\nNOOP\r\n"
		codes 220 250 250 250 501 || fail "$bad"
		nothing_left
	done
}

@test "BDAT: a refused chunk is eaten, not obeyed" {
	local chunk='MAIL FROM:<evil@x.test>\r\n'
	wire "BDAT 25\r\n$chunk${hello}BDAT 25 LAST\r\n${chunk}MAIL FROM:<a@a.test>\r\nBDAT 25 LAST\r\n${chunk}MAIL FROM:<a@a.test>\r\nBDAT 25\r\n${chunk}BDAT 25 LAST\r\n$chunk$bye"
	codes 220 503 250 503 250 554 250 554 503 221
	nothing_left
}

@test "BDAT: after LAST the transaction is over" {
	wire "${hello}${start}BDAT 1 LAST\r\naBDAT 6 LAST\r\nNOOP\r\nRCPT TO:<b@b.test>\r\n$bye"
	codes 220 250 250 250 250 503 503 221
	holds a
}

@test "BDAT: within a series only chunks are in order" {
	wire "${hello}${start}BDAT 1\r\naDATA\r\nMAIL FROM:<x@x.test>\r\nRCPT TO:<x@x.test>\r\nVRFY x\r\nNOOP\r\nBDAT 1 LAST\r\nb$bye"
	codes 220 250 250 250 250 503 503 503 503 250 250 221
	holds ab
}

@test "BDAT: RSET, HELO and EHLO drop the chunks" {
	for again in RSET 'HELO x' 'EHLO x'; do
		wire "${hello}${start}BDAT 1\r\na$again\r\nBDAT 1 LAST\r\nb${start}BDAT 1 LAST\r\nc$bye"
		codes 220 250 250 250 250 250 503 250 250 250 221
		holds c
		rm "$spool"/*
	done
}

@test "BDAT: a chunk that is cut short is no message" {
	wire "${hello}${start}BDAT 5 LAST\r\nabcd"
	codes 220 250 250 250
	nothing_left
}

@test "BDAT and --size" {
	wire "${hello}${start}BDAT 6\r\n123456BDAT 5\r\n12345BDAT 1 LAST\r\nxRSET\r\n${start}BDAT 10 LAST\r\n1234567890${start}BDAT 11 LAST\r\n12345678901$bye" --size=10
	codes 220 250 250 250 250 552 503 250 250 250 250 250 250 552 221
	holds 1234567890
	# not worth the while to read that
	wire "${hello}BDAT 1000000\r\n" --size=10
	codes 220 250 552
	wire_from <(printf "${hello}${start}BDAT 1000000 LAST\r\n"; yes) --size=10
	codes 220 250 250 250 552
}

@test "BDAT: thousands of small chunks" {
	wire "$hello$start$(times 3000 'BDAT 1\r\nx' | tr -d '\n')BDAT 0 LAST\r\n$bye"
	[ "$(text "$(only)" | wc -c)" = 3000 ]
	# but not of empty ones
	wire "$hello$start$(times 3000 'BDAT 0\r\n' | tr -d '\n')$bye"
	[[ $output = *"421 4.7.0"* ]]
	[ "$(spooled | wc -w)" = 1 ]
}
