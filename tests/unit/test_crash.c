// SPDX-License-Identifier: MIT
/* Crashes that a random run seldom meets: each at every step, each several times. */
#include "tests/unit/images.h"

enum { PAGE = 65536, BLOCK = 4096, VARIANTS = 9 };

/* The first bucket whose owner byte lies in another 4 KiB block of page 0 than the bucket count. */
enum { FAR_BUCKET = BLOCK - 2080 };

static struct store *new_image(uint32_t bucket_pages)
{
	struct store *s = mem_store_new(NULL, 0);

	assert_ok(mm_create(s, bucket_pages, NULL));
	return s;
}

static struct mm *open_image(struct store *s)
{
	struct mm *mm = NULL;
	struct err err;

	assert_ok_err(mm_open(s, &mm, &err), &err);
	return mm;
}

static uint64_t pages_of(struct mm *mm, unsigned mm_id)
{
	struct mm_memory memory;

	mm_memory(mm, mm_id, &memory);
	return memory.pages;
}

/* Whether every byte of a page of a memory is one of these two. */
static bool page_is(struct mm *mm, unsigned mm_id, uint64_t page, uint8_t a, uint8_t b)
{
	uint8_t got[PAGE];

	assert_ok(mm_read(mm, mm_id, got, PAGE, page * PAGE, NULL));
	for (unsigned i = 0; i < PAGE; i++)
		if (got[i] != a && got[i] != b)
			return false;
	return true;
}

static void fill_page(struct mm *mm, unsigned mm_id, uint64_t page, uint8_t byte)
{
	uint8_t bytes[PAGE];

	memset(bytes, byte, PAGE);
	assert_ok(mm_write(mm, mm_id, bytes, PAGE, page * PAGE, NULL));
}

typedef void look_fn(struct mm *mm);

/* Looks at what a kill and a power cut at each step since faulty_record leave behind. */
static void crash_everywhere(struct store *s, look_fn *look)
{
	struct rng rng = rng_start("crash");

	for (size_t n = 0; n <= faulty_steps(s); n++) {
		for (unsigned i = 0; i < VARIANTS; i++) {
			auto_store struct store *left = i == 0 ? faulty_after_kill(s, n, 0)
							       : faulty_after_power_cut(s, n, &rng);
			auto_mm struct mm *mm = open_image(left);

			look(mm);
		}
	}
}

static void expect_3_or_8_pages(struct mm *mm)
{
	uint64_t pages = pages_of(mm, 7);

	assert_true(pages == 3 || pages == 8);
	for (uint64_t i = 3; i < pages; i++)
		assert_true(page_is(mm, 7, i, 0, 0));
	assert_int_equal(pages_of(mm, 0), FAR_BUCKET - 6);
}

static void growing_where_the_table_leaves_the_counts_block(void **state)
{
	auto_store struct store *mem = new_image(1);
	auto_store struct store *s = NULL;
	auto_mm struct mm *mm = open_image(mem);

	assert_ok(mm_grow(mm, 0, FAR_BUCKET - 6, NULL));
	assert_ok(mm_grow(mm, 7, 3, NULL));
	mm_drop(mm);
	s = faulty_store_new(mem);
	mm = open_image(s);
	faulty_record(s);
	assert_ok(mm_grow(mm, 7, 8, NULL));
	crash_everywhere(s, expect_3_or_8_pages);
	assert_ok(mm_sync(mm, NULL));
	faulty_record(s);
	assert_ok(mm_resize(mm, 7, 3, NULL));
	crash_everywhere(s, expect_3_or_8_pages);
}

static void expect_7_and_9_exchanged_or_not(struct mm *mm)
{
	uint64_t pages = pages_of(mm, 7);

	assert_int_equal(pages + pages_of(mm, 9), 5);
	assert_true(pages == 2 || pages == 3);
	for (uint64_t i = 0; i < 5; i++) {
		bool is_a = pages == 2 ? i >= 2 : i < 3;
		unsigned id = i < pages ? 7 : 9;
		uint8_t byte = is_a ? 0xaa : 0xbb;

		assert_true(page_is(mm, id, i < pages ? i : i - pages, byte, byte));
	}
}

