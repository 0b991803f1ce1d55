# SPDX-License-Identifier: ISC
load helper

setup() {
	prepare
	case $build in *coverage*)
		skip "who is killed while he writes counters spoils all of them" ;;
	esac
}

@test "kill -9 of receivers and forwarders under load loses nothing" {
	run --separate-stderr "$top/t/torture" "$build" 150
	echo "$output $stderr"
	assert_success
	assert_output --partial ' 0 lost, 0 bad'
}
