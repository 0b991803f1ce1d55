# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2046,SC2086,SC2154
# filter-copy and filter-deliver, as filters of smtp-recv and by hand.
load recv

setup() {
	prepare
	secrets=$BATS_TEST_TMPDIR/auth
	printf 'server LOGIN %s pass\n' bob carol eve >"$secrets"
	chmod 600 "$secrets"
}
# receive FILTER TO...: a message for them.
receive() {
	local filter=$1
	shift
	wire "${hello}MAIL FROM:<a@a.test>\\r\\n$(printf 'RCPT TO:<%s>\\r\\n' "$@")DATA\\r\\nSubject: x\\r\\n\\r\\nbody\\r\\n.\\r\\n$bye" \
		--filter="$bin/$filter" --log --no-syslog
}
# What there is: `bob/envelope carol/envelope content`
files() {
	find "$spool" -type f ! -name .counters -printf '%P\n' |
		sed -E 's/emailrelay\.[0-9.]*\.//' | sort | paste -sd' '
}
# read_as USER [COMMAND...]: a POP3 session of theirs.
read_as() {
	local user=$1
	shift
	session pop3-serve $me --spool-dir="$spool" --pop-auth="$secrets" \
		--pop-by-name --no-syslog < <(printf '%s\n' "USER $user" "PASS pass" "$@" QUIT)
}
recipients() { tr -d '\r' <"$1" | sed -n 's/^X-MailRelay-To-[A-Za-z]*: //p' | paste -sd' '; }

@test "filter-copy: to all who have a sub-directory, one text for all" {
	mkdir "$spool"/{bob,carol,.hidden,-dash}
	receive filter-copy b@b.test
	codes 220 250 250 250 354 250 221
	assert_equal "$(files)" 'bob/envelope carol/envelope content'
	read_as bob 'RETR 1' 'DELE 1'
	assert_line 'Subject: x'
	assert_equal "$(files)" 'carol/envelope content'
	read_as carol 'RETR 1' 'DELE 1'
	assert_line 'Subject: x'
	assert_equal "$(files)" ''
}

@test "filter-copy: the ones that are named, made if need be" {
	mkdir "$spool/carol"
	receive 'filter-copy bob' b@b.test
	assert_line --partial '452'
	assert_equal "$(files)" ''
	receive 'filter-copy --create bob eve' b@b.test
	assert_equal "$(files)" 'bob/envelope content eve/envelope'
	[ "$(stat -c %a "$spool/bob")" = "$(stat -c %a "$spool/carol")" ]
	[ "$(stat -c %a "$spool"/bob/*.envelope)" = 660 ]
	receive 'filter-copy --create ../x' b@b.test
	assert_line --partial '452'
}

@test "filter-copy: all or nobody" {
	mkdir "$spool"/{bob,carol,eve}
	id=emailrelay.1.1.1
	place $id a@a.test b@b.test <<<x
	mv "$spool/$id.envelope" "$spool/$id.envelope.new"
	# a directory is in the way
	mkdir "$spool/carol/$id.envelope.new"
	run filter-copy "$spool/$id.content"
	assert_failure 1
	assert_output --partial '<<filter error: failed to copy envelope file emailrelay.1.1.1.envelope.new into the "carol" sub-directory'
	assert_equal "$(files)" "content envelope.new"
	mkdir "$spool/eve/$id.envelope.new"
	run filter-copy "$spool/$id.content"
	assert_output --partial 'into 2 sub-directories, including "'
	rmdir "$spool"/*/"$id.envelope.new"
	run filter-copy "$spool/$id.content"
	assert_failure 100
	refute_output
	cmp "$spool/bob/$id.envelope" "$spool/eve/$id.envelope"
}

@test "filter-copy: what it says when it cannot" {
	run filter-copy
	assert_failure 64
	run filter-copy "$spool/emailrelay.1.1.1.content"
	assert_failure 1
	assert_output '<<filter error: no such file>>'
	run filter-copy "$spool/x.content"
	assert_output '<<filter error: invalid filename>>'
	: >"$spool/emailrelay.1.1.1.content"
	run filter-copy "$spool/emailrelay.1.1.1.content"
	assert_output --partial '<<filter error: no envelope file "emailrelay.1.1.1.envelope"'
	place emailrelay.1.1.1 a@a.test b@b.test <<<x
	run filter-copy "$spool/emailrelay.1.1.1.content"
	assert_output '<<filter error: no sub-directories to copy into: check permissions>>'
	assert_equal "$(files)" 'content envelope'
}

@test "filter-copy: a message that is ready, unless somebody has it" {
	mkdir "$spool/bob"
	place emailrelay.1.1.1 a@a.test b@b.test <<<x
	flock "$spool/emailrelay.1.1.1.envelope" \
		sh -c "! filter-copy '$spool/emailrelay.1.1.1.content'"
	assert_equal "$(files)" 'content envelope'
	run filter-copy "$spool/emailrelay.1.1.1.content"
	assert_failure 100
	assert_equal "$(files)" 'bob/envelope content'
}

@test "filter-copy: on disk before it is done" {
	command -v strace >/dev/null || skip "strace is not installed"
	mkdir "$spool/bob"
	place emailrelay.1.1.1 a@a.test b@b.test <<<x
	mv "$spool/emailrelay.1.1.1.envelope" "$spool/emailrelay.1.1.1.envelope.new"
	run strace -f -y -o "$BATS_TEST_TMPDIR/trace" -e trace=fsync,renameat2,unlinkat \
		filter-copy "$spool/emailrelay.1.1.1.content"
	assert_failure 100
	run sed -nE 's/.*(fsync|renameat2|unlinkat)\([0-9]+<.*\/([^/>]*)>.*/\1 \2/p' \
		"$BATS_TEST_TMPDIR/trace"
	assert_output "fsync emailrelay.1.1.1.content
fsync emailrelay.1.1.1.envelope.new
renameat2 bob
fsync bob
fsync spool
unlinkat spool
fsync spool"
}

