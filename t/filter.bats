#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# smtp-recv --filter: the manual's contract, and helpers that break it.
load judge

failed='452 4.7.1 message processing failed:'
broken='452 4.3.0 message processing failed:'

kept() { [ "$(cut -d' ' -f1 <<<"${lines[-2]}")" = 250 ] && only >/dev/null; }

@test "a filter gets its words and the content, and almost nothing else" {
	script f <<-EOF
		exec >"$here/seen"
		printf '[%s]' "\$@"; echo
		env | grep -v '^PWD=\|^SHLVL=\|^_='
		printf %s "\$IFS" | od -An -tx1
		umask
		pwd
		for n in 0 2; do readlink /proc/self/fd/\$n; done
		ls /proc/self/fd | wc -l
		ls "\${2%content}envelope.new"
		cat "\$2" | wc -l
	EOF
	send --filter="$here/f one\\ word"
	kept
	id=$(only)
	diff - "$here/seen" <<-EOF
		[one word][$spool/$id.content]
		PATH=/usr/bin:/bin
		IFS= 	

		 20 09 0a
		0177
		$PWD
		/dev/null
		/dev/null
		4
		$spool/$id.envelope.new
		4
	EOF
}

@test "the path is absolute when --spool-dir is not" {
	script f <<-EOF
		echo "\$1" >"$here/seen"
	EOF
	cd "$here"
	run smtp-recv $me --spool-dir=spool --filter="$here/f" \
		< <(message | sed 's/$/\r/')
	assert_equal "$(cat seen)" "$here/spool/$(only).content"
}

@test "exit codes: what is accepted" {
	local code
	for code in 0 101 103 105 107; do
		recv --filter="exit:$code" < <(message)
		kept || fail "$code: $output"
		rm "$spool"/*
		script f <<<"echo '<<not looked at>>'; exit $code"
		send --filter="$here/f"
		kept || fail "$code: $output"
		rm "$spool"/*
	done
}

@test "exit codes: what is cancelled is answered with 250 and gone" {
	local code
	for code in 100 102 104 106; do
		script f <<<"exit $code"
		send --filter="$here/f" --log
		said 250 2.0.0 OK
		nothing_left
		[[ $stderr = *"discard: END-OF-MESSAGE from "* ]]
	done
}

@test "exit codes: what is refused leaves nothing" {
	local code
	for code in 1 2 99 108 126 127 128 255; do
		script f <<<"exit $code"
		send --filter="$here/f"
		said "$failed pre-processing failed"
		nothing_left
	done
	send --filter=exit:9
	said "$failed pre-processing failed"
}

@test "the first line in << >> or [[ ]] is the reason" {
	script f <<-'EOF'
		printf 'talk\r\n <<indented>>\n<<open\n[[a >> b]] c\n<<later>>\n'
		exit 1
	EOF
	send --filter="$here/f"
	said "$failed a >> b"
	script f <<<"printf '<<a\\tb\\033[1m>>'; exit 1"
	send --filter="$here/f" --log
	said "$failed a\\tb\\x1B[1m"
	[[ $stderr = *"reject: END-OF-MESSAGE from "*"$failed a\\tb\\x1B[1m; from=<a@a.test> "* ]]
}

@test "a reason that begins with a code is the reply" {
	script f <<<"echo '<<550 we do not want this>>'; exit 1"
	send --filter="$here/f"
	said '550 5.7.1 we do not want this'
	script f <<<"echo '<<554 5.6.0 not this>>'; exit 1"
	send --filter="$here/f"
	said 554 5.6.0 not this
	script f <<<"echo '<<421 enough>>'; exit 1"
	send --filter="$here/f"
	assert_equal "${lines[-1]}" "421 4.7.1 enough"
	nothing_left
}

@test "a reason cannot be longer than a reply, nor two lines" {
	script f <<<"printf '<<%01000d>>' 1; exit 1"
	send --filter="$here/f"
	[ "${#lines[-2]}" = 510 ]
	script f <<<"printf '<<a\\r\\n250 b>>\\n'; exit 1"
	send --filter="$here/f"
	said "$failed pre-processing failed"
}

@test "a filter in python" {
	script f <<-'EOF'
		#!/usr/bin/python3
		import re
		import sys
		name = sys.argv[1]
		with open(name, 'rb') as f:
		    text = f.read()
		assert b'\r\n\r\nhello\r\n' in text
		with open(name, 'wb') as f:
		    f.write(text.replace(b'hello', b'goodbye'))
		envelope = re.sub('content$', 'envelope.new', name)
		with open(envelope, 'rb+') as f:
		    text = f.read().replace(b'a@a.test', b'z@z.test')
		    f.seek(0)
		    f.write(text)
	EOF
	[ -x /usr/bin/python3 ] || skip "no python3 in /usr/bin"
	send --filter="$here/f" --log
	kept
	content "$(only)" | grep -qx goodbye
	envelope "$(only)" | grep -qx 'X-MailRelay-From: z@z.test'
	[[ $stderr = *"from=<z@z.test>, size="* ]]
}

@test "edited with sed -i, which replaces the files" {
	script f <<-'EOF'
		sed -i 's/hello/changed/' "$1"
		sed -i 's/b@b.test/c@c.test/' "${1%content}envelope.new"
	EOF
	send --filter="$here/f"
	kept
	id=$(only)
	content "$id" | grep -qx changed
	envelope "$id" | grep -qx 'X-MailRelay-To-Remote: c@c.test'
	[ "$(stat -c %a "$spool/$id.content" "$spool/$id.envelope" | sort -u)" = 660 ]
	[ "$(find "$spool" -type f ! -name '.*' | wc -l)" = 2 ]
}

@test "what a filter has written is synced before the message is taken" {
	command -v strace >/dev/null || skip "no strace"
	[[ $build != *asan* ]] || skip "slow"
	script f <<<'sed -i s/hello/changed/ "$1"'
	send_traced() {
		message | sed 's/$/\r/' | strace -o "$here/trace" -e \
			trace=fsync,renameat2,execve,clone,vfork,wait4,openat \
			smtp-recv $me --spool-dir="$spool" --filter="$here/f" --no-sandbox
	}
	run send_traced
	only
	# behind the wait: both files and the directory, the rename between
	run awk '/wait4/ { on = 1 } on && /^(fsync|renameat2)/ { sub(/\(.*/, ""); print }' \
		"$here/trace"
	assert_output "$(printf '%s\n' fsync fsync renameat2 fsync)"
}

