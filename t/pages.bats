# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2034,SC2086,SC2154,SC2317
# The examples of the pages of the tools, and of filters and verifiers, do what
# the page says: see page.bash.
load page

setup() { prepare_page; }
teardown() {
	stop_all
	check_page
}

# examples PAGE: of doc/PAGE
examples() {
	page=$top/doc/$1
	recipe EXAMPLES
	far=$here/far
}
# cron N: the command of a line for cron
cron() { part "$1" | sed 's/^[^a-z]*\(daemon\|[^ ]*\) //' >"$here/cron" && sh "$here/cron"; }
run_part() { run --separate-stderr bash -c "$(part "$1")"; }
# ready N [FROM [TO]], failed N [TO]: a message that waits, or was given up.
ready() {
	place "emailrelay.1.1.$1" "${2:-a@a.test}" "${3:-b@b.test}" <<-EOF
		Subject: number $1

		hello
	EOF
}
failed() {
	ready "$1" a@a.test "${2:-b@b.test}"
	printf 'X-MailRelay-Reason: no\r\nX-MailRelay-ReasonCode: 550\r\n' \
		>>"$spool/emailrelay.1.1.$1.envelope"
	mv "$spool/emailrelay.1.1.$1.envelope"{,.bad}
}
to_smarthost() {
	smarthost
	change smarthost.example:25 "$next"
}
# state N...: these are ready, N.bad and so on; sorted, in a line.
state() {
	assert_equal "$(find "$spool" -name 'emailrelay.1.1.*.envelope*' \
		-printf '%f\n' | sed 's/emailrelay\.1\.1\.//; s/\.envelope//' |
		sort | paste -sd' ')" "$*"
}
reports() { cat "$spool"/*.envelope | grep -c '^X-MailRelay-To-Remote: a@a.test'; }
has() { [ "$(find "${2:-$far}" -name '*.envelope' | wc -l)" = "$1" ]; }

@test "spool-bounce" {
	needs less
	examples spool-bounce.1
	failed 1
	cron 1
	state 1.bad
	[ "$(reports)" = 1 ]
	failed 2
	run_part 2
	state
	[ "$(reports)" = 2 ]
	failed 3 c@example.com
	failed 4
	run_part 3
	assert_output --partial 'Subject: number 3'
	refute_output --partial 'Subject: number 4'
	[ "$(reports)" = 3 ]
	state 3.bad 4.bad
}
@test "spool-check" {
	examples spool-check.1
	cron 1
	failed 1
	rm "$spool/emailrelay.1.1.1.content"
	touch -d '3 days ago' "$spool"/*.bad
	run_part 2
	assert_output --partial emailrelay.1.1.1
}
@test "spool-hold" {
	examples spool-hold.1
	ready 1 a@a.test c@example.com
	ready 2
	run_part 1
	state 1.hold 2
	to_smarthost
	run_part 2
	assert_success
	state
	has 2
}
@test "spool-list" {
	needs jq
	examples spool-list.1
	ready 1 ann@example.com c@example.com
	ready 2
	touch -d '2 hours ago' "$spool"/emailrelay.1.1.2.*
	run_part 1
	assert_output --partial emailrelay.1.1.2
	refute_output --partial emailrelay.1.1.1
	run_part 2
	assert_output "      1 b.test
      1 example.com"
	to_smarthost
	run_part 3
	state 2
	has 1
}
@test "spool-metrics" {
	examples spool-metrics.1
	mkdir -p "$here/var/lib/prometheus"
	ready 1
	cron 1
	# what to be woken up for is a number that there is
	part 2 | grep -oE 'sluice_[a-z_]+({[^}]*})?' >"$here/numbers"
	[ "$(wc -l <"$here/numbers")" = 2 ]
	while read -r number; do
		grep -qF "$number " "$here/var/lib/prometheus/sluice.prom"
	done <"$here/numbers"
}
@test "spool-passwd" {
	examples spool-passwd.1
	run -0 sh -c "$(part 1 | sed -n 's/^\$ //p')"
	assert_output "$(part 1 | sed '1d; s/\\$//' | tr -d '\n')"
}
@test "spool-poke" {
	examples spool-poke.1
	smarthost
	failed 1
	ready 2
	listen admin-cmd --forward-to="$next"
	change 10026 "$port"
	change relay.example: 127.0.0.1:
	cron 1
	state 1.bad
	has 1
	run_part 2
	assert_output --partial emailrelay.1.1.1
}
@test "spool-remove" {
	examples spool-remove.1
	failed 1
	failed 2
	touch -d '31 days ago' "$spool"/emailrelay.1.1.1.*
	run_part 1
	assert_success
	state 2.bad
}
@test "spool-retry" {
	examples spool-retry.1
	to_smarthost
	failed 1
	failed 2
	touch -d '2 days ago' "$spool"/emailrelay.1.1.2.*
	run_part 1
	assert_success
	assert_output --regexp '^emailrelay.1.1.1 sent '
	state 2.bad
	run_part 2
	assert_success
	state
	has 2
}
@test "spool-show" {
	needs jq
	examples spool-show.1
	failed 1
	ready 2
	run_part 1
	assert_line --regexp '^Reason: .*no'
	assert_line 'Subject: number 1'
	refute_line 'Subject: number 2'
	run_part 2
	assert_line --partial 'emailrelay.1.1.2 number 2'
}
@test "spool-submit" {
	examples spool-submit.1
	run_part 1
	assert_success
	printf 'To: you@example.net\nSubject: x\n\nhello\n' >"$here/message"
	cd "$here"
	run_part 2
	assert_success
	has 2 "$spool"
	[ "$(cat "$spool"/*.envelope | grep -c '^X-MailRelay-To-Remote: you@example.net')" = 2 ]
}
@test "spool-watch" {
	examples spool-watch.1
	mkdir "$here/bin"
	printf '#!/bin/sh\necho "$1" >>%s/noticed\n' "$here" >"$here/bin/notify-send"
	chmod 755 "$here/bin/notify-send"
	PATH=$here/bin:$PATH
	part 1 >"$here/watch"
	start sh -c 'echo x; exec sh "$0" >&2' "$here/watch"
	# it may not be there yet when the first one fails
	n=0
	notices() {
		failed $((++n))
		test -s "$here/noticed"
	}
	wait_until notices
	grep -q ' failed ' "$here/noticed"
}
@test "admin-cmd: health, notify" {
	examples admin-cmd.8
	touch "$here"/used.{1,2,3} # conversations: admin.bats
	run --separate-stderr sh -c "$(part 4 | sed 's/^HEALTHCHECK CMD //')"
	assert_success
	mkdir "$here/bin"
	printf '#!/bin/sh\necho "$1" >>%s/noticed\n' "$here" >"$here/bin/logger"
	chmod 755 "$here/bin/logger"
	PATH=$here/bin:$PATH
	part 5 >"$here/watch"
	start sh -c 'echo x; exec sh "$0" >&2' "$here/watch"
	start answer --reply "RCPT=550 nobody here"
	next=127.0.0.1:$port n=0
	notices() {
		ready $((++n))
		smtp-send $me --forward-to="$next" || [ $? = 69 ]
		test -s "$here/noticed"
	}
	wait_until notices
	grep -q 'client: failed: .*nobody here' "$here/noticed"
}

# a message by way of smtp-recv with these options; $reply is that to its text
receive() {
	session smtp-recv $me "$@" <<-EOF
		EHLO c
		MAIL FROM:<a@a.test>
		RCPT TO:<${to:-b@b.test}>
		DATA
		Subject: x

		hello
		.
		QUIT
	EOF
	reply=$(tail -n 2 <<<"$output" | head -n 1)
}
@test "filters" {
	examples filters.7
	printf '#!/bin/sh\ncat >%s/sent\n' "$here" >"$here/sendmail"
	printf '#!/bin/sh\n! grep -q hello "$1"\n' >"$here/scanner"
	chmod 755 "$here/sendmail" "$here/scanner"
	change /usr/sbin/sendmail "$here/sendmail"
	change /usr/bin/scanner "$here/scanner"
	file 1 "$here/filter" 755
	TCPREMOTEIP=192.168.0.2 receive --remote-clients --filter="$here/filter"
	[[ $reply = 250\ * ]]
	grep -q hello "$here/sent"
	has 0 "$spool"
	TCPREMOTEIP=192.168.0.3 receive --remote-clients --filter="$here/filter"
	has 1 "$spool"
	file 2 "$here/filter" 755
	receive --filter="$here/filter"
	assert_equal "$reply" "550 5.7.1 that is a virus"
	has 1 "$spool"
}
@test "verifiers" {
	examples verifiers.7
	echo B@b.test >"$here/etc/recipients"
	file 1 "$here/verifier" 755
	receive --verifier="$here/verifier"
	envelope "$(spooled)" | grep -qx 'X-MailRelay-To-Remote: b@b.test'
	file 2 "$here/verifier" 755
	receive --verifier="$here/verifier"
	[[ $reply = 250\ * ]]
	envelope "$(spooled local)" | grep -qx 'X-MailRelay-To-Local: postmaster'
	file 3 "$here/verifier" 755
	receive --verifier="$here/verifier"
	[[ $reply = 250\ * ]]
	to=c@b.test receive --verifier="$here/verifier"
	assert_output --partial 'no such person: c@b.test'
}
