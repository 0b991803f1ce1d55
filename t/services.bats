# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# doc/examples for cron, systemd and runit: they are well-formed, and what they
# run does what they say. Paths are those of the build, the spool is told by the
# environment.
load recv
load send

examples=$top/doc/examples

setup() {
	prepare
	here=$BATS_TEST_TMPDIR
	export SLUICE_SPOOL_DIR=$spool SLUICE_USER=${me#--user=}
	export SLUICE_NO_SYSLOG=yes
}
# here_with NAME: the example, with the programs and the server of this test.
here_with() {
	mkdir -p "$here/$(dirname "$1")"
	echo "forward-to 127.0.0.1:${port:-1}" >"$here/conf"
	sed -E "s:/usr/local/s?bin/:$bin/:g; s:/etc/emailrelay\.conf:$here/conf:
		s/smarthost\.example:25/127.0.0.1:${port:-1}/g" \
		"$examples/$1" >"$here/$1"
	[ ! -x "$examples/$1" ] || chmod 755 "$here/$1"
}
# exec_start UNIT: its command, run as systemd would; stderr is in $stderr.
exec_start() {
	local command
	here_with "systemd/$1"
	command=$(sed -n 's/^ExecStart=//p' "$here/systemd/$1")
	run --separate-stderr $command
}
units() {
	local f
	for f in "$examples"/systemd/*; do
		f=systemd/${f##*/}
		[ -d "$examples/$f" ] || here_with "$f"
	done
	for f in "$examples"/systemd/*/*; do
		here_with "systemd/${f#"$examples/systemd/"}"
	done
	export SYSTEMD_UNIT_PATH=$here/systemd:
}
with_systemd() {
	command -v systemd-analyze >/dev/null || skip "systemd is not installed"
}

@test "cron: each line does what it says" {
	local n=0
	export MAILTO=
	serve
	post 1
	here_with cron
	while read -r minute _ _ _ _ user command; do
		[[ $minute != '#'* && $minute ]] || continue
		n=$((n + 1))
		[ "$user" = daemon ]
		[[ $command != *%* ]]
		# cron's environment, but for where the spool is
		run env -i ASAN_OPTIONS="${ASAN_OPTIONS:-}" PATH=/usr/bin:/bin SHELL=/bin/sh LOGNAME=daemon HOME=/ \
			SLUICE_SPOOL_DIR="$spool" SLUICE_USER="$SLUICE_USER" \
			SLUICE_NO_SYSLOG=1 /bin/sh -c "$command"
		assert_success
		assert_output ""
	done <"$here/cron"
	[ "$n" = 4 ]
	[ "$(state 1)" = gone ]
	# without the programs nobody is bothered
	sed -n 's/.* daemon //p' "$examples/cron" |
		sed 's:/usr/local/:/nowhere/:g' >"$here/lines"
	while read -r command; do
		run sh -c "$command"
		assert_output ""
	done <"$here/lines"
}

@test "cron: what was given up is told" {
	to 1 b@b.test
	mv "$spool/$(id 1).envelope"{,.bad}
	here_with cron
	run sh -c "$(sed -n 's/.* daemon \(.*spool-list.*\)/\1/p' "$here/cron")"
	assert_output --partial "$(id 1)"
	# and its sender gets a report
	SLUICE_SPOOL_DIR=$spool SLUICE_NO_SYSLOG=1 \
		sh -c "$(sed -n 's/.* daemon \(.*spool-bounce.*\)/\1/p' "$here/cron")"
	grep -q "^X-MailRelay-To-Remote: from1@a.test" "$spool"/*.envelope
	grep -q "^X-Sluice-Bounced: " "$spool/$(id 1).envelope.bad"
}

@test "systemd: the units are what systemd understands" {
	with_systemd
	units
	local u
	for u in "$here"/systemd/*.*; do
		[ ! -d "$u" ] || continue
		run systemd-analyze verify --man=no "${u/@./@1.}"
		assert_success
		assert_output ""
	done
	# a test that cannot fail is none
	sed -i 's/^Accept=/Acept=/' "$here/systemd/smtp-recv.socket"
	run systemd-analyze verify --man=no "$here/systemd/smtp-recv.socket"
	assert_output --partial Acept
}

# score UNIT: out of 100, the fewer the better
score() {
	systemd-analyze security --offline=true --no-pager "$1" |
		sed -nE 's/.*Overall exposure level for .*: ([0-9]+)\.([0-9]).*/\1\2/p'
}
@test "systemd: hardened, the units may do little" {
	with_systemd
	units
	local unit most got
	while read -r unit most; do
		got=$(score "$unit")
		[ "${got:-100}" -le "$most" ] || fail "$unit: $got"
	done <<-END
		smtp-recv@.service 10
		smtp-send.service 20
		pop3-serve@.service 30
		spool-bounce.service 15
		spool-metrics.service 15
	END
	rm -r "$here/systemd/smtp-recv@.service.d"
	[ "$(score smtp-recv@.service)" -gt 10 ]
}

