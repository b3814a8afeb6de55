// SPDX-License-Identifier: MIT
/*
 * What the walk over a whole structure tells: of sound ones the manifests' numbers and no findings,
 * of each kind of damage its id.
 */
#include <stdio.h>

#include "memmgr/structures/structures.h"
#include "tests/unit/golden.h"
#include "tests/unit/stores.h"

/* ---- sound images ---- */

static void print_finding(void *ctx, const struct mm_finding *f)
{
	print_message("%s, memory %d: %s\n", f->id, f->mm_id, f->text);
}

static void golden_structures_have_no_findings(void **state)
{
	char **names = golden_names();

	for (size_t i = 0; names[i]; i++) {
		struct store *image = golden_image(names[i]);
		json_t *manifest = golden_manifest(names[i]);
		struct mm_check_result result = {0};
		struct err err = {0};
		struct mm *mm = NULL;

		if (json_is_true(json_object_get(manifest, "manager")))
			assert_ok_err(mm_open(image, &mm, &err), &err);
		assert_ok_err(ss_check(mm, image, NULL, NULL, print_finding, NULL, &result, &err),
			      &err);
		assert_int_equal(result.errors + result.warnings + result.notes, 0);
		mm_drop(mm);
		store_close(image);
		json_decref(manifest);
	}
	golden_names_free(names);
}

static uint64_t number(json_t *what, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(what, key));
}

static void expect_usage(struct mm *mm, struct store *image, json_t *what)
{
	auto_store struct store *memory = NULL;
	auto_ss struct ss *ss = NULL;
	struct ss_usage usage;
	json_t *id = json_object_get(what, "mem");

	if (mm)
		assert_ok(ss_memory_store(mm, (unsigned)json_integer_value(id), false, &memory,
					  NULL));
	assert_ok(ss_open(mm ? memory : image, NULL, NULL, &ss, NULL));
	assert_ok(ss_measure(ss, -1, &usage, print_finding, NULL, NULL));
	assert_int_equal(usage.entries, number(what, "count"));
	assert_int_equal(usage.nodes_v1, number(what, "nodes_v1"));
	assert_int_equal(usage.nodes_v2, number(what, "nodes_v2"));
	assert_int_equal(usage.overflow_pages, number(what, "overflow_pages"));
	/* The manifests count the frontier as free. */
	assert_int_equal(usage.chunks_free + 1, number(what, "free_chunks"));
	assert_int_equal(usage.chunks_leaked, 0);
	assert_int_equal(usage.longest_value_len, number(what, "max_value_len"));
	assert_int_equal(usage.order,
			 strcmp(json_string_value(json_object_get(what, "key")), "principal") == 0
				 ? SS_ORDER_LENGTH
				 : SS_ORDER_BYTES);
}

static void maps_use_the_nodes_and_chunks_of_their_manifest(void **state)
{
	char **names = golden_names();
	unsigned maps = 0;

	for (size_t i = 0; names[i]; i++) {
		struct store *image = golden_image(names[i]);
		json_t *manifest = golden_manifest(names[i]), *what;
		struct mm *mm = NULL;
		size_t n;

		if (json_is_true(json_object_get(manifest, "manager")))
			assert_ok(mm_open(image, &mm, NULL));
		json_array_foreach(json_object_get(manifest, "structures"), n, what)
		{
			if (!json_object_get(what, "chunk_payload_size"))
				continue;
			expect_usage(mm, image, what);
			maps++;
		}
		mm_drop(mm);
		store_close(image);
		json_decref(manifest);
	}
	golden_names_free(names);
	assert_int_equal(maps, 8);
}

/* ---- damage: the raw version 1 map of g_raw_btree, and others built here by hand ---- */

struct seen {
	char ids[1024]; /* of all findings, each once, with a space behind */
};

static void remember(void *ctx, const struct mm_finding *f)
{
	struct seen *seen = ctx;
	char id[64];

	snprintf(id, sizeof(id), "%s ", f->id);
	if (!strstr(seen->ids, id))
		strcat(seen->ids, id);
}

/* As the names file tells the order. */
static struct ss_options in_byte_order(void *ctx, int mm_id)
{
	struct ss_options opts = SS_OPTIONS;

	opts.sort.order = opts.value_sort.order = SS_ORDER_BYTES;
	return opts;
}

static struct seen check_raw(struct store *s)
{
	struct mm_check_result result = {0};
	struct seen seen = {""};

	assert_ok(ss_check(NULL, s, in_byte_order, NULL, remember, &seen, &result, NULL));
	return seen;
}

enum {
	C = 603, /* chunk length of g_raw_btree */
	E = 44,  /* its entries' length in a node: 8 + 4 + 32 */
};

