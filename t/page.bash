# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# The examples of a manual page, done as they are printed: with other hosts, ports,
# paths and users only. What the page leaves to the reader's taste, such as the
# spool of a test, comes from the environment. `load page`, set $page, and let
# setup call prepare_page and teardown check_page.
load relay

prepare_page() {
	prepare
	here=$BATS_TEST_TMPDIR
	mkdir -p "$here"/etc/ppp/ip-up.d "$here"/etc/sluice "$here"/var/lib
	export SLUICE_SPOOL_DIR=$spool SLUICE_DOMAIN=mx.test SLUICE_NO_SYSLOG=yes
	[ -z "$me" ] || export SLUICE_USER=root
	in=$(free_port) changes=()
}
# A test that has succeeded has tried all of its section.
check_page() {
	[ -z "${BATS_TEST_COMPLETED:-}" ] || [ -z "${title:-}" ] || all_parts
}

# --- the page ---

# displays SECTION: its examples, each line with the number of the example
# before it.
displays() {
	awk -v section="$1" '
		/^\.S[sh] / { inside = (substr($0, 5) == section) }
		/^\.Bd -literal/ { on = 1; n++; next }
		/^\.S[sh] / { n = 0 }
		/^\.Ed/ { on = 0 }
		inside && on { print n " " $0 }' "$page" |
		sed "s/\\\\e/\\\\/g; s/\\\\&//g; s/\\\\(aq/'/g"
}
# recipe TITLE: the section that part is about; all parts of it have to be used.
recipe() {
	title=$1
	[ -n "$(displays "$title")" ] || fail "no such recipe: $title"
}
# change FROM TO: another host or port in what follows.
change() { changes+=(-e "s|${1//./\\.}|$2|g"); }
# part N: the example, made fit for a trial.
part() {
	touch "$here/used.$1"
	displays "$title" | sed -n "s/^$1 //p" | sed \
		-e "s|/usr/local/s\{0,1\}bin/|$bin/|g" \
		-e "s;/usr/local/libexec/emailrelay/\(tls-io\|pam-check\);$build/libexec/\1;" \
		-e "s|/usr/local/libexec/emailrelay/|$bin/|g" \
		-e "s|/usr/local/share/doc/sluice/|$top/doc/|g" \
		-e "s|/etc/|$here/etc/|g; s|/var/lib/|$here/var/lib/|g" \
		-e "s|/var/spool/emailrelay|$spool|g" \
		-e "s|-o daemon|-o $(id -un)|; s|-g daemon|-g $(id -gn)|" \
		-e "s|chown daemon|chown $(id -un)|" \
		-e "s|\(tcpserver .*\) 0 25 |\1 127.0.0.1 $in |" \
		-e "s|\(tcpserver .*\) 127.0.0.1 25 |\1 127.0.0.1 $in |" \
		"${changes[@]}"
}
# elsewhere N...: another test has these parts.
elsewhere() { touch "${@/#/$here/used.}"; }
all_parts() {
	local n
	for n in $(displays "$title" | cut -d' ' -f1 | sort -u); do
		[ -e "$here/used.$n" ] || fail "example $n of $title is not tried"
	done
}

# --- what to do with it ---

# typed [N...]: these parts by one shell, to their end.
typed() {
	local n
	for n; do part "$n" || return; done >"$here/typed"
	run --separate-stderr sh "$here/typed"
}
# kept_open N: a part that goes on running; $in is open then.
kept_open() {
	part "$1" >"$here/open.$1"
	start sh -c 'echo "$0"; . "$1" >&2; wait' "$in" "$here/open.$1"
	wait_until open_at "$in"
}
# file N PATH [MODE]: the part is what is in that file.
file() {
	part "$1" >"$2"
	chmod "${3:-644}" "$2"
}
