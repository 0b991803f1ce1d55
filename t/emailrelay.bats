#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The command of the manual: what it says, and what it starts and ends.
# shellcheck disable=SC2016
load relay

teardown() {
	stop_all
	[ -z "${away:-}" ] || rm -rf "$away"
}

# --- words ---

@test "--help has the usual options, --help --verbose all, by chapter" {
	run --separate-stderr emailrelay --help
	assert_success
	assert_line --partial 'usage: emailrelay [options] [config-file]'
	assert_line --regexp '^  -q, --as-client=<host:port> '
	refute_line --partial 'pop-no-delete'
	run --separate-stderr emailrelay --verbose --help
	assert_success
	assert_line 'Forwarding:'
	assert_line --regexp '^  -G, --pop-no-delete '
	local brief=$output
	run --separate-stderr emailrelay -hv
	assert_output "$brief"
	run --separate-stderr emailrelay --help=x --verbose=y
	assert_output "$brief"
	run emailrelay -rhp 25
	assert_success
	refute_output --partial '(null)'
}
@test "--help comes before whatever is wrong, and before --version" {
	run --separate-stderr emailrelay --no-such-option --version --help x y
	assert_success
	assert_line --partial 'usage: emailrelay'
}
@test "--help --verbose knows every option of the manual" {
	local option all
	all=$(emailrelay --help --verbose)
	for option in a:admin Q:admin-terminate A:anonymous q:as-client y:as-proxy \
		d:as-server C:client-auth Y:client-filter j:client-tls \
		b:client-tls-connection e:close-stderr U:connection-timeout g:debug \
		D:domain x:dont-serve z:filter W:filter-timeout f:forward \
		o:forward-to h:help m:immediate I:interface l:log L:log-time \
		t:no-daemon X:no-smtp n:no-syslog i:pid-file O:poll B:pop F:pop-auth \
		J:pop-by-name G:pop-no-delete E:pop-port p:port w:prompt-timeout \
		r:remote-clients T:response-timeout S:server-auth K:server-tls \
		M:size s:spool-dir k:syslog 0:tls-config u:user v:verbose \
		Z:verifier V:version; do
		grep -qE -- "^  -${option%%:*}, --${option#*:}(=<| |\$)" <<<"$all" ||
			fail "not there: $option"
	done
}
@test "--help is as wide as the terminal, and no word of it is lost" {
	local words columns lines
	words=$(COLUMNS='' emailrelay -hv | xargs -d '\n' echo | tr -s ' ')
	for columns in '' 1 53 60 100 200 x; do
		lines=$(COLUMNS=$columns emailrelay -hv)
		[ "$(xargs -d '\n' echo <<<"$lines" | tr -s ' ')" = "$words" ]
		case $columns in
		60 | 100) ;;
		200) continue ;;
		53) continue ;;
		*) columns=79 ;;
		esac
		run awk '/^How to run/, /^A store/ { if (length > m) m = length }
			END { print m }' <<<"$lines"
		[ "$output" -le "$columns" ]
		[ "$output" -gt $((columns - 8)) ]
	done
}
@test "--version" {
	run --separate-stderr emailrelay -V
	assert_success
	assert_output --regexp '^emailrelay \(Sluice\) [0-9.]+$'
}
@test "an option that is none, or has no value, gets a hint" {
	fails 'invalid option: --foo' --foo
	assert_line '            try "emailrelay --help --verbose" for more information'
	fails 'invalid option: -%' -%
	fails 'no value supplied for --port' --port
	fails 'no value supplied for -p' -p
	run emailrelay --port x
	[ "$status" = 1 ]
	assert_line --partial 'emailrelay: exception: conversion error: invalid format: x'
	fails 'usage error: too many non-switch arguments' one two
	assert_line '            try "emailrelay --help --verbose" for more information'
}
@test "a value for an option that takes none is ignored" {
	fails 'usage error: the --port option cannot be used with --no-smtp' \
		--no-smtp=x --port=25
}
@test "contradictions, in the words of the manual" {
	fails 'usage error: the listening ports must be different' \
		--port 1000 --admin 1000
	fails 'usage error: the listening ports must be different' \
		--pop --pop-port 25
	fails 'usage error: pop options require --pop' --pop-by-name
	fails 'usage error: pop options require --pop' --pop-auth=/x
	fails 'usage error: the --admin-terminate option requires --admin' -Q
	fails 'usage error: in daemon mode the spool-dir must be an absolute path' \
		--spool-dir=x
	fails 'usage error: in daemon mode the authorisation secrets file(s) must be absolute paths' \
		--server-auth=x
	for option in --forward --immediate --poll=1 --poll=0; do
		fails 'usage error: the --forward, --immediate and --poll options require --forward-to' \
			$option
	done
	fails 'usage error: the --client-filter option requires --as-proxy, --as-client, --poll, --immediate or --forward' \
		--client-filter=/bin/true --forward-to=x:1
	for option in filter=/x port=1 server-auth=/x pop admin=1 poll=1; do
		fails "usage error: the --${option%%=*} option cannot be used with --as-client or --dont-serve" \
			--as-client=x:1 --$option
		fails "usage error: the --${option%%=*} option cannot be used with --as-client or --dont-serve" \
			--dont-serve --$option --forward-to=x:1
	done
	for option in filter=/x port=1 server-auth=/x; do
		fails "usage error: the --${option%%=*} option cannot be used with --no-smtp" \
			--no-smtp --$option
	done
	fails 'usage error: the --verbose option must be used with --log, --help, --as-client, --as-server or --as-proxy' -v
	fails 'usage error: the --debug option requires --log, --as-client, --as-server or --as-proxy' -g
	fails 'usage error: the --client-tls and --client-tls-connection options cannot be used together' -j -b
	fails 'usage error: --server-auth using pam requires --server-tls' --server-auth=/pam
	fails 'usage error: --pop-auth using pam requires --server-tls' --pop --pop-auth=/pam
}
@test "a start that cannot be" {
	fails 'exception: invalid host:service format: x' --as-client=x
	fails 'exception: invalid pid file: must be an absolute path: x' -i x
	run emailrelay --as-server --spool-dir=/nonexistent $me
	[ "$status" = 1 ]
	assert_output --partial 'exception: invalid spool directory: /nonexistent'
	if [ "$(id -u)" = 0 ]; then
		fails 'exception: no such user: nosuchuser' --as-server -u nosuchuser
	fi
	fails 'exception: invalid interface address: eth7' --interface=eth7
	run emailrelay --as-server --interface=web=127.0.0.1
	[ "$status" = 1 ]
	assert_output --partial 'invalid interface: web=127.0.0.1'
}
@test "what the programs think of their options is told at the start" {
	run emailrelay --as-server --spool-dir="$spool" $me --port="$(free_port)" \
		--server-auth=/nonexistent/secrets
	[ "$status" = 1 ]
	assert_output --partial "emailrelay: exception: smtp-recv: cannot read secrets file '/nonexistent/secrets'"
	run emailrelay --as-server --spool-dir="$spool" $me --port="$(free_port)" \
		--filter=relative
	[ "$status" = 1 ]
	assert_output --partial 'must be absolute: relative'
	run emailrelay --as-client=127.0.0.1:9 --spool-dir="$spool" $me \
		--client-auth=/nonexistent/secrets
	[ "$status" = 1 ]
	assert_output --partial 'exception: smtp-send: cannot read secrets file'
}
@test "a filter that is missing is a warning" {
	relay --as-server --filter=/nonexistent/filter
	open_at "$port"
	grep -q "emailrelay: warning: smtp-recv: cannot run '/nonexistent/filter'" "$log"
}
@test "a filter that is missing is no matter of the caller's exit status" {
	port=$(free_port)
	run timeout 20 emailrelay --as-server --spool-dir="$spool" $me \
		--no-syslog --port="$port" --interface=127.0.0.1 \
		--filter=/nonexistent/filter --pid-file="$BATS_TEST_TMPDIR/pid" 3>&-
	assert_success
	kill "$(cat "$BATS_TEST_TMPDIR/pid")"
	wait_until shut_at "$port"
}
@test "every option of the programs is one of emailrelay, and goes to them" {
	local program option all args name
	all=$(emailrelay --help --verbose | grep -oE -- '--[a-z-]+' | sort -u)
	: >"$BATS_TEST_TMPDIR/conf"
	for program in smtp-recv smtp-send pop3-serve admin-cmd; do
		[ -x "$bin/$program" ] || continue
		while read -r option; do
			name=${option%%=*}
			case $name in
			--check | --json | --hand-back | --report | --config | --help | --version) continue ;;
			esac
			grep -qxF -- "$name" <<<"$all" || fail "$program has $name"
			case $name in
			--forward-to | --poll | --forward-on-disconnect | --pid-file) continue ;;
			esac
			[[ $option = *=* ]] && case $name in
			--size | --*-timeout | --max-recipients | --max-connections*) name=$name=3 ;;
			--jobs | --*-threshold) name=$name=3 ;;
			--log-format) name=$name=json ;;
			--user) name=$name=x ;;
			*) name=$name=/x ;;
			esac
			args="--log --forward-to=x:1"
			[ -x "$bin/pop3-serve" ] && args="$args --pop"
			[ -x "$bin/admin-cmd" ] && args="$args --admin=1000"
			run emailrelay $args --poll=60 "$name" --print=tcpserver
			assert_success
			grep "/$program " <<<"$output" | head -n 1 | grep -qF -- " $name" ||
				fail "$program does not get $name: $output"
		done < <("$program" --help | sed -nE \
			's/^  (-.,|   ) (--[a-z-]+(=<)?).*/\2/p' | sort -u)
	done
}
@test "no program gets an option that it does not know" {
	local line program name options
	options=$(emailrelay -hv | grep -oE -- '^ .*--[a-z-]+=?' |
		grep -oE -- '--[a-z-]+=?' | grep -vE -- \
		'--(as-|print|dont-serve|no-smtp|help|version|config|client-tls-conn|poll|interface|port|pop-port|admin=|log-format|user|listener)' |
		sed 's/=$/=3/')
	[ -x "$bin/pop3-serve" ] || options=$(grep -v pop <<<"$options")
	[ ! -x "$bin/admin-cmd" ] || options="$options --admin=1000"
	[ -x "$bin/admin-cmd" ] || options=$(grep -v admin <<<"$options")
	options=$(sed 's/--forward-to=3/--forward-to=x:1/' <<<"$options")
	run emailrelay $options --server-tls=/x --poll=60 --print=tcpserver
	assert_success
	while read -r line; do
		program=$(grep -oE '/(smtp-recv|smtp-send|pop3-serve|admin-cmd) ' <<<"$line" |
			tr -d '/ ')
		for name in $(grep -oE -- ' --[a-z-]+' <<<"${line#*"/$program "}"); do
			"$program" --help | grep -qE -- " $name(=|,| |\$)" ||
				fail "$program has no $name"
		done
	done < <(grep -v '^#\|^wait' <<<"$output")
}

