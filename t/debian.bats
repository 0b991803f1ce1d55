# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2086,SC2154
# The Debian packages: built in a copy of the tree, looked into, and with
# SLUICE_SLOW=1 installed in a Debian of their own, where debian/tests/relay
# sends, receives, forwards and fetches.
load helper

# why_not: prints why this cannot be tested here, if so
why_not() {
	local p
	[ "$(id -u)" = 0 ] || echo "only root owns what is in a package"
	! grep -q __asan_init "$bin/smtp-recv" ||
		echo "the packages have nothing of the sanitizers"
	for p in dpkg-buildpackage dh lintian; do
		command -v $p >/dev/null || echo "$p is not installed"
	done
}
setup_file() {
	export tree=$BATS_FILE_TMPDIR/sluice
	[ -z "$(why_not)" ] || return 0
	mkdir "$tree"
	(cd "$top" && { [ -e .git ] && git ls-files || find . -type f ! -path './build*'; } |
		xargs -d '\n' cp -a --parents -t "$tree")
	(cd "$tree" && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b) \
		>"$BATS_FILE_TMPDIR/log" 2>&1 || {
		cat "$BATS_FILE_TMPDIR/log"
		return 1
	}
}
setup() {
	packages=$BATS_FILE_TMPDIR
	[ -z "$(why_not)" ] || skip "$(why_not | head -n 1)"
}
teardown() { :; }
package() { echo "$packages/$1"_*.deb; }
# contents NAME: MODE OWNER/GROUP PATH, a line each
contents() {
	dpkg-deb -c "$(package "$1")" | awk '{ print $1, $2, substr($0, index($0, " ./") + 3) }'
}

