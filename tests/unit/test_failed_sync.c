// SPDX-License-Identifier: MIT
/*
 * A sync that failed: the kernel forgets it, the store does not. fsync and fdatasync are the test's
 * own here, and fail when they are told to.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "memmgr/memmgr.h"
#include "tests/unit/test.h"

enum { BLOCK = 4096, BLOCKS = 64 };

static bool failing;

static int sync_or_fail(long number, int fd)
{
	if (failing) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(number, fd);
}

int fsync(int fd)
{
	return sync_or_fail(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return sync_or_fail(SYS_fdatasync, fd);
}

static struct store *new_store(const char *dir)
{
	auto_free char *path = test_path(dir, "image");
	struct store *s;

	close(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644));
	assert_ok(file_store_open(path, true, &s, NULL));
	return s;
}

/* Against a plain array: a block is in doubt, was written since, or neither. */
static void a_sync_fails_until_what_was_lost_is_written_again(void **state)
{
	enum { CLEAN, WRITTEN, LOST } block[BLOCKS] = {CLEAN};
	struct rng rng = rng_start("failed-sync");
	char *dir = test_dir_make();
	struct store *s = new_store(dir);
	uint8_t bytes[BLOCKS * BLOCK] = {1};
	unsigned failed = 0, good = 0;

	(void)state;
	assert_ok(store_resize(s, sizeof(bytes), NULL));
	assert_ok(store_sync(s, NULL));
	for (unsigned round = 0; round < test_rounds(3000); round++) {
		unsigned first = (unsigned)rng_below(&rng, BLOCKS);
		unsigned count = 1 + (unsigned)rng_below(&rng, BLOCKS - first);
		bool lost = false;

		if (!rng_one_in(&rng, 3)) {
			if (rng_one_in(&rng, 4))
				assert_ok(store_zero(s, first * BLOCK, count * BLOCK, NULL));
			else
				assert_ok(store_write(s, bytes, count * BLOCK, first * BLOCK, 0,
						      NULL));
			for (unsigned i = first; i < first + count; i++)
				block[i] = WRITTEN;
			continue;
		}
		failing = rng_one_in(&rng, 4);
		/* Nothing to sync: the store need not ask. */
		for (unsigned i = 0; i < BLOCKS; i++) {
			if (block[i] == WRITTEN)
				block[i] = failing ? LOST : CLEAN;
			lost = lost || block[i] == LOST;
		}
		assert_int_equal(store_sync(s, NULL) != 0, lost);
		*(lost ? &failed : &good) += 1;
		failing = false;
	}
	assert_true(failed > 10 && good > 10);
	store_close(s);
	test_dir_remove(dir);
}

static void more_ranges_than_can_be_noted_are_not_forgotten(void **state)
{
	char *dir = test_dir_make();
	struct store *s = new_store(dir);
	struct err err = {""};

	(void)state;
	assert_ok(store_resize(s, 64 << 20, NULL));
	assert_ok(store_sync(s, NULL));
	for (uint64_t i = 0; i < 4000; i++)
		assert_ok(store_write(s, "x", 1, i * 16000, 0, NULL));
	failing = true;
	assert_errno(EIO, store_sync(s, NULL));
	failing = false;
	assert_errno_err(EIO, store_sync(s, &err), &err);
	assert_says(err.text, "an earlier sync has failed: bytes 0 to ");
	for (uint64_t i = 0; i < 3999; i++)
		assert_ok(store_write(s, "x", 1, i * 16000, 0, NULL));
	assert_errno(EIO, store_sync(s, NULL));
	assert_ok(store_resize(s, 0, NULL));
	assert_ok(store_sync(s, NULL));
	store_close(s);
	test_dir_remove(dir);
}

static void an_image_is_whole_again_when_its_memories_are_written_again(void **state)
{
	char *dir = test_dir_make();
	struct store *s = new_store(dir);
	struct mm *mm;

	(void)state;
	assert_ok(mm_create(s, 1, NULL));
	assert_ok(mm_open(s, &mm, NULL));
	assert_ok(mm_resize(mm, 3, 4, NULL));
	assert_ok(mm_sync(mm, NULL));
	assert_ok(mm_resize(mm, 3, 8, NULL));
	assert_ok(mm_write(mm, 3, "bytes", 5, 70000, NULL));
	failing = true;
	assert_errno(EIO, mm_sync(mm, NULL));
	failing = false;
	assert_errno(EIO, mm_sync(mm, NULL));
	assert_errno(EIO, mm_sync_data(mm, NULL));
	assert_ok(mm_write(mm, 3, "bytes", 5, 70000, NULL));
	assert_ok(mm_sync(mm, NULL));
	assert_ok(mm_close(mm, NULL));
	store_close(s);
	test_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sync_fails_until_what_was_lost_is_written_again),
		cmocka_unit_test(more_ranges_than_can_be_noted_are_not_forgotten),
		cmocka_unit_test(an_image_is_whole_again_when_its_memories_are_written_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
