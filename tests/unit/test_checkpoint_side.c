// SPDX-License-Identifier: MIT
/* What lies beside an image goes into a checkpoint, comes back, and is proven apart from it. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/unit/bundles.h"
#include "tests/unit/qcow2_files.h"

enum { CLUSTER = 65536, IMAGE_LEN = 5 * CLUSTER };

struct fixture {
	char *dir, *path, *other;
	struct rng rng;
	struct store *image;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = test_dir_make();
	f->path = test_path(f->dir, "a.qcow2");
	f->other = test_path(f->dir, "b.qcow2");
	f->rng = rng_start("checkpoint_side");
	f->image = mem_store_new(NULL, IMAGE_LEN);
	rng_fill(&f->rng, mem_store_bytes(f->image), CLUSTER);
	memset(mem_store_bytes(f->image) + 3 * CLUSTER, 9, CLUSTER);
	f->image->writable = false;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	store_close(f->image);
	test_dir_remove(f->dir);
	free(f->path);
	free(f->other);
	free(f);
	return 0;
}

static struct snap_exported export(struct store *s, const char *path, const char *base,
				   const struct side_files *side)
{
	struct snap_export how = {.base = base, .side = side, .force = true};
	struct snap_exported out;
	struct err err = {""};

	assert_ok_err(snap_export(s, path, &how, &out, &err), &err);
	return out;
}

static struct store *read_file(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct store *s;
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	s = mem_store_new(NULL, (uint64_t)st.st_size);
	assert_ok(pread_all(fd, mem_store_bytes(s), s->len, 0));
	return s;
}

struct seen {
	unsigned count;
	struct snap_finding last;
};

static void see(void *ctx, const struct snap_finding *finding)
{
	struct seen *seen = ctx;

	seen->count++;
	seen->last = *finding;
}

static struct seen verify(struct store *s)
{
	struct snap_work how = {.jobs = 1};
	struct snap_verified out;
	struct seen seen = {0};
	struct err err = {""};

	assert_ok_err(snap_verify(s, &how, see, &seen, &out, &err), &err);
	return seen;
}

static void assert_image_reads(struct store *s, struct store *image)
{
	uint8_t *bytes = malloc(image->len);

	assert_int_equal(s->len, image->len);
	assert_ok(store_read(s, bytes, s->len, 0, NULL));
	assert_memory_equal(bytes, mem_store_bytes(image), s->len);
	free(bytes);
}

static void assert_side(struct fixture *f, struct store *s, const struct side_files *files)
{
	struct bundle *b = NULL;
	struct err err = {""};

	assert_ok_err(snap_side_open(s, &b, &err), &err);
	assert_int_equal(b != NULL, side_files_any(files));
	if (b)
		assert_same_side(&f->rng, files, bundle_files(b));
	bundle_close(b);
}

static void side_files_come_back(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < test_rounds(15); i++) {
		struct side_files *files = side_model_random(&f->rng, 3 * CLUSTER);
		struct snap_exported out = export(f->image, f->path, NULL, files);
		struct store *s = open_path(f->path);
		struct snap_info info;
		struct stat st;

		assert_image_reads(s, f->image);
		assert_side(f, s, files);
		assert_int_equal(verify(s).count, 0);
		assert_counts_exact(s);
		assert_true(snap_info(s, &info));
		assert_int_equal(info.side_len, out.side_len);
		assert_int_equal(out.side_len > 0, side_files_any(files));
		assert_int_equal(stat(f->path, &st), 0);
		assert_int_equal(st.st_size, out.file_len);
		store_close(s);
		side_model_free(files);
	}
}

static void the_same_side_files_give_the_same_bytes(void **state)
{
	struct fixture *f = *state;
	struct side_files *files = side_model_new();
	struct store *a, *b;

	side_model_add(files, "3-wal", "12345", 5);
	export(f->image, f->path, NULL, files);
	export(f->image, f->other, NULL, files);
	a = read_file(f->path);
	b = read_file(f->other);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(mem_store_bytes(a), mem_store_bytes(b), a->len);
	store_close(a);
	store_close(b);
	side_model_free(files);
}

/* All that there is without side files is of version 1, which every reader knows. */
static void without_side_files_nothing_tells_of_them(void **state)
{
	struct fixture *f = *state;
	struct side_files *none = side_model_new();
	struct snap_exported out = export(f->image, f->path, NULL, NULL);
	struct store *a, *b, *s;

	assert_int_equal(out.side_len, 0);
	export(f->image, f->other, NULL, none);
	a = read_file(f->path);
	b = read_file(f->other);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(mem_store_bytes(a), mem_store_bytes(b), a->len);
	s = open_path(f->path);
	assert_side(f, s, none);
	store_close(s);
	store_close(a);
	store_close(b);
	side_model_free(none);
}

