# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2046,SC2086,SC2154
# Removal by POP3 while others are at work on the same spool.
load pop3

# A session that can be talked to while other things happen.
open_session() {
	coproc SESSION { exec $(server) --log "$@" 2>"$BATS_TEST_TMPDIR/err"; }
	# bash closes its own as soon as the session ends
	exec {to}>&"${SESSION[1]}" {from}<&"${SESSION[0]}"
	session_pid=$SESSION_PID
	ask
}
# ask LINE...: say them, and put the last first line of a reply in $reply.
ask() {
	local line
	for line; do
		printf '%s\r\n' "$line" >&"$to"
		read -r -t 20 reply <&"$from"
	done
	[ $# -gt 0 ] || read -r -t 20 reply <&"$from"
	reply=${reply%$'\r'}
}

@test "one that was forwarded meanwhile: numbers stay, RETR says so" {
	message 1
	message 2
	message 3
	open_session
	ask 'USER bob' 'PASS pass'
	rm "$spool"/emailrelay.1.1.2.*
	ask 'STAT'
	assert_equal "$reply" '+OK 3 63'
	ask 'LIST 3'
	assert_equal "$reply" '+OK 3 21'
	ask 'RETR 2'
	assert_equal "$reply" '-ERR that message is gone'
	ask 'TOP 2 0'
	assert_equal "$reply" '-ERR that message is gone'
	message 4
	ask 'LIST 4'
	assert_equal "$reply" '-ERR invalid id'
	ask 'DELE 2' 'DELE 3' QUIT
	assert_equal "$reply" '+OK signing off'
	assert_equal "$(left)" '1 4'
}

@test "a thousand that are gone do not end the session" {
	local i
	for ((i = 1; i <= 1100; i++)); do
		: >"$spool/emailrelay.1.1.$i.content"
		: >"$spool/emailrelay.1.1.$i.envelope"
	done
	open_session
	ask 'USER bob' 'PASS pass'
	rm "$spool"/emailrelay.1.1.[2-9]*
	yes $'RETR 2\r' | head -n 1100 >&"$to"
	for ((i = 0; i < 1100; i++)); do read -r -t 20 reply <&"$from"; done
	ask NOOP
	assert_equal "$reply" '+OK'
	ask QUIT
	assert_equal "$reply" '+OK signing off'
}

@test "two sessions: both see all, the second removal is no failure" {
	message 1
	message 2
	open_session
	ask 'USER bob' 'PASS pass' 'DELE 1' 'DELE 2'
	pop <<<$'USER bob\nPASS pass\nRETR 1\nDELE 1\nQUIT'
	signs +++++
	ask QUIT
	assert_equal "$reply" '+OK signing off'
	assert_equal "$(left)" ''
	assert_equal "$(texts)" ''
}

@test "in a forwarder's hands: it stays, QUIT says so, the others go" {
	local state
	for state in busy bad hold; do
		message 1
		message 2
		message 3
		open_session
		ask 'USER bob' 'PASS pass' 'DELE 1' 'DELE 2' 'DELE 3'
		mv "$spool/emailrelay.1.1.2.envelope" "$spool/emailrelay.1.1.2.envelope.$state"
		ask QUIT
		assert_equal "$reply" \
			'-ERR [SYS/TEMP] 1 of 3 deleted messages could not be removed'
		assert_equal "$(left)" "2.$state"
		assert_equal "$(texts)" 2
		wait "$session_pid" || true
		grep -q "cannot remove '.*/emailrelay.1.1.2.envelope': it is $state by now" \
			"$BATS_TEST_TMPDIR/err"
		rm -f "$spool"/*
	done
}

@test "locked, and not yet renamed: it stays" {
	message 1
	exec 8<"$spool/emailrelay.1.1.1.envelope"
	flock 8
	pop <<<$'USER bob\nPASS pass\nDELE 1\nQUIT'
	exec 8<&-
	signs +++-
	logged 'it is being forwarded'
	assert_equal "$(left)" 1
	assert_equal "$(texts)" 1
}

@test "a real forwarder with the message in hand" {
	message 1
	start answer --silent DATA
	local there=$port
	setsid smtp-send $me --spool-dir="$spool" --no-syslog \
		--forward-to="127.0.0.1:$there" 3>&- 2>/dev/null &
	pids+=("$!")
	open_session
	# it lists the message just before it is claimed, or never sees it
	ask 'USER bob' 'PASS pass'
	wait_until test -e "$spool/emailrelay.1.1.1.envelope.busy"
	ask 'DELE 1'
	if [ "$reply" = +OK ]; then
		ask QUIT
		assert_equal "$reply" \
			'-ERR [SYS/TEMP] 1 of 1 deleted messages could not be removed'
	fi
	assert_equal "$(left)" 1.busy
	assert_equal "$(texts)" 1
}

@test "a directory that cannot be changed: QUIT says so" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	needs setpriv
	message 1
	chmod 755 "$spool" "$BATS_TEST_TMPDIR"
	chmod 666 "$spool"/*
	chmod 644 "$secrets"
	chown daemon "$secrets" && chmod 600 "$secrets"
	session setpriv --reuid=daemon --clear-groups $(server) \
		<<<$'USER bob\nPASS pass\nDELE 1\nQUIT'
	[[ $output == *"+OK POP3"* ]] || skip "daemon cannot reach the build"
	signs +++-
	logged 'Permission denied'
	assert_equal "$(left)" 1
}

@test "on disk before +OK: envelopes, then the directory, then texts" {
	needs strace
	message 1
	message 2
	run bash -c "printf '${in}DELE 1\r\nDELE 2\r\n$bye' | strace -f -y -s 100 -o '$BATS_TEST_TMPDIR/trace' \
		-e trace=unlinkat,fsync,write $(server)"
	run sed -nE 's/.*unlinkat\(.*(envelope|content)".*/\1/p; s/.*fsync\(.*/fsync/p; s/.*write\(1<.*/said/p' \
		"$BATS_TEST_TMPDIR/trace"
	assert_output $'said\nsaid\nenvelope\nenvelope\nfsync\ncontent\ncontent\nfsync\nsaid'
}

@test "whoever hears nothing any more removes nothing, whatever he has said before" {
	local size
	# one that goes out with its last octet, and ones that go out in pieces;
	# all of them are more than the pipe takes while nobody reads
	for size in 65536 65600 300000; do
		message 1 "$(printf "%0${size}d" 0)"
		run --separate-stderr bash -c "
			{ printf '${in}'; printf 'RETR 1\r\nDELE 1\r\n$bye'; } |
			$(server) --log | head -c 20 >/dev/null"
		assert_equal "$(left)" 1
		assert_equal "$(texts)" 1
		logged 'disconnect from'
		[[ $stderr != *'removed by its reader'* ]]
	done
}

@test "locked for a moment only: it is removed" {
	local text
	for text in envelope content; do
		message 1
		flock "$spool/emailrelay.1.1.1.$text" sh -c 'echo; sleep 0.3' \
			>"$BATS_TEST_TMPDIR/locked.$text" &
		wait_until test -s "$BATS_TEST_TMPDIR/locked.$text"
		pop <<<$'USER bob\nPASS pass\nDELE 1\nQUIT'
		wait "$!"
		signs ++++
		assert_equal "$(left)" ''
		assert_equal "$(texts)" ''
	done
}

@test "killed at each system call of QUIT: nothing half, nothing but litter" {
	needs strace
	local call n i
	printf %b "${in}DELE 1\r\nDELE 2\r\n$bye" >"$BATS_TEST_TMPDIR/said"
	for call in flock unlinkat fsync; do
		for ((n = 1; n < 60; n++)); do
			rm -rf "$spool"
			mkdir "$spool"
			message 1
			message 2
			strace -f -o /dev/null -e trace=none \
				-e "inject=$call:signal=KILL:when=$n" \
				$(server) <"$BATS_TEST_TMPDIR/said" \
				>"$BATS_TEST_TMPDIR/heard" 2>/dev/null || true
			# each envelope that is there has its text
			for i in $(left); do
				[ -e "$spool/emailrelay.1.1.$i.content" ]
			done
			! grep -q 'signing off' "$BATS_TEST_TMPDIR/heard" || break
		done
		[ "$n" -lt 60 ]
		assert_equal "$(ls "$spool")" ''
	done
	spool-check --spool-dir="$spool"
}

@test "two clients, a receiver and a forwarder at work: nothing is lost" {
	local i there=$BATS_TEST_TMPDIR/sent n=60
	mkdir "$there"
	start answer --save "$there"
	local smarthost=$port
	listen smtp-recv $me --spool-dir="$spool" --domain=mx.test --no-syslog
	local smtp=$port
	listen $(server)
	python3 - "$smtp" "$port" "$n" "$smarthost" "$spool" >"$BATS_TEST_TMPDIR/seen" <<-'EOF'
		import poplib, re, smtplib, subprocess, sys, threading
		smtp, pop, n, smarthost, spool = sys.argv[1:]
		n = int(n)
		seen, removed, done = set(), set(), threading.Event()
		lock = threading.Lock()
		def receive():
		    for i in range(n):
		        with smtplib.SMTP('127.0.0.1', int(smtp), local_hostname='c.test') as s:
		            s.sendmail('a@a.test', ['b@b.test'], 'Subject: no-%d-\r\n\r\nx\r\n' % i)
		    done.set()
		def read():
		    last = False
		    while not last:
		        last = done.is_set()
		        p = poplib.POP3('127.0.0.1', int(pop))
		        p.user('bob')
		        p.pass_('pass')
		        mine = []
		        for k in range(1, p.stat()[0] + 1):
		            try:
		                text = b'\n'.join(p.retr(k)[1]).decode()
		            except poplib.error_proto as e:
		                assert 'gone' in str(e), e
		                continue
		            number = int(re.search(r'no-(\d+)-', text)[1])
		            assert text.endswith('\nx'), text
		            if number % 2 == 0:
		                p.dele(k)
		                mine.append(number)
		            with lock:
		                seen.add(number)
		        try:
		            p.quit()
		        except poplib.error_proto as e:
		            assert 'could not be removed' in str(e), e
		def forward():
		    while not done.is_set():
		        subprocess.run(['smtp-send', '--user=root', '--spool-dir=' + spool,
		            '--no-syslog', '--forward-to=127.0.0.1:' + smarthost],
		            stderr=subprocess.DEVNULL)
		threads = [threading.Thread(target=f) for f in (receive, read, read, forward)]
		for t in threads:
		    t.start()
		for t in threads:
		    t.join()
		for number in seen:
		    print(number)
	EOF
	# each was read, or sent, or is still there
	for ((i = 0; i < n; i++)); do
		grep -qx "$i" "$BATS_TEST_TMPDIR/seen" ||
			grep -rqs "no-$i-" "$there" "$spool" || fail "lost: $i"
	done
	# no envelope without its text, no text without its envelope
	assert_equal "$(find "$spool" -name '*.envelope' | wc -l)" \
		"$(find "$spool" -name '*.content' | wc -l)"
}
