# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# What the tests of smtp-recv share: `load recv`.
load helper

# Said by most, up to the text; exact octets for wire and printf %b.
hello='EHLO c.test\r\n'
start='MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n'
upto_data="${hello}${start}DATA\r\n"
bye='QUIT\r\n'

# recv OPTION... <<EOF: a session, lines as they are typed.
recv() { session smtp-recv $me --spool-dir="$spool" --domain=mx.test "$@"; }

# wire TEXT OPTION...: a session with exact octets, \r \n \0 \xHH spelt out.
wire() {
	local text=$1
	shift
	wire_from <(printf %b "$text") "$@"
}
# wire_from FILE OPTION...: the same from a file.
wire_from() {
	local file=$1
	shift
	run --separate-stderr smtp-recv $me --spool-dir="$spool" \
		--domain=mx.test "$@" <"$file"
	output=${output//$'\r'/} lines=("${lines[@]//$'\r'/}")
}

talk() { "$BATS_TEST_DIRNAME/talk" "$@"; }

# The id of the only message there is.
only() {
	local ids
	ids=$(spooled)
	[ "$(wc -w <<<"$ids")" = 1 ] || fail "not one message: ${ids:-none}
${output:-} ${stderr:-}"
	echo "$ids"
}
# The text of a message as it was received: without our Received line.
text() { tail -n +2 "$spool/$1.content"; }
# holds TEXT: the only message is exactly this.
holds() {
	local id
	id=$(only)
	cmp <(printf %b "$1") <(text "$id") ||
		fail "stored: $(text "$id" | od -c | head -n 40)"
}
# Not a file is left in the spool, but the forwarders' lock.
nothing_left() {
	local left
	left=$(ls "$spool")
	[ -z "$left" ] || fail "left in the spool: $left
${output:-} ${stderr:-}"
}
# times N WORD...: N lines of it.
times() {
	local n=$1
	shift
	yes "$*" | head -n "$n"
}
# Without root, or as a user who is not root.
as_root() { [ "$(id -u)" = 0 ]; }
