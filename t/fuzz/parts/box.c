/* SPDX-License-Identifier: ISC */
#include "parts/box.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

static struct spool box = { .fd = -1 };
static pid_t owner;

static void
remove_it(void)
{
	if (getpid() != owner)
		return;
	box_clear();
	rmdir(box.path);
}

struct spool *
box_open(void)
{
	static char memory[] = "/dev/shm/sluice-fuzz-XXXXXX";
	static char disk[] = "/tmp/sluice-fuzz-XXXXXX";
	const char *path;

	if (box.fd >= 0)
		return &box;
	path = mkdtemp(memory);
	if (!path)
		path = mkdtemp(disk);
	CLAIM(path && spool_open(&box, path));
	owner = getpid();
	atexit(remove_it);
	return &box;
}

void
box_put(const char *name, const void *p, size_t n)
{
	int fd = openat(box.fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CLAIM(fd >= 0 && write_all(fd, p, n) == 0);
	close(fd);
}

bool
box_get(const char *name, struct buf *out)
{
	int fd = openat(box.fd, name, O_RDONLY);
	char block[4096];
	ssize_t n;

	buf_clear(out);
	if (fd < 0)
		return false;
	while ((n = read(fd, block, sizeof block)) > 0)
		buf_add(out, block, (size_t)n);
	close(fd);
	return n == 0;
}

bool
box_has(const char *name)
{
	return faccessat(box.fd, name, F_OK, 0) == 0;
}

void
box_remove(const char *name)
{
	CLAIM(unlinkat(box.fd, name, 0) == 0);
}

static size_t
walk(bool clear)
{
	int fd = openat(box.fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *dir = fdopendir(fd);
	struct dirent *d;
	size_t n = 0;

	CLAIM(dir);
	while ((d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		n++;
		if (clear && unlinkat(box.fd, d->d_name, 0) < 0)
			unlinkat(box.fd, d->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
	return n;
}

size_t
box_count(void)
{
	return walk(false);
}

void
box_clear(void)
{
	walk(true);
}
