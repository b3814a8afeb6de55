// SPDX-License-Identifier: MIT
/* Owns the model of what lies beside an image. */
#include "tests/unit/bundles.h"

#include <stdio.h>
#include <sys/mman.h>

#include "snapshot/beside/bundle_format.h"

struct content {
	uint64_t len;
	uint8_t bytes[];
};

static int model_read(void *ctx, void *buf, size_t len, uint64_t off, struct err *err)
{
	const struct content *c = ctx;

	if (off > c->len || len > c->len - off)
		return err_set(err, -EIO, "a read behind the end");
	memcpy(buf, c->bytes + off, len);
	return 0;
}

/* By the byte, as no host would. */
static int model_next_data(void *ctx, uint64_t off, uint64_t *start, uint64_t *end, struct err *err)
{
	const struct content *c = ctx;

	(void)err;
	while (off < c->len && c->bytes[off] == 0)
		off++;
	*start = off;
	while (off < c->len && c->bytes[off] != 0)
		off++;
	*end = off;
	return 0;
}

struct side_files *side_model_new(void)
{
	struct side_files *files = malloc(sizeof(*files));

	side_files_init(files);
	files->file = calloc(SIDE_MAX_FILES + 1, sizeof(*files->file));
	return files;
}

struct side_file *side_model_add(struct side_files *files, const char *name, const void *bytes,
				 uint64_t len)
{
	struct side_file *f = &files->file[files->count++];
	struct content *c = calloc(1, sizeof(*c) + len);

	c->len = len;
	if (bytes)
		memcpy(c->bytes, bytes, len);
	*f = (struct side_file){.len = len, .read = model_read, .ctx = c};
	strcpy(f->name, name);
	return f;
}

uint8_t *side_model_bytes(const struct side_file *file)
{
	return ((struct content *)file->ctx)->bytes;
}

void side_model_free(struct side_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->file[i].ctx);
	free(files->file);
	free(files);
}

/* Zeros, noise, and what can be packed, in pieces that lie across chunks. */
static void fill(struct rng *rng, uint8_t *bytes, uint64_t len)
{
	for (uint64_t off = 0, n; off < len; off += n) {
		n = rng_below(rng, 3 * BUNDLE_CHUNK_LEN) + 1;
		n = MIN(len - off, n);
		if (rng_one_in(rng, 3))
			continue;
		if (rng_one_in(rng, 2))
			rng_fill(rng, bytes + off, n);
		else
			for (uint64_t i = 0; i < n; i++)
				bytes[off + i] = (uint8_t)(i / 40);
	}
}

static void random_name(struct rng *rng, char *name)
{
	static const char *const names[] = {"3-journal", "3-wal", "254-shm", "a", "..x",
					    "\xff\x01",  "255",   "03",      "0 "};
	size_t len = rng_below(rng, NAME_MAX) + 1;

	if (rng_one_in(rng, 2)) {
		strcpy(name, names[rng_below(rng, ARRAY_LEN(names))]);
		return;
	}
	for (size_t i = 0; i < len; i++)
		name[i] = (char)(rng_below(rng, 255) + 1);
	name[len] = 0;
}

struct side_files *side_model_random(struct rng *rng, uint64_t max_len)
{
	struct side_files *files = side_model_new();
	uint64_t count = rng_below(rng, 8);

	for (uint64_t i = 0; i < count; i++) {
		char name[NAME_MAX + 1];
		struct side_file *f;

		random_name(rng, name);
		if (!side_name_ok(name) || side_files_find(files, name))
			continue;
		f = side_model_add(files, name, NULL, rng_below(rng, max_len + 1));
		fill(rng, side_model_bytes(f), f->len);
		f->next_data = rng_one_in(rng, 2) ? model_next_data : NULL;
	}
	for (uint64_t i = rng_below(rng, 4); i > 0; i--)
		files->exact_len[rng_below(rng, MM_MAX_MEMORIES)] = rng_below(rng, INT64_MAX);
	return files;
}

static void assert_same_pieces(struct rng *rng, const struct side_file *a,
			       const struct side_file *b)
{
	for (int i = 0; i < 20; i++) {
		uint64_t off = rng_below(rng, a->len + 1);
		size_t n = rng_below(rng, MIN(a->len - off, 3 * BUNDLE_CHUNK_LEN) + 1);
		uint8_t *buf = malloc(n + 1);

		assert_ok(b->read(b->ctx, buf, n, off, NULL));
		assert_memory_equal(buf, side_model_bytes(a) + off, n);
		free(buf);
	}
	assert_errno(EIO, b->read(b->ctx, NULL, 1, b->len, NULL));
}

/* What next_data calls a hole is one. */
static void assert_same_holes(const struct side_file *a, const struct side_file *b)
{
	uint64_t start, end, off = 0;

	do {
		assert_ok(b->next_data(b->ctx, off, &start, &end, NULL));
		assert_true(off <= start && start <= end && end <= b->len);
		assert_true(start < end || end == b->len);
		assert_true(is_zero(side_model_bytes(a) + off, start - off));
		off = end;
	} while (start < end);
}

void assert_same_side(struct rng *rng, const struct side_files *a, const struct side_files *b)
{
	assert_int_equal(a->count, b->count);
	assert_memory_equal(a->exact_len, b->exact_len, sizeof(a->exact_len));
	for (size_t i = 0; i < a->count; i++) {
		const struct side_file *f = side_files_find(b, a->file[i].name);
		uint8_t *buf = malloc(a->file[i].len + 1);

		assert_non_null(f);
		assert_int_equal(f->len, a->file[i].len);
		assert_ok(f->read(f->ctx, buf, f->len, 0, NULL));
		assert_memory_equal(buf, side_model_bytes(&a->file[i]), f->len);
		free(buf);
		assert_same_pieces(rng, &a->file[i], f);
		assert_same_holes(&a->file[i], f);
	}
}

struct store *bundle_file_new(const struct side_files *files, unsigned level)
{
	auto_close int fd = memfd_create("bundle", MFD_CLOEXEC);
	uint8_t hash[BUNDLE_HASH_LEN];
	struct err err = {""};
	struct store *s;
	uint64_t len;

	assert_ok_err(bundle_write(fd, 0, files, level, &len, hash, &err), &err);
	s = mem_store_new(NULL, len);
	assert_ok(pread_all(fd, mem_store_bytes(s), len, 0));
	return s;
}

void bundle_rehash(uint8_t *bytes, size_t len)
{
	uint8_t *footer = bytes + len - BUNDLE_FOOTER_LEN;
	uint64_t table_off = get_be64(footer + 24);
	struct sha *sha;

	if (table_off > len - BUNDLE_FOOTER_LEN || sha_new(&sha) < 0)
		return;
	sha_begin(sha);
	sha_add(sha, bytes + table_off, len - BUNDLE_FOOTER_LEN - table_off);
	sha_add(sha, footer, BUNDLE_TABLES_HASH_OFF);
	assert_ok(sha_end(sha, footer + BUNDLE_TABLES_HASH_OFF));
	sha_free(sha);
}
