// SPDX-License-Identifier: MIT
/*
 * Owns the making of a bundle: files in the order of their names, their chunks in one pass, then
 * the tables. Needs memory for 24 bytes per chunk that is stored. No locks: one thread.
 */
#include "snapshot/beside/bundle.h"

#include <inttypes.h>

#include "snapshot/beside/bundle_format.h"
#include "snapshot/qcow2/deflate.h"

/* Chunks that are packed one like the other; see encoder_next_run. */
enum { RUN = 8 };

struct writer {
	int fd;
	uint64_t base; /* the bundle's place in fd */
	uint64_t pos;  /* bytes of it so far */
	struct sha *all, *tables;
	struct encoder *encoder; /* NULL: nothing is packed */
	uint8_t *chunk, *packed;
	uint8_t *entries; /* encoded */
	size_t entries_len, entries_room;
	uint64_t count; /* of them, of all files */
	const struct bundle_watch *watch;
};

static int put(struct writer *w, const void *bytes, size_t len, struct err *err)
{
	int rc = pwrite_all(w->fd, bytes, len, w->base + w->pos);

	if (rc < 0)
		return err_sys(err, rc, "cannot write at %" PRIu64, w->base + w->pos);
	sha_add(w->all, bytes, len);
	w->pos += len;
	return 0;
}

static int put_table(struct writer *w, const void *bytes, size_t len, struct err *err)
{
	sha_add(w->tables, bytes, len);
	return put(w, bytes, len, err);
}

static int add_entry(struct writer *w, const struct bundle_entry *e)
{
	if (w->entries_room - w->entries_len < BUNDLE_ENTRY_LEN) {
		size_t room = MAX(2 * w->entries_room, 64 * BUNDLE_ENTRY_LEN);
		uint8_t *entries = realloc(w->entries, room);

		if (!entries)
			return -ENOMEM;
		w->entries = entries;
		w->entries_room = room;
	}
	bundle_entry_encode(e, w->entries + w->entries_len);
	w->entries_len += BUNDLE_ENTRY_LEN;
	w->count++;
	return 0;
}

/* What is not made shorter is stored as it is. */
static const uint8_t *pack(struct writer *w, size_t len, uint32_t *packed_len)
{
	size_t n = w->encoder ? encoder_run(w->encoder, w->chunk, len, w->packed) : len;

	*packed_len = (uint32_t)MIN(n, len);
	return n < len ? w->packed : w->chunk;
}

static int add_chunk(struct writer *w, const struct side_file *f, uint64_t chunk, struct err *err)
{
	struct bundle_entry e = {.chunk = chunk, .off = w->pos};
	size_t len = bundle_chunk_len(chunk, f->len);
	const uint8_t *bytes;
	int rc = f->read(f->ctx, w->chunk, len, chunk * BUNDLE_CHUNK_LEN, err);

	if (rc < 0)
		return err_prefix(err, rc, "the scratch file %s", f->name);
	if (w->watch->step && w->watch->step(w->watch->ctx, len) != 0)
		return err_set(err, -ECANCELED, "interrupted");
	if (is_zero(w->chunk, len))
		return 0;
	if (w->encoder && chunk % RUN == 0)
		encoder_next_run(w->encoder);
	bytes = pack(w, len, &e.len);
	e.crc = codec_crc32(bytes, e.len);
	rc = add_entry(w, &e);
	return rc < 0 ? err_sys(err, rc, "cannot note a chunk") : put(w, bytes, e.len, err);
}

/* The first chunk from *chunk on that may hold data. */
static int find_chunk(const struct side_file *f, uint64_t *chunk, bool *found, struct err *err)
{
	uint64_t off = *chunk * BUNDLE_CHUNK_LEN, start = off, end = f->len;
	int rc = 0;

	*found = off < f->len;
	if (!*found || !f->next_data)
		return 0;
	rc = f->next_data(f->ctx, off, &start, &end, err);
	if (rc < 0)
		return err_prefix(err, rc, "the scratch file %s", f->name);
	*chunk = start / BUNDLE_CHUNK_LEN;
	*found = start < end;
	return 0;
}

static int add_file(struct writer *w, const struct side_file *f, uint64_t *entries, struct err *err)
{
	uint64_t before = w->count;
	bool found;
	int rc = 0;

	/* How a file is packed does not depend on those before. */
	if (w->encoder)
		encoder_next_run(w->encoder);
	for (uint64_t chunk = 0; rc == 0; chunk++) {
		rc = find_chunk(f, &chunk, &found, err);
		if (rc < 0 || !found)
			break;
		rc = add_chunk(w, f, chunk, err);
	}
	*entries = w->count - before;
	return rc;
}

static int put_names(struct writer *w, const struct side_file **file, const uint64_t *entries,
		     const struct side_files *files, uint32_t *lengths, struct err *err)
{
	uint8_t buf[MAX(BUNDLE_RECORD_LEN + NAME_MAX, MM_MAX_MEMORIES * BUNDLE_LENGTH_LEN)];
	size_t len;
	int rc = 0;

	for (size_t i = 0; i < files->count && rc == 0; i++) {
		len = bundle_record_encode(file[i], entries[i], buf);
		rc = put_table(w, buf, len, err);
	}
	len = bundle_lengths_encode(files, buf);
	*lengths = (uint32_t)(len / BUNDLE_LENGTH_LEN);
	return rc < 0 ? rc : put_table(w, buf, len, err);
}

/* Sets the footer's hashes: of the tables and what stands in front of the first hash, then of all
 * that stands in front of the second. */
