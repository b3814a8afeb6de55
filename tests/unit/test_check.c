// SPDX-License-Identifier: MIT
/* One image per defect: what mm_check says of it, and what mm_repair makes of it. */
#include "memmgr/intent.h"
#include "tests/unit/images.h"

enum { PAGE = 65536, FREE = 255 };

/*
 * 2 pages a bucket, 7 pages in all: memory 0 has 3 pages in buckets 0 and 2, memory 1 has 2 in
 * bucket 1. Every page begins with 0xa0 + its number in the image.
 */
static struct store *small_image(void)
{
	struct store *s = mem_store_new(NULL, 7 * PAGE);
	uint8_t *img = mem_store_bytes(s);

	memcpy(img, "MGR\1\3\0\2\0", 8);
	image_set_size(img, 0, 3);
	image_set_size(img, 1, 2);
	memset(image_owner(img), FREE, MM_MAX_BUCKETS);
	memcpy(image_owner(img), "\0\1\0", 3);
	for (unsigned page = 1; page < 6; page++)
		img[page * PAGE] = (uint8_t)(0xa0 + page);
	return s;
}

static void empty_manager(struct store *s)
{
	assert_ok(store_resize(s, PAGE, NULL));
	image_set_count(mem_store_bytes(s), 0);
	image_set_size(mem_store_bytes(s), 0, 0);
	image_set_size(mem_store_bytes(s), 1, 0);
	memset(image_owner(mem_store_bytes(s)), FREE, MM_MAX_BUCKETS);
}

/* ---- ways to bend it ---- */

static void leave(struct store *s)
{
}

static void version_2(struct store *s)
{
	mem_store_bytes(s)[3] = 2;
}

static void reserved_set(struct store *s)
{
	mem_store_bytes(s)[8] = mem_store_bytes(s)[39] = 1;
}

static void first_page_cut(struct store *s)
{
	empty_manager(s);
	assert_ok(store_resize(s, PAGE - 1, NULL));
}

static void ragged(struct store *s)
{
	assert_ok(store_resize(s, 7 * PAGE + 100, NULL));
}

static void ragged_in_slack(struct store *s)
{
	assert_ok(store_resize(s, 7 * PAGE - 100, NULL));
}

static void no_bucket_size(struct store *s)
{
	put_le16(mem_store_bytes(s) + 6, 0);
}

static void count_over_limit(struct store *s)
{
	image_set_count(mem_store_bytes(s), MM_MAX_BUCKETS + 1);
}

static void size_impossible(struct store *s)
{
	image_set_size(mem_store_bytes(s), 1, UINT64_MAX);
}

static void size_just_over_cap(struct store *s)
{
	image_set_size(mem_store_bytes(s), 1, 2 * MM_MAX_BUCKETS + 1);
}

static void count_too_low(struct store *s)
{
	image_set_count(mem_store_bytes(s), 1);
}

static void owner_behind_count(struct store *s)
{
	image_owner(mem_store_bytes(s))[3] = 1;
}

static void bucket_lost(struct store *s)
{
	image_owner(mem_store_bytes(s))[0] = FREE;
	memset(mem_store_bytes(s) + PAGE, 0, 2 * PAGE);
}

static void pages_cut(struct store *s)
{
	assert_ok(store_resize(s, 6 * PAGE - 1, NULL));
}

static void slack_cut(struct store *s)
{
	assert_ok(store_resize(s, 6 * PAGE, NULL));
}

static void one_bucket_too_many(struct store *s)
{
	image_set_size(mem_store_bytes(s), 0, 2);
	mem_store_bytes(s)[5 * PAGE] = 0;
}

static void hole_in_the_middle(struct store *s)
{
	image_set_size(mem_store_bytes(s), 1, 0);
	image_owner(mem_store_bytes(s))[1] = FREE;
	memset(mem_store_bytes(s) + 3 * PAGE, 0, 2 * PAGE);
}

static void holes_at_the_end(struct store *s)
{
	image_set_count(mem_store_bytes(s), 7);
}

static void slack_dirty(struct store *s)
{
	mem_store_bytes(s)[6 * PAGE] = 1;
}

static void hole_dirty(struct store *s)
{
	hole_in_the_middle(s);
	mem_store_bytes(s)[5 * PAGE - 1] = 1;
}

