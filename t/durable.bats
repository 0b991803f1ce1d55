# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# A 250 to the text is a promise: what if smtp-recv dies, or any system call
# fails, at any moment?
load recv

setup() {
	prepare
	strace -qq -o /dev/null true 2>/dev/null || skip "strace cannot trace here"
	case $build in *asan*) skip "the sanitizers make too many calls" ;; esac
	in=$BATS_TEST_TMPDIR/in out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err
	trace=$BATS_TEST_TMPDIR/trace
	printf %b "${hello}MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nRCPT TO:<c@b.test>\r\nDATA\r\nSubject: x\r\n\r\ntext\r\n.\r\n$bye" >"$in"
}
traced() {
	strace -f -qq -o "$trace" "$@" smtp-recv $me --spool-dir="$spool" \
		--domain=mx.test <"$in" >"$out" 2>"$err"
}

# lint SPOOL <TRACE: at each acknowledgement of a text, is all that was done
# in the spool on disk? Prints what was promised, and what was not kept.
lint() {
	awk -v spool="$1" '
	function path(s) { sub(/^[^<]*</, "", s); sub(/>.*/, "", s); return s }
	/ = -1 / { next }
	# no promise is about the numbers
	/\/\.counters/ { next }
	/openat\(.*O_CREAT/ { s = $0; sub(/.* = /, "", s); directory = 1; files[path(s)] = 1 }
	/ (write|pwrite64|ftruncate)\(/ { p = path($0); if (index(p, spool "/") == 1) files[p] = 1 }
	/ (rename|renameat|renameat2|link|linkat|unlink|unlinkat)\(/ { directory = 1 }
	/ f(data)?sync\(/ { p = path($0); delete files[p]; if (p == spool) directory = 0 }
	/queued as/ {
		promised++
		for (f in files) print "not on disk: " f
		if (directory) print "not on disk: the directory"
	}
	END { print promised + 0, "promised" }'
}

@test "what is acknowledged is on disk by then" {
	local text calls n
	for text in 'DATA\r\none\r\n.\r\n' 'BDAT 3\r\ntwoBDAT 2 LAST\r\n\r\n'; do
		printf %b "$hello${start}RSET\r\n$start$text$bye" >"$in"
		traced -y -s 4096 -e trace=openat,write,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,sendto
		only
		run lint "$spool" <"$trace"
		assert_output "1 promised"
		# the lint sees what is missing: each fsync in turn
		calls=$(grep -c ' fsync(' "$trace")
		((calls >= 3))
		for ((n = 1; n <= calls; n++)); do
			run lint "$spool" < <(awk -v n=$n \
				'/ fsync\(/ && ++seen == n { next } 1' "$trace")
			assert_output --partial "not on disk"
		done
		rm "$spool"/*
	done
}

# The rule, after whatever has happened: a promise means a whole message, and
# no promise means none or a whole one.
judge() {
	local ids
	ids=$(spooled)
	if grep -q 'queued as' "$out"; then
		[ "$(wc -w <<<"$ids")" = 1 ] || fail "$1: promised and lost"
	elif grep -q '^[45].*message processing failed' "$out"; then
		[ -z "$ids" ] || fail "$1: refused and kept"
	fi
	for id in $ids; do
		cmp "$spool/$id.envelope" "$BATS_TEST_TMPDIR/envelope" ||
			fail "$1: the envelope is damaged"
		text "$id" | cmp - "$BATS_TEST_TMPDIR/text" ||
			fail "$1: the text is damaged"
	done
}
# The same session undisturbed, for comparison.
model() {
	smtp-recv $me --spool-dir="$spool" --domain=mx.test <"$in" >"$out"
	id=$(only)
	text "$id" >"$BATS_TEST_TMPDIR/text"
	mv "$spool/$id.envelope" "$BATS_TEST_TMPDIR/envelope"
	rm "$spool"/*
}
# each INJECTION COMMAND...: the session again and again, with this done to
# the first, second, ... of each system call; the command looks at the result.
# What one libc calls openat and fstat is open and newfstatat to another.
calls='?open openat read write ?writev close ?stat ?fstat newfstatat flock fsync sync_file_range renameat2 unlinkat poll umask'
each() {
	local call n
	total=0
	model
	for call in $calls; do
		for ((n = 1; n < 100; n++)); do
			what="$1 at $call $n" status=0
			traced -e trace="$call" -e inject="$call:$1:when=$n" \
				2>/dev/null || status=$?
			judge "$what"
			# the last one has all to itself
			((status >= 128)) || grep -q INJECTED "$trace" || break
			"${@:2}"
			((++total))
			rm -f "$spool"/*
		done
		only
		rm "$spool"/*
	done
	((total > ${least:-25})) || fail "only $total calls"
}

died() {
	! grep -q 'queued as' "$out" || ((++promised))
	[ -n "$(spooled)" ] || ((++lost))
	# what else there is is litter that spool-check knows
	find "$spool" -type f -exec touch -d '3 days ago' {} +
	spool-check $me --spool-dir="$spool" >/dev/null || fail "$what: $(ls "$spool")"
	judge "$what, checked"
	[ -n "$(spooled)" ] || nothing_left
}
@test "killed at any system call" {
	promised=0 lost=0
	each signal=KILL died
	((promised > 0 && lost > 10)) || fail "$promised promised, $lost lost"
}

failed() {
	((status < 128)) || fail "$what: status $status"
	! grep -q '^45[12]' "$out" || ((++refused))
	# whoever cannot remove a file leaves it
	[ -n "$(spooled)" ] || [[ $what = *unlinkat* ]] || nothing_left ||
		fail "$what"
}
@test "no space, at any system call" {
	refused=0
	each error=ENOSPC failed
	((refused > 5)) || fail "$refused refused"
}

@test "an I/O error, at any system call" {
	refused=0
	each error=EIO failed
	((refused > 5)) || fail "$refused refused"
}

@test "out of descriptors, at any system call" {
	refused=0
	each error=EMFILE failed
	((refused > 3)) || fail "$refused refused"
}

interrupted() {
	# it is no failure, but for the loader
	((status == 127)) || only
}
@test "an interrupt, at any system call that waits" {
	calls='read write poll' least=5
	each error=EINTR interrupted
}

@test "both files are on disk before the rename" {
	traced -e trace=fsync,renameat2 -e inject=renameat2:signal=KILL 2>/dev/null || :
	[ -z "$(spooled)" ]
	[ "$(spooled new | wc -w)" = 1 ]
	[ "$(grep -c fsync "$trace")" = 2 ]
}
