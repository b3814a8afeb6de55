// SPDX-License-Identifier: MIT
/* Points in time beside each other: a row for each memory, a column for each point. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/browse/frame.h"
#include "tools/browse/list.h"
#include "tools/browse/points.h"
#include "tools/browse/views.h"

enum { COLUMN = 12 };

struct points_view {
	struct view v;
	int place[POINT_PLACES]; /* the rows: memories, or POINT_RAW */
	struct list list;
	size_t chosen, left; /* points: the chosen one, the first one on the screen */
};

static const struct key_help keys[] = {
	{"Enter", "open", "the chosen snapshot or checkpoint, as an image"},
	{"a", "add", "set another image or checkpoint beside this one"},
	{"left, right", NULL, "choose another point in time"},
	{"r", NULL, "compare what was not compared"},
	{NULL},
};

static struct points *points_of(const struct points_view *p)
{
	return p->v.b->points;
}

static bool is_row(const struct points_view *p, int place)
{
	const struct subject *image = p->v.b->image;
	struct mm_memory m = {0};

	if (place == POINT_RAW)
		return !image->mm;
	if (image->mm)
		mm_memory(image->mm, (unsigned)place, &m);
	for (size_t i = 0; i < points_of(p)->count; i++)
		m.pages += points_of(p)->point[i].pages[place];
	return m.pages > 0;
}

static void find_rows(struct points_view *p)
{
	p->list.count = 0;
	for (int place = 0; place < POINT_PLACES; place++)
		if (is_row(p, place))
			p->place[p->list.count++] = place;
}

/* ---- drawing ---- */

static void draw_chosen(const struct points_view *p, int row)
{
	const struct points *points = points_of(p);
	const struct point *point;
	uint64_t pages = 0;

	if (points->count == 0) {
		screen_put(row, 0, screen_columns(), STYLE_DIM,
			   "no snapshots, no base; 'a' sets an image or checkpoint beside this");
		return;
	}
	point = &points->point[p->chosen];
	for (int i = 0; i < POINT_PLACES; i++)
		pages += point->pages[i];
	if (point->why.text[0])
		screen_print(row, 0, screen_columns(), STYLE_BOLD, "%s: %s", point->name,
			     point->why.text);
	else if (point->compared)
		screen_print(row, 0, screen_columns(), STYLE_PLAIN, "%s: %s, %s; %s %s",
			     point->name, point->kind, point->facts, text_plural(pages, "page").s,
			     pages == 1 ? "differs" : "differ");
	else
		screen_print(row, 0, screen_columns(), STYLE_PLAIN, "%s: %s, %s", point->name,
			     point->kind, point->facts);
}

static int margin_of(const struct points_view *p)
{
	return p->v.b->args->names && screen_columns() >= 60 ? 32 : 16;
}

/* How many points are on the screen. */
static size_t columns_of(const struct points_view *p)
{
	return (size_t)MAX((screen_columns() - margin_of(p)) / COLUMN, 1);
}

/* In how many pages each point differs there. */
static void draw_changes(const struct points_view *p, int place, int row, struct style style)
{
	for (size_t i = p->left; i < points_of(p)->count && i < p->left + columns_of(p); i++) {
		const struct point *point = &points_of(p)->point[i];
		struct text pages = text_count(point->pages[place]);

		if (!point->compared)
			pages = (struct text){"?"};
		else if (point->pages[place] == 0)
			pages = (struct text){"."};
		style.bold = i == p->chosen;
		screen_print(row, margin_of(p) + (int)(i - p->left) * COLUMN, 11, style, "%11s",
			     pages.s);
	}
}

static void draw_row(const struct points_view *p, int place, int row, struct style style)
{
	const struct subject *image = p->v.b->image;
	struct mm_memory m = {.pages = image->store->len / MM_PAGE_LEN};
	int margin = margin_of(p);
	const char *name = "image";

	screen_put_padded(row, 0, screen_columns(), style, "");
	if (place != POINT_RAW) {
		name = margin > 16 ? names_of(p->v.b->args->names, (unsigned)place) : NULL;
		screen_print(row, 1, 3, style, "%3d", place);
		m.pages = 0;
	}
	if (place != POINT_RAW && image->mm)
		mm_memory(image->mm, (unsigned)place, &m);
	if (name)
		screen_put(row, 5, MAX(margin - 16, 5), style, name);
	screen_print(row, margin - 11, 9, style, "%9s", text_count(m.pages).s);
	draw_changes(p, place, row, style);
}

