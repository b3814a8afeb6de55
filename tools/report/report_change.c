// SPDX-License-Identifier: MIT
/*
 * Which pages of 4 KiB changed from each image to the next, memory by memory. Reads again only the
 * pages of 64 KiB that differ. What changed is added to cells, of which a memory has a bounded
 * number, however large it is.
 */
#include "tools/report/report.h"

enum { RAW_ROW = 255, UNITS_PER_PAGE = MM_PAGE_LEN / REPORT_UNIT_LEN };

struct step {
	struct report_change *change;
	struct snap_side side[2];
	uint64_t len[2];
	size_t at; /* from image `at` to the next one */
	uint8_t *page[2];
	int rc; /* of the first failure */
	struct err *err;
};

/* What lies behind the end is zero. */
static int read_page(const struct snap_side *side, uint64_t side_len, uint64_t off, uint8_t *page,
		     struct err *err)
{
	size_t len = off < side_len ? (size_t)MIN(side_len - off, (uint64_t)MM_PAGE_LEN) : 0;

	memset(page + len, 0, MM_PAGE_LEN - len);
	if (len == 0)
		return 0;
	return side->mm ? mm_read(side->mm, side->mm_id, page, len, off, err)
			: store_read(side->store, page, len, off, err);
}

static void take_page(void *ctx, uint64_t page, uint64_t first_off)
{
	struct step *s = ctx;

	for (int i = 0; i < 2 && !s->rc; i++)
		s->rc = read_page(&s->side[i], s->len[i], page * MM_PAGE_LEN, s->page[i], s->err);
	for (unsigned u = 0; u < UNITS_PER_PAGE && !s->rc; u++) {
		size_t off = (size_t)u * REPORT_UNIT_LEN;
		uint64_t cell = (page * UNITS_PER_PAGE + u) / s->change->cell_units;

		if (memcmp(s->page[0] + off, s->page[1] + off, REPORT_UNIT_LEN) == 0)
			continue;
		s->change->heat[MIN(cell, s->change->cells - 1)]++;
		s->change->step[s->at]++;
		s->change->total++;
	}
}

/* Bytes of a memory, or of an image without memories. */
static uint64_t len_of(const struct report_image *image, unsigned row)
{
	struct mm_memory m;

	if (row == RAW_ROW)
		return image->mm ? 0 : image->store->len;
	if (!image->mm)
		return 0;
	mm_memory(image->mm, row, &m);
	return m.pages * MM_PAGE_LEN;
}

static void measure(struct report *r, unsigned row)
{
	struct report_change *c = &r->change[row];

	for (size_t i = 0; i < r->images; i++) {
		c->before[i] = div_up(len_of(&r->image[i], row), REPORT_UNIT_LEN);
		c->units = MAX(c->units, c->before[i]);
	}
	c->cell_units = MAX(div_up(c->units, REPORT_CELLS), (uint64_t)1);
	c->cells = (uint32_t)div_up(c->units, c->cell_units);
}

static int compare_row(struct report *r, size_t at, unsigned row, uint8_t *page,
		       const struct snap_work *how, struct err *err)
{
	struct step s = {
		.change = &r->change[row],
		.at = at,
		.page = {page, page + MM_PAGE_LEN},
		.err = err,
	};
	struct snap_difference out;
	int rc;

	if (s.change->before[at] + s.change->before[at + 1] == 0)
		return 0;
	for (int i = 0; i < 2; i++) {
		const struct report_image *image = &r->image[at + (size_t)i];

		s.len[i] = len_of(image, row);
		s.side[i] = (struct snap_side){image->store, image->mm, image->mm ? row : 0};
	}
	rc = snap_compare(&s.side[0], &s.side[1], how, take_page, &s, &out, err);
	return rc ? rc : s.rc;
}

static int compare_step(struct report *r, size_t at, uint8_t *page, const struct snap_work *how,
			struct err *err)
{
	const struct report_image *a = &r->image[at], *b = &r->image[at + 1];
	int rc = 0;

	r->compared[at] = !a->mm == !b->mm;
	if (!r->compared[at])
		return 0;
	if (!a->mm)
		return compare_row(r, at, RAW_ROW, page, how, err);
	for (unsigned id = 0; id < MM_MAX_MEMORIES && !rc; id++)
		rc = compare_row(r, at, id, page, how, err);
	return rc;
}

int report_compare(struct report *r, const struct snap_work *how, const char **path,
		   struct err *err)
{
	auto_free uint8_t *page = malloc(2 * (size_t)MM_PAGE_LEN);
	int rc = page ? 0 : err_set(err, -ENOMEM, "out of memory");

	for (unsigned row = 0; row < REPORT_ROWS; row++)
		measure(r, row);
	for (size_t i = 0; i + 1 < r->images && !rc; i++) {
		*path = r->image[i + 1].path;
		rc = compare_step(r, i, page, how, err);
	}
	return rc;
}
