#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What the text of a message is on the wire: CR LF ends a line and nothing
# else does, only the end is CR LF . CR LF, and the rest is the stored text.
# shellcheck disable=SC2154

load helper
load send

# text N IN...: message N whose content is printf's output.
text() {
	local n=$1
	shift
	post "$n"
	# shellcheck disable=SC2059 # the text is the format
	printf "$@" >"$spool/$(id "$n").content"
}
# same FILE FORMAT WHAT: the file is what printf makes of the format.
same() {
	# shellcheck disable=SC2059
	cmp "$1" <(printf "$2") || fail "$3: $(od -An -c "$1" | head)"
}
# Rows of content, its octets on the wire before the final dot line, and what
# that means: the same content with CR LF at each line end.
rows() {
	local in wire decoded n=0 row=("$@")
	((${#row[@]} % 3 == 0)) || fail "not three to a row"
	for ((n = 0; n * 3 < ${#row[@]}; n++)); do
		text $((n + 1)) "${row[n * 3]}"
	done
	serve "${options[@]}"
	forward
	exits 0
	[ "$(arrived)" = "$n" ] || fail "$(arrived) arrived of $n"
	for ((n = 0; n * 3 < ${#row[@]}; n++)); do
		in=${row[n * 3]} wire=${row[n * 3 + 1]} decoded=${row[n * 3 + 2]}
		same "$got/$(printf %03d $((n + 1))).wire" "$wire.\r\n" "<$in> on the wire"
		same "$got/$(printf %03d $((n + 1))).content" "$decoded" "<$in> received"
	done
	[ "$(said_times '^(BARE|LOST|EARLY)')" = 0 ] || fail "$(cat "$said")"
}

@test "line ends: CR LF, LF, CR, none, and all mixtures" {
	options=()
	rows 'a\r\n' 'a\r\n' 'a\r\n' \
		'a\nb\n' 'a\r\nb\r\n' 'a\r\nb\r\n' \
		'a\rb\r' 'a\r\nb\r\n' 'a\r\nb\r\n' \
		'a' 'a\r\n' 'a\r\n' \
		'' '' '' \
		'\r\n' '\r\n' '\r\n' \
		'\n' '\r\n' '\r\n' \
		'\r' '\r\n' '\r\n' \
		'\r\r' '\r\n\r\n' '\r\n\r\n' \
		'a\r\r\n' 'a\r\n\r\n' 'a\r\n\r\n' \
		'a\n\r' 'a\r\n\r\n' 'a\r\n\r\n' \
		'a\n\r\nb' 'a\r\n\r\nb\r\n' 'a\r\n\r\nb\r\n' \
		'a\r\n\r' 'a\r\n\r\n' 'a\r\n\r\n' \
		'\r\na' '\r\na\r\n' '\r\na\r\n'
}

@test "dots are doubled at the start of a line and nowhere else" {
	options=()
	rows '.' '..\r\n' '.\r\n' \
		'.\r\n' '..\r\n' '.\r\n' \
		'..\r\n' '...\r\n' '..\r\n' \
		'.a\r\n.\r\n' '..a\r\n..\r\n' '.a\r\n.\r\n' \
		'a.\r\nb.c\r\n' 'a.\r\nb.c\r\n' 'a.\r\nb.c\r\n' \
		' .\r\n' ' .\r\n' ' .\r\n' \
		'\0.\r\n' '\0.\r\n' '\0.\r\n'
}

@test "what might end the text for somebody else does not leave" {
	options=()
	rows 'a\r\n\n.\n' 'a\r\n\r\n..\r\n' 'a\r\n\r\n.\r\n' \
		'a\r\n\n.\r\n' 'a\r\n\r\n..\r\n' 'a\r\n\r\n.\r\n' \
		'a\r\n\r.\r' 'a\r\n\r\n..\r\n' 'a\r\n\r\n.\r\n' \
		'a\r\n\r.\r\n' 'a\r\n\r\n..\r\n' 'a\r\n\r\n.\r\n' \
		'a\r\n.\nb' 'a\r\n..\r\nb\r\n' 'a\r\n.\r\nb\r\n' \
		'a\r\n.\rb' 'a\r\n..\r\nb\r\n' 'a\r\n.\r\nb\r\n' \
		'a\n.\nb' 'a\r\n..\r\nb\r\n' 'a\r\n.\r\nb\r\n' \
		'a\r.\rb' 'a\r\n..\r\nb\r\n' 'a\r\n.\r\nb\r\n' \
		'a\n.\r\nb' 'a\r\n..\r\nb\r\n' 'a\r\n.\r\nb\r\n' \
		'a\r.\r\nb' 'a\r\n..\r\nb\r\n' 'a\r\n.\r\nb\r\n' \
		'a\r.\nb' 'a\r\n..\r\nb\r\n' 'a\r\n.\r\nb\r\n' \
		'a\r\n.' 'a\r\n..\r\n' 'a\r\n.\r\n' \
		'a\r\n.\r' 'a\r\n..\r\n' 'a\r\n.\r\n' \
		'a\r\n\0.\r\nb' 'a\r\n\0.\r\nb\r\n' 'a\r\n\0.\r\nb\r\n' \
		'a\r\n.\0\r\nb' 'a\r\n..\0\r\nb\r\n' 'a\r\n.\0\r\nb\r\n' \
		'a\r\0\n.\r\nb' 'a\r\n\0\r\n..\r\nb\r\n' 'a\r\n\0\r\n.\r\nb\r\n' \
		'a\r\n.\r\0\nb' 'a\r\n..\r\n\0\r\nb\r\n' 'a\r\n.\r\n\0\r\nb\r\n' \
		'a\x85.\x85b' 'a\x85.\x85b\r\n' 'a\x85.\x85b\r\n' \
		'a\v.\vb\f.\f' 'a\v.\vb\f.\f\r\n' 'a\v.\vb\f.\f\r\n'
}

@test "8-bit and NUL octets pass unchanged, with 8BITMIME and without" {
	local all
	# every octet but CR, LF and the dot, and not as the first of a line
	all=$(for i in {0..255}; do
		case $i in 10 | 13 | 46 | 92) ;; *) printf 'x\\x%02x' "$i" ;; esac
	done)
	all=${all//x\\x25/x%%}
	options=()
	rows "$all\r\n" "$all\r\n" "$all\r\n"
	options=(--ehlo 8BITMIME --ehlo PIPELINING)
	rows "$all\r\n" "$all\r\n" "$all\r\n"
}

@test "SMTP smuggling out: whatever stands between, there is one message" {
	local n o
	for o in PIPELINING CHUNKING; do
		rm -f "$spool"/*
		n=$("$BATS_TEST_DIRNAME/texts" write "$spool")
		serve --ehlo $o --ehlo 8BITMIME
		forward
		exits 0
		[ "$(arrived)" = "$n" ] || fail "$(arrived) messages of $n"
		[ "$(said_times '^MAIL FROM')" = "$n" ]
		[ "$(said_times 'evil|bob|smuggled|BARE|LOST')" = 0 ] ||
			fail "$(cat "$said")"
		run "$BATS_TEST_DIRNAME/texts" smtp "$got"
		assert_success
		assert_output ""
	done
}

# A text whose interesting octets meet the end of each block that is read.
@test "dots and line ends at the edges of the blocks" {
	local n=0 k seq
	for k in 65534 65535 65536 65537; do
		for seq in '\r\n.x\r\n' '\n.\n' '\r.\r'; do
			text $((++n)) "$(printf "%${k}s" '' | tr ' ' a)$seq"
		done
	done
	serve
	forward
	exits 0
	n=0
	for k in 65534 65535 65536 65537; do
		for seq in '..x' '..' '..'; do
			((++n))
			cmp <(printf "%${k}s\r\n$seq\r\n.\r\n" '' | tr ' ' a) \
				"$got/$(printf %03d $n).wire"
		done
	done
}

@test "a line of a MiB, 16 MiB in short lines, and a hundred thousand dots" {
	post 1 2 3
	head -c 1048576 /dev/zero | tr '\0' x >"$spool/$(id 1).content"
	yes '.0123456789012345678901234567890123456789012345678901234567890' |
		head -n 262144 >"$spool/$(id 2).content"
	head -c 100000 /dev/zero | tr '\0' . >"$spool/$(id 3).content"
	sed 's/$/\r/' "$spool/$(id 2).content" >"$BATS_TEST_TMPDIR/2"
	serve
	forward
	exits 0
	[ "$(arrived)" = 3 ]
	cmp <(head -c 1048576 /dev/zero | tr '\0' x; printf '\r\n') "$got/001.content"
	cmp "$BATS_TEST_TMPDIR/2" "$got/002.content"
	cmp <(head -c 100001 /dev/zero | tr '\0' .; printf '\r\n.\r\n') "$got/003.wire"
	[ "$(said_times BARE)" = 0 ]
}

@test "to a smtp-recv: it stores what we had, line ends made right, with no end added" {
	local f
	text 1 'Subject: x\r\n\r\n.\r\n..\n.a\rb\n\n.\n\0\xff end'
	printf 'Subject: x\r\n\r\n.\r\n..\r\n.a\r\nb\r\n\r\n.\r\n\0\xff end' >"$BATS_TEST_TMPDIR/want"
	mkdir "$BATS_TEST_TMPDIR/there"
	# shellcheck disable=SC2086
	listen smtp-recv $me --spool-dir "$BATS_TEST_TMPDIR/there" --no-syslog
	forward
	exits 0
	f=$(echo "$BATS_TEST_TMPDIR"/there/*.content)
	# behind the Received lines
	cmp <(tail -c "$(stat -c %s "$BATS_TEST_TMPDIR/want")" "$f") "$BATS_TEST_TMPDIR/want"
	tail -c +1 "$f" | head -n 1 | grep -q '^Received: '
}
