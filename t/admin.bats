#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# The administration interface: each command, its words to the octet, and who
# may use it.
load helper
load send
load admin

setup() { prepare; more=--no-syslog; }

# is STATES N: the first N messages.
is() { [ "$(states "$2")" = "$1" ]; }

# --- the conversation ---

@test "nothing is said before the first command, then a prompt behind each" {
	type_in ''
	said ''
	type_in '\r\n'
	said "$ask"
	type_in '\r\nversion\r\n\r\n'
	assert_success
	said "${ask}0.1\r\n$ask$ask"
}

@test "quit closes, and nothing behind it is obeyed" {
	type_in 'quit\r\nversion\r\n'
	said ''
}

@test "LF is enough, blanks do not matter, and neither does case" {
	type_in 'VerSion\n  version \t\r\nlist\n'
	said "0.1\r\n${ask}0.1\r\n${ask}<none>\r\n$ask"
}

@test "what begins with a command is that command" {
	type_in 'listing\r\nversion 7\r\nlis\r\n'
	said "<none>\r\n${ask}0.1\r\n${ask}error: unrecognised command\r\n$ask"
}

@test "help" {
	type_in 'help\r\n'
	said "commands: copyright, credit, failures, flush, forward, health, help, info, list, notify, pid, quit, status, unfail-all, version, warranty\r\n$ask"
	more="$more --admin-terminate"
	type_in 'help\r\n'
	said "commands: copyright, credit, failures, flush, forward, health, help, info, list, notify, pid, quit, smtp, status, terminate, unfail-all, version, warranty\r\n$ask"
}

@test "copyright, credit, warranty and version, by their own or by info" {
	local topic
	for topic in copyright warranty version; do
		type_in "$topic\r\n"
		refute_output --partial 'error:'
		local whole=$output
		assert [ "${#whole}" -gt 15 ]
		type_in "info $topic\r\n"
		assert_output "$whole"
	done
	type_in 'credit\r\n'
	said "$ask"
}

@test "in pieces of any size, and by inetd with stderr on the socket" {
	local n
	for n in 1 2 7; do
		run "$BATS_TEST_DIRNAME/talk" -2 -c $n admin-cmd $me \
			--spool-dir="$spool" --log <<<$'version\r\nlist\r'
		said "0.1\r\n${ask}<none>\r\n${ask}"
	done
}

@test "by tcpserver and nc, and several at a time" {
	command -v nc >/dev/null || skip "nc is not installed"
	listen admin-cmd $me --spool-dir="$spool" --no-syslog
	local i pids_of_nc=()
	for i in 1 2 3 4; do
		printf 'list\r\nversion\r\nquit\r\n' |
			timeout 10 nc 127.0.0.1 "$port" >"$BATS_TEST_TMPDIR/nc.$i" &
		pids_of_nc+=($!)
	done
	wait "${pids_of_nc[@]}"
	for i in 1 2 3 4; do
		output=$(cat "$BATS_TEST_TMPDIR/nc.$i")
		said "<none>\r\n${ask}0.1\r\n$ask"
	done
}

