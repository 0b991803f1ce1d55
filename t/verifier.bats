#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# smtp-recv --verifier: the manual's contract, and helpers that break it.
load judge

no='550 5.1.1 mailbox unavailable:'
later='450 4.2.1 mailbox unavailable:'
broken='450 4.3.0 mailbox unavailable: cannot verify it now'

# A verifier that writes its arguments to $here/seen and accepts.
writer() {
	script v <<-EOF
		for a; do printf '[%s]' "\$a"; done >>"$here/seen"
		echo >>"$here/seen"
		echo ""
		echo "\$1"
		exit 1
	EOF
}
# rcpt TO [OPTION...]: the reply to this recipient is $reply.
rcpt() {
	local to=$1
	shift
	recv --verifier="$here/v" "$@" <<-EOF
		EHLO x
		MAIL FROM:<Sender@a.test>
		RCPT TO:<$to>
		QUIT
	EOF
	reply=${lines[-2]}
}
vrfy() {
	local arg=$1
	shift
	recv --verifier="$here/v" "$@" <<-EOF
		EHLO x
		VRFY $arg
		QUIT
	EOF
	reply=${lines[-2]}
}
verify_by() { recv --verifier="net:127.0.0.1:$port" --filter-timeout=1 "$@"; }
net_rcpt() {
	verify_by <<-EOF
		EHLO x
		MAIL FROM:<a@a.test>
		RCPT TO:<${1:-ok@b.test}>
		QUIT
	EOF
	reply=${lines[-2]}
}

# --- the question ---

@test "eight arguments" {
	writer
	rcpt 'me@MyHost.test'
	rcpt Postmaster
	rcpt '"a@b"@c.test'
	vrfy joe@b.test
	vrfy '<joe@b.test>'
	diff - "$here/seen" <<-'EOF'
		[me@MyHost.test][ME][MYHOST.TEST][MX.TEST][Sender@a.test][127.0.0.1][][]
		[Postmaster][POSTMASTER][][MX.TEST][Sender@a.test][127.0.0.1][][]
		["a@b"@c.test]["A][B"@C.TEST][MX.TEST][Sender@a.test][127.0.0.1][][]
		[joe@b.test][JOE][B.TEST][MX.TEST][][127.0.0.1][][]
		[joe@b.test][JOE][B.TEST][MX.TEST][][127.0.0.1][][]
	EOF
}