static void tail_dirty(struct store *s)
{
	assert_ok(store_resize(s, 9 * PAGE, NULL));
	mem_store_bytes(s)[8 * PAGE] = 1;
}

static void tail_zero(struct store *s)
{
	assert_ok(store_resize(s, 9 * PAGE, NULL));
}

/* Memory 1 is to become memory 9. */
static void interrupted(struct store *s)
{
	struct intent *it = calloc(1, sizeof(*it));
	struct layout *lay = malloc(sizeof(*lay));

	assert_non_null(it);
	assert_non_null(lay);
	assert_int_equal(LAYOUT_OK, layout_decode(mem_store_bytes(s), s->len, lay, NULL));
	it->buckets = 3;
	intent_resize(it, 1, 0);
	intent_resize(it, 9, 2);
	intent_add(intent_set_of(it, 9), 1);
	assert_ok(intent_seal(it, lay, NULL));
	free(lay);
	intent_encode(it, mem_store_bytes(s) + INTENT_OFF);
	free(it);
}

static void interrupted_early(struct store *s)
{
	interrupted(s);
	mem_store_bytes(s)[INTENT_OFF + 17] ^= 1;
}

static void bytes_behind_the_table(struct store *s)
{
	memset(mem_store_bytes(s) + 34848, 0x55, PAGE - 34848);
}

static const struct {
	const char *name;
	void (*bend)(struct store *s);
	const char *found[4]; /* what is reported, in order */
	int mm_id;            /* of the first finding */
	const char *says;     /* in the text of the first finding */
	bool repairable;
	uint64_t len_after; /* of the image, once repaired, in pages */
} cases[] = {
	{"sound", leave, {NULL}, -1, NULL, true, 7},
	{"zeros behind the last bucket", tail_zero, {NULL}, -1, NULL, true, 9},
	{"bytes behind the table", bytes_behind_the_table, {NULL}, -1, NULL, true, 7},
	{"version 2", version_2, {"newer-version"}, -1, "version 2", false, 0},
	{"unfinished", interrupted, {"unfinished-change"}, -1, "interrupted", true, 7},
	{"torn record", interrupted_early, {"torn-change"}, -1, "never began", true, 7},
	{"reserved", reserved_set, {"reserved-not-zero"}, -1, "2 of the 32", true, 7},
	{"half a page", first_page_cut, {"first-page-short"}, -1, "65535 bytes", true, 1},
	{"ragged", ragged, {"length-not-whole-pages"}, -1, "and 100 more", true, 7},
	{"ragged in slack",
	 ragged_in_slack,
	 {"length-not-whole-pages", "image-short"},
	 -1,
	 "and 65436 more",
	 true,
	 7},
	{"bucket size 0", no_bucket_size, {"bucket-size-zero"}, -1, "0 pages", false, 0},
	{"count over limit", count_over_limit, {"bucket-count-over-limit"}, -1, "32769", true, 7},
	{"size impossible", size_impossible, {"size-over-cap"}, 1, "18446744073709551615", true, 7},
	{"size just over cap", size_just_over_cap, {"size-over-cap"}, 1, "hold 2", true, 7},
	{"count too low", count_too_low, {"owner-past-count"}, -1, "1 to 2 are owned", true, 7},
	{"owner behind count",
	 owner_behind_count,
	 {"owner-past-count", "surplus-bucket"},
	 1,
	 "bucket 3 is owned",
	 true,
	 7},
	{"bucket lost",
	 bucket_lost,
	 {"memory-short-of-buckets", "bucket-hole"},
	 0,
	 "needs 2 buckets, but owns 1",
	 false,
	 0},
	{"pages cut",
	 pages_cut,
	 {"length-not-whole-pages", "memory-past-image"},
	 -1,
	 "and 65535 more",
	 false,
	 0},
	{"slack cut", slack_cut, {"image-short"}, -1, "no page is missing", true, 7},
	{"surplus", one_bucket_too_many, {"surplus-bucket"}, 0, "needs 1 buckets", true, 5},
	{"hole", hole_in_the_middle, {"bucket-hole"}, -1, "bucket 1 is owned by nobody", true, 5},
	{"holes at the end", holes_at_the_end, {"bucket-hole"}, -1, "buckets 3 to 6", true, 7},
	{"slack dirty", slack_dirty, {"stale-slack"}, 0, "byte 393216", true, 7},
	{"hole dirty", hole_dirty, {"bucket-hole", "stale-hole"}, -1, "bucket 1", true, 5},
	{"tail dirty", tail_dirty, {"stale-tail"}, -1, "131072 bytes", true, 7},
};

