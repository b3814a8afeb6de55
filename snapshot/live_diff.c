// SPDX-License-Identifier: MIT
/*
 * Which pages of which memory differ between a snapshot and a newer one, or now. Pages that stand
 * in the same place, where nothing was written since, need no look. Takes no lock of its own.
 */
#include "snapshot/live.h"

int live_pages_init(struct live_pages *d, struct err *err)
{
	d->buf = malloc(2 * (size_t)MM_PAGE_LEN);
	return d->buf ? 0 : err_set(err, -ENOMEM, "no memory to compare with");
}

void live_pages_end(struct live_pages *d)
{
	free(d->buf);
}

/* Both have the page. */
static int page_differs(struct live_pages *d, unsigned id, uint64_t page, bool *differs,
			struct err *err)
{
	uint64_t off = page * MM_PAGE_LEN;
	struct mm_extent x, y;
	bool here;
	int rc;

	mm_pin(d->b);
	here = mm_extent_at(d->b, id, off, MM_PAGE_LEN, &y) == 0;
	mm_unpin(d->b);
	here = here && mm_extent_at(d->a, id, off, MM_PAGE_LEN, &x) == 0;
	if (here && x.image_off == y.image_off) {
		rc = d->changed(d, x.image_off, differs, err);
		if (rc || !*differs)
			return rc;
	}
	rc = mm_read(d->a, id, d->buf, MM_PAGE_LEN, off, err);
	if (!rc)
		rc = mm_read(d->b, id, d->buf + MM_PAGE_LEN, MM_PAGE_LEN, off, err);
	*differs = !rc && memcmp(d->buf, d->buf + MM_PAGE_LEN, MM_PAGE_LEN) != 0;
	return rc;
}

int live_pages_each(struct live_pages *d, unsigned id, live_page_fn *found, void *ctx,
		    struct err *err)
{
	struct mm_memory a, b;
	uint64_t both;
	int rc = 0;

	mm_memory(d->a, id, &a);
	mm_memory(d->b, id, &b);
	both = MIN(a.pages, b.pages);
	for (uint64_t page = 0; !rc && page < both; page++) {
		bool differs;

		rc = page_differs(d, id, page, &differs, err);
		if (!rc && differs)
			rc = found(ctx, page, d->buf, err);
	}
	return rc;
}

/* ---- for those who ask from outside ---- */

struct named {
	struct live_pages pages;
	struct snap_live *live;
	const char *older, *newer;
};

static int changed_between(struct live_pages *d, uint64_t off, bool *changed, struct err *err)
{
	struct named *n = (struct named *)d;

	return snap_live_changed(n->live, n->older, n->newer, off, changed, err);
}

static int count_page(void *ctx, uint64_t page, const uint8_t *bytes, struct err *err)
{
	++*(uint64_t *)ctx;
	return 0;
}

enum { ENOUGH = 1 };

static int end_at_page(void *ctx, uint64_t page, const uint8_t *bytes, struct err *err)
{
	*(uint64_t *)ctx = 1;
	return ENOUGH;
}

static int count_memory(struct live_pages *d, unsigned id, bool whether, uint64_t *pages,
			struct err *err)
{
	struct mm_memory a, b;
	int rc;

	mm_memory(d->a, id, &a);
	mm_memory(d->b, id, &b);
	*pages = MAX(a.pages, b.pages) - MIN(a.pages, b.pages);
	if (!whether)
		return live_pages_each(d, id, count_page, pages, err);
	*pages = MIN(*pages, 1);
	rc = *pages ? 0 : live_pages_each(d, id, end_at_page, pages, err);
	return rc == ENOUGH ? 0 : rc;
}

int snap_live_diff(struct snap_live *live, const char *older, struct mm *a, const char *newer,
		   struct mm *b, bool whether, uint64_t *pages, struct err *err)
{
	struct named n = {{a, b, changed_between, NULL}, live, older, newer};
	int rc = live_pages_init(&n.pages, err);

	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++)
		rc = count_memory(&n.pages, id, whether, &pages[id], err);
	live_pages_end(&n.pages);
	return rc;
}
