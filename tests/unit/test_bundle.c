// SPDX-License-Identifier: MIT
/* Bundles of side files: out and back, the same bytes for the same state, any damage found. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

#include "snapshot/beside/bundle_format.h"
#include "tests/unit/bundles.h"

enum { CHUNK = BUNDLE_CHUNK_LEN };

static struct bundle *open_bundle(struct store *s)
{
	struct bundle *b = NULL;
	struct err err = {""};

	assert_ok_err(bundle_open(s, 0, s->len, &b, &err), &err);
	return b;
}

struct damage {
	unsigned found;
	char name[NAME_MAX + 1]; /* of the last one; "": of no file */
	uint64_t len;
};

static void take_damage(void *ctx, const char *name, const char *text)
{
	struct damage *d = ctx;

	assert_true(*text);
	d->found++;
	strcpy(d->name, name ? name : "");
}

static int count_len(void *ctx, uint64_t len)
{
	((struct damage *)ctx)->len += len;
	return 0;
}

static struct damage verify(const struct bundle *b)
{
	struct damage d = {0};
	struct bundle_watch watch = {take_damage, count_len, &d};
	struct err err = {""};

	assert_ok_err(bundle_verify(b, &watch, &err), &err);
	return d;
}

static void what_was_written_comes_back(void **state)
{
	struct rng rng = rng_start("what_was_written_comes_back");

	(void)state;
	for (unsigned i = 0; i < test_rounds(40); i++) {
		struct side_files *files = side_model_random(&rng, 10 * CHUNK);
		struct store *s = bundle_file_new(files, (unsigned)rng_below(&rng, 10));
		struct bundle *b = open_bundle(s);
		struct damage d = verify(b);

		assert_same_side(&rng, files, bundle_files(b));
		assert_int_equal(d.found, 0);
		assert_int_equal(d.len, s->len - BUNDLE_HASH_LEN);
		bundle_close(b);
		store_close(s);
		side_model_free(files);
	}
}

static void shuffle(struct rng *rng, struct side_files *files)
{
	for (size_t i = files->count; i > 1; i--) {
		size_t j = rng_below(rng, i);
		struct side_file f = files->file[j];

		files->file[j] = files->file[i - 1];
		files->file[i - 1] = f;
	}
	for (size_t i = 0; i < files->count; i++)
		files->file[i].next_data = NULL;
}

/* Wherever it lies, in whatever order its files come, holes or zeros. */
static void the_same_state_gives_the_same_bytes(void **state)
{
	struct rng rng = rng_start("the_same_state_gives_the_same_bytes");
	auto_close int fd = memfd_create("bundle", MFD_CLOEXEC);

	(void)state;
	for (unsigned i = 0; i < test_rounds(30); i++) {
		struct side_files *files = side_model_random(&rng, 10 * CHUNK);
		unsigned level = (unsigned)rng_below(&rng, 10);
		struct store *s = bundle_file_new(files, level);
		uint64_t off = rng_below(&rng, 1000), len;
		uint8_t hash[BUNDLE_HASH_LEN], *again = malloc(s->len);

		shuffle(&rng, files);
		assert_ok(bundle_write(fd, off, files, level, &len, hash, NULL));
		assert_int_equal(len, s->len);
		assert_ok(pread_all(fd, again, len, off));
		assert_memory_equal(again, mem_store_bytes(s), len);
		assert_memory_equal(again + len - BUNDLE_HASH_LEN, hash, BUNDLE_HASH_LEN);
		free(again);
		store_close(s);
		side_model_free(files);
	}
}

/* Bytes that are no version we know look like one that we do not. */
static void assert_refused(struct store *s, uint64_t off, uint64_t len)
{
	struct bundle *b = NULL;
	struct err err = {""};
	int rc = bundle_open(s, off, len, &b, &err);

	assert_true(rc == -EUCLEAN || rc == -ENOTSUP);
	assert_true(*err.text);
}

