/* SPDX-License-Identifier: MIT */
/*
 * The buckets of an image for whoever draws them: the owner of each bucket, how much of the bucket
 * the owner uses, and several buckets as one tile.
 */
#ifndef CANISTERFS_TILES_H
#define CANISTERFS_TILES_H

#include "memmgr/memmgr.h"

enum {
	TILES_OWNERS = 256, /* ids and, last, nobody */
	TILES_NOBODY = 255,
};

struct tiles_bucket {
	uint8_t owner;
	uint32_t used_pages;
};

struct tiles {
	struct mm_stat st;
	struct tiles_bucket *bucket; /* st.buckets of them */
	struct mm_memory memory[TILES_OWNERS];
	uint32_t buckets[TILES_OWNERS]; /* that the owner has */
	unsigned owners;                /* memories with buckets */
};

/* For tiles_free, also after a failure. */
int MUST_CHECK tiles_load(struct mm *mm, struct tiles *out, struct err *err);
void tiles_free(struct tiles *t);
#define auto_tiles __attribute__((cleanup(tiles_free)))

/* What a tile shows: of several buckets the owner of most. */
struct tile {
	uint8_t owner;
	double used; /* 0 to 1, of what that owner has there */
};
/* The buckets from `first` on, at most `count` and at least one. */
struct tile tiles_at(const struct tiles *t, uint32_t first, uint32_t count);

/*
 * A colour below `colours`, at most TILES_OWNERS, for each memory with buckets. As many memories as
 * there are colours have one of their own, those with most buckets. Any other memory gets the
 * colour that is least often beside its buckets.
 */
void tiles_colour(const struct tiles *t, unsigned colours, uint8_t colour[TILES_OWNERS]);

#endif
