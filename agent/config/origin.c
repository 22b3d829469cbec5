/* Origin: what the configuration says about the header that tells where a record came from,
 * checked.
 */
#include "config/origin.h"

#include <string.h>

bool
origin_is_name(const char *name, size_t size)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";

	if (size < 1 || size > ORIGIN_NAME_MOST)
		return false;
	for (size_t i = 0; i < size; i++)
		if (!memchr(letters, name[i], sizeof(letters) - 1))
			return false;
	return true;
}

/* Where the key was given last; NULL: nowhere. */
static const char *
origin_of(const struct properties *all, const char *key)
{
	const char *origin = NULL;

	for (size_t i = 0; i < all->count; i++)
		if (!strcmp(all->items[i].section, "mirror") && !strcmp(all->items[i].key, key))
			origin = all->items[i].origin;
	return origin;
}

static void
check_name(
	const struct properties *all, const char *key, const char *name, struct problems *problems)
{
	if (name && !origin_is_name(name, strlen(name)))
		problems_error(problems, origin_of(all, key),
			"%s: '%s' cannot be a cluster's name: write 1 to %d letters, digits, dots, "
			"dashes and underscores",
			key, name, ORIGIN_NAME_MOST);
}

/* The headers of dead letters have names of their own. */
static void
check_header(const char *name, const struct properties *all, struct problems *problems)
{
	static const char *const taken[] = {"reflejo.topic", "reflejo.partition", "reflejo.offset",
		"reflejo.script", "reflejo.reason"};
	const char *origin = origin_of(all, "provenance.header");

	if (!*name)
		problems_error(problems, origin, "provenance.header: a header needs a name");
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (!strcmp(name, taken[i]))
			problems_error(problems, origin,
				"provenance.header: dead letters have a header %s of another "
				"meaning; choose another name",
				name);
}

void
origin_check(const struct config *config, const struct properties *all, struct problems *problems)
{
	const struct config_mirror *m = &config->mirror;

	check_name(all, "provenance.source", m->provenance_source, problems);
	check_name(all, "provenance.target", m->provenance_target, problems);
	check_header(m->provenance_header, all, problems);
	if (m->provenance_source && m->provenance_target &&
		!strcmp(m->provenance_source, m->provenance_target))
		problems_error(problems, origin_of(all, "provenance.target"),
			"provenance.source and provenance.target are both %s, and nothing could be "
			"told apart: give each cluster a name of its own",
			m->provenance_source);
	if (m->loop_drop && !m->provenance)
		problems_warn(problems, origin_of(all, "loop.drop"),
			"loop.drop leaves out what other mirrors have marked, but this one marks "
			"nothing: without provenance=true the mirror in the other direction does "
			"not know its copies, and brings them back");
	if (!m->loop_drop && !m->provenance && (m->provenance_source || m->provenance_target))
		problems_warn(problems,
			origin_of(all,
				m->provenance_source ? "provenance.source" : "provenance.target"),
			"provenance.source and provenance.target have no effect without "
			"provenance=true or loop.drop=true");
}
