# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2086,SC2154
# What a process can still do once it talks to a stranger: each is stopped in the
# middle of a conversation and made to try what a stranger might have it do.
load tls

setup() {
	[[ $build != *asan* && $build != *coverage* ]] || skip "it has files of its own to write"
	[ "$(intrude)" -ge 1 ] || skip "no Landlock here"
	as_root || skip "only root may debug a stranger"
	prepare
	away=$BATS_TEST_TMPDIR/away here=$BATS_TEST_TMPDIR
	mkdir -m 777 "$away"
	echo secret >"$away/secret"
	chmod 666 "$away/secret"
}
teardown() {
	exec 9>&-
	stop_all
}

# converse PROGRAM ARGS...: its input is descriptor 9, its output $here/out.
converse() {
	mkfifo "$here/in"
	setsid "$@" <"$here/in" >"$here/out" 2>"$here/err" 3>&- 9>&- &
	pid=$!
	pids+=("$pid")
	exec 9>"$here/in"
}
heard() { grep -q "$1" "$here/out"; }
said() { wait_until heard "$1"; }
# Of that process and those it has started: who is confined, and waits.
confined() {
	local p
	for p in $(pgrep -g "$pid"); do
		grep -q '^Seccomp:.*2' "/proc/$p/status" && echo "$p" && return
	done
	return 1
}
waits() { [ "$(cat "/proc/$1/wchan")" != 0 ] && grep -q '^State:.*S' "/proc/$1/status"; }

# locked_in [MAY]: all that is tried fails, and nothing has come of it; but it may
# do what is one of these. The conversation goes on afterwards.
locked_in() {
	local inner
	wait_until confined >/dev/null
	inner=$(confined)
	wait_until waits "$inner"
	intrude "$inner" "$spool" "$away" >"$here/tried"
	[ "$(grep -c . "$here/tried")" -ge 50 ]
	run grep -E ' OK$' "$here/tried"
	assert_output "$(printf '%s\n' "$@")"
	run grep -vE ' (OK|EPERM|EACCES|EXDEV)$' "$here/tried"
	refute_output
	assert_equal "$(ls "$away")" secret
	assert_equal "$(cat "$away/secret")" secret
	assert_equal "$(find "$spool" -type l -o -type p)" ""
}
self='getpid may OK'
looks='openat %s may look into the spool OK'

@test "without a sandbox it could do nearly all of it" {
	converse smtp-recv $me --spool-dir="$spool" --no-sandbox
	said 220
	wait_until waits "$pid"
	intrude "$pid" "$spool" "$away" >"$here/tried"
	(("$(grep -c 'OK$' "$here/tried")" > 20)) || fail "$(cat "$here/tried")"
	run ! confined
}

@test "smtp-recv" {
	converse smtp-recv $me --spool-dir="$spool"
	said 220
	locked_in "$self" "$looks"
	message | sed 's/$/\r/' >&9
	said 'queued as'
}

