/* SPDX-License-Identifier: MIT */
/*
 * Blocks that two files of the host share, as after a reflink.
 */
#ifndef CANISTERFS_CHECKOUT_SHARED_H
#define CANISTERFS_CHECKOUT_SHARED_H

#include <linux/fiemap.h>

#include "memmgr/util.h"

enum { SHARED_EXTENTS = 256 };

/* One of the two files, and extents of it that the kernel has told. */
struct shared_side {
	int fd;
	uint32_t next; /* of the extents: where the last one was found */
	union {
		struct fiemap head;
		uint8_t room[sizeof(struct fiemap) + SHARED_EXTENTS * sizeof(struct fiemap_extent)];
	} map;
};
struct shared {
	struct shared_side a, b;
};

/* False: they lie on two file systems. */
bool shared_begin(struct shared *s, int a, int b);
/* True: what lies at a_off and b_off is surely the same. In *len, which is the most that is asked
 * for, how far this answer holds. Fast while the offsets ascend. */
bool shared_at(struct shared *s, uint64_t a_off, uint64_t b_off, uint64_t *len);

#endif
