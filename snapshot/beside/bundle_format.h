/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a bundle. docs/checkpoint-format.md says what a reader must hold to. Pure functions;
 * all numbers big-endian, offsets counted from the bundle's first byte.
 *
 *     head "canisterfs side\n" | chunks | chunk table | file table | length table | footer
 *
 *     chunk table, 24 bytes each         file table                    footer, 96 bytes
 *      0  8  number in its file           0  8  length of the file      0  4  version, 1
 *      8  8  offset of its bytes          8  8  its chunks              4  4  files
 *     16  4  how many bytes              16  2  length of the name      8  4  entries of the length
 *     20  4  their CRC-32                18     the name                      table
 *                                                                      12  4  zero
 *     length table, 12 bytes each                                      16  8  chunks
 *      0  4  id of a memory                                            24  8  offset of their table
 *      4  8  its length                                                32 32  SHA-256 of the tables
 *                                                                      64 32  SHA-256 of all before
 *
 * A file is cut into chunks of 64 KiB, of which the last one may be shorter. Those of zeros are not
 * stored. One with fewer bytes than it stands for is raw deflate.
 */
#ifndef CANISTERFS_BUNDLE_FORMAT_H
#define CANISTERFS_BUNDLE_FORMAT_H

#include "snapshot/beside/side_files.h"
#include "snapshot/qcow2/sha.h"

enum {
	BUNDLE_VERSION = 1,
	BUNDLE_CHUNK_LEN = 65536,
	BUNDLE_HEAD_LEN = 16,
	BUNDLE_ENTRY_LEN = 24,
	BUNDLE_RECORD_LEN = 18, /* without the name */
	BUNDLE_LENGTH_LEN = 12,
	BUNDLE_FOOTER_LEN = 96,
	BUNDLE_TABLES_HASH_OFF = 32, /* in the footer */
	BUNDLE_HASH_OFF = 64,
	/* File table and length table together. */
	BUNDLE_MAX_NAMES_LEN = SIDE_MAX_FILES * (BUNDLE_RECORD_LEN + NAME_MAX) +
			       MM_MAX_MEMORIES * BUNDLE_LENGTH_LEN,
};

extern const char bundle_head[BUNDLE_HEAD_LEN + 1];

struct bundle_footer {
	uint32_t files, lengths;
	uint64_t entries;
	uint64_t table_off; /* of the chunk table */
	uint8_t tables_hash[SHA_LEN];
	uint8_t hash[SHA_LEN];
};

void bundle_footer_encode(const struct bundle_footer *f, uint8_t *buf);
/* `len` is the bundle's. -ENOTSUP: a newer version. -EUCLEAN: a field cannot be true. */
int MUST_CHECK bundle_footer_decode(const uint8_t *buf, uint64_t len, struct bundle_footer *out,
				    struct err *err);
/* Where the file table begins; the length table ends at the footer. */
uint64_t bundle_names_off(const struct bundle_footer *f);

/* A chunk that is stored. */
struct bundle_entry {
	uint64_t chunk;
	uint64_t off;
	uint32_t len;
	uint32_t crc;
};

void bundle_entry_encode(const struct bundle_entry *e, uint8_t *buf);
/* It is of a file of file_len bytes; its own bytes end before table_off. */
int MUST_CHECK bundle_entry_decode(const uint8_t *buf, uint64_t file_len, uint64_t table_off,
				   struct bundle_entry *out, struct err *err);

/* Bytes that a chunk stands for, in a file of file_len bytes. */
static inline size_t bundle_chunk_len(uint64_t chunk, uint64_t file_len)
{
	return MIN(BUNDLE_CHUNK_LEN, file_len - chunk * BUNDLE_CHUNK_LEN);
}

/* Returns the length of the record; `buf` has room for the longest name. */
size_t bundle_record_encode(const struct side_file *file, uint64_t entries, uint8_t *buf);
/* Reads one from at most `len` bytes, and takes these off. Sets the name and the length of
 * `file`. */
int MUST_CHECK bundle_record_decode(const uint8_t **at, size_t *len, struct side_file *file,
				    uint64_t *entries, struct err *err);

/* Returns their length; `buf` has room for MM_MAX_MEMORIES of them. */
size_t bundle_lengths_encode(const struct side_files *files, uint8_t *buf);
int MUST_CHECK bundle_lengths_decode(const uint8_t *buf, size_t count, struct side_files *files,
				     struct err *err);

#endif
