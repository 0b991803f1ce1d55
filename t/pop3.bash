# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# What the tests of pop3-serve share: `load pop3`.
load helper

prepare_pop3() {
	prepare
	secrets=$BATS_TEST_TMPDIR/auth
	secret LOGIN bob pass
}
setup() { prepare_pop3; }
# secret MECHANISM USER SECRET: may log in.
secret() {
	echo "server $1 $2 $3" >>"$secrets"
	chmod 600 "$secrets"
}
# The server that is tested; more options may follow.
server() {
	echo pop3-serve $me "--spool-dir=$spool" "--pop-auth=$secrets" \
		--domain=mx.test --no-syslog
}

# pop OPTION... <<EOF: a session, lines as they are typed.
pop() { session $(server) "$@"; }
# wire TEXT OPTION...: a session with exact octets, \r \n \0 \xHH spelt out.
wire() {
	local text=$1
	shift
	run --separate-stderr $(server) "$@" < <(printf %b "$text")
	output=${output//$'\r'/} lines=("${lines[@]//$'\r'/}")
}
in='USER bob\r\nPASS pass\r\n'
bye='QUIT\r\n'

# replies '+OK' '-ERR x': the first words of the replies are these. For
# conversations without lists and texts.
replies() {
	local got want
	got=$(tail -n +2 <<<"$output")
	want=$(printf '%s\n' "$@")
	[ "$got" = "$want" ] || fail "replies: $got
not: $want
${stderr:-}"
}
# signs ++-: which replies were +OK and which -ERR, the greeting left out.
signs() {
	local got
	got=$(sed -n '2,$s/^\([+-]\)\(OK\|ERR\).*/\1/p' <<<"$output" | tr -d '\n')
	[ "$got" = "$1" ] || fail "signs: $got, not: $1
$output
${stderr:-}"
}
# message N [TEXT]: a message with the exact octets of TEXT.
message() {
	place "emailrelay.1.1.$1" a@a.test b@b.test <<<""
	printf %b "${2-Subject: m$1\r\n\r\nbody\r\n}" \
		>"$spool/emailrelay.1.1.$1.content"
}
# What is in the spool, by number and state: `1 2.busy`
left() {
	find "$spool" -maxdepth 1 -name '*.envelope*' -printf '%f\n' |
		sed 's/^emailrelay\.1\.1\.//; s/\.envelope//' | sort | paste -sd' '
}
texts() {
	find "$spool" -maxdepth 1 -name '*.content' -printf '%f\n' |
		sed 's/^emailrelay\.1\.1\.//; s/\.content//' | sort | paste -sd' '
}
logged() { [[ $stderr == *"$1"* ]] || fail "not logged: $1, but: $stderr"; }
