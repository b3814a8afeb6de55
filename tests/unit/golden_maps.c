// SPDX-License-Identifier: MIT
/* Owns the list of golden maps, and records that fit them. */
#include "tests/unit/golden_maps.h"

#include "tests/unit/golden.h"
#include "tests/unit/stores.h"

const struct golden_map golden_maps[GOLDEN_MAPS] = {
	{"e_btree_u64", 0, 8, 8, 8, 8, SS_ORDER_BYTES,
	 "54086397eafcd043061efead6e98da49104c87ccf343d148dfcf9d0d15bde6eb"},
	{"f_btree_unbounded", 2, SS_WIDTH_PREFIXED, 60, 0, 4000, SS_ORDER_BYTES,
	 "b3f0cb7f8b1c35350f49609acd36ad591e5438340ff627fe4ce444f3abed5e16"},
	{"f_btree_unbounded", 3, SS_WIDTH_PREFIXED, 29, 8, 8, SS_ORDER_LENGTH,
	 "13a6b2aa767a18018bb19492502e0a41e5c685ba2b53bd740244fc56ecef09ec"},
	{"g_btree_v1", 1, SS_WIDTH_PREFIXED, 16, 0, 24, SS_ORDER_BYTES,
	 "75b86be228c29e3e4d8f7e306e7b343be6ef0621f237601f8054b2558a032f83"},
	{"g_btree_v1", 2, 8, 8, 8, 8, SS_ORDER_BYTES,
	 "0aa120beb70811aba1eaac5900964a68c77dec27c5e197df89f27ff33d03c48a"},
	{"g_raw_btree", -1, 4, 4, 0, 32, SS_ORDER_BYTES,
	 "ff8015db0c55baf3b9470707c6bdbaf86d4fafc544b185cae1a0d2dc7f48f7f5"},
	{"h_structs", 7, SS_WIDTH_PREFIXED, 16, 0, 0, SS_ORDER_BYTES,
	 "53df0e8002448235f659891bfcf1558d494ccf3a55e4854bf3b8467fdb51d772"},
	{"i_upgrade", 1, 8, 8, 0, 3000, SS_ORDER_BYTES,
	 "bb19d06c2b3b4f6d7c0c49751d69079240fd06e6202bf05814a87e2cac382fed"},
};

struct store *golden_map_store(const struct golden_map *map)
{
	struct store *image = golden_image(map->image), *memory, *copy;
	struct mm *mm;

	if (map->mm_id < 0)
		return image;
	assert_ok(mm_open(image, &mm, NULL));
	assert_ok(ss_memory_store(mm, (unsigned)map->mm_id, false, &memory, NULL));
	copy = mem_store_new(NULL, memory->len);
	assert_ok(store_read(memory, mem_store_bytes(copy), memory->len, 0, NULL));
	store_close(memory);
	mm_drop(mm);
	store_close(image);
	return copy;
}

struct ss *golden_map_open(const struct golden_map *map, struct store *s)
{
	struct ss_options opts = {.key_width = map->key_width, .sort = {.order = map->order}};
	struct err err = {""};
	struct ss *ss;

	assert_ok_err(ss_open(s, NULL, &opts, &ss, &err), &err);
	return ss;
}

size_t golden_map_key(const struct golden_map *map, struct rng *rng, uint8_t *key)
{
	/* Keys of the string map are letters: the type takes UTF-8 alone. */
	bool letters = map->key_max == 60;
	size_t len = map->key_max;

	if (map->key_width < 0)
		len = rng_below(rng, len + 1);
	rng_fill(rng, key, len);
	for (size_t i = 0; letters && i < len; i++)
		key[i] = (uint8_t)('a' + key[i] % 26);
	return len;
}

size_t golden_map_value(const struct golden_map *map, struct rng *rng, uint8_t *value)
{
	size_t len = map->value_min + rng_below(rng, map->value_max - map->value_min + 1);

	rng_fill(rng, value, len);
	return len;
}
