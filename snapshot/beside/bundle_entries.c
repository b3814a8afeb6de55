// SPDX-License-Identifier: MIT
/*
 * Owns the order of a bundle's chunks: file by file, ascending in each, their bytes one behind the
 * other. One thread.
 */
#include <inttypes.h>

#include "snapshot/beside/bundle_parts.h"

void entry_reader_begin(struct entry_reader *r, const struct bundle *b, struct sha *sha)
{
	r->b = b;
	r->sha = sha;
	r->read = r->least = 0;
	r->at = r->filled = r->of = 0;
	r->pos = BUNDLE_HEAD_LEN;
}

static int fill(struct entry_reader *r, struct err *err)
{
	const struct bundle_footer *footer = &r->b->footer;
	size_t n = MIN(BUNDLE_PIECE, footer->entries - r->read);
	int rc = bundle_read(r->b, r->buf, n * BUNDLE_ENTRY_LEN,
			     footer->table_off + r->read * BUNDLE_ENTRY_LEN, err);

	if (rc < 0)
		return rc;
	if (r->sha)
		sha_add(r->sha, r->buf, n * BUNDLE_ENTRY_LEN);
	r->at = 0;
	r->filled = n;
	r->read += n;
	return 0;
}

/* Moves on to the file that the entry at `index` is of. */
static const struct bundle_file *file_of(struct entry_reader *r, uint64_t index)
{
	const struct bundle_file *f = &r->b->of[r->of];

	while (index - f->first >= f->entries) {
		f = &r->b->of[++r->of];
		r->least = 0;
	}
	return f;
}

int entry_reader_next(struct entry_reader *r, struct bundle_entry *e, struct err *err)
{
	const struct bundle_footer *footer = &r->b->footer;
	const struct bundle_file *f;
	int rc = 0;

	if (r->at == r->filled && r->read == footer->entries)
		return 0;
	if (r->at == r->filled)
		rc = fill(r, err);
	if (rc < 0)
		return rc;
	f = file_of(r, r->read - r->filled + r->at);
	rc = bundle_entry_decode(r->buf + r->at * BUNDLE_ENTRY_LEN, f->file->len, footer->table_off,
				 e, err);
	if (rc < 0)
		return rc;
	if (e->chunk < r->least || e->off != r->pos)
		return err_set(err, -EUCLEAN,
			       "chunk %" PRIu64 " at %" PRIu64
			       " of the side files cannot follow those before",
			       e->chunk, e->off);
	r->least = e->chunk + 1;
	r->pos += e->len;
	r->at++;
	return 1;
}
