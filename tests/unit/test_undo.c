// SPDX-License-Identifier: MIT
/* Undo files: random changes of a store are taken back, wherever they or the way back stop. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/unit/stores.h"
#include "tools/undo/undo.h"

enum { BLOCK_LEN = 65536, MAX_LEN = 8 * BLOCK_LEN, CHANGES = 12 };

static const uint8_t image_id[MM_ID_LEN] = {1, 2, 3}, other_id[MM_ID_LEN] = {4, 5, 6};

struct fixture {
	char *dir, *file;
	uint8_t *before;
	uint64_t before_len;
	struct store *image;
};

static int setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	assert_non_null(fx);
	fx->dir = test_dir_make();
	fx->file = test_path(fx->dir, "undo");
	*state = fx;
	return 0;
}

static void drop_image(struct fixture *fx)
{
	store_close(fx->image);
	free(fx->before);
	fx->image = NULL;
	fx->before = NULL;
	unlink(fx->file);
}

static int teardown(void **state)
{
	struct fixture *fx = *state;

	drop_image(fx);
	test_dir_remove(fx->dir);
	free(fx->file);
	free(fx);
	return 0;
}

/* An image of any length, with some blocks of zeros. */
static void make_image(struct fixture *fx, struct rng *rng)
{
	drop_image(fx);
	fx->before_len = 1 + rng_below(rng, MAX_LEN);
	fx->before = calloc(1, fx->before_len);
	assert_non_null(fx->before);
	for (uint64_t off = 0; off < fx->before_len; off += BLOCK_LEN)
		if (!rng_one_in(rng, 3))
			rng_fill(rng, fx->before + off, MIN(BLOCK_LEN, fx->before_len - off));
	fx->image = mem_store_new(fx->before, fx->before_len);
}

static int change_once(struct store *s, struct rng *rng, struct err *err)
{
	static uint8_t bytes[2 * BLOCK_LEN];
	uint64_t off = rng_below(rng, s->len + 1);
	uint64_t want = rng_below(rng, sizeof(bytes));
	uint64_t len = MIN(want, s->len - off);

	switch (rng_below(rng, 4)) {
	case 0:
		return store_zero(s, off, len, err);
	case 1:
		return store_resize(s, rng_below(rng, MAX_LEN), err);
	default:
		rng_fill(rng, bytes, len);
		return store_write(s, bytes, len, off, 0, err);
	}
}

/* Changes up to the first that fails; 0 when none does. */
static int change(struct store *s, struct rng *rng, struct err *err)
{
	int rc = 0;

	for (int i = 0; !rc && i < CHANGES; i++)
		rc = change_once(s, rng, err);
	return rc ? rc : store_sync(s, err);
}

static void assert_as_before(const struct fixture *fx)
{
	assert_int_equal(fx->image->len, fx->before_len);
	assert_memory_equal(mem_store_bytes(fx->image), fx->before, fx->before_len);
}

static void make_changed(struct fixture *fx, struct rng *rng)
{
	struct err err = {""};
	struct store *undo;
	bool changed;

	make_image(fx, rng);
	assert_ok(undo_begin(fx->image, image_id, fx->file, &undo, NULL));
	assert_ok_err(change(undo, rng, &err), &err);
	assert_ok(undo_end(undo, &changed, NULL));
	if (!changed)
		make_changed(fx, rng);
}

static void changes_are_taken_back_once_and_again(void **state)
{
	struct fixture *fx = *state;
	struct rng rng = rng_start(__func__);

	for (unsigned i = 0; i < test_rounds(40); i++) {
		make_changed(fx, &rng);
		for (int twice = 0; twice < 2; twice++) {
			assert_ok(undo_apply(fx->image, image_id, fx->file, NULL));
			assert_as_before(fx);
		}
	}
}

static void a_change_that_stopped_anywhere_is_taken_back(void **state)
{
	struct fixture *fx = *state;
	struct rng rng = rng_start(__func__);
	unsigned stopped = 0;

	for (unsigned i = 0; i < test_rounds(40); i++) {
		struct store *faulty, *undo;

		make_image(fx, &rng);
		faulty = faulty_store_new(fx->image);
		faulty_cut(faulty, 1 + (unsigned)rng_below(&rng, CHANGES),
			   rng_below(&rng, 2 * BLOCK_LEN));
		assert_ok(undo_begin(faulty, image_id, fx->file, &undo, NULL));
		stopped += change(undo, &rng, NULL) != 0;
		store_close(undo);
		store_close(faulty);
		/* Nobody ended it: of another image it says nothing. */
		assert_errno(EUCLEAN, undo_apply(fx->image, other_id, fx->file, NULL));
		assert_ok(undo_apply(fx->image, image_id, fx->file, NULL));
		assert_as_before(fx);
	}
	assert_true(stopped > 5);
}

