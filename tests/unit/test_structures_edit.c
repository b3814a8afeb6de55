// SPDX-License-Identifier: MIT
/*
 * Changing structures: against a model, against the check, and byte for byte against the real
 * library, which was given the same operations on the same golden golden_maps (the hashes below are
 * of what it left in memory).
 */
#include <openssl/evp.h>
#include <stdio.h>

#include "memmgr/structures/structures.h"
#include "tests/unit/golden.h"
#include "tests/unit/golden_maps.h"
#include "tests/unit/stores.h"

enum { OPERATIONS = 3000, MAX_KEY = GOLDEN_MAX_KEY, MAX_VALUE = GOLDEN_MAX_VALUE };

/* ---- a model: entries sorted by key ---- */

struct entry {
	uint8_t key[MAX_KEY];
	size_t key_len;
	uint8_t *value;
	size_t value_len;
};

struct model {
	struct entry *entry;
	size_t count, cap;
	enum ss_order order;
};

static struct ss_bytes key_of(const struct entry *e)
{
	return (struct ss_bytes){e->key, e->key_len};
}

static size_t model_find(const struct model *m, struct ss_bytes key, bool *found)
{
	size_t low = 0, high = m->count;

	*found = false;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = ss_compare(m->order, key_of(&m->entry[mid]), key);

		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void model_put(struct model *m, struct ss_bytes key, struct ss_bytes value)
{
	bool found;
	size_t i = model_find(m, key, &found);
	struct entry *e;

	if (!found) {
		if (m->count == m->cap) {
			m->cap = MAX(1024, m->cap * 2);
			m->entry = realloc(m->entry, m->cap * sizeof(*m->entry));
			assert_non_null(m->entry);
		}
		memmove(m->entry + i + 1, m->entry + i, (m->count - i) * sizeof(*m->entry));
		m->count++;
		m->entry[i].value = NULL;
	}
	e = &m->entry[i];
	assert_true(key.len <= MAX_KEY);
	memcpy(e->key, key.data, key.len);
	e->key_len = key.len;
	free(e->value);
	e->value = malloc(value.len + 1);
	memcpy(e->value, value.data, value.len);
	e->value_len = value.len;
}

static void model_remove(struct model *m, size_t i)
{
	free(m->entry[i].value);
	m->count--;
	memmove(m->entry + i, m->entry + i + 1, (m->count - i) * sizeof(*m->entry));
}

static void model_load(struct model *m, struct ss *ss)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	struct ss_record rec;
	struct ss_bytes value;
	bool more;

	assert_ok(ss_first(ss, &c, NULL));
	for (;;) {
		assert_ok(ss_next(c, &rec, &more, NULL));
		if (!more)
			return;
		assert_ok(ss_value(c, &value, NULL));
		model_put(m, rec.key, value);
	}
}

static void model_free(struct model *m)
{
	while (m->count > 0)
		model_remove(m, m->count - 1);
	free(m->entry);
}

static void expect_model(struct ss *ss, const struct model *m)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	struct ss_record rec;
	struct ss_bytes value;
	bool more;

	assert_int_equal(ss_facts(ss)->count, m->count);
	assert_ok(ss_first(ss, &c, NULL));
	for (size_t i = 0; i < m->count; i++) {
		assert_ok(ss_next(c, &rec, &more, NULL));
		assert_true(more);
		assert_int_equal(ss_compare(SS_ORDER_BYTES, rec.key, key_of(&m->entry[i])), 0);
		assert_ok(ss_value(c, &value, NULL));
		assert_int_equal(value.len, m->entry[i].value_len);
		assert_memory_equal(value.data, m->entry[i].value, value.len);
	}
	assert_ok(ss_next(c, &rec, &more, NULL));
	assert_false(more);
}

/* ---- the golden golden_maps ---- */

static void no_findings(void *ctx, const struct mm_finding *f)
{
	fail_msg("%s: %s", f->id, f->text);
}

static void expect_sound(struct ss *ss)
{
	struct ss_usage usage;

	assert_ok(ss_measure(ss, -1, &usage, no_findings, NULL, NULL));
	assert_int_equal(usage.chunks_leaked, 0);
}

static void random_put(const struct golden_map *map, struct ss *ss, struct model *m,
		       struct rng *rng)
{
	uint8_t key[MAX_KEY], value[MAX_VALUE];
	size_t key_len = golden_map_key(map, rng, key),
	       value_len = golden_map_value(map, rng, value);
	bool found, changed;
	struct err err = {""};
	size_t i;

