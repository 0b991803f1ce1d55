# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2086,SC2154
# How the programs are built, as checksec(1) looks at it.
load helper

setup() {
	[[ $build != *asan* && $build != *coverage* ]] || skip "built for something else"
	command -v readelf >/dev/null || skip "no readelf"
}
# The programs, and the helpers, whatever else they are called.
programs() { find "$bin" "$build/libexec" -type f -perm -100; }
is_static() { ! readelf -d "$1" | grep -q NEEDED; }
# each CONDITION...: holds for all of them.
each() {
	local p
	for p in $(programs); do
		"$@" "$p" || fail "$* ${p##*/}"
	done
}

position_independent() {
	readelf -h "$1" | grep -q 'Type:.*DYN' && ! readelf -d "$1" | grep -q TEXTREL
}
@test "each can be loaded anywhere" { each position_independent; }

resolved_at_start() {
	readelf -lW "$1" | grep -q GNU_RELRO &&
		{ is_static "$1" || readelf -d "$1" | grep -q 'BIND_NOW\|FLAGS_1.*NOW'; }
}
@test "what the loader writes to is read-only afterwards" { each resolved_at_start; }

nothing_executable_is_writable() {
	! readelf -lW "$1" | grep -E '^ +(LOAD|GNU_STACK)' | grep -q 'W E\|RWE'
}
@test "nothing can be written and executed, the stack least of all" {
	each nothing_executable_is_writable
}

no_path_of_its_own() { ! readelf -d "$1" | grep -qE 'RPATH|RUNPATH'; }
@test "libraries come from where the system has them" { each no_path_of_its_own; }

# What musl has in it cannot be told by names.
guards_its_stack() { is_static "$1" || readelf --dyn-syms -W "$1" | grep -q __stack_chk_fail; }
@test "a stack that is overrun ends it" { each guards_its_stack; }

checks_sizes() { is_static "$1" || readelf --dyn-syms -W "$1" | grep -qE '__[a-z]+_chk'; }
@test "what knows its size is checked against it" { each checks_sizes; }

has_landing_places() { objdump -d --no-show-raw-insn "$1" | grep -q endbr64; }
@test "jumps lead to where jumps may lead" {
	[ "$(uname -m)" = x86_64 ] || skip "another machine"
	command -v objdump >/dev/null || skip "no objdump"
	each has_landing_places
}

needs_only() {
	local p=$1 more
	shift
	more=$(readelf -d "$p" | sed -n 's/.*NEEDED.*\[\(.*\)\.so.*/\1/p' |
		grep -vxE "$(printf '%s|' "$@")libc|ld-.*") || true
	[ -z "$more" ] || fail "${p##*/} needs $more"
}
@test "tls-io has OpenSSL, pam-check has PAM, and nobody has more than libc" {
	local p
	for p in "$bin"/*; do needs_only "$p"; done
	needs_only "$build/libexec/tls-io" libssl libcrypto
	needs_only "$build/libexec/pam-check" libpam
}

@test "nothing is set-id or writable by others but what make install makes so" {
	run find "$bin" "$build/libexec" -type f -perm /6022
	refute_output
}
