// SPDX-License-Identifier: MIT
/* The memories of an image: how large they are, and what they hold. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/browse/list.h"
#include "tools/browse/views.h"
#include "tools/facts/content.h"
#include "tools/facts/stored.h"

enum { BAR = 12, WIDE = 92 };

struct row {
	int id; /* -1: a raw image */
	const char *name;
	uint64_t len, slack_len;
	bool looked; /* at what it holds */
	struct content content;
};

enum order { BY_ID, BY_SIZE, BY_SLACK, ORDERS };
static const char *const order_names[] = {"id", "size", "slack"};

struct image_view {
	struct view v;
	struct subject *image;
	struct row row[MM_MAX_MEMORIES];
	struct list list;
	enum order order;
	uint64_t longest_len;
	int name_width;
};

static const struct key_help keys[] = {
	{"Enter", "open", "the chosen memory"},
	{"m", "map", "the bucket map"},
	{"c", "check", "what is wrong with the image"},
	{"s", "points", "snapshots and checkpoints, and what changed since"},
	{"o", "order", "by id, by size, by slack"},
	{NULL},
};

/* What a memory holds is found out when it is shown. */
static const struct content *content_of(struct image_view *w, struct row *row)
{
	if (!row->looked && row->id < 0)
		content_of_raw(w->image->store, &row->content);
	else if (!row->looked)
		content_of_memory(w->image->mm, (unsigned)row->id, &row->content);
	row->looked = true;
	return &row->content;
}

static void add_row(struct image_view *w, struct row row)
{
	w->longest_len = MAX(w->longest_len, row.len);
	if (row.name)
		w->name_width = MAX(w->name_width, (int)strlen(row.name));
	w->row[w->list.count++] = row;
}

static void add_rows(struct image_view *w)
{
	struct subject *image = w->image;

	if (!image->mm && image->kind != MM_EMPTY)
		add_row(w, (struct row){.id = -1, .len = image->store->len});
	for (unsigned id = 0; image->mm && id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;

		mm_memory(image->mm, id, &m);
		if (m.pages > 0 || m.buckets > 0)
			add_row(w, (struct row){(int)id, names_of(w->v.b->args->names, id),
						m.pages * MM_PAGE_LEN, m.slack_len});
	}
}

static int compare_rows(const void *a, const void *b, void *order)
{
	const struct row *x = a, *y = b;
	uint64_t m = x->len, n = y->len;

	if (*(enum order *)order == BY_SLACK) {
		m = x->slack_len;
		n = y->slack_len;
	}
	if (*(enum order *)order == BY_ID || m == n)
		return x->id - y->id;
	return m < n ? 1 : -1;
}

static void next_order(struct image_view *w)
{
	w->order = (w->order + 1) % ORDERS;
	qsort_r(w->row, w->list.count, sizeof(*w->row), compare_rows, &w->order);
	w->list.at = 0;
	browser_say(w->v.b, "by %s", order_names[w->order]);
}

/* ---- drawing ---- */

static void draw_managed(const struct image_view *w, int row)
{
	struct mm_stat st;
	uint64_t slack = 0;

	mm_stat(w->image->mm, &st);
	for (size_t i = 0; i < w->list.count; i++)
		slack += w->row[i].slack_len;
	screen_print(row, 1, screen_columns() - 1, STYLE_PLAIN, "%s, %zu %s, slack %s, %s",
		     text_size(w->image->store->len).s, w->list.count,
		     w->list.count == 1 ? "memory" : "memories", text_size(slack).s,
		     st.holes ? text_plural(st.holes, "hole").s : "no holes");
	screen_print(row + 1, 1, screen_columns() - 1, STYLE_PLAIN, "%s of %s, %s can be given out",
		     text_plural(st.buckets, "bucket").s,
		     text_size((uint64_t)st.bucket_pages * MM_PAGE_LEN).s,
		     text_size(st.spare_pages * MM_PAGE_LEN).s);
}

/* Returns the lines it took. */
static int draw_facts(struct image_view *w, int row, int rows)
{
	static const char *const kinds[] = {"empty", "raw", "damaged"};
	auto_buf struct buf text = {0};
	struct sheet s = {NULL};
	int lines;

	if (w->image->mm) {
		draw_managed(w, row);
		return 2;
	}
	buf_printf(&text, "%s, %s: %s", kinds[w->image->kind], text_size(w->image->store->len).s,
		   w->image->why.text);
	buf_add(&text, "", 1);
	if (!text.failed)
		sheet_add(&s, STYLE_PLAIN, screen_columns() - 2, 0, text.data);
	lines = MIN((int)s.count, MAX(rows - 3, 1));
	for (int i = 0; i < lines; i++)
		sheet_draw(&s, (size_t)i, row + i, 1, screen_columns() - 1);
	sheet_free(&s);
	return lines;
}