@test "files that are deleted without exit code 100" {
	for what in '"${1%content}envelope.new"' '"$1"' '"${1%content}"*'; do
		script f <<<"rm -f $what"
		send --filter="$here/f"
		said "$broken error storing message"
		[[ $stderr = *"the filter has accepted the message, but spoilt it: no "* ]]
		nothing_left
	done
}

@test "an envelope that makes no sense" {
	script f <<<'echo nonsense >"${1%content}envelope.new"'
	send --filter="$here/f"
	said "$broken error storing message"
	[[ $stderr = *"spoilt it: format error"* ]]
	nothing_left
	script f <<<'sed -i "s/^X-MailRelay-From: .*/X-MailRelay-From: a b\r/" "${1%content}envelope.new"'
	send --filter="$here/f"
	said "$broken error storing message"
	nothing_left
}

@test "symbolic links in place of the files" {
	script f <<-'EOF'
		mv "$1" "$1.away"
		ln -s /etc/passwd "$1"
	EOF
	send --filter="$here/f"
	said "$broken error storing message"
	[ -s /etc/passwd ]
	assert_equal "$(basename "$spool"/*)" "$(basename "$spool"/*.away)"
}

@test "exit code 100 behind mv: the files are the filter's business" {
	script f <<-'EOF'
		e=${1%content}envelope
		mv "$e.new" "$e.hold"
		exit 100
	EOF
	send --filter="$here/f"
	said 250 2.0.0 OK
	id=$(spooled hold)
	content "$id" | grep -qx hello
	[ "$(find "$spool" -type f ! -name '.*' | wc -l)" = 2 ]
}

