/* SPDX-License-Identifier: ISC */
/*
 * The options of smtp-recv: the arguments, the environment and the file, with
 * form feeds between, a line for each. Whatever is wrong ends the process,
 * which here is a jump.
 */
#include "fuzz.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/environment.h"
#include "smtp-recv/session.h"

enum { MOST = 64, PART = '\f' };

static jmp_buf end;
static bool reading;
static const char *file;

/* --- in place of others --- */

void __wrap_die(int status, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));
void __wrap_exit(int status) __attribute__((noreturn));
void __real_exit(int status) __attribute__((noreturn));
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);
void __wrap_options_help(const struct option_set *set);
void __wrap_log_configure(const struct log_config *c);
void __wrap_log_warning(const char *fmt, ...);
int __wrap_setenv(const char *name, const char *value, int over);
int __wrap_unsetenv(const char *name);
const char *__wrap_environment_value(const struct variable *v);

void
__wrap_die(int status, const char *fmt, ...)
{
	struct buf why = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&why, fmt, ap);
	va_end(ap);
	CLAIM(status == EX_USAGE || status == EX_CONFIG);
	CLAIM(why.n > 0);
	buf_free(&why);
	longjmp(end, 1);
}

void
__wrap_exit(int status)
{
	if (reading)
		longjmp(end, 2);
	__real_exit(status);
}

/* Whatever it is called, it is the one of the input. */
FILE *
__wrap_fopen(const char *path, const char *mode)
{
	if (!reading)
		return __real_fopen(path, mode);
	/* one without anything in it cannot be had */
	return fmemopen((void *)(uintptr_t)file, strlen(file) + !*file, mode);
}

void
__wrap_options_help(const struct option_set *set)
{
	CLAIM(set->n <= OPTION_MOST);
}

/* Nobody hears of it. */
void
__wrap_log_configure(const struct log_config *c)
{
	(void)c;
}

void
__wrap_log_warning(const char *fmt, ...)
{
	CLAIM(*fmt);
}

/* The C library would keep what is freed here. */
int
__wrap_setenv(const char *name, const char *value, int over)
{
	(void)name;
	(void)value;
	return over - over;
}

int
__wrap_unsetenv(const char *name)
{
	return *name - *name;
}

/* No file is opened, and nobody waited for. */
const char *
__wrap_environment_value(const struct variable *v)
{
	return strchr(v->text, '\n') ? "" : v->text;
}

/* --- memory: options are kept for good, and a jump leaves more --- */

typedef void malloc_hook(const volatile void *p, size_t n);
typedef void free_hook(const volatile void *p);
int __sanitizer_install_malloc_and_free_hooks(malloc_hook *m, free_hook *f)
    __attribute__((weak));

enum { BLOCKS = 1 << 16 };
static const volatile void *blocks[BLOCKS];
static size_t n_blocks;

static void
note_block(const volatile void *p, size_t n)
{
	(void)n;
	if (reading && n_blocks < BLOCKS)
		blocks[n_blocks++] = p;
}

static void
forget_block(const volatile void *p)
{
	for (size_t i = n_blocks; reading && i > 0; i--) {
		if (blocks[i - 1] == p) {
			blocks[i - 1] = blocks[--n_blocks];
			return;
		}
	}
}

static void
free_all(void)
{
	reading = false;
	while (n_blocks > 0)
		free((void *)(uintptr_t)blocks[--n_blocks]);
}

/* --- the input --- */

/* The lines up to a form feed, or to the end; their strings stay there. */
static char *
cut_part(char *text, char *words[MOST + 1], int *n)
{
	char *stop = text ? strchr(text, PART) : NULL, *next = NULL;

	if (stop) {
		*stop = '\0';
		next = stop + 1;
	}
	while (text && *text && *n < MOST) {
		words[(*n)++] = text;
		text = strchr(text, '\n');
		if (text)
			*text++ = '\0';
	}
	words[*n] = NULL;
	return next;
}

static void
check_config(const struct config *c, int first, int argc)
{
	CLAIM(first >= 1 && first <= argc);
	CLAIM(c->common.spool_dir && c->common.user);
	CLAIM(c->idle_timeout >= 1 && c->idle_timeout <= 86400);
	CLAIM(c->filter_timeout >= 1 && c->filter_timeout <= 86400);
	CLAIM(c->max_recipients >= 1);
	CLAIM(c->size <= UINT64_MAX / 4);
	CLAIM(c->bare_newline <= NEWLINE_KEEP);
	CLAIM(c->common.typed <= c->common.down.n);
	for (size_t i = 0; i < c->common.down.n; i++)
		CLAIM(text_starts(list_get(&c->common.down, i), "--"));
}

/* Who gets what we hand down reads what we have read. */
static void
check_down(const struct config *c)
{
	struct config again = defaults;
	struct list args = { .n = 0 };
	char *none[] = { NULL }, **argv;
	size_t n = 0;

	list_add(&args, "again");
	options_hand_down(&args, &c->common);
	argv = list_argv(&args);
	while (argv[n])
		n++;
	environ = none;
	CLAIM(options_read(&options, &again.common, (int)n, argv) == (int)n);
	CLAIM(again.common.log.verbose == c->common.log.verbose ||
	    c->common.from_environment.n > 0);
	CLAIM(again.common.down.n == args.n - 1);
}

static void
read_all(int argc, char *argv[], char *env[])
{
	struct config c = defaults;
	int first;

	environ = env;
	first = options_read(&options, &c.common, argc, argv);
	check_config(&c, first, argc);
	check_down(&c);
}

/* getopt(3) may have been left in the middle of a word. */
static void
start_over(char *name)
{
	char *none[] = { name, NULL };

	optind = 0;
	CLAIM(getopt(1, none, "") == -1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool prepared;
	static char name[] = "fuzz";
	char **kept = environ, *argv[MOST + 1] = { name }, *env[MOST + 1];
	char *text, *rest;
	int argc = 1, n_env = 0;

	if (!prepared && __sanitizer_install_malloc_and_free_hooks)
		__sanitizer_install_malloc_and_free_hooks(note_block,
		    forget_block);
	prepared = true;
	text = as_string(data, n);
	rest = cut_part(text, argv, &argc);
	file = cut_part(rest, env, &n_env);
	file = file ? file : "";
	start_over(name);
	reading = true;
	if (setjmp(end) == 0)
		read_all(argc, argv, env);
	free_all();
	environ = kept;
	free(text);
	return 0;
}
