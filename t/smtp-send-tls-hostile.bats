#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# smtp-send and TLS: certificates that are wrong in each way there is, and
# connections that break in the middle.
# shellcheck disable=SC2016,SC2030,SC2031,SC2046,SC2086,SC2154
load tls
load send

setup_file() {
	export certs=$BATS_FILE_TMPDIR/certs
	mkdir "$certs"
	self_signed ca
	leaf good mx.test ca DNS:mx.test
	leaf wild '*.wild.test' ca 'DNS:*.wild.test'
	leaf partial 'm*.test' ca 'DNS:m*.test'
	leaf bare mx.test ca DNS:other.test
	leaf empty mx.test ca IP:127.0.0.9
	leaf client mx.test ca DNS:mx.test extendedKeyUsage=clientAuth
	leaf nobody nobody ca DNS:nobody basicConstraints=CA:FALSE
	leaf through mx.test nobody DNS:mx.test
	cat "$certs/nobody-cert.pem" >>"$certs/through.pem"
	self_signed unknown
	leaf stranger mx.test unknown DNS:mx.test
	cat "$certs/unknown-cert.pem" >>"$certs/stranger.pem"
	dated expired 20010101000000Z 20010201000000Z
	dated future 20990101000000Z 20990201000000Z
}
# leaf FILE CN CA NAME [EXTENSION]: FILE.pem, signed by CA.
leaf() {
	key "$1"
	openssl req -new -key "$certs/$1-key.pem" -subj "/O=Test/CN=$2" |
		openssl x509 -req -CA "$certs/$3-cert.pem" -CAkey "$certs/$3-key.pem" \
			-set_serial 7 -days 30 \
			-extfile <(printf '%s\n' "subjectAltName=$4" ${5:+"$5"}) \
			-out "$certs/$1-cert.pem" 2>/dev/null
	cat "$certs/$1-cert.pem" "$certs/$1-key.pem" >"$certs/$1.pem"
}
# dated FILE FROM TO: one for mx.test, good between these times.
dated() {
	key "$1"
	cat >"$certs/ca.conf" <<-EOT
		[ca]
		default_ca = it
		[it]
		database = $certs/index
		serial = $certs/serial
		new_certs_dir = $certs
		default_md = sha256
		policy = any
		x509_extensions = names
		[any]
		commonName = supplied
		[names]
		subjectAltName = DNS:mx.test
	EOT
	: >"$certs/index"
	echo 09 >"$certs/serial"
	openssl ca -batch -notext -config "$certs/ca.conf" -cert "$certs/ca-cert.pem" \
		-keyfile "$certs/ca-key.pem" -startdate "$2" -enddate "$3" \
		-in <(openssl req -new -key "$certs/$1-key.pem" -subj /CN=mx.test) \
		-out "$certs/$1-cert.pem" 2>/dev/null
	cat "$certs/$1-cert.pem" "$certs/$1-key.pem" >"$certs/$1.pem"
}
setup() {
	prepare
	mine=$BATS_TEST_TMPDIR/mine
	(umask 077 && echo "client plain ann horse" >"$mine")
	trusting="--client-tls-verify=$certs/ca-cert.pem"
}
tls_serve() {
	said=$BATS_TEST_TMPDIR/said.${#pids[@]}
	: >"$said"
	start "$BATS_TEST_DIRNAME/tlsserver" -c "$certs/$1.pem" "${@:2}" "$said"
}
# All of it, the encryption too, has to do with so much memory.
smtp-send() {
	if [[ $build = *asan* ]] || ! command -v prlimit >/dev/null; then
		"$bin/smtp-send" "$@"
	else
		prlimit --data=16000000 "$bin/smtp-send" "$@"
	fi
}
# untold: the server has heard nothing of the message, nor of the password.
untold() {
	exits 75
	[ "$(state 1)" = ready ] || fail "$1: $(state 1)"
	! grep -E '(MAIL|RCPT|AUTH|DATA|message)' "$said" || fail "$1: it was told"
	[[ $stderr$output != *horse* ]]
}

@test "a certificate that is wrong: neither mail nor password" {
	local file name why how
	while IFS='|' read -r file name why; do
		for how in --client-tls --client-tls-connection; do
			tls_serve "$file" $([ $how = --client-tls ] || echo -i) -o 'AUTH PLAIN' -s 'AUTH PLAIN'
			post 1
			forward $how $trusting --client-tls-server-name="$name" --client-auth="$mine"
			untold "$file $name"
			[[ $stderr == *"is not secure enough: 451 4.7.5 certificate verify failed: $why"* ]] ||
				fail "$file $name: $stderr"
		done
	done <<-'EOF'
		future|mx.test|certificate is not yet valid
		expired|mx.test|certificate has expired
		good|mx.test.evil.test|hostname mismatch
		good|x.mx.test|hostname mismatch
		good|test|hostname mismatch
		wild|wild.test|hostname mismatch
		wild|a.b.wild.test|hostname mismatch
		partial|mx.test|hostname mismatch
		bare|mx.test|hostname mismatch
		good|127.0.0.1|IP address mismatch
		client|mx.test|unsuitable certificate purpose
		through|mx.test|invalid CA certificate
		stranger|mx.test|self-signed certificate in certificate chain
	EOF
	for name in mx.test MX.TEST; do
		tls_serve good -s 'AUTH PLAIN'
		post 1
		forward --client-tls $trusting --client-tls-server-name=$name --client-auth="$mine"
		exits 0
		grep -q '^tls: AUTH PLAIN' "$said"
		[[ $stderr == *"Verified TLS connection"* ]]
	done
}

@test "trusted itself, and yet out of date" {
	local file
	for file in expired future; do
		tls_serve $file
		post 1
		forward --client-tls --client-tls-verify="$certs/$file-cert.pem" \
			--client-tls-server-name=mx.test
		untold $file
	done
}

@test "not verified: all its faults are named" {
	local file name why
	while IFS='|' read -r file name why; do
		tls_serve "$file"
		post 1
		forward --client-tls --client-tls-server-name="$name"
		exits 0
		[ "$(state 1)" = gone ]
		[[ $stderr =~ "Untrusted TLS connection established to ".*": TLSv1.3 with cipher "[A-Z0-9_]*": $why"$'\n' ]] ||
			fail "$file $name: $stderr"
		forward --client-tls --client-tls-server-name="$name" --check
		[[ $output == *"verified: $why"* ]] || fail "$file $name: $output"
	done <<-'EOF'
		expired|other.test|unable to get local issuer certificate, hostname mismatch, certificate has expired
		future|mx.test|unable to get local issuer certificate, certificate is not yet valid
		unknown|mx.test|self-signed certificate, hostname mismatch
		good|mx.test|unable to get local issuer certificate
		client|mx.test|unable to get local issuer certificate, unsuitable certificate purpose
	EOF
}

# breaks STEP:HOW STATES STATUS [REGEX]
breaks() {
	rm -f "$spool"/*
	post 1 2
	tls_serve good -x "$1" -s 'AUTH PLAIN,SIZE'
	SECONDS=0
	forward --client-tls $trusting --client-tls-server-name=mx.test \
		--client-auth="$mine" --response-timeout=2
	((SECONDS < 20)) || fail "$1: it took $SECONDS s"
	[ "$(states 2)" = "$2" ] || fail "$1: $(states 2), not $2
$stderr"
	exits "$3"
	[[ $stderr =~ ${4:-} ]] || fail "$1: not logged: $4: $stderr"
	grep -qx breaks "$said" || fail "$1: it has not happened"
	[ "$(grep -c '^clear: \(MAIL\|AUTH\)' "$said")" = 0 ]
}

@test "the connection breaks under TLS, with and without a close_notify" {
	local how
	for how in cut half reset notify garbage flood line; do
		breaks EHLO:$how "ready ready" 75 'does not want to talk: 451 4.4.2 '
		breaks AUTH:$how "ready ready" 75 'SASL PLAIN failed: 451 4.4.2 '
		[ "$(said_times '^tls: AUTH')" = 1 ]
		breaks MAIL:$how "deferred deferred" 75 'status=deferred \(451 4.4.2 '
		breaks RCPT:$how "deferred deferred" 75 'status=deferred \(451 4.4.2 '
		breaks DATA:$how "deferred deferred" 75 'status=deferred \(451 4.4.2 '
		[[ $stderr != *"arrive twice"* ]]
		breaks DOT:$how "deferred deferred" 75 'arrive twice'
	done
}

@test "what was taken before the connection breaks has arrived" {
	local how
	for how in cut half reset notify garbage flood line silent; do
		# the second message has a connection of its own
		breaks SENT:$how "gone gone" 0 'status=sent'
		[ "$(said_times '^message')" = 2 ]
	done
	for how in cut half reset notify garbage flood line silent; do
		breaks QUIT:$how "gone gone" 0 'status=sent'
	done
}

@test "silence under TLS" {
	local step
	for step in EHLO AUTH; do
		breaks $step:silent "ready ready" 75 'timed out'
	done
	breaks MAIL:silent "deferred deferred" 75 'timed out'
	breaks DOT:silent "deferred deferred" 75 'arrive twice'
}