static void exchanging_where_the_table_leaves_the_counts_block(void **state)
{
	auto_store struct store *mem = new_image(1);
	auto_store struct store *s = NULL;
	auto_mm struct mm *mm = open_image(mem);

	assert_ok(mm_grow(mm, 0, FAR_BUCKET - 2, NULL));
	assert_ok(mm_grow(mm, 7, 3, NULL));
	assert_ok(mm_grow(mm, 9, 2, NULL));
	for (uint64_t i = 0; i < 3; i++)
		fill_page(mm, 7, i, 0xaa);
	for (uint64_t i = 0; i < 2; i++)
		fill_page(mm, 9, i, 0xbb);
	mm_drop(mm);
	s = faulty_store_new(mem);
	mm = open_image(s);
	faulty_record(s);
	assert_ok(mm_exchange(mm, 7, 9, NULL));
	crash_everywhere(s, expect_7_and_9_exchanged_or_not);
}

enum { LARGE_PAGES = 256 }; /* 16 MiB: from there on buckets are given ahead */

static void expect_large_or_one_page_more(struct mm *mm)
{
	uint64_t pages = pages_of(mm, 5);

	assert_true(pages == LARGE_PAGES || pages == LARGE_PAGES + 1);
	assert_true(page_is(mm, 5, 0, 0xaa, 0xaa));
	assert_true(page_is(mm, 5, pages - 1, 0, 0));
}

static void growing_ahead_and_closing(void **state)
{
	auto_store struct store *mem = new_image(16);
	auto_store struct store *s = faulty_store_new(mem);
	auto_mm struct mm *mm = open_image(s);
	struct mm_memory memory;

	assert_ok(mm_grow(mm, 5, LARGE_PAGES, NULL));
	fill_page(mm, 5, 0, 0xaa);
	assert_ok(mm_sync(mm, NULL));
	faulty_record(s);
	assert_ok(mm_grow_ahead(mm, 5, LARGE_PAGES + 1, NULL));
	mm_memory(mm, 5, &memory);
	assert_true(memory.buckets > LARGE_PAGES / 16 + 1);
	assert_ok(mm_close(mm, NULL));
	mm = NULL;
	crash_everywhere(s, expect_large_or_one_page_more);
	assert_clean(mem);
}

static void expect_1_or_2_pages(struct mm *mm)
{
	uint64_t pages = pages_of(mm, 5);

	assert_true(pages == 1 || pages == 2);
	assert_true(page_is(mm, 5, 0, 0xaa, 0xaa));
	if (pages == 2)
		assert_true(page_is(mm, 5, 1, 0, 0));
}

static void growing_over_bytes_that_someone_left_in_the_slack(void **state)
{
	auto_store struct store *mem = new_image(4);
	auto_store struct store *s = NULL;
	auto_mm struct mm *mm = open_image(mem);

	assert_ok(mm_grow(mm, 5, 1, NULL));
	fill_page(mm, 5, 0, 0xaa);
	mm_drop(mm);
	memset(mem_store_bytes(mem) + 2 * PAGE, 0x55, 3 * PAGE);
	s = faulty_store_new(mem);
	mm = open_image(s);
	faulty_record(s);
	assert_ok(mm_grow(mm, 5, 2, NULL));
	crash_everywhere(s, expect_1_or_2_pages);
}

static void expect_all_or_1_page(struct mm *mm)
{
	uint64_t pages = pages_of(mm, 5);

	assert_true(pages == 1 || pages == 3);
	for (uint64_t i = 0; i < pages; i++)
		assert_true(page_is(mm, 5, i, 0xaa, 0xaa));
}

static void shrinking_inside_a_bucket(void **state)
{
	auto_store struct store *mem = new_image(4);
	auto_store struct store *s = faulty_store_new(mem);
	auto_mm struct mm *mm = open_image(s);

	assert_ok(mm_grow(mm, 5, 3, NULL));
	for (uint64_t i = 0; i < 3; i++)
		fill_page(mm, 5, i, 0xaa);
	assert_ok(mm_sync(mm, NULL));
	faulty_record(s);
	assert_ok(mm_resize(mm, 5, 1, NULL));
	crash_everywhere(s, expect_all_or_1_page);
}

/* Another memory takes over the buckets that a shrinking one has given up. */
static void expect_own_bytes(struct mm *mm)
{
	for (uint64_t i = 0; i < pages_of(mm, 5); i++)
		assert_true(page_is(mm, 5, i, 0xaa, 0xaa));
	for (uint64_t i = 0; i < pages_of(mm, 6); i++)
		assert_true(page_is(mm, 6, i, 0, 0xbb));
}

