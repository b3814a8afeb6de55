// SPDX-License-Identifier: MIT
/*
 * Owns the reading of a bundle's files. The bundle's lock is held while a chunk is unpacked and
 * copied; the chunk that was read last stays unpacked.
 */
#include <inttypes.h>

#include "snapshot/beside/bundle_parts.h"

int unpack_open(struct unpack *u)
{
	int rc = decoder_new(&u->decoder);

	if (rc < 0)
		return rc;
	u->packed = malloc(BUNDLE_CHUNK_LEN);
	u->chunk = malloc(BUNDLE_CHUNK_LEN);
	return u->packed && u->chunk ? 0 : -ENOMEM;
}

void unpack_close(struct unpack *u)
{
	decoder_free(u->decoder);
	free(u->packed);
	free(u->chunk);
}

int unpack_chunk(struct unpack *u, const struct bundle *b, const struct bundle_file *f,
		 const struct bundle_entry *e, struct err *err)
{
	size_t len = bundle_chunk_len(e->chunk, f->file->len);
	int rc = bundle_read(b, u->packed, e->len, e->off, err);

	if (rc < 0)
		return rc;
	if (codec_crc32(u->packed, e->len) != e->crc)
		rc = -EUCLEAN;
	else if (e->len < len)
		rc = decoder_run(u->decoder, u->packed, e->len, u->chunk, len);
	else
		memcpy(u->chunk, u->packed, len);
	if (rc < 0)
		err_set(err, rc, "the bytes of %s at %" PRIu64 " are not those that were written",
			f->file->name, e->chunk * BUNDLE_CHUNK_LEN);
	return rc;
}

static int read_entry(const struct bundle_file *f, uint64_t index, struct bundle_entry *e,
		      struct err *err)
{
	const struct bundle *b = f->b;
	uint8_t raw[BUNDLE_ENTRY_LEN];
	int rc = bundle_read(b, raw, sizeof(raw), b->footer.table_off + index * BUNDLE_ENTRY_LEN,
			     err);

	return rc < 0 ? rc : bundle_entry_decode(raw, f->file->len, b->footer.table_off, e, err);
}

/* The file's first entry of a chunk that is not below `chunk`; *index is the end of the file's
 * entries where there is none. */
static int find_entry(const struct bundle_file *f, uint64_t chunk, uint64_t *index,
		      struct bundle_entry *e, struct err *err)
{
	uint64_t from = f->first, to = f->first + f->entries, end = to;

	while (from < to) {
		uint64_t mid = from + (to - from) / 2;
		int rc = read_entry(f, mid, e, err);

		if (rc < 0)
			return rc;
		if (e->chunk < chunk)
			from = mid + 1;
		else
			to = mid;
	}
	*index = from;
	return from < end ? read_entry(f, from, e, err) : 0;
}

/* Bytes of a chunk that is stored. */
static int read_stored(const struct bundle_file *f, uint64_t index, const struct bundle_entry *e,
		       void *buf, size_t len, size_t at, struct err *err)
{
	struct bundle *b = f->b;
	int rc = 0;

	pthread_mutex_lock(&b->lock);
	if (b->held != index) {
		b->held = UINT64_MAX;
		rc = unpack_chunk(&b->unpack, b, f, e, err);
	}
	if (rc == 0) {
		b->held = index;
		memcpy(buf, b->unpack.chunk + at, len);
	}
	pthread_mutex_unlock(&b->lock);
	return rc;
}

static int read_chunk(const struct bundle_file *f, uint64_t chunk, void *buf, size_t len, size_t at,
		      struct err *err)
{
	struct bundle_entry e;
	uint64_t index;
	int rc = find_entry(f, chunk, &index, &e, err);

	if (rc < 0)
		return rc;
	if (index < f->first + f->entries && e.chunk == chunk)
		return read_stored(f, index, &e, buf, len, at, err);
	memset(buf, 0, len);
	return 0;
}

int bundle_file_read(void *ctx, void *buf, size_t len, uint64_t off, struct err *err)
{
	const struct bundle_file *f = ctx;
	int rc = 0;

	if (off > f->file->len || len > f->file->len - off)
		return err_set(err, -EIO, "%zu bytes at %" PRIu64 " are not in %s", len, off,
			       f->file->name);
	for (size_t n; len > 0 && rc == 0; buf = (uint8_t *)buf + n, off += n, len -= n) {
		size_t at = off % BUNDLE_CHUNK_LEN;

		n = MIN(len, BUNDLE_CHUNK_LEN - at);
		rc = read_chunk(f, off / BUNDLE_CHUNK_LEN, buf, n, at, err);
	}
	return rc;
}

int bundle_file_next_data(void *ctx, uint64_t off, uint64_t *start, uint64_t *end, struct err *err)
{
	const struct bundle_file *f = ctx;
	struct bundle_entry e;
	uint64_t index;
	int rc = find_entry(f, off / BUNDLE_CHUNK_LEN, &index, &e, err);

	*start = *end = f->file->len;
	if (rc < 0 || off >= f->file->len || index == f->first + f->entries)
		return rc;
	*start = MAX(off, e.chunk * BUNDLE_CHUNK_LEN);
	*end = e.chunk * BUNDLE_CHUNK_LEN + bundle_chunk_len(e.chunk, f->file->len);
	return 0;
}
