// SPDX-License-Identifier: MIT
/*
 * Every structure in every golden image: what we read is what the real library wrote, by the
 * manifests' counts, first and last entries, and hashes over all of them.
 */
#include <openssl/evp.h>
#include <stdio.h>

#include "memmgr/structures/structures.h"
#include "tests/unit/golden.h"
#include "tests/unit/stores.h"

/* An opened structure and all it stands on. */
struct opened {
	struct store *image, *store, *data;
	struct mm *mm;
	struct ss *ss;
	json_t *manifest;
};

static void memory_of(struct opened *o, json_t *id, struct store **out)
{
	struct err err = {0};

	if (!o->mm) {
		assert_true(json_is_null(id));
		*out = NULL;
		return;
	}
	assert_ok_err(ss_memory_store(o->mm, (unsigned)json_integer_value(id), false, out, &err),
		      &err);
}

static void open_structure(struct opened *o, json_t *what)
{
	bool log = strcmp(json_string_value(json_object_get(what, "type")), "log") == 0;
	const char *key = json_string_value(json_object_get(what, "key"));
	struct ss_options opts = SS_OPTIONS;
	struct err err = {0};

	if (key && strcmp(key, "principal") == 0)
		opts.sort.order = SS_ORDER_LENGTH;
	memory_of(o, json_object_get(what, log ? "index_mem" : "mem"), &o->store);
	if (log)
		memory_of(o, json_object_get(what, "data_mem"), &o->data);
	assert_ok_err(ss_open(o->store ? o->store : o->image, o->data, &opts, &o->ss, &err), &err);
}

static void close_structure(struct opened *o)
{
	ss_close(o->ss);
	store_close(o->store);
	store_close(o->data);
	o->ss = NULL;
	o->store = o->data = NULL;
}

static void hash_part(EVP_MD_CTX *hash, struct ss_bytes part)
{
	uint8_t len[4];

	put_le32(len, (uint32_t)part.len);
	EVP_DigestUpdate(hash, len, sizeof(len));
	EVP_DigestUpdate(hash, part.data, part.len);
}

static char *hash_end(EVP_MD_CTX *hash)
{
	uint8_t digest[32];
	char hex[65] = "";

	EVP_DigestFinal_ex(hash, digest, NULL);
	EVP_MD_CTX_free(hash);
	for (size_t i = 0; i < sizeof(digest); i++)
		sprintf(hex + 2 * i, "%02x", digest[i]);
	return strdup(hex);
}

static EVP_MD_CTX *hash_begin(void)
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();

	assert_int_equal(EVP_DigestInit_ex(hash, EVP_sha256(), NULL), 1);
	return hash;
}

static uint64_t number(json_t *what, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(what, key));
}

/* The manifests cut what is longer than 96 bytes to its first 32 and the length. */
static void expect_bytes(json_t *text, struct ss_bytes have)
{
	char hex[200] = "";
	size_t shown = have.len > 96 ? 32 : have.len;

	for (size_t i = 0; i < shown; i++)
		sprintf(hex + 2 * i, "%02x", have.data[i]);
	if (have.len > 96)
		sprintf(hex + 2 * shown, "..len=%zu", have.len);
	assert_string_equal(json_string_value(text), hex);
}

static void expect_record(json_t *entry, bool keyed, struct ss_bytes key, struct ss_bytes value)
{
	if (keyed) {
		expect_bytes(json_array_get(entry, 0), key);
		expect_bytes(json_array_get(entry, 1), value);
	} else {
		expect_bytes(entry, value);
	}
}

