/* SPDX-License-Identifier: ISC */
#include "helpers/tls/engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Where /etc/ssl/certs has its links lead to, on the systems there are. */
static const char *const behind_system[] = {
	TLS_SYSTEM, "/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates", "/usr/share/pki",
	"/etc/pki/ca-trust"
};

static bool
is_directory(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool
is_known(const struct list *paths, const char *path)
{
	for (size_t i = 0; i < paths->n; i++)
		if (strcmp(list_get(paths, i), path) == 0)
			return true;
	return false;
}

/* The directory that a link in there leads to. */
static void
follow(const char *dir, const char *name, struct list *paths)
{
	struct buf path = { 0 };
	char target[PATH_MAX], *slash;

	buf_printf(&path, "%s/%s", dir, name);
	if (realpath(path.s, target)) {
		slash = strrchr(target, '/');
		slash[slash == target] = '\0';
		if (!is_known(paths, target) && paths->n < REACH_MOST)
			list_add(paths, target);
	}
	buf_free(&path);
}

static void
follow_all(const char *dir, struct list *paths)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	list_add(paths, dir);
	while (d && (e = readdir(d)) != NULL)
		if (e->d_type == DT_LNK)
			follow(dir, e->d_name, paths);
	if (d)
		closedir(d);
}

void
context_reach(const char *path, struct list *paths)
{
	if (!is_directory(path))
		return;         /* read already */
	if (strcmp(path, TLS_SYSTEM) != 0) {
		follow_all(path, paths);
		return;
	}
	for (size_t i = 0; i < sizeof behind_system /
	    sizeof behind_system[0]; i++)
		if (is_directory(behind_system[i]))
			list_add(paths, behind_system[i]);
}
