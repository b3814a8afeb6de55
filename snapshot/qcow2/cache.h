/* SPDX-License-Identifier: MIT */
/*
 * A bounded cache of blocks of one length. Each key has one place, which the next key that falls
 * there takes over: no lists, nothing to tune, and a hit costs a few nanoseconds. Its lock is held
 * between cache_lock and cache_unlock; block pointers are good only in between.
 */
#ifndef CANISTERFS_CACHE_H
#define CANISTERFS_CACHE_H

#include <pthread.h>

#include "memmgr/util.h"

struct cache {
	pthread_mutex_t lock;
	size_t slots;
	size_t block_len;
	uint64_t *key;
	uint8_t **block; /* NULL where none was put yet */
};

/* Takes up no memory to speak of until blocks are put in. */
int MUST_CHECK cache_init(struct cache *c, size_t slots, size_t block_len);
/* Accepts a zeroed struct. */
void cache_free(struct cache *c);

void cache_lock(struct cache *c);
void cache_unlock(struct cache *c);
/* The block of this key, or NULL. */
uint8_t *cache_find(struct cache *c, uint64_t key);
/* A place for this key's block, to be filled before the lock is given up; NULL without memory. */
uint8_t *cache_put(struct cache *c, uint64_t key);
/* Forgets one key. */
void cache_drop(struct cache *c, uint64_t key);

#endif
