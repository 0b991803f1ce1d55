# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# What the tests share that play the tables in t/hostile: `load siege`.

# siege TABLE [BESIEGE-OPTION...] -- PROGRAM...: all of its rows hold.
siege() {
	local table=$BATS_TEST_DIRNAME/hostile/$1 options=()
	shift
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	run besiege -d "$BATS_TEST_TMPDIR" $memory -j 16 "${options[@]}" \
		"$table" "$@"
	assert_success
	assert_output --regexp '^[0-9]+ rows$'
}
# What a session may use, in KiB, whatever is said in it.
memory=-m8192
[[ $build != *asan* ]] || memory=