@test "with words of its own before them, and no shell" {
	writer
	recv --verifier="$here/v \$HOME *" <<-EOF
		EHLO x
		MAIL FROM:<>
		RCPT TO:<\`id\`\$IFS@b.test>
		QUIT
	EOF
	[[ $(cat "$here/seen") = '[$HOME][*][`id`$IFS@b.test][`ID`$IFS][B.TEST][MX.TEST][]['* ]]
}

@test "the mechanism and the login, or the trusted address's keyword" {
	writer
	printf '%s\n' 'server LOGIN bob secret' 'server NONE 127.0.5.* trustkey' \
		>"$here/auth"
	chmod 600 "$here/auth"
	recv --verifier="$here/v" --server-auth="$here/auth" <<-EOF
		EHLO x
		VRFY joe@b.test
		AUTH PLAIN $(printf '\0bob\0secret' | base64)
		MAIL FROM:<Sender@a.test>
		RCPT TO:<me@MyHost.test>
		QUIT
	EOF
	export PROTO=TCP TCPREMOTEIP=127.0.5.5
	rcpt 'me@MyHost.test' --server-auth="$here/auth"
	unset PROTO TCPREMOTEIP
	diff - "$here/seen" <<-'EOF'
		[joe@b.test][JOE][B.TEST][MX.TEST][][127.0.0.1][NONE][]
		[me@MyHost.test][ME][MYHOST.TEST][MX.TEST][Sender@a.test][127.0.0.1][PLAIN][bob]
		[me@MyHost.test][ME][MYHOST.TEST][MX.TEST][Sender@a.test][127.0.5.5][NONE][trustkey]
	EOF
}

@test "an address that looks like an option is not shown to it" {
	writer
	rcpt -rf@b.test
	assert_equal "$reply" "550 5.1.3 mailbox unavailable: invalid mailbox name"
	vrfy -rf@b.test
	assert_equal "$reply" "550 5.1.3 no such mailbox: -rf@b.test"
	recv --verifier="$here/v" <<-EOF
		EHLO x
		MAIL FROM:<-x@a.test>
		QUIT
	EOF
	assert_equal "${lines[-2]}" "553 5.1.7 mailbox name not allowed: invalid mailbox name"
	[ ! -e "$here/seen" ]
	recv < <(message -rf@b.test)
	[[ ${lines[-2]} = 250* ]]
}

@test "nothing that a client says forges an answer or reaches a shell" {
	local a
	writer
	sed -i 's/^exit 1/exit 2/' "$here/v"
	for a in 'a@b|1|0|0|n|evil@x|r|h' 'x|1' 'a|1|1|0||evil@x||' \
		'x|1|1|0|name|inject@b.test||y' '"a|b"@c.test' \
		$'a@b\t1' $'a@b\v0' $'a@b\n0|x@y'; do
		rcpt "$a"
		[[ $output != *$'\n250 2.1.5'* ]]
		[ ! -e "$here/seen" ]
	done
}

# --- the answer ---

@test "exit codes of RCPT" {
	script v <<-'EOF'
		case $2 in
		L) printf 'Full Name <l@b.test>\nbox\n'; exit 0 ;;
		R) printf '\nmapped@c.test\n'; exit 1 ;;
		N) printf 'no such\r\nperson  \n\n'; exit 2 ;;
		E*) exit "${2#E}" ;;
		T) echo come back; exit 3 ;;
		ONE) echo only; exit 1 ;;
		ESC) printf 'a\033[2Jb'; exit 2 ;;
		esac
	EOF
	recv --verifier="$here/v" <<-EOF
		EHLO x
		MAIL FROM:<a@a.test>
		RCPT TO:<n@b.test>
		RCPT TO:<e2@b.test>
		RCPT TO:<e4@b.test>
		RCPT TO:<e99@b.test>
		RCPT TO:<e101@b.test>
		RCPT TO:<e255@b.test>
		RCPT TO:<t@b.test>
		RCPT TO:<e3@b.test>
		RCPT TO:<one@b.test>
		RCPT TO:<r@b.test>
		RCPT TO:<l@b.test>
		QUIT
	EOF
	diff - <(tail -n +11 <<<"$output") <<-EOF
		$no no such person
		$no 2
		$no 4
		$no 99
		$no 101
		450 4.3.0 mailbox unavailable: cannot verify it now
		$later come back
		$later 3
		$no only
		250 2.1.5 OK
		250 2.1.5 OK
		221 2.0.0 closing connection
	EOF
	nothing_left
}

@test "exit codes of VRFY" {
	script v <<-'EOF'
		case $2 in
		L) printf 'Full Name <l@b.test>\nbox\n'; exit 0 ;;
		R) printf '\nmapped@c.test\n'; exit 1 ;;
		T) echo come back; exit 3 ;;
		O) echo only; exit 0 ;;
		X) exit 1 ;;
		esac
		echo who; exit 2
	EOF
	recv --verifier="$here/v" <<-EOF
		VRFY l@b.test
		VRFY <r@b.test>
		VRFY n@b.test
		VRFY t
		VRFY o
		VRFY x
		VRFY John Smith
		VRFY
		QUIT
	EOF
	diff - <(tail -n +2 <<<"$output") <<-EOF
		250 2.1.5 Full Name <l@b.test>
		252 2.0.0 cannot verify but will accept: <r@b.test>
		550 5.1.1 no such mailbox: n@b.test
		450 4.2.1 no such mailbox: t
		550 5.1.1 no such mailbox: o
		450 4.3.0 cannot verify it now: x
		550 5.1.3 no such mailbox: John Smith
		550 5.1.1 no such mailbox: 
		221 2.0.0 closing connection
	EOF
	vrfy l@b.test --anonymous
	assert_equal "$reply" "502 5.5.1 command not implemented"
}

@test "exit code 100 hangs up without a word" {
	script v <<<'exit 100'
	recv --verifier="$here/v" < <(message)
	assert_success
	codes 220 250 250
	[[ $stderr = *"the verifier has asked to hang up on unknown[127.0.0.1]"* ]]
	nothing_left
	vrfy x@y
	codes 220 250
}

@test "a verifier that is broken is a temporary failure, whatever it says" {
	local text
	while IFS= read -r text; do
		script v <<<"$text"
		rcpt b@b.test --filter-timeout=1
		assert_equal "$reply" "$broken"
		[[ $stderr = *error:* ]]
		vrfy b@b.test --filter-timeout=1
		assert_equal "$reply" "450 4.3.0 cannot verify it now: b@b.test"
	done <<-'EOF'
		exit 1
		exit 0
		kill -9 $$
		echo; echo b@b.test; kill -SEGV $$
		echo; echo b@b.test; sleep 1000; exit 1
		exec yes
		nothing-of-that-name
		exec /nowhere/at/all
		echo; echo "b@b.test> SIZE=1"; exit 1
		echo; printf 'b@b.test\tx\n'; exit 1
		echo; echo 'a|b@b.test'; exit 1
		echo; printf 'b@b\000.test\n'; exit 1
		echo; printf 'b\033x\n'; exit 0
		printf '\n\nx\n'; exit 0
	EOF
}

@test "a verifier in python that dies of an error" {
	[ -x /usr/bin/python3 ] || skip "no python3 in /usr/bin"
	script v <<<$'#!/usr/bin/python3\nraise RuntimeError'
	rcpt b@b.test
	assert_equal "$reply" "$broken"
}

@test "a verifier that cannot be run: a warning at the start" {
	recv --verifier="$here/missing" < <(message)
	grep -qx "$broken" <<<"$output"
	[[ $stderr = *"warning: cannot run '$here/missing': No such file or directory"* ]]
	run --separate-stderr "$BATS_TEST_DIRNAME/talk" smtp-recv $me \
		--spool-dir="$spool" --verifier=rel/v <<<""
	assert_equal "$status" 78
	[[ $stderr = *"--verifier: invalid executable path -- must be absolute: rel/v"* ]]
}

@test "the client has its replies before the verifier runs" {
	script v <<<"grep -q '^250 2.1.0' $here/out || exit 2; echo; echo \$1; exit 1"
	smtp-recv $me --spool-dir="$spool" --verifier="$here/v" \
		< <(message | sed 's/$/\r/') >"$here/out"
	only
}

# --- local recipients ---

# Accepts local-...@ as local, others as they are.
sorter() {
	script v <<-'EOF'
		case $1 in
		local-*) echo "Box <$1>"; echo "box ${1#local-}"; exit 0 ;;
		esac
		echo; echo "$1"
		exit 1
	EOF
}

@test "local and other recipients: the message and a full local copy" {
	sorter
	recv --verifier="$here/v" --log < <(message r@b.test local-1@b.test s@b.test local-1@b.test)
	id=$(only)
	assert_equal "$(ls "$spool")" "$(printf "$id.%s\n" content content.local \
		envelope envelope.local)"
	cmp "$spool/$id.content" "$spool/$id.content.local"
	cmp "$spool/$id.envelope" "$spool/$id.envelope.local"
	diff - <(tr -d '\r' <"$spool/$id.envelope" | sed -n 4,8p) <<-EOF
		X-MailRelay-ToCount: 4
		X-MailRelay-To-Local: box 1@b.test
		X-MailRelay-To-Local: box 1@b.test
		X-MailRelay-To-Remote: r@b.test
		X-MailRelay-To-Remote: s@b.test
	EOF
	[ "$(stat -c '%a %h' "$spool"/* | sort -u)" = "660 1" ]
	[[ $stderr = *"nrcpt=4"* ]]
	run spool-check --spool-dir="$spool"
	assert_success
	refute_output
}

@test "local recipients only: nothing for smtp-send to give up" {
	start answer
	sorter
	recv --verifier="$here/v" --immediate --poll=0 \
		--forward-to="127.0.0.1:$port" < <(message local-1@b.test)
	[[ ${lines[-2]} = "250 2.0.0 OK queued as "* ]]
	id=$(spooled local)
	wait_until unlocked
	assert_equal "$(ls "$spool")" "$(printf "$id.%s\n" content.local envelope.local)"
	run smtp-send $me --spool-dir="$spool" --forward-to="127.0.0.1:$port"
	assert_success
	assert_equal "$(spooled bad)" ""
	run spool-check --spool-dir="$spool"
	assert_success
	refute_output
}
unlocked() { [ ! -e "$spool/.forward.lock" ] || flock -n "$spool/.forward.lock" true; }

@test "the filter comes before the copies, and what it does is in them" {
	sorter
	script f <<-EOF
		ls "$spool" >"$here/seen"
		sed -i 's/hello/changed/' "\$1"
		sed -i 's/^\\(X-MailRelay-From:\\).*/\\1 new@a.test\\r/' "\${1%content}envelope.new"
	EOF
	recv --verifier="$here/v" --filter="$here/f" \
		< <(message r@b.test local-1@b.test)
	id=$(only)
	assert_equal "$(cat "$here/seen")" "$(printf "$id.%s\n" content envelope.new)"
	grep -q changed "$spool/$id.content.local"
	grep -q new@a.test "$spool/$id.envelope.local"
}

@test "a filter that refuses leaves no local copy" {
	sorter
	local to
	for to in local-1@b.test 'r@b.test local-1@b.test'; do
		recv --verifier="$here/v" --filter=exit:1 < <(message $to)
		[[ ${lines[-2]} = 452* ]]
		nothing_left
	done
}

@test "a local copy that cannot be made" {
	sorter
	command -v prlimit >/dev/null || skip "no prlimit"
	script f <<<"prlimit --fsize=10 --pid \$PPID"
	recv --verifier="$here/v" --filter="$here/f" --no-sandbox \
		< <(message r@b.test local-1@b.test)
	[[ ${lines[-2]} = "452 4.3.1 "* ]]
	nothing_left
}

@test "what a crash leaves of a local copy is removed by spool-check" {
	id=emailrelay.1.100.9
	echo x >"$spool/$id.content.local"
	run spool-check --spool-dir="$spool"
	refute_output
	touch -d '2 days ago' "$spool"/*
	touch "$spool/$id.envelope.local"
	run spool-check --spool-dir="$spool"
	[ -e "$spool/$id.content.local" ]
	rm "$spool/$id.envelope.local"
	run spool-check --spool-dir="$spool"
	assert_success
	assert_output "$id text without an envelope: removed"
	nothing_left
}

# --- net: ---

@test "net: the question is one line with eight fields" {
	oracle '1|ok@b.test'
	verify_by < <(message ok@b.test)
	only
	assert_equal "$(sed -n 2p "$log")" 'ok@b.test|OK|B.TEST|MX.TEST|a@a.test|127.0.0.1||'
}

@test "net: answers" {
	local answer
	while IFS=/ read -r answer want; do
		oracle "$answer"
		net_rcpt
		assert_equal "$answer: $reply" "$answer: $want"
	done <<-EOF
		1|ok@b.test/250 2.1.5 OK
		1|ok@b.test\r/250 2.1.5 OK
		0|postmaster|Local Postmaster <postmaster@localhost>/250 2.1.5 OK
		2|no such person/$no no such person
		2|/$no 2
		3|address unavailable/$later address unavailable
		hello/$broken
		/$broken
		1|/$broken
		1|a b@c/$broken
		0|postmaster/$broken
		2\\0|x/$broken
		@close/$broken
		@silent/$broken
		@endless/$broken
	EOF
	kill -- "-$pid"
	wait_until dead "$pid"
	net_rcpt
	assert_equal "$reply" "$broken"
	[[ $stderr = *"verifier 'net:127.0.0.1:$port': cannot connect"* ]]
}

@test "net: 100 hangs up, as a program's exit code does" {
	oracle 100
	verify_by < <(message)
	codes 220 250 250
	nothing_left
}

@test "net: one connection for a session" {
	oracle '1|x@b.test'
	verify_by < <(message a@b.test b@b.test c@b.test)
	assert_equal "$(calls) $(asked)" "1 3"
	assert_equal "$(envelope "$(only)" | grep -c 'To-Remote: x@b.test')" 3
}

@test "net: VRFY" {
	oracle '0|box|Full Name <x@b.test>' '1|x@b.test' '3|later'
	verify_by <<-EOF
		VRFY x@b.test
		VRFY x@b.test
		VRFY x@b.test
		QUIT
	EOF
	assert_equal "${lines[1]}" "250 2.1.5 Full Name <x@b.test>"
	assert_equal "${lines[2]}" "252 2.0.0 cannot verify but will accept: x@b.test"
	assert_equal "${lines[3]}" "450 4.2.1 no such mailbox: x@b.test"
}

# --- the manual's scripts, as they stand there ---

@test "the manual: accept all, and as local" {
	script v <<-'EOF'
		#!/bin/sh
		# address verifier -- accept all (252)
		echo ""
		echo $1
		exit 1
	EOF
	rcpt b@b.test
	assert_equal "$reply" "250 2.1.5 OK"
	vrfy b@b.test
	[[ $reply = 252* ]]
	script v <<-'EOF'
		#!/bin/sh
		# address verifier -- accept as local (250)
		echo Local Postmaster '<postmaster@localhost>'
		echo postmaster
		exit 0
	EOF
	vrfy b@b.test
	assert_equal "$reply" "250 2.1.5 Local Postmaster <postmaster@localhost>"
	recv --verifier="$here/v" < <(message)
	envelope "$(spooled local)" | grep -qx 'X-MailRelay-To-Local: postmaster'
}

@test "the manual: reject as invalid, and as temporarily invalid" {
	script v <<-'EOF'
		#!/bin/sh
		# address verifier -- reject as invalid (550)
		echo invalid address: $1
		exit 2
	EOF
	rcpt b@b.test
	assert_equal "$reply" "$no invalid address: b@b.test"
	script v <<-'EOF'
		#!/bin/sh
		# address verifier -- reject as temporarily invalid (450)
		echo address unavailable: $1
		exit 3
	EOF
	rcpt b@b.test
	assert_equal "$reply" "$later address unavailable: b@b.test"
}

@test "the manual: abort" {
	script v <<-'EOF'
		#!/bin/sh
		# address verifier -- abort
		exit 100
	EOF
	recv --verifier="$here/v" < <(message)
	codes 220 250 250
}

@test "the manual: accept only if containing an at sign" {
	script v <<-'EOF'
		#!/bin/sh
		# address verifier -- accept only if containing an at sign
		address="$1"
		expr "${address}" : ".*@" > /dev/null || exit 2
		echo ""
		echo "${address}"
		exit 1 # accept
	EOF
	rcpt b@b.test
	assert_equal "$reply" "250 2.1.5 OK"
	rcpt bob
	assert_equal "$reply" "$no 2"
}

@test "the manual: no relaying without authentication" {
	script v <<-'EOF'
		#!/bin/sh
		# address verifier
		address="$1"
		host="$3"
		local_domain="$4"
		auth_mechanism="$7"
		if test -z "${auth_mechanism}" ; then auth_mechanism="NONE" ; fi
		if test "${auth_mechanism}" = "NONE" -a "${host}" != "${local_domain}"
		then
		echo "cannot relay without authentication"
		exit 2 # reject the recipient address
		fi
		echo ""
		echo "${address}"
		exit 1 # accept the recipient address
	EOF
	rcpt b@b.test
	assert_equal "$reply" "$no cannot relay without authentication"
	rcpt b@Mx.test
	assert_equal "$reply" "250 2.1.5 OK"
}
