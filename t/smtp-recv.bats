# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2046,SC2086,SC2154
# smtp-recv: commands, replies, and what is in the spool afterwards.
load recv

@test "a message comes in" {
	recv <<-EOF
		EHLO client.test
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		Subject: hi

		hello
		.
		QUIT
	EOF
	assert_success
	id=$(only)
	diff - <(echo "$output") <<-EOF
		220 mx.test ESMTP Sluice -- Service ready
		250-mx.test says hello
		250-PIPELINING
		250-SIZE
		250-VRFY
		250-CHUNKING
		250-ENHANCEDSTATUSCODES
		250-SMTPUTF8
		250 8BITMIME
		250 2.1.0 OK
		250 2.1.5 OK
		354 start mail input -- end with <CRLF>.<CRLF>
		250 2.0.0 OK queued as $id
		221 2.0.0 closing connection
	EOF
	[ "$stderr" = "" ]
	holds 'Subject: hi\r\n\r\nhello\r\n'
	[ "$(find "$spool" -type f ! -name '.*' | wc -l)" = 2 ]
}

@test "every line of a reply ends in CR LF" {
	smtp-recv $me --spool-dir="$spool" --domain=mx.test \
		< <(printf 'EHLO x\r\nNOOP\r\nNOPE\r\nQUIT\r\n') >"$BATS_TEST_TMPDIR/out"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/out")" = 12 ]
	[ "$(grep -c $'[^\r]\r$' "$BATS_TEST_TMPDIR/out")" = 12 ]
}

@test "--anonymous says less" {
	recv --anonymous <<-EOF
		EHLO x
		VRFY postmaster
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		.
		QUIT
	EOF
	diff - <(echo "$output") <<-EOF
		220 ready
		250-hello
		250-PIPELINING
		250-SIZE
		250-CHUNKING
		250-ENHANCEDSTATUSCODES
		250-SMTPUTF8
		250 8BITMIME
		502 5.5.1 command not implemented
		250 2.1.0 OK
		250 2.1.5 OK
		354 start mail input -- end with <CRLF>.<CRLF>
		250 2.0.0 OK
		221 2.0.0 closing connection
	EOF
	[ "$(content "$(only)" | wc -l)" = 1 ]
}

@test "--anonymous without a domain leaves no trace in the message" {
	recv --anonymous --domain= <<-EOF
		HELO x
	EOF
	[ "${lines[0]}" = "220 ready" ]
	run smtp-recv $me --spool-dir="$spool" --anonymous --domain= \
		< <(printf %b "${upto_data}one\r\n.\r\n$bye")
	[ "$(content "$(only)")" = one ]
}

@test "replies without a transaction" {
	recv <<-EOF
		HELO x
		noop
		NOOP with words
		Rset
		HELP
		HELP me
		EXPN list
		VRFY bob
		VRFY a\\b
		VRFY
		quit
	EOF
	assert_success
	diff - <(echo "$output") <<-EOF
		220 mx.test ESMTP Sluice -- Service ready
		250 OK
		250 2.0.0 OK
		250 2.0.0 OK
		250 2.0.0 state reset
		502 5.5.1 command not implemented
		502 5.5.1 command not implemented
		502 5.5.1 command not implemented
		252 2.0.0 cannot verify but will accept: bob
		252 2.0.0 cannot verify but will accept: a\\b
		550 5.1.1 no such mailbox: 
		221 2.0.0 closing connection
	EOF
}

@test "before HELO only the harmless commands work" {
	recv <<-EOF
		MAIL FROM:<a@a.test>
		RCPT TO:<b@b.test>
		DATA
		BDAT 0 LAST
		RSET
		NOOP
		VRFY x
		HELP
		EXPN x
		QUIT
	EOF
	codes 220 503 503 503 503 250 250 252 502 502 221
	[ "${lines[1]}" = "503 5.5.1 command out of sequence -- use RSET to resynchronise" ]
	[ "${lines[5]}" = "250 2.0.0 OK" ]
	nothing_left
}

