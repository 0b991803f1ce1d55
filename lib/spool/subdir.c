/* SPDX-License-Identifier: ISC */
#include "spool/subdir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

bool
subdir_is_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= SUBDIR_NAME && *name != '.' && *name != '-' &&
	    !strchr(name, '/') && text_clean(name, n) && text_utf8(name, n);
}

bool
subdir_open(struct spool *sub, const struct spool *s, const char *name,
    struct buf *path)
{
	sub->fd = -1;
	if (!subdir_is_name(name)) {
		errno = EINVAL;
		return false;
	}
	buf_clear(path);
	buf_printf(path, "%s/%s", s->path, name);
	sub->path = path->s;
	sub->fd = openat(s->fd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return sub->fd >= 0;
}

/* Our umask leaves no directory usable. */
static bool
set_mode(int fd, const struct spool *parent)
{
	struct stat st;

	return fstat(parent->fd, &st) == 0 &&
	    fchmod(fd, (st.st_mode & 02775) | 0700) == 0;
}

bool
subdir_make(struct spool *sub, const struct spool *s, const char *name,
    struct buf *path)
{
	bool made;
	int saved;

	if (subdir_open(sub, s, name, path))
		return true;
	if (errno != ENOENT)
		return false;
	made = mkdirat(s->fd, name, 0700) == 0;
	if ((!made && errno != EEXIST) || !subdir_open(sub, s, name, path))
		return false;
	if (!made || (set_mode(sub->fd, s) && spool_sync(s) == 0))
		return true;
	saved = errno;
	spool_close(sub);
	errno = saved;
	return false;
}

static bool
is_directory(const struct spool *s, const struct dirent *d)
{
	struct stat st;

	if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
		return false;
	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_DIR;
	return fstatat(s->fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode);
}

bool
subdir_list(const struct spool *s, struct list *names)
{
	struct spool_walk walk;
	const struct dirent *d;
	int error;

	if (!spool_walk_start(&walk, s))
		return false;
	while (errno = 0, (d = readdir(walk.dir)) != NULL)
		if (is_directory(s, d))
			list_add(names, d->d_name);
	error = errno;
	spool_walk_end(&walk);
	errno = error;
	return error == 0;
}
