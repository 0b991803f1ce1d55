# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2086,SC2154
# The Containerfile: what it starts, as it starts it, where nothing but the spool
# can be written to; and with SLUICE_SLOW=1 its steps, in a Debian of their own.
load helper
file=$top/Containerfile

setup() {
	prepare
	[ "$(id -u)" = 0 ] || skip "only root has mounts of its own"
	unshare --mount --net --pid --fork true || skip "no namespaces here"
}
# Its instructions, each on a line.
instructions() { grep -v '^#' "$file" | sed -e :a -e '/\\$/{N;s/\\\n[ \t]*//;ba}' -e '/^$/d'; }
last() { instructions | sed -n "s/^$1 //p" | tail -n 1; }
# the words of ["a", "b"]
words() { sed 's/.*\[//; s/\].*//; s/[",]/ /g' <<<"$1"; }
# in_container ROOT [DIRECTORY]: runs what the image starts in ROOT, as an engine
# does with --read-only: with processes and a network of its own, the user, and
# nothing to write to but a new spool. Then mail goes through it, to a relay
# beside it. The programs may be those in DIRECTORY.
in_container() {
	cat >"$BATS_TEST_TMPDIR/try" <<-'END'
		PATH=/run/sluice/bin:$PATH
		as='setpriv --reuid=1 --regid=1 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all'
		until_ok() {
			n=0
			until "$@" >/run/said 2>&1; do
				n=$((n + 1))
				[ $n -lt 200 ] || { echo "in vain: $*"; cat /run/said; exit 1; }
				sleep 0.05
			done
		}
		has() { [ "$(find "$1" -name 'emailrelay.*.envelope*' | wc -l)" = "$2" ]; }
		post() {
			printf 'Subject: x\n\nhello\n' | curl -sS smtp://127.0.0.1:2525 \
				--mail-from a@a.test --mail-rcpt b@b.test --upload-file -
		}
		mkdir -p /run/secrets && echo 127.0.0.1:2600 >/run/secrets/next
		install -d -o 1 -g 1 /run/far
		$as tcpserver -HR 127.0.0.1 2600 "$(command -v smtp-recv)" --spool-dir=/run/far &
		far=$!
		export SLUICE_FORWARD_TO_FILE=/run/secrets/next
		$as env $settings $command &
		relay=$!
		until_ok post
		until_ok has /run/far 1
		until_ok has /var/spool/emailrelay 0
		$as env $settings $health || echo "not well: $?"
		! touch /new 2>/dev/null || echo "the root can be written to"
		kill -TERM $relay
		wait $relay
		echo "ended with $?"
		kill $far
	END
	run timeout 60 unshare --mount --net --pid --fork --kill-child sh -euc '
		ip link set lo up
		[ "$1" = / ] || mount --bind "$1" "$1"
		mount -t proc proc "$1/proc"
		mount -t tmpfs -o mode=755 none "$1/run"
		mount -t tmpfs -o mode=755 none "$1/var/spool"
		install -d -m 775 -g 1 "$1/var/spool/emailrelay"
		cp "$2" "$1/run/try"
		[ -z "$3" ] || { mkdir "$1/run/sluice" && cp -R "$3/bin" "$3/libexec" "$1/run/sluice"; }
		mount -o remount,bind,ro "${1%/}/"
		exec chroot "$1" env settings="$4" command="$5" health="$6" sh -u /run/try' \
		sh "$1" "$BATS_TEST_TMPDIR/try" "${2-}" "$(instructions | sed -n 's/^ENV //p' | xargs)" \
		"$(words "$(last CMD)")" "$(words "$(last HEALTHCHECK)")"
	assert_success
	assert_output --partial "status=sent"
	assert_output --regexp 'ended with (0|143)'
	refute_output --partial "not well"
	refute_output --partial "can be written"
}

@test "container: what it says is what the engines, and Kubernetes, look for" {
	[[ $(last USER) =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]]
	[ "$(last VOLUME)" = /var/spool/emailrelay ]
	instructions | grep -q '^HEALTHCHECK .*CMD \["admin-cmd", "health"'
	[ "$(last CMD)" = '["emailrelay"]' ]
	# each variable is an option's
	local v
	for v in $(instructions | sed -n 's/^ENV //p' | grep -oE 'SLUICE_[A-Z_]*'); do
		v=${v#SLUICE_} v=${v,,}
		emailrelay --help --verbose | grep -qE -- "--${v//_/-}([= ]|\$)" || fail "no $v"
	done
	# it builds with what .ci/setup installs for that
	for v in $(instructions | sed -n '/^RUN.*gcc/s/.* install//p'); do
		grep -q "^run='.*\\<$v\\>" "$top/.ci/setup" || fail "$v"
	done
}

@test "container: what it starts relays as nobody in particular, with a root that is read-only" {
	in_container / "$build"
}

# step WHERE INSTRUCTION: what a builder does for it
step() {
	local what=${2#* }
	case $2 in
	RUN*) chroot "$1" sh -ec "$what" ;;
	"COPY --from=build "*)
		set -- "$1" ${what#* }
		cp -a "$built$2/." "$1$3"
		;;
	COPY*)
		set -- "$1" $what
		(cd "$top" && git ls-files | xargs -d '\n' cp -a --parents -t "$1$3")
		;;
	esac
}
@test "container: its steps, one by one, and what comes of them" {
	[ -n "$TEST_SLOW" ] || skip "SLUICE_SLOW=1 installs a Debian for it"
	command -v debootstrap >/dev/null || skip "debootstrap is not installed"
	local base=$BATS_TEST_TMPDIR/base root='' built='' line
	debootstrap --variant=minbase bookworm "$base" >"$BATS_TEST_TMPDIR/log" 2>&1 ||
		skip "no mirror: $(tail -n 1 "$BATS_TEST_TMPDIR/log")"
	while read -r line; do
		if [[ $line = FROM* ]]; then
			built=$root root=$BATS_TEST_TMPDIR/root${#root}
			cp -a "$base" "$root"
			mkdir -p "$root/src"
		else
			step "$root" "$line" >"$BATS_TEST_TMPDIR/log" 2>&1 </dev/null ||
				fail "$line: $(tail "$BATS_TEST_TMPDIR/log")"
		fi
	done < <(instructions)
	[ ! -e "$root/usr/bin/gcc" ]
	[ "$(stat -c '%a %u:%g' "$root/usr/bin/spool-submit")" = "2755 0:1" ]
	chroot "$root" apt-get -q update >/dev/null
	chroot "$root" apt-get -q -y --no-install-recommends install curl iproute2 >/dev/null
	in_container "$root"
}