# Each command but terminate, and what has to be in its answer: events are
# somewhere, smtp and forward end with OK.
every_command() {
	serve
	local server=$port
	post 1 2
	mv "$spool/$(id 2).envelope" "$spool/$(id 2).envelope.bad"
	listen admin-cmd $me --spool-dir="$spool" --no-syslog \
		--admin-terminate --forward-to="127.0.0.1:$server"
	all=(copyright credit failures flush forward health help info list
		notify pid 'smtp disable' status 'smtp enable' unfail-all version
		warranty bogus)
}
answered() {
	local want
	output=$(tr -d '\r' <"$screen")
	for want in 'Sluice 0.1' "$ask$(id 2)" "${ask}OK" \
		"${ask}OK: oldest message" "${ask}commands: copyright" \
		"${ask}OUT started: " 'EVENT: store: update: ' \
		"$ask$pid" 'SMTP: disabled' "${ask}0.1" 'without warranty' \
		'error: unrecognised command'; do
		grep -qF -- "$want" <<<"$output" || fail "no $want in $output"
	done
	[ -z "$(spooled bad)" ]
}
@test "each command by nc, one after the other" {
	local screen=$BATS_TEST_TMPDIR/screen
	needs nc
	every_command
	{
		printf '%s\n' "${all[@]}"
		wait_until grep -q unrecognised "$screen"
		echo quit
	} | timeout 60 nc 127.0.0.1 "$port" >"$screen"
	answered
	echo terminate | timeout 20 nc 127.0.0.1 "$port" || true
	wait_until eval '! kill -0 "$pid" 2>/dev/null'
}
@test "each command by telnet, one after the other" {
	local screen=$BATS_TEST_TMPDIR/screen
	needs telnet
	every_command
	# at the end of its input it would go without the answers
	{
		printf '%s\n' "${all[@]}"
		wait_until grep -q unrecognised "$screen"
		echo quit
		wait_until grep -q 'closed by' "$screen"
	} | timeout 60 telnet 127.0.0.1 "$port" >"$screen" 2>&1 || true
	answered
}

# --- messages ---

@test "list has what is to be sent, failures what was given up" {
	post 1 2 3
	mv "$spool/$(id 2).envelope" "$spool/$(id 2).envelope.bad"
	type_in 'list\r\nfailures\r\n'
	said "$(id 1)\n$(id 3)\n$ask$(id 2)\n$ask"
}

@test "what cannot be read is left out, and the log says so" {
	post 1 2
	: >"$spool/$(id 1).envelope"
	type_in 'list\r\n'
	said "$(id 2)\n$ask"
	[[ $stderr == *"ignoring \"$spool/$(id 1).envelope\""* ]]
}

@test "unfail-all has failures tried again, with their reasons" {
	post 1 2 3
	for n in 1 2; do
		printf 'X-MailRelay-Reason: no %s\r\nX-MailRelay-ReasonCode: 550\r\n' \
			$n >>"$spool/$(id $n).envelope"
		mv "$spool/$(id $n).envelope" "$spool/$(id $n).envelope.bad"
	done
	: >"$spool/$(id 2).envelope.bad"
	type_in 'unfail-all\r\n'
	said "$ask"
	[ "$(states 3)" = "ready bad ready" ]
	grep -q '^X-MailRelay-Reason: no 1' "$spool/$(id 1).envelope"
}

# --- flush ---

@test "flush without --forward-to" {
	post 1
	type_in 'flush\r\n'
	said "error: no remote server configured: use --forward-to\r\n$ask"
	admin flush
	assert_failure 64
	[ "$(states 1)" = ready ]
}

@test "flush with nothing to send" {
	type_in 'flush\r\n' --forward-to=127.0.0.1:9
	said "error: no messages to send\r\n$ask"
	admin --forward-to=127.0.0.1:9 flush
	assert_success
	assert_output 'error: no messages to send'
}

@test "flush sends all, whatever the time of the next try is" {
	serve
	post 1 2 3
	touch -d '@4000000000' "$spool/$(id 2).envelope"
	printf 'X-Sluice-Deferred: 1 4000000000 not now\r\n' \
		>>"$spool/$(id 2).envelope"
	touch -d '@4000000000' "$spool/$(id 2).envelope"
	type_in 'flush\r\n' --forward-to="127.0.0.1:$port"
	said 'OK\r\n'
	[ "$(states 3)" = "gone gone gone" ]
	[ "$(arrived)" = 3 ]
}

@test "flush, with nobody there" {
	post 1
	type_in 'flush\r\n' --forward-to=127.0.0.1:9
	assert_output --regexp '^error: cannot connect to 127\.0\.0\.1:9'
	[ "$(states 1)" = ready ]
	admin --forward-to=127.0.0.1:9 flush
	assert_failure 75
}