static void a_bundle_lies_anywhere_in_a_file(void **state)
{
	struct rng rng = rng_start("a_bundle_lies_anywhere_in_a_file");
	struct side_files *files = side_model_random(&rng, 3 * CHUNK);
	struct store *alone = bundle_file_new(files, 1);
	struct store *s = mem_store_new(NULL, alone->len + 300);
	struct bundle *b = NULL;

	(void)state;
	rng_fill(&rng, mem_store_bytes(s), s->len);
	memcpy(mem_store_bytes(s) + 100, mem_store_bytes(alone), alone->len);
	assert_ok(bundle_open(s, 100, alone->len, &b, NULL));
	assert_same_side(&rng, files, bundle_files(b));
	assert_int_equal(verify(b).found, 0);
	bundle_close(b);
	assert_refused(s, 99, alone->len);
	assert_refused(s, 101, alone->len);
	assert_refused(s, 100, alone->len + 1);
	assert_refused(s, 301, alone->len);
	assert_refused(s, UINT64_MAX, alone->len);
	assert_refused(s, 100, UINT64_MAX);
	store_close(alone);
	store_close(s);
	side_model_free(files);
}

enum { HUGE_SHIFT = 40, HUGE_DATA_OFF = 3 * CHUNK + 5 };

static int huge_read(void *ctx, void *buf, size_t len, uint64_t off, struct err *err)
{
	(void)ctx;
	(void)err;
	memset(buf, 0, len);
	if (off <= HUGE_DATA_OFF && HUGE_DATA_OFF < off + len)
		((uint8_t *)buf)[HUGE_DATA_OFF - off] = 7;
	return 0;
}

static int huge_next_data(void *ctx, uint64_t off, uint64_t *start, uint64_t *end, struct err *err)
{
	(void)ctx;
	(void)err;
	*start = off <= HUGE_DATA_OFF ? HUGE_DATA_OFF : UINT64_C(1) << HUGE_SHIFT;
	*end = off <= HUGE_DATA_OFF ? HUGE_DATA_OFF + 1 : UINT64_C(1) << HUGE_SHIFT;
	return 0;
}

static void zeros_cost_nothing(void **state)
{
	struct side_file file = {"huge", UINT64_C(1) << HUGE_SHIFT, huge_read, huge_next_data,
				 NULL};
	struct side_files files;
	const struct side_file *back;
	struct bundle *b;
	struct store *s;
	uint64_t start, end;
	uint8_t bytes[2];

	(void)state;
	side_files_init(&files);
	files.file = &file;
	files.count = 1;
	s = bundle_file_new(&files, 1);
	assert_true(s->len < 1000);
	b = open_bundle(s);
	back = &bundle_files(b)->file[0];
	assert_int_equal(back->len, file.len);
	assert_ok(back->read(back->ctx, bytes, 2, HUGE_DATA_OFF, NULL));
	assert_int_equal(bytes[0], 7);
	assert_int_equal(bytes[1], 0);
	assert_ok(back->next_data(back->ctx, 0, &start, &end, NULL));
	assert_int_equal(start, 3 * CHUNK);
	assert_ok(back->next_data(back->ctx, end, &start, &end, NULL));
	assert_true(start == end && end == file.len);
	assert_int_equal(verify(b).found, 0);
	bundle_close(b);
	store_close(s);
}

/* Two chunks that are stored as they are, one that is packed, and a length. */
static struct side_files *three_chunks(struct rng *rng)
{
	struct side_files *files = side_model_new();
	uint8_t *noise = malloc(CHUNK + 10);

	rng_fill(rng, noise, CHUNK + 10);
	side_model_add(files, "3-journal", noise, CHUNK + 10);
	memset(noise, 5, CHUNK);
	side_model_add(files, "z", noise, CHUNK);
	files->exact_len[7] = 1234;
	free(noise);
	return files;
}

