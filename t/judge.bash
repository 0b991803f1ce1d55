# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# What the tests of filters and verifiers share: `load judge`.
load recv

here=$BATS_TEST_TMPDIR

# script NAME <<EOF: a program in $here, with `#!/bin/sh` if it has no such line.
script() {
	local text
	text=$(cat)
	[[ $text = '#!'* ]] || text='#!/bin/sh'$'\n'$text
	printf '%s\n' "$text" >"$here/$1"
	chmod 755 "$here/$1"
}
# The text of a message from a@a.test to b@b.test or to those named, as a
# client says it.
message() {
	local to
	printf '%s\n' 'EHLO c.test' 'MAIL FROM:<a@a.test>'
	for to in "${@:-b@b.test}"; do printf 'RCPT TO:<%s>\n' "$to"; done
	printf '%s\n' DATA 'Subject: hi' '' hello . QUIT
}
# send OPTION...: a session with such a message.
send() { recv "$@" < <(message); }
# said CODE TEXT: the reply to the message was this.
said() {
	local reply=${lines[-2]}
	[ "$reply" = "$*" ] || fail "said: $reply, not: $*
$output
${stderr:-}"
}
# Has the filter or verifier that is a server been asked so often?
oracle() { start "$BATS_TEST_DIRNAME/oracle" "$@"; }
asked() { grep -vc '^connect$' "$log"; }
calls() { grep -c '^connect$' "$log"; }
alive() {
	local state
	state=$(awk '/^State/ { print $2 }' "/proc/$1/status" 2>/dev/null)
	[ -n "$state" ] && [ "$state" != Z ]
}
dead() { ! alive "$1"; }
