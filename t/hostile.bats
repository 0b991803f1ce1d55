# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
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