/* Each of the files gives what it held, or says that it cannot. */
static void assert_no_other_bytes(const struct side_files *files, const struct bundle *b)
{
	uint8_t *buf = malloc(CHUNK + 10);

	for (size_t i = 0; i < files->count; i++) {
		const struct side_file *f = &bundle_files(b)->file[i];
		int rc = f->read(f->ctx, buf, f->len, 0, NULL);

		assert_int_equal(f->len, files->file[i].len);
		assert_true(rc == 0 || rc == -EUCLEAN);
		if (rc == 0)
			assert_memory_equal(buf, side_model_bytes(&files->file[i]), f->len);
	}
	free(buf);
}

static void assert_change_found(const struct side_files *files, struct store *s, uint64_t off)
{
	struct bundle *b = NULL;
	struct err err = {""};
	struct damage d;
	int rc = bundle_open(s, 0, s->len, &b, &err);

	assert_true(rc == 0 || (rc == -EUCLEAN && *err.text) || rc == -ENOTSUP);
	if (rc < 0)
		return;
	d = verify(b);
	assert_int_equal(d.found, 1);
	if (off < BUNDLE_HEAD_LEN + CHUNK + 10)
		assert_string_equal(d.name, "3-journal");
	else
		assert_string_equal(d.name, off < s->len - BUNDLE_HASH_LEN ? "z" : "");
	assert_no_other_bytes(files, b);
	bundle_close(b);
}

static void any_changed_bit_is_found_and_named(void **state)
{
	struct rng rng = rng_start("any_changed_bit_is_found_and_named");
	struct side_files *files = three_chunks(&rng);
	struct store *s = bundle_file_new(files, 1);
	uint64_t behind = BUNDLE_HEAD_LEN + CHUNK;

	(void)state;
	/* Of the noise only some; of all else each. */
	for (uint64_t off = 0; off < s->len; off += off >= 100 && off < behind ? 1009 : 1) {
		uint8_t *byte = mem_store_bytes(s) + off, was = *byte;

		*byte ^= (uint8_t)(1u << rng_below(&rng, 8));
		assert_change_found(files, s, off);
		*byte = was;
	}
	store_close(s);
	side_model_free(files);
}

static void what_is_cut_is_refused(void **state)
{
	struct rng rng = rng_start("what_is_cut_is_refused");
	struct side_files *files = three_chunks(&rng);
	struct store *s = bundle_file_new(files, 1);

	(void)state;
	for (uint64_t len = 0; len < s->len; len += len < 200 || len > s->len - 400 ? 1 : 997) {
		struct store *cut = mem_store_new(mem_store_bytes(s), len);

		assert_refused(cut, 0, len);
		store_close(cut);
	}
	store_close(s);
	side_model_free(files);
}

/* The tables say what they like, under a checksum that holds. ASan watches. */
static void hostile_tables_give_bytes_inside_or_a_refusal(void **state)
{
	struct rng rng = rng_start("hostile_tables_give_bytes_inside_or_a_refusal");
	unsigned opened = 0;

	(void)state;
	for (unsigned i = 0; i < test_rounds(1000); i++) {
		struct side_files *files = side_model_random(&rng, i % 2 ? 100 : 2 * CHUNK);
		struct store *s = bundle_file_new(files, i % 3 ? 1 : 0);
		uint64_t tables_len =
			s->len - get_be64(mem_store_bytes(s) + s->len - BUNDLE_FOOTER_LEN + 24);
		uint8_t *at = mem_store_bytes(s) + s->len - rng_below(&rng, tables_len) - 1;
		struct bundle *b = NULL;

		*at = rng_one_in(&rng, 2) ? (uint8_t)rng_next(&rng) : *at + 1;
		bundle_rehash(mem_store_bytes(s), s->len);
		if (bundle_open(s, 0, s->len, &b, NULL) == 0) {
			opened++;
			verify(b);
			for (size_t j = 0; j < bundle_files(b)->count; j++) {
				const struct side_file *f = &bundle_files(b)->file[j];
				uint8_t buf[300];

				assert_true(side_name_ok(f->name));
				(void)!f->read(f->ctx, buf, MIN(f->len, 300), 0, NULL);
				(void)!f->read(f->ctx, buf, MIN(f->len, 300),
					       f->len - MIN(f->len, 300), NULL);
			}
			bundle_close(b);
		}
		store_close(s);
		side_model_free(files);
	}
	assert_true(opened > 0);
}

