# SPDX-License-Identifier: ISC
load helper

@test "forty clients at once: nobody waits long, nothing is lost" {
	run --separate-stderr "$top/t/load" "$build" 2 40
	echo "$output $stderr"
	assert_success
	assert_output --partial ' 0 lost, 0 duplicates, 0 left'
}
