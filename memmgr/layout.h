/* SPDX-License-Identifier: MIT */
/*
 * The first page of a managed image: who owns which bucket.
 *
 * The MemoryManager of ic-stable-structures (magic "MGR", version 1) splits one stable memory into
 * up to 255 virtual memories. The image is counted in pages of 64 KiB. Page 0 is the manager's;
 * behind it lie buckets of `bucket_pages` pages each, bucket i at page 1 + i * bucket_pages:
 *
 *       page 0                bucket 0          bucket 1          bucket 2
 *     +--------------------+-----------------+-----------------+-----------------+--
 *     | header | table |xxx|   memory 5      |   memory 0      |   memory 5      |
 *     +--------------------+-----------------+-----------------+-----------------+--
 *
 *     off   0   3  magic "MGR"                 off 2080  32768  owner of bucket i, one byte each;
 *           3   1  version, 1                                   255: nobody
 *           4   2  bucket count                  34848  30176  not the manager's; our intent
 *           6   2  bucket_pages                                record, see intent.h
 *           8  32  reserved, zero                65024    512  not the manager's; our image id,
 *          40 2040 pages of memory 0 to 254,                   see image_id.c
 *                  8 bytes each                                all little-endian
 *
 * The table stores ownership only. A memory's k-th bucket is the k-th smallest index it owns.
 * Source: upstream src/memory_manager.rs (Header, MemoryManagerInner::load and ::grow), 0.7.2.
 */
#ifndef CANISTERFS_LAYOUT_H
#define CANISTERFS_LAYOUT_H

#include "memmgr/memmgr.h"

enum {
	LAYOUT_MAGIC_LEN = 3,
	LAYOUT_VERSION_OFF = 3,
	LAYOUT_BUCKETS_OFF = 4,
	LAYOUT_BUCKET_PAGES_OFF = 6,
	LAYOUT_RESERVED_OFF = 8,
	LAYOUT_RESERVED_LEN = 32,
	LAYOUT_PAGES_OFF = 40,
	LAYOUT_OWNER_OFF = 2080,
	LAYOUT_LEN = LAYOUT_OWNER_OFF + MM_MAX_BUCKETS, /* 34848: all that upstream writes */
	LAYOUT_ID_OFF = MM_PAGE_LEN - MM_ID_SECTOR_LEN,
	LAYOUT_FREE = 255, /* owner byte of a bucket that nobody owns */
};

/* Page 0, decoded. `buckets` is the count of indices ever handed out: the next one to hand out. */
struct layout {
	uint32_t bucket_pages; /* 1 to 65535 */
	uint32_t buckets;      /* 0 to MM_MAX_BUCKETS */
	uint64_t pages[MM_MAX_MEMORIES];
	uint8_t owner[MM_MAX_BUCKETS];
};

/* What layout_decode found; the first that applies. */
enum layout_verdict {
	LAYOUT_OK,    /* holds; may still own surplus buckets, holes, or a short image: mm_check */
	LAYOUT_EMPTY, /* an image of no bytes */
	LAYOUT_RAW,   /* not a manager's, whatever its first bytes say */
	LAYOUT_NEWER, /* a manager's, of a version this code does not know */
	LAYOUT_DAMAGED, /* a manager's without doubt, but a field cannot be true */
};

/*
 * Judges the first min(image_len, LAYOUT_LEN) bytes of an image of image_len bytes. *out is filled
 * for LAYOUT_OK and LAYOUT_DAMAGED, with the fields as they are stored (damaged ones are outside
 * the ranges above). `why` says in one sentence why it is not LAYOUT_OK, or that it is.
 */
enum layout_verdict layout_decode(const uint8_t *page, uint64_t image_len, struct layout *out,
				  struct err *why);

/* Writes LAYOUT_LEN bytes. */
void layout_encode(const struct layout *lay, uint8_t *page);

/*
 * The first bucket from `from` on that has an owner, or MM_MAX_BUCKETS; and one more than the last
 * bucket below `end` that has an owner, or 0. `owner` is a table as in struct layout. Free buckets
 * come in long runs, which these pass quickly.
 */
uint32_t layout_next_owned(const uint8_t *owner, uint32_t from);
uint32_t layout_owned_end(const uint8_t *owner, uint32_t end);

/* Buckets a memory of `pages` pages needs. */
static inline uint64_t layout_need(const struct layout *lay, uint64_t pages)
{
	return div_up(pages, lay->bucket_pages);
}

static inline uint64_t layout_bucket_len(const struct layout *lay)
{
	return (uint64_t)lay->bucket_pages * MM_PAGE_LEN;
}

/* Where bucket `index` begins in the image; for index == buckets, where the last one ends. */
static inline uint64_t layout_bucket_off(const struct layout *lay, uint32_t index)
{
	return MM_PAGE_LEN + index * layout_bucket_len(lay);
}

#endif
