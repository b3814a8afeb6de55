// SPDX-License-Identifier: MIT
/* What check finds, a finding after the other. */
#include <stdio.h>

#include "tools/browse/list.h"
#include "tools/browse/task.h"
#include "tools/browse/views.h"
#include "tools/records/findings.h"

struct findings_view {
	struct view v;
	struct subject *image;
	struct findings look;
	struct sheet sheet;
	size_t *first; /* the sheet's first line of each finding */
	int width;
	struct list list; /* of findings */
};

static const struct key_help keys[] = {
	{"Enter", "open", "the memory that the chosen finding is about"},
	{NULL},
};

/* Of the 256 colours, as terminals have had them from the beginning. */
static struct style style_of(const struct finding *f)
{
	struct style style = STYLE_BOLD;

	if (strcmp(f->severity, "error") == 0)
		style.fg = 9;
	else if (strcmp(f->severity, "warning") == 0)
		style.fg = 11;
	else
		style = STYLE_PLAIN;
	return style;
}

static void make_sheet(struct findings_view *f)
{
	char line[512];

	sheet_free(&f->sheet);
	f->width = screen_columns();
	for (size_t i = 0; i < f->look.count; i++) {
		const struct finding *finding = &f->look.finding[i];

		f->first[i] = f->sheet.count;
		snprintf(line, sizeof(line), "%s: %s%s", finding->severity, finding->id,
			 finding->repairable ? "" : " (cannot be repaired)");
		sheet_add(&f->sheet, style_of(finding), f->width - 2, 2, line);
		snprintf(line, sizeof(line), "  %s", finding->text);
		sheet_add(&f->sheet, STYLE_PLAIN, f->width - 2, 2, line);
	}
	f->first[f->look.count] = f->sheet.count;
}

static void draw_findings(const struct findings_view *f, int row, int rows)
{
	size_t line = f->first[f->list.top];

	for (size_t n = f->list.top; line < f->sheet.count && rows > 0; line++, row++, rows--) {
		while (n + 1 < f->look.count && line >= f->first[n + 1])
			n++;
		if (n == f->list.at)
			screen_put(row, 0, 1, STYLE_BOLD, ">");
		sheet_draw(&f->sheet, line, row, 2, f->width - 2);
	}
}

/* Findings are of several lines each: as many as surely fit are a screenful. */
static void place(struct findings_view *f, int row, int rows)
{
	f->list.count = f->look.count;
	list_place(&f->list, row, rows);
	while (f->list.top < f->list.at &&
	       f->first[f->list.at + 1] - f->first[f->list.top] > (size_t)MAX(rows, 1))
		f->list.top++;
}

static void draw(struct view *v, int row, int rows)
{
	struct findings_view *f = (struct findings_view *)v;
	const struct mm_check_result *r = &f->look.result;

	if (f->width != screen_columns())
		make_sheet(f);
	if (f->look.count == 0) {
		screen_put(row, 0, screen_columns(), STYLE_DIM, "clean");
		return;
	}
	screen_print(row, 0, screen_columns(), STYLE_DIM, "%s, %s, %s",
		     text_plural(r->errors, "error").s, text_plural(r->warnings, "warning").s,
		     text_plural(r->notes, "note").s);
	place(f, row + 2, rows - 2);
	draw_findings(f, row + 2, rows - 2);
}

static bool key(struct view *v, struct screen_key key)
{
	struct findings_view *f = (struct findings_view *)v;
	const struct finding *finding;

	if (key.code == SCREEN_CLICK || list_key(&f->list, &key))
		return true;
	if ((key.code != SCREEN_ENTER && key.code != SCREEN_RIGHT) || !f->look.count)
		return false;
	finding = &f->look.finding[f->list.at];
	if (finding->mm_id >= 0 && f->image->mm)
		v->b->open_memory(v->b, f->image, finding->mm_id);
	else
		browser_say(v->b, "it is about the image as a whole");
	return true;
}

static int find(struct view *v, const char *text, struct err *err)
{
	struct findings_view *f = (struct findings_view *)v;

	for (size_t n = f->list.at + 1; n < f->look.count; n++) {
		for (size_t line = f->first[n]; line < f->first[n + 1]; line++) {
			if (!sheet_has(&f->sheet, line, text))
				continue;
			f->list.at = n;
			return 0;
		}
	}
	return -ENOENT;
}

static void close_view(struct view *v)
{
	struct findings_view *f = (struct findings_view *)v;

	findings_free(&f->look);
	sheet_free(&f->sheet);
	free(f->first);
	subject_drop(f->image);
}

static const struct view_ops findings_ops = {.name = "findings",
					     .keys = keys,
					     .draw = draw,
					     .key = key,
					     .find = find,
					     .close = close_view};

static int look(struct browser *b, struct subject *image, struct findings *out, struct err *err)
{
	int rc;

	task_begin("checking", image->store->len);
	rc = findings_look(image->store, b->args->names, false, out, err);
	/* What was found in an image that could no longer be read is not true. */
	if (!task_end())
		return err_set(err, -ECANCELED, "stopped");
	/* What stops check half-way comes after what was found before. */
	if (rc < 0 && out->count > 0) {
		browser_fail(b, err);
		rc = 0;
	}
	return rc;
}

void view_findings_open(struct browser *b, struct subject *image)
{
	struct findings found = {NULL};
	struct findings_view *f;
	struct err err = {""};

	if (look(b, image, &found, &err) < 0) {
		findings_free(&found);
		browser_fail(b, &err);
		return;
	}
	f = view_new(b, &findings_ops, sizeof(*f), "findings");
	if (f)
		f->first = calloc(found.count + 1, sizeof(*f->first));
	if (!f || !f->first) {
		findings_free(&found);
		free(f);
		return;
	}
	f->image = subject_hold(image);
	f->look = found;
	view_push(&f->v);
}
