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
	assert_line --index $((${#lines[@]} - 1)) --regexp '^[0-9]+ rows$'
}
# median NAME: of the times of the rows with this name.
median() {
	sed -n "s/^$1 //p" <<<"$output" | sort -n | awk '{ a[NR] = $1 }
		END { print (NR > 8 ? a[int((NR + 1) / 2)] : 0) }'
}
# same_time NAME NAME: neither takes a quarter longer than the other.
same_time() {
	local a b
	a=$(median "$1") b=$(median "$2")
	((a > 0 && b > 0 && a * 4 < b * 5 && b * 4 < a * 5)) ||
		fail "$1 takes $a ms, $2 $b ms"
}
# What a session may use, in KiB, whatever is said in it.
memory=-m8192
[[ $build != *asan* ]] || memory=
