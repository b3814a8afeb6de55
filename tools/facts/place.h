/* SPDX-License-Identifier: MIT */
/*
 * What a byte of an image is: some memory's, or left over where.
 */
#ifndef CANISTERFS_PLACE_H
#define CANISTERFS_PLACE_H

#include "memmgr/memmgr.h"

enum place_kind {
	PLACE_RAW,    /* the image has no manager */
	PLACE_FRONT,  /* before the manager's page */
	PLACE_PAGE_0, /* the manager's page, or behind its table */
	PLACE_MEMORY,
	PLACE_SLACK, /* in a memory's bucket, behind its last page */
	PLACE_HOLE,  /* in a bucket that nobody owns */
	PLACE_TAIL,  /* behind the last bucket */
	PLACE_KINDS,
};
/* "memory", "slack", ... */
extern const char *const place_names[PLACE_KINDS];

struct place {
	enum place_kind kind;
	int mm_id;    /* of a memory and its slack; else -1 */
	uint64_t off; /* in the memory; else in the image */
	int bucket;   /* or -1 */
	uint64_t len; /* how far all this holds, at least 1 */
};

struct places;
/* NULL: a raw image. The whole image has `image_len` bytes, whatever mm was opened on. The layout
 * must not change while it is used. */
int MUST_CHECK places_new(struct mm *mm, uint64_t image_len, struct places **out, struct err *err);
/* Accepts NULL. */
void places_free(struct places *p);
void cleanup_places(struct places **p);
#define auto_places __attribute__((cleanup(cleanup_places)))

struct place place_at(const struct places *p, uint64_t image_off);

#endif
