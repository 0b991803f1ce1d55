# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# A spool that is missing, full, not for us, or broken: smtp-recv says 4xx,
# tells the log which file and why, goes on, and leaves nothing behind.
load recv

message="${start}DATA\r\n.\r\n"
# in_namespace SCRIPT...: sh with a mount namespace of its own, as its root.
in_namespace() {
	run --separate-stderr unshare -rm true
	[ "$status" = 0 ] || skip "no mount namespaces: $stderr"
	{
		echo "cd '$BATS_TEST_TMPDIR'"
		echo "recv() { smtp-recv --user=root --spool-dir='$spool' --domain=mx.test; }"
		printf '%s\n' "$@"
	} >"$BATS_TEST_TMPDIR/script"
	run --separate-stderr unshare -rm bash -e "$BATS_TEST_TMPDIR/script"
	output=${output//$'\r'/}
}

@test "missing: 451, and it works as soon as it is there" {
	rm -r "$spool"
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 5<>"$BATS_TEST_TMPDIR/in"
	smtp-recv $me --spool-dir="$spool" --domain=mx.test <&5 3>&- \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" &
	printf %b "${hello}MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n" >&5
	wait_until grep -q ^503 "$BATS_TEST_TMPDIR/out"
	mkdir "$spool"
	printf %b "$message$bye" >&5
	wait $!
	output=$(tr -d '\r' <"$BATS_TEST_TMPDIR/out")
	codes 220 250 451 503 250 250 354 250 221
	[[ $(cat "$BATS_TEST_TMPDIR/err") = *"error: cannot open spool '$spool': No such file or directory" ]]
	holds ''
}

@test "not a directory" {
	rm -r "$spool"
	echo >"$spool"
	wire "${hello}MAIL FROM:<a@a.test>\r\n$bye"
	codes 220 250 451 221
	[[ $stderr = *"cannot open spool '$spool': Not a directory" ]]
}

@test "taken away in mid-session" {
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 5<>"$BATS_TEST_TMPDIR/in"
	smtp-recv $me --spool-dir="$spool" --domain=mx.test <&5 3>&- \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" &
	printf %b "$hello$start" >&5
	wait_until grep -q '^250 2.1.5' "$BATS_TEST_TMPDIR/out"
	rm -r "$spool"
	printf %b "DATA\r\nNOOP\r\n$bye" >&5
	wait $!
	output=$(tr -d '\r' <"$BATS_TEST_TMPDIR/out")
	codes 220 250 250 250 451 250 221
	[[ $(cat "$BATS_TEST_TMPDIR/err") = *"cannot create '$spool/emailrelay."*"': No such file or directory" ]]
}

@test "not for us" {
	if as_root; then
		user=--user=daemon
		chmod 755 "$spool"
	else
		user=
		chmod 555 "$spool"
	fi
	run --separate-stderr smtp-recv $user --spool-dir="$spool" --domain=mx.test \
		< <(printf %b "$hello${start}DATA\r\n${start}BDAT 1 LAST\r\nx$bye")
	chmod 755 "$spool"
	output=${output//$'\r'/}
	codes 220 250 250 250 451 250 250 451 221
	[ "$(grep -c "error: cannot create '$spool/emailrelay.[0-9.]*.content': Permission denied" <<<"$stderr")" = 2 ]
	nothing_left
}

# Room for the start of a message but not for all of it.
text=$(printf '%070000d' 0)

@test "a limit on the size of files" {
	printf %b "$hello${start}DATA\r\n$text\r\n.\r\n${start}BDAT 70000\r\n${text}BDAT 1 LAST\r\nxRSET\r\n${start}BDAT 70000 LAST\r\n$text$message$bye" >"$BATS_TEST_TMPDIR/in"
	run --separate-stderr bash -c 'ulimit -f 32; smtp-recv "$@"' - $me \
		--spool-dir="$spool" --domain=mx.test <"$BATS_TEST_TMPDIR/in"
	output=${output//$'\r'/}
	codes 220 250 250 250 354 452 250 250 452 503 250 250 250 452 250 250 354 250 221
	[[ $output = *"452 4.3.1 message processing failed: insufficient system storage"* ]]
	[ "$(grep -c "error: cannot write '$spool/emailrelay.[0-9.]*.content': File too large" <<<"$stderr")" = 3 ]
	holds ''
	[ "$(find "$spool" -type f ! -name '.*' | wc -l)" = 2 ]
}

@test "a limit on the size of files that only the envelope meets" {
	recipients=$(for i in {1..900}; do printf 'RCPT TO:<%040d@b.test>\\r\\n' $i; done)
	printf %b "${hello}MAIL FROM:<a@a.test>\r\n${recipients}DATA\r\n.\r\n$bye" >"$BATS_TEST_TMPDIR/in"
	run --separate-stderr bash -c 'ulimit -f 32; smtp-recv "$@"' - $me \
		--spool-dir="$spool" --domain=mx.test <"$BATS_TEST_TMPDIR/in"
	output=${output//$'\r'/}
	[ "$(grep -c '^452 4.3.1 message' <<<"$output")" = 1 ]
	[[ $output = *"221 2.0.0 closing connection" ]]
	[[ $stderr = *"cannot write the envelope of '$spool/"*"': File too large" ]]
	nothing_left
}

@test "a full disk" {
	printf %b "$hello${start}DATA\r\n$text\r\n.\r\n${start}BDAT 70000 LAST\r\n${text}MAIL FROM:<a@a.test> SIZE=60000\r\n$message$bye" >"$BATS_TEST_TMPDIR/in"
	in_namespace "mount -t tmpfs -o size=40k,mode=755 tmpfs '$spool'" \
		"recv <in; ls '$spool' | wc -l; head -c 99999 /dev/zero >'$spool/x' || :" \
		"printf '${hello}MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n.\r\n' | recv; ls '$spool' | wc -l"
	codes 220 250 250 250 354 452 250 250 452 452 250 250 354 250 221 \
		220 250 250 250 354 452
	[ "$(grep -E '^[0-9]+$' <<<"$output" | paste -sd' ')" = "2 3" ]
	[[ $stderr = *"cannot write '$spool/emailrelay."*".content': No space left on device"* ]]
}

@test "no room for one more file" {
	in_namespace "mount -t tmpfs -o nr_inodes=3,mode=755 tmpfs '$spool'" \
		"printf '$hello$start${start}DATA\r\n.\r\n$start$bye' | recv; ls '$spool' | wc -l" \
		"touch '$spool/x'" \
		"printf '$hello${start}DATA\r\n$message$bye' | recv; ls '$spool' | wc -l"
	[ "$(grep -c '^452 4.3.1' <<<"$output")" = 3 ]
	[ "$(grep -E '^[0-9]+$' <<<"$output" | paste -sd' ')" = "0 1" ]
	[[ $stderr = *"cannot create the envelope of '$spool/"*"': No space left on device"* ]]
	[[ $stderr = *"cannot create '$spool/"*".content': No space left on device"* ]]
}

@test "a read-only file system" {
	in_namespace "mount --bind '$spool' '$spool'" \
		"mount -o remount,bind,ro '$spool' || exit 99" \
		"printf '$hello${start}DATA\r\nNOOP\r\n$bye' | recv"
	[ "$status" != 99 ] || skip "cannot remount: $stderr"
	codes 220 250 250 250 451 250 221
	[[ $stderr = *"cannot create '$spool/emailrelay."*".content': Read-only file system"* ]]
	nothing_left
}

@test "out of descriptors" {
	printf %b "$hello$message$bye" >"$BATS_TEST_TMPDIR/in"
	for n in 4 5 6 7 8 12; do
		run --separate-stderr bash -c 'for fd in {3..20}; do eval "exec $fd>&-"; done
			ulimit -n $1; shift; smtp-recv "$@"' - $n \
			$me --spool-dir="$spool" --domain=mx.test <"$BATS_TEST_TMPDIR/in"
		output=${output//$'\r'/}
		assert_success
		if [ -n "$(spooled)" ]; then
			codes 220 250 250 250 354 250 221
			holds ''
			rm "$spool"/*
		else
			[[ $output =~ (^|$'\n')4[25][0-9] ]] || fail "$n: $output $stderr"
			[[ $stderr =~ "Too many open files"|"No file descriptors available" ]] || fail "$n: $stderr"
		fi
		nothing_left
	done
	# the last was plenty
	codes 220 250 250 250 354 250 221
}

@test "what is not ours in the spool stays as it is" {
	mkdir "$spool/emailrelay.1.1.1.content"
	ln -s /etc/passwd "$spool/emailrelay.1.1.1.envelope"
	mkfifo "$spool/emailrelay.1.2.1.envelope.new"
	ls -l "$spool" >"$BATS_TEST_TMPDIR/before"
	wire "$hello$message$bye"
	codes 220 250 250 250 354 250 221
	rm "$spool"/emailrelay.[0-9]*.[0-9]*.[0-9]*[0-9][0-9].*
	diff "$BATS_TEST_TMPDIR/before" <(ls -l "$spool")
}