static void a_delta_has_its_own_side_files(void **state)
{
	struct fixture *f = *state;
	struct side_files *files = side_model_new(), *none = side_model_new();
	struct store *s;

	side_model_add(files, "3-journal", "old", 3);
	export(f->image, f->path, NULL, files);
	export(f->image, f->other, f->path, NULL);
	s = open_path(f->other);
	assert_side(f, s, none);
	assert_int_equal(verify(s).count, 0);
	store_close(s);
	side_model_add(files, "4-journal", "new", 3);
	files->exact_len[9] = 77;
	export(f->image, f->other, f->path, files);
	s = open_path(f->other);
	assert_side(f, s, files);
	assert_int_equal(verify(s).count, 0);
	store_close(s);
	side_model_free(files);
	side_model_free(none);
}

static struct store *open_bytes(struct store *bytes)
{
	struct store *s = NULL;
	struct err err = {""};

	assert_ok_err(snap_open_on(faulty_store_new(bytes), NULL, 0, &s, &err), &err);
	return s;
}

/* Also where the damage hides all of them: the image is what it was. */
static void damage_is_of_the_side_files_alone(void **state)
{
	struct fixture *f = *state;
	struct side_files *files = side_model_new();
	struct snap_exported out;
	struct store *bytes;

	side_model_add(files, "3-journal", "a journal's header", 18);
	files->exact_len[3] = 5;
	out = export(f->image, f->path, NULL, files);
	bytes = read_file(f->path);
	for (uint64_t i = 0; i < out.side_len; i++) {
		uint8_t *byte = mem_store_bytes(bytes) + bytes->len - 16 - out.side_len + i;
		uint8_t was = *byte;
		struct store *s;
		struct seen seen;

		*byte ^= (uint8_t)(1u << rng_below(&f->rng, 8));
		s = open_bytes(bytes);
		seen = verify(s);
		assert_int_equal(seen.count, 1);
		assert_string_equal(seen.last.id, "side");
		assert_false(seen.last.harmless);
		assert_image_reads(s, f->image);
		store_close(s);
		*byte = was;
	}
	store_close(bytes);
	side_model_free(files);
}

/* A bundle that is whole, but of another checkpoint. */
static void side_files_of_another_checkpoint_are_found(void **state)
{
	struct fixture *f = *state;
	struct side_files *files = side_model_new();
	struct snap_exported out;
	struct store *a, *b, *s;
	struct bundle *bundle = NULL;
	struct seen seen;

	side_model_add(files, "3-journal", "one", 3);
	out = export(f->image, f->path, NULL, files);
	memcpy(side_model_bytes(files->file), "two", 3);
	export(f->image, f->other, NULL, files);
	a = read_file(f->path);
	b = read_file(f->other);
	assert_int_equal(a->len, b->len);
	memcpy(mem_store_bytes(a) + a->len - 16 - out.side_len,
	       mem_store_bytes(b) + a->len - 16 - out.side_len, out.side_len);
	s = open_bytes(a);
	assert_errno(EUCLEAN, snap_side_open(s, &bundle, NULL));
	assert_null(bundle);
	seen = verify(s);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.last.id, "side");
	store_close(s);
	store_close(a);
	store_close(b);
	side_model_free(files);
}

static void failures_beside_the_image_leave_no_checkpoint(void **state)
{
	struct fixture *f = *state;
	struct side_files *files = side_model_new();
	struct snap_export how = {.side = files};
	struct snap_exported out;
	struct err err = {""};
	struct stat st;

	side_model_add(files, "7", "x", 1);
	assert_errno_err(EINVAL, snap_export(f->image, f->path, &how, &out, &err), &err);
	assert_int_equal(stat(f->path, &st), -1);
	side_model_free(files);
}

/* The image is one step. */
static void whoever_watches_can_end_it_beside_the_image(void **state)
{
	struct fixture *f = *state;
	struct side_files *files = side_model_new();
	unsigned steps = 2;
	struct snap_watch watch = {give_up, &steps};
	struct snap_export how = {.side = files, .watch = &watch};
	struct snap_exported out;
	struct err err = {""};
	struct stat st;

	side_model_add(files, "a", NULL, 3 * CLUSTER);
	assert_errno_err(ECANCELED, snap_export(f->image, f->path, &how, &out, &err), &err);
	assert_says(err.text, "interrupted");
	assert_int_equal(stat(f->path, &st), -1);
	steps = 4;
	assert_ok_err(snap_export(f->image, f->path, &how, &out, &err), &err);
	assert_int_equal(steps, 0);
	side_model_free(files);
}

static void other_stores_have_no_side_files(void **state)
{
	struct fixture *f = *state;
	struct bundle *b = NULL;
	struct snap_new what = {.len = CLUSTER};
	struct store *s;

	assert_ok(snap_side_open(f->image, &b, NULL));
	assert_null(b);
	assert_ok(snap_create(f->path, false, &what, NULL));
	s = open_path(f->path);
	assert_ok(snap_side_open(s, &b, NULL));
	assert_null(b);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(side_files_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_same_side_files_give_the_same_bytes, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(without_side_files_nothing_tells_of_them, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_delta_has_its_own_side_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damage_is_of_the_side_files_alone, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(side_files_of_another_checkpoint_are_found, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(failures_beside_the_image_leave_no_checkpoint,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(whoever_watches_can_end_it_beside_the_image, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(other_stores_have_no_side_files, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