# allowed DROP-IN: the system calls that its SystemCallFilter= leaves, a line each
allowed() {
	local line word
	sed -n 's/^SystemCallFilter=//p' "$1" | while read -r line; do
		for word in ${line#'~'}; do
			case $word in
			@*) group "$word" ;;
			*) echo "$word" ;;
			esac
		done | sed "s/^/${line%%[!~]*} /"
	done | awk '$1 == "~" { delete is[$2]; next } { is[$1] = 1 }
		END { for (c in is) print c }'
}
group() {
	local word
	systemd-analyze --no-pager syscall-filter "$1" | sed -n 's/^ *\([-@a-z0-9_]*\)$/\1/p' |
		grep -vxF "$1" | while read -r word; do
		case $word in
		@*) group "$word" ;;
		*) echo "$word" ;;
		esac
	done
}
# within DROP-IN COMMAND...: whose system calls are all allowed
within() {
	command -v strace >/dev/null || skip "strace is not installed"
	local trace=$here/trace
	allowed "$1" | sort -u >"$here/allowed"
	shift
	rm -f "$trace"
	strace -f -qq -o "$trace" -e signal=none "$@"
	sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$trace" | sort -u >"$here/called"
	[ "$(wc -l <"$here/called")" -gt 20 ]
	run comm -23 "$here/called" "$here/allowed"
	refute_output
}
@test "systemd: hardened, the programs and a filter need no other system calls" {
	with_systemd
	[ -z "${ASAN_OPTIONS-}" ] || ! grep -q __asan "$bin/smtp-recv" ||
		skip "the sanitizers have calls of their own"
	printf '#!/bin/sh\ncat "$1" >/dev/null\nexit 0\n' >"$here/filter"
	chmod 755 "$here/filter"
	printf "$hello${start}DATA\r\nSubject: x\r\n\r\ntext\r\n.\r\n$bye" >"$here/said"
	export SLUICE_FILTER=$here/filter
	within "$examples/systemd/smtp-recv@.service.d/hardening.conf" \
		smtp-recv --log <"$here/said" >"$here/out"
	grep -q "^250 2.0.0 OK queued" "$here/out"
	only
	unset SLUICE_FILTER
	serve
	export SLUICE_CLIENT_FILTER=$here/filter
	within "$examples/systemd/smtp-send.service.d/hardening.conf" \
		smtp-send --log --poll=0 --forward-to="127.0.0.1:$port"
	[ "$(arrived)" = 1 ]
	unset SLUICE_CLIENT_FILTER
	within "$examples/systemd/spool-metrics.service" spool-metrics --output="$here/prom"
	within "$examples/systemd/spool-bounce.service" spool-bounce --all
	echo "server LOGIN bob horse" >"$here/secrets"
	chmod 600 "$here/secrets"
	printf 'USER bob\r\nPASS horse\r\nQUIT\r\n' >"$here/said"
	within "$examples/systemd/pop3-serve@.service.d/hardening.conf" \
		pop3-serve --pop-auth="$here/secrets" <"$here/said" >"$here/out"
	[ "$(grep -c '^+OK' "$here/out")" = 4 ]
}

@test "systemd: what smtp-recv@.service runs takes mail, smtp-send.service sends it" {
	serve
	server=$port
	here_with systemd/smtp-recv@.service
	command=$(sed -n 's/^ExecStart=//p' "$here/systemd/smtp-recv@.service")
	run --separate-stderr "$BATS_TEST_DIRNAME/talk" -4 $command < <(
		printf "$hello${start}DATA\r\nSubject: x\r\n\r\ntext\r\n.\r\n$bye")
	[[ $output = *"250 2.0.0 OK queued"* ]] || fail "$output $stderr"
	only
	port=$server
	exec_start smtp-send.service
	exits 0
	[ "$(arrived)" = 1 ]
	# the timer starts it with nothing to do, and when nobody is there
	exec_start smtp-send.service
	exits 0
	post 1
	port=1
	exec_start smtp-send.service
	grep -qw "^SuccessExitStatus=.*$status" "$examples/systemd/smtp-send.service"
}

