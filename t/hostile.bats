# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# smtp-recv: clients that mean no good, or cannot do better. The sessions are
# rows of the tables in t/hostile, and t/bin/siege/judge.h says what has to be
# so after each of them. t/hostile/README.md tells what attack is where.
load recv
load siege

# against TABLE SMTP-RECV-OPTION...
against() {
	siege "$1" -- smtp-recv $me --domain=mx.test --log --no-syslog "${@:2}"
}

@test "smuggling: the text ends in one place only" { against smuggling; }
@test "it does not matter how the input is cut up" { against pieces; }
@test "command lines, and octets that are in none" { against lines; }
@test "addresses and parameters" { against addresses; }
@test "chunks that are none, too large, or refused" { against chunks; }
@test "other protocols, and talk before the greeting" { against protocols; }
@test "very many, and very much" { against limits; }
@test "silence" { against silence; }
@test "an environment that others have written" { against environment --remote-clients; }
@test "hardly any descriptors, room or memory" {
	[[ $build != *asan* ]] || skip "not this build"
	against scarce
}
@test "log-ins that are none, and guessing" {
	(umask 077 && cat >"$BATS_TEST_TMPDIR/accounts") <<-'EOT'
		server LOGIN bob secret
		server CRAM-MD5 tim 1376891476.79044465.1577270986.1796281712.458124752.2764766246.18396848.2738889491
	EOT
	against auth --server-auth="$BATS_TEST_TMPDIR/accounts"
}

@test "whether there is such a user cannot be told by the time it takes" {
	printf 'server LOGIN bob secret\nserver CRAM-MD5 tim %s\n' \
		"$(spool-passwd <<<secret)" >"$BATS_TEST_TMPDIR/accounts"
	chmod 600 "$BATS_TEST_TMPDIR/accounts"
	siege guesses -t -j 100 -- smtp-recv $me --domain=mx.test --no-syslog \
		--server-auth="$BATS_TEST_TMPDIR/accounts"
	same_time plain-bob plain-nobody
	same_time cram-tim cram-nobody
}

# What it has to do with arguments: hang up if there is anything wrong with them.
@test "what a verifier is asked" {
	cat >"$BATS_TEST_TMPDIR/verifier" <<-'EOT'
		#!/bin/sh
		[ $# = 8 ] || exit 100
		case $1 in
		-* | *[![:print:]]* | *'|'* | '') exit 100 ;;
		esac
		printf '\ntaken@b.test\n'
		exit 1
	EOT
	chmod 755 "$BATS_TEST_TMPDIR/verifier"
	against verifier --verifier="$BATS_TEST_TMPDIR/verifier"
}

@test "whoever starts us may ignore SIGPIPE" {
	siege gone -- env --ignore-signal=PIPE smtp-recv $me --domain=mx.test \
		--log --no-syslog
}

# 700 sessions; ROUNDS=15 makes them more than 10,000
@test "who goes leaves nothing, wherever it was" {
	local i
	for ((i = 0; i < ${ROUNDS:-1}; i++)); do against gone; done
	assert_equal "$(find "$BATS_TEST_TMPDIR" -mindepth 1 ! -name 'spool')" ""
}

@test "what is stored by default has CR LF only" {
	local all='' name seq
	while IFS=$'\t' read -r name seq; do
		[[ $name = \#* ]] || all+="x$seq"
	done <"$BATS_TEST_DIRNAME/hostile/sequences"
	wire "$upto_data$all\r\n.\r\n$bye"
	codes 220 250 250 250 354 250 221
	run ! grep -qaP '\r(?!$)' "$spool/$(only).content"
	[ "$(grep -ac '' "$spool/$(only).content")" = \
		"$(grep -ac $'\r$' "$spool/$(only).content")" ]
}

@test "README.md names tables and tests that there are" {
	local name file title n=0
	while IFS= read -r name; do
		file=${name%%: *} title=${name#*: }
		case $name in
		hostile/* | unit/*) assert_file_exist "$BATS_TEST_DIRNAME/$name" ;;
		*.bats) assert_file_exist "$BATS_TEST_DIRNAME/$name" ;;
		*.bats:*)
			grep -qF "@test \"$title\"" "$BATS_TEST_DIRNAME/$file" ||
				fail "no such test: $name"
			;;
		*) continue ;;
		esac
		n=$((n + 1))
	done < <(grep -o '`[^`]*`' "$BATS_TEST_DIRNAME/hostile/README.md" | tr -d '`')
	((n > 100))
	# and each table is named
	for file in "$BATS_TEST_DIRNAME"/hostile/*; do
		case ${file##*/} in README.md | common | sequences) continue ;; esac
		grep -qF "\`hostile/${file##*/}\`" "$BATS_TEST_DIRNAME/hostile/README.md" ||
			fail "not in README.md: $file"
	done
}
