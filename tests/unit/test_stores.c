// SPDX-License-Identifier: MIT
/* The tests' own stores: a test that stands on them proves nothing unless they do what they say. */
#include "tests/unit/stores.h"

enum { BLOCK = 4096 };

/* Whether every byte of a block is `byte`. */
static bool block_is(struct store *s, unsigned block, uint8_t byte)
{
	uint8_t wanted[BLOCK];

	memset(wanted, byte, sizeof(wanted));
	return memcmp(mem_store_bytes(s) + block * BLOCK, wanted, BLOCK) == 0;
}

static void write_block(struct store *s, unsigned block, uint8_t byte, unsigned flags)
{
	uint8_t bytes[BLOCK];

	memset(bytes, byte, sizeof(bytes));
	assert_ok(store_write(s, bytes, BLOCK, block * BLOCK, flags, NULL));
}

static void memory_grows_with_zeros_up_to_its_limit(void **state)
{
	auto_store struct store *s = mem_store_new("abc", 3);

	assert_ok(store_resize(s, 1, NULL));
	assert_ok(store_resize(s, 4, NULL));
	assert_memory_equal(mem_store_bytes(s), "a\0\0\0", 4);
	mem_store_limit(s, 4);
	assert_errno(ENOSPC, store_resize(s, 5, NULL));
	assert_int_equal(s->len, 4);
}

static void memory_finds_data_block_by_block(void **state)
{
	auto_store struct store *s = mem_store_new(NULL, 5 * BLOCK + 10);
	uint64_t start, end;

	mem_store_bytes(s)[2 * BLOCK + 7] = 1;
	mem_store_bytes(s)[5 * BLOCK + 9] = 1;
	assert_ok(store_next_data(s, 1, &start, &end, NULL));
	assert_int_equal(start, 2 * BLOCK);
	assert_int_equal(end, 3 * BLOCK);
	assert_ok(store_next_data(s, end, &start, &end, NULL));
	assert_int_equal(start, 5 * BLOCK);
	assert_int_equal(end, 5 * BLOCK + 10);
	mem_store_bytes(s)[5 * BLOCK + 9] = 0;
	assert_ok(store_next_data(s, 3 * BLOCK, &start, &end, NULL));
	assert_int_equal(start, s->len);
}

static void only_the_chosen_call_fails(void **state)
{
	auto_store struct store *mem = mem_store_new(NULL, 10);
	auto_store struct store *s = faulty_store_new(mem);

	faulty_fail(s, FAULTY_WRITE | FAULTY_ZERO, 1, -ENOSPC);
	assert_ok(store_write(s, "a", 1, 0, 0, NULL));
	assert_ok(store_sync(s, NULL));
	assert_errno(ENOSPC, store_zero(s, 0, 1, NULL));
	assert_int_equal(mem_store_bytes(mem)[0], 'a');
	assert_ok(store_zero(s, 0, 1, NULL));
	assert_int_equal(faulty_count(s, FAULTY_WRITE | FAULTY_ZERO), 3);
}

static void a_late_failure_comes_after_the_effect(void **state)
{
	auto_store struct store *mem = mem_store_new(NULL, 10);
	auto_store struct store *s = faulty_store_new(mem);

	faulty_fail_late(s, FAULTY_WRITE, 0, -EIO);
	assert_errno(EIO, store_write(s, "a", 1, 0, STORE_DURABLE, NULL));
	assert_int_equal(mem_store_bytes(mem)[0], 'a');
	faulty_fail_late(s, FAULTY_RESIZE, 0, -EIO);
	assert_errno(EIO, store_resize(s, 5, NULL));
	assert_int_equal(s->len, 5);
}

static void after_a_cut_nothing_works_and_the_last_write_is_torn(void **state)
{
	auto_store struct store *mem = mem_store_new("----------", 10);
	auto_store struct store *s = faulty_store_new(mem);
	char byte;

	faulty_cut(s, 1, 2);
	assert_ok(store_write(s, "a", 1, 0, 0, NULL));
	assert_errno(EIO, store_write(s, "bcd", 3, 1, 0, NULL));
	assert_errno(EIO, store_read(s, &byte, 1, 0, NULL));
	assert_errno(EIO, store_sync(s, NULL));
	assert_memory_equal(mem_store_bytes(mem), "abc-------", 10);
	faulty_heal(s);
	assert_ok(store_read(s, &byte, 1, 0, NULL));
}

static void a_kill_leaves_a_prefix_of_the_steps(void **state)
{
	auto_store struct store *mem = mem_store_new(NULL, 3 * BLOCK);
	auto_store struct store *s = faulty_store_new(mem);
	uint8_t ones[2 * BLOCK];

	memset(ones, 1, sizeof(ones));
	faulty_record(s);
	assert_ok(store_resize(s, 4 * BLOCK, NULL));
	assert_ok(store_write(s, ones, sizeof(ones), BLOCK, 0, NULL));
	assert_ok(store_zero(s, BLOCK, BLOCK, NULL));
	assert_int_equal(faulty_steps(s), 3);
	{
		auto_store struct store *before = faulty_after_kill(s, 0, 0);
		auto_store struct store *torn = faulty_after_kill(s, 1, 1);
		auto_store struct store *after = faulty_after_kill(s, 3, 0);

		assert_int_equal(before->len, 3 * BLOCK);
		assert_int_equal(torn->len, 4 * BLOCK);
		assert_true(block_is(torn, 1, 1));
		assert_true(block_is(torn, 2, 0));
		assert_true(block_is(after, 1, 0));
		assert_true(block_is(after, 2, 1));
	}
}