# --- running ---

@test "in the foreground: serves until it is told to stop" {
	relay --as-server --pid-file="$BATS_TEST_TMPDIR/pid"
	mail "$port"
	has_mail
	[ "$(cat "$BATS_TEST_TMPDIR/pid")" = "$pid" ]
	[ "$(stat -c %a "$BATS_TEST_TMPDIR/pid")" = 644 ]
	local all
	all=$(family)
	kill "$pid"
	wait "$pid"
	shut_at "$port"
	assert_file_not_exist "$BATS_TEST_TMPDIR/pid"
	wait_until gone $all
}
@test "SIGINT stops it, and sessions with it" {
	port=$(free_port)
	python3 - "$port" emailrelay --no-daemon --no-syslog --spool-dir="$spool" \
		$me --port="$port" --interface=127.0.0.1 <<'EOF'
import signal, socket, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
p = subprocess.Popen(sys.argv[2:])
for i in range(1000):
    try:
        s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
        break
    except OSError:
        time.sleep(0.02)
assert s.recv(100).startswith(b'220')
p.send_signal(signal.SIGINT)
assert p.wait(20) == 0
s.settimeout(10)
try:
    assert s.recv(100) == b''
except ConnectionResetError:
    pass
EOF
}
@test "in the background: the caller has his answer when the port is open" {
	port=$(free_port)
	run timeout 20 emailrelay --as-server --no-syslog --spool-dir="$spool" $me \
		--port="$port" --interface=127.0.0.1 --pid-file="$BATS_TEST_TMPDIR/pid" 3>&-
	assert_success
	open_at "$port"
	pid=$(cat "$BATS_TEST_TMPDIR/pid")
	[ "$(readlink "/proc/$pid/cwd")" = / ]
	[ "$(readlink "/proc/$pid/fd/2")" = /dev/null ]
	[ "$(ps -o tty= -p "$pid" | tr -d ' ')" = '?' ]
	mail "$port"
	has_mail
	local all
	all=$(family)
	kill "$pid"
	wait_until gone "$pid" $all
	shut_at "$port"
	assert_file_not_exist "$BATS_TEST_TMPDIR/pid"
}
@test "a pid file of somebody else is left alone" {
	relay --as-server --pid-file="$BATS_TEST_TMPDIR/pid"
	echo 1 >"$BATS_TEST_TMPDIR/pid"
	kill "$pid"
	wait "$pid"
	[ "$(cat "$BATS_TEST_TMPDIR/pid")" = 1 ]
}
@test "a pid file that is a fifo, a device or a link: exit 1, and nobody waits" {
	local file=$BATS_TEST_TMPDIR/fifo
	mkfifo "$file"
	ln -s "$BATS_TEST_TMPDIR/victim" "$BATS_TEST_TMPDIR/link"
	for file in "$file" /dev/null "$BATS_TEST_TMPDIR/link"; do
		port=$(free_port)
		run timeout -s KILL 20 emailrelay --as-server --no-daemon --no-syslog \
			--spool-dir="$spool" $me --port="$port" \
			--interface=127.0.0.1 --pid-file="$file" 3>&-
		[ "$status" = 1 ] || fail "$status: $file"
		assert_output --partial "cannot write the pid file '$file'"
		wait_until shut_at "$port"
	done
	assert_file_not_exist "$BATS_TEST_TMPDIR/victim"
}
@test "in a container, where it is process 1: fetches the dead, and ends" {
	local admin
	unshare -p -f --mount-proc true 2>/dev/null || skip "no namespaces"
	built admin-cmd
	port=$(free_port)
	admin=$(free_port)
	start sh -c 'echo "$0"; exec unshare -p -f --mount-proc "$@" >&2' "$port" \
		emailrelay --as-server --no-daemon --no-syslog $me --user=root \
		--spool-dir="$spool" --interface=127.0.0.1 --port="$port" \
		--admin="$admin" --admin-terminate \
		--pid-file="$BATS_TEST_TMPDIR/pid"
	wait_until open_at "$admin"
	wait_until test -s "$BATS_TEST_TMPDIR/pid"
	[ "$(cat "$BATS_TEST_TMPDIR/pid")" = 1 ]
	mail "$port"
	has_mail
	run nc -C -w 20 127.0.0.1 "$admin" <<<$'version\nterminate'
	assert_output --partial 'E-MailRelay> '
	refute_output --partial 'cannot terminate'
	wait_until gone "$pid"
	shut_at "$port"
}
@test "a port that is in use: exit 1, in the foreground and for the background" {
	local where in_use='Address already in use'
	# musl has other words, and is linked in
	! grep -qaF 'Address in use' "$bin/emailrelay" || in_use='Address in use'
	listen true
	where=$port
	fails "exception: cannot bind the listening port: 127.0.0.1:$where: $in_use" \
		--as-server --spool-dir="$spool" $me --interface=127.0.0.1 --port="$where"
	fails "exception: cannot bind the listening port: 127.0.0.1:$where: $in_use" \
		--as-server --spool-dir="$spool" $me --interface=127.0.0.1 --port="$where" \
		--no-daemon --pid-file="$BATS_TEST_TMPDIR/pid"
	assert_file_not_exist "$BATS_TEST_TMPDIR/pid"
}
@test "what dies is started again" {
	local listener
	relay --log
	listener=$(pgrep -P "$pid" tcpserver)
	kill -9 "$listener"
	wait_until grep -q 'was ended by signal 9, again in 1 s' "$log"
	wait_until mail "$port"
	has_mail
}
@test "the guard is replaced when it dies" {
	local guard
	relay --log
	guard=$(pgrep -P "$pid" -x emailrelay)
	kill -9 "$guard"
	another() {
		local now
		now=$(pgrep -P "$pid" -x emailrelay)
		[ -n "$now" ] && [ "$now" != "$guard" ]
	}
	wait_until another
	kill -9 "$pid"
	wait_until shut_at "$port"
}
@test "killed, it leaves nobody behind" {
	local all
	stored
	relay --log --forward-to=127.0.0.1:9 --poll=3600
	sender() { pgrep -P "$pid" smtp-send >/dev/null; }
	wait_until sender
	all=$(family)
	[ "$(wc -w <<<"$all")" -ge 3 ]
	kill -9 "$pid"
	wait_until shut_at "$port"
	wait_until gone $all
}

