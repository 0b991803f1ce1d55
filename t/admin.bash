# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# What the tests of admin-cmd share: `load helper`, `load send`, `load admin`.

# admin COMMAND...: by hand, with the options in $more.
admin() {
	run --separate-stderr admin-cmd $me --spool-dir="$spool" $more "$@"
}
# type_in TEXT OPTION...: a conversation over a socket, \r and \n spelt out.
type_in() {
	local text=$1
	shift
	run --separate-stderr "$BATS_TEST_DIRNAME/talk" admin-cmd $me \
		--spool-dir="$spool" $more "$@" < <(printf %b "$text")
}
# said TEXT: exactly that, \r and \n spelt out, is what came back (but for LFs
# at its end, which `run` drops).
said() {
	cmp <(printf %s "$(printf %b "$1")") <(printf '%s' "$output") ||
		fail "not $1 but: $(printf '%s' "$output" | od -c)
$stderr"
}
# A message is received by SMTP, N times: receive [N [OPTION...]]
receive() {
	local n times=${1:-1}
	shift $(($# > 0))
	for ((n = 0; n < times; n++)); do
		printf '%s\r\n' 'EHLO c.test' 'MAIL FROM:<a@a.test>' \
			'RCPT TO:<b@b.test>' DATA 'Subject: x' '' hi . QUIT |
			smtp-recv $me --spool-dir="$spool" --domain=mx.test \
				"$@" | cat >/dev/null
	done
}
# number NAME: what info says of it.
number() {
	admin-cmd $me --spool-dir="$spool" info | sed -n "s/^$1: //p"
}
is_number() { [ "$(number "$1")" = "$2" ]; }
ask='E-MailRelay> '