@test "commands out of sequence are refused and change nothing" {
	recv <<-EOF
		EHLO x
		RCPT TO:<b@b.test>
		DATA
		MAIL FROM:<a@a.test>
		MAIL FROM:<c@a.test>
		RCPT TO:<b@b.test>
		MAIL FROM:<c@a.test>
		DATA
		.
		QUIT
	EOF
	codes 220 250 503 503 250 503 250 503 354 250 221
	[[ $(envelope "$(only)") = *"From: a@a.test"* ]]
}

@test "without a recipient there is no DATA, and MAIL is needed again" {
	recv <<-EOF
		EHLO x
		MAIL FROM:<a@a.test>
		DATA
		RCPT TO:<b@b.test>
		MAIL FROM:<a@a.test>
		QUIT
	EOF
	codes 220 250 250 554 503 250 221
	[ "${lines[10]}" = "554 5.5.1 no valid recipients" ]
	nothing_left
}

@test "HELO, EHLO and RSET forget the transaction" {
	for again in "HELO y" "EHLO y" RSET; do
		recv <<-EOF
			EHLO x
			MAIL FROM:<a@a.test>
			RCPT TO:<b@b.test>
			$again
			RCPT TO:<c@b.test>
			MAIL FROM:<d@a.test>
			QUIT
		EOF
		codes 220 250 250 250 250 503 250 221
	done
	nothing_left
}

@test "a parameter that is missing or unwanted is refused" {
	recv <<-EOF
		EHLO
		HELO
		EHLO x
		RSET now
		QUIT now
		DATA now
		QUIT
	EOF
	codes 220 501 501 250 501 501 503 221
	[ "${lines[1]}" = "501 5.5.4 parameter required" ]
	[ "${lines[11]}" = "501 5.5.4 no parameter allowed" ]
}

@test "unknown commands" {
	recv <<-EOF
		EHLO x
		AUTH PLAIN
		XYZZY
		EHLOO x

		QUIT
	EOF
	codes 220 250 500 500 500 500 221
	[ "${lines[10]}" = "500 5.5.1 command unrecognized" ]
}

@test "blanks and tabs part words, case does not matter" {
	wire '  ehlo\tx  \r\n\tmail from:  <a@a.test>\tsize=1 \r\nRcpt\tTo:<b@b.test> \r\ndata \r\n.\r\nquit\r\n'
	codes 220 250 250 250 354 250 221
	only
}

@test "a whole session in one write" {
	local n=20 all
	all=$hello
	for ((i = 0; i < n; i++)); do
		all+="MAIL FROM:<a$i@a.test>\r\nRCPT TO:<b@b.test>\r\nNOPE@\r\nDATA\r\nnumber $i\r\n.\r\n"
	done
	wire "$all$bye"
	# shellcheck disable=SC2046
	codes 220 250 $(times $n 250 250 500 354 250) 221
	[ "$(spooled | wc -w)" = $n ]
	[ "$(cat "$spool"/*.content | grep -c ^number)" = $n ]
}

@test "a transaction that was left leaves nothing" {
	for end in QUIT RSET "EHLO y" ""; do
		recv <<-EOF
			EHLO x
			MAIL FROM:<a@a.test>
			RCPT TO:<b@b.test>
			$end
		EOF
		assert_success
		nothing_left
	done
}

@test "files have mode 0660 whatever the umask" {
	for mask in 000 077; do
		(umask $mask && recv <<<"EHLO x
MAIL FROM:<>
RCPT TO:<b@b.test>
DATA
.")
	done
	[ "$(find "$spool" -type f ! -name '.*' | wc -l)" = 4 ]
	[ "$(find "$spool" -type f ! -name '.*' -perm 0660 | wc -l)" = 4 ]
}

@test "Content says whether there are octets from 0x80" {
	wire "${upto_data}caf\xc3\xa9\r\n.\r\n${start}DATA\r\ncafe\r\n.\r\n$bye"
	set -- $(spooled)
	[ "$(envelope "$1" | sed -n 2p)" = "X-MailRelay-Content: 8bit" ]
	[ "$(envelope "$2" | sed -n 2p)" = "X-MailRelay-Content: 7bit" ]
}
