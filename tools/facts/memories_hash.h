/* SPDX-License-Identifier: MIT */
/*
 * One number for what all memories of an image hold, whatever its layout: the bucket size, the
 * order of buckets, holes, slack and tail do not matter.
 *
 *     SHA-256 of, one behind the other:
 *         "canisterfs memories 1"
 *         for each memory with pages, by ascending id:
 *             "M", its id (1 byte), its pages (8 bytes, little-endian)
 *             for each page of it that is not all zero, ascending:
 *                 "P", the page's index (8 bytes, little-endian), its 65,536 bytes
 */
#ifndef CANISTERFS_MEMORIES_HASH_H
#define CANISTERFS_MEMORIES_HASH_H

#include "memmgr/memmgr.h"

enum { MEMORIES_HASH_LEN = 32, MEMORIES_HASH_TEXT_LEN = 2 * MEMORIES_HASH_LEN + 1 };

struct memories_hash {
	uint8_t bytes[MEMORIES_HASH_LEN];
	char text[MEMORIES_HASH_TEXT_LEN]; /* the same in hexadecimal */
};

/* `doing` is shown as progress: "hashing". */
int MUST_CHECK memories_hash(struct mm *mm, const char *doing, struct memories_hash *out,
			     struct err *err);
bool memories_hash_same(const struct memories_hash *a, const struct memories_hash *b);

#endif