static uint8_t *map_bytes(struct store *s)
{
	return mem_store_bytes(s);
}

static uint64_t root_of(struct store *s)
{
	return get_le64(map_bytes(s) + 12);
}

/* The n-th child of an inner version 1 node. */
static uint8_t *child_at(struct store *s, uint64_t node, unsigned n)
{
	uint8_t *at = map_bytes(s) + node;

	return at + 7 + get_le16(at + 5) * E + 8 * n;
}

static uint64_t leftmost_leaf(struct store *s)
{
	uint64_t at = root_of(s);

	while (map_bytes(s)[at + 4])
		at = get_le64(child_at(s, at, 0));
	return at;
}

static void root_is_no_node(struct store *s)
{
	map_bytes(s)[root_of(s)] = 'X';
}

static void leaf_has_too_few(struct store *s)
{
	put_le16(map_bytes(s) + leftmost_leaf(s) + 5, 3);
}

static void leaf_has_too_many(struct store *s)
{
	put_le16(map_bytes(s) + leftmost_leaf(s) + 5, 12);
}

static void child_is_outside(struct store *s)
{
	put_le64(child_at(s, root_of(s), 0), 1 << 30);
}

static void child_is_shared(struct store *s)
{
	put_le64(child_at(s, root_of(s), 0), get_le64(child_at(s, root_of(s), 1)));
}

static void child_is_its_parent(struct store *s)
{
	put_le64(child_at(s, root_of(s), 0), root_of(s));
}

static void leaf_hangs_too_high(struct store *s)
{
	put_le64(child_at(s, root_of(s), 0), leftmost_leaf(s));
}

static void keys_are_swapped(struct store *s)
{
	uint8_t *key = map_bytes(s) + leftmost_leaf(s) + 7 + 4, copy[4];

	memcpy(copy, key, 4);
	memcpy(key, key + E, 4);
	memcpy(key + E, copy, 4);
}

static void key_comes_twice(struct store *s)
{
	uint8_t *key = map_bytes(s) + leftmost_leaf(s) + 7 + 4;

	memcpy(key + E, key, 4);
}

static void key_is_too_long(struct store *s)
{
	put_le32(map_bytes(s) + leftmost_leaf(s) + 7, 5);
}

static void count_is_wrong(struct store *s)
{
	put_le64(map_bytes(s) + 20, 399);
}

static void page_len_is_wrong(struct store *s)
{
	map_bytes(s)[8]++;
}

static void chunk_says_it_is_free(struct store *s)
{
	map_bytes(s)[leftmost_leaf(s) - 16 + 4] = 0;
}

static void free_list_has_a_page_in_use(struct store *s)
{
	uint64_t chunk = leftmost_leaf(s) - 16;

	put_le64(map_bytes(s) + chunk + 8, get_le64(map_bytes(s) + 76));
	map_bytes(s)[chunk + 4] = 0;
	put_le64(map_bytes(s) + 76, chunk);
}

static void free_list_is_a_circle(struct store *s)
{
	uint64_t head = get_le64(map_bytes(s) + 76);

	put_le64(map_bytes(s) + head + 8, head);
}

static void free_list_ends_nowhere(struct store *s)
{
	uint64_t head = get_le64(map_bytes(s) + 76);

	put_le64(map_bytes(s) + head + 8, 7);
}

static void a_chunk_leaks(struct store *s)
{
	uint64_t head = get_le64(map_bytes(s) + 76);

	/* The frontier is handed out and used by nobody. */
	map_bytes(s)[head + 4] = 1;
	memcpy(map_bytes(s) + head + C, "CHK\1\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	put_le64(map_bytes(s) + 76, head + C);
	put_le64(map_bytes(s) + 68, get_le64(map_bytes(s) + 68) + 1);
}

static void allocator_counts_too_few(struct store *s)
{
	put_le64(map_bytes(s) + 68, get_le64(map_bytes(s) + 68) - 1);
}

static void each_damage_of_a_map_has_its_id(void **state)
{
	static const struct {
		void (*damage)(struct store *s);
		const char *id;
	} damages[] = {
		{root_is_no_node, "btree-node "},
		{leaf_has_too_few, "btree-node-fill "},
		{leaf_has_too_many, "btree-node "},
		{child_is_outside, "btree-pointer "},
		{child_is_shared, "btree-shared "},
		{child_is_its_parent, "btree-shared "},
		{leaf_hangs_too_high, "btree-depth "},
		{keys_are_swapped, "btree-order "},
		{key_comes_twice, "btree-duplicate "},
		{key_is_too_long, "btree-node "},
		{count_is_wrong, "btree-count "},
		{page_len_is_wrong, "structure-header "},
		{chunk_says_it_is_free, "chunk-header "},
		{free_list_has_a_page_in_use, "chunk-in-use "},
		{free_list_is_a_circle, "chunk-free-list "},
		{free_list_ends_nowhere, "chunk-free-list "},
		{a_chunk_leaks, "chunk-leaked "},
		{allocator_counts_too_few, "chunk-count "},
	};

	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		struct store *s = golden_image("g_raw_btree");
		struct seen seen;

		damages[i].damage(s);
		seen = check_raw(s);
		if (!strstr(seen.ids, damages[i].id))
			fail_msg("damage %zu gives \"%s\", not %s", i, seen.ids, damages[i].id);
		store_close(s);
	}
}

