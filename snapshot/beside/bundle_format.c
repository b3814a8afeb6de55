// SPDX-License-Identifier: MIT
/*
 * Owns the bytes of a bundle's tables. Keeps no state, reads no file. What it hands out fits the
 * bundle's length.
 */
#include "snapshot/beside/bundle_format.h"

#include <inttypes.h>

const char bundle_head[] = "canisterfs side\n";

void bundle_footer_encode(const struct bundle_footer *f, uint8_t *buf)
{
	put_be32(buf, BUNDLE_VERSION);
	put_be32(buf + 4, f->files);
	put_be32(buf + 8, f->lengths);
	put_be32(buf + 12, 0);
	put_be64(buf + 16, f->entries);
	put_be64(buf + 24, f->table_off);
	memcpy(buf + BUNDLE_TABLES_HASH_OFF, f->tables_hash, SHA_LEN);
	memcpy(buf + BUNDLE_HASH_OFF, f->hash, SHA_LEN);
}

uint64_t bundle_names_off(const struct bundle_footer *f)
{
	return f->table_off + f->entries * BUNDLE_ENTRY_LEN;
}

/* The tables lie between the chunks and the footer, and there is room for what is counted. */
static bool tables_fit(const struct bundle_footer *f, uint64_t len)
{
	uint64_t bytes, end;

	if (mul_overflows(f->entries, (uint64_t)BUNDLE_ENTRY_LEN, &bytes) ||
	    add_overflows(f->table_off, bytes, &end) || f->table_off < BUNDLE_HEAD_LEN ||
	    end > len - BUNDLE_FOOTER_LEN)
		return false;
	bytes = len - BUNDLE_FOOTER_LEN - end;
	return bytes <= BUNDLE_MAX_NAMES_LEN &&
	       bytes >= (uint64_t)f->files * BUNDLE_RECORD_LEN + f->lengths * BUNDLE_LENGTH_LEN;
}

int bundle_footer_decode(const uint8_t *buf, uint64_t len, struct bundle_footer *out,
			 struct err *err)
{
	struct bundle_footer f = {
		.files = get_be32(buf + 4),
		.lengths = get_be32(buf + 8),
		.entries = get_be64(buf + 16),
		.table_off = get_be64(buf + 24),
	};

	if (get_be32(buf) > BUNDLE_VERSION)
		return err_set(err, -ENOTSUP, "the side files are of version %u, where %d is known",
			       get_be32(buf), BUNDLE_VERSION);
	if (get_be32(buf) != BUNDLE_VERSION || get_be32(buf + 12) != 0 ||
	    f.files > SIDE_MAX_FILES || f.lengths > MM_MAX_MEMORIES || !tables_fit(&f, len))
		return err_set(err, -EUCLEAN,
			       "the side files are cut off or damaged: %" PRIu64
			       " chunks and %u files are not in %" PRIu64 " bytes",
			       f.entries, f.files, len);
	memcpy(f.tables_hash, buf + BUNDLE_TABLES_HASH_OFF, SHA_LEN);
	memcpy(f.hash, buf + BUNDLE_HASH_OFF, SHA_LEN);
	*out = f;
	return 0;
}

void bundle_entry_encode(const struct bundle_entry *e, uint8_t *buf)
{
	put_be64(buf, e->chunk);
	put_be64(buf + 8, e->off);
	put_be32(buf + 16, e->len);
	put_be32(buf + 20, e->crc);
}

int bundle_entry_decode(const uint8_t *buf, uint64_t file_len, uint64_t table_off,
			struct bundle_entry *out, struct err *err)
{
	struct bundle_entry e = {
		.chunk = get_be64(buf),
		.off = get_be64(buf + 8),
		.len = get_be32(buf + 16),
		.crc = get_be32(buf + 20),
	};

	if (e.chunk >= div_up(file_len, BUNDLE_CHUNK_LEN) || e.len == 0 ||
	    e.len > bundle_chunk_len(e.chunk, file_len) || e.off < BUNDLE_HEAD_LEN ||
	    e.off > table_off || e.len > table_off - e.off)
		return err_set(err, -EUCLEAN,
			       "%u bytes at %" PRIu64 " of the side files cannot be chunk %" PRIu64
			       " of a file of %" PRIu64 " bytes",
			       e.len, e.off, e.chunk, file_len);
	*out = e;
	return 0;
}

size_t bundle_record_encode(const struct side_file *file, uint64_t entries, uint8_t *buf)
{
	size_t name_len = strlen(file->name);

	put_be64(buf, file->len);
	put_be64(buf + 8, entries);
	put_be16(buf + 16, (uint16_t)name_len);
	memcpy(buf + BUNDLE_RECORD_LEN, file->name, name_len);
	return BUNDLE_RECORD_LEN + name_len;
}

int bundle_record_decode(const uint8_t **at, size_t *len, struct side_file *file, uint64_t *entries,
			 struct err *err)
{
	const uint8_t *buf = *at;
	size_t name_len = *len < BUNDLE_RECORD_LEN ? 0 : get_be16(buf + 16);

	if (name_len == 0 || name_len > NAME_MAX || name_len > *len - BUNDLE_RECORD_LEN)
		return err_set(err, -EUCLEAN, "the table of side files is damaged");
	memcpy(file->name, buf + BUNDLE_RECORD_LEN, name_len);
	file->name[name_len] = 0;
	file->len = get_be64(buf);
	*entries = get_be64(buf + 8);
	if (strlen(file->name) != name_len || !side_name_ok(file->name))
		return err_set(err, -EUCLEAN, "a side file has a name that cannot be");
	if (file->len > INT64_MAX || *entries > div_up(file->len, BUNDLE_CHUNK_LEN))
		return err_set(err, -EUCLEAN,
			       "a side file cannot have %" PRIu64 " bytes in %" PRIu64 " chunks",
			       file->len, *entries);
	*at += BUNDLE_RECORD_LEN + name_len;
	*len -= BUNDLE_RECORD_LEN + name_len;
	return 0;
}

size_t bundle_lengths_encode(const struct side_files *files, uint8_t *buf)
{
	size_t len = 0;

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		if (files->exact_len[id] == SIDE_WHOLE_PAGES)
			continue;
		put_be32(buf + len, id);
		put_be64(buf + len + 4, files->exact_len[id]);
		len += BUNDLE_LENGTH_LEN;
	}
	return len;
}

int bundle_lengths_decode(const uint8_t *buf, size_t count, struct side_files *files,
			  struct err *err)
{
	for (uint64_t i = 0, least = 0; i < count; i++, buf += BUNDLE_LENGTH_LEN) {
		uint64_t id = get_be32(buf), len = get_be64(buf + 4);

		if (id < least || id >= MM_MAX_MEMORIES || len > INT64_MAX)
			return err_set(err, -EUCLEAN,
				       "the table of the memories' lengths is damaged");
		files->exact_len[id] = len;
		least = id + 1;
	}
	return 0;
}
