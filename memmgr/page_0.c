// SPDX-License-Identifier: MIT
/*
 * Facts about the first page of a store, whether a manager is there or not. Reads only.
 */
#include "memmgr/layout.h"

uint32_t mm_layout_sum(struct store *s)
{
	auto_free uint8_t *page = malloc(LAYOUT_LEN);

	if (!page || store_read(s, page, MIN((uint64_t)LAYOUT_LEN, s->len), 0, NULL) != 0)
		return 0;
	return crc32_of(0, page, (size_t)MIN((uint64_t)LAYOUT_LEN, s->len));
}

/* Below the last owner there are no free entries, behind it nothing else: chance does not make
 * that. */
uint32_t mm_table_left(struct store *s)
{
	auto_free uint8_t *table = malloc(MM_MAX_BUCKETS);
	uint32_t end = MM_MAX_BUCKETS;

	if (!table || s->len < LAYOUT_LEN ||
	    store_read(s, table, MM_MAX_BUCKETS, LAYOUT_OWNER_OFF, NULL) != 0)
		return 0;
	while (end > 0 && table[end - 1] == LAYOUT_FREE)
		end--;
	if (end == MM_MAX_BUCKETS || memchr(table, LAYOUT_FREE, end))
		return 0;
	return end;
}

bool mm_head_is_cut(struct store *s)
{
	uint8_t head[LAYOUT_RESERVED_OFF + LAYOUT_RESERVED_LEN];

	return s->len >= sizeof(head) && s->len < LAYOUT_LEN &&
	       store_read(s, head, sizeof(head), 0, NULL) == 0 &&
	       memcmp(head, "MGR\1", LAYOUT_MAGIC_LEN + 1) == 0 &&
	       get_le16(head + LAYOUT_BUCKETS_OFF) <= MM_MAX_BUCKETS &&
	       get_le16(head + LAYOUT_BUCKET_PAGES_OFF) > 0 &&
	       is_zero(head + LAYOUT_RESERVED_OFF, LAYOUT_RESERVED_LEN);
}

int mm_stale_in_page_0(struct store *s, uint64_t *count, struct err *err)
{
	auto_free uint8_t *rest = malloc(MM_PAGE_LEN - LAYOUT_LEN);
	int rc;

	*count = 0;
	if (!rest)
		return err_set(err, -ENOMEM, "out of memory");
	rc = store_read(s, rest, MM_PAGE_LEN - LAYOUT_LEN, LAYOUT_LEN, err);
	for (size_t i = 0; !rc && i < MM_PAGE_LEN - LAYOUT_LEN; i++)
		*count += rest[i] != 0;
	return rc;
}
