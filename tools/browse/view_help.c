// SPDX-License-Identifier: MIT
/* All keys, from what the views declare. */
#include <stdio.h>

#include "tools/browse/views.h"

struct help {
	const struct view_ops *ops;
	const struct key_help *common;
};

static const struct key_help moving[] = {
	{"arrows, j, k", NULL, "up and down"},
	{"PgUp, PgDn, space", NULL, "a screen up or down"},
	{"Home, End", NULL, "to the first one, to the last one"},
	{"mouse", NULL, "a click chooses, one on the chosen row opens; the wheel moves"},
	{NULL},
};

static void add_keys(struct sheet *s, int width, const char *heading, const struct key_help *keys)
{
	enum { KEYS_WIDTH = 19, NARROW = 50 };
	char line[256];

	if (!keys)
		return;
	sheet_add(s, STYLE_BOLD, width, 0, heading);
	for (; keys->key; keys++) {
		snprintf(line, sizeof(line), "  %-*s %s", width < NARROW ? 7 : KEYS_WIDTH,
			 keys->key, keys->text);
		sheet_add(s, STYLE_PLAIN, width, width < NARROW ? 10 : KEYS_WIDTH + 3, line);
	}
	sheet_end_line(s);
}

static void fill(void *ctx, struct sheet *s, int width)
{
	const struct help *h = ctx;

	add_keys(s, width, h->ops->name, h->ops->keys);
	add_keys(s, width, "moving", moving);
	add_keys(s, width, "everywhere", h->common);
}

void view_help_open(struct browser *b, const struct view_ops *ops, const struct key_help *common)
{
	struct help *h = malloc(sizeof(*h));

	if (!h) {
		browser_say(b, "out of memory");
		return;
	}
	*h = (struct help){ops, common};
	view_sheet_open(b, "keys", (struct sheet_source){.fill = fill, .drop = free, .ctx = h});
}
