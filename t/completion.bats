#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Completion for bash, as bash would ask for it.
load helper

# offered WORD...: what is offered for the last one
offered() {
	(
		set +e          # compopt works in a real completion only
		# shellcheck disable=SC1091
		. "$build/share/sluice.bash"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		_sluice
		printf '%s\n' "${COMPREPLY[@]}"
	)
}

@test "every option of every program" {
	local program
	for program in "$bin"/*; do
		[ ! -L "$program" ] || continue
		run diff <("$program" --help --verbose | grep -oE '^(  -., |      )--[a-z0-9-]+=?' |
			sed 's/.* //' | sort) \
			<(offered "${program##*/}" -- | sort)
		assert_success
	done
}

@test "a short option, and the long ones that begin so" {
	run offered spool-list --st
	assert_output --state=
	run offered spool-list --old
	assert_output --older-than=
	run offered spool-list -q
	assert_output -- -q
}

@test "words, files, directories and users, in each way to say them" {
	cd "$BATS_TEST_TMPDIR"
	mkdir here && touch hereby
	run offered smtp-recv --log-format = j
	assert_output json
	run offered smtp-recv --log-format =
	assert_output "text
json"
	run offered smtp-recv --spool-dir he
	assert_output here
	run offered smtp-recv --spool-dir = he
	assert_output here
	run offered smtp-recv -s he
	assert_output here
	run offered smtp-recv --config he
	assert_line hereby
	run offered smtp-recv --user roo
	assert_line root
}

@test "the ids that are in that spool" {
	place emailrelay.1.2.3 a@b.test c@d.test <<<x
	run offered spool-retry -s "$spool" emailrelay.
	assert_output emailrelay.1.2.3
	run offered spool-retry --spool-dir = "$spool" emailrelay.1
	assert_output emailrelay.1.2.3
	run offered spool-retry -s "$spool" emailrelay.2
	assert_output ""
	run offered smtp-recv -s "$spool" em
	assert_output ""
}

@test "the file is clean, and bash can load it" {
	command -v shellcheck >/dev/null || skip "no shellcheck"
	run shellcheck -s bash "$build/share/sluice.bash"
	assert_success
	run bash -uec '. "$1"; complete -p spool-list' - "$build/share/sluice.bash"
	assert_success
	assert_output "complete -F _sluice spool-list"
}
