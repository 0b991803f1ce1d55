# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# What the tests of emailrelay share: `load relay`.
load helper

free_port() {
	python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}
built() { [ -x "$bin/$1" ] || skip "$1 is not built"; }

# open_at PORT [ADDRESS]: somebody listens there.
open_at() { (exec 3<>"/dev/tcp/${2:-127.0.0.1}/$1") 2>/dev/null; }
shut_at() { ! open_at "$@"; }

# relay OPTION...: emailrelay in the foreground, $port is open then. It is $pid.
relay() {
	local at=${at:-127.0.0.1}
	port=${port:-$(free_port)}
	start sh -c 'echo "$0"; exec emailrelay "$@" >&2' "$port" \
		--no-daemon --no-syslog --spool-dir="$spool" $me \
		--port="$port" --interface="$at" "$@"
	wait_until open_or_dead
}
open_or_dead() { open_at "$port" "${at%%,*}" || ! kill -0 "$pid" 2>/dev/null; }
# fails TEXT OPTION...: exit status 1, and the last line but for the hint.
fails() {
	local text=$1
	shift
	run emailrelay "$@" 3>&-
	[ "$status" = 1 ] || fail "status $status, not 1: $*
$output"
	grep -qxF -- "emailrelay: $text" <<<"$output" || fail "not: $text
$output"
}
# The processes that emailrelay has started, and theirs.
family() {
	local guard
	guard=$(pgrep -P "${1:-$pid}" -x emailrelay)
	pgrep -g "$guard" | paste -sd' '
}
# gone PID...: they have ended; a zombie that nobody fetches has.
gone() {
	local p
	for p; do
		[ ! -e "/proc/$p/stat" ] ||
			grep -q '^State:.Z' "/proc/$p/status" 2>/dev/null || return 1
	done
}
# mail PORT [ADDRESS]: a message, from a client that is not ours.
mail() {
	python3 - "${2:-127.0.0.1}" "$1" <<-EOF 2>/dev/null
		import smtplib, sys
		client = smtplib.SMTP(sys.argv[1], int(sys.argv[2]), timeout=20)
		client.sendmail('a@a.test', ['b@b.test'], 'Subject: hi\n\nhello\n')
		client.quit()
	EOF
}
# has_mail [DIRECTORY]: one message is there, the one above.
has_mail() {
	local file
	file=$(find "${1:-$spool}" -name '*.envelope')
	[ -n "$file" ] && [ "$(wc -l <<<"$file")" = 1 ] &&
		grep -q '^X-MailRelay-From: a@a.test' "$file" &&
		grep -q '^hello' "${file%.envelope}.content"
}
is_empty() { [ -z "$(spooled)$(spooled busy)" ]; }
# A message to be forwarded, the same as that of mail.
stored() { place emailrelay.7.1000.1 a@a.test b@b.test <<<$'Subject: hi\n\nhello'; }
# A smarthost, $next; $far is what it gets.
smarthost() {
	far=$BATS_TEST_TMPDIR/far
	mkdir "$far"
	listen smtp-recv $me --spool-dir="$far" --domain=far.test
	next=127.0.0.1:$port
	port=
}