# --- addresses ---

@test "--interface: a list, with qualifiers" {
	run emailrelay --interface=127.0.0.1/smtp=127.0.0.2,pop=127.0.0.3 --port=1000 \
		--print=inetd
	assert_success
	assert_line --partial '127.0.0.1:1000 stream tcp '
	assert_line --partial '127.0.0.2:1000 stream tcp '
	refute_line --partial '127.0.0.3'
	run emailrelay --interface=pop=127.0.0.3 --print=inetd
	assert_line --partial '0.0.0.0:25 stream tcp '
	run emailrelay --interface=0.0.0.0,::,[::1] --print=inetd
	refute_line --partial '0.0.0.0'
	assert_line --partial '[::]:25 stream tcp6 '
	assert_line --partial '[::1]:25 stream tcp6 '
}
@test "two addresses, one of them IPv6" {
	needs systemd-socket-activate
	open_v6() { [ -e /proc/net/if_inet6 ] && grep -q '^0*1 ' /proc/net/if_inet6; }
	open_v6 || skip "no IPv6 here"
	at=127.0.0.1,::1 relay --as-server
	wait_until open_at "$port" ::1
	mail "$port" ::1
	has_mail
	rm "$spool"/emailrelay.*
	mail "$port"
	has_mail
	kill "$pid"
	wait "$pid"
	shut_at "$port" ::1
	shut_at "$port"
}
@test "--listener: nothing but what can do it" {
	fails "exception: cannot run the listener '/nonexistent/tcpserver': No such file or directory" \
		--as-server --listener=/nonexistent/tcpserver --print=tcpserver
	port=$(free_port)
	fails "exception: cannot bind the listening port: 127.0.0.1:$port: the listener did not start" \
		--as-server --spool-dir="$spool" $me --listener=/bin/true \
		--interface=127.0.0.1 --port="$port"
	if tcpserver 2>&1 | grep -q '6.*host port'; then
		skip "this tcpserver knows IPv6"
	fi
	run emailrelay --no-daemon --spool-dir="$spool" $me --interface=::1 \
		--port="$(free_port)" --listener="$(command -v tcpserver)"
	[ "$status" = 1 ]
	assert_output --partial 'exception: nothing here listens on IPv6 addresses: it takes tcpserver'
}
@test "--listener=systemd-socket-activate for IPv4, too" {
	needs systemd-socket-activate
	relay --as-server --listener="$(command -v systemd-socket-activate)"
	mail "$port"
	has_mail
}

