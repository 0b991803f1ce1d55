#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The arrows between the layers, and what a program may be linked with.
load helper

includes() {
	grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' \
		"$top/$1"
}

# only FOLDER LAYER...: a file of it includes headers of these layers, named
# as "layer/name.h", and those that lie beside it.
only() {
	local folder=$1 layers
	shift
	layers=$(IFS='|' && echo "$*")
	run includes "$folder"
	assert_success
	run grep -vE "include[[:space:]]*\"(($layers)/)?[a-z0-9_]+\.h\"" \
		<<<"$output"
	refute_output
}

# Within lib even neighbours are named by their layer.
named() {
	run grep -E '"[^/"]+"' < <(includes "lib/$1")
	refute_output
}

@test "base includes base" {
	only lib/base base
	named base
}

@test "mail includes base" {
	only lib/mail mail base
	named mail
}

@test "wire includes base" {
	only lib/wire wire base
	named wire
}

@test "spool includes mail and base" {
	only lib/spool spool mail base
	named spool
}

@test "the layers above include what the drawing says" {
	[ ! -d "$top/lib/auth" ] || only lib/auth auth wire base
	[ ! -d "$top/lib/judge" ] || only lib/judge judge spool mail wire base
}

@test "programs include the library and themselves, never one another" {
	local folder
	for folder in smtp-recv smtp-send pop3-serve admin-cmd spool-tools \
		emailrelay; do
		[ -d "$top/$folder" ] || continue
		only "$folder" base mail wire spool auth judge
	done
}

@test "mail is pure: no descriptors, no clock, no environment" {
	run nm --undefined-only "$build"/lib/mail/*.o
	assert_success
	refute_line --regexp \
		' U (open|openat|read|write|close|time|clock_gettime|getenv|printf|fopen|exit)(64)?$'
}

@test "what serves a connection is linked with libc only" {
	local program
	for program in smtp-recv smtp-send pop3-serve; do
		run readelf -d "$bin/$program"
		assert_success
		run sed -n '/NEEDED/p' <<<"$output"
		if [[ $build = *-static ]]; then
			assert_output ""
			continue
		fi
		refute_line --regexp 'lib(ssl|crypto|pam|stdc)'
		[[ $build = *asan* ]] || assert_output --regexp \
			'^[^[:cntrl:]]*\[libc\.[^[:cntrl:]]*$'
	done
}

@test "no symbol of OpenSSL or PAM is asked for" {
	run nm -D --undefined-only "$bin/smtp-recv" "$bin/smtp-send" \
		"$bin/pop3-serve"
	assert_success
	refute_line --regexp ' (SSL_|OPENSSL_|EVP_|CRYPTO_|X509_|pam_)'
}

@test "programs are hardened" {
	[[ $build != *asan* && $build != *debug* ]] || skip "not this build"
	local program
	for program in smtp-recv smtp-send pop3-serve spool-submit; do
		run readelf -hldW "$bin/$program"
		assert_success
		assert_line --regexp 'Type: +DYN'
		assert_line --partial GNU_RELRO
		assert_line --partial BIND_NOW
		assert_line --regexp 'GNU_STACK.* RW '
	done
}

@test "each C file begins with its licence and uses tabs" {
	local f
	while IFS= read -r f; do
		run head -n 1 "$f"
		assert_output '/* SPDX-License-Identifier: ISC */'
		run grep -nE '^ {5,}' "$f"
		refute_output
	done < <(find "$top"/lib "$top"/smtp-* "$top"/pop3-serve "$top"/spool-tools "$top"/t \
		-name '*.[ch]')
}

@test "nothing is left to be done" {
	run grep -rnwE --include='*.[ch]' 'T[O]DO|F[I]XME|X[X]X' "$top"/lib \
		"$top"/smtp-* "$top"/pop3-serve "$top"/spool-tools "$top"/t
	refute_output
}
