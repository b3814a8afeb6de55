/* SPDX-License-Identifier: MIT */
/*
 * What mm_check and mm_repair have to agree on: what page 0 should say, and where bytes lie that
 * should be zero. Decides; never writes. Needs no lock: both work on an image that nobody else has
 * open.
 */
#ifndef CANISTERFS_MEND_H
#define CANISTERFS_MEND_H

#include "memmgr/bucket.h"

/* Pages of a memory with these buckets that lie inside the image. The rest are its last, since its
 * buckets ascend. */
uint64_t mend_held_pages(const struct layout *lay, const struct bucket_list *list,
			 uint64_t image_len);

/* The most pages a memory can have. */
static inline uint64_t mend_cap_pages(const struct layout *lay)
{
	return (uint64_t)lay->bucket_pages * MM_MAX_BUCKETS;
}

/*
 * The layout that an image should have whose page 0 says `lay`; `b` holds the lists of lay->owner.
 *
 *  - A size that no memory can have is as large as what the memory's buckets hold.
 *  - A bucket behind the last one that its owner's size needs belongs to nobody.
 *  - The count reaches to the last owned bucket; where it is impossible, no further.
 *
 * False: the image has an error for which no answer follows from what is there: a bucket size of
 * 0, a memory without a bucket or without bytes that its size needs. A bucket that looks free may
 * be the missing one then, so that nothing at all may be written.
 */
bool mend_layout(const struct layout *lay, const struct buckets *b, uint64_t image_len,
		 struct layout *mended);

/* Highest owned index + 1, whatever the count says. */
uint32_t mend_owned_end(const struct layout *lay);

/* Where the slack of a memory, the part of its last needed bucket behind its last page, lies in
 * the image; empty when the memory needs no bucket. */
void mend_slack(const struct layout *lay, const struct bucket_list *list, uint64_t pages,
		uint64_t *off, uint64_t *end);

/* The first byte in [off, end) that is not zero, or `end`; `end` may lie behind the store's. `buf`
 * has MM_PAGE_LEN bytes to read into: the caller's, since a check looks into hundreds of ranges.
 */
int MUST_CHECK mend_find_nonzero(struct store *s, uint8_t *buf, uint64_t off, uint64_t end,
				 uint64_t *at, struct err *err);

#endif