@test "systemd: the drop-in logs in with a credential" {
	mkdir "$here/credentials"
	(umask 077 && echo "client plain ann horse" >"$here/credentials/smarthost")
	name=$(sed -n 's/^LoadCredential=\([^:]*\):.*/\1/p' \
		"$examples/systemd/smtp-send.service.d/login.conf")
	[ "$name" = smarthost ]
	while IFS='=' read -r _ setting; do
		export "${setting?}"
	done < <(grep ^Environment= "$examples/systemd/smtp-send.service.d/login.conf")
	export CREDENTIALS_DIRECTORY=$here/credentials
	# it wants TLS, which is not there: not a word of the password
	post 1
	serve --ehlo "AUTH PLAIN"
	exec_start smtp-send.service
	exits 75
	[[ $stderr = *"does not offer STARTTLS"* ]] || fail "$stderr"
	[ "$(said_times ^AUTH)" = 0 ]
	unset SLUICE_CLIENT_TLS_REQUIRED
	exec_start smtp-send.service
	exits 0
	grep -q '^AUTH PLAIN AGFubgBob3JzZQ==' "$said"
}

# supervised KIND NAME: its run script, as KIND would run it, in its directory;
# chpst, envdir and the like are told by what they do to a command.
supervised() {
	local f
	for f in $(cd "$examples/$1/$2" && find . -type f); do
		here_with "$1/$2/$f"
	done
	mkdir -p "$here/bin"
	cat >"$here/bin/envdir" <<-'EOF'
		#!/bin/sh
		case $0 in
		*chpst)
			[ "$1" != -u ] || { [ "$2" = daemon ] && shift 2; } || exit 111
			[ "$1" = -e ] || exit 111
			shift
			;;
		esac
		[ "$1" = ./env ] || exit 111
		for f in ./env/*; do export "${f##*/}=$(head -n 1 "$f")"; done
		shift
		exec "$@"
	EOF
	printf '#!/bin/sh\n[ "$1" = daemon ] || exit 111\nshift\nexec "$@"\n' >"$here/bin/setuidgid"
	# the port is the test's, and so is the user
	cat >"$here/bin/tcpserver" <<-EOF
		#!/bin/sh
		[ "\$*" = "-HR -c 64 -l $(hostname) -u 1 -g 1 0 25 $bin/smtp-recv --log --no-syslog" ] || exit 111
		exec $(command -v tcpserver) -1 -HR -l localhost 127.0.0.1 0 $bin/smtp-recv --log --no-syslog
	EOF
	chmod 755 "$here"/bin/*
	cp "$here/bin/envdir" "$here/bin/chpst"
	cp "$here/bin/envdir" "$here/bin/s6-envdir"
	cp "$here/bin/setuidgid" "$here/bin/s6-setuidgid"
	rm -f "$here/log"
	cd "$here/$1/$2" || return
	! command -v shellcheck >/dev/null || shellcheck ./run ./log/run
	PATH=$here/bin:$PATH setsid ./run >"$here/log" 3>&- &
	runner=$!
	pids+=("$runner")
}
@test "runit, daemontools, s6: the run scripts of smtp-recv take mail" {
	local kind
	for kind in runit daemontools s6; do
		supervised $kind smtp-recv
		wait_until grep -sqx '[0-9]*' "$here/log"
		port=$(grep -x '[0-9]*' "$here/log")
		curl -sS "smtp://127.0.0.1:$port" --mail-from a@a.test --mail-rcpt b@b.test \
			--upload-file - <<<"Subject: x"
		only
		rm "$spool"/*
		kill "$runner"
		wait "$runner" || true
	done
}

@test "runit, daemontools, s6: the run scripts of smtp-send poll" {
	serve
	post 1
	supervised runit smtp-send
	wait_until grep -q 'status=sent' "$here/log"
	[ "$(state 1)" = gone ]
	# sv hup
	post 2
	kill -HUP "$runner"
	wait_until grep -q 'to2@b.test.*status=sent' "$here/log"
	kill "$runner"
	wait "$runner"
	local kind
	for kind in daemontools s6; do
		post 1
		supervised $kind smtp-send
		wait_until grep -q 'status=sent' "$here/log"
		kill "$runner"
		wait "$runner"
	done
}

@test "logrotate: the file is what logrotate understands" {
	[ -x /usr/sbin/logrotate ] || skip "logrotate is not installed"
	run /usr/sbin/logrotate --debug --state "$here/state" "$examples/logrotate"
	assert_success
	refute_output --partial error
	assert_output --partial "/var/log/sluice.log"
}

@test "xinetd: what each entry runs is there, and likes its options" {
	local server args n=0
	here_with xinetd
	echo "server NONE 127.0.0.1 me" >"$here/secrets"
	chmod 600 "$here/secrets"
	export SLUICE_POP_AUTH=$here/secrets
	while read -r server; do
		read -r args
		[ -x "$server" ]
		[ "${server##*/}" = pop3-serve ] || unset SLUICE_POP_AUTH
		run --separate-stderr "$server" $args </dev/null
		exits 0
		n=$((n + 1))
		export SLUICE_POP_AUTH=$here/secrets
	done < <(sed -n 's/^\tserver\t.*= //p; s/^\tserver_args\t.*= //p' "$here/xinetd")
	[ "$n" = 3 ]
}
