# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2119,SC2120,SC2154
# What README.md and inetd.conf.sample tell people to do, done.
load helper

sample=$top/inetd.conf.sample
teardown() {
	stop_all
	[ -z "${away:-}" ] || rm -rf "$away"
}

# mail PORT: a message, from a client that is not ours.
mail() {
	python3 - "$1" <<-EOF 2>/dev/null
		import smtplib, sys
		client = smtplib.SMTP('127.0.0.1', int(sys.argv[1]), timeout=20)
		client.sendmail('a@a.test', ['b@b.test'], 'Subject: hi\n\nhello\n')
		client.quit()
	EOF
}
free_port() {
	python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}
# has_mail [DIRECTORY]: one message is there, the one above.
has_mail() {
	local file
	file=$(find "${1:-$spool}" -name '*.envelope')
	[ -n "$file" ] && [ "$(wc -l <<<"$file")" = 1 ] &&
		grep -q '^X-MailRelay-From: a@a.test' "$file" &&
		grep -q '^hello' "${file%.envelope}.content"
}
is_empty() { [ -z "$(spooled)$(spooled busy)" ]; }

# A smarthost; $far is what it gets.
smarthost() {
	far=$BATS_TEST_TMPDIR/far
	mkdir "$far"
	listen smtp-recv $me --spool-dir="$far" --domain=far.test
	next=127.0.0.1:$port
}
# A part of the sample, made fit for a trial without root and beside others:
# `trial <LINES`.
trial() {
	sed "s,/usr/local/sbin/,$bin/,
		s,smarthost.example:25,$next --spool-dir=$spool $me,
		s,\\<daemon\\>,$(id -un)," | grep .
}
# At PORT mail comes in, and goes on when the client has gone.
relays() {
	wait_until mail "$1"
	wait_until has_mail "$far"
	wait_until is_empty
}
# A server that does not say when it listens: silent PORT COMMAND...
silent() { start sh -c 'echo "$0"; exec "$@" >&2' "$@"; }

# --- make run ---

# serve PLACE [HOST:PORT]: what `make run` starts, with its spool in PLACE.
serve() {
	local place=$1
	shift
	ln -s "$bin" "$place/bin"
	spool=$place/run/spool
	start "$top/doc/examples/serve" "$place" 0 "$@"
}

@test "make run starts the example" {
	run env -u MAKEFLAGS make -n -C "$top" run B="$build" PORT=2525 FORWARD=mx.test:25
	assert_success
	assert_line "doc/examples/serve $build 2525 mx.test:25"
}
@test "serve keeps mail" {
	mkdir "$BATS_TEST_TMPDIR/b"
	serve "$BATS_TEST_TMPDIR/b"
	mail "$port"
	has_mail
	grep -q 'from=<a@a.test>' "$log"
}
@test "serve says what to do" {
	mkdir "$BATS_TEST_TMPDIR/b"
	serve "$BATS_TEST_TMPDIR/b"
	grep -q "swaks --server 127.0.0.1:" "$log"
	grep -q "spool-list --spool-dir=$spool" "$log"
}
@test "serve sends mail on" {
	smarthost
	mkdir "$BATS_TEST_TMPDIR/b"
	serve "$BATS_TEST_TMPDIR/b" "$next"
	relays "$port"
}
@test "serve started by root runs as daemon" {
	[ "$(id -u)" = 0 ] || skip "not root"
	smarthost
	away=$(mktemp -d)
	chmod 755 "$away"
	setpriv --reuid=daemon --regid=daemon --clear-groups \
		test -x "$away" -a -x "$bin/smtp-send" ||
		skip "daemon cannot reach the programs"
	serve "$away" "$next"
	grep -q 'running as daemon' "$log"
	mail "$port"
	wait_until has_mail "$far"
	wait_until is_empty
	[ "$(stat -c %U "$spool/.forward.lock")" = daemon ]
}
@test "serve complains about what is missing" {
	run "$top/doc/examples/serve" "$BATS_TEST_TMPDIR" 0
	assert_failure
	assert_output --partial 'smtp-recv is missing'
	run "$top/doc/examples/serve"
	assert_failure
	assert_output --partial 'usage:'
}
@test "the README's two commands are there" {
	assert_file_executable "$top/doc/examples/serve"
	grep -q 'sh .ci/setup run && make run' "$top/README.md"
	grep -q 'sh .ci/setup && make check' "$top/README.md"
	[ ! -e "$top/.ci/setup" ] || sh -n "$top/.ci/setup"
}