@test "flush, with a name or a proxy that is none" {
	post 1
	admin --forward-to=localhost:nosuchservice flush
	assert_failure 75
	assert_output --regexp '^error: dns error: localhost:nosuchservice: '
	start "$BATS_TEST_DIRNAME/socksd"
	admin --forward-to="127.0.0.1:9@127.0.0.1:$port" flush
	assert_failure 75
	assert_output --regexp '^error: socks error: 127.0.0.1:9: '
	[ "$(states 1)" = ready ]
}

@test "flush, with a filter that leaves the message alone" {
	serve
	post 1
	printf '#!/bin/sh\nexit 100\n' >"$BATS_TEST_TMPDIR/filter"
	chmod 755 "$BATS_TEST_TMPDIR/filter"
	admin --forward-to="127.0.0.1:$port" \
		--client-filter="$BATS_TEST_TMPDIR/filter" flush
	assert_failure 75
	assert_output 'error: left alone by the filter'
}

@test "flush, with a server that does not want to talk" {
	serve --greeting '554 no'
	post 1
	admin --forward-to="127.0.0.1:$port" flush
	assert_failure 75
	assert_output --regexp '^error: protocol error: unexpected response: .*no$'
}

@test "flush, with a server that hangs up" {
	serve --close MAIL
	post 1
	admin --forward-to="127.0.0.1:$port" flush
	assert_failure 75
	assert_output --partial 'error: read error: disconnected'
	[ "$(states 1)" = deferred ]
}

@test "flush tells what was refused and what was put off" {
	serve --reply 'RCPT:1=550 5.1.1 nobody' --reply 'RCPT:2=450 4.2.0 later'
	post 1 2 3
	admin --forward-to="127.0.0.1:$port" flush
	assert_failure 69
	assert_output --regexp '^OK: 1 sent, 1 refused, 1 put off: '
	[ "$(states 3)" = "bad deferred gone" ]
}

@test "meanwhile other commands are answered, a second flush is not" {
	serve --delay-ms 200
	post 1
	type_in 'flush\r\nflush\r\nversion\r\nquit\r\n' \
		--forward-to="127.0.0.1:$port"
	said "error: still working\r\n0.1\r\n${ask}OK\r\n"
	[ "$(states 1)" = gone ]
}

# deaf ADMIN...: a client who asks for a flush and for much more, and reads
# nothing of it before $BATS_TEST_TMPDIR/read is there.
deaf() {
	python3 -c 'import os, socket, subprocess, sys, time
ours, theirs = socket.socketpair()
subprocess.Popen(sys.argv[2:], stdin=theirs, stdout=theirs)
theirs.close()
ours.sendall(b"flush\r\n" + 200 * b"failures\r\n" + b"quit\r\n")
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
sys.stdout.write(ours.makefile().read())' \
		"$BATS_TEST_TMPDIR/read" "$@" >"$BATS_TEST_TMPDIR/deaf" 3>&-
}
# copies FROM TO ENVELOPE: more of message 1.
copies() {
	python3 -c 'import os, sys
spool, first, last, name = sys.argv[1:]
for i in range(int(first), int(last) + 1):
    for old, new in ("content", "content"), ("envelope", name):
        os.link(f"{spool}/emailrelay.7.1000.1.{old}",
                f"{spool}/emailrelay.7.1000.{i}.{new}")
' "$spool" "$@"
	# a file has one name
	cp -r "$spool" "$spool.copy"
	rm -r "$spool"
	mv "$spool.copy" "$spool"
}
@test "a client who reads nothing holds nobody up: what he has flushed is sent" {
	serve
	post 1
	copies 2 800 envelope
	copies 1001 1100 envelope.bad
	deaf admin-cmd $me --spool-dir="$spool" --no-syslog \
		--forward-to="127.0.0.1:$port" &
	pids+=($!)
	wait_until eval '[ -z "$(find "$spool" -name "*.envelope" -o -name "*.busy")" ]'
	[ ! -e "$BATS_TEST_TMPDIR/read" ]
	touch "$BATS_TEST_TMPDIR/read"
	wait "${pids[-1]}"
	[ "$(grep -c '1000.1001$' "$BATS_TEST_TMPDIR/deaf")" = 200 ]
	[ "$(grep -c '1000.1100$' "$BATS_TEST_TMPDIR/deaf")" = 200 ]
	grep -q 'OK$' "$BATS_TEST_TMPDIR/deaf"
	run ! grep -q 'OK: ' "$BATS_TEST_TMPDIR/deaf"
}

