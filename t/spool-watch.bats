#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2086,SC2154
load helper
load send
load admin

give=$'\033[0m\033[?7h\033[?25h\033[?1049l'

setup() {
	prepare
	heard=$BATS_TEST_TMPDIR/heard shown=$BATS_TEST_TMPDIR/shown
	orders=$BATS_TEST_TMPDIR/orders
}
watching() { ls -l "/proc/$1/fd" 2>/dev/null | grep -q inotify; }
# lines OPTION...: watch by a pipe.
lines() {
	setsid spool-watch --spool-dir="$spool" "$@" > >(cat >"$heard") 3>&- &
	watcher=$!
	pids+=("$watcher")
	wait_until watching "$watcher"
}
told() { grep -qE "$1" "$heard"; }
# The events, a word each, with the number of the message.
events() { sed -E 's/^[^ ]+ [^ ]*\.([^. ]+) ([a-z]+).*/\2 \1/' "$heard"; }
# screen ROWS COLUMNS OPTION...: watch on a terminal.
screen() {
	terminal "$1" "$2" spool-watch --spool-dir="$spool" "${@:3}"
}
# terminal ROWS COLUMNS PROGRAM...
terminal() {
	command -v python3 >/dev/null || skip "no python3"
	mkfifo "$orders"
	TERM=${kind-xterm} setsid "$BATS_TEST_DIRNAME/watcher" "$1" "$2" "$shown" "$orders" \
		"${@:3}" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	watcher=$!
	pids+=("$watcher")
	wait_until shows .
}
order() { echo "$*" >"$orders"; }
shows() { grep -aqE "$1" "$shown" 2>/dev/null; }
is_restored() {
	[ "$(cat "$shown.mode")" = same ] || fail "the mode of the terminal"
	[[ $(cat "$shown") = *"$give" ]] || fail "$(cat -v "$shown")"
}
ends() {
	local got=0
	wait "$watcher" || got=$?
	[ "$got" = "$1" ] || fail "status $got $(cat "$BATS_TEST_TMPDIR/err")"
}

@test "a line for what comes and what goes" {
	serve --reply RCPT:2='550 5.1.1 nobody here' --reply RCPT:3='450 4.2.0 later'
	lines
	for n in 1 2 3; do
		post $n
		mv "$spool/$(id $n).envelope" "$spool/$(id $n).envelope.new"
		mv "$spool/$(id $n).envelope.new" "$spool/$(id $n).envelope"
	done
	wait_until told 'received from=<from3@a.test> to=<to3@b.test>$'
	run smtp-send $me --spool-dir="$spool" --no-syslog --forward-to="127.0.0.1:$port"
	wait_until told ' deferred '
	grep -qE "^20[0-9-]+T[0-9:]+\+00:00 $(id 1) received from=<from1@a.test> to=<to1@b.test>$" "$heard"
	grep -qE "$(id 1) sent from=<from1@a.test> to=<to1@b.test>$" "$heard"
	grep -qE "$(id 2) failed from=<from2@a.test> to=<to2@b.test> \(.*nobody here.*\)$" "$heard"
	grep -qE "$(id 3) deferred from=<from3@a.test> to=<to3@b.test> \(.*later.*\)$" "$heard"
	diff <(printf '%s\n' 'received 1' 'received 2' 'received 3' 'sending 1' \
		'sent 1' 'sending 2' 'failed 2' 'sending 3' 'deferred 3') <(events)
}

@test "what people do: hold, release, retry, remove" {
	post 1 2
	to 3 a@b.test c@d.test
	mv "$spool/$(id 2).envelope" "$spool/$(id 2).envelope.bad"
	lines
	spool-hold --spool-dir="$spool" "$(id 1)"
	spool-hold --spool-dir="$spool" --release "$(id 1)"
	spool-retry --spool-dir="$spool" "$(id 2)"
	spool-remove --spool-dir="$spool" "$(id 1)" "$(id 3)"
	wait_until told "$(id 3) removed"
	diff <(printf '%s\n' 'held 1' 'ready 1' 'ready 2' 'removed 1' 'removed 3') <(events)
	# what it saw before it knows; what it did not see it does not
	grep -q "$(id 1) removed from=<from1@a.test>" "$heard"
	grep -q "$(id 3) removed$" "$heard"
}