static void expect_records(struct ss *ss, json_t *what)
{
	bool keyed = ss_facts(ss)->keyed;
	uint64_t count = number(what, "count"), n = 0, longest = 0;
	json_t *firsts = json_object_get(what, "first"), *lasts = json_object_get(what, "last");
	size_t tail = json_array_size(lasts);
	auto_ss_cursor struct ss_cursor *c = NULL;
	EVP_MD_CTX *hash = hash_begin();
	auto_free char *hex = NULL;
	struct ss_record rec;
	struct err err = {0};
	bool more;

	assert_int_equal(ss_facts(ss)->count, count);
	assert_ok_err(ss_first(ss, &c, &err), &err);
	for (;; n++) {
		struct ss_bytes value;

		assert_ok_err(ss_next(c, &rec, &more, &err), &err);
		if (!more)
			break;
		assert_int_equal(rec.index, n);
		assert_ok_err(ss_value(c, &value, &err), &err);
		assert_int_equal(value.len, rec.value_len);
		longest = MAX(longest, value.len);
		if (keyed)
			hash_part(hash, rec.key);
		hash_part(hash, value);
		if (n < json_array_size(firsts))
			expect_record(json_array_get(firsts, n), keyed, rec.key, value);
		if (n + tail >= count)
			expect_record(json_array_get(lasts, n + tail - count), keyed, rec.key,
				      value);
	}
	hex = hash_end(hash);
	assert_int_equal(n, count);
	assert_string_equal(hex, json_string_value(json_object_get(what, "entries_sha256")));
	if (json_object_get(what, "max_value_len"))
		assert_int_equal(longest, number(what, "max_value_len"));
}

static void expect_cell(struct ss *ss, json_t *what)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	EVP_MD_CTX *hash = hash_begin();
	auto_free char *hex = NULL;
	struct ss_bytes value;
	struct ss_record rec;
	bool more;

	assert_ok(ss_first(ss, &c, NULL));
	assert_ok(ss_next(c, &rec, &more, NULL));
	assert_true(more);
	assert_ok(ss_value(c, &value, NULL));
	assert_int_equal(value.len, number(what, "value_len"));
	EVP_DigestUpdate(hash, value.data, value.len);
	hex = hash_end(hash);
	assert_string_equal(hex, json_string_value(json_object_get(what, "value_sha256")));
	assert_ok(ss_next(c, &rec, &more, NULL));
	assert_false(more);
}

static void expect_structure(struct opened *o, json_t *what)
{
	const char *type = json_string_value(json_object_get(what, "type"));
	enum ss_kind kind;

	open_structure(o, what);
	assert_ok(ss_kind_parse(type, &kind));
	assert_int_equal(ss_facts(o->ss)->kind, kind);
	if (kind == SS_CELL)
		expect_cell(o->ss, what);
	else
		expect_records(o->ss, what);
	close_structure(o);
}

static void golden_open(struct opened *o, const char *name)
{
	struct err err = {0};

	*o = (struct opened){.image = golden_image(name), .manifest = golden_manifest(name)};
	if (json_is_true(json_object_get(o->manifest, "manager")))
		assert_ok_err(mm_open(o->image, &o->mm, &err), &err);
}

static void golden_close(struct opened *o)
{
	mm_drop(o->mm);
	store_close(o->image);
	json_decref(o->manifest);
}

static void every_structure_reads_as_its_manifest_says(void **state)
{
	char **names = golden_names();
	size_t structures = 0;

	for (size_t i = 0; names[i]; i++) {
		struct opened o;
		json_t *list, *what;
		size_t n;

		golden_open(&o, names[i]);
		list = json_object_get(o.manifest, "structures");
		json_array_foreach(list, n, what)
		{
			expect_structure(&o, what);
			structures++;
		}
		golden_close(&o);
	}
	golden_names_free(names);
	assert_int_equal(structures, 15);
}

