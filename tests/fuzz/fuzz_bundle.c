// SPDX-License-Identifier: MIT
/*
 * Any bytes as a bundle of side files: opened, read through, verified. Aborts where something is
 * promised and does not hold.
 *
 * An input that begins as a bundle does is one. Any other is a recipe: a bundle of three files, and
 * patches: 2 bytes offset from its end, 1 byte length, the bytes; then the checksum of the tables
 * is made to hold. So few bytes reach far.
 */
#include <stdio.h>

#include "snapshot/beside/bundle_format.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/bundles.h"

enum { PIECE_LEN = 200000, PIECES = 50 };

static struct store *make_plain(void)
{
	struct side_files *files = side_model_new();
	struct side_file *f = side_model_add(files, "3-journal", NULL, 3 * BUNDLE_CHUNK_LEN + 7);
	struct store *s;

	memset(side_model_bytes(f), 5, BUNDLE_CHUNK_LEN);
	side_model_bytes(f)[f->len - 1] = 1;
	side_model_add(files, "a", "stored as it is", 15);
	side_model_add(files, "empty", NULL, 0);
	files->exact_len[0] = 1;
	files->exact_len[254] = 5 * BUNDLE_CHUNK_LEN - 3;
	s = bundle_file_new(files, 1);
	side_model_free(files);
	return s;
}

/* Made once. */
static struct store *plain_bundle(void)
{
	static struct store *plain;

	if (!plain)
		plain = make_plain();
	return mem_store_new(mem_store_bytes(plain), plain->len);
}

static struct store *cook(const uint8_t *data, size_t size)
{
	struct store *s = plain_bundle();
	size_t i = 0;

	while (i + 3 <= size) {
		uint64_t back = MIN(get_le16(data + i), s->len);
		size_t len = MIN(data[i + 2], size - i - 3);

		memcpy(mem_store_bytes(s) + s->len - back, data + i + 3, MIN(len, back));
		i += 3 + len;
	}
	bundle_rehash(mem_store_bytes(s), s->len);
	return s;
}

static void demand(bool condition, const char *what, const struct err *err)
{
	if (condition)
		return;
	fprintf(stderr, "%s: %s\n", what, err->text);
	abort();
}

/* What is called a hole is zero, and all ends. */
static void look_through(const struct side_file *f)
{
	uint8_t *buf = malloc(PIECE_LEN);
	uint64_t off = 0, start, end;
	struct err err = {""};

	for (int i = 0; i < PIECES && off < f->len; i++, off = end) {
		size_t n;

		if (f->next_data(f->ctx, off, &start, &end, &err) < 0)
			break;
		demand(off <= start && start <= end && end <= f->len, "next_data", &err);
		n = MIN(start - off, PIECE_LEN);
		demand(f->read(f->ctx, buf, n, off, &err) == 0 && is_zero(buf, n), "a hole", &err);
		if (start == end)
			break;
		(void)!f->read(f->ctx, buf, MIN(end - start, PIECE_LEN), start, &err);
	}
	free(buf);
}

static void count(void *ctx, const char *name, const char *text)
{
	struct err err = {""};

	(void)name;
	demand(*text, "a finding without a sentence", &err);
	++*(unsigned *)ctx;
}

/* What is proven reads as something. */
static void prove(const struct bundle *b)
{
	unsigned found = 0;
	struct bundle_watch watch = {.found = count, .ctx = &found};
	const struct side_files *files = bundle_files(b);
	struct err err = {""};
	uint8_t byte;

	demand(bundle_verify(b, &watch, &err) == 0, "no proof", &err);
	for (size_t i = 0; i < files->count && found == 0; i++) {
		const struct side_file *f = &files->file[i];

		demand(f->len == 0 || f->read(f->ctx, &byte, 1, f->len - 1, &err) == 0,
		       "it is proven and cannot be read", &err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_store struct store *s = NULL;
	auto_bundle struct bundle *b = NULL;
	const struct side_files *files;
	struct err err = {""};
	int rc;

	s = size >= BUNDLE_HEAD_LEN && memcmp(data, bundle_head, BUNDLE_HEAD_LEN) == 0
		    ? mem_store_new(data, size)
		    : cook(data, size);
	rc = bundle_open(s, 0, s->len, &b, &err);
	demand(rc == 0 || *err.text, "a refusal without a sentence", &err);
	if (rc < 0)
		return 0;
	files = bundle_files(b);
	demand(files->count <= SIDE_MAX_FILES, "too many files", &err);
	for (size_t i = 0; i < files->count; i++) {
		demand(side_name_ok(files->file[i].name), "a name that cannot be", &err);
		demand(i == 0 || strcmp(files->file[i - 1].name, files->file[i].name) < 0,
		       "names out of order", &err);
		look_through(&files->file[i]);
	}
	prove(b);
	return 0;
}
