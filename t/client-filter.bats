#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# smtp-send --client-filter: what it sees, what it may change, and what its
# exit codes do.
# shellcheck disable=SC2030,SC2031,SC2086,SC2154
load helper
load send

setup() {
	prepare
	here=$BATS_TEST_TMPDIR
}
# filter <<EOF: the program in $f.
filter() {
	f=$here/filter
	{ echo '#!/bin/sh'; cat; } >"$f"
	chmod 755 "$f"
}
preprocessing='smtp client failure: preprocessing:'

@test "it gets its words and the content; the envelope is .busy; before MAIL" {
	filter <<-EOF
		exec >"$here/seen"
		printf '[%s]' "\$@"
		env | grep -v '^PWD=\|^SHLVL=\|^_='
		for n in 0 2; do readlink /proc/self/fd/\$n; done
		ls /proc/self/fd | wc -l
		ls "\${2%content}envelope.busy"
		cat "$here/got.0/said" >"$here/said.then"
	EOF
	post 1 2
	serve
	forward "--client-filter=$f one\\ word" "$(id 1)"
	exits 0
	diff - "$here/seen" <<-EOF
		[one word][$spool/$(id 1).content]PATH=/usr/bin:/bin
		IFS= 	

		/dev/null
		/dev/null
		4
		$spool/$(id 1).envelope.busy
	EOF
	run grep -c '^EHLO' "$here/said.then"
	assert_output 1
	run grep -c '^MAIL' "$here/said.then"
	assert_output 0
	[ "$(states 2)" = "gone ready" ]
}

@test "nobody to send to: it does not run" {
	filter <<<"touch $here/ran"
	post 1
	start answer
	kill "$pid"
	wait "$pid" || true
	forward "--client-filter=$f"
	exits 75
	[ "$(state 1)" = ready ]
	[ ! -e "$here/ran" ]
}

@test "exit codes: what is sent" {
	local code
	serve
	for code in 0 101 103 105 107; do
		post 1
		forward --client-filter=exit:$code
		exits 0
		[ "$(state 1)" = gone ] || fail "$code"
		post 1
		filter <<<"echo '<<not looked at>>'; exit $code"
		forward "--client-filter=$f"
		exits 0
		[ "$(state 1)" = gone ] || fail "$code"
	done
	[ "$(arrived)" = 10 ]
}

@test "exit codes: what is left alone, and the next goes on" {
	local code
	for code in 100 104; do
		post 1 2
		serve
		filter <<<"case \$1 in *.1.content) exit $code; esac"
		forward "--client-filter=$f"
		exits 75
		[ "$(states 2)" = "ready gone" ] || fail "$code: $(states 2)"
		[[ $output == *"$(id 1) kept 250 2.0.0 left alone by the filter"* ]]
		[ "$(said_times MAIL)" = 1 ]
	done
}

@test "100 and the files removed: it has been dealt with" {
	filter <<-'EOF'
		case $1 in *.1.content) ;; *) exit 0; esac
		rm "$1" "${1%content}envelope.busy"
		exit 100
	EOF
	post 1 2
	serve
	forward "--client-filter=$f"
	exits 0
	[ "$(states 2)" = "gone gone" ]
	[ "$(subjects)" = 2 ]
	[[ $stderr == *"$(id 1): discard: the filter has dealt with it"* ]]
	[[ $stderr != *warning* ]]
}

@test "0 and the files removed: that is said" {
	filter <<-'EOF'
		rm "$1" "${1%content}envelope.busy"
	EOF
	post 1
	serve
	forward "--client-filter=$f"
	exits 0
	[[ $stderr == *"warning: $(id 1): the filter has removed the message"* ]]
	[ "$(arrived)" = 0 ]
}

@test "exit codes: this one is sent, and then no more" {
	local code
	for code in 102 106; do
		post 1 2 3
		serve
		filter <<<"case \$1 in *.2.content) exit $code; esac"
		forward "--client-filter=$f"
		exits 75
		[ "$(states 3)" = "gone gone ready" ] || fail "$code: $(states 3)"
		post 1 2 3
		forward "--client-filter=$f" "$(id 1)" "$(id 2)" "$(id 3)"
		exits 75
		[ "$(states 3)" = "gone gone ready" ]
	done
}

