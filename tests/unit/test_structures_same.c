// SPDX-License-Identifier: MIT
/*
 * Two maps that come from one: what is passed over because its pages are equal must not be missed,
 * and must not be looked at.
 */
#include <stdio.h>

#include "tests/unit/golden_maps.h"
#include "tests/unit/stores.h"

enum { MAX_EDITS = 24 };

/* ---- a comparison, plain or with what is the same passed over ---- */

struct side {
	struct ss_cursor *c;
	struct ss_record rec;
	struct ss_bytes value;
	bool more;
};

struct outcome {
	uint64_t hash;  /* of all differences, in their order */
	unsigned found; /* differences */
	unsigned read;  /* records */
};

static int next(struct side *s, struct outcome *out)
{
	int rc = ss_next(s->c, &s->rec, &s->more, NULL);

	out->read += rc == 0 && s->more;
	return rc == 0 && s->more ? ss_value(s->c, &s->value, NULL) : rc;
}

static void add(struct outcome *out, struct ss_bytes bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		out->hash = (out->hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
	out->hash = (out->hash ^ bytes.len) * UINT64_C(0x100000001b3);
}

static int both(const struct ss_same *same, struct side *a, struct side *b, struct outcome *out)
{
	int rc = same ? ss_same_skip(same, a->c, b->c, NULL) : 0;

	if (rc == 0)
		rc = next(a, out);
	return rc == 0 ? next(b, out) : rc;
}

static int step(const struct ss_same *same, enum ss_order order, struct side *a, struct side *b,
		struct outcome *out)
{
	int place = !b->more ? -1 : !a->more ? 1 : ss_compare(order, a->rec.key, b->rec.key);

	if (place == 0 && a->value.len == b->value.len &&
	    memcmp(a->value.data, b->value.data, a->value.len) == 0)
		return both(same, a, b, out);
	out->found++;
	if (place <= 0) {
		add(out, a->rec.key);
		add(out, a->value);
	}
	if (place >= 0) {
		add(out, b->rec.key);
		add(out, b->value);
	}
	return place == 0 ? both(same, a, b, out) : next(place < 0 ? a : b, out);
}

static int compare(struct ss *x, struct ss *y, const struct ss_same *same, struct outcome *out)
{
	struct side a = {NULL}, b = {NULL};
	int rc = ss_first(x, &a.c, NULL);

	*out = (struct outcome){.hash = 1};
	if (rc == 0)
		rc = ss_first(y, &b.c, NULL);
	if (rc == 0)
		rc = both(same, &a, &b, out);
	while (rc == 0 && (a.more || b.more))
		rc = step(same, ss_facts(x)->sort.order, &a, &b, out);
	ss_cursor_close(a.c);
	ss_cursor_close(b.c);
	return rc;
}

/* ---- edits ---- */

/* A key that the map has, or where it is empty, one that it can have. Small numbers are sought with
 * small numbers. */
static size_t some_key(const struct golden_map *map, struct ss *ss, struct rng *rng, uint8_t *key)
{
	auto_ss_cursor struct ss_cursor *c = NULL, *first = NULL;
	size_t len = golden_map_key(map, rng, key);
	struct ss_record rec;
	bool more;

	if (rng_one_in(rng, 2))
		memset(key, 0, rng_below(rng, len + 1));
	assert_ok(ss_seek(ss, (struct ss_bytes){key, len}, &c, NULL));
	assert_ok(ss_next(c, &rec, &more, NULL));
	if (!more) {
		assert_ok(ss_first(ss, &first, NULL));
		assert_ok(ss_next(first, &rec, &more, NULL));
	}
	if (more)
		memcpy(key, rec.key.data, rec.key.len);
	return more ? rec.key.len : len;
}

static void edit(const struct golden_map *map, struct ss *ss, struct rng *rng, bool may_remove)
{
	uint8_t key[GOLDEN_MAX_KEY], value[GOLDEN_MAX_VALUE];
	bool fresh = rng_one_in(rng, 3), changed;
	size_t key_len = fresh ? golden_map_key(map, rng, key) : some_key(map, ss, rng, key);
	size_t value_len = golden_map_value(map, rng, value);
	struct ss_bytes k = {key, key_len}, v = {value, value_len};

	if (!fresh && may_remove && rng_one_in(rng, 3))
		assert_ok(ss_remove(ss, k, &changed, NULL));
	else
		assert_ok(ss_put(ss, k, v, &changed, NULL));
}

static void edit_some(const struct golden_map *map, struct store *s, struct rng *rng, uint64_t most)
{
	struct ss *ss = golden_map_open(map, s);

	for (uint64_t n = rng_below(rng, most + 1); n > 0; n--)
		edit(map, ss, rng, true);
	ss_close(ss);
}

/* Leaves about `count` records, so that trees of all heights occur. */
static void thin_out(const struct golden_map *map, struct store *s, struct rng *rng, uint64_t count)
{
	struct ss *ss = golden_map_open(map, s);
	uint8_t key[GOLDEN_MAX_KEY];
	bool found;

	if (count == 0)
		assert_ok(ss_clear(ss, NULL));
	while (ss_facts(ss)->count > count) {
		struct ss_bytes k = {key, some_key(map, ss, rng, key)};

		assert_ok(ss_remove(ss, k, &found, NULL));
	}
	ss_close(ss);
}

static struct store *copy_of(struct store *s)
{
	return mem_store_new(mem_store_bytes(s), s->len);
}

static void what_is_passed_over_makes_no_difference(void **state)
{
	struct rng rng = rng_start(__func__);
	unsigned plain_read = 0, read = 0;

	for (unsigned round = 0; round < 10 * test_rounds(1) * GOLDEN_MAPS; round++) {
		const struct golden_map *map = &golden_maps[round % GOLDEN_MAPS];
		struct store *x = golden_map_store(map), *y;
		struct ss_same *same = NULL;
		struct outcome plain, quick;
		struct ss *a, *b;

		if (rng_one_in(&rng, 2))
			thin_out(map, x, &rng, rng_below(&rng, 400));
		y = copy_of(x);
		edit_some(map, x, &rng, rng_one_in(&rng, 2) ? MAX_EDITS : 0);
		edit_some(map, y, &rng, rng_one_in(&rng, 8) ? 20 * MAX_EDITS : MAX_EDITS);
		a = golden_map_open(map, x);
		b = golden_map_open(map, y);
		assert_ok(compare(a, b, NULL, &plain));
		assert_ok(ss_same_open(a, b, &same, NULL));
		assert_true(same || ss_facts(a)->count == 0 || ss_facts(b)->count == 0);
		assert_ok(compare(a, b, same, &quick));
		assert_int_equal(quick.found, plain.found);
		assert_true(quick.hash == plain.hash);
		plain_read += plain.read;
		read += quick.read;
		ss_same_close(same);
		ss_close(a);
		ss_close(b);
		store_close(x);
		store_close(y);
	}
	printf("read %u of %u records\n", read, plain_read);
	assert_true(read < plain_read / 2);
}

/* ---- what is not read ---- */

enum { SHUT_LEN = 65 << 20, WHOLE_LEN = 1 << 20 };

/* Around a memory store, zeros behind it, longer than what a cache holds whole. Leaves that are
 * equal in `other` are gone for whoever reads less than a large piece at once. */
struct shut_store {
	struct store s;
	struct store *under, *other;
	uint64_t chunk_len;
};

static bool is_hidden(const struct shut_store *s, uint64_t page)
{
	const uint8_t *at = mem_store_bytes(s->under) + page;
	uint64_t page_len = s->chunk_len - 16;

	return page + page_len <= MIN(s->under->len, s->other->len) && memcmp(at, "BTN", 3) == 0 &&
	       at[4] == 0 && memcmp(at, mem_store_bytes(s->other) + page, page_len) == 0;
}

static int shut_read(struct store *base, void *buf, size_t len, uint64_t off, struct err *err)
{
	struct shut_store *s = (struct shut_store *)base;

	memset(buf, 0, len);
	if (off < s->under->len)
		memcpy(buf, mem_store_bytes(s->under) + off, MIN(len, s->under->len - off));
	for (uint64_t at = MAX(off, UINT64_C(116)); at < off + len && len < WHOLE_LEN; at++) {
		uint64_t page = at - (at - 116) % s->chunk_len;

		if (at - page >= s->chunk_len - 16 || !is_hidden(s, page))
			at = page + s->chunk_len - 1;
		else
			((uint8_t *)buf)[at - off] = 0xff;
	}
	return 0;
}

static void shut_close(struct store *s)
{
}

static const struct store_ops shut_ops = {
	.name = "shut",
	.read_at = shut_read,
	.close = shut_close,
};

static void leaves_in_equal_pages_are_not_looked_at(void **state)
{
	struct rng rng = rng_start(__func__);
	const struct golden_map *map = &golden_maps[0]; /* 10,000 records, without overflow */
	struct store *x = golden_map_store(map), *y = copy_of(x);
	uint64_t chunk_len = get_le64(mem_store_bytes(x) + 60) + 16;
	struct shut_store shut_x = {{.ops = &shut_ops, .len = SHUT_LEN}, x, y, chunk_len};
	struct shut_store shut_y = {{.ops = &shut_ops, .len = SHUT_LEN}, y, x, chunk_len};
	static const uint8_t zeros[8], ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
	struct outcome plain, quick;
	struct ss_same *same;
	struct ss *a, *b;
	bool changed;

	/* Where a separator is taken out, one cursor goes on into the next leaf, whatever that is.
	 */
	a = golden_map_open(map, x);
	b = golden_map_open(map, y);
	for (unsigned i = 0; i < MAX_EDITS; i++)
		edit(map, b, &rng, false);
	/* The first leaf is always looked at: it tells how deep leaves are. */
	assert_ok(
		ss_put(b, (struct ss_bytes){zeros, 8}, (struct ss_bytes){ones, 8}, &changed, NULL));
	assert_ok(compare(a, b, NULL, &plain));
	ss_close(a);
	ss_close(b);
	a = golden_map_open(map, &shut_x.s);
	b = golden_map_open(map, &shut_y.s);
	assert_errno(EUCLEAN, compare(a, b, NULL, &quick));
	assert_ok(ss_same_open(a, b, &same, NULL));
	assert_non_null(same);
	assert_ok(compare(a, b, same, &quick));
	assert_true(quick.found == plain.found && quick.found > 0 && quick.hash == plain.hash);
	ss_same_close(same);
	ss_close(a);
	ss_close(b);
	store_close(x);
	store_close(y);
}

/* ---- what cannot be told ---- */

static void maps_of_other_forms_and_damaged_ones_have_nothing_in_common(void **state)
{
	struct store *x = golden_map_store(&golden_maps[0]), *y = golden_map_store(&golden_maps[1]);
	struct store *z = copy_of(x);
	struct ss *a = golden_map_open(&golden_maps[0], x),
		  *b = golden_map_open(&golden_maps[1], y);
	struct ss_same *same;
	struct ss *c;
	uint64_t root;

	assert_ok(ss_same_open(a, b, &same, NULL));
	assert_null(same);
	/* The root is its own first child. */
	root = get_le64(mem_store_bytes(z) + 12);
	put_le64(mem_store_bytes(z) + root + 15, root);
	c = golden_map_open(&golden_maps[0], z);
	assert_ok(ss_same_open(a, c, &same, NULL));
	assert_null(same);
	assert_ok(ss_same_open(c, a, &same, NULL));
	assert_null(same);
	ss_close(a);
	ss_close(b);
	ss_close(c);
	store_close(x);
	store_close(y);
	store_close(z);
}

static void mutate(struct store *s, struct rng *rng)
{
	for (uint64_t n = 1 + rng_below(rng, 8); n > 0; n--)
		mem_store_bytes(s)[rng_below(rng, 1 << 15)] =
			(uint8_t)(rng_one_in(rng, 2) ? rng_next(rng) : rng_below(rng, 4));
}

/* Damage is told, or not met. */
static void expect_an_end(struct ss *a, struct ss *b)
{
	struct ss_same *same;
	struct outcome out;
	int rc;

	assert_ok(ss_same_open(a, b, &same, NULL));
	rc = compare(a, b, same, &out);
	assert_true(rc == 0 || rc == -EUCLEAN || rc == -EFBIG);
	ss_same_close(same);
}

static void mutated_maps_are_compared_to_an_end(void **state)
{
	struct rng rng = rng_start(__func__);

	for (unsigned round = 0; round < 10 * test_rounds(1) * GOLDEN_MAPS; round++) {
		const struct golden_map *map = &golden_maps[round % GOLDEN_MAPS];
		struct ss_options opts = {.key_width = map->key_width,
					  .sort = {.order = map->order}};
		struct store *x = golden_map_store(map), *y = copy_of(x);
		struct ss *a = golden_map_open(map, x), *b;

		mutate(y, &rng);
		if (ss_open(y, NULL, &opts, &b, NULL) == 0) {
			expect_an_end(a, b);
			expect_an_end(b, a);
			ss_close(b);
		}
		ss_close(a);
		store_close(x);
		store_close(y);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_passed_over_makes_no_difference),
		cmocka_unit_test(leaves_in_equal_pages_are_not_looked_at),
		cmocka_unit_test(maps_of_other_forms_and_damaged_ones_have_nothing_in_common),
		cmocka_unit_test(mutated_maps_are_compared_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
