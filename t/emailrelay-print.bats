#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# emailrelay --print: what it writes serves when it is pasted where it belongs.
# shellcheck disable=SC2016
load relay

setup() {
	prepare
	PATH=$PATH:/usr/sbin
	port=$(free_port)
}

# A filter whose path and arguments are hard to quote; it notes the arguments.
hard() {
	local dir="$BATS_TEST_TMPDIR/it's a \"dir\""
	mkdir "$dir"
	cat >"$dir/f" <<-'EOF'
		#!/bin/sh
		printf '%s\n' "$1" "$2" "$3" "$4" "$5" >"$(dirname "$0")/args"
	EOF
	chmod 755 "$dir/f"
	filter="${dir// /\\ }/f 50% \$HOME \$\$ \`id\` a;b|c&d"
	noted=$dir/args
}
was_noted() {
	[ "$(cat "$noted")" = $'50%\n$HOME\n$$\n`id`\na;b|c&d' ] ||
		fail "the filter got: $(cat "$noted")"
}
# printed FORMAT OPTION...: into the file $page.
printed() {
	local format=$1
	shift
	page=$BATS_TEST_TMPDIR/page
	emailrelay --print="$format" --no-syslog --spool-dir="$spool" $me \
		--interface=127.0.0.1 --port="$port" "$@" >"$page" 3>&-
}
# A server that does not say when it listens.
silent() {
	start sh -c 'echo "$0"; exec "$@" >&2' "$port" "$@"
	wait_until open_at "$port"
}
# Mail comes in at the port, and the smarthost gets it.
relays() {
	wait_until mail "$port"
	wait_until has_mail "$far"
	wait_until is_empty
}

