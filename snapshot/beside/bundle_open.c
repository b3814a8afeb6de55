// SPDX-License-Identifier: MIT
/*
 * Owns an open bundle from its footer to its end: reads the tables and proves them, so that what is
 * believed of them later was written so. Works before anyone else has the bundle, so it takes no
 * lock.
 */
#include <inttypes.h>

#include "snapshot/beside/bundle_parts.h"

static int read_footer(struct bundle *b, struct err *err)
{
	uint8_t head[BUNDLE_HEAD_LEN], footer[BUNDLE_FOOTER_LEN];
	int rc;

	if (b->len < BUNDLE_HEAD_LEN + BUNDLE_FOOTER_LEN || b->off > b->file->len ||
	    b->len > b->file->len - b->off)
		return err_set(err, -EUCLEAN,
			       "%" PRIu64 " bytes at %" PRIu64 " of %" PRIu64
			       " cannot hold side files",
			       b->len, b->off, b->file->len);
	rc = bundle_read(b, head, sizeof(head), 0, err);
	if (rc == 0)
		rc = bundle_read(b, footer, sizeof(footer), b->len - sizeof(footer), err);
	if (rc < 0)
		return rc;
	if (memcmp(head, bundle_head, sizeof(head)) != 0)
		return err_set(err, -EUCLEAN, "what should be side files begins as something else");
	return bundle_footer_decode(footer, b->len, &b->footer, err);
}

static int take_file(struct bundle *b, size_t i, const uint8_t **at, size_t *len, uint64_t *first,
		     struct err *err)
{
	struct side_file *file = &b->files.file[i];
	struct bundle_file *of = &b->of[i];
	int rc = bundle_record_decode(at, len, file, &of->entries, err);

	if (rc < 0)
		return rc;
	if (i > 0 && strcmp(file[-1].name, file->name) >= 0)
		return err_set(err, -EUCLEAN, "the table of side files is not in order");
	of->b = b;
	of->file = file;
	of->first = *first;
	file->ctx = of;
	file->read = bundle_file_read;
	file->next_data = bundle_file_next_data;
	if (add_overflows(*first, of->entries, first) || *first > b->footer.entries)
		return err_set(err, -EUCLEAN, "side files have more chunks than there are");
	return 0;
}

/* The file table and the length table. */
static int take_names(struct bundle *b, const uint8_t *at, size_t len, struct err *err)
{
	size_t lengths_len = b->footer.lengths * BUNDLE_LENGTH_LEN;
	uint64_t first = 0;

	len -= lengths_len;
	b->files.count = b->footer.files;
	for (size_t i = 0; i < b->files.count; i++) {
		int rc = take_file(b, i, &at, &len, &first, err);

		if (rc < 0)
			return rc;
	}
	if (len > 0 || first != b->footer.entries)
		return err_set(err, -EUCLEAN, "the tables of side files do not fit together");
	return bundle_lengths_decode(at, b->footer.lengths, &b->files, err);
}

static int prove_entries(struct bundle *b, struct sha *sha, struct err *err)
{
	auto_free struct entry_reader *r = malloc(sizeof(*r));
	struct bundle_entry e;
	int rc;

	if (!r)
		return err_sys(err, -ENOMEM, "cannot open");
	entry_reader_begin(r, b, sha);
	do
		rc = entry_reader_next(r, &e, err);
	while (rc > 0);
	if (rc == 0 && r->pos != b->footer.table_off)
		return err_set(err, -EUCLEAN, "there are bytes between the side files' chunks");
	return rc;
}

static int prove(struct bundle *b, struct sha *sha, const uint8_t *names, size_t len,
		 struct err *err)
{
	uint8_t footer[BUNDLE_FOOTER_LEN], is[SHA_LEN];
	int rc;

	sha_begin(sha);
	rc = prove_entries(b, sha, err);
	if (rc < 0)
		return rc;
	sha_add(sha, names, len);
	bundle_footer_encode(&b->footer, footer);
	sha_add(sha, footer, BUNDLE_TABLES_HASH_OFF);
	rc = sha_end(sha, is);
	if (rc < 0)
		return err_sys(err, rc, "cannot hash");
	if (memcmp(is, b->footer.tables_hash, SHA_LEN) != 0)
		return err_set(err, -EUCLEAN, "the tables of side files are not what was written");
	return 0;
}

static int read_tables(struct bundle *b, struct sha *sha, struct err *err)
{
	uint64_t off = bundle_names_off(&b->footer);
	size_t len = b->len - BUNDLE_FOOTER_LEN - off; /* bundle_footer_decode bounds it */
	auto_free uint8_t *names = malloc(len + 1);
	int rc;

	b->files.file = calloc(b->footer.files + 1, sizeof(*b->files.file));
	b->of = calloc(b->footer.files + 1, sizeof(*b->of));
	if (!names || !b->files.file || !b->of)
		return err_sys(err, -ENOMEM, "cannot open");
	rc = bundle_read(b, names, len, off, err);
	if (rc == 0)
		rc = take_names(b, names, len, err);
	return rc < 0 ? rc : prove(b, sha, names, len, err);
}

static int open_parts(struct bundle *b, struct err *err)
{
	struct sha *sha = NULL;
	int rc = unpack_open(&b->unpack);

	if (rc == 0)
		rc = sha_new(&sha);
	if (rc < 0)
		return err_sys(err, rc, "cannot open");
	rc = read_footer(b, err);
	if (rc == 0)
		rc = read_tables(b, sha, err);
	sha_free(sha);
	return rc;
}

int bundle_open(struct store *file, uint64_t off, uint64_t len, struct bundle **out,
		struct err *err)
{
	struct bundle *b = calloc(1, sizeof(*b));
	int rc;

	if (!b)
		return err_sys(err, -ENOMEM, "cannot open");
	b->file = file;
	b->off = off;
	b->len = len;
	b->held = UINT64_MAX;
	side_files_init(&b->files);
	pthread_mutex_init(&b->lock, NULL);
	rc = open_parts(b, err);
	if (rc < 0)
		bundle_close(b);
	else
		*out = b;
	return rc;
}

const struct side_files *bundle_files(const struct bundle *b)
{
	return &b->files;
}

const uint8_t *bundle_hash(const struct bundle *b)
{
	return b->footer.hash;
}

void bundle_close(struct bundle *b)
{
	if (!b)
		return;
	unpack_close(&b->unpack);
	pthread_mutex_destroy(&b->lock);
	free(b->files.file);
	free(b->of);
	free(b);
}

void cleanup_bundle(struct bundle **b)
{
	bundle_close(*b);
}