@test "messages that a filter makes are ordinary ones" {
	script f <<-'EOF'
		new=$(dirname "$1")/emailrelay.1.2.3
		cp "$1" "$new.content"
		cp "${1%content}envelope.new" "$new.envelope"
		exit 100
	EOF
	send --filter="$here/f"
	said 250 2.0.0 OK
	assert_equal "$(only)" emailrelay.1.2.3
}

@test "a filter that cannot be run: a warning at the start, 452 for mail" {
	local f
	echo 'exit 0' >"$here/plain"
	script nobody <<<'#!/nowhere/at/all'
	mkdir "$here/folder"
	for f in missing plain folder; do
		send --filter="$here/$f"
		said "$broken pre-processing failed"
		[[ $stderr = *"warning: cannot run '$here/$f': "*"error: "*"cannot run '$here/$f': "* ]]
		[[ $output != *"$here"* ]]
		nothing_left
	done
	send --filter="$here/nobody"
	said "$broken pre-processing failed"
}

@test "what makes no sense as a filter is found before the greeting" {
	local f
	for f in rel/f '' net:localhost net:host:port:port exit:x; do
		run --separate-stderr "$BATS_TEST_DIRNAME/talk" smtp-recv $me \
			--spool-dir="$spool" --filter="$f" <<<""
		assert_equal "$status" 78
		[[ $output = "421 "* ]]
		[[ $stderr = *"--filter: "* ]]
	done
}

@test "a filter that hangs is killed with all its children" {
	script f <<-EOF
		trap '' TERM HUP INT
		sleep 1000 &
		echo \$! >"$here/child"
		wait
		sleep 1000
	EOF
	send --filter="$here/f" --filter-timeout=1
	said "$broken message processing timed out"
	[[ $stderr = *"'$here/f' was killed: not ready in 1 seconds"* ]]
	wait_until dead "$(cat "$here/child")"
	nothing_left
}

@test "a filter that leaves a child behind is not waited for" {
	script f <<-EOF
		sleep 1000 &
		echo \$! >"$here/child"
	EOF
	send --filter="$here/f" --filter-timeout=100
	kept
	alive "$(cat "$here/child")"
	kill "$(cat "$here/child")"
}

