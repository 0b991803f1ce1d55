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