static void an_undo_that_stopped_anywhere_can_be_run_again(void **state)
{
	struct fixture *fx = *state;
	struct rng rng = rng_start(__func__);
	unsigned stopped = 0;

	for (unsigned i = 0; i < test_rounds(40); i++) {
		struct store *faulty;

		make_changed(fx, &rng);
		faulty = faulty_store_new(fx->image);
		faulty_cut(faulty, 1 + (unsigned)rng_below(&rng, 10), 0);
		stopped += undo_apply(faulty, image_id, fx->file, NULL) != 0;
		store_close(faulty);
		assert_ok(undo_apply(fx->image, image_id, fx->file, NULL));
		assert_as_before(fx);
	}
	assert_true(stopped > 5);
}

static void a_damaged_file_changes_nothing(void **state)
{
	struct fixture *fx = *state;
	struct rng rng = rng_start(__func__);

	for (unsigned i = 0; i < test_rounds(60); i++) {
		struct err err = {""};
		uint64_t after_len, at;
		uint8_t *after;
		uint8_t byte;
		struct stat st;
		int fd;

		make_changed(fx, &rng);
		after_len = fx->image->len;
		after = malloc(after_len + 1);
		assert_non_null(after);
		memcpy(after, mem_store_bytes(fx->image), after_len);
		fd = open(fx->file, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0 && fstat(fd, &st) == 0);
		at = rng_below(&rng, (uint64_t)st.st_size);
		if (rng_one_in(&rng, 4)) {
			assert_int_equal(ftruncate(fd, (off_t)at), 0);
		} else {
			assert_ok(pread_all(fd, &byte, 1, at));
			byte ^= (uint8_t)(1 << rng_below(&rng, 8));
			assert_ok(pwrite_all(fd, &byte, 1, at));
		}
		close(fd);
		assert_true(undo_apply(fx->image, image_id, fx->file, &err) < 0);
		assert_true(err.text[0] != 0);
		assert_int_equal(fx->image->len, after_len);
		assert_memory_equal(mem_store_bytes(fx->image), after, after_len);
		free(after);
	}
}

static void an_image_that_was_changed_since_is_left_alone(void **state)
{
	struct fixture *fx = *state;
	uint8_t bytes[BLOCK_LEN] = {1};
	struct store *undo;
	struct err err;
	bool changed;

	fx->before_len = 3 * BLOCK_LEN;
	fx->before = calloc(1, fx->before_len);
	fx->image = mem_store_new(fx->before, fx->before_len);
	assert_ok(undo_begin(fx->image, image_id, fx->file, &undo, NULL));
	assert_ok(store_write(undo, bytes, BLOCK_LEN, BLOCK_LEN, 0, NULL));
	assert_ok(undo_end(undo, &changed, NULL));
	/* Elsewhere it may have been. */
	assert_ok(store_write(fx->image, bytes, 1, 0, 0, NULL));
	assert_ok(undo_apply(fx->image, image_id, fx->file, NULL));
	assert_int_equal(mem_store_bytes(fx->image)[0], 1);
	assert_int_equal(mem_store_bytes(fx->image)[BLOCK_LEN], 0);

	assert_ok(store_write(fx->image, bytes, 1, 2 * BLOCK_LEN - 1, 0, NULL));
	assert_errno(EUCLEAN, undo_apply(fx->image, image_id, fx->file, &err));
	assert_says(err.text, "changed since at byte 65536");
	assert_ok(store_resize(fx->image, 7, NULL));
	assert_errno(EUCLEAN, undo_apply(fx->image, image_id, fx->file, &err));
	assert_says(err.text, "an image of 196608 bytes, not 7");
}

static void a_file_that_exists_is_kept(void **state)
{
	struct fixture *fx = *state;
	struct store *undo;
	int fd = open(fx->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	close(fd);
	fx->image = mem_store_new(NULL, 10);
	assert_errno(EEXIST, undo_begin(fx->image, image_id, fx->file, &undo, NULL));
	assert_int_equal(access(fx->file, F_OK), 0);
}

static void what_changes_nothing_leaves_no_file(void **state)
{
	struct fixture *fx = *state;
	struct store *undo;
	bool changed = true;

	fx->image = mem_store_new(NULL, 10);
	assert_ok(undo_begin(fx->image, image_id, fx->file, &undo, NULL));
	assert_ok(store_zero(undo, 0, 10, NULL));
	assert_ok(undo_end(undo, &changed, NULL));
	assert_false(changed);
	assert_int_equal(access(fx->file, F_OK), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(changes_are_taken_back_once_and_again),
		TEST(a_change_that_stopped_anywhere_is_taken_back),
		TEST(an_undo_that_stopped_anywhere_can_be_run_again),
		TEST(a_damaged_file_changes_nothing),
		TEST(an_image_that_was_changed_since_is_left_alone),
		TEST(a_file_that_exists_is_kept),
		TEST(what_changes_nothing_leaves_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
