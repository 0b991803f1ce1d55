/* SPDX-License-Identifier: ISC */
#include "record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MOST_PARTS = 16, MOST_OCTETS = 1 << 20 };

static void
add_text(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, ",\"%s\":\"", name);
	for (; *text; text++)
		if (*text < ' ' || *text == '"' || *text == '\\')
			buf_printf(out, "\\u%04x", (unsigned)*text & 0xff);
		else
			buf_putc(out, *text);
	buf_putc(out, '"');
}

/* What /proc says of one of its descriptors: "fd/3", "cwd". */
static void
link_of(pid_t pid, const char *what, char *to, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
	n = readlink(path, to, size - 1);
	to[n > 0 ? n : 0] = '\0';
}

static void
fd_path(pid_t pid, uint64_t fd, char *to, size_t size)
{
	char what[32];

	snprintf(what, sizeof what, "fd/%d", (int)fd);
	link_of(pid, (int)fd == AT_FDCWD ? "cwd" : what, to, size);
}

static void
path_at(pid_t pid, uint64_t dir, uint64_t name, char *to, size_t size)
{
	char here[PATH_MAX], given[PATH_MAX];

	machine_string(pid, name, given, sizeof given);
	fd_path(pid, dir, here, sizeof here);
	if (given[0] == '/')
		snprintf(to, size, "%s", given);
	else
		snprintf(to, size, "%s/%s", here, given);
}

static void
add_path(struct buf *out, const char *member, pid_t pid, uint64_t dir,
    uint64_t name)
{
	char path[2 * PATH_MAX + 2];
	struct stat st;

	path_at(pid, dir, name, path, sizeof path);
	add_text(out, member, path);
	if (strcmp(member, "path") == 0)
		buf_printf(out, ",\"fresh\":%s",
		    lstat(path, &st) < 0 ? "true" : "false");
}

/* Which file a descriptor is. */
static void
add_file(struct buf *out, pid_t pid, uint64_t fd)
{
	char path[PATH_MAX], proc[64];
	struct stat st;

	fd_path(pid, fd, path, sizeof path);
	add_text(out, "path", path);
	snprintf(proc, sizeof proc, "/proc/%d/fd/%d", (int)pid, (int)fd);
	if (stat(proc, &st) == 0)
		buf_printf(out, ",\"ino\":%ju,\"size\":%jd",
		    (uintmax_t)st.st_ino, (intmax_t)st.st_size);
}

/* Where the next write goes to. */
static void
add_offset(struct buf *out, pid_t pid, uint64_t fd)
{
	char path[64], line[256] = "";
	long long at = 0;
	unsigned flags = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)pid, (int)fd);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof line, f)) {
		if (strncmp(line, "pos:", 4) == 0)
			at = strtoll(line + 4, NULL, 10);
		if (strncmp(line, "flags:", 6) == 0)
			flags = (unsigned)strtoul(line + 6, NULL, 8);
	}
	fclose(f);
	buf_printf(out, ",\"off\":%lld", flags & O_APPEND ? -1 : at);
}

static void
add_times(struct buf *out, pid_t pid, uint64_t at)
{
	struct timespec t[2];

	if (at && machine_read(pid, at, t, sizeof t) == sizeof t &&
	    t[1].tv_nsec < 1000000000)
		buf_printf(out, ",\"mtime\":%jd", (intmax_t)t[1].tv_sec);
	else
		buf_puts(out, ",\"mtime\":null");
}

/* A call that names files. */
static void
add_names(pid_t pid, const struct call *c, struct buf *out)
{
	const uint64_t *a = c->args;

	switch (c->number) {
	case SYS_openat:
	case SYS_mkdirat:
	case SYS_unlinkat:
		add_path(out, "path", pid, a[0], a[1]);
		break;
	case SYS_execve:
		add_path(out, "path", pid, (uint64_t)AT_FDCWD, a[0]);
		break;
	case SYS_renameat2:
	case SYS_linkat:
#ifdef SYS_renameat
	case SYS_renameat:
#endif
		add_path(out, "path", pid, a[0], a[1]);
		add_path(out, "to", pid, a[2], a[3]);
		break;
#ifdef SYS_open
	case SYS_open:
	case SYS_mkdir:
	case SYS_unlink:
		add_path(out, "path", pid, (uint64_t)AT_FDCWD, a[0]);
		break;
	case SYS_rename:
	case SYS_link:
		add_path(out, "path", pid, (uint64_t)AT_FDCWD, a[0]);
		add_path(out, "to", pid, (uint64_t)AT_FDCWD, a[1]);
		break;
#endif
	default:
		break;
	}
}

