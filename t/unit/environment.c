/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "base/environment.h"

struct config {
	struct options_common common;
	bool tls;
	uint64_t size;
	const char *forward_to, *auth, *theirs;
	struct list filters;
};

static const struct option_row rows[] = {
	OPTIONS_LOG(struct config),
	OPTIONS_SPOOL(struct config),
	{ "client-tls", OPTION_FLAG, offsetof(struct config, tls),
	    .down = true },
	{ "size", OPTION_NUMBER, offsetof(struct config, size),
	    .max = 1000 },
	{ "forward-to", OPTION_TEXT, offsetof(struct config, forward_to),
	    .down = true },
	{ "pid-file", OPTION_TEXT, offsetof(struct config, auth) },
	{ "client-auth", OPTION_TEXT, offsetof(struct config, theirs),
	    .down = true, .others = true },
	{ "check", OPTION_FLAG, offsetof(struct config, tls),
	    .argv_only = true },
	{ "filter", OPTION_LIST, offsetof(struct config, filters) },
};

static const struct option_set set = {
	.program = "toy", .purpose = "Shows options.", .usage = "",
	.rows = rows, .n = COUNT(rows)
};

enum { ARGS = 6 };
static void
show(void *args)
{
	struct config c = { .common.spool_dir = "/spool", .size = 7 };
	char *argv[ARGS] = { NULL }, *rest = need_copy(args);
	int argc = 0;

	argv[argc++] = need_copy("toy");
	while (argc < ARGS && (argv[argc] = strtok_r(rest, " ", &rest)))
		argc++;
	log_open("toy", "toy");
	options_read(&set, &c.common, argc, argv);
	printf("spool=%s tls=%d size=%d to=%s pid=%s theirs=%s down=",
	    c.common.spool_dir, c.tls, (int)c.size,
	    c.forward_to ? c.forward_to : "-", c.auth ? c.auth : "-",
	    c.theirs ? c.theirs : "-");
	for (size_t i = 0; i < c.common.down.n; i++)
		printf("%s%s", i ? "," : "", list_get(&c.common.down, i));
	printf(" filters:");
	for (size_t i = 0; i < c.filters.n; i++)
		printf(" %s", list_get(&c.filters, i));
	printf(" env=%d\n", options_from_environment(&c.common, "forward-to"));
}

/* The environment is what stands in env, in words. */
static int
try(const char *env, const char *args, struct buf *out)
{
	char *strings[8] = { NULL }, *rest = need_copy(env), *all = rest;
	char *given = need_copy(args), **own = environ;
	int status;

	for (int i = 0; i < 7 && (strings[i] = strtok_r(rest, " ", &rest)); i++)
		continue;
	environ = strings;
	status = in_child(show, given, out);
	environ = own;
	free(all);
	free(given);
	return status;
}