static void draw_heading(const struct points_view *p, int row)
{
	int margin = margin_of(p);

	screen_put(row, 1, 3, STYLE_DIM, "id");
	screen_print(row, margin - 11, 9, STYLE_DIM, "%9s", "pages");
	for (size_t i = p->left; i < points_of(p)->count && i < p->left + columns_of(p); i++) {
		const char *name = points_of(p)->point[i].name;
		const char *slash = strrchr(name, '/');

		screen_put_padded(row, margin + (int)(i - p->left) * COLUMN + 1, 11,
				  i == p->chosen ? STYLE_BAR : STYLE_DIM,
				  slash && slash[1] ? slash + 1 : name);
	}
}

static void draw(struct view *v, int row, int rows)
{
	struct points_view *p = (struct points_view *)v;
	size_t shown = columns_of(p);

	if (p->chosen < p->left)
		p->left = p->chosen;
	if (p->chosen >= p->left + shown)
		p->left = p->chosen - shown + 1;
	draw_chosen(p, row);
	draw_heading(p, row + 2);
	list_place(&p->list, row + 3, rows - 3);
	for (int i = 0; i < rows - 3 && p->list.top + (size_t)i < p->list.count; i++) {
		size_t n = p->list.top + (size_t)i;

		draw_row(p, p->place[n], row + 3 + i, n == p->list.at ? STYLE_BAR : STYLE_PLAIN);
	}
}

/* ---- keys ---- */

/* Until the user has had enough. */
static void compare_all(struct points_view *p)
{
	struct points *points = points_of(p);

	for (size_t i = 0; i < points->count; i++)
		if (point_compare(points, &points->point[i], p->v.b->image) == -ECANCELED)
			break;
	find_rows(p);
}

static void open_chosen(struct points_view *p)
{
	struct points *points = points_of(p);
	struct err err = {""};

	if (p->chosen >= points->count)
		return;
	if (point_open(points, &points->point[p->chosen], &err) < 0)
		browser_fail(p->v.b, &err);
	else
		p->v.b->open_image(p->v.b, points->point[p->chosen].image);
}

static void add_point(struct points_view *p)
{
	char path[1024] = "";
	struct err err = {""};

	if (!browser_ask(p->v.b, "image or checkpoint:", path, sizeof(path)) || !path[0])
		return;
	if (points_add(points_of(p), path, &err) < 0) {
		browser_fail(p->v.b, &err);
		return;
	}
	p->chosen = points_of(p)->count - 1;
	compare_all(p);
}

static bool key(struct view *v, struct screen_key key)
{
	struct points_view *p = (struct points_view *)v;

	if (list_key(&p->list, &key))
		return true;
	if (key.code == SCREEN_ENTER)
		open_chosen(p);
	else if (key.code == 'a')
		add_point(p);
	else if (key.code == 'r')
		compare_all(p);
	else if (key.code == SCREEN_LEFT)
		p->chosen -= p->chosen > 0;
	else if (key.code == SCREEN_RIGHT)
		p->chosen += p->chosen + 1 < points_of(p)->count;
	else
		return false;
	return true;
}

static const struct view_ops points_ops = {
	.name = "snapshots and checkpoints", .keys = keys, .draw = draw, .key = key};

void view_points_open(struct browser *b)
{
	struct err err = {""}, note = {""};
	struct points_view *p;

	if (!b->points && points_open(b->args->image, b->image, &b->points, &note, &err) < 0) {
		browser_fail(b, &err);
		return;
	}
	p = view_new(b, &points_ops, sizeof(*p), "points in time");
	if (!p)
		return;
	compare_all(p);
	view_push(&p->v);
}