static struct store *vector(const char *magic, uint64_t count, uint32_t max_len, bool fixed)
{
	struct store *s = mem_store_new(NULL, MM_PAGE_LEN);
	uint8_t *b = mem_store_bytes(s);

	memcpy(b, magic, 3);
	b[3] = 1;
	put_le64(b + 4, count);
	put_le32(b + 12, max_len);
	b[16] = fixed;
	return s;
}

static void expect_note(struct store *s, const char *id)
{
	struct mm_check_result result = {0};
	struct seen seen = {""};

	assert_ok(ss_check(NULL, s, NULL, NULL, remember, &seen, &result, NULL));
	assert_string_equal(seen.ids, id);
	assert_int_equal(result.errors + result.warnings, 0);
	store_close(s);
}

static void an_order_that_nobody_tells_is_no_error_when_broken(void **state)
{
	struct store *map = golden_image("g_raw_btree"), *heap = vector("SMH", 3, 1, true);

	keys_are_swapped(map);
	expect_note(map, "btree-own-order ");
	memcpy(mem_store_bytes(heap) + 64, "\2\1\3", 3);
	expect_note(heap, "heap-own-order ");
}

/* A map of one version 2 leaf whose only value goes on in `pages` overflow pages. */
static struct store *map_with_overflow(unsigned pages, unsigned value_len)
{
	enum { PAGE = 128, CHUNK = PAGE + 16 };
	struct store *s = mem_store_new(NULL, MM_PAGE_LEN);
	uint8_t *b = mem_store_bytes(s);

	memcpy(b, "BTR\2", 4);
	put_le32(b + 4, PAGE);
	put_le32(b + 8, 0xffffffff);
	put_le64(b + 12, 116);
	put_le64(b + 20, 1);
	memcpy(b + 52, "BTA\1", 4);
	put_le64(b + 60, PAGE);
	put_le64(b + 68, pages + 1);
	put_le64(b + 76, 100 + (pages + 1) * CHUNK);
	for (unsigned i = 0; i <= pages + 1; i++) {
		memcpy(b + 100 + i * CHUNK, "CHK\1", 4);
		b[100 + i * CHUNK + 4] = i <= pages;
	}
	memcpy(b + 116, "BTN\2\0\1\0", 7);
	for (unsigned i = 0; i < pages; i++) {
		put_le64(i == 0 ? b + 123 : b + 116 + i * CHUNK + 3, 116 + (i + 1) * CHUNK);
		memcpy(b + 116 + (i + 1) * CHUNK, "NOF", 3);
	}
	put_le32(b + 131, 3); /* the key's length, the key, the value's length */
	memcpy(b + 135, "key", 3);
	put_le32(b + 138, value_len);
	memset(b + 142, 'v', MIN(value_len, 128 - 26));
	return s;
}

/* Of so small a map, other widths of keys would fit some of the damage. */
static struct ss_options prefixed(void *ctx, int mm_id)
{
	return (struct ss_options){.key_width = SS_WIDTH_PREFIXED};
}

static void overflow_pages_must_fit_the_entries(void **state)
{
	/* The first page has 102 bytes of the value, each other one 117. */
	static const struct {
		unsigned pages, value_len;
		const char *ids;
	} cases[] = {{0, 102, ""},
		     {0, 103, "btree-overflow "},
		     {1, 103, ""},
		     {1, 219, ""},
		     {1, 102, "btree-overflow "},
		     {2, 336, ""},
		     {2, 337, "btree-overflow "}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct store *s = map_with_overflow(cases[i].pages, cases[i].value_len);
		struct mm_check_result result = {0};
		struct seen seen = {""};

		assert_ok(ss_check(NULL, s, prefixed, NULL, remember, &seen, &result, NULL));
		assert_string_equal(seen.ids, cases[i].ids);
		store_close(s);
	}
}

