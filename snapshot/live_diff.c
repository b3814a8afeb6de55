// SPDX-License-Identifier: MIT
/*
 * Which pages of which memory differ between a snapshot and a newer one, or now. Pages that stand
 * in the same place, where nothing was written since, need no look. Takes no lock of its own.
 */
#include "snapshot/snapshot.h"

struct sides {
	struct snap_live *live;
	const char *older, *newer;
	struct mm *a, *b;
	uint8_t *buf; /* two pages */
};

/* Both have the page. */
static int page_differs(struct sides *d, unsigned id, uint64_t page, bool *differs, struct err *err)
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
		rc = snap_live_changed(d->live, d->older, d->newer, x.image_off, differs, err);
		if (rc || !*differs)
			return rc;
	}
	rc = mm_read(d->a, id, d->buf, MM_PAGE_LEN, off, err);
	if (!rc)
		rc = mm_read(d->b, id, d->buf + MM_PAGE_LEN, MM_PAGE_LEN, off, err);
	*differs = !rc && memcmp(d->buf, d->buf + MM_PAGE_LEN, MM_PAGE_LEN) != 0;
	return rc;
}

static int count_memory(struct sides *d, unsigned id, uint64_t *pages, struct err *err)
{
	struct mm_memory a, b;
	uint64_t both;

	mm_memory(d->a, id, &a);
	mm_memory(d->b, id, &b);
	both = MIN(a.pages, b.pages);
	*pages = MAX(a.pages, b.pages) - both;
	for (uint64_t page = 0; page < both; page++) {
		bool differs;
		int rc = page_differs(d, id, page, &differs, err);

		if (rc)
			return rc;
		*pages += differs;
	}
	return 0;
}

int snap_live_diff(struct snap_live *live, const char *older, struct mm *a, const char *newer,
		   struct mm *b, uint64_t *pages, struct err *err)
{
	auto_free uint8_t *buf = malloc(2 * (size_t)MM_PAGE_LEN);
	struct sides d = {live, older, newer, a, b, buf};
	int rc = buf ? 0 : err_set(err, -ENOMEM, "no memory to compare with");

	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++)
		rc = count_memory(&d, id, &pages[id], err);
	return rc;
}
