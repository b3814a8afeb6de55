// SPDX-License-Identifier: MIT
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

static void an_error_sets_its_sentence_and_returns_its_code(void **state)
{
	struct err err;

	assert_errno(ENOSPC, err_set(&err, -ENOSPC, "%d of %s", 7, "ten"));
	assert_string_equal(err.text, "7 of ten");
	assert_errno(EIO, err_set(NULL, -EIO, "nobody listens"));
}

static void a_system_error_ends_with_its_reason(void **state)
{
	struct err err;

	assert_errno(ENOENT, err_sys(&err, -ENOENT, "cannot open %s", "it"));
	assert_string_equal(err.text, "cannot open it: No such file or directory");
	assert_errno(4095, err_sys(&err, -4095, "odd"));
	assert_string_equal(err.text, "odd: unknown error");
	assert_errno(EIO, err_sys(NULL, -EIO, "nobody listens"));
}

static void a_prefix_goes_in_front_of_what_was_said(void **state)
{
	struct err err;

	assert_errno(EIO, err_set(&err, -EIO, "short read"));
	assert_errno(EIO, err_prefix(&err, -EIO, "bucket %d", 3));
	assert_string_equal(err.text, "bucket 3: short read");
	assert_errno(EIO, err_prefix(NULL, -EIO, "nobody listens"));
}

static void a_sentence_may_quote_the_one_it_replaces(void **state)
{
	struct err err;

	assert_errno(EIO, err_set(&err, -EIO, "inner"));
	assert_errno(EIO, err_set(&err, -EIO, "outer (%s)", err.text));
	assert_string_equal(err.text, "outer (inner)");
}

static void a_long_sentence_is_cut_not_overrun(void **state)
{
	char words[2000];
	struct err err;

	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = 0;
	assert_errno(EIO, err_sys(&err, -EIO, "%s", words));
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_errno(EIO, err_prefix(&err, -EIO, "in front"));
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "in front: ww", 12);
}

static void overflow_is_seen(void **state)
{
	uint64_t sum, product;
	uint32_t narrow;

	assert_false(add_overflows(UINT64_MAX - 1, (uint64_t)1, &sum));
	assert_true(sum == UINT64_MAX);
	assert_true(add_overflows(UINT64_MAX, (uint64_t)1, &sum));
	assert_true(mul_overflows(UINT64_C(1) << 33, UINT64_C(1) << 31, &product));
	assert_true(mul_overflows(UINT64_C(65536), UINT64_C(65536), &narrow));
	assert_false(mul_overflows(UINT64_C(65536), UINT64_C(65535), &narrow));
}

static void rounding_holds_at_the_ends(void **state)
{
	assert_int_equal(div_up(0, 65536), 0);
	assert_int_equal(div_up(1, 65536), 1);
	assert_int_equal(div_up(65536, 65536), 1);
	assert_true(div_up(UINT64_MAX, 65536) == UINT64_C(1) << 48);
	assert_int_equal(round_down(65535, 65536), 0);
	assert_true(round_down(UINT64_MAX, 4096) == UINT64_MAX - 4095);
}

static void numbers_keep_their_byte_order(void **state)
{
	static const uint8_t bytes[8] = {0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8};
	uint8_t out[8];

	assert_int_equal(get_le16(bytes), 0x9281);
	assert_int_equal(get_be16(bytes), 0x8192);
	assert_true(get_le32(bytes) == 0xb4a39281);
	assert_true(get_be32(bytes) == 0x8192a3b4);
	assert_true(get_le64(bytes) == 0xf8e7d6c5b4a39281);
	assert_true(get_be64(bytes) == 0x8192a3b4c5d6e7f8);
	put_le64(out, get_le64(bytes));
	assert_memory_equal(out, bytes, 8);
	put_be64(out, get_be64(bytes));
	assert_memory_equal(out, bytes, 8);
}

static void zero_is_told_from_one_set_bit_anywhere(void **state)
{
	uint8_t bytes[100] = {0};

	for (size_t len = 0; len <= sizeof(bytes); len++)
		assert_true(is_zero(bytes, len));
	for (size_t at = 0; at < sizeof(bytes); at++) {
		bytes[at] = 0x10;
		assert_true(is_zero(bytes, at));
		for (size_t len = at + 1; len <= sizeof(bytes); len++)
			assert_false(is_zero(bytes, len));
		bytes[at] = 0;
	}
}

static void the_checksum_is_the_one_zlib_gives(void **state)
{
	/* The check value of CRC-32/ISO-HDLC. */
	assert_true(crc32_of(0, "123456789", 9) == 0xcbf43926);
	assert_true(crc32_of(crc32_of(0, "1234", 4), "56789", 5) == 0xcbf43926);
	assert_true(crc32_of(0, "", 0) == 0);
}

static void whole_reads_and_writes_say_when_they_fall_short(void **state)
{
	auto_close int fd = memfd_create("test", MFD_CLOEXEC);
	auto_close int reader = -1;
	char buf[8] = "";

	assert_true(fd >= 0);
	assert_ok(pwrite_all(fd, "abcdef", 6, 3));
	assert_ok(pread_all(fd, buf, 6, 3));
	assert_memory_equal(buf, "abcdef", 6);
	assert_errno(EIO, pread_all(fd, buf, 7, 3));
	assert_ok(pread_all(fd, buf, 0, 100));
	assert_errno(EINVAL, pread_all(fd, buf, 1, UINT64_MAX));
	assert_errno(EINVAL, pwrite_all(fd, buf, 1, UINT64_MAX));
	reader = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_errno(EBADF, pwrite_all(reader, buf, 1, 0));
	assert_errno(EBADF, pread_all(-1, buf, 1, 0));
}

static void what_a_scope_owns_ends_with_it(void **state)
{
	int kept, fd;

	{
		auto_close int own = memfd_create("test", MFD_CLOEXEC);
		auto_close int given = memfd_create("test", MFD_CLOEXEC);
		auto_free char *heap = strdup("freed, or the sanitizer would say so");

		assert_non_null(heap);
		fd = own;
		kept = steal_fd(&given);
	}
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_not_equal(fcntl(kept, F_GETFD), -1);
	close(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_sets_its_sentence_and_returns_its_code),
		cmocka_unit_test(a_system_error_ends_with_its_reason),
		cmocka_unit_test(a_prefix_goes_in_front_of_what_was_said),
		cmocka_unit_test(a_sentence_may_quote_the_one_it_replaces),
		cmocka_unit_test(a_long_sentence_is_cut_not_overrun),
		cmocka_unit_test(overflow_is_seen),
		cmocka_unit_test(rounding_holds_at_the_ends),
		cmocka_unit_test(numbers_keep_their_byte_order),
		cmocka_unit_test(zero_is_told_from_one_set_bit_anywhere),
		cmocka_unit_test(the_checksum_is_the_one_zlib_gives),
		cmocka_unit_test(whole_reads_and_writes_say_when_they_fall_short),
		cmocka_unit_test(what_a_scope_owns_ends_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
