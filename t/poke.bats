#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2030,SC2031,SC2086,SC2154
# spool-poke: a line to an administration interface, and what it says.
load helper
load send
load admin

setup() { prepare; more=; }

relay() { listen admin-cmd $me --spool-dir="$spool" --no-syslog "$@"; }
# says TEXT: a server that says just that, and hangs up when it is left.
says() { listen sh -c "printf '$1'; cat >/dev/null"; }
poke() { run --separate-stderr spool-poke "$@"; }

@test "flush is what is said by default" {
	serve
	local server=$port
	post 1 2
	relay --forward-to="127.0.0.1:$server"
	poke "$port"
	assert_success
	assert_output OK
	[ "$(states 2)" = "gone gone" ]
	poke "127.0.0.1:$port"
	assert_success
	assert_output 'error: no messages to send'
}

@test "any other command, in one word or more" {
	relay
	receive
	poke "$port" list
	assert_output --regexp '^emailrelay\.[0-9.]+$'
	poke "localhost:$port" info version
	assert_success
	assert_output 0.1
	poke "$port" 'info version'
	assert_output 0.1
	poke "$port" quit
	assert_failure 75
}

@test "an answer that is an error is a failure" {
	relay
	poke "$port" flush
	assert_failure 69
	assert_output 'error: no remote server configured: use --forward-to'
	poke "$port" nonsense
	assert_failure 69
}

@test "an answer of any length, up to the prompt" {
	local n
	for n in $(seq 100); do post "$n"; done
	relay
	poke "$port" list
	assert_success
	[ "${#lines[@]}" = 100 ]
}

@test "an answer that ends with the connection" {
	listen sh -c 'read -r _; printf "OK"'
	poke "$port"
	assert_success
	assert_output OK
	listen sh -c 'read -r _; printf "error: no\r\n"'
	poke "$port"
	assert_failure 69
	assert_output 'error: no'
}

@test "nobody there" {
	poke 127.0.0.1:9
	assert_failure 69
	refute_output
	[[ $stderr == *'cannot connect to 127.0.0.1:9'* ]]
}

@test "no answer within the time" {
	listen sh -c 'cat >/dev/null'
	poke --response-timeout=1 "$port"
	assert_failure 75
	[[ $stderr == *'no answer: timed out'* ]]
	# nor does a drop now and then help
	listen sh -c 'while printf x; do sleep 0.2; done'
	poke --response-timeout=1 "$port"
	assert_failure 75
}

@test "escape sequences stay out of the terminal" {
	listen sh -c 'read -r _; printf "a\033[31mb\r\nE-MailRelay> "'
	poke "$port"
	assert_output 'a\x1B[31mb'
}

@test "a flood has an end" {
	listen sh -c 'read -r _; yes | head -c 100000000'
	run bash -c "timeout 60 spool-poke $port 2>/dev/null | tail -c 2"
	assert_output y
}

@test "what cannot be said or called is not" {
	poke 127.0.0.1:25:25
	assert_failure 64
	poke 0
	assert_failure 64
	relay
	poke "$port" $'list\nterminate'
	assert_failure 64
	poke "$port" "$(printf 'x%.0s' {1..600})"
	assert_failure 64
}

@test "-d: in the background, with a pid-file, until it is told to end" {
	serve
	local server=$port file=$BATS_TEST_TMPDIR/poke.pid p
	post 1
	relay --forward-to="127.0.0.1:$server"
	spool-poke -d --pid-file="$file" "$port" 3>&- </dev/null
	wait_until test -s "$file"
	wait_until eval '[ "$(states 1)" = gone ]'
	p=$(cat "$file")
	kill "$p"
	wait_until test ! -e "$file"
	run spool-poke -d --pid-file=relative "$port"
	assert_failure 64
	run spool-poke -d --pid-file="$BATS_TEST_TMPDIR/none/x" "$port"
	assert_failure 73
}
