// SPDX-License-Identifier: MIT
/*
 * Owns the blocks and which key each belongs to. Never reads or writes what it caches. Guarded by
 * its own lock, which the callers take, so that a look-up and a change of the block are one step.
 */
#include "snapshot/qcow2/cache.h"

static const uint64_t no_key = UINT64_MAX;

int cache_init(struct cache *c, size_t slots, size_t block_len)
{
	*c = (struct cache){.slots = slots, .block_len = block_len};
	pthread_mutex_init(&c->lock, NULL);
	c->key = malloc(slots * sizeof(*c->key));
	c->block = calloc(slots, sizeof(*c->block));
	if (!c->key || !c->block) {
		cache_free(c);
		return -ENOMEM;
	}
	for (size_t i = 0; i < slots; i++)
		c->key[i] = no_key;
	return 0;
}

void cache_free(struct cache *c)
{
	if (c->slots == 0)
		return;
	for (size_t i = 0; c->block && i < c->slots; i++)
		free(c->block[i]);
	free(c->key);
	free(c->block);
	pthread_mutex_destroy(&c->lock);
	*c = (struct cache){0};
}

void cache_lock(struct cache *c)
{
	pthread_mutex_lock(&c->lock);
}

void cache_unlock(struct cache *c)
{
	pthread_mutex_unlock(&c->lock);
}

/* Keys are numbers of clusters or offsets with many zero bits at their end: spread them. */
static size_t slot_of(const struct cache *c, uint64_t key)
{
	return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) % c->slots;
}

uint8_t *cache_find(struct cache *c, uint64_t key)
{
	size_t slot = slot_of(c, key);

	return c->key[slot] == key ? c->block[slot] : NULL;
}

uint8_t *cache_put(struct cache *c, uint64_t key)
{
	size_t slot = slot_of(c, key);

	if (!c->block[slot])
		c->block[slot] = malloc(c->block_len);
	if (c->block[slot])
		c->key[slot] = key;
	return c->block[slot];
}

void cache_drop(struct cache *c, uint64_t key)
{
	size_t slot = slot_of(c, key);

	if (c->key[slot] == key)
		c->key[slot] = no_key;
}
