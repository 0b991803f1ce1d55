#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
# Nothing lost, nobody in: t/crash stops and hinders the programs at their
# system calls. This is the short form, of all scenarios; `make torture` has the
# long one. Which points are tried moves from run to run: t/crash/run prints
# them, and --every=1 tries all.
load helper

setup() {
	prepare
	"$peers/tamper" /dev/null true 2>"$BATS_TEST_TMPDIR/why" ||
		skip "cannot trace here: $(cat "$BATS_TEST_TMPDIR/why")"
	case $build in
	*asan*) skip "the sanitizers make too many calls" ;;
	*coverage*) skip "who is killed while he writes counters spoils all of them" ;;
	esac
}
crash() { run "$top/t/crash/run" "$build" "$@"; }
fine() {
	assert_success
	assert_output --regexp '^[1-9][0-9]* [^:]*: 0 problems$'
}

@test "killed at any system call" {
	crash --what=kills --every=30
	fine
}

@test "the power goes, at any moment" {
	crash --what=cuts --every=6
	fine
}

@test "any system call fails" {
	crash --what=faults --every=30
	fine
}

@test "any allocation fails" {
	case $build in *static*) skip "nothing can be preloaded" ;; esac
	crash --what=memory --every=6
	fine
}

# All of the points where something has been wrong, and by the names of calls
# that they have in one libc or the other.
@test "what has been wrong before is not" {
	crash --what=kills --only=local --calls=rename,renameat2
	fine
	crash --what=kills --only=send --calls=recvmsg
	fine
	crash --what=faults --only=send-stale \
		--calls=open,openat,flock,rename,renameat2
	fine
	crash --what=faults --only=send-some --calls=pread64
	fine
	crash --what=faults --only=send-filter --calls=fstat,stat,newfstatat
	fine
	crash --what=faults --only=send-jobs --calls=sendto,recvfrom
	fine
	crash --what=faults --only=bounce --calls=getrandom
	fine
	crash --what=faults --only=immediate --calls=dup2,write,sendmsg,recvmsg
	fine
	crash --what=faults --only=local --calls=sendmsg,recvmsg
	fine
}

# What does not sync has to be found out: by whoever receives, and by whoever
# removes.
@test "without fsync messages would be lost, and that is seen" {
	crash --what=cuts --no-sync --only=data,submit,filter-copy --every=2
	assert_failure
	for name in data submit filter-copy; do
		assert_output --partial "$name: cut behind step"
	done
	assert_output --partial ': lost: one for'
	assert_output --regexp ': (the text is not whole|not a message)'
	crash --what=cuts --no-sync --only=pop,remove
	assert_failure
	assert_output --partial ': not gone: one for'
}

# Spools with something wrong, which no program has made.
@test "the judge sees what is wrong" {
	run "$top/t/crash/test-judge" "$build"
	assert_success
}