@test "what is moved away, or gets a name that is none, has left" {
	post 1 2 3
	lines
	mv "$spool/$(id 1).envelope" "$BATS_TEST_TMPDIR/aside"
	wait_until told "$(id 1) removed"
	mv "$spool/$(id 2).envelope" "$spool/$(id 2).envelope.parked"
	mv "$spool/$(id 3).envelope" "$spool/$(id 3).envelope.hold"
	wait_until told "$(id 3) held"
	mv "$BATS_TEST_TMPDIR/aside" "$spool/$(id 1).envelope"
	wait_until told "$(id 1) received"
	diff <(printf '%s\n' 'removed 1' 'removed 2' 'held 3' 'received 1') <(events)
}

@test "JSON, and nothing that plays tricks" {
	command -v python3 >/dev/null || skip "no python3"
	lines --json
	place "$(id 1)" $'q\303\274@a.test' b@b.test c@c.test <<<x
	mv "$spool/$(id 1).envelope" "$spool/$(id 1).envelope.new"
	printf 'X-MailRelay-Reason: \\ " \377 gone\r\n' >>"$spool/$(id 1).envelope.new"
	mv "$spool/$(id 1).envelope.new" "$spool/$(id 1).envelope.bad"
	wait_until told failed
	run ! grep -q $'\033' "$heard"
	python3 -c '
import json, sys
got = json.loads(open(sys.argv[1]).readline())
assert got["id"] == sys.argv[2] and got["event"] == "failed", got
assert got["to"] == "b@b.test" and got["recipients"] == 2, got
assert got["from"] == "q\u00fc@a.test" and "gone" in got["reason"], got
' "$heard" "$(id 1)"
}

@test "it ends when its reader does, or the spool goes" {
	run timeout 20 bash -c 'spool-watch --spool-dir="$1" | true' - "$spool"
	assert_success
	lines
	rm -r "$spool"
	local got=0
	wait "$watcher" || got=$?
	[ "$got" = 66 ]
	run spool-watch --spool-dir="$spool"
	assert_failure 66
	mkdir "$spool"
	run spool-watch --spool-dir="$spool" x
	assert_failure 64
}

@test "more events than can be kept are said to be lost" {
	post 1
	lines
	kill -STOP "$watcher"
	perl -e 'my $f = shift; for (1 .. 20000) {
		rename $f, "$f.hold"; rename "$f.hold", $f }' "$spool/$(id 1).envelope"
	kill -CONT "$watcher"
	wait_until told ' - lost$'
	spool-remove --spool-dir="$spool" "$(id 1)"
	wait_until told "$(id 1) removed"
}

@test "a screen: counts, events, colours, and the terminal back as it was" {
	post 1 2
	screen 24 120
	wait_until shows $'ready 2\033'
	mv "$spool/$(id 1).envelope" "$spool/$(id 1).envelope.bad"
	wait_until shows 'ready 1.*bad 1'
	wait_until shows $'\033\\[31m[0-9:]+ failed +'"$(id 1) +from=<from1@a.test>"
	order mode
	wait_until grep -q other "$shown.mode"
	order key 71            # q
	ends 0
	is_restored
	[[ $(cat "$shown") = $'\033[?1049h'* ]]
}

@test "every signal that ends it gives the terminal back" {
	local sig
	for sig in 1 2 3 15; do
		rm -f "$orders" "$shown" "$shown.mode"
		screen 24 80
		order signal $sig
		ends 0
		is_restored
	done
}

@test "^C, and a spool that goes" {
	screen 24 80
	order key 03
	ends 0
	is_restored
	rm -f "$orders" "$shown"
	screen 24 80
	rm -r "$spool"
	ends 66
	[ "$(cat "$shown.mode")" = same ]
	# what is wrong is said behind the screen
	[[ $(cat "$shown" "$BATS_TEST_TMPDIR/err") = *"$give"*"not there any more"* ]]
}

@test "^Z gives it back, and fg takes it again" {
	screen 24 80
	order key 1a
	wait_until shows $'\033\\[\\?1049l'
	order mode
	wait_until grep -q same "$shown.mode"
	order signal 18         # SIGCONT
	wait_until eval '[ "$(grep -ao "1049h" "$shown" | wc -l)" = 2 ]'
	order key 71
	ends 0
	is_restored
}

# How often has it taken the terminal?
taken() { grep -ao '1049h' "$shown" | wc -l; }
state_of() { sed 's/.*) //' "/proc/$1/stat" | cut -c1; }

