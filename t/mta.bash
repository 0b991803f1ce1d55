# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# Real mail servers to forward to: `load mta`, behind helper and send. The file
# calls mtas_up in setup_file, mtas_down in teardown_file, mtas_there in setup.

# What .ci/setup has put there.
mta_packages=${SLUICE_PEERS:-/var/cache/sluice-peers}

# An address for each; see t/mtas.
declare -gA mta=([postfix]=127.0.1.1 [opensmtpd]=127.0.1.2 [exim]=127.0.1.3)
password='horse staple'

mtas_up() {
	export world=$BATS_FILE_TMPDIR/world mta_skip='' mta_pid=''
	mta_skip=$(mtas_wanting)
	[ -z "$mta_skip" ] || return 0
	# for users of theirs
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	mkdir -m 755 "$world"
	mta_certificates
	(umask 077 && printf %s "$password" >"$world/password")
	pids=()
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR start unshare -mnpf --kill-child \
		"$BATS_TEST_DIRNAME/mtas" "$mta_packages" "$world"
	mta_pid=$pid
	[ "$port" = ready ] || fail "$port $(cat "$log" "$world"/*/errors)"
}
# Why there is no such thing here; nothing if there is.
mtas_wanting() {
	local p
	[ "$EUID" = 0 ] || { echo "needs root" && return; }
	for p in postfix opensmtpd exim4-daemon-light; do
		[ -n "$(find "$mta_packages" -name "${p}_*.deb" 2>/dev/null)" ] ||
			{ echo "$p is not in $mta_packages: see .ci/setup" && return; }
	done
	unshare -mnpf --kill-child sh -c 'mount -t tmpfs none /mnt &&
		mkdir /mnt/upper /mnt/work /mnt/root &&
		mount -t overlay none /mnt/root -o \
		lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work &&
		ip link set lo up' >/dev/null 2>&1 ||
		echo "no namespaces, or no overlay file system, to be had"
}
mta_certificates() {
	local d=$world
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$d/ca-key.pem" \
		-days 30 -subj /CN=ca -out "$d/ca.pem" 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -keyout "$d/key.pem" \
		-subj /CN=smarthost.test 2>/dev/null |
		openssl x509 -req -CA "$d/ca.pem" -CAkey "$d/ca-key.pem" \
			-set_serial 7 -days 30 -out "$d/cert.pem" -extfile <(
			echo subjectAltName=DNS:smarthost.test,IP:127.0.1.1,IP:127.0.1.2,IP:127.0.1.3
		) 2>/dev/null
	chmod 600 "$d/key.pem"
}
mtas_down() {
	[ -z "$mta_pid" ] || kill -- "-$mta_pid" 2>/dev/null || true
}
mtas_there() { [ -z "$mta_skip" ] || skip "$mta_skip"; }

# via NAME PORT [OPTIONS]: run smtp-send to that server.
via() {
	local name=$1 port=$2
	shift 2
	run --separate-stderr nsenter --net="/proc/$mta_pid/ns/net" \
		smtp-send $me --spool-dir "$spool" --forward-to "${mta[$name]}:$port" \
		--domain mx.test --log --no-syslog --report "$@"
	[ "$status" != 1 ] || fail "$stderr"
}
# Let these be the log-in: entry LINE.
entry() { (umask 077 && echo "$*" >"$BATS_TEST_TMPDIR/secrets"); }
# Options for a server that is to be trusted with a password, in two ways.
starttls() { echo --client-tls --client-tls-required $(trust); }
implicit() { echo --client-tls-connection $(trust); }
trust() { echo "--client-tls-verify=$world/ca.pem --client-auth=$BATS_TEST_TMPDIR/secrets"; }

# letter N TOKEN [RECIPIENT...] <TEXT: message N. Its first line is one to find it by,
# behind what servers put there; TEXT comes as it is, with LF as the line end.
letter() {
	local n=$1 token=$2
	shift 2
	to "$n" "${@:-to1@b.test}"
	{
		printf 'X-Token: %s\nFrom: <a@a.test>\n' "$token"
		printf 'Date: Mon, 23 Nov 2026 18:00:00 +0000\n'
		printf 'Message-Id: <%s@a.test>\n' "$token"
		cat
	} >"$BATS_TEST_TMPDIR/$token"
	sed '$!s/$/\r/' "$BATS_TEST_TMPDIR/$token" >"$spool/$(id "$n").content"
	# the last line has an end only if it had one
	[ -n "$(tail -c 1 "$BATS_TEST_TMPDIR/$token")" ] ||
		sed -i '$s/$/\r/' "$spool/$(id "$n").content"
	! grep -qP '[\x80-\xff]' "$BATS_TEST_TMPDIR/$token" ||
		sed -i 's/^X-MailRelay-Content: 7bit/X-MailRelay-Content: 8bit/' \
			"$spool/$(id "$n").envelope"
}
# short N TOKEN [RECIPIENT...]: one whose text does not matter
short() { letter "$@" <<<"Subject: message $1"$'\n\ntext'; }
# The files in which it has arrived.
copies() { grep -lsx "X-Token: $2" -r "$world/$1/inbox/new" || true; }
# has_come NAME TOKEN [COPIES]
has_come() { [ "$(copies "$1" "$2" | wc -l)" = "${3:-1}" ]; }
# came NAME TOKEN [COPIES]: it arrives, to the octet as it was sent.
came() {
	local f sent=$BATS_TEST_TMPDIR/$2
	wait_until has_come "$@"
	for f in $(copies "$1" "$2"); do
		# they end the last line if we have not
		diff -a <(sed -n '/^X-Token: /,$p' "$f") <(sed '$a\' "$sent") >&2 ||
			fail "$1 has changed $2"
	done
}
# What the server has put before it.
received() { sed '/^X-Token: /,$d' $(copies "$1" "$2"); }
