/* SPDX-License-Identifier: MIT */
/* The B-tree maps in the golden images, of every form there is, for tests that change them. */
#ifndef CANISTERFS_TESTS_GOLDEN_MAPS_H
#define CANISTERFS_TESTS_GOLDEN_MAPS_H

#include "memmgr/structures/structures.h"
#include "tests/unit/test.h"

enum { GOLDEN_MAPS = 8, GOLDEN_MAX_KEY = 256, GOLDEN_MAX_VALUE = 4096 };

struct golden_map {
	const char *image;
	int mm_id;
	int key_width; /* SS_WIDTH_PREFIXED: up to key_max bytes */
	unsigned key_max, value_min, value_max;
	enum ss_order order;
	const char *sha256; /* of the memory, after the real library did the same */
};

extern const struct golden_map golden_maps[GOLDEN_MAPS];

/* The map's bytes alone, in a memory store of their own. */
struct store *golden_map_store(const struct golden_map *map);
struct ss *golden_map_open(const struct golden_map *map, struct store *s);
/* A key, or a value, that the map can hold; returns its length. */
size_t golden_map_key(const struct golden_map *map, struct rng *rng, uint8_t *key);
size_t golden_map_value(const struct golden_map *map, struct rng *rng, uint8_t *value);

#endif