@test "filter-copy: a spool that cannot be synced" {
	command -v strace >/dev/null || skip "strace is not installed"
	mkdir "$spool/bob"
	place emailrelay.1.1.1 a@a.test b@b.test <<<x
	run strace -f -o /dev/null -e trace=fsync -e inject=fsync:error=EIO:when=4 \
		filter-copy "$spool/emailrelay.1.1.1.content"
	assert_failure 1
	assert_output '<<filter error: cannot sync the spool: Input/output error>>'
	assert_equal "$(files)" 'content envelope'
}

@test "a text that users share is theirs when it was sent" {
	local id=emailrelay.1.1.1
	mkdir "$spool"/{bob,.hidden}
	start answer
	send() {
		run smtp-send $me --spool-dir="$spool" --no-syslog --report \
			--forward-to="127.0.0.1:$port"
		assert_output --partial " sent 250"
	}
	# as a filter does that copies the envelope, and lets it go on
	place $id a@a.test b@b.test <<<'Subject: x'
	cp "$spool/$id.envelope" "$spool/bob"
	place emailrelay.1.1.2 a@a.test b@b.test <<<x
	send
	assert_equal "$(files)" 'bob/envelope content'
	read_as bob 'RETR 1' 'DELE 1'
	assert_line 'Subject: x'
	assert_line '+OK signing off'
	assert_equal "$(files)" ''
	# the other way round
	place $id a@a.test b@b.test <<<x
	cp "$spool/$id.envelope" "$spool/bob"
	read_as bob 'DELE 1'
	assert_equal "$(files)" 'content envelope'
	send
	assert_equal "$(files)" ''
}

@test "a text that users share is theirs when the filter has dealt with it" {
	local filter=$BATS_TEST_TMPDIR/share
	mkdir "$spool/bob"
	cat >"$filter" <<-'EOF'
		#!/bin/sh
		cp "${1%content}envelope.new" \
			"${1%/*}/bob/$(basename "$1" content)envelope"
		exit 100
	EOF
	chmod 755 "$filter"
	wire "${upto_data}Subject: x\r\n\r\nbody\r\n.\r\n$bye" --filter="$filter"
	codes 220 250 250 250 354 250 221
	assert_equal "$(files)" 'bob/envelope content'
	read_as bob 'RETR 1' 'DELE 1'
	assert_line body
	assert_equal "$(files)" ''
}

@test "filter-deliver: by local part, each a message of its own" {
	mkdir "$spool"/{bob,carol}
	receive filter-deliver Bob@b.test carol@x.test bob@c.test
	codes 220 250 250 250 250 250 354 250 221
	assert_equal "$(files)" 'bob/content bob/envelope carol/content carol/envelope'
	assert_equal "$(recipients "$spool"/bob/*.envelope)" 'Bob@b.test bob@c.test'
	assert_equal "$(recipients "$spool"/carol/*.envelope)" carol@x.test
	[ "$(stat -c %h "$spool"/bob/*.content)" = 2 ]
	read_as bob 'RETR 1' 'DELE 1'
	assert_line body
	read_as carol 'RETR 1' 'DELE 1'
	assert_line body
	assert_equal "$(files)" ''
}

