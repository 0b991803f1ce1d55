# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
# make install, uninstall and dist, in a copy of the tree with what was built.
load helper

# What is there afterwards: TYPE MODE OWNER:GROUP PATH [-> LINK]. As another than
# root all is one's own, and nothing set-group-id.
installed() {
	cat <<-END
		f 755 root:root /usr/local/sbin/smtp-recv
		f 755 root:root /usr/local/sbin/smtp-send
		f 755 root:root /usr/local/sbin/pop3-serve
		f 755 root:root /usr/local/sbin/admin-cmd
		f 755 root:root /usr/local/sbin/emailrelay
		l 777 root:root /usr/local/sbin/emailrelay-submit -> ../bin/spool-submit
		l 777 root:root /usr/local/sbin/emailrelay-passwd -> ../bin/spool-passwd
		l 777 root:root /usr/local/sbin/emailrelay-poke -> ../bin/spool-poke
		f 2755 root:daemon /usr/local/bin/spool-submit
		f 755 root:root /usr/local/bin/spool-bounce
		f 755 root:root /usr/local/bin/spool-check
		f 755 root:root /usr/local/bin/spool-hold
		f 755 root:root /usr/local/bin/spool-list
		f 755 root:root /usr/local/bin/spool-metrics
		f 755 root:root /usr/local/bin/spool-passwd
		f 755 root:root /usr/local/bin/spool-poke
		f 755 root:root /usr/local/bin/spool-remove
		f 755 root:root /usr/local/bin/spool-retry
		f 755 root:root /usr/local/bin/spool-show
		f 755 root:root /usr/local/bin/spool-watch
		f 711 root:root /usr/local/libexec/emailrelay/tls-io
		f 711 root:root /usr/local/libexec/emailrelay/pam-check
		f 755 root:root /usr/local/libexec/emailrelay/filter-copy
		f 755 root:root /usr/local/libexec/emailrelay/filter-deliver
		l 777 root:root /usr/local/libexec/emailrelay/emailrelay-filter-copy -> filter-copy
		l 777 root:root /usr/local/libexec/emailrelay/emailrelay-poke -> ../../bin/spool-poke
		l 777 root:root /usr/local/libexec/emailrelay/emailrelay-submit -> ../../bin/spool-submit
		l 777 root:root /usr/local/libexec/emailrelay/emailrelay-passwd -> ../../bin/spool-passwd
		l 777 root:root /usr/local/libexec/emailrelay/examples -> ../../share/doc/sluice/examples
		f 755 root:root /usr/local/libexec/emailrelay/init/emailrelay
		f 644 root:root /etc/emailrelay.conf
		f 644 root:root /etc/emailrelay.conf.template
		f 644 root:root /etc/pam.d/emailrelay
		f 644 root:root /usr/local/share/doc/sluice/CONTRIBUTING.md
		f 644 root:root /usr/local/share/doc/sluice/SECURITY.md
		f 644 root:root /usr/local/share/doc/sluice/README.md
		f 644 root:root /usr/local/share/doc/sluice/LICENSE
		f 644 root:root /usr/local/share/doc/sluice/inetd.conf.sample
		f 644 root:root /usr/local/share/doc/sluice/differences.md
		f 644 root:root /usr/local/share/doc/sluice/growth.svg
		f 644 root:root /usr/local/share/doc/sluice/performance.md
		l 777 root:root /usr/local/share/man/man1/emailrelay-submit.1 -> spool-submit.1
		l 777 root:root /usr/local/share/man/man1/emailrelay-passwd.1 -> spool-passwd.1
		l 777 root:root /usr/local/share/man/man1/emailrelay-poke.1 -> spool-poke.1
		l 777 root:root /usr/local/share/man/man1/emailrelay-filter-copy.1 -> ../man8/filter-copy.8
	END
	(cd "$top/doc" && find examples -type f -printf 'f %m root:root /usr/local/share/doc/sluice/%p\n' |
		sed 's/^f 7../f 755/; s/^f 6../f 644/')
	for f in "$top"/doc/*.[1-9]; do
		echo "f 644 root:root /usr/local/share/man/man${f##*.}/${f##*/}"
	done
	find "$bin" -type f -printf 'f 644 root:root /usr/local/share/bash-completion/completions/%f\n'
}
found() {
	find "$dest" ! -type d -printf '%y %m %u:%g /%P -> %l\n' | sed 's/ -> $//' | sort
}
as_me() {
	if [ "$(id -u)" = 0 ]; then
		cat
	else
		sed "s/ 2755 / 755 /; s/ root:[a-z]* / $(id -un):$(id -gn) /"
	fi
}
setup() {
	prepare
	umask 022
	tree=$BATS_TEST_TMPDIR/tree dest=$BATS_TEST_TMPDIR/dest
	mkdir "$tree"
	(cd "$top" && if [ -e .git ]; then git ls-files; else
		find . -name 'build*' -prune -o -type f -print
	fi | xargs -d '\n' cp -a --parents -t "$tree")
	cp -a "$build" "$tree/build"
}
# With what `make check` was called with: the same flags, so nothing is built.
sluice_make() {
	make --no-print-directory -C "$tree" B=build DESTDIR="$dest" "$@" \
		>"$BATS_TEST_TMPDIR/out" 2>&1 || fail "$(cat "$BATS_TEST_TMPDIR/out")"
}
install_all() {
	sluice_make "$@"
	# the sanitizers' libraries obey no options in a set-group-id program
	chmod -R g-s "$dest/usr/local/bin"
	sbin=$dest/usr/local/sbin libexec=$dest/usr/local/libexec/emailrelay
}