/* The tables of three_chunks, counted from the bundle's end. */
enum {
	FOOTER = BUNDLE_FOOTER_LEN,
	LENGTHS = FOOTER + BUNDLE_LENGTH_LEN,
	FILE_Z = LENGTHS + BUNDLE_RECORD_LEN + 1,
	FILE_J = FILE_Z + BUNDLE_RECORD_LEN + 9,
	ENTRY_2 = FILE_J + BUNDLE_ENTRY_LEN,
	ENTRY_1 = ENTRY_2 + BUNDLE_ENTRY_LEN,
	ENTRY_0 = ENTRY_1 + BUNDLE_ENTRY_LEN,
};

/* Numbers of `size` bytes in the tables, each of which contradicts something else there. */
static const struct lie {
	unsigned back; /* from the end */
	unsigned size;
	uint64_t value;
} lies[] = {
	{FOOTER, 4, 0},
	{FOOTER, 4, BUNDLE_VERSION + 1},
	{FOOTER - 4, 4, 1}, /* files */
	{FOOTER - 4, 4, 3},
	{FOOTER - 4, 4, SIDE_MAX_FILES + 1},
	{FOOTER - 8, 4, 0}, /* lengths */
	{FOOTER - 8, 4, 2},
	{FOOTER - 8, 4, MM_MAX_MEMORIES + 1},
	{FOOTER - 12, 4, 1},
	{FOOTER - 16, 8, 2}, /* chunks */
	{FOOTER - 16, 8, 4},
	{FOOTER - 16, 8, UINT64_MAX / BUNDLE_ENTRY_LEN + 1},
	{FOOTER - 24, 8, 0}, /* where their table is */
	{FOOTER - 24, 8, UINT64_MAX},
	{LENGTHS, 4, MM_MAX_MEMORIES},
	{LENGTHS - 4, 8, UINT64_C(1) << 63},
	{FILE_Z, 8, UINT64_C(1) << 63},
	{FILE_Z - 8, 8, 0}, /* its chunks */
	{FILE_Z - 8, 8, 2},
	{FILE_Z - 16, 2, 0}, /* the length of its name */
	{FILE_Z - 16, 2, 2},
	{FILE_Z - 18, 1, '0'}, /* and the name */
	{FILE_Z - 18, 1, '.'},
	{FILE_Z - 18, 1, '/'},
	{FILE_Z - 18, 1, 0},
	{FILE_Z - 18, 1, '!'},
	{FILE_J, 8, CHUNK + 5}, /* less than a chunk of it holds */
	{FILE_J, 8, CHUNK},
	{FILE_J - 8, 8, UINT64_MAX},
	{ENTRY_0, 8, 1}, /* number */
	{ENTRY_0, 8, UINT64_MAX},
	{ENTRY_1, 8, 0},
	{ENTRY_1, 8, 2},
	{ENTRY_0 - 8, 8, BUNDLE_HEAD_LEN - 1}, /* offset */
	{ENTRY_1 - 8, 8, BUNDLE_HEAD_LEN},
	{ENTRY_2 - 8, 8, UINT64_MAX},
	{ENTRY_2 - 16, 4, 0}, /* length */
	{ENTRY_2 - 16, 4, 1},
	{ENTRY_2 - 16, 4, CHUNK + 1},
	{ENTRY_2 - 16, 4, UINT32_MAX},
};

static void put_be(uint8_t *at, unsigned size, uint64_t value)
{
	for (unsigned i = size; i-- > 0; value >>= 8)
		at[i] = (uint8_t)value;
}

