# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# Each program and its manual page say the same.
load helper

# The programs, without the other names that some have.
programs() { find "$bin" -type f -perm -100 -printf '%f\n' | sort; }
page() { find "$top/doc" -name "$1.[18]"; }
each() {
	local p failed=
	for p in $(programs); do
		"$@" "$p" || failed="$failed $p"
	done
	[ -z "$failed" ] || fail "see above:$failed"
}

# Lines `--name LETTER`, or `--name -` where there is no letter.
options_helped() {
	"$bin/$1" --help --verbose | awk '
		/^  -., --/ { letter = substr($1, 2, 1); name = $2 }
		/^      --/ { letter = "-"; name = $1 }
		name { sub(/=.*/, "", name); print name, letter; name = "" }' | sort
}
options_in_page() {
	awk '/^\.It .*Fl -[a-z]/ {
		letter = "-"
		for (i = 2; i < NF; i++) {
			if ($i != "Fl") continue
			if ($(i + 1) ~ /^-[a-z]/) {
				print "-" $(i + 1), letter
				letter = "-"
			} else if ($(i + 1) ~ /^[A-Za-z0-9]$/)
				letter = $(i + 1)
		}
	}' "$1" | sort
}
same_options() { diff <(options_helped "$1") <(options_in_page "$(page "$1")"); }
has_page() { [ -n "$(page "$1")" ]; }
has_options() { [ "$(options_helped "$1" | wc -l)" -ge 3 ]; }

# What the examples give PROGRAM as options: `PROGRAM --this --that=x`.
examples() {
	awk '/^\.Bd -literal/ { on = 1 } /^\.Ed/ { on = 0 }
		on { sub(/\\e$/, ""); printf "%s%s", $0, /[^\\]$/ ? "\n" : "" }' \
		"$top"/doc/*.[1-8] |
		cat - "$top/inetd.conf.sample" "$top/README.md" |
		tr '|&;<>`)' '\n' | grep -oE "(^|[ /])$1( +-{1,2}[a-zA-Z][^ ]*)+"
}
options_of_examples_exist() {
	local option
	while read -r option; do
		"$bin/$1" --help --verbose | grep -qE -- "(^| )${option%%=*}([ =,]|\$)" || {
			echo "$1 has no option $option"
			return 1
		}
	done < <(examples "$1" | grep -oE -- ' -{1,2}[a-zA-Z][a-z-]*' | sort -u)
}