@test "102 does not give up what is old" {
	post 1 2
	touch -d '9 days ago' "$spool"/*.2.content
	serve
	forward --client-filter=exit:102
	exits 75
	[ "$(states 2)" = "gone ready" ] || fail "$(states 2)"
}

@test "exit codes: what fails, for good, and the next goes on" {
	local code
	for code in 1 2 99 108 126 127 128 255; do
		post 1 2
		serve
		filter <<<"case \$1 in *.1.content) exit $code; esac"
		forward "--client-filter=$f"
		exits 69
		given_up 1 "$preprocessing pre-processing failed" 500
		[ "$(states 2)" = "bad gone" ]
		[ "$(said_times MAIL)" = 1 ]
		rm "$spool"/*
	done
	[[ $stderr == *"warning: $(id 1): failing file: $preprocessing pre-processing failed"* ]]
	[[ $output == *"$(id 1) bounced 500 5.7.1 preprocessing: pre-processing failed"* ]]
}

@test "the reason is the filter's, and so may be the code" {
	filter <<<"echo '<<bad words>>'; exit 1"
	post 1
	serve
	forward "--client-filter=$f"
	given_up 1 "$preprocessing bad words" 500
	rm "$spool"/*
	filter <<<"echo '[[550 bad words]]'; exit 1"
	post 1
	forward "--client-filter=$f"
	given_up 1 "$preprocessing bad words" 550
	rm "$spool"/*
	filter <<<"echo '<<450 not now>>'; exit 1"
	post 1
	forward "--client-filter=$f"
	exits 75
	deferred 1 1 'preprocessing: not now'
}

@test "a filter that cannot be run, crashes or takes too long: later" {
	local spec
	filter <<<'kill -9 $$'
	printf '#!/bin/sh\nsleep 600\n' >"$here/slow"
	chmod 755 "$here/slow"
	for spec in /no/such/filter "$f" "$here/slow"; do
		post 1
		serve
		SECONDS=0
		forward "--client-filter=$spec" --filter-timeout=1
		exits 75
		((SECONDS < 20)) || fail "$spec: $SECONDS s"
		deferred 1 1 'preprocessing: '
		[ "$(said_times MAIL)" = 0 ]
		rm "$spool"/*
	done
	for spec in filter exit:256 net:x exit: ""; do
		forward "--client-filter=$spec"
		exits 78
		[[ $stderr == *"--client-filter: "* ]] || fail "$spec: $stderr"
	done
}

@test "what it changes in place, and what it replaces, is what is sent" {
	local how=$here/how
	filter <<-EOF
		. $how
		change "\$1" 's/^Subject: message/Subject: changed/'
		change "\${1%content}envelope.busy" 's/to1@b.test/other@c.test/; s/from1@a/sender@x/'
	EOF
	for way in 'sed "$2" "$1" >/tmp/$$.x; cat /tmp/$$.x >"$1"; rm /tmp/$$.x' \
		'sed "$2" "$1" >"$1.x"; mv "$1.x" "$1"' 'sed -i "$2" "$1"'; do
		echo "change() { $way; }" >"$how"
		post 1
		serve
		forward "--client-filter=$f"
		exits 0
		[ "$(said_times '^MAIL FROM:<sender@x.test>')" = 1 ] || fail "$way: $(cat "$said")"
		[ "$(said_times '^RCPT TO:<other@c.test>$')" = 1 ]
		grep -q '^Subject: changed 1' "$got"/*.content
		[ "$(ls "$spool" | grep -v '^\.' )" = "" ]
	done
}

@test "a replaced envelope is as good as the old one: deferred, given up, modes" {
	local code
	filter <<<'sed -i s/from1/other/ "${1%content}envelope.busy"; sed -i s/text/TEXT/ "$1"'
	for code in 451 550; do
		post 1
		touch -d '2 days ago' "$spool/$(id 1).content"
		serve --reply "MAIL=$code no"
		forward "--client-filter=$f"
		if [ $code = 451 ]; then deferred 1 1 '451 no'; else given_up 1 'smtp client failure: 550 no' 550; fi
		grep -q '^X-MailRelay-From: other@a.test' "$spool/$(id 1).envelope"*
		[ "$(stat -c %a "$spool/$(id 1)".* | sort -u)" = 660 ]
		# its age is still that of its arrival
		(($(stat -c %Y "$spool/$(id 1).content") < $(date +%s) - 86400))
	done
}

@test "while it runs, and behind it, nobody else takes the message" {
	mkfifo "$here/go" "$here/ready"
	filter <<-EOF
		sed -i s/from1/other/ "\${1%content}envelope.busy"
		sed -i s/text/TEXT/ "\$1"
		echo >"$here/ready"
		read -r x <"$here/go"
	EOF
	post 1
	serve
	smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog \
		"--client-filter=$f" 3>&- &
	sender=$!
	read -r x <"$here/ready"
	forward
	exits 0
	run spool-check $me --spool-dir "$spool" --all
	[ "$(state 1)" = busy ]
	[ "$(said_times MAIL)" = 0 ]
	echo >"$here/go"
	wait "$sender"
	[ "$(state 1)" = gone ]
	[ "$(arrived)" = 1 ]
}

@test "the forwarder dies while its filter runs: the message goes on" {
	mkfifo "$here/go" "$here/ready"
	filter <<-EOF
		sed -i s/from1/other/ "\${1%content}envelope.busy"
		echo >"$here/ready"
		read -r x <"$here/go"
	EOF
	post 1
	serve
	smtp-send $me --spool-dir "$spool" --forward-to "127.0.0.1:$port" --no-syslog \
		"--client-filter=$f" 3>&- &
	sender=$!
	read -r x <"$here/ready"
	kill -9 "$sender"
	wait "$sender" || true
	forward
	exits 0
	[ "$(said_times '^MAIL FROM:<other@a.test>')" = 1 ]
}

@test "what it spoils is kept as .bad" {
	local how
	for how in 'echo rubbish >"$e"' 'rm "$1"' ': >"$e"' 'ln -sf /etc/passwd "$e"' \
		'sed -i "/To-Remote/d; s/ToCount: 1/ToCount: 0/" "$e"'; do
		filter <<<'e=${1%content}envelope.busy; '"$how"
		post 1 2
		serve
		forward "--client-filter=$f" "$(id 1)"
		exits 69
		[ "$(states 2)" = "bad ready" ] || fail "$how: $(states 2) $stderr"
		[ "$(said_times MAIL)" = 0 ]
		rm -f "$spool"/*
	done
}

@test "a server that hangs up meanwhile is called again" {
	post 1
	serve --close-after EHLO:1
	filter <<-EOF
		# until the other end has said goodbye
		until grep -q " 0100007F:$(printf %04X "$port") 08 " /proc/net/tcp; do :; done
	EOF
	forward "--client-filter=$f" --filter-timeout=20
	exits 0
	[ "$(arrived)" = 1 ]
	[ "$(said_times CONNECT)" = 2 ]
}

@test "net: one that accepts, one that refuses, none at all" {
	local server
	serve
	server=$port
	net() {
		start "$BATS_TEST_DIRNAME/oracle" "$@"
		run --separate-stderr smtp-send $me --spool-dir "$spool" --report --no-syslog \
			--forward-to "127.0.0.1:$server" "--client-filter=net:127.0.0.1:$port" \
			--filter-timeout=1
	}
	post 1 2
	net ok ''
	exits 0
	[ "$(arrived)" = 2 ]
	[ "$(tail -n 1 "$log")" = "$spool/$(id 2).content" ]
	[ "$(grep -c '^connect$' "$log")" = 1 ]
	post 1 2
	net 'we do not want this' ok
	exits 69
	[ "$(states 2)" = "bad gone" ]
	given_up 1 "$preprocessing we do not want this" 500
	rm "$spool"/*
	post 1
	net @silent
	exits 75
	deferred 1 1 'preprocessing: message processing timed out'
	rm "$spool"/*
	post 1
	kill "$pid"
	wait "$pid" || true
	port=$server
	forward "--client-filter=net:127.0.0.1:1"
	exits 75
	deferred 1 1 'preprocessing: '
}

@test "several are a chain" {
	filter <<<"echo \"\$1\" >>$here/order; [ \$1 != b ]"
	post 1
	serve
	forward "--client-filter=$f a" "--client-filter=$f b" "--client-filter=$f c"
	exits 69
	[ "$(paste -sd' ' "$here/order")" = "a b" ]
}

@test "smtp-recv hands it down, and --immediate tells the client" {
	filter <<<'case $2 in 1) exit 0; esac; echo "<<550 5.7.1 not this>>"; exit 1'
	f2=$f
	serve
	talk() {
		session smtp-recv $me --spool-dir "$spool" --no-syslog --immediate \
			--forward-to "127.0.0.1:$port" "$@" <<-'EOF'
			EHLO c.test
			MAIL FROM:<a@a.test>
			RCPT TO:<b@b.test>
			DATA
			Subject: hi

			.
			QUIT
		EOF
	}
	talk --client-filter=exit:0 --filter-timeout=9
	codes 220 250 250 250 354 250 221
	[ "$(arrived)" = 1 ]
	talk "--client-filter=$f2"
	codes 220 250 250 250 354 550 221
	talk --client-filter=exit:100
	codes 220 250 250 250 354 250 221
	[ "$(spooled | wc -l)" = 1 ]
	talk --client-filter=relative
	[ "$status" = 78 ]
}

# A net: filter gives these answers, the last one for ever, to messages 1 and 2.
ask_net() {
	rm -f "$spool"/*
	post 1 2
	start "$BATS_TEST_DIRNAME/oracle" "$@"
	oracle=$port
	serve
	SECONDS=0
	forward "--client-filter=net:127.0.0.1:$oracle" --filter-timeout=1
	((SECONDS < 15)) || fail "$*: it took $SECONDS s"
	! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80[\xa8-\xae]' <<<"$stderr$output" ||
		fail "$*: in the log: $(cat -v <<<"$stderr$output")"
}

@test "net: one that has lost its mind: later, and nothing is sent" {
	local answer
	for answer in @close @silent @endless 'o\0k' "$(head -c 1001 /dev/zero | tr '\0' x)"; do
		ask_net "$answer"
		exits 75
		deferred 1 1 'preprocessing: (pre-processing failed|message processing timed out)'
		[ "$(states 2)" = "deferred deferred" ]
		[ "$(said_times MAIL)" = 0 ]
	done
	# what is said unasked is no answer to the next question
	ask_net 'ok\nok\nok' 'no'
	[ "$(states 2)" = "gone bad" ] || fail "$(states 2)"
}

@test "net: a refusal is one printable line" {
	local answer shown
	while IFS='|' read -r answer shown; do
		ask_net "$answer" ok
		exits 69
		[ "$(states 2)" = "bad gone" ]
		given_up 1 "$preprocessing $shown" 500
	done <<-'EOF'
		a\x1b[31mb|a\\x1B\[31mb
		a\rb|a\\rb
		no\xff|no\\xFF
		no\xe2\x80\xaex|no\\xE2\\x80\\xAEx
		no\tsecret|no
		%s%n|%s%n
		OK|OK
	EOF
}

@test "a program's reason is one printable line, however long it is" {
	local octet
	for octet in 'x' '\377' '\342\200\256'; do
		for code in 1 50; do
			filter <<-EOT
				printf '<<'
				i=0
				while [ \$i -lt 1300 ]; do printf '$octet'; i=\$((i + 1)); done
				printf '>>'
				exit $code
			EOT
			rm -f "$spool"/*
			post 1
			serve
			forward "--client-filter=$f"
			exits 69
			[ "$(state 1)" = bad ]
			given_up 1 "$preprocessing .*" 500
			# what comes of it can be read again
			spool-retry --spool-dir "$spool" $me "$(id 1)"
			forward
			exits 0
			[ "$(state 1)" = gone ] || fail "$octet: $(state 1)"
		done
	done
}