/* Opened without a hint, the width of fixed keys is found: 8 bytes of u64, a length elsewhere. */
static void widths_of_keys_are_found(void **state)
{
	static const struct {
		const char *name;
		unsigned mm_id;
		int width;
	} maps[] = {
		{"e_btree_u64", 0, 8}, {"f_btree_unbounded", 2, SS_WIDTH_PREFIXED},
		{"g_btree_v1", 2, 8},  {"f_btree_unbounded", 3, SS_WIDTH_PREFIXED},
		{"i_upgrade", 1, 8},   {"h_structs", 7, SS_WIDTH_PREFIXED},
	};

	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		struct opened o;
		struct err err = {0};
		auto_ss_cursor struct ss_cursor *c = NULL;
		struct ss_record rec;
		bool more = true;

		golden_open(&o, maps[i].name);
		assert_ok(ss_memory_store(o.mm, maps[i].mm_id, false, &o.store, NULL));
		assert_ok_err(ss_open(o.store, NULL, NULL, &o.ss, &err), &err);
		assert_ok(ss_first(o.ss, &c, NULL));
		while (more)
			assert_ok(ss_next(c, &rec, &more, NULL));
		assert_int_equal(ss_facts(o.ss)->key_width, maps[i].width);
		ss_cursor_close(c);
		c = NULL;
		close_structure(&o);
		golden_close(&o);
	}
}

/* Every key of a map is found; between two keys nothing is, and seeking there gives the later. */
static void expect_all_found(struct ss *ss)
{
	auto_ss_cursor struct ss_cursor *all = NULL;
	struct ss_record rec, hit;
	struct err err = {0};
	bool more;

	if (!ss_facts(ss)->keyed)
		return;
	assert_ok(ss_first(ss, &all, NULL));
	for (uint64_t n = 0;; n++) {
		auto_ss_cursor struct ss_cursor *c = NULL;
		uint8_t longer[128];

		assert_ok(ss_next(all, &rec, &more, NULL));
		if (!more)
			break;
		assert_ok_err(ss_find(ss, rec.key, &c, &err), &err);
		assert_ok(ss_next(c, &hit, &more, NULL));
		assert_true(more);
		assert_int_equal(ss_compare(SS_ORDER_BYTES, hit.key, rec.key), 0);
		assert_int_equal(hit.value_len, rec.value_len);
		if (rec.key.len >= sizeof(longer) || ss_facts(ss)->sort.order == SS_ORDER_LENGTH)
			continue;
		memcpy(longer, rec.key.data, rec.key.len);
		longer[rec.key.len] = 0;
		ss_cursor_close(c);
		c = NULL;
		assert_errno(ENOENT,
			     ss_find(ss, (struct ss_bytes){longer, rec.key.len + 1}, &c, NULL));
		assert_null(c);
		assert_ok(ss_seek(ss, (struct ss_bytes){longer, rec.key.len + 1}, &c, NULL));
		assert_ok(ss_next(c, &hit, &more, NULL));
		assert_int_equal(more, n + 1 < ss_facts(ss)->count);
		if (more)
			assert_true(ss_compare(SS_ORDER_BYTES, hit.key, rec.key) > 0);
	}
}

static void each_structure(void (*expect)(struct ss *ss))
{
	char **names = golden_names();

	for (size_t i = 0; names[i]; i++) {
		struct opened o;
		json_t *what;
		size_t n;

		golden_open(&o, names[i]);
		json_array_foreach(json_object_get(o.manifest, "structures"), n, what)
		{
			open_structure(&o, what);
			expect(o.ss);
			close_structure(&o);
		}
		golden_close(&o);
	}
	golden_names_free(names);
}

static void every_key_is_found_and_nothing_between_keys(void **state)
{
	each_structure(expect_all_found);
}

/* Places ascend, and from each the walk goes on with the next record. */
static void expect_resumes(struct ss *ss)
{
	auto_ss_cursor struct ss_cursor *all = NULL, *resumed = NULL;
	struct ss_record rec, again;
	uint64_t last = 0, n = 0;
	bool more, same;

	assert_ok(ss_first(ss, &all, NULL));
	for (;; n++) {
		assert_ok(ss_next(all, &rec, &more, NULL));
		if (resumed) {
			assert_ok(ss_next(resumed, &again, &same, NULL));
			assert_int_equal(same, more);
			assert_int_equal(again.place, rec.place);
			assert_int_equal(ss_compare(SS_ORDER_BYTES, again.key, rec.key), 0);
			ss_cursor_close(resumed);
		}
		if (!more)
			break;
		assert_true(n == 0 || rec.place > last);
		assert_true(rec.place < UINT64_C(1) << 52);
		last = rec.place;
		assert_ok(ss_resume(ss, last, &resumed, NULL));
	}
	resumed = NULL;
	assert_int_equal(n, ss_facts(ss)->count);
}