static void tables_that_contradict_themselves_are_refused(void **state)
{
	struct rng rng = rng_start("tables_that_contradict_themselves_are_refused");
	struct side_files *files = three_chunks(&rng);
	struct store *whole = bundle_file_new(files, 1);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		struct store *s = mem_store_new(mem_store_bytes(whole), whole->len);

		put_be(mem_store_bytes(s) + s->len - lies[i].back, lies[i].size, lies[i].value);
		bundle_rehash(mem_store_bytes(s), s->len);
		assert_refused(s, 0, s->len);
		store_close(s);
	}
	bundle_rehash(mem_store_bytes(whole), whole->len);
	bundle_close(open_bundle(whole));
	store_close(whole);
	side_model_free(files);
}

/* Somebody writes to it while it is open. ASan watches. */
static void tables_that_change_later_give_bytes_inside_or_a_refusal(void **state)
{
	struct rng rng = rng_start("tables_that_change_later");
	struct side_files *files = three_chunks(&rng);
	struct store *s = bundle_file_new(files, 1);
	struct bundle *b = open_bundle(s);
	uint8_t *tables = mem_store_bytes(s) + s->len - ENTRY_0;

	(void)state;
	for (unsigned i = 0; i < test_rounds(300); i++) {
		uint8_t *byte = tables + rng_below(&rng, ENTRY_0), was = *byte, buf[20];
		struct bundle_watch watch = {0};

		*byte = (uint8_t)rng_next(&rng);
		for (size_t j = 0; j < 2; j++) {
			const struct side_file *f = &bundle_files(b)->file[j];
			int rc = f->read(f->ctx, buf, sizeof(buf), f->len - sizeof(buf), NULL);

			assert_true(rc == 0 || rc == -EUCLEAN || rc == -EIO);
		}
		(void)!bundle_verify(b, &watch, NULL);
		*byte = was;
	}
	bundle_close(b);
	store_close(s);
	side_model_free(files);
}

static void what_cannot_be_a_state_is_not_written(void **state)
{
	static const char *const bad[] = {"", ".", "..", "a/b", "0", "7", "254"};
	auto_close int fd = memfd_create("bundle", MFD_CLOEXEC);
	uint8_t hash[BUNDLE_HASH_LEN];
	uint64_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct side_files *files = side_model_new();

		side_model_add(files, "good", "x", 1);
		side_model_add(files, bad[i], "x", 1);
		assert_errno(EINVAL, bundle_write(fd, 0, files, 1, &len, hash, NULL));
		strcpy(files->file[1].name, "good");
		assert_errno(EINVAL, bundle_write(fd, 0, files, 1, &len, hash, NULL));
		strcpy(files->file[1].name, "gooe");
		assert_ok(bundle_write(fd, 0, files, 1, &len, hash, NULL));
		files->exact_len[9] = UINT64_MAX - 1;
		assert_errno(EINVAL, bundle_write(fd, 0, files, 1, &len, hash, NULL));
		side_model_free(files);
	}
}

static void the_most_files_are_written_and_one_more_is_refused(void **state)
{
	struct rng rng = rng_start("the_most_files_are_written_and_one_more_is_refused");
	struct side_files *files = side_model_new();
	auto_close int fd = memfd_create("bundle", MFD_CLOEXEC);
	uint8_t hash[BUNDLE_HASH_LEN];
	struct bundle *b;
	struct store *s;
	uint64_t len;

	(void)state;
	for (int i = 0; i < SIDE_MAX_FILES; i++) {
		char name[NAME_MAX + 1];

		snprintf(name, sizeof(name), "%0*d", NAME_MAX, i);
		side_model_add(files, name, name, NAME_MAX);
	}
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		files->exact_len[id] = id;
	s = bundle_file_new(files, 1);
	b = open_bundle(s);
	assert_same_side(&rng, files, bundle_files(b));
	bundle_close(b);
	store_close(s);
	side_model_add(files, "one more", NULL, 0);
	assert_errno(E2BIG, bundle_write(fd, 0, files, 1, &len, hash, NULL));
	side_model_free(files);
}

static int fail_read(void *ctx, void *buf, size_t len, uint64_t off, struct err *err)
{
	(void)ctx;
	(void)buf;
	(void)len;
	return off == 0 ? err_set(err, -EIO, "gone") : 0;
}

