// SPDX-License-Identifier: MIT
/* Text that is scrolled: facts, the map, help. */
#include "tools/browse/list.h"
#include "tools/browse/views.h"

struct sheet_view {
	struct view v;
	struct sheet_source source;
	struct sheet sheet;
	int width; /* that the sheet was made for */
	struct list list;
};

static void draw(struct view *v, int row, int rows)
{
	struct sheet_view *s = (struct sheet_view *)v;

	if (s->width != screen_columns()) {
		sheet_free(&s->sheet);
		s->width = screen_columns();
		s->source.fill(s->source.ctx, &s->sheet, s->width);
	}
	s->list.count = s->sheet.count;
	list_place(&s->list, row, rows);
	/* What is chosen is the line on top. */
	for (int i = 0; i < rows && s->list.top + (size_t)i < s->sheet.count; i++)
		sheet_draw(&s->sheet, s->list.top + (size_t)i, row + i, 0, s->width);
}

/* Nothing is chosen here: keys move the page, not a bar on it. */
static bool key(struct view *v, struct screen_key key)
{
	struct list *l = &((struct sheet_view *)v)->list;
	size_t last = l->count > (size_t)l->rows ? l->count - (size_t)l->rows : 0;

	if (key.code == SCREEN_CLICK)
		return true;
	l->at = l->top;
	if (!list_key(l, &key))
		return false;
	l->top = l->at = MIN(l->at, last);
	return true;
}

static int find(struct view *v, const char *text, struct err *err)
{
	struct sheet_view *s = (struct sheet_view *)v;

	for (size_t n = s->list.top + 1; n < s->sheet.count; n++) {
		if (sheet_has(&s->sheet, n, text)) {
			s->list.at = s->list.top = n;
			return 0;
		}
	}
	return -ENOENT;
}

static void close_view(struct view *v)
{
	struct sheet_view *s = (struct sheet_view *)v;

	sheet_free(&s->sheet);
	if (s->source.drop)
		s->source.drop(s->source.ctx);
}

static const struct view_ops sheet_ops = {
	.name = "text", .draw = draw, .key = key, .find = find, .close = close_view};

void view_sheet_open(struct browser *b, const char *title, struct sheet_source source)
{
	struct sheet_view *s = view_new(b, &sheet_ops, sizeof(*s), "%s", title);

	if (s) {
		s->source = source;
		view_push(&s->v);
	} else if (source.drop) {
		source.drop(source.ctx);
	}
}
