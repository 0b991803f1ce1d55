# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# What the tests of TLS share: `load tls`.
load recv

# key NAME: a new key of P-256 in $certs/NAME-key.pem.
key() {
	openssl ecparam -name prime256v1 -genkey -noout -out "$certs/$1-key.pem"
}
# self_signed NAME: $certs/NAME.pem, with its key.
self_signed() {
	key "$1"
	openssl req -x509 -key "$certs/$1-key.pem" -days 30 \
		-subj "/O=Test/CN=$1" -addext "subjectAltName=DNS:$1" \
		-out "$certs/$1-cert.pem"
	cat "$certs/$1-cert.pem" "$certs/$1-key.pem" >"$certs/$1.pem"
}
# signed NAME CA: the same, signed by CA.
signed() {
	key "$1"
	openssl req -new -key "$certs/$1-key.pem" -subj "/O=Test/CN=$1" |
		openssl x509 -req -CA "$certs/$2-cert.pem" \
			-CAkey "$certs/$2-key.pem" -set_serial 1 -days 30 \
			-out "$certs/$1-cert.pem" 2>/dev/null
	cat "$certs/$1-cert.pem" "$certs/$1-key.pem" >"$certs/$1.pem"
}
setup_file() {
	export certs=$BATS_FILE_TMPDIR/certs
	mkdir "$certs"
	self_signed mx.test
	self_signed other.test
	self_signed stranger
	self_signed ca
	signed friend ca
}

# The server that is tested; more options may follow.
server() { echo smtp-recv $me "--spool-dir=$spool" --domain=mx.test --log --no-syslog; }
tls_server() { echo "$(server)" "--server-tls=$certs/mx.test.pem"; }

# steps OPTION... <<EOF: what to do is told line by line, see tlstalk.
steps() { play "" "$(tls_server)" "$@"; }
# play "TALK-OPTION..." "PROGRAM..." OPTION... <<EOF
play() {
	local how=$1 program=$2
	shift 2
	run --separate-stderr "$BATS_TEST_DIRNAME/tlstalk" $how $program "$@"
}
# The steps up to an encrypted conversation, and on to DATA.
starttls='hear
clear EHLO c.test\r\n
hear
clear STARTTLS\r\n
hear
start'
tls_data="$starttls
text EHLO c.test\\r\\n
hear
text MAIL FROM:<a@a.test>\\r\\nRCPT TO:<b@b.test>\\r\\nDATA\\r\\n
hear 3"

# replies 220 250 503: exactly these were heard, in this order; those in
# clear have a c behind them.
replies() {
	local got
	got=$(sed -nE 's/^tls: ([0-9]{3}) .*/\1/p; s/^clear: ([0-9]{3}) .*/\1c/p' \
		<<<"$output" | paste -sd' ')
	[ "$got" = "$*" ] || fail "replies: $got, not: $*
$output
$stderr"
}
logged() { [[ $stderr == *"$1"* ]] || fail "not logged: $1, but: $stderr"; }