@test "what README, SECURITY and CONTRIBUTING name is there" {
	local file missing=
	while read -r file; do
		[ -e "$top/$file" ] || [ -e "$top/$file.c" ] || missing+=" $file"
	done < <(cat "$top"/{README,SECURITY,CONTRIBUTING}.md | tee \
		>(grep -oE '\b[a-z0-9-]+\.(bats|bash)\b' | sed 's:^:t/:') \
		>(grep -oE '\b(doc|t|lib|smtp-recv|spool-tools)/[A-Za-z0-9_./-]*\w') \
		>/dev/null | grep -v NAME | sort -u)
	[ -z "$missing" ] || fail "not there:$missing"
}

# --- inetd.conf.sample ---

@test "inetd.conf.sample: the entry works under inetd" {
	PATH=$PATH:/usr/sbin
	needs inetd
	smarthost
	port=$(free_port)
	sed -n "s/^smtp /127.0.0.1:$port /p" "$sample" | trial \
		>"$BATS_TEST_TMPDIR/inetd.conf"
	silent "$port" inetd -d "$BATS_TEST_TMPDIR/inetd.conf"
	relays "$port"
}
@test "inetd.conf.sample: the tcpserver line works" {
	smarthost
	line=$(sed -n 's/^# \(tcpserver \)/\1-1 /p' "$sample" |
		sed 's/ 0 25 / 127.0.0.1 0 /' | trial)
	start sh -c "exec $line"
	relays "$port"
}
@test "inetd.conf.sample: the xinetd block works" {
	PATH=$PATH:/usr/sbin
	needs xinetd
	smarthost
	port=$(free_port)
	{
		sed -n '/^# service/,/^# }/s/^# \{0,1\}//p' "$sample" | trial |
			sed '$d'
		printf '\t%s\n' type=UNLISTED "port=$port" bind=127.0.0.1 | sed 's/=/ = /'
		echo '}'
	} >"$BATS_TEST_TMPDIR/xinetd.conf"
	silent "$port" xinetd -dontfork -f "$BATS_TEST_TMPDIR/xinetd.conf" \
		-pidfile "$BATS_TEST_TMPDIR/pid" -filelog "$BATS_TEST_TMPDIR/log"
	relays "$port"
}
@test "inetd.conf.sample: the systemd-socket-activate line works" {
	needs systemd-socket-activate
	smarthost
	port=$(free_port)
	line=$(sed -n 's/^# \(systemd-socket-activate .*\)/\1/p' "$sample" |
		sed "s/:2525/:$port/" | trial)
	start sh -c "echo $port; exec $line --spool-dir=$spool"
	wait_until mail "$port"
	wait_until has_mail
}
@test "smtp-recv.8: systemd accepts the unit files" {
	needs systemd-analyze
	cd "$BATS_TEST_TMPDIR"
	unit() { sed -n "$2" "$top/doc/$1" | sed '/^\./d; s/\\e$/\\/; s,/usr/local/sbin,'"$bin"','; }
	unit smtp-recv.8 '/^Description=SMTP port/,/^\.Ed/p' | sed '1i [Unit]' >smtp-recv.socket
	unit smtp-recv.8 '/^Description=SMTP session/,/^\.Ed/p' | sed '1i [Unit]' >smtp-recv@.service
	unit smtp-send.8 '/^\[Timer\]/,/^\.Ed/p' >smtp-send.timer
	unit smtp-send.8 '/^Documentation=/,/^\.Ed/p' | sed '1i [Unit]' >smtp-send.service
	grep -q ListenStream smtp-recv.socket
	grep -q StandardInput smtp-recv@.service
	grep -q OnUnitInactiveSec smtp-send.timer
	grep -q ExecStart smtp-send.service
	run systemd-analyze verify --man=no ./smtp-recv.socket ./smtp-recv@.service \
		./smtp-send.timer ./smtp-send.service
	assert_success
	refute_output
}