static int fail_next_data(void *ctx, uint64_t off, uint64_t *start, uint64_t *end, struct err *err)
{
	(void)ctx;
	(void)off;
	(void)start;
	(void)end;
	return err_set(err, -EIO, "gone");
}

static void a_failed_read_or_write_is_told(void **state)
{
	auto_close int fd = memfd_create("bundle", MFD_CLOEXEC);
	auto_close int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct side_files *files = side_model_new();
	struct side_file *f = side_model_add(files, "3-wal", "x", 1);
	uint8_t hash[BUNDLE_HASH_LEN];
	struct side_file was = *f;
	struct err err = {""};
	uint64_t len;

	(void)state;
	assert_errno(ENOSPC, bundle_write(full, 0, files, 1, &len, hash, &err));
	f->read = fail_read;
	assert_errno(EIO, bundle_write(fd, 0, files, 1, &len, hash, &err));
	assert_says(err.text, "3-wal: gone");
	*f = was;
	f->next_data = fail_next_data;
	assert_errno(EIO, bundle_write(fd, 0, files, 1, &len, hash, &err));
	assert_says(err.text, "3-wal: gone");
	side_model_free(files);
}

static void a_failed_read_of_a_bundle_is_told(void **state)
{
	struct rng rng = rng_start("a_failed_read_of_a_bundle_is_told");
	struct side_files *files = three_chunks(&rng);
	struct store *s = bundle_file_new(files, 1), *faulty = faulty_store_new(s);
	struct bundle_watch watch = {0};
	struct bundle *b = NULL;
	unsigned reads;

	(void)state;
	assert_ok(bundle_open(faulty, 0, s->len, &b, NULL));
	assert_ok(bundle_verify(b, &watch, NULL));
	bundle_close(b);
	reads = faulty_count(faulty, FAULTY_READ);
	assert_true(reads >= 8);
	for (unsigned nth = 0; nth < reads; nth++) {
		int rc;

		faulty_fail(faulty, FAULTY_READ, nth, -EIO);
		rc = bundle_open(faulty, 0, s->len, &b, NULL);
		if (rc == 0) {
			rc = bundle_verify(b, &watch, NULL);
			bundle_close(b);
		}
		assert_errno(EIO, rc);
	}
	store_close(faulty);
	store_close(s);
	side_model_free(files);
}

static int stop(void *ctx, uint64_t len)
{
	(void)ctx;
	(void)len;
	return 1;
}

static void writing_can_be_stopped(void **state)
{
	struct rng rng = rng_start("writing_can_be_stopped");
	struct side_files *files = three_chunks(&rng);
	auto_close int fd = memfd_create("bundle", MFD_CLOEXEC);
	struct bundle_watch watch = {.step = stop};
	uint8_t hash[BUNDLE_HASH_LEN];
	uint64_t len;

	(void)state;
	assert_errno(ECANCELED, bundle_write_watched(fd, 0, files, 1, &watch, &len, hash, NULL));
	side_model_free(files);
}

static void a_proof_can_be_stopped(void **state)
{
	struct rng rng = rng_start("a_proof_can_be_stopped");
	struct side_files *files = three_chunks(&rng);
	struct store *s = bundle_file_new(files, 1);
	struct bundle *b = open_bundle(s);
	struct bundle_watch watch = {.step = stop};

	(void)state;
	assert_errno(ECANCELED, bundle_verify(b, &watch, NULL));
	bundle_close(b);
	store_close(s);
	side_model_free(files);
}

struct reader {
	const struct side_files *files;
	const struct side_files *back;
	uint64_t seed;
	bool same;
};

static void *read_much(void *arg)
{
	struct reader *r = arg;
	struct rng rng = {r->seed};

	r->same = true;
	for (int i = 0; i < 300; i++) {
		size_t n = rng_below(&rng, r->files->count);
		const struct side_file *f = &r->back->file[n];
		uint64_t off = rng_below(&rng, f->len);
		uint8_t byte = 0;

		if (f->read(f->ctx, &byte, 1, off, NULL) < 0 ||
		    byte != side_model_bytes(&r->files->file[n])[off])
			r->same = false;
	}
	return NULL;
}