@test "who hangs up gets no answer, but the mail is sent" {
	serve
	post 1
	run "$BATS_TEST_DIRNAME/talk" -r admin-cmd $me --spool-dir="$spool" \
		--no-syslog --forward-to="127.0.0.1:$port" <<<$'flush\r'
	wait_until is gone 1
}

@test "forward is not waited for" {
	serve --delay-ms 200
	post 1
	admin --forward-to="127.0.0.1:$port" forward
	assert_success
	assert_output OK
	[ "$(states 1)" != gone ]
	wait_until is gone 1
}

@test "every option of smtp-send is handed down" {
	local option missing=
	for option in $(smtp-send --help | grep -oE -- ' --[a-z-]+' | sort -u); do
		case $option in
		# what makes it another program, or what we do ourselves
		--check | --json | --hand-back | --report | --poll | --forward-on-disconnect | \
			--config | --help | --version) continue ;;
		esac
		admin-cmd --help | grep -qE -- " $option(=|,| |\$)" ||
			missing="$missing $option"
	done
	[ -z "$missing" ] || fail "admin-cmd does not take:$missing"
}

@test "options are handed down with their values" {
	serve
	post 1
	admin --forward-to="127.0.0.1:$port" --domain=here.test flush
	assert_output OK
	grep -q '^C: EHLO here.test\|EHLO here.test' "$said"
}