/* The cursor, which is closed, delivers the records at these places; SS_NO_PLACE: the end. */
static void expect_walk(struct ss_cursor *c, const uint64_t *place, uint64_t n)
{
	struct ss_record rec;
	bool more = true;

	for (uint64_t i = 0; more && i < n; i++) {
		assert_ok(ss_next(c, &rec, &more, NULL));
		assert_int_equal(more ? rec.place : SS_NO_PLACE, place[i]);
	}
	ss_cursor_close(c);
}

/* From each record, and from the end, the way back leads to the one that came so long before, and
 * from there forward again. */
static void expect_goes_back(struct ss *ss)
{
	static const uint64_t steps[] = {0, 1, 2, 7, 40, 1000000};
	uint64_t count = ss_facts(ss)->count;
	auto_free uint64_t *place = calloc(count + 1, sizeof(*place));
	struct ss_cursor *c;
	struct ss_record rec;
	bool more = true;

	assert_ok(ss_first(ss, &c, NULL));
	for (uint64_t n = 0; n < count; n++) {
		assert_ok(ss_next(c, &rec, &more, NULL));
		place[n] = rec.place;
	}
	ss_cursor_close(c);
	place[count] = SS_NO_PLACE;
	for (uint64_t n = 0; n <= count; n++) {
		for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
			assert_ok(ss_back(ss, place[n], steps[i], &c, NULL));
			expect_walk(c, place + n - MIN(n, steps[i]), MIN(steps[i], n) + 1);
		}
	}
}

static void a_walk_goes_back_from_any_place(void **state)
{
	each_structure(expect_goes_back);
}

static void a_walk_goes_on_from_any_place(void **state)
{
	each_structure(expect_resumes);
}

/* Recognising, opening and finding read the header and one node a level, each at most twice: where
 * it lies across two blocks. */
static void a_look_up_reads_one_path_of_the_tree(void **state)
{
	struct opened o;
	struct store *counted;
	struct ss_usage usage;

	golden_open(&o, "e_btree_u64");
	assert_ok(ss_memory_store(o.mm, 0, false, &o.store, NULL));
	assert_ok(ss_open(o.store, NULL, NULL, &o.ss, NULL));
	assert_ok(ss_measure(o.ss, 0, &usage, NULL, NULL, NULL));
	assert_true(usage.depth >= 4);
	counted = faulty_store_new(o.store);
	for (uint64_t i = 0; i < 200; i++) {
		auto_ss_cursor struct ss_cursor *c = NULL;
		unsigned before = faulty_count(counted, FAULTY_READ);
		struct ss *ss;
		uint8_t key[8];

		put_be64(key, i * UINT64_C(0x0123456789abcdef));
		assert_ok(ss_open(counted, NULL, NULL, &ss, NULL));
		assert_errno(ENOENT, ss_find(ss, (struct ss_bytes){key, 8}, &c, NULL));
		ss_close(ss);
		assert_in_range(faulty_count(counted, FAULTY_READ) - before, usage.depth,
				3 + 2 * usage.depth);
	}
	store_close(counted);
	close_structure(&o);
	golden_close(&o);
}

