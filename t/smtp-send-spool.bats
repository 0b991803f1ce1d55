#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Spools that others have written, that are damaged, or that do not let us.
# shellcheck disable=SC2154

load helper
load send

# envelope_of ID LINE...: an envelope written by hand, with the text for it.
envelope_of() {
	local id=$1
	shift
	printf '%s\r\n' "$@" >"$spool/$id.envelope"
	printf 'Subject: by hand\r\n\r\ntext\r\n' >"$spool/$id.content"
}
# Message N with the standard lines, changed by a sed script.
damaged() {
	post "$1"
	sed -i "$2" "$spool/$(id "$1").envelope"
}
# damage REASON SED...: each sed script makes message 1 one that becomes .bad
# with that reason; nothing of it is seen on the wire, and message 2 goes.
damage() {
	local reason=$1 script
	shift
	for script; do
		rm -f "$spool"/*
		damaged 1 "$script"
		post 2
		serve --ehlo PIPELINING
		forward
		[ "$status" = 69 ] || fail "$script: status $status $stderr"
		[ "$(states 2)" = "bad gone" ] || fail "$script: $(states 2)"
		[ "$(dialogue)" = "$plain" ] || fail "$script: $(dialogue)"
		tail -n 2 "$spool/$(id 1).envelope.bad" | tr -d '\r' | head -n 1 >"$BATS_TEST_TMPDIR/why"
		grep -qE "^X-MailRelay-Reason: $reason$" "$BATS_TEST_TMPDIR/why" ||
			fail "$script: $(cat "$BATS_TEST_TMPDIR/why")"
		[ "$(tail -n 1 "$spool/$(id 1).envelope.bad")" = $'X-MailRelay-ReasonCode:\r' ]
		assert_file_exist "$spool/$(id 1).content"
		[[ ${lines[0]} == "$(id 1) bounced "* ]]
	done
}
plain='EHLO mx.test|MAIL FROM:<from2@a.test>|RCPT TO:<to2@b.test>|DATA|QUIT'
dialogue() { grep -v '^CONNECT$' "$said" | paste -sd'|'; }

@test "E-MailRelay 1.9's files: formats 3 and 4, names that count from 2" {
	local n
	envelope_of emailrelay.4711.812345.2 'X-MailRelay-Format: #2821.4' \
		'X-MailRelay-Content: 8bit' 'X-MailRelay-From: a@a.test' 'X-MailRelay-ToCount: 3' \
		'X-MailRelay-To-Local: box' 'X-MailRelay-To-Remote: x@b.test' \
		'X-MailRelay-To-Remote: y@b.test' 'X-MailRelay-Authentication: user+20one' \
		'X-MailRelay-Client: 10.0.0.1' 'X-MailRelay-ClientName: ' \
		'X-MailRelay-ClientCertificate: ' 'X-MailRelay-End: 1'
	envelope_of emailrelay.4711.812345.10 'X-MailRelay-Format: #2821.3' \
		'X-MailRelay-Content: 7bit' 'X-MailRelay-From: ' 'X-MailRelay-ToCount: 1' \
		'X-MailRelay-To-Remote: z@b.test' 'X-MailRelay-Authentication: ' \
		'X-MailRelay-Client: 10.0.0.1' 'X-MailRelay-End: 1'
	# emailrelay-submit took the header's From line for a sender
	envelope_of emailrelay.4711.812345.11 'X-MailRelay-Format: #2821.4' \
		'X-MailRelay-Content: 7bit' 'X-MailRelay-From: "Doe, J" <jd@a.test>' \
		'X-MailRelay-ToCount: 1' 'X-MailRelay-To-Remote: z@b.test' \
		'X-MailRelay-Authentication: ' 'X-MailRelay-Client: 127.0.0.1' \
		'X-MailRelay-ClientName: ' 'X-MailRelay-ClientCertificate: ' 'X-MailRelay-End: 1' \
		'X-MailRelay-Reason: smtp client failure: spam' 'X-MailRelay-ReasonCode: 554'
	serve --ehlo 8BITMIME
	forward
	exits 0
	[ "$(dialogue)" = "EHLO mx.test|MAIL FROM:<a@a.test> BODY=8BITMIME|RCPT TO:<x@b.test>|RCPT TO:<y@b.test>|DATA|MAIL FROM:<>|RCPT TO:<z@b.test>|DATA|MAIL FROM:<jd@a.test>|RCPT TO:<z@b.test>|DATA|QUIT" ] ||
		fail "$(dialogue)"
	[ "$(ls "$spool")" = "" ]
}

@test "newer formats: 5 to 8" {
	local n more
	local head=('X-MailRelay-Content: 8bit' 'X-MailRelay-From: from2@a.test'
		'X-MailRelay-ToCount: 1' 'X-MailRelay-To-Remote: to2@b.test'
		'X-MailRelay-Authentication: ' 'X-MailRelay-Client: 10.0.0.1'
		'X-MailRelay-ClientCertificate: abc')
	for n in 5 6 7 8; do
		more=('X-MailRelay-MailFromAuthIn: ' 'X-MailRelay-MailFromAuthOut: ')
		((n < 6)) || more+=('X-MailRelay-ForwardTo: ' 'X-MailRelay-ForwardToAddress: ')
		# folded, and behind the ForwardTo lines
		((n < 8)) || { head[6]+=$'\r\n def'; more+=('X-MailRelay-ClientAccountSelector: '); }
		((n < 7)) || more+=('X-MailRelay-Utf8MailboxNames: 0')
		envelope_of "$(id 2)" "X-MailRelay-Format: #2821.$n" "${head[@]}" "${more[@]}" 'X-MailRelay-End: 1'
		serve
		forward
		exits 0
		[ "$(dialogue)" = "$plain" ] || fail "format $n: $(dialogue)"
	done
}

@test "damaged: no format, an unknown one, or nothing at all" {
	damage 'format error: Format' '1d' '1s/Format/Formal/' '1,99d'
	damage 'invalid format field in envelope: .*' '1s/#.*/#9999.9\r/' '1s/#.*/#2821.2\r/' \
		'1s/#.*/#2821.9\r/' '1s/#.*/#2821.44\r/' '1s/#.*/\r/'
}