	if (m->count > 0 && rng_one_in(rng, 3)) {
		const struct entry *e = &m->entry[rng_below(rng, m->count)];

		memcpy(key, e->key, e->key_len);
		key_len = e->key_len;
	}
	i = model_find(m, (struct ss_bytes){key, key_len}, &found);
	if (found && m->entry[i].value_len == value_len &&
	    memcmp(m->entry[i].value, value, value_len) == 0)
		return;
	assert_ok_err(ss_put(ss, (struct ss_bytes){key, key_len},
			     (struct ss_bytes){value, value_len}, &changed, &err),
		      &err);
	assert_true(changed);
	model_put(m, (struct ss_bytes){key, key_len}, (struct ss_bytes){value, value_len});
}

static void random_remove(struct ss *ss, struct model *m, struct rng *rng)
{
	size_t i = rng_below(rng, m->count);
	struct err err = {""};
	bool found;

	assert_ok_err(ss_remove(ss, key_of(&m->entry[i]), &found, &err), &err);
	assert_true(found);
	model_remove(m, i);
}

/* Phases of growing and of shrinking, so that nodes split, lend and merge. */
static void random_operations(const struct golden_map *map, struct ss *ss, struct model *m,
			      struct rng *rng, unsigned operations)
{
	unsigned shrink = 5;

	for (unsigned i = 0; i < operations; i++) {
		if (i % 300 == 0)
			shrink = 2 + 3 * (unsigned)rng_below(rng, 3);
		if (m->count > 0 && rng_below(rng, 10) < shrink)
			random_remove(ss, m, rng);
		else
			random_put(map, ss, m, rng);
	}
}

static void expect_hash(struct store *s, const char *expected)
{
	uint8_t digest[32];
	char hex[65];

	EVP_Digest(mem_store_bytes(s), s->len, digest, NULL, EVP_sha256(), NULL);
	for (size_t i = 0; i < sizeof(digest); i++)
		sprintf(hex + 2 * i, "%02x", digest[i]);
	assert_string_equal(hex, expected);
}

static void changed_maps_equal_the_model_and_the_real_librarys(void **state)
{
	for (size_t i = 0; i < GOLDEN_MAPS; i++) {
		struct rng rng = {.state = 1000 + i};
		struct store *s = golden_map_store(&golden_maps[i]);
		struct model m = {.order = golden_maps[i].order};
		struct ss *ss = golden_map_open(&golden_maps[i], s);

		model_load(&m, ss);
		random_operations(&golden_maps[i], ss, &m, &rng, OPERATIONS);
		expect_sound(ss);
		expect_model(ss, &m);
		ss_close(ss);
		/* And as who opens it anew sees it. */
		ss = golden_map_open(&golden_maps[i], s);
		expect_model(ss, &m);
		ss_close(ss);
		expect_hash(s, golden_maps[i].sha256);
		model_free(&m);
		store_close(s);
	}
}

static void a_map_that_is_emptied_and_filled_again_is_sound(void **state)
{
	struct rng rng = rng_start(__func__);

	for (size_t i = 0; i < GOLDEN_MAPS; i++) {
		struct store *s = golden_map_store(&golden_maps[i]);
		struct model m = {.order = golden_maps[i].order};
		struct ss *ss = golden_map_open(&golden_maps[i], s);
		struct ss_usage usage;

		model_load(&m, ss);
		while (m.count > 0)
			random_remove(ss, &m, &rng);
		expect_sound(ss);
		assert_ok(ss_measure(ss, -1, &usage, NULL, NULL, NULL));
		assert_int_equal(usage.entries + usage.chunks_used, 0);
		random_operations(&golden_maps[i], ss, &m, &rng, 500 * test_rounds(1));
		expect_sound(ss);
		expect_model(ss, &m);
		assert_ok(ss_clear(ss, NULL));
		assert_int_equal(ss_facts(ss)->count, 0);
		expect_sound(ss);
		ss_close(ss);
		model_free(&m);
		store_close(s);
	}
}

/* ---- what is left alone, and what is refused ---- */