static void
variables(void **state)
{
	static const struct {
		const char *env, *args;
		int status;
		const char *says;
	} t[] = {
		{ "", "", 0, "spool=/spool tls=0 size=7 to=- pid=- theirs=- "
		    "down= filters: env=0\n" },
		{ "SLUICE_FORWARD_TO=h:25", "", 0, "to=h:25" },
		{ "SLUICE_FORWARD_TO=h:25", "", 0, "down= filters: env=1" },
		{ "SLUICE_FORWARD_TO=h:25", "--forward-to=i:26", 0,
		    "to=i:26 pid=- theirs=- down=--forward-to=i:26 "
		    "filters: env=0" },
		{ "SLUICE_FORWARD_TO=a=b=c", "", 0, "to=a=b=c" },
		{ "SLUICE_FORWARD_TO=", "", 0, "to=-" },
		{ "SLUICE_FORWARD_TO=a SLUICE_FORWARD_TO=b", "", 0, "to=a" },
		{ "SLUICE_SIZE=8 SLUICE_SPOOL_DIR=/x", "", 0,
		    "spool=/x tls=0 size=8" },
		{ "SLUICE_FILTER=/a SLUICE_FILTER=/b", "", 0, "filters: /a " },
		{ "SLUICE_FILTER=/a", "--filter=/c --filter=/d", 0,
		    "filters: /c /d env" },
		{ "SLUICE_CLIENT_TLS=1", "", 0, "tls=1" },
		{ "SLUICE_CLIENT_TLS=Yes", "", 0, "tls=1" },
		{ "SLUICE_CLIENT_TLS=TRUE", "", 0, "tls=1" },
		{ "SLUICE_CLIENT_TLS=on", "", 0, "tls=1" },
		{ "SLUICE_CLIENT_TLS=0", "", 0, "tls=0" },
		{ "SLUICE_CLIENT_TLS=", "", 0, "tls=0" },
		{ "SLUICE_CLIENT_TLS=no", "", 0, "tls=0" },
		{ "SLUICE_CLIENT_TLS=False", "", 0, "tls=0" },
		{ "SLUICE_CLIENT_TLS=off", "", 0, "tls=0" },
		{ "SLUICE_CLIENT_TLS=0", "--client-tls", 0, "tls=1" },
		{ "SLUICE_CLIENT_TLS=maybe", "", EX_CONFIG,
		    "SLUICE_CLIENT_TLS: wants yes or no" },
		/* an option that ends in -file is no file of another */
		{ "SLUICE_PID_FILE=/x", "", 0, "pid=/x" },
		/* of another program, or of nobody */
		{ "SLUICE_OLDER_THAN=x", "", 0, "size=7" },
		{ "SLUICE_CLIENT_AUTH=x", "", 0, "theirs=- down= " },
		{ "SLUICE_CLIENT_AUTH_FILE=/none", "", 0, "theirs=- " },
		{ "SLUICE_CLIENT_AUTH=x", "--client-auth=y", 0,
		    "theirs=y down=--client-auth=y " },
		{ "SLUICE_VERSION=1.2 SLUICE_HELP=x", "", 0, "size=7" },
		{ "SLUICE_SERVICE_HOST=10.0.0.1", "", 0,
		    "SLUICE_SERVICE_HOST: no option is called so" },
		{ "SLUICE_PORT_25_TCP=tcp://10.0.0.1:25", "", 0, "size=7" },
		{ "SLUICE_X SLUICE_ SLUICE_=x SLUICEX=1 XSLUICE_SIZE=1", "", 0,
		    "size=7" },
		{ "SLUICE_forward_to=h:25", "", EX_CONFIG,
		    "did you mean SLUICE_FORWARD_TO?" },
		{ "SLUICE_FORWARD-TO=h:25", "", EX_CONFIG,
		    "did you mean SLUICE_FORWARD_TO?" },
		{ "SLUICE_FOWARD_TO=h:25", "", EX_CONFIG, "SLUICE_FOWARD_TO: "
		    "unknown, did you mean SLUICE_FORWARD_TO?" },
		/* like one that only another program has */
		{ "SLUICE_OLDER_THEN=1d", "", EX_CONFIG,
		    "did you mean SLUICE_OLDER_THAN?" },
		{ "SLUICE_CHECK=1", "", EX_CONFIG,
		    "SLUICE_CHECK: only for the command line" },
		{ "SLUICE_CONFIG_FILE=/x", "", EX_CONFIG,
		    "did you mean SLUICE_CONFIG?" },
		{ "SLUICE_CONFIG=/none/x", "", EX_CONFIG,
		    "cannot open '/none/x'" },
		{ "SLUICE_SIZE=1001", "", EX_CONFIG,
		    "SLUICE_SIZE: that will not do: a number from 0 to 1000" },
		{ "SLUICE_SIZE=1 SLUICE_SIZE_FILE=/x", "", EX_CONFIG,
		    "both SLUICE_SIZE and SLUICE_SIZE_FILE are there" },
		{ "SLUICE_SIZE_FILE=/x SLUICE_SIZE=1", "", EX_CONFIG,
		    "both SLUICE_SIZE and SLUICE_SIZE_FILE are there" },
		{ "SLUICE_CLIENT_AUTH=1 SLUICE_CLIENT_AUTH_FILE=/x", "",
		    EX_CONFIG, "both SLUICE_CLIENT_AUTH and" },
		{ "SLUICE_SIZE= SLUICE_SIZE_FILE=/none", "", EX_CONFIG,
		    "SLUICE_SIZE_FILE: cannot use '/none': No such file" },
		{ "SLUICE_SIZE_FILE=/dev/zero", "", EX_CONFIG,
		    "it is no file" },
		{ "SLUICE_SIZE_FILE=/", "", EX_CONFIG, "it is no file" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, try(t[i].env, t[i].args, &out) == t[i].status);
		assert_says(&out, t[i].says);
	}
	buf_free(&out);
}

static void
write_file(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fwrite(text, 1, n, f) == n);
	fclose(f);
}

static void
values_in_files(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		int status;
		const char *says;
	} t[] = {
		{ "h:25\n", 5, 0, "to=h:25 " },
		{ "h:25", 4, 0, "to=h:25 " },
		{ "h:25\r\n", 6, 0, "to=h:25 " },
		{ " h:25 \n", 7, 0, "to= h:25  " },
		{ "h:25\n\n", 6, EX_CONFIG, "more than one line" },
		{ "h:25\ni:26\n", 10, EX_CONFIG, "more than one line" },
		{ "h:25\0x\n", 7, EX_CONFIG, "there is a NUL in it" },
		{ "\0", 1, EX_CONFIG, "there is a NUL in it" },
		{ "", 0, EX_CONFIG, "it is empty" },
		{ "\n", 1, EX_CONFIG, "it is empty" },
	};
	struct buf out = { 0 };
	char dir[64], env[100];

	(void)state;
	scratch_make(dir);
	snprintf(env, sizeof env, "SLUICE_FORWARD_TO_FILE=%s/f", dir);
	for (size_t i = 0; i < COUNT(t); i++) {
		write_file(strchr(env, '/'), t[i].text, t[i].n);
		assert_row(i, try(env, "", &out) == t[i].status);
		assert_says(&out, t[i].says);
		/* never a word of what is in it */
		assert_row(i, t[i].status == 0 || !strstr(out.s, "h:25"));
	}
	buf_free(&out);
	scratch_remove(dir);
}

