#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2086,SC2154
load helper
load send
load admin

metrics() { run --separate-stderr spool-metrics --spool-dir="$spool" "$@"; }
is() { grep -qxF "sluice_$1" <<<"$output" || fail "not $1 in: $output"; }

# What promtool looks at, and more: HELP and TYPE once for each name and before
# its samples, which are together; each series once; counters, and only they,
# end in _total; text that ends a line.
well_formed() {
	awk '
	function bad(why) { print FILENAME ":" FNR ": " why ": " $0; failed = 1 }
	/^# HELP sluice_[a-z0-9_]+ [A-Z].*\.$/ {
		if ($3 in helped) bad("HELP twice")
		helped[$3] = 1; now = $3; next }
	/^# TYPE sluice_[a-z0-9_]+ (counter|gauge)$/ {
		if ($3 != now || $3 in type) bad("TYPE is not behind its HELP")
		if (($4 == "counter") != ($3 ~ /_total$/)) bad("name of a counter")
		type[$3] = $4; next }
	/^sluice_[a-z0-9_]+(\{[a-z]+="[a-z0-9.]+"\})? [0-9]+$/ {
		name = $1; sub(/\{.*/, "", name)
		if (!(name in type) || name != now) bad("sample out of place")
		if ($1 in seen) bad("series twice")
		seen[$1] = 1; samples[name]++; next }
	{ bad("what is this") }
	END { for (n in type) if (!samples[n]) { print "no samples: " n; failed = 1 }
		exit failed }' "$1" &&
		[ -z "$(tail -c 1 "$1" | tr -d '\n')" ]
}

@test "an empty spool" {
	metrics
	assert_success
	is 'spool_messages{state="ready"} 0'
	is 'spool_bytes{state="bad"} 0'
	is 'spool_oldest_message_age_seconds 0'
	is 'delivery_total{result="sent"} 0'
	is "build_info{version=\"$(spool-metrics --version | grep -oE '[0-9.]+$')\"} 1"
	run ! grep last_success <<<"$output"
	assert_equal "$(ls -A "$spool")" ""
	assert_equal "$stderr" ""
}

@test "messages and octets by state, and the age of the oldest that waits" {
	local n=0 state
	for state in "" .new .busy .bad .hold .local; do
		post $((++n))
		[ -z "$state" ] || mv "$spool/$(id $n).envelope" "$spool/$(id $n).envelope$state"
	done
	post 7
	printf 12345 >"$spool/$(id 7).content"
	printf 123 >"$spool/$(id 6).content.local"
	touch -d '1 hour ago' "$spool/$(id 7).content"
	touch -d '1 day ago' "$spool/$(id 4).content"
	rm "$spool/$(id 2).content"
	metrics
	is 'spool_messages{state="ready"} 2'
	for state in new busy bad hold local; do
		is "spool_messages{state=\"$state\"} 1"
	done
	is "spool_bytes{state=\"ready\"} $(($(stat -c %s "$spool/$(id 1).content") + 5))"
	is 'spool_bytes{state="new"} 0'
	is 'spool_bytes{state="local"} 3'
	grep -qE '^sluice_spool_oldest_message_age_seconds 36[0-9][0-9]$' <<<"$output"
}

@test "what has been done so far" {
	receive 2
	spool-submit --spool-dir="$spool" x@b.test <<<hello
	serve --reply RCPT:2='550 5.1.1 no' --reply RCPT:3='450 4.2.0 later'
	local before
	before=$(date +%s)
	run smtp-send $me --spool-dir="$spool" --no-syslog --forward-to="127.0.0.1:$port"
	metrics
	is 'receive_total{result="received"} 2'
	is 'receive_total{result="submitted"} 1'
	is 'delivery_total{result="sent"} 1'
	is 'delivery_total{result="deferred"} 1'
	is 'delivery_total{result="failed"} 1'
	is 'connections_total{service="smtp"} 2'
	is 'connections_total{service="client"} 1'
	is 'connections{service="smtp"} 0'
	local last
	last=$(sed -n 's/^sluice_last_success_timestamp_seconds //p' <<<"$output")
	((last >= before && last <= $(date +%s)))
}

@test "the form of it" {
	post 1 2
	spool-metrics --spool-dir="$spool" >"$BATS_TEST_TMPDIR/a"
	run well_formed "$BATS_TEST_TMPDIR/a"
	assert_success
	serve
	smtp-send $me --spool-dir="$spool" --no-syslog --forward-to="127.0.0.1:$port"
	spool-metrics --spool-dir="$spool" >"$BATS_TEST_TMPDIR/b"
	run well_formed "$BATS_TEST_TMPDIR/b"
	assert_success
	if command -v promtool >/dev/null; then
		run promtool check metrics <"$BATS_TEST_TMPDIR/b"
		assert_success
	fi
	# the parser can say no
	cat "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/a" >"$BATS_TEST_TMPDIR/c"
	run well_formed "$BATS_TEST_TMPDIR/c"
	assert_failure
	grep -v '^# TYPE' "$BATS_TEST_TMPDIR/a" >"$BATS_TEST_TMPDIR/c"
	run well_formed "$BATS_TEST_TMPDIR/c"
	assert_failure
}

@test "--output: as a whole, for everybody to read, by a name that is not left behind" {
	local out=$BATS_TEST_TMPDIR/out
	mkdir "$out"
	echo old >"$out/sluice.prom"
	echo "left by one that was killed, and longer than what comes $(seq 5000)" >"$out/sluice.prom.tmp"
	(umask 077 && spool-metrics --spool-dir="$spool" --output="$out/sluice.prom")
	assert_equal "$(ls "$out")" sluice.prom
	assert_equal "$(stat -c %a "$out/sluice.prom")" 644
	run well_formed "$out/sluice.prom"
	assert_success
	command -v strace >/dev/null || return 0
	strace -f -e trace=rename,renameat,renameat2 -o "$BATS_TEST_TMPDIR/trace" \
		spool-metrics --spool-dir="$spool" --output="$out/sluice.prom" || skip "strace does not work here"
	grep -q 'sluice.prom.tmp".*sluice.prom"' "$BATS_TEST_TMPDIR/trace"
}

@test "--output: what cannot be written, and what another one is writing" {
	local out=$BATS_TEST_TMPDIR/out
	metrics --output="$BATS_TEST_TMPDIR/none/x.prom"
	assert_failure 73
	echo old >"$out"
	flock "$out.tmp" spool-metrics --spool-dir="$spool" --output="$out" && return 1
	[ "$(cat "$out")" = old ]
	rm "$out.tmp"
	ln -s "$BATS_TEST_TMPDIR/elsewhere" "$out.tmp"
	metrics --output="$out"
	assert_failure 73
	assert_file_not_exists "$BATS_TEST_TMPDIR/elsewhere"
	run bash -c 'spool-metrics --spool-dir="$1" >/dev/full' - "$spool"
	assert_failure 74
}

@test "counters of another form are left out, with a warning" {
	echo nonsense >"$spool/.counters"
	metrics
	assert_success
	is 'spool_messages{state="ready"} 0'
	run ! grep delivery <<<"$output"
	[[ $stderr = *.counters* ]]
}

@test "no spool, and no arguments" {
	run spool-metrics --spool-dir="$spool/none"
	assert_failure 66
	metrics x
	assert_failure 64
}