# --- forwarding ---

@test "--as-client sends what is there and ends" {
	smarthost
	stored
	run timeout 20 emailrelay --as-client="$next" --spool-dir="$spool" $me
	assert_success
	assert_line --partial 'status=sent'
	has_mail "$far"
	is_empty
}
@test "--as-client with nothing to send" {
	run timeout 20 emailrelay --as-client=127.0.0.1:9 --spool-dir="$spool" $me
	assert_success
	assert_output 'emailrelay: no messages to send'
}
@test "--as-client and a server that is not there: exit 1, and all is kept" {
	stored
	run timeout 20 emailrelay -q 127.0.0.1:9 -s "$spool" $me
	[ "$status" = 1 ]
	assert_output --partial 'cannot connect to 127.0.0.1:9'
	has_mail
}
@test "--as-client and a server that refuses: .bad, and nothing is wrong" {
	start answer --reply 'RCPT=550 no'
	stored
	run timeout 20 emailrelay --as-client="127.0.0.1:$port" --spool-dir="$spool" $me
	assert_success
	[ "$(spooled bad)" = emailrelay.7.1000.1 ]
}
@test "--as-proxy forwards when the client has gone" {
	smarthost
	relay --as-proxy="$next"
	mail "$port"
	wait_until has_mail "$far"
	wait_until is_empty
}
@test "--immediate forwards before the reply" {
	smarthost
	relay --as-server --immediate --forward-to="$next"
	mail "$port"
	has_mail "$far"
	is_empty
}
@test "--poll forwards again and again, and SIGHUP at once" {
	smarthost
	relay --as-server --forward-to="$next" --poll=3600
	wait_until pgrep -P "$pid" smtp-send
	stored
	again() { kill -HUP "$pid" && has_mail "$far"; }
	wait_until again
}
@test "--forward forwards at the start, and serving goes on" {
	smarthost
	stored
	relay --as-server --forward-to="$next" --forward
	wait_until has_mail "$far"
	rm "$far"/emailrelay.*
	mail "$port"
	has_mail
	is_empty && fail "it was forwarded"
	[ -z "$(pgrep -P "$pid" smtp-send)" ]
}
@test "--dont-serve alone is nothing to do" {
	run timeout 20 emailrelay --dont-serve --spool-dir="$spool" $me
	assert_success
	assert_output --partial 'nothing to do'
}