static void
long_values(void **state)
{
	struct buf out = { 0 }, text = { 0 };
	char dir[64], env[100];

	(void)state;
	scratch_make(dir);
	snprintf(env, sizeof env, "SLUICE_FORWARD_TO_FILE=%s/f", dir);
	while (text.n < ENVIRONMENT_VALUE)
		buf_putc(&text, 'x');
	buf_puts(&text, "\r\n");
	write_file(strchr(env, '/'), text.s, text.n);
	assert_int_equal(try(env, "", &out), 0);
	text.s[ENVIRONMENT_VALUE] = 'x';
	write_file(strchr(env, '/'), text.s, text.n);
	assert_int_equal(try(env, "", &out), EX_CONFIG);
	assert_says(&out, "it is too long");
	while (text.n < 100000)
		buf_putc(&text, '\n');
	write_file(strchr(env, '/'), text.s, text.n);
	assert_int_equal(try(env, "", &out), EX_CONFIG);
	assert_says(&out, "it is too long");
	buf_free(&text);
	buf_free(&out);
	scratch_remove(dir);
}

static void
a_fifo(void **state)
{
	struct buf out = { 0 };
	char dir[64], env[100];
	const char *path;
	pid_t pid;
	int fd;

	(void)state;
	scratch_make(dir);
	snprintf(env, sizeof env, "SLUICE_FORWARD_TO_FILE=%s/f", dir);
	path = strchr(env, '/');
	assert_int_equal(mkfifo(path, 0600), 0);
	pid = fork();
	if (pid == 0) {
		fd = open(path, O_WRONLY);
		_exit(write(fd, "h:", 2) != 2 || write(fd, "25\n", 3) != 3);
	}
	assert_int_equal(try(env, "", &out), 0);
	assert_says(&out, "to=h:25 ");
	waitpid(pid, NULL, 0);
	buf_free(&out);
	scratch_remove(dir);
}

static void
environment_before_file(void **state)
{
	struct buf out = { 0 };
	char dir[64], env[200];
	static const char text[] = "forward-to file:1\nclient-tls\nsize 9\n"
	    "filter /x\nfilter /y\n";

	(void)state;
	scratch_make(dir);
	snprintf(env, sizeof env, "SLUICE_FORWARD_TO=env:1 SLUICE_CLIENT_TLS=0 "
	    "SLUICE_FILTER=/e SLUICE_CONFIG=%s/f", dir);
	write_file(strchr(strstr(env, "CONFIG"), '/'), text, sizeof text - 1);
	assert_int_equal(try(env, "", &out), 0);
	assert_says(&out, "tls=0 size=9 to=env:1 pid=- theirs=- down= "
	    "filters: /e env=1");
	/* --config is another file than SLUICE_CONFIG */
	assert_int_equal(try(env, "--config=/dev/null", &out), 0);
	assert_says(&out, "tls=0 size=7 to=env:1");
	buf_free(&out);
	scratch_remove(dir);
}

static void
names_are_unambiguous(void **state)
{
	struct buf name = { 0 };
	struct variable v;

	(void)state;
	for (const struct option_entry *o = option_catalogue; o->name; o++) {
		buf_clear(&name);
		environment_name(&name, o->name);
		buf_puts(&name, "=1");
		assert_true(environment_parse(&v, name.s));
		assert_true(v.option == o && !v.is_file);
		buf_cut(&name, name.n - 2);
		buf_puts(&name, "_FILE=1");
		assert_true(environment_parse(&v, name.s));
		assert_true(v.option == o && v.is_file);
	}
	buf_free(&name);
}

static void
others_see_nothing_of_it(void **state)
{
	char a[] = "A=1", b[] = "SLUICE_CLIENT_AUTH=x", c[] = "SLUICED=1";
	char *mine[] = { a, b, c, NULL }, **others, **own = environ;

	(void)state;
	environ = mine;
	others = environment_others();
	environ = own;
	assert_ptr_equal(others[0], a);
	assert_ptr_equal(others[1], c);
	assert_null(others[2]);
	free(others);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables),
		cmocka_unit_test(values_in_files),
		cmocka_unit_test(long_values),
		cmocka_unit_test(a_fifo),
		cmocka_unit_test(environment_before_file),
		cmocka_unit_test(names_are_unambiguous),
		cmocka_unit_test(others_see_nothing_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