@test "filter-deliver: the others get it as they would have" {
	mkdir "$spool"/{bob,carol}
	receive filter-deliver bob@b.test carol@b.test dave@b.test ../x@b.test
	assert_equal "$(recipients "$spool"/*.envelope)" 'dave@b.test ../x@b.test'
	assert_equal "$(files)" \
		'bob/content bob/envelope carol/content carol/envelope content envelope'
	# its text is its own
	[ "$(stat -c %h "$spool"/*.content)" = 1 ]
	[ "$(stat -c %h "$spool"/bob/*.content)" = 2 ]
	rm -r "${spool:?}"/*
	receive filter-deliver bob@b.test
	assert_equal "$(files)" 'content envelope'
	assert_equal "$(recipients "$spool"/*.envelope)" bob@b.test
}

@test "filter-deliver: --create, and safe names only" {
	receive 'filter-deliver --create' Bob@b.test a/../b@b.test .x@b.test \
		'"q q"@b.test'
	assert_equal "$(files)" 'bob/content bob/envelope content envelope'
	assert_equal "$(recipients "$spool"/*.envelope)" 'a/../b@b.test .x@b.test "q q"@b.test'
	run find "$spool" -mindepth 1 -type d
	assert_output "$spool/bob"
}

@test "filter-deliver: only for these domains" {
	mkdir "$spool/bob"
	receive 'filter-deliver our.test' bob@other.test bob@OUR.test
	assert_equal "$(recipients "$spool"/*.envelope)" bob@other.test
	assert_equal "$(recipients "$spool"/bob/*.envelope)" bob@OUR.test
}

@test "filter-deliver: a directory that is a link is none" {
	mkdir "$BATS_TEST_TMPDIR/other"
	ln -s "$BATS_TEST_TMPDIR/other" "$spool/bob"
	receive 'filter-deliver --create' bob@b.test
	assert_line --partial '452'
	assert_equal "$(ls "$BATS_TEST_TMPDIR/other")" ''
	assert_equal "$(files)" ''
}

@test "filter-deliver: killed at any system call, the client hears no 250 and nothing is half" {
	command -v strace >/dev/null || skip "strace is not installed"
	local call n status
	mkdir "$BATS_TEST_TMPDIR/t"
	for call in openat linkat renameat2 fsync unlinkat; do
		for ((n = 1; n < 60; n++)); do
			rm -rf "${spool:?}"/*
			mkdir "$spool"/{bob,carol}
			place emailrelay.1.1.1 a@a.test bob@b.test carol@b.test <<<x
			mv "$spool/emailrelay.1.1.1.envelope" "$spool/emailrelay.1.1.1.envelope.new"
			status=0
			strace -f -o /dev/null -e trace=none -e "inject=$call:signal=KILL:when=$n" \
				filter-deliver "$spool/emailrelay.1.1.1.content" || status=$?
			[ "$status" != 100 ] || break
			# who has an envelope has a text
			for f in "$spool"/*/*.envelope; do
				[ ! -e "$f" ] || cmp "${f%envelope}content" <(printf 'x\r\n')
			done
		done
		[ "$n" -lt 60 ]
		assert_equal "$(files)" 'bob/content bob/envelope carol/content carol/envelope'
	done
}

@test "spool-check sees what is left in sub-directories" {
	mkdir "$spool/bob"
	: >"$spool/bob/emailrelay.1.1.1.envelope.new"
	: >"$spool/bob/emailrelay.1.1.2.content"
	: >"$spool/bob/emailrelay.1.1.3.envelope"
	place emailrelay.1.1.4 a@a.test b@b.test <<<x
	mv "$spool/emailrelay.1.1.4.envelope" "$spool/bob"
	find "$spool" -type f -exec touch -d '2 days ago' {} +
	run spool-check --spool-dir="$spool"
	assert_failure 65
	assert_line 'emailrelay.1.1.1 never finished, and its writer is gone: removed'
	assert_line 'emailrelay.1.1.2 text without an envelope: removed'
	assert_line 'emailrelay.1.1.3 ready envelope without a text: left for you to see to'
	assert_equal "$(files)" 'bob/envelope bob/envelope content'
}