@test "every program has a manual page" {
	each has_page
}
@test "every helper has a manual page" {
	local helper
	for helper in "$build"/libexec/*; do
		has_page "$(basename "$helper")" || fail "none of $helper"
	done
}
# The sections that a page of a program has, in the order they have everywhere.
has_sections() {
	local order='NAME SYNOPSIS DESCRIPTION SANDBOX ENVIRONMENT FILES
		EXIT_STATUS EXAMPLES DIAGNOSTICS SEE_ALSO STANDARDS CAVEATS'
	local needed='NAME SYNOPSIS DESCRIPTION ENVIRONMENT EXIT_STATUS EXAMPLES SEE_ALSO'
	local file got
	file=$(page "$1")
	got=$(sed -n 's/^\.Sh //p' "$file" | tr ' ' _)
	if ! diff <(printf '%s\n' $order | grep -xF "$got") - <<<"$got" ||
		[ "$(grep -cxF "$(printf '%s\n' $needed)" <<<"$got")" != 7 ]; then
		echo "$file: $got"
		return 1
	fi
}
@test "every page of a program has the same sections" {
	each has_sections
	has_sections tls-io
	has_sections pam-check
}
@test "whoever is a server tells inetd and tcpserver" {
	local program
	for program in smtp-recv pop3-serve admin-cmd tls-io; do
		grep -q ' stream tcp nowait' "$(page $program)" || fail "$program: inetd"
		grep -q '^tcpserver ' "$(page $program)" || fail "$program: tcpserver"
	done
}
@test "a JSON log line has the members that sluice(7) tells of" {
	local secrets=$BATS_TEST_TMPDIR/auth options
	options="$me --spool-dir=$spool --log --no-syslog --log-format=json"
	(umask 077 && echo 'server plain bob secret' >"$secrets")
	session smtp-recv $options --server-auth="$secrets" <<-EOF
		EHLO c
		AUTH PLAIN AGJvYgBzZWNyZXQ=
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		Subject: x

		.
		QUIT
	EOF
	echo "$stderr" >"$BATS_TEST_TMPDIR/log"
	start answer --reply "RCPT=550 no"
	smtp-send $options --forward-to="127.0.0.1:$port" \
		2>>"$BATS_TEST_TMPDIR/log" || [ $? = 69 ]
	spool-bounce $options --all 2>>"$BATS_TEST_TMPDIR/log"
	echo hello | spool-submit $options b@b.test 2>>"$BATS_TEST_TMPDIR/log"
	diff <(jq -rs '[.[] | keys[]] | unique[]' "$BATS_TEST_TMPDIR/log") \
		<(sed -n '/^\.Sh LOG/,/^\.Sh ENV/s/^\.It Li //p' "$top/doc/sluice.7" |
			sed 's/ , /\n/g' | sort)
	diff <(jq -r '.event // empty' "$BATS_TEST_TMPDIR/log" | sort -u) \
		<(grep -A1 '^\.It Li event' "$top/doc/sluice.7" |
			sed -n 's/^\.Cm //p' | sed 's/ , /\n/g' | sort)
}
# members PAGE: what its paragraph about --json names
members() {
	sed -n '/^\.It Fl -json/,/^\.It Fl s/p' "$(page "$1")" |
		grep -oE '^\.(Li|Va) .*' | cut -d' ' -f2- | sed 's/ [,.]/\n/g' |
		tr -d ' ' | grep -x '[a-z_]*' | grep . | sort -u
}
@test "--json and spool-metrics print what their pages tell of" {
	export SLUICE_SPOOL_DIR=$spool
	place emailrelay.1.1.1 a@a.test b@b.test <<<$'Subject: x\n\nx'
	diff <(spool-list --json | jq -r 'keys[]' | sort) <(members spool-list)
	diff <(spool-show --json emailrelay.1.1.1 | jq -r 'keys[]' | sort) \
		<({ members spool-list && members spool-show; } | sort -u)
	diff <(spool-metrics | sed -n 's/^# TYPE \([a-z0-9_]*\) .*/\1/p' | sort -u) \
		<(sed -n 's/^\.It Li sluice/sluice/p' "$(page spool-metrics)" |
			sed 's/ , Li /\n/g; s/ , /\n/g; s/{[a-z]*}//g' |
			grep -v timestamp | sort -u)
}
@test "every program prints its options" {
	each has_options
}
@test "--help and the manual page list the same options and letters" {
	each same_options
}
@test "the examples use no option that is not there" {
	each options_of_examples_exist
}
@test "the manual pages are clean mdoc" {
	command -v mandoc >/dev/null || skip "mandoc is not installed"
	run mandoc -T lint -W warning "$top"/doc/*.[1-8]
	assert_success
	refute_output
}
@test "pages that are referred to exist" {
	local name section missing=
	while read -r name section; do
		[ -e "$top/doc/$name.$section" ] || missing="$missing $name.$section"
	done < <(grep -hoE '^\.Xr (secrets|sluice[a-z-]*|filters|verifiers|admin-cmd|tls-io|pam-check|spool[a-z-]*|smtp-[a-z]+|pop3-serve|filter-[a-z]+|emailrelay[a-z.]*) [1-8]' \
		"$top"/doc/*.[1-8] | cut -d' ' -f2- | sort -u)
	[ -z "$missing" ] || fail "missing:$missing"
}