static int put_footer(struct writer *w, struct bundle_footer *footer, struct err *err)
{
	uint8_t buf[BUNDLE_FOOTER_LEN];
	int rc;

	bundle_footer_encode(footer, buf);
	sha_add(w->tables, buf, BUNDLE_TABLES_HASH_OFF);
	rc = sha_end(w->tables, footer->tables_hash);
	bundle_footer_encode(footer, buf);
	sha_add(w->all, buf, BUNDLE_HASH_OFF);
	if (rc == 0)
		rc = sha_end(w->all, footer->hash);
	if (rc < 0)
		return err_sys(err, rc, "cannot hash");
	bundle_footer_encode(footer, buf);
	rc = pwrite_all(w->fd, buf, sizeof(buf), w->base + w->pos);
	if (rc < 0)
		return err_sys(err, rc, "cannot write at %" PRIu64, w->base + w->pos);
	w->pos += sizeof(buf);
	return 0;
}

static int put_all(struct writer *w, const struct side_file **file, const struct side_files *files,
		   struct bundle_footer *footer, struct err *err)
{
	auto_free uint64_t *entries = calloc(files->count + 1, sizeof(*entries));
	int rc;

	if (!entries)
		return err_sys(err, -ENOMEM, "cannot begin");
	rc = put(w, bundle_head, BUNDLE_HEAD_LEN, err);
	for (size_t i = 0; i < files->count && rc == 0; i++)
		rc = add_file(w, file[i], &entries[i], err);
	footer->files = (uint32_t)files->count;
	footer->entries = w->count;
	footer->table_off = w->pos;
	if (rc == 0)
		rc = put_table(w, w->entries, w->entries_len, err);
	if (rc == 0)
		rc = put_names(w, file, entries, files, &footer->lengths, err);
	return rc < 0 ? rc : put_footer(w, footer, err);
}

static int open_writer(struct writer *w, unsigned level)
{
	int rc = sha_new(&w->all);

	if (rc == 0)
		rc = sha_new(&w->tables);
	if (rc == 0 && level > 0)
		rc = encoder_new(level, &w->encoder);
	if (rc < 0)
		return rc;
	sha_begin(w->all);
	sha_begin(w->tables);
	w->chunk = malloc(BUNDLE_CHUNK_LEN);
	w->packed = malloc(codec_bound(BUNDLE_CHUNK_LEN));
	return w->chunk && w->packed ? 0 : -ENOMEM;
}

static void close_writer(struct writer *w)
{
	sha_free(w->all);
	sha_free(w->tables);
	encoder_free(w->encoder);
	free(w->chunk);
	free(w->packed);
	free(w->entries);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct side_file *const *)a)->name,
		      (*(const struct side_file *const *)b)->name);
}

static int check_file(const struct side_file *f, const struct side_file *before, struct err *err)
{
	if (!side_name_ok(f->name))
		return err_set(err, -EINVAL, "a scratch file cannot be called '%s'", f->name);
	if (before && strcmp(before->name, f->name) == 0)
		return err_set(err, -EINVAL, "two scratch files are called '%s'", f->name);
	if (f->len > INT64_MAX)
		return err_set(err, -EINVAL, "the scratch file %s cannot have %" PRIu64 " bytes",
			       f->name, f->len);
	return 0;
}

static int check_lengths(const struct side_files *files, struct err *err)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		if (files->exact_len[id] > INT64_MAX && files->exact_len[id] != SIDE_WHOLE_PAGES)
			return err_set(err, -EINVAL, "memory %u cannot have %" PRIu64 " bytes", id,
				       files->exact_len[id]);
	return 0;
}

/* Checks, and sorts by name; *out is for free(). */
static int sort(const struct side_files *files, const struct side_file ***out, struct err *err)
{
	const struct side_file **file;

	if (files->count > SIDE_MAX_FILES)
		return err_set(err, -E2BIG, "%zu scratch files are more than %d", files->count,
			       SIDE_MAX_FILES);
	*out = file = calloc(files->count + 1, sizeof(*file));
	if (!file)
		return err_sys(err, -ENOMEM, "cannot begin");
	for (size_t i = 0; i < files->count; i++)
		file[i] = &files->file[i];
	qsort(file, files->count, sizeof(*file), by_name);
	for (size_t i = 0; i < files->count; i++) {
		int rc = check_file(file[i], i ? file[i - 1] : NULL, err);

		if (rc < 0)
			return rc;
	}
	return check_lengths(files, err);
}

int bundle_write_watched(int fd, uint64_t off, const struct side_files *files, unsigned level,
			 const struct bundle_watch *watch, uint64_t *len,
			 uint8_t hash[BUNDLE_HASH_LEN], struct err *err)
{
	auto_free const struct side_file **file = NULL;
	struct writer w = {.fd = fd, .base = off, .watch = watch};
	struct bundle_footer footer = {.files = 0};
	int rc = sort(files, &file, err);

	if (rc < 0)
		return rc;
	rc = open_writer(&w, level);
	rc = rc < 0 ? err_sys(err, rc, "cannot begin") : put_all(&w, file, files, &footer, err);
	close_writer(&w);
	*len = w.pos;
	memcpy(hash, footer.hash, SHA_LEN);
	return rc;
}

int bundle_write(int fd, uint64_t off, const struct side_files *files, unsigned level,
		 uint64_t *len, uint8_t hash[BUNDLE_HASH_LEN], struct err *err)
{
	const struct bundle_watch nobody = {.step = NULL};

	return bundle_write_watched(fd, off, files, level, &nobody, len, hash, err);
}