@test "make install: each path with its mode and owner" {
	sluice_make install
	diff <(installed | as_me | sort) <(found)
	[ "$(stat -c %a "$dest/var/spool/emailrelay")" = 775 ]
	[ "$(id -u)" != 0 ] ||
		[ "$(stat -c %U:%G "$dest/var/spool/emailrelay")" = root:daemon ]
	# no link leads nowhere or out of it
	[ -z "$(find -L "$dest" -type l)" ]
	run find "$dest" -type l -lname '/*'
	refute_output
	run ! grep -rqF "$dest" "$dest"
}

@test "make install: a configuration that is there is left alone, and so is the spool" {
	sluice_make install
	echo "forward-to a.test:25" >"$dest/etc/emailrelay.conf"
	echo "auth required pam_deny.so" >"$dest/etc/pam.d/emailrelay"
	chmod 600 "$dest/etc/emailrelay.conf"
	chmod 2770 "$dest/var/spool/emailrelay"
	touch "$dest/var/spool/emailrelay/emailrelay.1.2.3.content"
	sluice_make install
	[ "$(cat "$dest/etc/emailrelay.conf")" = "forward-to a.test:25" ]
	[ "$(cat "$dest/etc/pam.d/emailrelay")" = "auth required pam_deny.so" ]
	[ "$(stat -c %a "$dest/etc/emailrelay.conf")" = 600 ]
	[ "$(stat -c %a "$dest/var/spool/emailrelay")" = 2770 ]
	sluice_make uninstall
	assert_equal "$(cd "$dest" && find . ! -type d | sort | xargs)" \
		"./etc/emailrelay.conf ./etc/pam.d/emailrelay ./var/spool/emailrelay/emailrelay.1.2.3.content"
	[ ! -e "$dest/usr/local/libexec/emailrelay" ]
	[ ! -e "$dest/usr/local/share/doc/sluice" ]
	sluice_make uninstall
}

@test "make install-mta: sendmail, mailq and newaliases; uninstall takes ours only" {
	sluice_make install-mta
	local n
	for n in sbin/sendmail bin/mailq bin/newaliases share/man/man8/sendmail.8 \
		share/man/man1/mailq.1 share/man/man1/newaliases.1; do
		[ -L "$dest/usr/local/$n" ]
		[ -f "$dest/usr/local/$n" ]
	done
	ln -sf other-mta "$dest/usr/local/bin/mailq"
	sluice_make uninstall
	[ "$(cd "$dest/usr/local" && find . ! -type d)" = ./bin/mailq ]
}

