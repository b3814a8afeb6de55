// SPDX-License-Identifier: MIT
/* Owns the decisions of mend.h. Pure but for the scan, which only reads. */
#include "memmgr/mend.h"

uint64_t mend_held_pages(const struct layout *lay, const struct bucket_list *list,
			 uint64_t image_len)
{
	uint64_t pages = 0;

	for (uint32_t k = 0; k < list->count; k++) {
		uint64_t off = layout_bucket_off(lay, list->index[k]);
		uint64_t held = off < image_len ? (image_len - off) / MM_PAGE_LEN : 0;

		pages += MIN(held, lay->bucket_pages);
	}
	return pages;
}

uint32_t mend_owned_end(const struct layout *lay)
{
	return layout_owned_end(lay->owner, MM_MAX_BUCKETS);
}

bool mend_layout(const struct layout *lay, const struct buckets *b, uint64_t image_len,
		 struct layout *mended)
{
	uint32_t end;

	*mended = *lay;
	if (lay->bucket_pages == 0)
		return false;
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		const struct bucket_list *list = &b->of[id];
		uint64_t need;

		if (lay->pages[id] > mend_cap_pages(lay))
			mended->pages[id] = (uint64_t)list->count * lay->bucket_pages;
		if (mend_held_pages(lay, list, image_len) < mended->pages[id])
			return false;
		need = layout_need(lay, mended->pages[id]);
		for (uint32_t k = (uint32_t)need; k < list->count; k++)
			mended->owner[list->index[k]] = LAYOUT_FREE;
	}
	end = mend_owned_end(mended);
	if (lay->buckets > MM_MAX_BUCKETS || lay->buckets < end)
		mended->buckets = end;
	return true;
}

void mend_slack(const struct layout *lay, const struct bucket_list *list, uint64_t pages,
		uint64_t *off, uint64_t *end)
{
	uint64_t need = layout_need(lay, pages);

	*off = *end = 0;
	if (need == 0 || need > list->count)
		return;
	*off = layout_bucket_off(lay, list->index[need - 1]);
	*end = *off + layout_bucket_len(lay);
	*off += (pages - (need - 1) * lay->bucket_pages) * MM_PAGE_LEN;
}

int mend_find_nonzero(struct store *s, uint8_t *buf, uint64_t off, uint64_t end, uint64_t *at,
		      struct err *err)
{
	uint64_t last = MIN(end, s->len);

	*at = end;
	while (off < last) {
		uint64_t start, stop;
		size_t len;
		int rc = store_next_data(s, off, &start, &stop, err);

		if (rc || start >= last)
			return rc;
		len = MIN(MIN(stop, last) - start, (uint64_t)MM_PAGE_LEN);
		rc = store_read(s, buf, len, start, err);
		if (rc)
			return rc;
		off = start + len;
		if (is_zero(buf, len))
			continue;
		for (*at = start; buf[*at - start] == 0;)
			++*at;
		return 0;
	}
	return 0;
}