static void every_memory_is_recognised(void **state)
{
	static const struct {
		const char *name;
		int mm_id; /* -1: the image itself */
		enum ss_kind kind;
		uint64_t count, payload_len;
	} expected[] = {
		{"e_btree_u64", -1, SS_MANAGER, 0, 0},
		{"e_btree_u64", 0, SS_BTREE, 10000, 0},
		{"f_btree_unbounded", 2, SS_BTREE, 303, 0},
		{"f_btree_unbounded", 3, SS_BTREE, 200, 0},
		{"g_btree_v1", 1, SS_BTREE, 1000, 0},
		{"g_btree_v1", 2, SS_BTREE, 988, 0},
		{"g_raw_btree", -1, SS_BTREE, 400, 0},
		{"h_structs", 0, SS_CELL, 1, 1234},
		{"h_structs", 1, SS_VEC, 2000, 0},
		{"h_structs", 2, SS_VEC, 500, 0},
		{"h_structs", 3, SS_VEC, 400, 0},
		{"h_structs", 4, SS_HEAP, 900, 0},
		{"h_structs", 5, SS_LOG_INDEX, 300, 0},
		{"h_structs", 6, SS_LOG_DATA, 0, 0},
		{"h_structs", 7, SS_BTREE, 598, 0},
		{"h_structs", 8, SS_VEC, 100, 0},
		{"h_structs", 100, SS_EMPTY, 0, 0},
		{"i_upgrade", 0, SS_CBOR_PREFIXED, 1, 40673},
		{"i_upgrade", 1, SS_BTREE, 500, 0},
		{"j_raw_cbor", -1, SS_CBOR, 1, 0},
		{"l_sqlite", 3, SS_SQLITE, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		struct ss_content content;
		struct err err = {0};
		struct opened o;

		golden_open(&o, expected[i].name);
		if (expected[i].mm_id >= 0)
			assert_ok(ss_memory_store(o.mm, (unsigned)expected[i].mm_id, false,
						  &o.store, NULL));
		assert_ok_err(ss_recognise(o.store ? o.store : o.image, &content, &err), &err);
		assert_int_equal(content.kind, expected[i].kind);
		assert_int_equal(content.count, expected[i].count);
		if (expected[i].payload_len)
			assert_int_equal(content.payload_len, expected[i].payload_len);
		assert_true(content.text[0] != '\0');
		store_close(o.store);
		golden_close(&o);
	}
}

static void halves_of_a_log_find_each_other(void **state)
{
	struct opened o;
	struct err err = {0};
	unsigned partner;

	golden_open(&o, "h_structs");
	assert_ok_err(ss_log_partner(o.mm, 5, &partner, &err), &err);
	assert_int_equal(partner, 6);
	assert_ok_err(ss_log_partner(o.mm, 6, &partner, &err), &err);
	assert_int_equal(partner, 5);
	assert_errno(ENOENT, ss_log_partner(o.mm, 4, &partner, &err));
	golden_close(&o);
}

static void a_vector_is_read_from_any_index(void **state)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	struct ss_record rec;
	struct opened o;
	bool more;

	golden_open(&o, "h_structs");
	assert_ok(ss_memory_store(o.mm, 1, false, &o.store, NULL));
	assert_ok(ss_open(o.store, NULL, NULL, &o.ss, NULL));
	assert_ok(ss_seek_index(o.ss, 1999, &c, NULL));
	assert_ok(ss_next(c, &rec, &more, NULL));
	assert_true(more);
	assert_int_equal(rec.index, 1999);
	assert_ok(ss_next(c, &rec, &more, NULL));
	assert_false(more);
	assert_errno(EINVAL, ss_find(o.ss, (struct ss_bytes){(const uint8_t *)"a", 1}, &c, NULL));
	ss_cursor_close(c);
	c = NULL;
	close_structure(&o);
	golden_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_structure_reads_as_its_manifest_says),
		cmocka_unit_test(widths_of_keys_are_found),
		cmocka_unit_test(every_key_is_found_and_nothing_between_keys),
		cmocka_unit_test(a_walk_goes_on_from_any_place),
		cmocka_unit_test(a_walk_goes_back_from_any_place),
		cmocka_unit_test(a_look_up_reads_one_path_of_the_tree),
		cmocka_unit_test(every_memory_is_recognised),
		cmocka_unit_test(halves_of_a_log_find_each_other),
		cmocka_unit_test(a_vector_is_read_from_any_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
