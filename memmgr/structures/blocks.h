/* SPDX-License-Identifier: MIT */
/*
 * A store read through a small cache of blocks. The structures read a few hundred bytes at a time
 * from all over a memory; without the cache each would be a system call.
 */
#ifndef CANISTERFS_STRUCTURES_BLOCKS_H
#define CANISTERFS_STRUCTURES_BLOCKS_H

#include "memmgr/store.h"

struct blocks {
	struct store *store;
	/* A power of two: more as the store grows. */
	size_t slots;
	/* For each slot: 1 + the number of the block it holds, 0 for none. */
	uint64_t *tag;
	/* All slots; touched only as far as they are used. */
	uint8_t *bytes;
	/* The block behind the last one loaded: who reads on will want more than one. */
	uint64_t expect;
	/* There is a slot for every block of the store. */
	bool whole;
	/* So far, up to the number that tells a walk over everything from a look-up. */
	unsigned misses;
};

/* Takes no bytes yet; `store` stays the caller's. */
int MUST_CHECK blocks_open(struct store *store, struct blocks *b, struct err *err);
void blocks_close(struct blocks *b);

/* -EUCLEAN outside the store: only a damaged structure points there. */
int MUST_CHECK blocks_read(struct blocks *b, void *buf, size_t len, uint64_t off, struct err *err);
/*
 * The same where they lie, without copying; NULL: not here, not in one piece, or not for long
 * enough. They stay until the next blocks_write that grows the store, or blocks_close.
 */
const uint8_t *blocks_peek(struct blocks *b, size_t len, uint64_t off);
/* A hint that these bytes will be wanted soon. */
void blocks_prefetch(const struct blocks *b, size_t len, uint64_t off);
/* Writes through to the store, growing it by whole pages first where it is too short. */
int MUST_CHECK blocks_write(struct blocks *b, const void *buf, size_t len, uint64_t off,
			    struct err *err);

/* Makes room for `want` bytes; what was there is lost. A hostile length has been held against the
 * bytes that exist before it comes here. */
int MUST_CHECK ss_reserve(uint8_t **buf, size_t *cap, size_t want, struct err *err);

#endif