@test "damaged: lines that are missing, too many, or changed about" {
	damage 'format error: Content' '2d' '2{h;d};3{G}'
	damage 'format error: From' '/-From:/d' 's/-From:/-From/' '2{p}'
	damage 'format error: ToCount' '/ToCount/d' 's/ToCount: 1/ToCount: 2/' 's/ToCount: 1/ToCount: 0/' \
		's/ToCount: 1/ToCount: x/' 's/ToCount: 1/ToCount: -1/' 's/ToCount: 1/ToCount: /' \
		's/ToCount: 1/ToCount: 99999999999999999999/' '/To-Remote/d' '/To-Remote/p' '/-From:/p'
	damage 'format error: Authentication' '/-Auth/d'
	damage 'format error: Client' '/-Client:/d'
	damage 'format error: ClientName' '/-ClientName/d'
	damage 'format error: ClientCertificate' '/-ClientCert/d'
	damage 'invalid envelope file: misplaced end marker' '/-End/d' '/-End/s/End/Eng/' \
		'/-End/i X-MailRelay-More: 1\r' '/-ClientCert/p'
}

@test "damaged: cut off anywhere" {
	local n size
	post 1
	size=$(stat -c %s "$spool/$(id 1).envelope")
	for ((n = 0; n < size; n += 7)); do
		post $((n + 1000))
		truncate -s "$n" "$spool/$(id $((n + 1000))).envelope"
	done
	rm "$spool/$(id 1)".*
	post 2
	serve
	forward
	exits 69
	[ "$(dialogue)" = "$plain" ] || fail "$(dialogue)"
	[ "$(spooled bad | wc -l)" = "$(((size + 6) / 7))" ]
	# the reason is a line of its own, whatever stood before it
	[ "$(grep -l '^X-MailRelay-Reason: ' "$spool"/*.bad | wc -l)" = "$(((size + 6) / 7))" ]
	[ "$(spooled)$(spooled busy)" = "" ]
}

