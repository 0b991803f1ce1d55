#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
# The bench is right; how fast something is nobody can know here.
load helper

setup() {
	prepare
	type -P strace >/dev/null || skip 'strace is not installed'
	# in a build of its own, as far as it writes: tests run beside each other
	mkdir "$BATS_TEST_TMPDIR/build" "$BATS_TEST_TMPDIR/no-peers"
	ln -s "$build"/{bin,libexec,t} "$BATS_TEST_TMPDIR/build"
}
# bench ARGS...: with nobody to be compared with
bench() {
	run --separate-stderr env SLUICE_PEERS="$BATS_TEST_TMPDIR/no-peers" \
		"$top/t/bench/run" "$BATS_TEST_TMPDIR/build" --rounds 1 "$@"
	echo "$output $stderr"
}
# figure WHO KEY: in the JSON that was printed
figure() { jq -r --arg who "$1" "select(.who == \$who) | .$2" <<<"$output"; }

@test "a row, as JSON: what is there is measured, what is not is named" {
	bench --json fsyncs
	assert_success
	assert_equal "$(figure smtp-recv values[0])" 3
	assert_equal "$(figure smtp-recv note)" \
		'1 sync_file_range, 2 fsync file, 1 rename, 1 fsync directory'
	assert_equal "$(figure floor note)" "$(figure smtp-recv note)"
	for peer in Postfix Exim mailfront; do
		[[ $(figure $peer absent) = *'not installed' ||
			$(figure $peer absent) = 'needs root' ]]
		assert_equal "$(figure $peer values)" null
	done
}

@test "a row, as a table, of which nothing is left" {
	bench fsyncs
	assert_success
	assert_line --regexp '^row .* median .* ratio'
	assert_line --regexp '^fsyncs +smtp-recv +3\.000 .* a message '
	assert_line --regexp '^fsyncs +Postfix +(postfix is not installed|needs root)$'
	run ls "$BATS_TEST_TMPDIR/build"
	assert_output $'bin\nlibexec\nt'
}

@test "no such row, and which there are" {
	bench no-such-row
	assert_failure 2
	[[ $stderr = *'no row no-such-row; there are: '*recv-one*send*list* ]]
}

@test "POP3: all is read, and who has other mail is none to be measured" {
	bench --json pop-stat-1k pop-list-1k pop-retr-1k
	assert_success
	assert_equal "$(figure pop3-serve unit)" $'s\ns\ns'
	[ "$(jq -s 'map(select(.who == "pop3-serve") | .median > 0) | all' \
		<<<"$output")" = true ]
	[[ $(figure popa3d absent) = *'not installed'* ||
		$(figure popa3d absent) = *'needs root'* ]]
	(umask 077 && echo 'server LOGIN ann secret' >"$BATS_TEST_TMPDIR/auth")
	place emailrelay.1.1.1 a@a.test b@b.test <<<'text'
	listen pop3-serve $me "--spool-dir=$spool" "--pop-auth=$BATS_TEST_TMPDIR/auth"
	run "$build/t/bench/popload" "--port=$port" --user=ann --messages=2
	assert_failure
	assert_output --partial 'not 2 messages: +OK 1 '
}

@test "how cost grows: points of a series, each against the first, and a plot" {
	bench --json grow-recipients
	assert_success
	assert_equal "$(jq -r 'select(.series == "received") | .n' \
		<<<"$output" | paste -sd' ')" '1 10 100 1000'
	assert_equal "$(figure 'forwarded, 1' ratio)" null
	# the second tenfold of recipients is no tenfold of work
	[ "$(figure 'forwarded, 1,000' 'ratio.median < 0.5')" = true ]
	"$top/t/bench/plot" /dev/fd/3 3<<<"$output" >"$BATS_TEST_TMPDIR/svg"
	run python3 -c 'import sys, xml.dom.minidom as x
d = x.parse(sys.argv[1])
print(*(len(d.getElementsByTagName(n)) for n in ("polyline", "circle")))' \
		"$BATS_TEST_TMPDIR/svg"
	assert_output '2 8'
}

@test "memory at its most is that of the command" {
	local peak=$build/t/bench/peak big little
	cd "$BATS_TEST_TMPDIR"
	run "$peak" figure sh -c 'exit 3'
	assert_failure 3
	little=$(<figure)
	"$peak" figure python3 -c 'a = bytearray(64 << 20)'
	big=$(<figure)
	[ "$little" -gt 0 ] && [ "$little" -lt 65536 ] && [ "$big" -gt 65536 ]
}