static void each_defect_is_reported_alone_and_in_its_order(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_store struct store *s = small_image();
		auto_free struct seen *seen = malloc(sizeof(*seen));
		unsigned n = 0;

		cases[i].bend(s);
		check_image(s, seen);
		for (; n < seen->count; n++)
			if (!cases[i].found[n] ||
			    strcmp(seen->findings[n].id, cases[i].found[n]) != 0)
				fail_msg("%s: found %s: %s", cases[i].name, seen->findings[n].id,
					 seen->findings[n].text);
		if (cases[i].found[n])
			fail_msg("%s: %s was not found", cases[i].name, cases[i].found[n]);
		if (n == 0)
			continue;
		assert_int_equal(seen->findings[0].mm_id, cases[i].mm_id);
		if (!strstr(seen->findings[0].text, cases[i].says))
			fail_msg("%s: said %s", cases[i].name, seen->findings[0].text);
		for (n = 0; n < seen->count; n++)
			assert_int_equal(seen->findings[n].repairable, cases[i].repairable);
	}
}

static void checking_writes_nothing(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_store struct store *mem = small_image();
		auto_store struct store *s = NULL;
		struct mm_check_result result;

		cases[i].bend(mem);
		s = faulty_store_new(mem);
		assert_ok(mm_check(s, NULL, NULL, &result, NULL));
		assert_int_equal(faulty_count(s, FAULTY_CHANGE | FAULTY_SYNC), 0);
	}
}

static void what_is_repairable_is_clean_afterwards(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_store struct store *s = small_image();
		struct err err;

		if (!cases[i].repairable)
			continue;
		cases[i].bend(s);
		assert_ok_err(mm_repair(s, &err), &err);
		assert_clean(s);
		if (s->len != cases[i].len_after * PAGE)
			fail_msg("%s: has %llu pages and a rest of %llu", cases[i].name,
				 (unsigned long long)s->len / PAGE,
				 (unsigned long long)s->len % PAGE);
	}
}

static void a_second_repair_changes_nothing(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_store struct store *mem = small_image();
		auto_store struct store *s = NULL;

		cases[i].bend(mem);
		assert_ok(mm_repair(mem, NULL));
		s = faulty_store_new(mem);
		assert_ok(mm_repair(s, NULL));
		assert_int_equal(faulty_count(s, FAULTY_CHANGE), 0);
	}
}

static void beside_an_error_without_repair_nothing_is_touched(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_store struct store *s = small_image();
		auto_free uint8_t *before = NULL;
		auto_free struct seen *seen = malloc(sizeof(*seen));
		uint64_t len;

		if (cases[i].repairable)
			continue;
		cases[i].bend(s);
		/* Any of these would be repaired, were it alone. */
		if (mem_store_bytes(s)[3] == 1)
			reserved_set(s);
		if (s->len == 7 * PAGE) {
			slack_dirty(s);
			ragged(s);
		}
		check_image(s, seen);
		for (unsigned n = 0; n < seen->count; n++)
			assert_false(seen->findings[n].repairable);
		len = s->len;
		before = malloc(len);
		memcpy(before, mem_store_bytes(s), len);
		assert_ok(mm_repair(s, NULL));
		assert_int_equal(s->len, len);
		assert_memory_equal(mem_store_bytes(s), before, len);
	}
}

static void a_completed_change_is_what_was_meant(void **state)
{
	auto_store struct store *s = small_image();
	uint64_t len;
	uint8_t *bytes;

	interrupted(s);
	assert_ok(mm_repair(s, NULL));
	assert_int_equal(image_pages(mem_store_bytes(s), 1), 0);
	bytes = image_memory(s, 9, &len);
	assert_int_equal(len, 2 * PAGE);
	assert_int_equal(bytes[0], 0xa3);
	free(bytes);
}

