// SPDX-License-Identifier: MIT
/*
 * Images that were cut short or have bytes flipped in their first page: whatever they claim,
 * opening and checking them writes nothing, agrees with each other, and says what is wrong.
 */
#include "tests/unit/images.h"

enum { PAGE = 65536, TABLE_END = 34848 };

static void assert_harmless(struct store *mem)
{
	auto_store struct store *s = faulty_store_new(mem);
	auto_free struct seen *seen = malloc(sizeof(*seen));
	struct err err = {""}, check_err = {""};
	auto_mm struct mm *mm = NULL;
	enum mm_kind kind;
	int rc, check_rc;

	assert_ok(mm_probe(s, &kind, &err));
	assert_true(strlen(err.text) > 10);
	memset(seen, 0, sizeof(*seen));
	check_rc = mm_check(s, NULL, NULL, &seen->result, &check_err);
	rc = mm_open(s, &mm, &err);
	switch (rc) {
	case 0:
		assert_ok_err(check_rc, &check_err);
		assert_int_equal(seen->result.errors, 0);
		assert_int_equal(kind, MM_MANAGED);
		break;
	case -EINVAL:
		assert_errno(EINVAL, check_rc);
		assert_int_not_equal(kind, MM_MANAGED);
		assert_true(strlen(check_err.text) > 10);
		break;
	default:
		assert_true(rc == -EUCLEAN || rc == -ENOTSUP);
		assert_ok_err(check_rc, &check_err);
		assert_true(seen->result.errors > 0);
		assert_int_equal(kind, MM_MANAGED);
	}
	if (rc < 0)
		assert_true(strlen(err.text) > 20);
	assert_int_equal(faulty_count(s, FAULTY_CHANGE | FAULTY_SYNC), 0);
}

static struct store *random_image(struct rng *rng)
{
	struct image_plan plan = image_plan_random(rng);

	return image_build(&plan, rng);
}

static void flipped_bytes_are_named_and_nothing_is_written(void **state)
{
	struct rng rng = rng_start("flipped bytes");
	auto_store struct store *s = random_image(&rng);
	uint8_t page[PAGE];

	memcpy(page, mem_store_bytes(s), PAGE);
	for (unsigned round = test_rounds(4000); round > 0; round--) {
		uint64_t limit = rng_one_in(&rng, 2) ? 48 : rng_one_in(&rng, 2) ? 2200 : TABLE_END;

		for (uint64_t n = 1 + rng_below(&rng, 8); n > 0; n--)
			mem_store_bytes(s)[rng_below(&rng, limit)] ^=
				(uint8_t)(1 + rng_below(&rng, 255));
		assert_harmless(s);
		memcpy(mem_store_bytes(s), page, PAGE);
	}
}

static void a_first_page_of_noise_is_named_and_nothing_is_written(void **state)
{
	struct rng rng = rng_start("noise");
	auto_store struct store *s = mem_store_new(NULL, 3 * PAGE);

	for (unsigned round = test_rounds(1000); round > 0; round--) {
		rng_fill(&rng, mem_store_bytes(s), 40 + rng_below(&rng, PAGE));
		memcpy(mem_store_bytes(s), "MGR\1", 3 + rng_below(&rng, 2));
		assert_harmless(s);
	}
}

static void any_truncation_is_named_and_nothing_is_written(void **state)
{
	struct rng rng = rng_start("truncation");

	for (unsigned round = test_rounds(20); round > 0; round--) {
		auto_store struct store *s = random_image(&rng);

		while (s->len > 0) {
			uint64_t cut = 1 + rng_below(&rng, rng_one_in(&rng, 2) ? 3 * PAGE : 5000);

			assert_ok(store_resize(s, s->len - MIN(cut, s->len), NULL));
			assert_harmless(s);
		}
	}
}

static void every_length_of_the_first_page_is_taken(void **state)
{
	auto_store struct store *s = mem_store_new(NULL, 0);

	assert_ok(mm_create(s, 16, NULL));
	while (s->len > 0) {
		assert_ok(store_resize(s, s->len - MIN(s->len, s->len > TABLE_END + 5 ? 97 : 1),
				       NULL));
		if (s->len < TABLE_END - 20)
			assert_ok(store_resize(s, s->len / 2, NULL));
		assert_harmless(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flipped_bytes_are_named_and_nothing_is_written),
		cmocka_unit_test(a_first_page_of_noise_is_named_and_nothing_is_written),
		cmocka_unit_test(any_truncation_is_named_and_nothing_is_written),
		cmocka_unit_test(every_length_of_the_first_page_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