@test "damaged: only local recipients, or none" {
	damage 'no remote recipients' 's/To-Remote/To-Local/' '/To-Remote/d;s/ToCount: 1/ToCount: 0/'
}

@test "control characters and brackets in addresses never leave the envelope" {
	damage 'format error: From' 's/from1@/fr\x00om@/' 's/from1@/a>\rMAIL FROM:<evil@/' \
		's/from1@/a\rRSET\r@/' 's/from1@/a> SIZE=1 <b@/' 's/from1@/a b@/' 's/from1@/<a@/' \
		's/from1@/\x1b@/' 's/from1@/a\x7f@/' 's/a.test/a.test>/' 's/from1@a.test/>/' \
		's/from1@/"a\x00"@/' 's/from1@/"a@/' 's/from1@/\xff@/'
	damage 'format error: To-Remote' 's/to1@/t\x00o@/' 's/to1@/a>\rRSET\r</' \
		's/to1@b.test/to1@b.test> NOTIFY=NEVER/' 's/to1@/a b@/' 's/to1@.*/\r/' \
		's/to1@/<to1@/' 's/b.test/b.test>/' 's/b.test/b.test\r\r/'
	damage 'format error: Authentication' 's/-Authentication: /&\x00/'
	damage 'format error: ClientName' 's/-ClientName: /&a\rb/'
}

@test "an LF alone within an envelope's address ends the line, and damages it" {
	damage 'format error: .*' 's/from1@/a\n@/' 's/from1@/a>\nRCPT TO:<evil@/' 's/to1@/a\n@/'
}

@test "the text: missing, a link, a directory, a FIFO" {
	local how
	for how in 'rm -f' 'ln -sf /etc/passwd' 'mkdir' 'mkfifo' 'ln -sf .'; do
		rm -rf "${spool:?}"/*
		post 1 2
		rm "$spool/$(id 1).content"
		$how "$spool/$(id 1).content"
		serve
		forward
		exits 69
		[ "$(states 2)" = "bad gone" ] || fail "$how: $(states 2)"
		tail -n 2 "$spool/$(id 1).envelope.bad" | grep -q '^X-MailRelay-Reason: cannot open content file'
		[ "$(dialogue)" = "$plain" ] || fail "$how: $(dialogue)"
	done
}

@test "what is no file of ours is left alone: other names, links, directories, FIFOs" {
	local f before
	post 2
	cp "$spool/$(id 2).envelope" "$BATS_TEST_TMPDIR/outside"
	for f in "x.envelope" "emailrelay.1.2.envelope" "emailrelay.1.2.3.4.envelope" \
		"emailrelay.a.2.3.envelope" "$(id 2).envelope.tmp" "$(id 2).envelope.bad.1" \
		".$(id 2).envelope" "emailrelay.-1.2.3.envelope" "$(id 5).envelope.hold" \
		"$(id 6).envelope.new" "$(id 7).envelope.local" "$(id 8).content"; do
		cp "$BATS_TEST_TMPDIR/outside" "$spool/$f"
	done
	mkdir "$spool/$(id 11).envelope"
	mkfifo "$spool/$(id 12).envelope"
	ln -s "$BATS_TEST_TMPDIR/outside" "$spool/$(id 13).envelope"
	ln -s nowhere "$spool/$(id 14).envelope"
	mkfifo "$spool/$(id 15).envelope.busy"
	touch "$spool/$(id 11).content" "$spool/$(id 12).content" "$spool/$(id 13).content"
	touch "$spool/.counters"
	before=$(ls -A -I "$(id 2).envelope" -I "$(id 2).content" "$spool")
	serve
	forward
	exits 75
	[ "$(dialogue)" = "$plain" ] || fail "$(dialogue)"
	[ "$(ls -A "$spool")" = "$before" ] || fail "$(ls -A "$spool")"
	[ -s "$BATS_TEST_TMPDIR/outside" ]
}