static void a_bucket_that_changes_hands(void **state)
{
	auto_store struct store *mem = new_image(1);
	auto_store struct store *s = faulty_store_new(mem);
	auto_mm struct mm *mm = open_image(s);

	assert_ok(mm_grow(mm, 5, 3, NULL));
	for (uint64_t i = 0; i < 3; i++)
		fill_page(mm, 5, i, 0xaa);
	assert_ok(mm_grow(mm, 0, 1, NULL));
	assert_ok(mm_sync(mm, NULL));
	faulty_record(s);
	assert_ok(mm_resize(mm, 5, 1, NULL));
	assert_ok(mm_grow(mm, 6, 2, NULL));
	fill_page(mm, 6, 0, 0xbb);
	fill_page(mm, 6, 1, 0xbb);
	crash_everywhere(s, expect_own_bytes);
}

static void a_growth_that_fails_gives_its_buckets_back(void **state)
{
	auto_store struct store *mem = new_image(1);
	auto_store struct store *s = faulty_store_new(mem);
	auto_mm struct mm *mm = open_image(s);

	for (unsigned n = 0;; n++) {
		struct mm_memory memory;
		struct mm_stat stat;
		int rc;

		faulty_fail(s, FAULTY_ANY, n, -EIO);
		rc = mm_grow(mm, 5, 3, NULL);
		if (rc == 0)
			break;
		assert_errno(EIO, rc);
		mm_memory(mm, 5, &memory);
		mm_stat(mm, &stat);
		assert_int_equal(memory.pages, 0);
		assert_int_equal(memory.buckets, 0);
		assert_int_equal(stat.buckets - stat.holes, 0);
		faulty_heal(s);
	}
	assert_int_equal(pages_of(mm, 5), 3);
}

/* The content of two memories that are replaced together: the byte that all of it has. */
static int one_byte(void *ctx, void *buf, size_t len, uint64_t off, size_t *got, struct err *err)
{
	memset(buf, *(const uint8_t *)ctx, len);
	*got = len;
	return 0;
}

static void expect_both_old_or_both_new(struct mm *mm)
{
	bool new = pages_of(mm, 5) == 3;

	assert_int_equal(pages_of(mm, 5), new ? 3 : 2);
	assert_int_equal(pages_of(mm, 6), new ? 1 : 2);
	for (unsigned id = 5; id <= 6; id++)
		for (uint64_t i = 0; i < pages_of(mm, id); i++)
			assert_true(page_is(mm, id, i, new ? 0xbb : 0xaa, new ? 0xbb : 0xaa));
	assert_true(page_is(mm, 7, 0, 0xcc, 0xcc));
}

static void two_memories_replaced_together(void **state)
{
	auto_store struct store *mem = new_image(1);
	auto_store struct store *s = faulty_store_new(mem);
	auto_mm struct mm *mm = open_image(s);
	uint8_t byte = 0xbb;
	const struct mm_content content[] = {{6, PAGE, one_byte, &byte},
					     {5, 3 * PAGE, one_byte, &byte}};

	for (unsigned id = 5; id <= 6; id++) {
		assert_ok(mm_grow(mm, id, 2, NULL));
		fill_page(mm, id, 0, 0xaa);
		fill_page(mm, id, 1, 0xaa);
	}
	assert_ok(mm_grow(mm, 7, 1, NULL));
	fill_page(mm, 7, 0, 0xcc);
	assert_ok(mm_sync(mm, NULL));
	faulty_record(s);
	assert_ok(mm_replace_all(mm, content, 2, NULL));
	expect_both_old_or_both_new(mm);
	assert_int_equal(pages_of(mm, 5), 3);
	assert_ok(mm_close(mm, NULL));
	mm = NULL;
	crash_everywhere(s, expect_both_old_or_both_new);
	assert_clean(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growing_where_the_table_leaves_the_counts_block),
		cmocka_unit_test(exchanging_where_the_table_leaves_the_counts_block),
		cmocka_unit_test(growing_ahead_and_closing),
		cmocka_unit_test(growing_over_bytes_that_someone_left_in_the_slack),
		cmocka_unit_test(shrinking_inside_a_bucket),
		cmocka_unit_test(a_bucket_that_changes_hands),
		cmocka_unit_test(two_memories_replaced_together),
		cmocka_unit_test(a_growth_that_fails_gives_its_buckets_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
