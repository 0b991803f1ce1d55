/* SPDX-License-Identifier: ISC */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/log.h"

/* A sanitizer has files of its own to write; so does gcov, whose build says
 * so. */
#ifndef CONFINED
#if defined __SANITIZE_ADDRESS__
#define CONFINED 0
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define CONFINED 0
#endif
#endif
#endif
#ifndef CONFINED
#define CONFINED 1
#endif

/* --- Landlock: its header may be older than the kernel --- */

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum { GET_VERSION = 1, PATH_BENEATH = 1 };

enum {
	EXECUTE = 1 << 0, WRITE_FILE = 1 << 1, READ_FILE = 1 << 2,
	READ_DIR = 1 << 3, REMOVE_DIR = 1 << 4, REMOVE_FILE = 1 << 5,
	MAKE_CHAR = 1 << 6, MAKE_DIR = 1 << 7, MAKE_REG = 1 << 8,
	MAKE_SOCK = 1 << 9, MAKE_FIFO = 1 << 10, MAKE_BLOCK = 1 << 11,
	MAKE_SYM = 1 << 12, REFER = 1 << 13, TRUNCATE = 1 << 14,
	IOCTL_DEV = 1 << 15,
	READ = READ_FILE | READ_DIR,
	/* also to rename whatever somebody has put there */
	CHANGE = READ | WRITE_FILE | REMOVE_FILE | REMOVE_DIR | MAKE_DIR |
	    MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_SYM | REFER | TRUNCATE,
	OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
};

struct ruleset {
	uint64_t files;
	uint64_t net;           /* BIND_TCP, CONNECT_TCP */
	uint64_t scoped;        /* ABSTRACT_UNIX_SOCKET, SIGNAL */
};

struct rule {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

/* What this version knows is denied, unless a rule allows it. */
static struct ruleset
everything(long version)
{
	return (struct ruleset){
		.files = (REFER - 1) | (version >= 2 ? REFER : 0) |
		    (version >= 3 ? TRUNCATE : 0) |
		    (version >= 5 ? IOCTL_DEV : 0),
		.net = version >= 4 ? 3 : 0,
		.scoped = version >= 6 ? 3 : 0
	};
}

static size_t
size_known(long version)
{
	return version >= 6 ? sizeof(struct ruleset) :
	    version >= 4 ? offsetof(struct ruleset, scoped) :
	    offsetof(struct ruleset, net);
}

static bool
add_place(int rules, const struct sandbox_place *p, uint64_t handled)
{
	int opened = -1, fd = p->fd;
	struct rule rule;
	struct stat st;
	bool ok;

	if (fd < 0 && p->path)
		fd = opened = open(p->path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return !p->path;
	ok = fstat(fd, &st) == 0;
	rule = (struct rule){ .fd = fd,
		.allowed = handled & (p->change ? CHANGE : READ) };
	if (ok && !S_ISDIR(st.st_mode))
		rule.allowed &= OF_FILES;
	ok = ok && syscall(SYS_landlock_add_rule, rules, PATH_BENEATH, &rule,
	    0) == 0;
	if (opened >= 0)
		close(opened);
	return ok;
}

static bool
restrict_reach(const struct sandbox_place *places, size_t n)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    GET_VERSION);
	struct ruleset set = everything(version);
	bool ok = true;
	int rules;

	if (version < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP;
	rules = (int)syscall(SYS_landlock_create_ruleset, &set,
	    size_known(version), 0);
	if (rules < 0)
		return false;
	for (size_t i = 0; ok && i < n; i++)
		ok = add_place(rules, &places[i], set.files);
	ok = ok && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
	close(rules);
	return ok;
}

/* --- and the rest --- */

/* Lower ones stay. */
static struct rlimit
at_most(struct rlimit l, rlim_t most)
{
	return l.rlim_max <= most ? l : (struct rlimit){ most, most };
}

static void
limit_resources(uint64_t memory)
{
	struct rlimit l;

	if (memory && getrlimit(RLIMIT_AS, &l) == 0) {
		l = at_most(l, memory);
		setrlimit(RLIMIT_AS, &l);
	}
	l = (struct rlimit){ 0, 0 };
	setrlimit(RLIMIT_NPROC, &l);
}

void
sandbox_enter(const struct sandbox_place *places, size_t n, uint64_t memory)
{
	if (!CONFINED)
		return;
	/* The file that it reads will not be there. */
	tzset();
	log_connect();
	limit_resources(memory);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    !restrict_reach(places, n))
		log_warning("cannot confine this process: %s",
		    strerror(errno));
	if (!calls_restrict())
		log_warning("cannot restrict the system calls: %s",
		    strerror(errno));
}

void
sandbox_within(int dir, uint64_t memory)
{
	const struct sandbox_place place = { .fd = dir, .change = true };

	sandbox_enter(&place, 1, memory);
}