/* Block 0 is synced, 1 durable, 2 written twice, 3 behind a growth. */
static void a_power_cut_keeps_what_was_synced_and_any_of_the_rest(void **state)
{
	auto_store struct store *mem = mem_store_new(NULL, 3 * BLOCK);
	auto_store struct store *s = faulty_store_new(mem);
	struct rng rng = rng_start("power cut");
	unsigned seen[3] = {0}, grown = 0, data = 0;

	faulty_record(s);
	write_block(s, 0, 1, 0);
	assert_ok(store_sync(s, NULL));
	write_block(s, 1, 1, STORE_DURABLE);
	write_block(s, 2, 1, 0);
	write_block(s, 2, 2, 0);
	assert_ok(store_resize(s, 4 * BLOCK, NULL));
	write_block(s, 3, 1, 0);
	for (int i = 0; i < 200; i++) {
		auto_store struct store *left = faulty_after_power_cut(s, faulty_steps(s), &rng);

		assert_true(block_is(left, 0, 1));
		assert_true(block_is(left, 1, 1));
		seen[mem_store_bytes(left)[2 * BLOCK]]++;
		grown += left->len == 4 * BLOCK;
		data += left->len == 4 * BLOCK && block_is(left, 3, 1);
	}
	assert_true(seen[0] > 0 && seen[1] > 0 && seen[2] > 0);
	assert_true(grown > data && data > 0 && grown < 200);
}

static void a_durable_write_that_has_only_begun_may_be_torn(void **state)
{
	uint8_t ones[2 * BLOCK];
	auto_store struct store *mem = mem_store_new(NULL, 2 * BLOCK);
	auto_store struct store *s = faulty_store_new(mem);
	struct rng rng = rng_start("torn durable write");
	unsigned torn = 0;

	memset(ones, 1, sizeof(ones));
	faulty_record(s);
	assert_ok(store_write(s, ones, sizeof(ones), 0, STORE_DURABLE, NULL));
	for (int i = 0; i < 50; i++) {
		auto_store struct store *left = faulty_after_power_cut(s, 0, &rng);

		torn += mem_store_bytes(left)[0] != mem_store_bytes(left)[BLOCK];
	}
	assert_true(torn > 0);
}

static void a_durable_write_behind_a_growth_keeps_the_growth(void **state)
{
	auto_store struct store *mem = mem_store_new(NULL, BLOCK);
	auto_store struct store *s = faulty_store_new(mem);
	struct rng rng = rng_start("durable growth");

	faulty_record(s);
	assert_ok(store_resize(s, 2 * BLOCK, NULL));
	write_block(s, 1, 1, STORE_DURABLE);
	for (int i = 0; i < 50; i++) {
		auto_store struct store *left = faulty_after_power_cut(s, faulty_steps(s), &rng);

		assert_int_equal(left->len, 2 * BLOCK);
		assert_true(block_is(left, 1, 1));
	}
}

static void after_a_cut_length_came_back_the_old_bytes_do_not(void **state)
{
	uint8_t ones[2 * BLOCK];
	auto_store struct store *mem = NULL;
	auto_store struct store *s = NULL;
	struct rng rng = rng_start("cut length");
	unsigned lengths[3] = {0};

	memset(ones, 1, sizeof(ones));
	mem = mem_store_new(ones, sizeof(ones));
	s = faulty_store_new(mem);
	faulty_record(s);
	assert_ok(store_resize(s, BLOCK, NULL));
	write_block(s, 0, 2, STORE_DURABLE);
	assert_ok(store_resize(s, 2 * BLOCK, NULL));
	assert_ok(store_write(s, ones, 1, 2 * BLOCK - 1, STORE_DURABLE, NULL));
	for (int i = 0; i < 50; i++) {
		auto_store struct store *early = faulty_after_power_cut(s, 2, &rng);
		auto_store struct store *late = faulty_after_power_cut(s, 4, &rng);

		lengths[early->len / BLOCK]++;
		assert_true(block_is(early, 0, 2));
		if (early->len == 2 * BLOCK)
			assert_true(block_is(early, 1, 1) || block_is(early, 1, 0));
		assert_int_equal(late->len, 2 * BLOCK);
		assert_true(is_zero(mem_store_bytes(late) + BLOCK, BLOCK - 1));
		assert_int_equal(mem_store_bytes(late)[2 * BLOCK - 1], 1);
	}
	assert_true(lengths[1] > 0 && lengths[2] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_grows_with_zeros_up_to_its_limit),
		cmocka_unit_test(memory_finds_data_block_by_block),
		cmocka_unit_test(only_the_chosen_call_fails),
		cmocka_unit_test(a_late_failure_comes_after_the_effect),
		cmocka_unit_test(after_a_cut_nothing_works_and_the_last_write_is_torn),
		cmocka_unit_test(a_kill_leaves_a_prefix_of_the_steps),
		cmocka_unit_test(a_power_cut_keeps_what_was_synced_and_any_of_the_rest),
		cmocka_unit_test(a_durable_write_that_has_only_begun_may_be_torn),
		cmocka_unit_test(a_durable_write_behind_a_growth_keeps_the_growth),
		cmocka_unit_test(after_a_cut_length_came_back_the_old_bytes_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