# --- files ---

@test "a file as the last argument, or by --config; the command line wins" {
	printf '%s\n' 'as-proxy smart.test:25' 'interface 127.0.0.7' 'port 4000' \
		>"$BATS_TEST_TMPDIR/relay.conf"
	run emailrelay --port=5000 --print=tcpserver "$BATS_TEST_TMPDIR/relay.conf"
	assert_success
	assert_line --regexp ' 127\.0\.0\.7 5000 .* --poll=0 --forward-to=smart\.test:25'
	local once=$output
	run emailrelay --print=tcpserver --config "$BATS_TEST_TMPDIR/relay.conf" -p 5000
	assert_output "$once"
	echo 'prt 1' >>"$BATS_TEST_TMPDIR/relay.conf"
	run emailrelay "$BATS_TEST_TMPDIR/relay.conf"
	[ "$status" = 1 ]
	assert_output "emailrelay: $BATS_TEST_TMPDIR/relay.conf:4: invalid option: prt, did you mean port?"
}
@test "a password in the file is in no argument" {
	smarthost
	printf '%s\n' "client-auth plain:bmFtZQ==:c2VjcmV0" "forward-to $next" log \
		'poll 3600' >"$BATS_TEST_TMPDIR/relay.conf"
	relay --config="$BATS_TEST_TMPDIR/relay.conf"
	wait_until pgrep -P "$pid" smtp-send
	run ps -o args= -p "$(family | tr ' ' ,)"
	assert_line --partial /smtp-send
	assert_line --partial /tcpserver
	refute_output --partial c2VjcmV0
	mail "$port"
}
@test "a password in the file gets to the server" {
	far=$BATS_TEST_TMPDIR/far
	mkdir "$far"
	echo 'server LOGIN name secret' >"$BATS_TEST_TMPDIR/secrets"
	chmod 600 "$BATS_TEST_TMPDIR/secrets"
	listen smtp-recv $me --spool-dir="$far" --server-auth="$BATS_TEST_TMPDIR/secrets"
	printf '%s\n' "client-auth plain:bmFtZQ==:c2VjcmV0" \
		"as-proxy 127.0.0.1:$port" >"$BATS_TEST_TMPDIR/relay.conf"
	port=
	relay "$BATS_TEST_TMPDIR/relay.conf"
	mail "$port"
	wait_until has_mail "$far"
	grep -q '^X-MailRelay-Authentication: name' "$far"/*.envelope
}
@test "a password on a descriptor, for --as-client" {
	far=$BATS_TEST_TMPDIR/far
	mkdir "$far"
	echo 'server LOGIN name secret' >"$BATS_TEST_TMPDIR/secrets"
	chmod 600 "$BATS_TEST_TMPDIR/secrets"
	listen smtp-recv $me --spool-dir="$far" --server-auth="$BATS_TEST_TMPDIR/secrets"
	stored
	run timeout 20 emailrelay --as-client="127.0.0.1:$port" --spool-dir="$spool" \
		$me --client-auth=fd:3 3<<<'client LOGIN name secret'
	assert_success
	has_mail "$far"
	fails 'usage error: --client-auth=fd:N is for --as-client and --dont-serve: a descriptor can be read only once' \
		--as-proxy=x:1 --client-auth=fd:3
}
@test "a relative path behind file: is the caller's, too" {
	cd "$BATS_TEST_TMPDIR"
	run emailrelay --as-proxy=x:1 --client-auth=file:client --print=tcpserver
	assert_output --partial " --client-auth=file:$PWD/client"
	fails 'usage error: in daemon mode the authorisation secrets file(s) must be absolute paths' \
		--as-proxy=x:1 --client-auth=file:client
	printf '%s\n' 'client-auth file:client' >conf
	run emailrelay --as-proxy=x:1 --print=tcpserver conf
	assert_output --partial " --client-auth=file:$PWD/client"
}
@test "relative paths are the caller's" {
	cd "$BATS_TEST_TMPDIR"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mx.test \
		-keyout key.pem -out cert.pem 2>/dev/null || skip "no openssl"
	cat key.pem >>cert.pem
	port=$(free_port)
	run timeout 20 emailrelay --as-server --no-syslog --spool-dir="$spool" $me \
		--port="$port" --interface=127.0.0.1 --pid-file="$PWD/pid" \
		--server-tls=cert.pem 3>&-
	assert_success
	pid=$(cat pid)
	run openssl s_client -starttls smtp -connect "127.0.0.1:$port" <<<QUIT
	kill "$pid"
	assert_output --partial 'subject=CN = mx.test'
}
@test "as root: a listener that needs no secrets is not root any more" {
	[ "$(id -u)" = 0 ] || skip "not root"
	away=$(mktemp -d)
	chmod 755 "$away"
	mkdir "$away/spool"
	chown daemon:daemon "$away/spool"
	setpriv --reuid=daemon --regid=daemon --clear-groups \
		test -x "$bin/smtp-recv" || skip "daemon cannot reach the programs"
	spool=$away/spool me='' relay --as-server --pid-file="$away/pid"
	[ "$(stat -c %G "$away/pid")" = daemon ]
	[ "$(ps -o user= -p "$(pgrep -P "$pid" tcpserver)")" = daemon ]
	mail "$port"
	spool=$away/spool has_mail
	[ "$(stat -c %U "$away"/spool/*.envelope)" = daemon ]
}
@test "as root: the secrets of a proxy have to be readable for who forwards" {
	[ "$(id -u)" = 0 ] || skip "not root"
	local secrets
	away=$(mktemp -d)
	chmod 755 "$away"
	secrets=$away/secrets spool=$away/spool
	mkdir "$spool"
	echo 'client LOGIN me secret' >"$secrets"
	chmod 600 "$secrets"
	chmod 777 "$spool"
	setpriv --reuid=daemon --regid=daemon --clear-groups \
		test -x "$bin/smtp-recv" || skip "daemon cannot reach the programs"
	run emailrelay --as-proxy=127.0.0.1:9 --spool-dir="$spool" \
		--port="$(free_port)" --client-auth="$secrets"
	[ "$status" = 1 ]
	assert_output --partial "cannot read secrets file: reading \"$secrets\" for client secrets"
	chgrp daemon "$secrets"
	chmod 640 "$secrets"
	me='' relay --as-proxy=127.0.0.1:9 --client-auth="$secrets"
	open_at "$port"
}
@test "as root: terminate, though the administrator is not root" {
	local admin
	[ "$(id -u)" = 0 ] || skip "not root"
	built admin-cmd
	away=$(mktemp -d)
	chmod 755 "$away"
	spool=$away/spool
	mkdir "$spool"
	chown daemon:daemon "$spool"
	setpriv --reuid=daemon --regid=daemon --clear-groups \
		test -x "$bin/smtp-recv" || skip "daemon cannot reach the programs"
	admin=$(free_port)
	me='' relay --as-server --admin="$admin" --admin-terminate \
		--pid-file="$away/pid"
	nc -C -w 20 127.0.0.1 "$admin" <<<terminate >/dev/null || true
	wait_until gone "$pid"
	shut_at "$port"
	assert_file_not_exist "$away/pid"
}

# --- the environment ---

@test "options come from the environment, and reach who is started" {
	smarthost
	port=$(free_port)
	export SLUICE_AS_PROXY=$next SLUICE_PORT=$port SLUICE_SIZE=4000 \
		SLUICE_INTERFACE=127.0.0.1 SLUICE_LOG=yes SLUICE_DOMAIN=env.test
	start sh -c 'echo "$0"; exec emailrelay "$@" >&2' "$port" --no-daemon \
		--no-syslog --spool-dir="$spool" $me
	wait_until open_or_dead
	unset "${!SLUICE_@}"
	run nc -C -N 127.0.0.1 "$port" <<<$'EHLO x\nQUIT'
	assert_output --partial '220 env.test'
	assert_output --partial 'SIZE 4000'
	mail "$port"
	wait_until has_mail "$far"
}
@test "options from the environment reach the trial of who forwards, too" {
	export SLUICE_CLIENT_AUTH=$BATS_TEST_TMPDIR/missing SLUICE_FORWARD_TO=127.0.0.1:1
	run emailrelay --dont-serve --forward --no-daemon --no-syslog \
		--spool-dir="$spool" $me
	assert_failure
	assert_output --partial "exception: smtp-send: --client-auth: cannot find"
}
@test "from the environment, too, mail goes on at once and by the clock" {
	smarthost
	port=$(free_port)
	export SLUICE_FORWARD_TO=$next SLUICE_PORT=$port SLUICE_INTERFACE=127.0.0.1 \
		SLUICE_FORWARD_ON_DISCONNECT=yes SLUICE_POLL=600 SLUICE_SPOOL_DIR=$spool
	start sh -c 'echo "$0"; exec emailrelay "$@" >&2' "$port" --no-daemon --no-syslog $me
	wait_until open_or_dead
	unset "${!SLUICE_@}"
	mail "$port"
	wait_until has_mail "$far"
}
@test "options from the environment reach systemd-socket-activate's programs" {
	needs systemd-socket-activate
	SLUICE_DOMAIN=env.test relay --as-server \
		--listener="$(command -v systemd-socket-activate)"
	run nc -C -N 127.0.0.1 "$port" <<<$'QUIT'
	assert_output --partial '220 env.test'
}
@test "options from the environment are not printed" {
	SLUICE_SIZE=7 run emailrelay --print=inetd
	[ "$status" = 1 ]
	assert_output --partial 'exception: --size comes from the environment'
	SLUICE_PRINT=inetd run emailrelay
	assert_success
}
