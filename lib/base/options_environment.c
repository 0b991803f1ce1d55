/* SPDX-License-Identifier: ISC */
#include "base/options_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/environment.h"

/* One of another program, or one that nobody knows. What is like an option of
 * ours was meant to be one; others may be there for no fault of anybody's,
 * as Kubernetes has some for each service. */
static void
foreign_variable(const struct reading *r)
{
	const struct variable *v = r->variable;
	struct buf option = { 0 }, text = { 0 };
	const char *near;

	for (const char *s = v->name + strlen(ENVIRONMENT_PREFIX); *s; s++)
		buf_putc(&option, *s == '_' ? '-' :
		    (char)tolower((unsigned char)*s));
	near = options_nearest(NULL, buf_text(&option));
	if (near) {
		buf_puts(&text, "unknown, did you mean ");
		environment_name(&text, near);
		buf_putc(&text, '?');
		reading_complain(r, text.s, "");
	}
	log_warning("%s: no option is called so", v->name);
	buf_free(&option);
}

/* The value and the file of it: which of them was meant? */
static void
demand_one(const struct reading *r)
{
	struct buf name = { 0 }, path = { 0 };
	const char *value, *file;

	environment_name(&name, r->variable->option->name);
	buf_printf(&path, "%s_FILE", name.s);
	value = getenv(name.s);
	file = getenv(path.s);
	if (value && *value && file && *file)
		die(EX_CONFIG, "both %s and %s are there", name.s, path.s);
	buf_free(&name);
	buf_free(&path);
}

static void
universal_variable(struct reading *r)
{
	const struct variable *v = r->variable;

	/* SLUICE_VERSION is what images like to call theirs */
	if (strcmp(v->option->name, "config") != 0)
		return;
	if (v->is_file)
		reading_complain(r, "unknown, did you mean SLUICE_CONFIG?", "");
	if (!r->file)
		r->file = environment_value(v);
}

static void
read_variable(struct reading *r)
{
	const struct variable *v = r->variable;
	const char *value;
	bool yes;
	size_t i;

	if (!v->option) {
		foreign_variable(r);
		return;
	}
	if (option_is_universal(v->option->name)) {
		universal_variable(r);
		return;
	}
	if (!reading_find(r->set, v->option->name, &i))
		return;
	demand_one(r);
	if (r->set->rows[i].others || r->seen[i])
		return;
	if (r->set->rows[i].argv_only)
		reading_complain(r, "only for the command line", "");
	value = environment_value(v);
	if (r->set->rows[i].kind != OPTION_FLAG) {
		reading_set(r, i, value);
	} else if (!environment_flag(value, &yes)) {
		reading_complain(r, "wants yes or no", "");
	} else if (yes) {
		reading_set(r, i, NULL);
	} else {
		r->seen[i] = true;
		r->from[i] = ENVIRONMENT;
	}
}

/* Set-id, we have rights that whoever made the environment has not. */
void
reading_environment(struct reading *r)
{
	struct variable v;

	if (getauxval(AT_SECURE))
		return;
	r->source = ENVIRONMENT;
	r->variable = &v;
	for (char **e = environ; e && *e; e++)
		if (environment_parse(&v, *e))
			read_variable(r);
	r->variable = NULL;
}
