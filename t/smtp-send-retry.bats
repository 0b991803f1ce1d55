#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# When a message is tried again, and when it is given up.
# shellcheck disable=SC2154

load helper
load send

@test "a deferred message is left alone until it is due" {
	post 1
	serve --reply MAIL:1='451 4.3.2 not now'
	forward
	exits 75
	forward
	exits 75
	[ "$(said_times CONNECT)" = 1 ] || fail "connected for nothing"
	deferred 1 1 'not now'
	post 2
	forward
	exits 75
	[ "$(states 2)" = "deferred gone" ]
	[ "$(said_times MAIL)" = 2 ]
}

@test "touched, or named, it is tried at once" {
	post 1 2 3
	serve --reply MAIL:1=451 --reply MAIL:2=451 --reply MAIL:3=451
	forward
	exits 75
	[ "$(states 3)" = "deferred deferred deferred" ]
	touch "$spool/$(id 2).envelope"
	forward
	exits 75
	[ "$(states 3)" = "deferred gone deferred" ]
	forward "$(id 3)"
	exits 0
	[ "$(states 3)" = "deferred gone gone" ]
	forward - < <(id 1)
	exits 0
	[ "$(states 3)" = "gone gone gone" ]
}

@test "tries are counted, and the pauses grow to an hour" {
	local n pause line
	post 1
	serve --reply MAIL='451 4.3.2 not now'
	for n in 1 2 3 4 5 6 7 8; do
		forward "$(id 1)"
		deferred 1 $n 'not now'
		line=$(tail -n 1 "$spool/$(id 1).envelope")
		read -r _ _ pause _ <<<"$line"
		((pause -= $(date +%s)))
		((pause > (n > 6 ? 3600 : 60 << (n - 1)) - 20 && pause <= 3600)) ||
			fail "try $n: $pause s"
	done
	[ "$(grep -c '^X-Sluice-Deferred: ' "$spool/$(id 1).envelope")" = 8 ]
}

@test "--retry-for=0: the first failure is the last, except the server's absence" {
	local n=0 r
	for r in MAIL:1=451 RCPT:1=450 DATA:1=451 EOD:1=451 MAIL:1=421; do
		post 1 2
		serve --reply "$r 4.0.0 no"
		forward --retry-for=0
		exits 69
		[ "$(states 2)" = "bad gone" ] || fail "$r: $(states 2)"
		given_up 1 'smtp client failure: .*no' "${r#*=}"
		rm -f "$spool"/*
	done
	post 1 2
	serve --close EOD:1
	forward --retry-for=0
	exits 69
	given_up 1 'smtp client failure: 451 4.4.2 .*' 451
	[ "$(states 2)" = "bad gone" ]
	rm -f "$spool"/*
	post 1 2
	serve --reply 'GREETING=421 full'
	forward --retry-for=0
	exits 75
	[ "$(states 2)" = "ready ready" ]
}

@test "a message that has waited for --retry-for is given up at its next failure" {
	post 1 2
	touch -d '2 hours ago' "$spool/$(id 1).content"
	serve --reply 'MAIL=451 4.3.2 not now'
	forward --retry-for=3h
	exits 75
	[ "$(states 2)" = "deferred deferred" ]
	touch "$spool/$(id 1).envelope"
	forward --retry-for=1h --report
	exits 69
	[[ $output == *"$(id 1) bounced 451 4.3.2 not now"* ]] || fail "$output"
	[ "$(states 2)" = "bad deferred" ]
	given_up 1 'smtp client failure: 451 4.3.2 not now' 451
	grep -q '^X-Sluice-Deferred: 1 ' "$spool/$(id 1).envelope.bad"
}

@test "the default is five days" {
	post 1 2
	touch -d '119 hours ago' "$spool/$(id 1).content"
	touch -d '121 hours ago' "$spool/$(id 2).content"
	serve --reply 'MAIL=451 4.3.2 not now'
	forward
	exits 69
	[ "$(states 2)" = "deferred bad" ]
}

@test "old messages are given up even if the server is never there" {
	post 1 2 3
	touch -d '6 days ago' "$spool/$(id 1).content" "$spool/$(id 3).content"
	serve --close GREETING
	forward
	exits 69
	[ "$(states 3)" = "bad ready bad" ]
	given_up 3 'smtp client failure: 451 4.4.2 connection closed .*' 451
	[ "$(said_times CONNECT)" = 1 ] || fail "it was asked for each of them"
}

@test "a clock that was wrong makes no message old" {
	post 1
	touch -d 'tomorrow' "$spool/$(id 1).content"
	serve --reply 'MAIL=451 4.3.2 not now'
	forward
	exits 75
	deferred 1 1 'not now'
}

@test "a message is not taken for old because its envelope is" {
	post 1
	touch -d '9 days ago' "$spool/$(id 1).envelope"
	serve --reply 'MAIL=451 4.3.2 not now'
	forward
	deferred 1 1 'not now'
}

@test "a deferred message that somebody else is at is not tried, even if named" {
	local e
	post 1
	serve --reply MAIL='451 4.3.2 not now'
	forward
	[ "$(said_times MAIL)" = 1 ]
	e=$spool/$(id 1).envelope
	exec 7<"$e"
	flock 7
	forward "$(id 1)"
	exits 0
	[[ $output == "$(id 1) taken "* ]]
	[ "$(said_times MAIL)" = 1 ]
	exec 7<&-
}