@test "inetd: the lines serve" {
	needs inetd
	smarthost
	port=$(free_port)
	printed inetd --as-proxy="$next" --user="$(id -un)"
	grep -qE "^127.0.0.1:$port stream tcp nowait" "$page"
	silent inetd -d "$page"
	relays
}
@test "inetd: IPv6" {
	needs inetd
	grep -q '^0*1 ' /proc/net/if_inet6 || skip "no IPv6 here"
	printed inetd --as-server --interface=127.0.0.1 --user="$(id -un)"
	emailrelay --print=inetd --spool-dir="$spool" $me --no-syslog \
		--interface=::1 --port="$port" --user="$(id -un)" >>"$page"
	silent inetd -d "$page"
	wait_until mail "$port" ::1
	has_mail
}
@test "inetd: what it cannot say goes by a file, or is refused" {
	needs inetd
	hard
	run printed inetd --as-server --filter="$filter"
	[ "$status" = 1 ]
	assert_output --partial 'which knows no quotes'
	printf 'filter %s\n' "$filter" >"$BATS_TEST_TMPDIR/conf"
	printed inetd --as-server --user="$(id -un)" "$BATS_TEST_TMPDIR/conf"
	silent inetd -d "$page"
	wait_until mail "$port"
	has_mail
	was_noted
}
@test "inetd: too many options are refused, and go by a file" {
	local options=() i
	for i in connection-timeout prompt-timeout response-timeout idle-timeout \
		filter-timeout max-recipients max-connections-per-client size; do
		options+=("--$i=5")
	done
	options+=(--retry-for=5 --anonymous --immediate --client-tls
		--client-tls-required --limit-trusted --domain=a.test --log-time)
	run printed inetd --as-proxy=x:1 "${options[@]}"
	[ "$status" = 1 ]
	assert_output --partial 'too many options for inetd'
	printf '%s\n' "${options[@]#--}" | tr '=' ' ' >"$BATS_TEST_TMPDIR/conf"
	printed inetd --as-proxy=x:1 --config="$BATS_TEST_TMPDIR/conf"
	grep -q -- "--config=$BATS_TEST_TMPDIR/conf" "$page"
}
@test "a relative path in a file holds where that file is read from elsewhere" {
	cd "$BATS_TEST_TMPDIR"
	printf '%s\n' 'server-auth secrets' >conf
	printed inetd --as-server conf
	grep -q -- "--config=$PWD/conf .*--server-auth=$PWD/secrets" "$page"
	grep -q ' root /' "$page"
}
@test "xinetd: the file serves" {
	needs xinetd
	smarthost
	port=$(free_port)
	printed xinetd --as-proxy="$next" --user="$(id -un)"
	silent xinetd -dontfork -f "$page" -pidfile "$BATS_TEST_TMPDIR/pid" \
		-filelog "$BATS_TEST_TMPDIR/log"
	relays
}
@test "xinetd: what it cannot say goes by a file, or is refused" {
	needs xinetd
	hard
	run printed xinetd --as-server --filter="$filter"
	[ "$status" = 1 ]
	printf 'filter %s\n' "$filter" >"$BATS_TEST_TMPDIR/conf"
	printed xinetd --as-server --user="$(id -un)" "$BATS_TEST_TMPDIR/conf"
	silent xinetd -dontfork -f "$page" -pidfile "$BATS_TEST_TMPDIR/pid" \
		-filelog "$BATS_TEST_TMPDIR/log"
	wait_until mail "$port"
	has_mail
	was_noted
}
@test "xinetd: IPv6" {
	needs xinetd
	grep -q '^0*1 ' /proc/net/if_inet6 || skip "no IPv6 here"
	emailrelay --print=xinetd --spool-dir="$spool" --user="$(id -un)" \
		--interface=::1 --port="$port" >"$BATS_TEST_TMPDIR/page"
	start sh -c 'echo; exec "$@" >&2' sh xinetd -dontfork \
		-f "$BATS_TEST_TMPDIR/page" -pidfile "$BATS_TEST_TMPDIR/pid" \
		-filelog "$BATS_TEST_TMPDIR/log"
	port=$(sed -n 's/.*port.*= //p' "$BATS_TEST_TMPDIR/page")
	wait_until mail "$port" ::1
	has_mail
}
@test "tcpserver: the line serves" {
	smarthost
	hard
	port=$(free_port)
	printed tcpserver --as-proxy="$next" --filter="$filter"
	[ "$(grep -vc '^#' "$page")" = 1 ]
	silent sh -c "exec $(grep -v '^#' "$page")"
	relays
	was_noted
}
@test "tcpserver: several commands are a script" {
	smarthost
	port=$(free_port)
	printed tcpserver --as-server --forward-to="$next" --poll=1
	silent sh "$page"
	relays
}
@test "runit: the run scripts serve" {
	local dir=$BATS_TEST_TMPDIR
	smarthost
	hard
	port=$(free_port)
	printed runit --as-proxy="$next" --filter="$filter" --poll=3600
	mkdir "$dir/sv" "$dir/service"
	run env SV="$dir/sv" SERVICE="$dir/service" sh "$page"
	assert_success
	run ls "$dir/service"
	assert_output $'emailrelay-forward\nemailrelay-smtp'
	silent sh "$dir/service/emailrelay-smtp/run"
	relays
	was_noted
	silent timeout 20 sh "$dir/service/emailrelay-forward/run"
}
# command_of FILE KEY: what systemd would run, as lines.
command_of() {
	python3 - "$1" "$2" <<'EOF'
import shlex, sys
for line in open(sys.argv[1]):
    if line.startswith(sys.argv[2] + '='):
        words = shlex.split(line.split('=', 1)[1].strip())
        print('\n'.join(w.replace('%%', '%').replace('$$', '$') for w in words))
EOF
}
@test "systemd: the units are valid and serve" {
	local dir=$BATS_TEST_TMPDIR command listen
	needs systemd-socket-activate
	needs systemd-analyze
	smarthost
	hard
	port=$(free_port)
	mkdir "$dir/units" "$dir/bin"
	printf '#!/bin/sh\necho "$@"\n' >"$dir/bin/systemctl"
	chmod 755 "$dir/bin/systemctl"
	printed systemd --as-proxy="$next" --filter="$filter" --poll=3600
	run env UNITS="$dir/units" PATH="$dir/bin:$PATH" sh "$page"
	assert_success
	assert_line 'daemon-reload'
	assert_line 'enable --now emailrelay-smtp.socket emailrelay-forward.service'
	cd "$dir/units"
	run systemd-analyze verify --man=no ./emailrelay-smtp.socket \
		./emailrelay-smtp@.service ./emailrelay-forward.service
	assert_success
	refute_output
	mapfile -t command < <(command_of emailrelay-smtp@.service ExecStart)
	listen=$(sed -n 's/^ListenStream=//p' emailrelay-smtp.socket)
	silent systemd-socket-activate --accept --inetd --listen="$listen" \
		"${command[@]}"
	relays
	was_noted
	command_of emailrelay-forward.service ExecStart | grep -qxF -- --poll=3600
}
@test "systemd: IPv6 and several addresses are one socket" {
	run emailrelay --print=systemd --interface=127.0.0.1,::1 --port=2525
	assert_line 'ListenStream=127.0.0.1:2525'
	assert_line 'ListenStream=[::1]:2525'
	[ "$(grep -c 'enable --now emailrelay-smtp.socket$' <<<"$output")" = 1 ]
}
@test "cron: the commands serve and forward" {
	local line
	smarthost
	hard
	port=$(free_port)
	printed cron --as-server --forward-to="$next" --poll=300 --filter="$filter"
	line=$(sed -n 's/^@reboot root //p' "$page" | sed 's/\\%/%/g')
	silent sh -c "exec $line"
	mail "$port"
	has_mail
	was_noted
	line=$(sed -n 's,^\*/5 \* \* \* \* root ,,p' "$page" | sed 's/\\%/%/g')
	sh -c "$line"
	has_mail "$far"
	is_empty
}
@test "cron: how often" {
	every() { emailrelay --print=cron --forward-to=x:1 "$@" | sed -n 's, root /[^ ]*smtp-send .*,,p'; }
	[ "$(every --poll=1)" = '*/1 * * * *' ]
	[ "$(every --poll=600)" = '*/10 * * * *' ]
	[ "$(every --poll=7200)" = '0 */2 * * *' ]
	[ "$(every --poll=86400)" = '0 0 * * *' ]
	[ "$(every --forward)" = '@reboot' ]
	[ "$(emailrelay --as-client=x:1 --print=cron | sed -n '$s, root .*,,p')" = '*/5 * * * *' ]
}
@test "inetd and xinetd: the forwarder is a comment for cron" {
	local format
	for format in inetd xinetd; do
		run emailrelay --print=$format --forward-to=x:1 --poll=300
		assert_line --partial '# */5 * * * * root '
		run emailrelay --as-client=x:1 --print=$format
		[ "$status" = 1 ]
		assert_output 'emailrelay: exception: there is nothing to listen for'
	done
}
@test "POP and administration are printed as well" {
	local format
	built pop3-serve
	built admin-cmd
	for format in inetd xinetd tcpserver systemd runit cron; do
		run emailrelay --print=$format --pop --pop-port=1100 --admin=1000
		assert_success
		assert_line --partial /pop3-serve
		assert_line --partial /admin-cmd
		assert_line --partial 1100
	done
}
# three FORMAT: SMTP, POP and administration, into $page.
three() {
	built pop3-serve
	built admin-cmd
	needs curl
	needs nc
	smtp=$port pop=$(free_port) admin=$(free_port)
	echo 'server LOGIN bob secret' >"$BATS_TEST_TMPDIR/auth"
	chmod 600 "$BATS_TEST_TMPDIR/auth"
	printed "$1" --as-server --pop --pop-port="$pop" --admin="$admin" \
		--pop-auth="$BATS_TEST_TMPDIR/auth" --user="$(id -un)"
}
received_one() {
	timeout 20 nc -C 127.0.0.1 "$admin" <<<$'info\nquit' | grep -q 'IN received: 1'
}
three_serve() {
	wait_until mail "$smtp"
	wait_until open_at "$pop"
	run curl -sS --max-time 30 "pop3://127.0.0.1:$pop/1" --user bob:secret
	assert_success
	assert_output --partial hello
	wait_until received_one
}
@test "inetd: SMTP, POP and administration serve" {
	needs inetd
	three inetd
	silent inetd -d "$page"
	three_serve
}
@test "xinetd: SMTP, POP and administration serve" {
	needs xinetd
	three xinetd
	silent xinetd -dontfork -f "$page" -pidfile "$BATS_TEST_TMPDIR/pid" \
		-filelog "$BATS_TEST_TMPDIR/log"
	three_serve
}
@test "tcpserver: SMTP, POP and administration serve" {
	three tcpserver
	silent sh "$page"
	three_serve
}
@test "systemd: SMTP, POP and administration serve" {
	local dir=$BATS_TEST_TMPDIR name command listen
	needs systemd-socket-activate
	three systemd
	mkdir "$dir/units" "$dir/bin"
	printf '#!/bin/sh\n' >"$dir/bin/systemctl"
	chmod 755 "$dir/bin/systemctl"
	UNITS=$dir/units PATH=$dir/bin:$PATH sh "$page"
	for name in smtp pop admin; do
		mapfile -t command < <(command_of \
			"$dir/units/emailrelay-$name@.service" ExecStart)
		listen=$(sed -n 's/^ListenStream=//p' \
			"$dir/units/emailrelay-$name.socket")
		port=${listen##*:}
		silent systemd-socket-activate --accept --inetd \
			--listen="$listen" "${command[@]}"
	done
	three_serve
}
@test "a password from a file is not printed" {
	printf '%s\n' "client-auth plain:bmFtZQ==:c2VjcmV0" "forward-to x:1" \
		>"$BATS_TEST_TMPDIR/conf"
	local format
	for format in inetd xinetd tcpserver systemd runit cron; do
		run emailrelay --print=$format --forward "$BATS_TEST_TMPDIR/conf"
		assert_success
		refute_output --partial c2VjcmV0
		assert_output --partial "--config=$BATS_TEST_TMPDIR/conf"
	done
}
@test "a user that is no name is refused by each" {
	local format name
	for format in inetd xinetd tcpserver systemd runit cron; do
		for name in 'a /bin/sh' %u '' $'a\nb' 'a;b'; do
			run emailrelay --print=$format --user="$name"
			[ "$status" = 1 ]
			assert_output --partial 'exception: no such user: '
		done
	done
	printf 'user a /bin/sh\n' >"$BATS_TEST_TMPDIR/conf"
	run emailrelay --print=inetd "$BATS_TEST_TMPDIR/conf"
	[ "$status" = 1 ]
	run emailrelay --print=systemd --user=mail.d_x-1
	assert_line User=mail.d_x-1
}
@test "a line end in an option is refused by each" {
	local format
	for format in inetd xinetd tcpserver systemd runit cron; do
		run emailrelay --print=$format --filter=$'/x\ny'
		[ "$status" = 1 ]
		refute_output --partial $'\ny'
		[ "${#lines[@]}" = 1 ]
	done
}