static void putting_what_is_there_and_removing_what_is_not_writes_nothing(void **state)
{
	struct store *s = golden_map_store(&golden_maps[1]), *faulty = faulty_store_new(s);
	struct model m = {.order = golden_maps[1].order};
	struct ss *ss = golden_map_open(&golden_maps[1], faulty);
	const struct ss_bytes missing = {(const uint8_t *)"not there", 9};
	bool changed;

	model_load(&m, ss);
	for (size_t i = 0; i < m.count; i++) {
		assert_ok(ss_put(ss, key_of(&m.entry[i]),
				 (struct ss_bytes){m.entry[i].value, m.entry[i].value_len},
				 &changed, NULL));
		assert_false(changed);
	}
	assert_ok(ss_remove(ss, missing, &changed, NULL));
	assert_false(changed);
	assert_int_equal(faulty_count(faulty, FAULTY_CHANGE), 0);
	ss_close(ss);
	model_free(&m);
	store_close(faulty);
	store_close(s);
}

static void one_new_value_changes_one_node(void **state)
{
	enum { CHUNK = 275 + 16 };
	struct store *s = golden_map_store(&golden_maps[0]);
	auto_free uint8_t *before = malloc(s->len);
	struct ss *ss = golden_map_open(&golden_maps[0], s);
	uint8_t key[8] = {0x00, 0x00, 0x44, 0xfc, 0x50, 0xa8, 0x15, 0x70};
	unsigned changed_chunks = 0;
	bool changed;

	memcpy(before, mem_store_bytes(s), s->len);
	assert_ok(ss_put(ss, (struct ss_bytes){key, 8}, (struct ss_bytes){(uint8_t *)"newvalue", 8},
			 &changed, NULL));
	assert_true(changed);
	assert_memory_equal(before, mem_store_bytes(s), 100);
	for (uint64_t off = 100; off + CHUNK <= s->len; off += CHUNK)
		changed_chunks += memcmp(before + off, mem_store_bytes(s) + off, CHUNK) != 0;
	assert_int_equal(changed_chunks, 1);
	ss_close(ss);
	store_close(s);
}

static void what_the_types_cannot_hold_is_refused(void **state)
{
	static const struct {
		size_t map;
		size_t key_len, value_len;
		int error;
	} cases[] = {
		{0, 7, 8, EINVAL},  /* the keys have 8 bytes */
		{0, 8, 9, EFBIG},   /* 16 bytes in all, by the page length */
		{2, 30, 8, EFBIG},  /* 37 in all */
		{3, 17, 0, EFBIG},  /* version 1: keys of 16 */
		{3, 16, 25, EFBIG}, /* and values of 24 */
		{6, 17, 0, EFBIG},
	};
	uint8_t bytes[64] = {1};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct store *s = golden_map_store(&golden_maps[cases[i].map]);
		struct ss *ss = golden_map_open(&golden_maps[cases[i].map], s);
		bool changed;

		assert_errno(cases[i].error,
			     ss_put(ss, (struct ss_bytes){bytes, cases[i].key_len},
				    (struct ss_bytes){bytes, cases[i].value_len}, &changed, NULL));
		expect_sound(ss);
		ss_close(ss);
		store_close(s);
	}
}

/* A map of version 1 nodes alone does not say how a version 2 node would hold its keys. */
static void a_new_node_beside_version_1_needs_the_key_width(void **state)
{
	const struct golden_map map = {.key_width = SS_WIDTH_INFER, .order = SS_ORDER_BYTES};
	struct store *s = golden_image("g_raw_btree");
	struct ss *ss = golden_map_open(&map, s);
	bool changed;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < 100; i++) {
		uint8_t key[4];

		put_be32(key, 0x10000000 + i);
		rc = ss_put(ss, (struct ss_bytes){key, 4}, (struct ss_bytes){key, 4}, &changed,
			    NULL);
	}
	assert_errno(EDOM, rc);
	ss_close(ss);
	store_close(s);
}

/* ---- the other kinds ---- */

static struct ss_bytes text(const char *words)
{
	return (struct ss_bytes){(const uint8_t *)words, strlen(words)};
}

static void expect_values(struct ss *ss, const char *const *words, size_t count)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	struct ss_record rec;
	struct ss_bytes value;
	bool more;

	assert_int_equal(ss_facts(ss)->count, count);
	assert_ok(ss_first(ss, &c, NULL));
	for (size_t i = 0; i < count; i++) {
		assert_ok(ss_next(c, &rec, &more, NULL));
		assert_true(more);
		assert_ok(ss_value(c, &value, NULL));
		assert_int_equal(value.len, strlen(words[i]));
		assert_memory_equal(value.data, words[i], value.len);
	}
}

