# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# smtp-recv: clients that mean no good, or cannot do better. The sessions are
# rows of the tables in t/hostile, and t/bin/siege/judge.h says what has to be
# so after each of them. t/hostile/README.md tells what attack is where.
load recv

# siege TABLE SMTP-RECV-OPTION...
siege() {
	local table=$1
	shift
	run besiege -d "$BATS_TEST_TMPDIR" $memory -j 16 \
		"$BATS_TEST_DIRNAME/hostile/$table" -- \
		smtp-recv $me --domain=mx.test --log --no-syslog "$@"
	assert_success
	assert_output --regexp '^[0-9]+ rows$'
}
# KiB: what a session may use, whatever is said in it
memory=-m8192
[[ $build != *asan* ]] || memory=

@test "smuggling: the text ends in one place only" { siege smuggling; }
@test "it does not matter how the input is cut up" { siege pieces; }
@test "command lines, and octets that are in none" { siege lines; }
@test "addresses and parameters" { siege addresses; }
@test "chunks that are none, too large, or refused" { siege chunks; }
@test "other protocols, and talk before the greeting" { siege protocols; }
@test "very many, and very much" { siege limits; }
@test "silence" { siege silence; }
@test "log-ins that are none, and guessing" {
	(umask 077 && cat >"$BATS_TEST_TMPDIR/accounts") <<-'EOT'
		server LOGIN bob secret
		server CRAM-MD5 tim 1376891476.79044465.1577270986.1796281712.458124752.2764766246.18396848.2738889491
	EOT
	siege auth --server-auth="$BATS_TEST_TMPDIR/accounts"
}

# 700 sessions; ROUNDS=15 makes them more than 10,000
@test "who goes leaves nothing, wherever it was" {
	local i
	for ((i = 0; i < ${ROUNDS:-1}; i++)); do siege gone; done
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