@test "smtp-recv with all that happens outside: the rest is locked in" {
	printf '#!/bin/sh\necho 1\necho "$1"\nexit 1\n' >"$here/v"
	printf '#!/bin/sh\nsed -i s/hello/changed/ "$1"\n' >"$here/f"
	chmod 755 "$here/v" "$here/f"
	converse smtp-recv $me --spool-dir="$spool" --filter="$here/f" \
		--verifier="$here/v" --server-tls="$certs/mx.test.pem"
	said 220
	locked_in "$self" "$looks"
	message | sed 's/$/\r/' >&9
	said 'queued as'
	grep -q changed "$spool"/*.content
	# and it has no descriptor of the key
	ls -l "/proc/$(confined)/fd" >"$here/fds"
	run grep mx.test.pem "$here/fds"
	refute_output
}
message() {
	printf '%s\n' 'EHLO c.test' 'MAIL FROM:<a@a.test>' 'RCPT TO:<b@b.test>' \
		DATA '' hello .
}

@test "pop3-serve" {
	echo 'server LOGIN bob pass' >"$here/auth"
	chmod 600 "$here/auth"
	place emailrelay.1.1.1 a@a.test b@b.test <<<hello
	converse pop3-serve $me --spool-dir="$spool" --pop-auth="$here/auth" \
		--server-tls="$certs/mx.test.pem"
	said '^+OK'
	locked_in "$self" "$looks"
	printf '%s\r\n' 'USER bob' 'PASS pass' 'RETR 1' 'DELE 1' QUIT >&9
	said '^hello'
	wait_until test ! -e "$spool/emailrelay.1.1.1.content"
}

@test "admin-cmd" {
	start answer --save "$here"
	place emailrelay.1.1.1 a@a.test b@b.test <<<hello
	start tcpserver -1 -RH -l localhost 127.0.0.1 0 admin-cmd $me --spool-dir="$spool" \
		--forward-to="127.0.0.1:$port" --admin-terminate
	mkfifo "$here/in"
	nc 127.0.0.1 "$port" <"$here/in" >"$here/out" 3>&- &
	exec 9>"$here/in"
	echo help >&9
	said terminate
	locked_in "$self" "$looks"
	echo flush >&9
	said OK
	assert_equal "$(spooled)" ""
	echo terminate >&9
	wait_until gone "$pid"
}
gone() { ! kill -0 "$1" 2>/dev/null; }

@test "what looks at the spool, or works on it" {
	place emailrelay.1.1.1 a@a.test b@b.test <<<hello
	mkfifo "$here/ids"
	local tool
	for tool in spool-show spool-retry spool-hold; do
		setsid $tool --no-syslog --spool-dir="$spool" - <"$here/ids" >"$here/out" 2>&1 3>&- &
		pid=$!
		pids+=("$pid")
		exec 9>"$here/ids"
		locked_in "$self" "$looks"
		echo emailrelay.1.1.1 >&9
		exec 9>&-
		wait "$pid" || fail "$tool: $(cat "$here/out")"
	done
}

# What is between the network and smtp-recv: it has the key.
@test "tls-io" {
	start tcpserver -1 -RH -l localhost 127.0.0.1 0 tls-io $me --no-sandbox \
		--server-tls="$certs/mx.test.pem" smtp-recv $me --spool-dir="$spool" --no-sandbox
	run ! confined
	start tcpserver -1 -RH -l localhost 127.0.0.1 0 "$build/libexec/tls-io" $me \
		--server-tls="$certs/mx.test.pem" smtp-recv $me --spool-dir="$spool" --no-sandbox
	mkfifo "$here/in"
	openssl s_client -quiet -crlf -connect "127.0.0.1:$port" <"$here/in" \
		>"$here/out" 2>"$here/err" 3>&- &
	exec 9>"$here/in"
	said 220
	locked_in "$self"
	message >&9
	said 'queued as'
}

@test "smtp-send, with the server, its TLS and the filter outside" {
	printf '#!/bin/sh\nsed -i s/hello/changed/ "$1"\n' >"$here/f"
	chmod 755 "$here/f"
	start answer --save "$here" --silent DATA
	place emailrelay.1.1.1 a@a.test b@b.test <<<hello
	converse smtp-send $me --spool-dir="$spool" --forward-to="127.0.0.1:$port" \
		--client-filter="$here/f"
	wait_until grep -q changed "$spool/emailrelay.1.1.1.content"
	locked_in "$self" "$looks"
}

@test "smtp-send --jobs: who has the connection" {
	start answer --save "$here" --silent DATA
	place emailrelay.1.1.1 a@a.test b@b.test <<<hello
	place emailrelay.1.1.2 a@a.test b@b.test <<<hello
	converse smtp-send $me --spool-dir="$spool" --forward-to="127.0.0.1:$port" --jobs=2
	wait_until connected
	locked_in "$self" "$looks"
}
connected() {
	local inner
	inner=$(confined) && [ -e "$spool/emailrelay.1.1.1.envelope.busy" ] && waits "$inner"
}

@test "smtp-recv --immediate, and its forwarder" {
	start answer --save "$here"
	converse smtp-recv $me --spool-dir="$spool" --forward-to="127.0.0.1:$port" --immediate
	said 220
	locked_in "$self" "$looks"
	message | sed 's/$/\r/' >&9
	said '^250 .*queued as'
	wait_until nothing_left
}
nothing_left() { [ -z "$(spooled)$(spooled busy)$(spooled new)" ]; }

@test "spool-submit, while it reads a message" {
	converse spool-submit --spool-dir="$spool" --from=a@a.test b@b.test
	locked_in "$self" "$looks"
	printf 'Subject: x\n\nhello\n' >&9
	exec 9>&-
	wait "$pid" || fail "$(cat "$here/err")"
	[ -n "$(spooled)" ]
}
@test "spool-submit in the sandbox ends with a signal" {
	converse spool-submit --spool-dir="$spool" --from=a@a.test b@b.test
	wait_until confined
	wait_until waits "$pid"
	kill -TERM "$pid"
	wait_until gone "$pid"
	assert_equal "$(ls "$spool")" ""
}

# walled PROGRAM...: it has asked for both walls, and got them; and does not run
# into them.
walled() {
	strace -qq -f -o "$here/calls" "$@" \
		>"$here/out" 2>"$here/err" </dev/null || true
	grep -q 'landlock_restrict_self(.*= 0' "$here/calls" &&
		grep -q 'seccomp(.*= 0' "$here/calls" || fail "$*: $(cat "$here/err")"
	run turned_away
	refute_output
}
@test "programs too quick to be stopped are confined as well" {
	local id=emailrelay.1.1.1 tool
	mkdir -m 777 "$spool/bob"
	place $id a@a.test b@b.test <<<hello
	for tool in spool-list spool-metrics "spool-metrics --output=$here/m" spool-check \
		spool-show spool-retry spool-hold; do
		walled $tool --spool-dir="$spool" $([[ $tool != spool-[shr]* ]] || echo $id)
	done
	for tool in filter-copy filter-deliver; do
		place emailrelay.1.1.2 a@a.test bob@b.test <<<hello
		mv "$spool/emailrelay.1.1.2.envelope" "$spool/emailrelay.1.1.2.envelope.new"
		walled $tool "$spool/emailrelay.1.1.2.content"
	done
	walled spool-remove --spool-dir="$spool" $id
	cd "$here"
	walled spool-submit --verbose --spool-dir=spool --from=a@a.test b@b.test
}

@test "a kernel without Landlock and seccomp: things go on without them" {
	run strace -f -qq -e inject=landlock_create_ruleset,seccomp:error=ENOSYS \
		-o /dev/null smtp-recv $me --spool-dir="$spool" < <(message | sed 's/$/\r/')
	[[ $output == *"queued as"* ]]
	[[ $output != *warning* ]]
}

@test "a sandbox that cannot be had is in the log" {
	run strace -f -qq -e inject=landlock_restrict_self:error=E2BIG \
		-o /dev/null smtp-recv $me --spool-dir="$spool" < <(message | sed 's/$/\r/')
	[[ $output == *"queued as"* ]]
	[[ $output == *"warning: cannot confine this process: Argument list too long"* ]]
}

# syslog(3) tries for one again if there is no syslog daemon.
turned_away() { grep -E '= -1 (EPERM|EACCES)' "$here/calls" | grep -vE 'socket\(AF_UNIX|connect\(.*/dev/log'; }
# A call that the list has forgotten would fail in the middle of a message.
@test "no call of an ordinary session is turned away" {
	strace -f -qq -o "$here/calls" smtp-recv $me --spool-dir="$spool" --log --syslog \
		--max-connections-per-client=9 --limit-trusted --server-tls="$certs/mx.test.pem" \
		< <(message | sed 's/$/\r/') >"$here/out"
	said 'queued as'
	run turned_away
	refute_output
	start answer --save "$here"
	strace -f -qq -o "$here/calls" smtp-send $me --spool-dir="$spool" \
		--forward-to="127.0.0.1:$port" --jobs=2
	run turned_away
	refute_output
	assert_equal "$(spooled)" ""
}