static void a_vector_is_changed_grown_and_cut(void **state)
{
	static const char head[] = "SVC\1\0\0\0\0\0\0\0\0\3";
	struct store *s = mem_store_new(NULL, MM_PAGE_LEN);
	bool changed;
	struct ss *ss;

	memcpy(mem_store_bytes(s), head, sizeof(head));
	assert_ok(ss_open(s, NULL, NULL, &ss, NULL));
	assert_ok(ss_set(ss, 0, text("xyz"), &changed, NULL));
	assert_ok(ss_set(ss, 1, text("q"), &changed, NULL));
	assert_errno(EINVAL, ss_set(ss, 3, text("q"), &changed, NULL));
	assert_errno(EINVAL, ss_set(ss, 0, text("long"), &changed, NULL));
	expect_values(ss, (const char *[]){"xyz", "q"}, 2);
	/* As in the format's example. */
	assert_memory_equal(mem_store_bytes(s) + 64, "\3xyz\1q\0\0", 8);
	assert_ok(ss_set(ss, 1, text("q"), &changed, NULL));
	assert_false(changed);
	for (uint64_t i = 2; i < 20000; i++)
		assert_ok(ss_set(ss, i, text("abc"), &changed, NULL));
	assert_int_equal(s->len, 2 * MM_PAGE_LEN);
	assert_ok(ss_cut(ss, 1, NULL));
	expect_values(ss, (const char *[]){"xyz"}, 1);
	assert_errno(EINVAL, ss_put(ss, text("k"), text("v"), &changed, NULL));
	ss_close(ss);
	store_close(s);
}

static void a_log_is_appended_to_and_cut(void **state)
{
	struct store *index = mem_store_new(NULL, MM_PAGE_LEN);
	struct store *data = mem_store_new(NULL, MM_PAGE_LEN);
	bool changed;
	struct ss *ss;

	memcpy(mem_store_bytes(index), "GLI\1", 4);
	memcpy(mem_store_bytes(data), "GLD\1", 4);
	assert_ok(ss_open(index, data, NULL, &ss, NULL));
	assert_ok(ss_set(ss, 0, text("foo"), &changed, NULL));
	assert_ok(ss_set(ss, 1, text(""), &changed, NULL));
	assert_ok(ss_set(ss, 2, text("quux"), &changed, NULL));
	expect_values(ss, (const char *[]){"foo", "", "quux"}, 3);
	assert_memory_equal(mem_store_bytes(index) + 32,
			    "\3\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0", 32);
	assert_memory_equal(mem_store_bytes(data) + 32, "fooquux", 7);
	assert_errno(ENOTSUP, ss_set(ss, 0, text("bar"), &changed, NULL));
	assert_ok(ss_cut(ss, 2, NULL));
	assert_ok(ss_set(ss, 2, text("bar"), &changed, NULL));
	expect_values(ss, (const char *[]){"foo", "", "bar"}, 3);
	expect_sound(ss);
	ss_close(ss);
	store_close(index);
	store_close(data);
}

static void a_cell_takes_a_new_value(void **state)
{
	struct store *s = mem_store_new(NULL, MM_PAGE_LEN);
	auto_free char *longer = malloc(MM_PAGE_LEN + 1);
	bool changed;
	struct ss *ss;

	memcpy(mem_store_bytes(s), "SCL\1\3\0\0\0abc", 11);
	assert_ok(ss_open(s, NULL, NULL, &ss, NULL));
	assert_ok(ss_set(ss, 0, text("z"), &changed, NULL));
	assert_memory_equal(mem_store_bytes(s), "SCL\1\1\0\0\0zbc", 11);
	memset(longer, 'x', MM_PAGE_LEN);
	longer[MM_PAGE_LEN] = 0;
	assert_ok(ss_set(ss, 0, text(longer), &changed, NULL));
	assert_int_equal(s->len, 2 * MM_PAGE_LEN);
	expect_values(ss, (const char *[]){longer}, 1);
	ss_close(ss);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed_maps_equal_the_model_and_the_real_librarys),
		cmocka_unit_test(a_map_that_is_emptied_and_filled_again_is_sound),
		cmocka_unit_test(putting_what_is_there_and_removing_what_is_not_writes_nothing),
		cmocka_unit_test(one_new_value_changes_one_node),
		cmocka_unit_test(what_the_types_cannot_hold_is_refused),
		cmocka_unit_test(a_new_node_beside_version_1_needs_the_key_width),
		cmocka_unit_test(a_vector_is_changed_grown_and_cut),
		cmocka_unit_test(a_log_is_appended_to_and_cut),
		cmocka_unit_test(a_cell_takes_a_new_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