@test "installed: the programs find one another" {
	install_all install-mta
	far=$BATS_TEST_TMPDIR/far
	mkdir "$far"
	listen "$sbin/smtp-recv" $me --no-syslog --spool-dir="$far"
	# out of the PATH that the build is in
	PATH=/usr/sbin:/usr/bin:/sbin:/bin
	# smtp-recv starts smtp-send
	session "$sbin/smtp-recv" $me --no-syslog --spool-dir="$spool" \
		--forward-on-disconnect --forward-to="127.0.0.1:$port" <<-EOF
			EHLO a
			MAIL FROM:<a@a.test>
			RCPT TO:<b@b.test>
			DATA
			.
			QUIT
		EOF
	codes 220 250 250 250 354 250 221
	arrived() { [ -n "$(find "$far" -name '*.envelope')" ]; }
	wait_until arrived
	# the link of the drop-in, and mailq with spool-list behind it
	echo hi | "$libexec/emailrelay-submit" --spool-dir="$spool" -f a@a.test c@c.test
	echo "spool-dir $spool" >"$BATS_TEST_TMPDIR/conf"
	run "$sbin/sendmail" -C"$BATS_TEST_TMPDIR/conf" -bp
	assert_output --partial c@c.test
	# sendmail -bs is smtp-recv
	run "$sbin/sendmail" -C"$BATS_TEST_TMPDIR/conf" -bs < <(printf 'QUIT\r\n')
	assert_output --partial 221
	run "$sbin/emailrelay-passwd" <<<secret
	assert_success
	# a filter by the name of the manual
	mkdir "$spool/ann"
	run "$libexec/emailrelay-filter-copy" "$(echo "$spool"/*.content)"
	[ "$status" = 100 ]
	[ -n "$(spooled)$(ls "$spool/ann")" ]
	# smtp-recv finds tls-io
	(cd "$BATS_TEST_TMPDIR" && openssl req -x509 -newkey rsa:2048 -nodes -keyout c.pem \
		-out c.crt -days 2 -subj /CN=localhost 2>/dev/null && cat c.crt >>c.pem)
	listen "$sbin/smtp-recv" $me --no-syslog --spool-dir="$far" \
		--server-tls="$BATS_TEST_TMPDIR/c.pem"
	run openssl s_client -quiet -connect "127.0.0.1:$port" -starttls smtp \
		-CAfile "$BATS_TEST_TMPDIR/c.crt" -verify_return_error < <(printf 'QUIT\r\n')
	assert_output --partial "221 "
}

