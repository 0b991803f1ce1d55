# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# What the tests of smtp-send share: `load helper` first, then `load send`.

# The id of message N; they sort by N.
id() { echo "emailrelay.7.1000.$1"; }

# post N...: put these messages into the spool, each with one recipient.
post() {
	local n
	for n; do
		place "$(id "$n")" "from$n@a.test" "to$n@b.test" <<-EOT
		Subject: message $n

		.text $n
		EOT
	done
}
# to N ADDRESS...: give message N other recipients.
to() {
	local n=$1
	shift
	place "$(id "$n")" "from$n@a.test" "$@" <<<"Subject: message $n"
}
# ready | deferred | bad | busy | gone | orphan (a text on its own)
state() {
	local e
	e=$spool/$(id "$1").envelope
	if [ -e "$e.bad" ]; then echo bad
	elif [ -e "$e.busy" ]; then echo busy
	elif grep -qs '^X-Sluice-Deferred: ' "$e"; then echo deferred
	elif [ -e "$e" ]; then echo ready
	elif [ -e "$spool/$(id "$1").content" ]; then echo orphan
	else echo gone; fi
}
# The states of the messages 1 2 3 ... N, in a line.
states() {
	local n
	for ((n = 1; n <= $1; n++)); do state "$n"; done | paste -sd' '
}
# serve [OPTIONS of answer]: an SMTP server; what comes is in $got, what was
# said to it in $said.
serve() {
	got=$BATS_TEST_TMPDIR/got.${#pids[@]}
	said=$got/said
	mkdir -p "$got"
	start answer --save "$got" --log "$said" "$@"
}
# How many lines of the dialogue match: said_times REGEX
said_times() { grep -cE -e "$1" "$said" || true; }
# How many messages the server has seen to their end.
arrived() { find "$got" -name '*.wire' | wc -l; }
# The subjects in order of arrival.
subjects() { sed -n 's/^Subject: message \([0-9]*\)\r$/\1/p' "$got"/*.content | paste -sd' '; }

# forward [OPTIONS] [ID...]: run smtp-send against it.
forward() {
	# shellcheck disable=SC2086 # $me is a word or none
	run --separate-stderr smtp-send $me --spool-dir "$spool" \
		--forward-to "127.0.0.1:$port" --domain mx.test \
		--log --no-syslog --report "$@"
}
# exits STATUS
exits() {
	[ "$status" = "$1" ] || fail "exit status $status, not $1
$output
$stderr"
}
# All the files of a message, in any state, are there and whole.
kept() {
	local f
	for f in "$spool/$(id "$1").envelope"*; do
		grep -q '^X-MailRelay-End: 1' "$f" || fail "$f is damaged"
	done
	assert_file_exist "$spool/$(id "$1").content"
}
# deferred N COUNT REASON: the journal of message N ends with that, and the
# time of the next try is ahead and is the time of the file.
deferred() {
	local e line when
	e=$spool/$(id "$1").envelope
	kept "$1"
	line=$(tail -n 1 "$e")
	[[ $line =~ ^X-Sluice-Deferred:\ $2\ ([0-9]+)\ (.*)$'\r'$ ]] ||
		fail "message $1, not deferred the ${2}th time: $line"
	when=${BASH_REMATCH[1]}
	[[ ${BASH_REMATCH[2]} =~ $3 ]] || fail "not the reason /$3/: $line"
	[ "$(stat -c %Y "$e")" = "$when" ] || fail "$e is not due at $when"
	((when > $(date +%s) && when <= $(date +%s) + 3600)) ||
		fail "the next try is not ahead: $line"
}
# given_up N REASON CODE: message N is .bad, and says that it is.
given_up() {
	local e
	e=$spool/$(id "$1").envelope.bad
	kept "$1"
	tail -n 2 "$e" | head -n 1 | grep -qE "^X-MailRelay-Reason: $2"$'\r$' ||
		fail "not the reason /$2/: $(tail -n 2 "$e")"
	[ "$(tail -n 1 "$e")" = "X-MailRelay-ReasonCode:${3:+ $3}"$'\r' ] ||
		fail "not the code $3: $(tail -n 1 "$e")"
}