/* A call that changes an open file, or has it on disk. */
static void
add_change(pid_t pid, const struct call *c, struct buf *out)
{
	const uint64_t *a = c->args;

	switch (c->number) {
	case SYS_write:
	case SYS_writev:
	case SYS_copy_file_range:
		add_file(out, pid, a[0]);
		add_offset(out, pid, a[0]);
		break;
	case SYS_pwrite64:
		add_file(out, pid, a[0]);
		buf_printf(out, ",\"off\":%" PRIu64, a[3]);
		break;
	case SYS_fsync:
	case SYS_fdatasync:
		add_file(out, pid, a[0]);
		break;
	case SYS_ftruncate:
		add_file(out, pid, a[0]);
		buf_printf(out, ",\"n\":%" PRIu64, a[1]);
		break;
	case SYS_fallocate:
		add_file(out, pid, a[0]);
		buf_printf(out, ",\"n\":%" PRIu64,
		    a[1] & FALLOC_FL_KEEP_SIZE ? 0 : a[2] + a[3]);
		break;
	case SYS_utimensat:
		if (a[1] == 0)
			add_file(out, pid, a[0]);
		else
			add_path(out, "path", pid, a[0], a[1]);
		add_times(out, pid, a[2]);
		break;
	default:
		break;
	}
}

void
record_entry(pid_t pid, const struct call *c, struct buf *out)
{
	add_names(pid, c, out);
	add_change(pid, c, out);
}

/* --- what went over --- */

static void
add_hex(struct buf *out, pid_t pid, uint64_t at, uint64_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t want = n < MOST_OCTETS ? (size_t)n : MOST_OCTETS, got;
	unsigned char *p = need_memory(want);

	got = machine_read(pid, at, p, want);
	for (size_t i = 0; i < got; i++) {
		buf_putc(out, digits[p[i] >> 4]);
		buf_putc(out, digits[p[i] & 15]);
	}
	free(p);
}

static void
add_data(struct buf *out, pid_t pid, uint64_t at, uint64_t n)
{
	buf_puts(out, ",\"data\":\"");
	add_hex(out, pid, at, n);
	buf_putc(out, '"');
}

static void
add_parts(struct buf *out, pid_t pid, uint64_t at, uint64_t count,
    uint64_t left)
{
	struct iovec v[MOST_PARTS];
	size_t n = count < MOST_PARTS ? (size_t)count : MOST_PARTS;
	uint64_t part;

	buf_puts(out, ",\"data\":\"");
	if (machine_read(pid, at, v, n * sizeof v[0]) != n * sizeof v[0])
		n = 0;
	for (size_t i = 0; i < n && left > 0; i++) {
		part = v[i].iov_len < left ? v[i].iov_len : left;
		add_hex(out, pid, (uint64_t)(uintptr_t)v[i].iov_base, part);
		left -= part;
	}
	buf_putc(out, '"');
}

static bool
is_socket(pid_t pid, uint64_t fd)
{
	char path[PATH_MAX];

	fd_path(pid, fd, path, sizeof path);
	return strncmp(path, "socket:", 7) == 0;
}

static void
opened(pid_t pid, const struct call *c, uint64_t flags, struct buf *out)
{
	char proc[64];
	struct stat st;

	snprintf(proc, sizeof proc, "/proc/%d/fd/%d", (int)pid,
	    (int)c->result);
	if (stat(proc, &st) == 0)
		buf_printf(out, ",\"ino\":%ju", (uintmax_t)st.st_ino);
	buf_printf(out, ",\"create\":%s,\"cut\":%s",
	    flags & O_CREAT ? "true" : "false",
	    flags & O_TRUNC ? "true" : "false");
}

void
record_exit(pid_t pid, const struct call *c, struct buf *out)
{
	const uint64_t *a = c->args, n = (uint64_t)c->result;

	switch (c->number) {
	case SYS_openat:
		opened(pid, c, a[2], out);
		break;
#ifdef SYS_open
	case SYS_open:
		opened(pid, c, a[1], out);
		break;
#endif
	case SYS_write:
	case SYS_pwrite64:
	case SYS_sendto:
		add_data(out, pid, a[1], n);
		break;
	case SYS_writev:
		add_parts(out, pid, a[1], a[2], n);
		break;
	case SYS_read:
	case SYS_recvfrom:
		if (is_socket(pid, a[0]))
			add_data(out, pid, a[1], n);
		break;
	default:
		break;
	}
}
