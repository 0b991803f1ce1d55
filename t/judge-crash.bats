#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# smtp-recv with a filter and a verifier: killed at each step, or with disks
# that fail, for messages with local recipients.
load judge

setup() {
	prepare
	command -v strace >/dev/null || skip "no strace"
	[[ $build != *asan* ]] || skip "not under strace"
	script v <<-'EOF'
		case $1 in local-*) printf 'x\nbox\n'; exit 0 ;; esac
		printf '\n%s\n' "$1"; exit 1
	EOF
	script f <<<'sed -i s/hello/changed/ "$1"'
}

# hurt TO INJECTION: a message to these, and what strace does to it; all of
# that in one process, so that the calls can be counted.
hurt() {
	message $1 | sed 's/$/\r/' | strace -o "$here/trace" \
		-e trace="${2%%:*}" -e inject="$2" \
		smtp-recv $me --spool-dir="$spool" --no-syslog --no-sandbox \
		--verifier="$here/v" --filter="$here/f" \
		>"$here/out" 2>"$here/err"
}
# Every message there is is whole, and the rest goes away.
consistent() {
	local f
	touch -c -d '2 days ago' "$spool"/*
	spool-check --spool-dir="$spool" >/dev/null
	spool-check --spool-dir="$spool" >/dev/null
	run spool-check --spool-dir="$spool"
	assert_success
	refute_output
	for f in "$spool"/*; do
		case $f in
		*.content) [ -e "${f%.content}.envelope" ] || [ -e "${f%.content}.envelope.local" ] ;;
		*.content.local) [ -e "${f%.content.local}.envelope.local" ] ;;
		*.envelope) grep -q changed "${f%.envelope}.content" ;;
		*.envelope.local) grep -q changed "${f%.envelope.local}.content.local" ;;
		*) [ ! -e "$f" ] ;; # none
		esac || fail "$1: $(ls "$spool")"
	done
}

both='r@b.test local-1@b.test'

@test "killed before each sync, rename or creation" {
	local to call n killed=0
	for to in "$both" local-1@b.test; do
		for call in fsync renameat2 unlinkat; do
			for n in 1 2 3 4 5 6 7 8; do
				rm -f "$spool"/*
				hurt "$to" "$call:signal=KILL:when=$n" || killed=$((killed + 1))
				! grep -q '^250 .* queued as' "$here/out" ||
					[ -n "$(spooled local)" ] || fail "$call $n: lost"
				consistent "$call $n"
			done
		done
	done
	[ "$killed" -ge 12 ]
}

@test "a sync or a rename that fails refuses the message and leaves nothing" {
	local to call n failed=0
	for to in "$both" local-1@b.test; do
		for call in fsync:error=EIO renameat2:error=EDQUOT; do
			for n in 1 2 3 4 5 6 7 8; do
				rm -f "$spool"/*
				hurt "$to" "$call:when=$n"
				if grep -q '^45[12] 4.3.[01] message processing failed' "$here/out"; then
					failed=$((failed + 1))
					nothing_left
				else
					grep -q '^250 .* queued as' "$here/out"
				fi
			done
		done
	done
	[ "$failed" -ge 10 ]
}