static void threads_read_side_by_side(void **state)
{
	struct rng rng = rng_start("threads_read_side_by_side");
	struct side_files *files = three_chunks(&rng);
	struct store *s = bundle_file_new(files, 1);
	struct bundle *b = open_bundle(s);
	struct reader reader[4];
	pthread_t thread[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(thread); i++) {
		reader[i] = (struct reader){files, bundle_files(b), rng_next(&rng), false};
		assert_int_equal(pthread_create(&thread[i], NULL, read_much, &reader[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(thread); i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_true(reader[i].same);
	}
	bundle_close(b);
	store_close(s);
	side_model_free(files);
}

static void a_database_warns_of_what_it_needs(void **state)
{
	struct side_files *files = side_model_new();
	char name[16];
	struct err text;

	(void)state;
	side_model_add(files, "3-journal", NULL, 0);    /* empty */
	side_model_add(files, "4-journal", NULL, 4096); /* its header was zeroed: played back */
	side_model_add(files, "3-shm", "x", 1);
	side_model_add(files, "300-wal", "x", 1);
	side_model_add(files, "a-journal", "x", 1);
	assert_false(side_files_warning(files, &text));
	assert_string_equal(text.text, "");
	side_model_add(files, "5-wal", "x", 1);
	assert_true(side_files_warning(files, &text));
	assert_string_equal(text.text, "a database in a memory is not whole without the scratch "
				       "file 5-wal");
	for (int id = 100; id < 110; id++) {
		snprintf(name, sizeof(name), "%d-journal", id);
		side_model_add(files, name, "x", 1);
	}
	assert_true(side_files_warning(files, &text));
	assert_says(text.text, "files 5-wal, 100-journal, ");
	assert_says(text.text, ", 106-journal and 3 more");
	side_model_free(files);
}

static void sums_and_emptiness_are_told(void **state)
{
	struct side_files *files = side_model_new();

	(void)state;
	assert_false(side_files_any(NULL));
	assert_false(side_files_any(files));
	files->exact_len[254] = 0;
	assert_true(side_files_any(files));
	files->exact_len[254] = SIDE_WHOLE_PAGES;
	side_model_add(files, "a", NULL, 10);
	side_model_add(files, "b", NULL, 5);
	assert_true(side_files_any(files));
	assert_int_equal(side_files_len(files), 15);
	assert_null(side_files_find(files, "c"));
	assert_ptr_equal(side_files_find(files, "b"), &files->file[1]);
	for (int i = 0; i < 2; i++)
		files->file[i].len = UINT64_MAX;
	assert_true(side_files_len(files) == UINT64_MAX);
	side_model_free(files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_comes_back),
		cmocka_unit_test(the_same_state_gives_the_same_bytes),
		cmocka_unit_test(a_bundle_lies_anywhere_in_a_file),
		cmocka_unit_test(zeros_cost_nothing),
		cmocka_unit_test(any_changed_bit_is_found_and_named),
		cmocka_unit_test(what_is_cut_is_refused),
		cmocka_unit_test(hostile_tables_give_bytes_inside_or_a_refusal),
		cmocka_unit_test(tables_that_contradict_themselves_are_refused),
		cmocka_unit_test(tables_that_change_later_give_bytes_inside_or_a_refusal),
		cmocka_unit_test(what_cannot_be_a_state_is_not_written),
		cmocka_unit_test(the_most_files_are_written_and_one_more_is_refused),
		cmocka_unit_test(a_failed_read_or_write_is_told),
		cmocka_unit_test(a_failed_read_of_a_bundle_is_told),
		cmocka_unit_test(writing_can_be_stopped),
		cmocka_unit_test(a_proof_can_be_stopped),
		cmocka_unit_test(threads_read_side_by_side),
		cmocka_unit_test(a_database_warns_of_what_it_needs),
		cmocka_unit_test(sums_and_emptiness_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
