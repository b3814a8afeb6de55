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
	size_t slots;   /* a power of two */
	uint64_t *tag;  /* per slot: 1 + number of the block it holds, 0 for none */
	uint8_t *bytes; /* slots * BLOCK_LEN; touched only as far as it is used */
	uint64_t
		expect; /* the block behind the last one loaded: reading on, it pays to load more */
};

/* Takes no bytes yet; `store` stays the caller's. */
int MUST_CHECK blocks_open(struct store *store, struct blocks *b, struct err *err);
void blocks_close(struct blocks *b);

/* -EUCLEAN outside the store: only a damaged structure points there. */
int MUST_CHECK blocks_read(struct blocks *b, void *buf, size_t len, uint64_t off, struct err *err);
/* Writes through to the store, growing it by whole pages first where it is too short. */
int MUST_CHECK blocks_write(struct blocks *b, const void *buf, size_t len, uint64_t off,
			    struct err *err);

#endif