@test "debian: lintian finds nothing" {
	run lintian --allow-root -vIL +pedantic --info "$packages"/*.changes
	assert_success
	run grep -E '^[EWIP]: ' <<<"$output"
	refute_output
}

@test "debian: what is in the packages" {
	local line
	contents sluice >"$BATS_TEST_TMPDIR/sluice"
	contents sluice-mta >"$BATS_TEST_TMPDIR/sluice-mta"
	while read -r package line; do
		grep -qxF -- "$line" "$BATS_TEST_TMPDIR/$package" ||
			fail "$package has no $line"
	done <<-'END'
		sluice -rwxr-xr-x root/root usr/sbin/smtp-recv
		sluice -rwxr-xr-x root/root usr/sbin/emailrelay
		sluice lrwxrwxrwx root/root usr/sbin/emailrelay-submit -> ../bin/spool-submit
		sluice -rwxr-sr-x root/daemon usr/bin/spool-submit
		sluice -rwx--x--x root/root usr/libexec/emailrelay/tls-io
		sluice -rw-r--r-- root/root etc/emailrelay.conf
		sluice -rw-r--r-- root/root etc/pam.d/emailrelay
		sluice drwxrwxr-x root/daemon var/spool/emailrelay/
		sluice -rw-r--r-- root/root lib/systemd/system/smtp-recv.socket
		sluice -rw-r--r-- root/root lib/systemd/system/smtp-recv@.service.d/hardening.conf
		sluice -rw-r--r-- root/root lib/systemd/system/smtp-send.timer
		sluice -rw-r--r-- root/root lib/systemd/system/smtp-send.path
		sluice -rw-r--r-- root/root usr/lib/sysusers.d/sluice.conf
		sluice -rw-r--r-- root/root usr/lib/tmpfiles.d/sluice.conf
		sluice-mta lrwxrwxrwx root/root usr/sbin/sendmail -> ../bin/spool-submit
		sluice-mta lrwxrwxrwx root/root usr/lib/sendmail -> ../sbin/sendmail
		sluice-mta lrwxrwxrwx root/root usr/bin/mailq -> spool-submit
		sluice-mta lrwxrwxrwx root/root usr/bin/newaliases -> spool-submit
	END
	[ "$(dpkg-deb -f "$(package sluice-mta)" Provides Conflicts | sort)" = "Conflicts: mail-transport-agent
Provides: mail-transport-agent" ]
	run ! grep -E '(bin|lib)/(sendmail|mailq|newaliases)' "$BATS_TEST_TMPDIR/sluice"
	# nobody's mail is deleted
	dpkg-deb -e "$(package sluice)" "$BATS_TEST_TMPDIR/control"
	run grep -rE 'var/spool|rm -r' "$BATS_TEST_TMPDIR/control" --include=p*
	refute_output
	# paths of the build and of another installation are in none
	dpkg-deb -x "$(package sluice)" "$BATS_TEST_TMPDIR/root"
	run grep -rlF -e "$tree" "$BATS_TEST_TMPDIR/root"
	refute_output
	run grep -rl /usr/local/s\\?bin/ "$BATS_TEST_TMPDIR/root/lib" "$BATS_TEST_TMPDIR/root/usr/libexec"
	refute_output --partial /init/
}

@test "debian: systemd likes the units, sysusers and tmpfiles, and the receiver may do little" {
	command -v systemd-analyze >/dev/null || skip "systemd is not installed"
	local root=$BATS_TEST_TMPDIR/root u
	dpkg-deb -x "$(package sluice)" "$root"
	sed -i "s,^ExecStart=/usr/,ExecStart=$root/usr/," "$root"/lib/systemd/system/*.service
	export SYSTEMD_UNIT_PATH=$root/lib/systemd/system:
	for u in "$root"/lib/systemd/system/*.*; do
		[ ! -d "$u" ] || continue
		run systemd-analyze verify --man=no "${u/@./@1.}"
		assert_success
		assert_output ""
	done
	run systemd-analyze security --offline=true --threshold=15 --no-pager smtp-recv@.service
	assert_success
	mkdir -p "$BATS_TEST_TMPDIR/new/etc" "$BATS_TEST_TMPDIR/new/var/spool"
	cp -R "$root/usr" "$BATS_TEST_TMPDIR/new"
	systemd-sysusers --root="$BATS_TEST_TMPDIR/new" sluice.conf
	grep -q '^daemon:x:1:1:' "$BATS_TEST_TMPDIR/new/etc/passwd"
	grep -q '^daemon:x:1:' "$BATS_TEST_TMPDIR/new/etc/group"
	systemd-tmpfiles --root="$BATS_TEST_TMPDIR/new" --create sluice.conf
	[ "$(stat -c '%a %u:%g' "$BATS_TEST_TMPDIR/new/var/spool/emailrelay")" = "775 0:1" ]
}

@test "debian: installed, it relays; purged, the mail is still there" {
	[ -n "$TEST_SLOW" ] || skip "SLUICE_SLOW=1 installs a Debian for it"
	command -v debootstrap >/dev/null || skip "debootstrap is not installed"
	local root=$BATS_TEST_TMPDIR/debian
	debootstrap --variant=minbase --include=curl,libssl3,ucspi-tcp bookworm "$root" \
		>"$BATS_TEST_TMPDIR/log" 2>&1 || skip "no mirror: $(tail -n 1 "$BATS_TEST_TMPDIR/log")"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	cp "$(package sluice)" "$(package sluice-mta)" "$top/debian/tests/relay" "$root/tmp"
	# what is mounted is mounted for them only
	run unshare --mount --net --pid --fork sh -c '
		ip link set lo up && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' \
		"$root" sh -euc '
		dpkg -i /tmp/*.deb
		[ "$(stat -c "%a %U:%G" /var/spool/emailrelay)" = "775 root:daemon" ]
		sh /tmp/relay
		echo "# mine" >>/etc/emailrelay.conf
		echo hi | setpriv --reuid=nobody --regid=nogroup --clear-groups \
			/usr/lib/sendmail -f a@a.example b@b.example
		dpkg --purge sluice-mta sluice
		[ ! -e /etc/emailrelay.conf ]
		[ ! -e /usr/sbin/sendmail ]'
	assert_success
	assert_output --partial "relay: sent, received, forwarded and fetched"
	[ "$(find "$root/var/spool/emailrelay" -name 'emailrelay.*' | wc -l)" = 2 ]
	# nothing of it was left running
	rm -rf "$root"
}
