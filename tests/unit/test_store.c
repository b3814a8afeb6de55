// SPDX-License-Identifier: MIT
/* The wrappers of store.h: on a store that counts what gets through to it. */
#include "tests/unit/stores.h"

enum { LEN = 100 };

struct fixture {
	struct store *mem, *s;
};

static int setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	assert_non_null(fx);
	fx->mem = mem_store_new(NULL, LEN);
	fx->s = faulty_store_new(fx->mem);
	*state = fx;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fx = *state;

	store_close(fx->s);
	store_close(fx->mem);
	free(fx);
	return 0;
}

static const struct {
	uint64_t off;
	size_t len;
} outside[] = {{0, LEN + 1}, {LEN, 1}, {LEN + 1, 0}, {UINT64_MAX, 1}, {1, SIZE_MAX}, {50, 51}};

static void a_range_outside_never_reaches_the_store(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	uint8_t buf[LEN + 1] = {0};
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(outside); i++) {
		uint64_t off = outside[i].off;
		size_t len = outside[i].len;

		assert_errno(EIO, store_read(s, buf, len, off, &err));
		assert_says(err.text, "ends at 100");
		assert_errno(EINVAL, store_write(s, buf, len, off, 0, &err));
		assert_says(err.text, "ends at 100");
		assert_errno(EINVAL, store_zero(s, off, len, &err));
	}
	assert_int_equal(faulty_count(s, FAULTY_ANY), 0);
}

static void a_range_up_to_the_end_is_inside(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	uint8_t buf[LEN];

	memset(buf, 7, sizeof(buf));
	assert_ok(store_write(s, buf, LEN, 0, 0, NULL));
	assert_ok(store_zero(s, LEN - 1, 1, NULL));
	assert_ok(store_read(s, buf, 2, LEN - 2, NULL));
	assert_int_equal(buf[0], 7);
	assert_int_equal(buf[1], 0);
}

static void an_empty_range_is_done_at_once(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;

	assert_ok(store_read(s, NULL, 0, LEN, NULL));
	assert_ok(store_write(s, NULL, 0, LEN, 0, NULL));
	assert_ok(store_zero(s, LEN, 0, NULL));
	assert_ok(store_resize(s, LEN, NULL));
	assert_int_equal(faulty_count(s, FAULTY_ANY), 0);
}

static void a_store_for_reading_is_never_changed(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	uint8_t byte = 1;
	struct err err;

	s->writable = false;
	assert_errno(EROFS, store_write(s, &byte, 1, 0, 0, &err));
	assert_says(err.text, "reading only");
	assert_errno(EROFS, store_write(s, &byte, 0, 0, 0, NULL));
	assert_errno(EROFS, store_zero(s, 0, 1, NULL));
	assert_errno(EROFS, store_resize(s, 1, NULL));
	assert_ok(store_sync(s, NULL));
	assert_int_equal(faulty_count(s, FAULTY_ANY), 0);
	assert_ok(store_read(s, &byte, 1, 0, NULL));
}

static void behind_the_end_there_is_no_data(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	uint64_t start = 1, end = 2;

	assert_ok(store_next_data(s, UINT64_MAX, &start, &end, NULL));
	assert_int_equal(start, LEN);
	assert_int_equal(end, LEN);
	assert_int_equal(faulty_count(s, FAULTY_ANY), 0);
}

static void a_store_without_a_host_file_says_so(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	struct store_host host = store_host_at(s, 60);

	assert_int_equal(host.fd, -1);
	assert_int_equal(host.len, LEN - 60);
	assert_int_equal(store_host_at(s, LEN).len, 1);
}

static void what_the_store_says_comes_back(void **state)
{
	struct store *s = ((struct fixture *)*state)->s;
	uint64_t start, end;
	uint8_t byte = 1;

	faulty_fail(s, FAULTY_READ, 0, -EIO);
	assert_errno(EIO, store_read(s, &byte, 1, 0, NULL));
	faulty_fail(s, FAULTY_WRITE, 0, -ENOSPC);
	assert_errno(ENOSPC, store_write(s, &byte, 1, 0, 0, NULL));
	faulty_fail(s, FAULTY_ZERO, 0, -EIO);
	assert_errno(EIO, store_zero(s, 0, 1, NULL));
	faulty_fail(s, FAULTY_RESIZE, 0, -ENOSPC);
	assert_errno(ENOSPC, store_resize(s, 1, NULL));
	assert_int_equal(s->len, LEN);
	faulty_fail(s, FAULTY_SYNC, 0, -EIO);
	assert_errno(EIO, store_sync(s, NULL));
	faulty_fail(s, FAULTY_NEXT_DATA, 0, -EIO);
	assert_errno(EIO, store_next_data(s, 0, &start, &end, NULL));
}

static void closing_nothing_is_fine(void **state)
{
	auto_store struct store *none = NULL;

	store_close(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_range_outside_never_reaches_the_store, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_range_up_to_the_end_is_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(an_empty_range_is_done_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_store_for_reading_is_never_changed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(behind_the_end_there_is_no_data, setup, teardown),
		cmocka_unit_test_setup_teardown(a_store_without_a_host_file_says_so, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_the_store_says_comes_back, setup, teardown),
		cmocka_unit_test(closing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
