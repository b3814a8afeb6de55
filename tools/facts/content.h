/* SPDX-License-Identifier: MIT */
/*
 * What a memory, or a raw image, holds, as far as its bytes prove.
 */
#ifndef CANISTERFS_CONTENT_H
#define CANISTERFS_CONTENT_H

#include "memmgr/memmgr.h"

struct content {
	const char *kind; /* a stable name: "btree", "cbor-prefixed", "unknown", ... */
	char text[256];   /* the same in words */
};

/* A failure to look is an answer too: "unknown", and why. */
void content_of_memory(struct mm *mm, unsigned mm_id, struct content *out);
void content_of_raw(struct store *s, struct content *out);

#endif