@test "installed: the init script starts, tells and stops" {
	install_all install
	local script=$BATS_TEST_TMPDIR/init conf=$BATS_TEST_TMPDIR/conf
	export PIDFILE=$BATS_TEST_TMPDIR/pid
	sed "s,/usr/local/sbin/emailrelay,$sbin/emailrelay,
		s,^conf=.*,conf=$conf," "$libexec/init/emailrelay" >"$script"
	chmod 755 "$script"
	port=$(python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
	printf '%s\n' "port $port" "interface 127.0.0.1" no-syslog \
		"spool-dir $spool" "user $(id -un)" >"$conf"
	run "$script" status
	[ "$status" = 3 ]
	"$script" start 3>&- >/dev/null 2>&1
	run "$script" status
	[ "$status" = 0 ]
	first=$(cat "$PIDFILE")
	wait_until bash -c ": </dev/tcp/127.0.0.1/$port"
	"$script" start
	[ "$(cat "$PIDFILE")" = "$first" ]
	"$script" restart 3>&- >/dev/null 2>&1
	[ "$(cat "$PIDFILE")" != "$first" ]
	"$script" stop
	run "$script" status
	[ "$status" = 3 ]
	"$script" stop
	# a number that is another's by now
	echo $$ >"$PIDFILE"
	run "$script" status
	[ "$status" = 1 ]
	"$script" stop
	kill -0 $$
	run "$script" nonsense
	[ "$status" = 2 ]
	! command -v shellcheck >/dev/null || shellcheck "$script"
}

@test "installed: the pages, examples and settings have the paths of the installation" {
	sluice_make install-texts install-settings PREFIX=/opt/s SPOOLDIR=/srv/mail \
		SYSCONFDIR=/opt/s/etc PAMDIR=/srv/pam INITDIR=/srv/init -o all
	[ -e "$dest/opt/s/share/man/man8/smtp-recv.8" ]
	run grep -rE '/usr/local/(s?bin/|libexec|share/doc)|/var/spool/emailrelay|(^|[^s])/etc/(emailrelay|pam)' "$dest"
	refute_output
	grep -q '^ExecStart=/opt/s/sbin/smtp-recv' "$dest"/opt/s/share/doc/sluice/examples/systemd/smtp-recv@.service
	grep -q '/srv/mail' "$dest/opt/s/share/man/man5/spool.5"
	grep -q '/srv/pam/emailrelay' "$dest/opt/s/share/man/man8/smtp-recv.8"
	[ -x "$dest/srv/init/emailrelay" ]
	grep -q '^conf=/opt/s/etc/emailrelay.conf$' "$dest/srv/init/emailrelay"
	[ -e "$dest/srv/pam/emailrelay" ]
}

@test "a path that is changed is built in; the same again builds nothing" {
	sluice_make build/bin/spool-list SPOOLDIR=/srv/mail
	run "$tree/build/bin/spool-list" --help
	assert_output --regexp 'default[[:space:]]*/srv/mail'
	sluice_make build/bin/spool-list SPOOLDIR=/srv/mail
	run ! grep -E '^(CC|LINK)' "$BATS_TEST_TMPDIR/out"
}

@test "each option of the template is one" {
	conf=$tree/doc/etc/emailrelay.conf.template
	sed -n 's/^#\{0,1\}\([a-z][a-z-]*\)/\1/p' "$conf" >"$BATS_TEST_TMPDIR/all"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/all")" -ge 15 ]
	while read -r option _; do
		emailrelay --help --verbose | grep -E -- "--$option(=|\$| )" ||
			fail "there is no --$option"
	done <"$BATS_TEST_TMPDIR/all"
	# and it will do as it is
	run --separate-stderr smtp-recv $me --config="$conf" --no-syslog \
		--spool-dir="$spool" </dev/null
	assert_output --partial "220 "
}

@test "make dist: the same tarball again, and from itself" {
	name=$(sed -n 's/^VERSION *= //p' "$top/Makefile")
	unset SOURCE_DATE_EPOCH
	mv "$tree" "$BATS_TEST_TMPDIR/other"
	mkdir "$tree" && tree=$BATS_TEST_TMPDIR/other
	sluice_make dist
	mkdir "$BATS_TEST_TMPDIR/unpacked"
	tar -xzf "$tree/sluice-$name.tar.gz" -C "$BATS_TEST_TMPDIR/unpacked"
	mv "$tree/sluice-$name.tar.gz" "$BATS_TEST_TMPDIR/first"
	tree=$BATS_TEST_TMPDIR/unpacked/sluice-$name
	(umask 077 && sluice_make dist)
	cmp "$BATS_TEST_TMPDIR/first" "$tree/sluice-$name.tar.gz"
	# what was built is not in it, and all else is
	run tar -tzf "$BATS_TEST_TMPDIR/first"
	refute_output --partial /build
	assert_output --partial "sluice-$name/.ci/setup"
	[ ! -e "$top/.git" ] || [ "$(wc -l <<<"$output")" = "$(cd "$top" && git ls-files | wc -l)" ]
}