static void a_circle_of_overflow_pages_is_noticed(void **state)
{
	struct store *s = map_with_overflow(3, 0x7fffffff);
	auto_ss_cursor struct ss_cursor *c = NULL;
	const struct ss_options opts = {.key_width = SS_WIDTH_PREFIXED};
	struct ss_record rec;
	struct ss_bytes value;
	struct ss *ss;
	struct seen seen;
	bool more;

	put_le64(mem_store_bytes(s) + 116 + 3 * 144 + 3, 116 + 144);
	seen = check_raw(s);
	assert_string_not_equal(seen.ids, "");
	assert_ok(ss_open(s, NULL, &opts, &ss, NULL));
	if (ss_first(ss, &c, NULL) == 0 && ss_next(c, &rec, &more, NULL) == 0)
		assert_errno(EUCLEAN, ss_value(c, &value, NULL));
	ss_cursor_close(c);
	c = NULL;
	ss_close(ss);
	store_close(s);
}

/* ---- the other kinds ---- */

static void expect_ids(struct store *s, const char *ids)
{
	struct seen seen = check_raw(s);

	assert_string_equal(seen.ids, ids);
	store_close(s);
}

static void damaged_vectors_heaps_cells_and_logs_have_their_ids(void **state)
{
	struct store *s = vector("SVC", 10, 4, false);

	mem_store_bytes(s)[64 + 5 * 3] = 5;
	expect_ids(s, "vec-entry ");

	s = vector("SVC", UINT64_MAX / 2, 4, true);
	expect_ids(s, "structure-header ");

	s = vector("SVC", 1, 4, true);
	mem_store_bytes(s)[3] = 9;
	expect_ids(s, "structure-version ");

	s = vector("SMH", 100, 2, true);
	for (unsigned i = 0; i < 100; i++)
		put_be16(mem_store_bytes(s) + 64 + 2 * i, (uint16_t)(1000 + i));
	mem_store_bytes(s)[64 + 2 * 50] = 0;
	expect_ids(s, "heap-order ");

	s = mem_store_new("SCL\1\0\0\1\0", 8);
	expect_ids(s, "structure-header ");

	s = mem_store_new(NULL, MM_PAGE_LEN);
	memcpy(mem_store_bytes(s), "GLI\1", 4);
	expect_ids(s, "log-alone ");
}

static void an_entry_of_a_log_cannot_end_before_it_begins(void **state)
{
	struct store *image = golden_image("h_structs"), *index;
	struct mm_check_result result = {0};
	struct seen seen = {""};
	struct err err = {0};
	uint8_t end[8];
	struct mm *mm;

	assert_ok_err(mm_open(image, &mm, &err), &err);
	assert_ok(ss_memory_store(mm, 5, true, &index, NULL));
	put_le64(end, 1);
	assert_ok(store_write(index, end, sizeof(end), 40 + 8 * 17, 0, NULL));
	assert_ok(ss_check(mm, NULL, NULL, NULL, remember, &seen, &result, NULL));
	assert_string_equal(seen.ids, "log-index ");
	assert_int_equal(result.errors, 1);
	store_close(index);
	mm_drop(mm);
	store_close(image);
}

static void findings_of_one_kind_are_told_up_to_eight_times(void **state)
{
	struct store *s = vector("SVC", 100, 4, false);
	struct mm_check_result result = {0};
	struct seen seen = {""};

	for (unsigned i = 0; i < 100; i++)
		mem_store_bytes(s)[64 + 5 * i] = 5;
	assert_ok(ss_check(NULL, s, NULL, NULL, remember, &seen, &result, NULL));
	assert_int_equal(result.errors, 9);
	store_close(s);
}

static void defects_have_ids_of_their_own(void **state)
{
	for (size_t i = 0; ss_defects[i].id; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ss_defects[i].id, ss_defects[j].id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_structures_have_no_findings),
		cmocka_unit_test(maps_use_the_nodes_and_chunks_of_their_manifest),
		cmocka_unit_test(each_damage_of_a_map_has_its_id),
		cmocka_unit_test(an_order_that_nobody_tells_is_no_error_when_broken),
		cmocka_unit_test(overflow_pages_must_fit_the_entries),
		cmocka_unit_test(a_circle_of_overflow_pages_is_noticed),
		cmocka_unit_test(damaged_vectors_heaps_cells_and_logs_have_their_ids),
		cmocka_unit_test(an_entry_of_a_log_cannot_end_before_it_begins),
		cmocka_unit_test(findings_of_one_kind_are_told_up_to_eight_times),
		cmocka_unit_test(defects_have_ids_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