@test "a filter that talks" {
	script f <<<'yes | head -c 500000'
	send --filter="$here/f"
	kept
	rm "$spool"/*
	script f <<<'echo "<<said first>>"; yes | head -c 500000; exit 1'
	send --filter="$here/f"
	said "$failed said first"
	script f <<<'exec yes'
	send --filter="$here/f" --filter-timeout=1
	said "$broken message processing timed out"
	nothing_left
}

@test "a filter that is killed" {
	script f <<<'echo "<<550 for ever>>"; kill -SEGV $$'
	send --filter="$here/f"
	said "$broken pre-processing failed"
	[[ $stderr = *"'$here/f' was killed by signal 11"* ]]
	nothing_left
}

@test "several filters: each in turn, the first that refuses has the last word" {
	script one <<<"echo one >>$here/seen; exit 101"
	script two <<<"echo two >>$here/seen; echo '<<two>>'; exit 7"
	script three <<<"echo three >>$here/seen"
	send --filter="$here/one" -z "$here/two" --filter "$here/three"
	said "$failed two"
	assert_equal "$(paste -sd' ' "$here/seen")" "one two"
	rm "$here/seen"
	printf 'filter %s\n' "$here/one" "$here/three" >"$here/conf"
	send --config="$here/conf"
	kept
	assert_equal "$(paste -sd' ' "$here/seen")" "one three"
	rm "$spool"/*
	send --config="$here/conf" --filter=exit:100 --filter=exit:1
	said 250 2.0.0 OK
	nothing_left
}

@test "the client has its replies before the filter runs" {
	script f <<<"grep -q ^354 $here/out || exit 9"
	smtp-recv $me --spool-dir="$spool" --filter="$here/f" \
		< <(message | sed 's/$/\r/') >"$here/out"
	only
}

@test "with BDAT, and for each message of a session" {
	script f <<<"echo x >>$here/seen; grep -q good \$1 || exit 1"
	wire "${hello}${start}BDAT 6 LAST\r\ngood\r\n${start}BDAT 5 LAST\r\nbad\r\n${start}DATA\r\ngood\r\n.\r\n$bye" \
		--filter="$here/f"
	codes 220 250 250 250 250 250 250 452 250 250 354 250 221
	assert_equal "$(wc -l <"$here/seen")" 3
	assert_equal "$(spooled | wc -l)" 2
}

@test "a message that is refused anyway is not shown to the filter" {
	script f <<<"echo x >>$here/seen"
	send --filter="$here/f" --size=15
	[[ ${lines[-2]} = 552* ]]
	[ ! -e "$here/seen" ]
}

@test "exit code 103 forwards what is in the spool, when the client has gone" {
	start answer
	place emailrelay.1.2.3 me@a.test you@b.test <<<"waiting"
	send --filter=exit:103 --forward-to="127.0.0.1:$port"
	[[ ${lines[-2]} = 250* ]]
	wait_until sent
}
sent() { [ -z "$(spooled)$(spooled busy)" ]; }

@test "exit code 0 does not, and without --forward-to there is nothing to do" {
	start answer
	send --filter=exit:0 --forward-to="127.0.0.1:$port"
	kept
	rm "$spool"/*
	send --filter=exit:103
	assert_success
	kept
}

client() {
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	message | sed 's/$/\r/' >&5
	cat <&5
}
@test "clients with a slow filter do not block one another" {
	# each one waits for the others
	script f <<-EOF
		: >"$here/here.\$\$"
		for i in \$(seq 1000); do
			[ \$(ls "$here" | grep -c '^here') = 3 ] && exit 0
			sleep 0.02
		done
		exit 1
	EOF
	listen smtp-recv $me --spool-dir="$spool" --filter="$here/f"
	local i clients=()
	for i in 1 2 3; do
		client 3>&- &
		clients+=($!)
	done
	wait "${clients[@]}"
	assert_equal "$(spooled | wc -l)" 3
}

@test "kill -9 while the filter runs leaves litter, and spool-check removes it" {
	script f <<-EOF
		echo \$PPID >"$here/receiver.tmp"
		mv "$here/receiver.tmp" "$here/receiver"
		exec sleep 1000
	EOF
	message | sed 's/$/\r/' |
		smtp-recv $me --spool-dir="$spool" --filter="$here/f" \
			>"$here/out" 2>/dev/null 3>&- &
	wait_until test -e "$here/receiver"
	local receiver others p
	receiver=$(cat "$here/receiver")
	# the filter, and who is in the sandbox: with the monitor gone first, they
	# would have a moment to clean up
	others=$(pgrep -P "$receiver")
	kill -9 $others "$receiver"
	for p in "$receiver" $others; do wait_until dead "$p"; done
	run grep '^250 2.0.0 OK queued' "$here/out"
	refute_output
	assert_equal "$(spooled new | wc -l)" 1
	touch -d '2 days ago' "$spool"/*
	run spool-check --spool-dir="$spool"
	assert_success
	nothing_left
}

# --- net: ---

@test "net: the content's path is asked about, and ok accepts" {
	oracle ok
	send --filter="net:127.0.0.1:$port"
	kept
	assert_equal "$(sed -n 2p "$log")" "$spool/$(only).content"
}

@test "net: okay and an empty line accept, OK does not" {
	local answer
	for answer in okay 'ok\r' ''; do
		oracle "$answer"
		send --filter="net:127.0.0.1:$port"
		kept || fail "$answer: $output"
		rm "$spool"/*
	done
	oracle OK
	send --filter="net:localhost:$port"
	said "$failed OK"
	nothing_left
}

@test "net: another line is the reason" {
	oracle 'that is spam' '550 that\tis for the log' '100'
	recv --filter="net:127.0.0.1:$port" < <(
		message | sed '/QUIT/d'
		message | sed '1d; /QUIT/d'
		message | sed '1d'
	)
	grep -qx "$failed that is spam" <<<"$output"
	grep -qx "550 5.7.1 that" <<<"$output"
	grep -qx "$failed 100" <<<"$output"
	assert_equal "$(calls) $(asked)" "1 3"
	nothing_left
}

@test "net: a server that is not there, hangs up, is silent or talks nonsense" {
	oracle @close
	send --filter="net:127.0.0.1:$port"
	said "$broken pre-processing failed"
	[[ $stderr = *"filter 'net:127.0.0.1:$port': no answer from 127.0.0.1:$port: connection closed"* ]]
	kill -- "-$pid"
	wait_until dead "$pid"
	send --filter="net:127.0.0.1:$port"
	said "$broken pre-processing failed"
	[[ $stderr = *"cannot connect to 127.0.0.1:$port: Connection refused"* ]]
	oracle @silent
	send --filter="net:127.0.0.1:$port" --filter-timeout=1
	said "$broken message processing timed out"
	local answer
	for answer in @endless 'ok\0' "$(printf %01001d 1)"; do
		oracle "$answer"
		send --filter="net:127.0.0.1:$port"
		said "$broken pre-processing failed"
	done
	nothing_left
}

@test "net: one connection for the session, another if it was closed" {
	oracle '@bye ok' ok
	recv --filter="net:127.0.0.1:$port" < <(
		message | sed '/QUIT/d'
		message | sed '1d; /QUIT/d'
		message | sed '1d'
	)
	codes 220 250 250 250 354 250 250 250 354 250 250 250 354 250 221
	assert_equal "$(calls) $(asked)" "2 3"
}

@test "net: what is said unasked is no answer" {
	oracle 'no\nok\nok' 'no'
	recv --filter="net:127.0.0.1:$port" < <(
		message | sed '/QUIT/d'
		message | sed '1d'
	)
	codes 220 250 250 250 354 452 250 250 354 452 221
	nothing_left
}

@test "net: in a chain with programs" {
	oracle ok
	send --filter=exit:0 --filter="net:127.0.0.1:$port" --filter=exit:8
	said "$failed pre-processing failed"
	assert_equal "$(asked)" 1
}

# --- the manual's script, as it stands there ---

@test "the manual's filter.sh" {
	script sendmail <<<"cat >$here/sent"
	script filter.sh <<-'EOF'
		#!/bin/sh
		# filter.sh
		content="${1}"
		envelope="`echo \"${content}\" | sed 's/content/envelope.new/'`"
		ip="`awk '/MailRelay-Client:/ {print $2;exit}' \"${envelope}\"`"
		if test "${ip}" = "192.168.0.2"
		then
		cat "${content}" | /usr/sbin/sendmail -t
		rm -f "${envelope}" "${content}"
		exit 100 # <= cancel further processing by emailrelay
		fi
		exit 0
	EOF
	sed -i "s:/usr/sbin/sendmail:$here/sendmail:" "$here/filter.sh"
	send --filter="$here/filter.sh"
	kept
	rm "$spool"/*
	# The lines of an envelope end in CR LF, as the manual says itself, and
	# what awk prints is `192.168.0.2\r': there has to be one word more.
	sed -i "s/exit}' \(.*\)\`\"$/exit}' \1 | tr -d '\\\\r'\`\"/" "$here/filter.sh"
	grep -F "| tr -d '\\r'" "$here/filter.sh"
	export TCPREMOTEIP=192.168.0.2 PROTO=TCP
	send --filter="$here/filter.sh" --remote-clients
	unset TCPREMOTEIP PROTO
	said 250 2.0.0 OK
	nothing_left
	tr -d '\r' <"$here/sent" | grep -qx hello
}

@test "SIGCHLD may be ignored or blocked by whoever starts us" {
	script no <<<'sleep 0.1; echo "<<550 no>>"; exit 1'
	for how in SIG_IGN SIG_BLOCK; do
		run python3 - "$how" "$bin/smtp-recv" $me --spool-dir="$spool" \
			--filter="$here/no" <<-'EOF'
			import signal, subprocess, sys
			if sys.argv[1] == 'SIG_IGN':
			    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
			else:
			    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
			said = ('EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n'
			        'DATA\r\n\r\n.\r\nQUIT\r\n')
			p = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE)
			p.stdin.write(said.encode())
			p.stdin.close()
			while p.poll() is None:
			    pass
		EOF
		assert_output --partial '550 5.7.1 no'
		nothing_left
	done
}
