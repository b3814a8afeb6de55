/* SPDX-License-Identifier: MIT */
/*
 * Managed images for tests: made at random, looked into and bent without the code that is tested.
 * `img` is an image's first page, or all of it.
 */
#ifndef CANISTERFS_TESTS_IMAGES_H
#define CANISTERFS_TESTS_IMAGES_H

#include "memmgr/memmgr.h"
#include "tests/unit/stores.h"

/* ---- the fields of page 0 ---- */

static inline uint32_t image_buckets(const uint8_t *img)
{
	return get_le16(img + 4);
}

static inline void image_set_count(uint8_t *img, uint32_t buckets)
{
	put_le16(img + 4, (uint16_t)buckets);
}

static inline uint32_t image_bucket_pages(const uint8_t *img)
{
	return get_le16(img + 6);
}

static inline uint64_t image_pages(const uint8_t *img, unsigned mm_id)
{
	return get_le64(img + 40 + 8 * mm_id);
}

static inline void image_set_size(uint8_t *img, unsigned mm_id, uint64_t pages)
{
	put_le64(img + 40 + 8 * mm_id, pages);
}

static inline uint8_t *image_owner(uint8_t *img)
{
	return img + 2080;
}

static inline uint64_t image_bucket_off(const uint8_t *img, uint32_t index)
{
	return 65536 * (1 + (uint64_t)index * image_bucket_pages(img));
}

/* The index of the nth bucket of a memory, or -1. */
int image_nth_bucket(const uint8_t *img, unsigned mm_id, uint64_t nth);
uint32_t image_owned(const uint8_t *img, unsigned mm_id);
/* Where the slack of a memory begins; its length is *len, 0 when there is none. */
uint64_t image_slack(const uint8_t *img, unsigned mm_id, uint64_t *len);

/* All bytes of a memory, to be freed; fails the test where the image lacks some. */
uint8_t *image_memory(struct store *s, unsigned mm_id, uint64_t *len);

/* ---- whole images ---- */

struct image_plan {
	uint32_t bucket_pages;
	unsigned memories; /* their ids are ids[0] to ids[memories - 1] */
	unsigned ids[8];   /* the last one owns the last bucket, and has slack when a bucket can */
	bool holes;        /* some buckets, none of them the last, belong to nobody */
};

/* A plan of 3 to 6 memories with at least 2 buckets each. */
struct image_plan image_plan_random(struct rng *rng);
/* An image of that plan in a memory store: random growth, random bytes in most pages, zeros else.
 * Sound but for the holes. */
struct store *image_build(const struct image_plan *plan, struct rng *rng);

/* Every memory of `s` begins with what it held in `before`, and has the same size unless `longer`
 * is its id (-1: none). */
void assert_same_memories(struct store *before, struct store *s, int longer);

/* ---- checking ---- */

struct seen {
	unsigned count;
	struct mm_finding findings[256];
	struct mm_check_result result;
};
/* Runs mm_check and holds its counts against what it reported. */
void check_image(struct store *s, struct seen *seen);
/* Prints what was found and fails unless it is nothing. */
void assert_clean(struct store *s);
/* A finding of this kind; NULL: none. */
const struct mm_finding *seen_find(const struct seen *seen, const char *id);

#endif