@test "under a shell: bg leaves its terminal alone, fg and kill work" {
	local child
	terminal 24 80 bash --norc --noprofile --noediting -i
	order type "spool-watch --spool-dir='$spool'"
	wait_until eval '[ "$(taken)" = 1 ]'
	child=$(pgrep -f "spool-watch --spool-dir=$spool\$")
	order key 1a
	wait_until shows $'\033\\[\\?1049l'
	wait_until eval '[ "$(state_of '"$child"')" = T ]'
	order type 'echo $((1 + 1))1; bg; echo $((2 + 2))2'
	wait_until shows '^42'
	wait_until eval '[ "$(state_of '"$child"')" = T ]'
	[ "$(taken)" = 1 ]
	order type fg
	wait_until eval '[ "$(taken)" = 2 ]'
	order key 1a
	wait_until eval '[ "$(state_of '"$child"')" = T ]'
	order type 'kill %1; wait; echo $((3 + 3))3'
	wait_until shows '^63'
	wait_until eval '[ ! -e "/proc/'"$child"'" ]'
	[ "$(taken)" = 2 ]
	order type 'exit 7'
	ends 7
}

@test "a large spool: the screen is there at once, and so are the keys" {
	local n=70000
	perl -e 'my ($d, $n) = @ARGV; chdir $d; my $of;
		for (1 .. $n) {
			my $f = "emailrelay.1.100.$_.envelope";
			if ($_ % 50000 == 1) { $of = $f; open F, ">", $f; close F }
			else { link $of, $f } }' "$spool" $n
	screen 24 80
	wait_until shows 'ready [0-9]+.*\(counting\)'
	wait_until shows "ready ${n}[^0-9]"
	mv "$spool/emailrelay.1.100.1.envelope" "$spool/emailrelay.1.100.1.envelope.hold"
	wait_until shows "ready $((n - 1))[^0-9].*hold 1[^0-9]"
	order key 71
	ends 0
	rm -f "$orders" "$shown"
	screen 24 80
	order key 71
	ends 0
	is_restored
}

@test "it fits into the window, whatever its size" {
	post 1 2 3 4 5 6 7 8 9
	screen 8 40
	local n
	for n in 1 2 3 4 5 6 7 8 9; do
		mv "$spool/$(id $n).envelope" "$spool/$(id $n).envelope.hold"
	done
	wait_until shows 'hold 9'
	# a painting has no more line ends than rows but one, and the last
	# row is the eighth
	awk -v RS='\033\\[H' 'gsub(/\r\n/, "") > 7 { exit 1 }' "$shown"
	shows $'\033\\[8;1Hq: quit'
	run ! grep -aq "$(id 1) from" <(tail -c 400 "$shown")
	order size 3 40
	wait_until shows '.*'
	order size 30 100
	wait_until shows $'\033\\[30;1Hq: quit'
	order size 1 1
	order key 71
	ends 0
	is_restored
}

@test "a flood is painted five times a second" {
	post 1
	screen 24 80
	local began=$SECONDS paintings
	perl -e 'my $f = shift; for (1 .. 15000) {
		rename $f, "$f.hold"; rename "$f.hold", $f }' "$spool/$(id 1).envelope"
	order key 71
	ends 0
	paintings=$(grep -ao $'\033\[H' "$shown" | wc -l)
	((paintings >= 1 && paintings <= 5 * (SECONDS - began + 2))) || fail "$paintings"
	is_restored
}

@test "NO_COLOR, and terminals that can do nothing" {
	post 1
	NO_COLOR=1 screen 24 80
	mv "$spool/$(id 1).envelope" "$spool/$(id 1).envelope.bad"
	wait_until shows 'failed'
	run ! grep -aqE $'\033\\[3[0-9]m' "$shown"
	order key 71
	ends 0
	rm -f "$orders" "$shown"
	command -v python3 >/dev/null
	mkfifo "$orders"
	TERM=dumb setsid "$BATS_TEST_DIRNAME/watcher" 24 80 "$shown" "$orders" \
		spool-watch --spool-dir="$spool" 3>&- &
	watcher=$!
	pids+=("$watcher")
	wait_until eval 'watching "$(pgrep -P "$watcher")"'
	mv "$spool/$(id 1).envelope.bad" "$spool/$(id 1).envelope"
	wait_until shows "^20.* $(id 1) ready from="
	run ! grep -aq $'\033' "$shown"
	order signal 15
	ends 241        # -15
}
