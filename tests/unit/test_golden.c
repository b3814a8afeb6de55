// SPDX-License-Identifier: MIT
/* Every image that the real library wrote: read, made again, checked and repaired. */
#include "memmgr/memmgr.h"
#include "tests/unit/golden.h"
#include "tests/unit/images.h"

#include <openssl/evp.h>
#include <stdio.h>

static uint64_t number(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return (uint64_t)json_integer_value(value);
}

static void assert_sha256(const uint8_t *bytes, size_t len, const json_t *object, const char *key)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned digest_len;

	assert_true(EVP_Digest(bytes, len, digest, &digest_len, EVP_sha256(), NULL));
	for (unsigned i = 0; i < digest_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(hex, json_string_value(json_object_get(object, key)));
}

static void for_each(void (*fn)(const char *name, struct store *s, json_t *manifest))
{
	char **names = golden_names();

	for (size_t i = 0; names[i]; i++) {
		struct store *s = golden_image(names[i]);
		json_t *manifest = golden_manifest(names[i]);

		fn(names[i], s, manifest);
		store_close(s);
		json_decref(manifest);
	}
	golden_names_free(names);
}

static void assert_memory(struct mm *mm, const json_t *wanted)
{
	unsigned id = (unsigned)number(wanted, "id");
	json_t *buckets = json_object_get(wanted, "buckets");
	auto_free uint8_t *bytes = NULL;
	struct mm_memory memory;
	size_t len;

	mm_memory(mm, id, &memory);
	assert_int_equal(memory.pages, number(wanted, "pages"));
	assert_int_equal(memory.buckets, json_array_size(buckets));
	for (size_t i = 0; i < json_array_size(buckets); i++)
		assert_int_equal(mm_bucket_owner(mm, (uint32_t)json_integer_value(
							     json_array_get(buckets, i))),
				 id);
	len = memory.pages * MM_PAGE_LEN;
	bytes = malloc(MAX(len, 1));
	assert_non_null(bytes);
	assert_ok(mm_read(mm, id, bytes, len, 0, NULL));
	assert_sha256(bytes, len, wanted, "sha256");
}

static void assert_managed(struct store *s, const json_t *manifest)
{
	json_t *memories = json_object_get(manifest, "memories");
	auto_mm struct mm *mm = NULL;
	struct mm_stat stat;
	struct err err;

	assert_ok_err(mm_open(s, &mm, &err), &err);
	mm_stat(mm, &stat);
	assert_int_equal(stat.bucket_pages, number(manifest, "bucket_size_pages"));
	assert_int_equal(stat.buckets, number(manifest, "num_allocated_buckets"));
	assert_int_equal(stat.memories, json_array_size(memories));
	for (size_t i = 0; i < json_array_size(memories); i++)
		assert_memory(mm, json_array_get(memories, i));
}

static void read_one(const char *name, struct store *s, json_t *manifest)
{
	bool managed = json_is_true(json_object_get(manifest, "manager"));
	struct mm *mm;
	enum mm_kind kind;

	assert_int_equal(s->len, number(manifest, "image_size"));
	assert_sha256(mem_store_bytes(s), s->len, manifest, "image_sha256");
	s->writable = false;
	assert_ok(mm_probe(s, &kind, NULL));
	assert_int_equal(kind, managed ? MM_MANAGED : MM_RAW);
	if (managed)
		assert_managed(s, manifest);
	else
		assert_errno(EINVAL, mm_open(s, &mm, NULL));
}

static void each_image_reads_as_its_manifest_says(void **state)
{
	for_each(read_one);
}

static unsigned replayed;

static void replay_one(const char *name, struct store *s, json_t *manifest)
{
	json_t *growth = json_object_get(manifest, "growth");
	auto_store struct store *made = mem_store_new(NULL, 0);
	auto_mm struct mm *mm = NULL;
	size_t i;
	json_t *call;

	if (!growth)
		return;
	assert_ok(mm_create(made, (uint32_t)number(manifest, "bucket_size_pages"), NULL));
	assert_ok(mm_open(made, &mm, NULL));
	json_array_foreach(growth, i, call)
	{
		unsigned id = (unsigned)json_integer_value(json_array_get(call, 0));
		struct mm_memory memory;

		mm_memory(mm, id, &memory);
		assert_ok(mm_grow(mm, id,
				  memory.pages +
					  (uint64_t)json_integer_value(json_array_get(call, 1)),
				  NULL));
	}
	/* Made over another image, it keeps that one's length. */
	if (json_object_get(manifest, "base"))
		assert_true(made->len <= s->len);
	else
		assert_int_equal(made->len, s->len);
	assert_memory_equal(mem_store_bytes(made), mem_store_bytes(s), 34848);
	replayed++;
}

static void the_same_growth_makes_the_same_first_page(void **state)
{
	replayed = 0;
	for_each(replay_one);
	assert_true(replayed > 0);
}

/* The images that were edited by hand, and the one that was made over another. */
static const struct {
	const char *name;
	const char *found[3];
} odd[] = {
	{"m_hole_mid", {"bucket-hole", "stale-hole"}},
	{"m_hole_tail", {"bucket-hole", "stale-hole"}},
	{"m_slack", {"stale-tail"}},
	{"n_stale_reinit", {"stale-tail"}},
};

static void check_one(const char *name, struct store *s, json_t *manifest)
{
	auto_free struct seen *seen = malloc(sizeof(*seen));
	auto_store struct store *before = NULL;

	if (!json_is_true(json_object_get(manifest, "manager")))
		return;
	check_image(s, seen);
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		for (unsigned k = 0; strcmp(odd[i].name, name) == 0 && odd[i].found[k]; k++)
			if (!seen_find(seen, odd[i].found[k]))
				fail_msg("%s: %s was not found", name, odd[i].found[k]);
	for (unsigned n = 0; n < seen->count; n++) {
		bool wanted = false;

		for (size_t i = 0; i < ARRAY_LEN(odd); i++)
			for (unsigned k = 0; strcmp(odd[i].name, name) == 0 && odd[i].found[k]; k++)
				wanted |= strcmp(odd[i].found[k], seen->findings[n].id) == 0;
		if (!wanted)
			fail_msg("%s: found %s: %s", name, seen->findings[n].id,
				 seen->findings[n].text);
	}
	if (seen->count == 0)
		return;
	before = mem_store_new(mem_store_bytes(s), s->len);
	assert_ok(mm_repair(s, NULL));
	assert_clean(s);
	assert_same_memories(before, s, -1);
}

static void only_what_was_edited_or_is_stale_is_found_and_repaired(void **state)
{
	for_each(check_one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_image_reads_as_its_manifest_says),
		cmocka_unit_test(the_same_growth_makes_the_same_first_page),
		cmocka_unit_test(only_what_was_edited_or_is_stale_is_found_and_repaired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
