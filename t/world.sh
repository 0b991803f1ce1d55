# SPDX-License-Identifier: ISC
# shellcheck shell=sh
# For scripts that run under unshare -m: a copy of / over which other people's
# mail servers are unpacked, which cannot be installed together, nor beside the
# machine's own. It is at $root, and ends with the last process that sees it.

root=/mnt/root

# unpack PACKAGE...: what is in these files
unpack() {
	mount -t tmpfs none /mnt
	mkdir /mnt/upper /mnt/work "$root"
	mount -t overlay none "$root" \
		-o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work
	for package; do
		dpkg-deb --fsys-tarfile "$package" |
			tar -x --keep-directory-symlink -C "$root"
	done
	mount --rbind /dev "$root/dev"
	mount -t proc proc "$root/proc"
}

# share DIR PATH: DIR is to be seen there, too, at PATH
share() {
	mkdir -p "$root$2"
	mount --bind "$1" "$root$2"
}

# inside COMMAND...: there
inside() { chroot "$root" "$@"; }

# hosts <LINES: nobody is asked for names, and /etc/hosts has these as well
hosts() {
	rm -f "$root/etc/resolv.conf" "$root/etc/hosts"
	echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
	{
		echo '127.0.0.1 localhost'
		cat
	} >"$root/etc/hosts"
}

# users NAME...: with a group each, whether or not the machine has them
users() {
	id=64000
	for name; do
		id=$((id + 1))
		for file in passwd group; do
			sed -i "/^$name:/d" "$root/etc/$file"
		done
		echo "$name:x:$id:$id::/nonexistent:/usr/sbin/nologin" \
			>>"$root/etc/passwd"
		echo "$name:x:$id:" >>"$root/etc/group"
	done
}
