// SPDX-License-Identifier: MIT
/* The bucket map, as `map` draws it. */
#include "tools/browse/views.h"

struct map {
	struct subject *image;
	const struct names *names;
	int mm_id;
};

static void fill(void *ctx, struct sheet *s, int width)
{
	const struct map *m = ctx;
	struct term term = screen_term();
	struct pen pen = sheet_pen(s);
	struct err err = {""};

	if (!m->image->mm)
		sheet_add(s, STYLE_BOLD, width, 0, m->image->why.text);
	else if (picture_draw(NULL, m->image->mm, m->mm_id, m->names, &term, &pen, &err) < 0)
		sheet_add(s, STYLE_BOLD, width, 0, err.text);
}

static void drop(void *ctx)
{
	subject_drop(((struct map *)ctx)->image);
	free(ctx);
}

void view_map_open(struct browser *b, struct subject *image, int mm_id)
{
	struct map *m = malloc(sizeof(*m));

	if (!m) {
		browser_say(b, "out of memory");
		return;
	}
	*m = (struct map){subject_hold(image), b->args->names, mm_id};
	view_sheet_open(b, "map", (struct sheet_source){.fill = fill, .drop = drop, .ctx = m});
}
