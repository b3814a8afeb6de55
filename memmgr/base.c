// SPDX-License-Identifier: MIT
/*
 * Finds the manager of an image that does not begin with one: programs keep a header or a cell in
 * the first pages and give the MemoryManager the rest. Reads only.
 */
#include "memmgr/image.h"

static const uint8_t magic[4] = {'M', 'G', 'R', 1};

/* The end of the manager's buckets in *end, where a whole and sound manager begins at `off`. */
static bool is_manager_at(struct store *s, uint64_t off, uint64_t *end)
{
	auto_store struct store *window = NULL;
	auto_mm struct mm *mm = NULL;
	uint8_t head[sizeof(magic)];
	uint64_t len;

	if (store_read(s, head, sizeof(head), off, NULL) || memcmp(head, magic, sizeof(magic)) != 0)
		return false;
	if (window_look(s, off, s->len - off, &window, NULL) || mm_open(window, &mm, NULL) ||
	    image_check_complete(mm, NULL))
		return false;
	len = layout_bucket_off(&mm->lay, mm->lay.buckets);
	*end = off + len;
	return len <= window->len;
}

int mm_find_base(struct store *s, struct mm_base *out, struct err *err)
{
	const uint64_t limit =
		MIN((uint64_t)MM_BASE_SEARCH_PAGES * MM_PAGE_LEN, s->len & ~(MM_PAGE_LEN - 1ull));
	uint64_t off = MM_PAGE_LEN, start, end, next;

	*out = (struct mm_base){0};
	while (off < limit && out->found < ARRAY_LEN(out->page)) {
		int rc = store_next_data(s, off, &start, &end, err);

		if (rc)
			return rc;
		off = div_up(start, MM_PAGE_LEN) * MM_PAGE_LEN;
		for (; off < MIN(end, limit) && out->found < ARRAY_LEN(out->page); off = next) {
			next = off + MM_PAGE_LEN;
			if (is_manager_at(s, off, &next))
				out->page[out->found++] = off / MM_PAGE_LEN;
		}
	}
	return 0;
}
