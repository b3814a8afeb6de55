// SPDX-License-Identifier: MIT
/*
 * Looks at images for a page. Reads only.
 */
#include "tools/image/image_open.h"
#include "tools/records/records_choice.h"
#include "tools/report/report.h"

int report_open(struct report *r, const char *path, struct err *err)
{
	struct report_image *image = &r->image[r->images];
	int rc;

	image->path = path;
	rc = image_open_store(path, false, &image->store, err);
	if (rc)
		return rc;
	r->images++;
	rc = mm_probe(image->store, &image->kind, &image->why);
	if (rc)
		return err_set(err, rc, "%s", image->why.text);
	if (image->kind != MM_MANAGED)
		return 0;
	/* Of an image that is too damaged to have memories, check can still tell. */
	rc = mm_open(image->store, &image->mm, &image->why);
	if (rc == -EUCLEAN || rc == -ENOTSUP)
		return 0;
	if (rc)
		return err_set(err, rc, "%s", image->why.text);
	image->sums.image_len = image->store->len;
	rc = waste_of(image->mm, &image->sums, &image->why);
	image->has_sums = rc == 0;
	return rc == -ENOMEM ? err_set(err, rc, "%s", image->why.text) : 0;
}

static void take_finding(void *ctx, const struct mm_finding *f)
{
	struct report *r = ctx;

	if (r->findings < REPORT_FINDINGS)
		r->finding[r->findings++] = *f;
}

static void take_measured(void *ctx, int mm_id, const struct ss_facts *facts,
			  const struct ss_usage *usage)
{
	struct report *r = ctx;

	for (size_t i = 0; i < r->memories; i++) {
		if (r->memory[i].id != mm_id)
			continue;
		r->memory[i].measured = true;
		r->memory[i].facts = *facts;
		r->memory[i].usage = *usage;
	}
}

static int look_inside(struct report *r, struct err *err)
{
	const struct report_image *image = report_last(r);
	int rc;

	if (r->shallow)
		return 0;
	rc = ss_survey(image->mm, image->store, records_name_options, (void *)r->names,
		       take_finding, take_measured, r, &r->result, &r->inside);
	/* Of an image that lacks its end, much can be told all the same. */
	if (rc && rc != -ENOMEM && image->mm && !image->has_sums)
		return 0;
	if (rc)
		return err_set(err, rc, "%s", r->inside.text);
	return 0;
}

static int look_at_raw(struct report *r, struct err *err)
{
	const struct report_image *image = report_last(r);
	struct report_memory *m = &r->memory[0];
	struct ss_content content;

	*m = (struct report_memory){.id = -1, .len = image->store->len};
	r->memories = 1;
	content_of_raw(image->store, &m->content);
	if (ss_recognise(image->store, &content, NULL) != 0 || !ss_kind_has_records(content.kind))
		return 0;
	return look_inside(r, err);
}

static int look_at_managed(struct report *r, struct err *err)
{
	const struct report_image *image = report_last(r);
	int rc = mm_check(image->store, take_finding, r, &r->result, err);

	if (!rc && image->mm)
		rc = tiles_load(image->mm, &r->tiles, err);
	if (rc || !image->mm)
		return rc;
	tiles_colour(&r->tiles, HTML_COLOURS, r->colour);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		const struct mm_memory *facts = &r->tiles.memory[id];
		struct report_memory *m = &r->memory[r->memories];

		if (facts->pages == 0 && facts->buckets == 0)
			continue;
		*m = (struct report_memory){
			.id = (int)id,
			.name = names_of(r->names, id),
			.len = facts->pages * MM_PAGE_LEN,
			.slack_len = facts->slack_len,
			.buckets = facts->buckets,
		};
		content_of_memory(image->mm, id, &m->content);
		r->memories++;
	}
	return look_inside(r, err);
}

int report_look(struct report *r, struct err *err)
{
	switch (report_last(r)->kind) {
	case MM_MANAGED:
		return look_at_managed(r, err);
	case MM_RAW:
		return look_at_raw(r, err);
	case MM_EMPTY:
		break;
	}
	return 0;
}

void report_free(struct report *r)
{
	tiles_free(&r->tiles);
	for (size_t i = 0; i < r->images; i++) {
		waste_row_free(&r->image[i].sums);
		mm_drop(r->image[i].mm);
		store_close(r->image[i].store);
	}
	free(r);
}
