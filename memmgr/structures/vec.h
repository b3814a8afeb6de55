/* SPDX-License-Identifier: MIT */
/* The vector and the min-heap, as vec.c and their check see them. Private to this folder. */
#ifndef CANISTERFS_STRUCTURES_VEC_H
#define CANISTERFS_STRUCTURES_VEC_H

#include "memmgr/structures/ss.h"

enum {
	VEC_HEADER_LEN = 64,
	VEC_COUNT_OFF = 4,
};

struct vec_header {
	bool heap;
	uint64_t count;
	uint32_t max_len;
	bool fixed;
	unsigned prefix_len; /* of an entry's length: 0, 1, 2 or 4 */
	uint64_t slot_len;
};

struct vec {
	struct ss ss;
	struct vec_header h;
};

static inline struct vec *vec_of(struct ss *ss)
{
	return (struct vec *)ss;
}

/* -EINVAL: no vector at all; -EUCLEAN, -ENOTSUP: begins like one. */
int MUST_CHECK vec_header_read(struct blocks *b, struct vec_header *h, struct err *err);

#endif
