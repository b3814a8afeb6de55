// SPDX-License-Identifier: MIT
/*
 * Owns the list of all verbs, and their groups.
 */
#include "tools/main.h"

/* A heading, and no verb; or a verb under the heading before it. */
static const struct entry {
	const char *heading;
	const struct verb *verb;
} entries[] = {
#define GROUP(text) {text, NULL},
#define VERB(name)  {NULL, &verb_##name},
#include "tools/verbs.h"
#undef VERB
};

const struct verb *verb_at(size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		if (entries[i].verb && n-- == 0)
			return entries[i].verb;
	return NULL;
}

const struct verb *verb_named(const char *name)
{
	const struct verb *v;

	for (size_t i = 0; (v = verb_at(i)); i++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

const char *verb_heading(const struct verb *v)
{
	const char *heading = NULL;

	for (size_t i = 0; i < ARRAY_LEN(entries) && entries[i].verb != v; i++)
		if (entries[i].heading)
			heading = entries[i].heading;
	return heading;
}