# A suite in a directory of its own, whose smtp-send notes how it was started.
watched() {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	cp "$bin/admin-cmd" "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/smtp-send" <<-EOF
		#!/bin/sh
		printf '%s\n' "\$@" >>'$BATS_TEST_TMPDIR/arguments'
		exec '$bin/smtp-send' "\$@"
	EOF
	chmod 755 "$BATS_TEST_TMPDIR/bin/smtp-send"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "a password in the configuration file is in nobody's arguments" {
	local plain=AGFubgBob3JzZQ==
	watched
	serve --ehlo "AUTH PLAIN"
	post 1 2
	printf '%s\n' "forward-to 127.0.0.1:$port" \
		'client-auth plain:YW5u:aG9yc2U=' >"$BATS_TEST_TMPDIR/conf"
	admin --config="$BATS_TEST_TMPDIR/conf" flush
	assert_output OK
	# the environment wins, and smtp-send reads what it names: once
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	echo 'plain:Ym9i:aG9yc2U=' >"$BATS_TEST_TMPDIR/fifo" 3>&- &
	post 3
	SLUICE_CLIENT_AUTH_FILE=$BATS_TEST_TMPDIR/fifo \
		admin --config="$BATS_TEST_TMPDIR/conf" flush
	assert_output OK
	[ "$(said_times "^AUTH PLAIN $plain")" = 1 ]
	[ "$(said_times "^AUTH PLAIN AGJvYgBob3JzZQ==")" = 1 ]
	[ -s "$BATS_TEST_TMPDIR/arguments" ]
	run ! grep client-auth "$BATS_TEST_TMPDIR/arguments"
}

@test "the configuration file need not be smtp-send's" {
	watched
	serve
	post 1
	sed -i "2i [ -z \"\${SLUICE_CONFIG:-}\" ] || exit 78" \
		"$BATS_TEST_TMPDIR/bin/smtp-send"
	echo "forward-to 127.0.0.1:$port" >"$BATS_TEST_TMPDIR/conf"
	SLUICE_CONFIG=$BATS_TEST_TMPDIR/conf admin flush
	assert_output OK
}

@test "flush is one round, whatever the environment has for smtp-send" {
	serve
	post 1 2
	export SLUICE_POLL=3600 SLUICE_FORWARD_ON_DISCONNECT=yes
	run timeout 20 admin-cmd $me --spool-dir="$spool" --no-syslog \
		--forward-to="127.0.0.1:$port" flush
	assert_output OK
	post 3
	admin --forward-to="127.0.0.1:$port" forward
	assert_output OK
	wait_until is "gone gone gone" 3
	wait_until eval '! pgrep -f -- "--spool-dir=$spool.*--forward-on"'
}

zombies() { ps -o stat= --ppid "$1" | grep -c ^Z; }
few_zombies() {
	printf 'forward\r\n' >&5
	sleep 0.1
	[ "$(zombies "$1")" -le 2 ]
}

@test "forward leaves no zombies in a long conversation" {
	listen admin-cmd $me --spool-dir="$spool" --no-syslog \
		--forward-to=127.0.0.1:9
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	printf 'forward\r\n%.0s' 1 2 3 4 5 6 7 8 9 >&5
	local i child
	for i in 1 2 3 4 5 6 7 8 9; do
		read -r -t 10 _ <&5
	done
	child=$(pgrep -P "$pid")
	wait_until few_zombies "$child"
	exec 5>&-
}

# --- numbers ---

@test "info begins with what it has always had" {
	receive 2
	type_in 'info\r\n'
	assert_line --index 0 'OUT started: 0'
	assert_line --index 1 'OUT finished: 0'
	assert_line 'IN started: 2'
	assert_line 'IN finished: 2'
	refute_output --partial $'\r\n'
}

@test "info counts messages in and out" {
	serve --reply 'RCPT:1=550 no' --reply 'RCPT:2=450 later'
	receive 3
	post 1 2
	spool-submit --spool-dir="$spool" x@b.test <<<hello
	printf '%s\r\n' 'HELO c' 'MAIL FROM:<a@a.test>' 'RCPT TO:<x' QUIT |
		smtp-recv $me --spool-dir="$spool" | cat >/dev/null
	admin --forward-to="127.0.0.1:$port" flush
	is_number 'IN received' 3
	is_number 'IN refused' 1
	is_number 'IN submitted' 1
	is_number 'IN started' 4
	is_number 'OUT sent' 4
	is_number 'OUT failed' 1
	is_number 'OUT deferred' 1
	is_number 'OUT started' 1
	is_number 'OUT finished' 1
}

@test "info tells who is connected now, and not who was killed" {
	listen smtp-recv $me --spool-dir="$spool" --no-syslog
	exec 5<>"/dev/tcp/127.0.0.1/$port" 6<>"/dev/tcp/127.0.0.1/$port"
	wait_until is_number 'IN now' 2
	is_number 'IN finished' 0
	echo $'QUIT\r' >&5
	wait_until is_number 'IN now' 1
	is_number 'IN finished' 1
	pkill -KILL -P "$pid"
	wait_until is_number 'IN now' 0
	is_number 'IN started' 2
	is_number 'IN finished' 2
	exec 5>&- 6>&-
}

@test "info tells between whom the connections are" {
	listen smtp-recv $me --spool-dir="$spool" --no-syslog
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	wait_until is_number 'IN now' 1
	[[ $(number IN) =~ ^127\.0\.0\.1:$port\ \<-\ 127\.0\.0\.1:[0-9]+$ ]]
	is_number OUT ''
	exec 5>&-
	wait_until is_number 'IN now' 0
	is_number IN ''
	serve --silent MAIL:1
	post 1
	smtp-send $me --spool-dir="$spool" --no-syslog \
		--forward-to="127.0.0.1:$port" 3>&- &
	pids+=("$!")
	wait_until is_number 'OUT now' 1
	[[ $(number OUT) = 127.0.0.1:*' -> '127.0.0.1:$port ]]
	type_in 'info\r\n'
	[[ $output = *$'OUT now: 1\nOUT: 127.0.0.1:'* ]]
}
@test "info tells of POP clients, and of what a proxy has said" {
	echo 'server LOGIN bob pass' >"$BATS_TEST_TMPDIR/auth"
	chmod 600 "$BATS_TEST_TMPDIR/auth"
	listen pop3-serve $me --no-syslog --spool-dir="$spool" \
		--pop-auth="$BATS_TEST_TMPDIR/auth"
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	wait_until is_number 'POP now' 1
	[[ $(number POP) = "127.0.0.1:$port <- 127.0.0.1:"* ]]
	listen smtp-recv $me --spool-dir="$spool" --no-syslog \
		--proxy-protocol=127.0.0.1 --remote-clients
	exec 6<>"/dev/tcp/127.0.0.1/$port"
	printf 'PROXY TCP4 192.0.2.7 192.0.2.1 4321 25\r\n' >&6
	wait_until is_number 'IN now' 1
	is_number IN "127.0.0.1:$port <- 192.0.2.7:4321"
	exec 5>&- 6>&-
}

@test "a counters file of another form is left alone, and mail goes on" {
	echo 'hello, world' >"$spool/.counters"
	receive
	[ "$(spooled | wc -l)" = 1 ]
	[ "$(cat "$spool/.counters")" = 'hello, world' ]
	admin info
	assert_failure 65
	assert_output --partial 'error: cannot read'
}

# shared: a spool that daemon's group may write to, where others can see it.
shared() {
	[ "$EUID" = 0 ] || skip "needs root"
	away=$(mktemp -d)
	spool=$away
	chgrp daemon "$away"
	chmod 775 "$away"
}
teardown() {
	stop_all
	[ -z "${away:-}" ] || rm -rf "$away"
}

@test "what root has made in the spool, its group can use" {
	shared
	receive
	[ "$(stat -c %U:%G:%a "$spool/.counters")" = root:daemon:660 ]
	[ "$(stat -c %U:%G:%a "$spool"/*.content)" = root:daemon:660 ]
	me=--user=daemon
	receive
	is_number 'IN received' 2
	admin info
	assert_success
	assert_line 'IN received: 2'
	admin list
	[ "${#lines[@]}" = 2 ]
}

@test "counters that cannot be read are told of, and status has the rest" {
	shared
	receive
	chown root:root "$spool/.counters"
	me=--user=daemon
	admin info
	assert_failure 77
	assert_output "error: cannot read '$spool/.counters': Permission denied"
	admin status
	assert_failure 77
	assert_line "error: cannot read '$spool/.counters': Permission denied"
	assert_line 'SPOOL ready: 1'
	assert_line 'SMTP: enabled'
}

@test "status has the spool, too" {
	post 1 2
	mv "$spool/$(id 2).envelope" "$spool/$(id 2).envelope.hold"
	admin status
	assert_success
	assert_line 'SPOOL ready: 1'
	assert_line 'SPOOL hold: 1'
	assert_line 'SPOOL bad: 0'
	assert_line 'SMTP: enabled'
}

# --- health ---

@test "health is silent" {
	post 1
	run admin-cmd $me --spool-dir="$spool" --log health
	assert_success
	refute_output
	[ "$(ls -A "$spool" | wc -l)" = 2 ]
	admin health 1h
	assert_success
	refute_output
	admin --verbose health
	assert_output --regexp '^OK: oldest message [0-9]+ seconds$'
}

@test "health knows how old the oldest message is" {
	post 1 2
	touch -d '2 hours ago' "$spool/$(id 1).content"
	admin health 3h
	assert_success
	admin health 1h
	assert_failure 69
	assert_output --regexp '^error: a message has been waiting for 72[0-9][0-9] seconds$'
	admin health soon
	assert_failure 64
}

@test "health knows a spool that cannot be written to" {
	run admin-cmd $me --spool-dir="$spool/none" health
	assert_failure 66
	[ -n "$me" ] || skip "not root"
	chmod -R go+rX "$BATS_TEST_TMPDIR"
	run admin-cmd --user=nobody --spool-dir="$spool" health
	assert_failure 69
	assert_output --partial 'error: cannot write to the spool'
}

# --- by arguments ---

@test "a command as arguments: no prompt, LF, and the name in full" {
	admin version
	assert_success
	said '0.1'
	admin info version
	said '0.1'
	admin versions
	assert_failure 64
	assert_output 'error: unrecognised command'
	admin list
	said '<none>'
	admin "$(printf 'version\001')"
	assert_failure 64
}

@test "nothing else is done for want of a spool" {
	run admin-cmd $me --spool-dir="$spool/none" list
	assert_failure 66
	assert_output --partial 'cannot open spool'
}

# --- smtp ---

@test "smtp disable and enable" {
	type_in 'smtp disable\r\n'
	said "error: unrecognised command\r\n$ask"
	more="$more --admin-terminate"
	type_in 'smtp disable\r\nsmtp\r\nstatus\r\n'
	assert_output --partial $'OK\r\n'
	assert_output --partial 'error: usage: smtp {enable|disable}'
	assert_output --partial 'SMTP: disabled'
	run smtp-recv $me --spool-dir="$spool" <<<$'HELO c\r'
	assert_output $'421 4.3.2 service not available\r'
	type_in 'smtp enable\r\nsmtp enable\r\n'
	said "OK\r\n${ask}OK\r\n$ask"
	receive
	[ "$(spooled | wc -l)" = 1 ]
}

# --- terminate ---

# A process whose id is in a file older than... or not.
sleeper() {
	setsid sleep 1000 3>&- &
	sleeper=$!
	pids+=("$sleeper")
}
lives() { kill -0 "$1" 2>/dev/null; }
is_dead() { ! lives "$1"; }

@test "terminate is not there without --admin-terminate" {
	sleeper
	echo "$sleeper" >"$BATS_TEST_TMPDIR/pid"
	type_in 'terminate\r\n' --pid-file="$BATS_TEST_TMPDIR/pid"
	said "error: unrecognised command\r\n$ask"
	lives "$sleeper"
}

@test "terminate ends what the pid-file names, without a reply" {
	sleeper
	echo "$sleeper" >"$BATS_TEST_TMPDIR/pid"
	more="$more --admin-terminate --pid-file=$BATS_TEST_TMPDIR/pid"
	type_in 'pid\r\nterminate\r\nversion\r\n'
	said "$sleeper\r\n$ask"
	wait "$sleeper" || [ $? = 143 ]
}

@test "what was asked before terminate is answered, though it ends the session" {
	local said
	sleeper
	echo "$sleeper" >"$BATS_TEST_TMPDIR/pid"
	# the answers are there before the one who is named ends, or stays
	kill -STOP "$sleeper"
	more="$more --admin-terminate --pid-file=$BATS_TEST_TMPDIR/pid"
	mkfifo "$BATS_TEST_TMPDIR/answers"
	said=$(printf 'version\r\nterminate\r\n' |
		strace -f -o "$BATS_TEST_TMPDIR/calls" \
			-e trace=write,writev,sendto,sendmsg,pidfd_send_signal \
			admin-cmd $me --spool-dir="$spool" $more 2>/dev/null) ||
		skip "no strace here"
	kill -CONT "$sleeper"
	[ "$said" = "0.1"$'\r\n'"$ask" ]
	sed -n '/0\.1/,$p' "$BATS_TEST_TMPDIR/calls" | grep -q pidfd_send_signal
}

@test "terminate does not believe a pid-file that is wrong" {
	local file=$BATS_TEST_TMPDIR/pid
	more="$more --admin-terminate --pid-file=$file"
	local text
	for text in '' 0 1 -1 -5 +7 07 ' ' x '12 13' 99999999999 4194305; do
		echo "$text" >"$file"
		admin terminate
		assert_failure 69
		assert_output 'error: cannot terminate: there is no process id in it'
	done
	rm "$file"
	admin terminate
	assert_output 'error: cannot terminate: No such file or directory'
	ln -s /dev/null "$file"
	admin terminate
	assert_output --partial 'error: cannot terminate: '
}

@test "terminate does not end who has come by the number later" {
	sleeper
	local file=$BATS_TEST_TMPDIR/pid
	echo "$sleeper" >"$file"
	touch -d '1 minute ago' "$file"
	more="$more --admin-terminate --pid-file=$file"
	admin terminate
	assert_failure 69
	assert_output 'error: cannot terminate: the process is younger than the file'
	touch "$file"
	chmod o+w "$file"
	admin terminate
	assert_output 'error: cannot terminate: anybody may write to it'
	lives "$sleeper"
}

@test "terminate ends the tcpserver we work for" {
	listen admin-cmd $me --spool-dir="$spool" --no-syslog --admin-terminate
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	printf 'pid\r\nterminate\r\n' >&5
	run cat <&5
	exec 5>&-
	said "$pid\r\n$ask"
	wait_until is_dead "$pid"
}

@test "terminate ends nobody else's parent" {
	type_in 'terminate\r\n' --admin-terminate
	said "error: cannot terminate: no --pid-file, and not started by tcpserver\r\n$ask"
	admin --admin-terminate terminate
	assert_failure 69
}

# --- who may, and who is up to no good ---

@test "other machines may not, but with --remote-clients" {
	export TCPREMOTEIP=192.0.2.7
	type_in 'version\r\n'
	said ''
	[[ $stderr == *'configured to reject non-local admin connection: unknown[192.0.2.7]'* ]]
	RELAYCLIENT='' type_in 'version\r\n'
	said ''
	type_in 'version\r\n' --remote-clients
	said "0.1\r\n$ask"
}

@test "a browser is hung up on before it comes to our commands" {
	local first
	for first in 'GET / HTTP/1.1' 'POST /x HTTP/1.0' 'Host: localhost:10026' \
		'PUT / HTTP/2' 'foo HTTP/1.1'; do
		type_in "$first\r\nContent-Type: text/plain\r\n\r\nversion\r\n"
		said 'error: unrecognised command\r\n'
	done
}

@test "thirty commands that are none are enough" {
	type_in "$(yes 'x\r\n' | head -n 100 | tr -d '\n')"
	[ "$(grep -c 'error: unrecognised command' <<<"$output")" = 30 ]
	[[ $stderr == *'too many unrecognised commands'* ]]
}

@test "a line too long, with an end or without" {
	run --separate-stderr "$BATS_TEST_DIRNAME/talk" admin-cmd $me \
		--spool-dir="$spool" --no-syslog < <(head -c 5000 /dev/zero | tr '\0' x; printf '\r\nversion\r\n')
	assert_line --index 0 $'error: line too long\r'
	refute_output --partial 0.1
	run timeout 20 "$BATS_TEST_DIRNAME/talk" admin-cmd $me \
		--spool-dir="$spool" --no-syslog < <(head -c 20000000 /dev/zero)
	assert_output --partial 'error: line too long'
}

@test "control characters make no command" {
	type_in 'ver\x00sion\r\nversion\x07\r\nver\x1bsion\r\nquit\r\n'
	said "error: unrecognised command\r\n${ask}error: unrecognised command\r\n${ask}error: unrecognised command\r\n$ask"
}

@test "a flood of commands ends" {
	run --separate-stderr timeout 20 "$BATS_TEST_DIRNAME/talk" admin-cmd \
		$me --spool-dir="$spool" --no-syslog < <(yes $'version\r' | head -n 5000)
	assert_output --partial 'error: too many commands'
	[ "$(grep -c '0\.1' <<<"$output")" = 1000 ]
}

@test "who says nothing is hung up on" {
	run timeout 20 "$BATS_TEST_DIRNAME/talk" -k admin-cmd $me \
		--spool-dir="$spool" --no-syslog --log --idle-timeout=1 <<<''
	assert_output --partial 'timeout from'
}

@test "a bad option is in the log, and the client gets a line" {
	type_in 'version\r\n' --no-such-option
	assert_failure 64
	said 'error: service not available\r\n'
}
