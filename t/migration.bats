# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# sluice-migration(7): what it says is there is there, and what it says is not
# is not. The examples are run, see page.bash.
load page

page=$top/doc/sluice-migration.7

setup() {
	prepare_page
	printf '%s\n' "spool-dir $spool" "port $in" no-syslog no-daemon \
		"interface 127.0.0.1" ${me:+"user root"} >"$here/etc/emailrelay.conf"
}
teardown() {
	stop_all
	check_page
}

# names SECTION: the options that stand there, with the letters they have.
names() {
	awk -v section="$1" '
		/^\.S[sh] / { inside = ($0 == ".Ss " section) }
		inside && /^\.It Fl / {
			letter = "-"
			for (i = 3; i <= NF; i++) {
				if ($i !~ /^-?[a-z0-9A-Z]/ || $(i - 1) != "Fl")
					continue
				if ($i ~ /^-/)
					print "-" $i, letter
				else
					letter = $i
			}
		}' "$page" | sort
}
helped() {
	emailrelay --help --verbose | awk '
		/^  -., --/ { letter = substr($1, 2, 1); name = $2 }
		/^      --/ { letter = "-"; name = $1 }
		name { sub(/=.*/, "", name); print name, letter; name = "" }' | sort
}

send() {
	swaks --silent 2 --server "127.0.0.1:$1" --ehlo c.test --from a@a.test \
		--to b@b.test --body hello "${@:2}"
}

@test "the options of E-MailRelay 1.9 are all there, with their letters" {
	names "E-MailRelay 1.9" >"$here/names"
	[ "$(wc -l <"$here/names")" = 48 ]
	run comm -23 "$here/names" <(helped)
	refute_output
}
@test "those of E-MailRelay 2 that are the same are there" {
	names "E-MailRelay 2: the same here" >"$here/names"
	[ "$(wc -l <"$here/names")" -ge 10 ]
	run comm -23 "$here/names" <(helped)
	refute_output
}
@test "those of E-MailRelay 2 that are not known are not known" {
	local name
	names "E-MailRelay 2: what to say instead" >"$here/names"
	[ "$(wc -l <"$here/names")" -ge 10 ]
	while read -r name _; do
		run emailrelay "$name"
		assert_failure 1
		assert_output --partial "invalid option: $name" || fail "$name"
	done <"$here/names"
}
@test "each option that emailrelay has is in the list, or is ours" {
	local ours='config jobs limit-trusted listener max-connections-per-client
		max-rate-per-client max-recipients bare-newline no-sandbox oauth-exec
		oauth-user print proxy-protocol retry-for tls-key'
	comm -13 <({
		names "E-MailRelay 1.9"
		names "E-MailRelay 2: the same here"
	} | cut -d' ' -f1 | sort) <(helped | cut -d' ' -f1 | sort) \
		>"$here/more"
	diff "$here/more" <(printf -- '--%s\n' $ours | sort)
}

@test "how to move" {
	# all is in the file
	unset "${!SLUICE_@}"
	recipe "How to move"
	part 1 >"$here/run"
	start sh -c 'echo "$0"; exec sh "$1" >&2' "$in" "$here/run"
	wait_until open_at "$in"
	send "$in"
	has_mail
	run --separate-stderr sh -c "$(part 2)"
	assert_success
	assert_output --partial "127.0.0.1:$in stream tcp nowait.1000 "
	assert_output --partial "/tcpserver -HR "
	assert_output --partial ListenStream="127.0.0.1:$in"
}

@test "without emailrelay" {
	recipe "The three most common lines, without emailrelay"
	smarthost
	change smarthost.example:25 "$next"
	(umask 077 && echo "server LOGIN bob secret" >"$here/etc/emailrelay.auth")
	kept_open 1
	run send "$in"
	assert_failure
	send "$in" --auth LOGIN --auth-user bob --auth-password secret
	has_mail
	typed 3
	assert_success
	has_mail "$far"
	rm "$far"/*
	# inetd: the words behind the path are the arguments
	part 2 | tr '\n' ' ' | sed 's/.* smtp-recv --/exec smtp-recv --/' >"$here/inetd"
	port=$(free_port)
	start sh -c 'echo "$0"; exec tcpserver -HR -l localhost 127.0.0.1 "$0" sh "$1" >&2' \
		"$port" "$here/inetd"
	wait_until open_at "$port"
	send "$port"
	wait_until has_mail "$far"
}