static void what_is_no_manager_is_refused(void **state)
{
	auto_store struct store *empty = mem_store_new(NULL, 0);
	auto_store struct store *raw = mem_store_new(NULL, 2 * PAGE);
	struct mm_check_result result;
	struct err err;

	assert_errno(EINVAL, mm_check(empty, NULL, NULL, &result, &err));
	assert_says(err.text, "no bytes");
	assert_errno(EINVAL, mm_repair(empty, NULL));
	memcpy(mem_store_bytes(raw), "MGR\1", 4);
	assert_errno(EINVAL, mm_check(raw, NULL, NULL, &result, &err));
	assert_says(err.text, "not a managed image");
	assert_errno(EINVAL, mm_repair(raw, NULL));
	assert_true(is_zero(mem_store_bytes(raw) + 4, raw->len - 4));
}

static void a_store_for_reading_is_checked_but_not_repaired(void **state)
{
	auto_store struct store *s = small_image();
	auto_free struct seen *seen = malloc(sizeof(*seen));

	slack_dirty(s);
	s->writable = false;
	check_image(s, seen);
	assert_non_null(seen_find(seen, "stale-slack"));
	assert_errno(EROFS, mm_repair(s, NULL));
}

static void a_store_that_cannot_be_read_is_an_error_not_a_finding(void **state)
{
	auto_store struct store *mem = small_image();
	auto_store struct store *s = faulty_store_new(mem);
	struct mm_check_result result;
	unsigned reads;

	assert_ok(mm_check(s, NULL, NULL, &result, NULL));
	reads = faulty_count(s, FAULTY_READ | FAULTY_NEXT_DATA);
	assert_true(reads > 1);
	for (unsigned i = 0; i < reads; i++) {
		faulty_fail(s, FAULTY_READ | FAULTY_NEXT_DATA, i, -EIO);
		assert_errno(EIO, mm_check(s, NULL, NULL, &result, NULL));
	}
}

static void thousands_of_holes_are_reported_in_bounds(void **state)
{
	auto_store struct store *s = mem_store_new(NULL, PAGE);
	auto_free struct seen *seen = malloc(sizeof(*seen));
	uint8_t *img = mem_store_bytes(s);

	memcpy(img, "MGR\1\0\200\1\0", 8);
	memset(image_owner(img), FREE, MM_MAX_BUCKETS);
	for (uint32_t i = 1; i < MM_MAX_BUCKETS; i += 2)
		image_owner(img)[i] = 7;
	check_image(s, seen);
	assert_true(seen->count < 100);
	assert_non_null(seen_find(seen, "surplus-bucket"));
	assert_string_equal(seen->findings[seen->count - 1].id, "bucket-hole");
	assert_says(seen->findings[seen->count - 1].text, "and more of the same kind");
	assert_ok(mm_repair(s, NULL));
	assert_clean(s);
	assert_int_equal(s->len, PAGE);
}

static void every_defect_has_a_name_and_is_tried(void **state)
{
	for (const struct mm_defect *d = mm_defects; d->id; d++) {
		bool tried = false;

		assert_non_null(d->text);
		assert_true(strspn(d->id, "abcdefghijklmnopqrstuvwxyz-") == strlen(d->id));
		for (const struct mm_defect *other = mm_defects; other < d; other++)
			assert_string_not_equal(other->id, d->id);
		for (size_t i = 0; i < ARRAY_LEN(cases); i++)
			for (size_t k = 0; k < 4 && cases[i].found[k]; k++)
				tried |= strcmp(cases[i].found[k], d->id) == 0;
		if (!tried)
			fail_msg("no case has %s", d->id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_defect_is_reported_alone_and_in_its_order),
		cmocka_unit_test(checking_writes_nothing),
		cmocka_unit_test(what_is_repairable_is_clean_afterwards),
		cmocka_unit_test(a_second_repair_changes_nothing),
		cmocka_unit_test(beside_an_error_without_repair_nothing_is_touched),
		cmocka_unit_test(a_completed_change_is_what_was_meant),
		cmocka_unit_test(what_is_no_manager_is_refused),
		cmocka_unit_test(a_store_for_reading_is_checked_but_not_repaired),
		cmocka_unit_test(a_store_that_cannot_be_read_is_an_error_not_a_finding),
		cmocka_unit_test(thousands_of_holes_are_reported_in_bounds),
		cmocka_unit_test(every_defect_has_a_name_and_is_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