struct columns {
	int name, size, bar, holds; /* where each begins; bar 0: none */
	int name_width;
};

static struct columns columns_of(const struct image_view *w)
{
	struct columns c = {.name = 5};

	c.name_width = MIN(w->name_width, MAX(screen_columns() - 40, 0) / 3);
	c.size = c.name + c.name_width + (c.name_width > 0);
	c.holds = c.size + 22;
	if (screen_columns() >= WIDE) {
		c.bar = c.holds;
		c.holds += BAR + 2;
	}
	return c;
}

static void draw_heading(const struct columns *c, int row)
{
	screen_put(row, 1, 3, STYLE_DIM, "id");
	if (c->name_width > 0)
		screen_put(row, c->name, c->name_width, STYLE_DIM, "name");
	screen_print(row, c->size, 20, STYLE_DIM, "%9s  %9s", "size", "slack");
	screen_put(row, c->holds, 8, STYLE_DIM, "holds");
}

static void draw_bar(const struct image_view *w, const struct row *r, const struct columns *c,
		     int row, struct style style)
{
	bool utf8 = screen_term().utf8;
	int full = w->longest_len ? (int)((double)r->len * BAR / (double)w->longest_len + 0.5) : 0;
	auto_buf struct buf text = {0};

	for (int i = 0; i < full; i++)
		buf_text(&text, utf8 ? "█" : "#");
	buf_add(&text, "", 1);
	if (!text.failed)
		screen_put(row, c->bar, BAR, style, text.data);
}

static void draw_memory(struct image_view *w, struct row *r, const struct columns *c, int row,
			struct style style)
{
	const struct content *content = content_of(w, r);
	int room = screen_columns() - c->holds;

	screen_put_padded(row, 0, screen_columns(), style, "");
	if (r->id >= 0)
		screen_print(row, 1, 3, style, "%3d", r->id);
	else
		screen_put(row, 1, 3, style, "raw");
	if (c->name_width > 0)
		screen_put(row, c->name, c->name_width, style, r->name ? r->name : "");
	screen_print(row, c->size, 20, style, "%9s  %9s", text_size(r->len).s,
		     r->id < 0 ? "-" : text_size(r->slack_len).s);
	if (c->bar)
		draw_bar(w, r, c, row, style);
	screen_put(row, c->holds, room, style, room < 24 ? content->kind : content->text);
}

static void draw(struct view *v, int row, int rows)
{
	struct image_view *w = (struct image_view *)v;
	int above = draw_facts(w, row, rows) + 2;
	struct columns c = columns_of(w);

	draw_heading(&c, row + above - 1);
	list_place(&w->list, row + above, rows - above);
	for (int i = 0; i < rows - above && w->list.top + (size_t)i < w->list.count; i++) {
		size_t n = w->list.top + (size_t)i;

		draw_memory(w, &w->row[n], &c, row + above + i,
			    n == w->list.at ? STYLE_BAR : STYLE_PLAIN);
	}
	if (w->list.count == 0)
		screen_put(row + above, 1, screen_columns() - 1, STYLE_DIM, "no memories yet");
}

/* ---- keys ---- */

static bool key(struct view *v, struct screen_key key)
{
	struct image_view *w = (struct image_view *)v;

	if (list_key(&w->list, &key))
		return true;
	if (key.code == SCREEN_ENTER || key.code == SCREEN_RIGHT) {
		if (w->list.count > 0)
			v->b->open_memory(v->b, w->image, w->row[w->list.at].id);
		return true;
	}
	if (key.code != 'o')
		return view_shared_key(v->b, w->image, -1, key.code);
	next_order(w);
	return true;
}

static bool has(struct image_view *w, struct row *row, const char *text)
{
	char id[16];

	snprintf(id, sizeof(id), "%d", row->id);
	return strcmp(id, text) == 0 || (row->name && strcasestr(row->name, text)) ||
	       strcasestr(content_of(w, row)->kind, text) ||
	       strcasestr(content_of(w, row)->text, text);
}

static int find(struct view *v, const char *text, struct err *err)
{
	struct image_view *w = (struct image_view *)v;

	for (size_t n = w->list.at + 1; n < w->list.count; n++) {
		if (has(w, &w->row[n], text)) {
			w->list.at = n;
			return 0;
		}
	}
	return -ENOENT;
}

static void close_view(struct view *v)
{
	subject_drop(((struct image_view *)v)->image);
}

static const struct view_ops image_ops = {.name = "memories",
					  .keys = keys,
					  .draw = draw,
					  .key = key,
					  .find = find,
					  .close = close_view};

void view_image_open(struct browser *b, struct subject *image)
{
	struct image_view *w = view_new(b, &image_ops, sizeof(*w), "%s", image->label);

	if (!w)
		return;
	w->image = subject_hold(image);
	add_rows(w);
	view_push(&w->v);
}
