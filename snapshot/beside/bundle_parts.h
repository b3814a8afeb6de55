/* SPDX-License-Identifier: MIT */
/* An open bundle: what opening, reading and proving share of it. */
#ifndef CANISTERFS_BUNDLE_PARTS_H
#define CANISTERFS_BUNDLE_PARTS_H

#include <pthread.h>

#include "snapshot/beside/bundle.h"
#include "snapshot/beside/bundle_format.h"
#include "snapshot/qcow2/deflate.h"

/* One of the bundle's files: the ctx of its functions. */
struct bundle_file {
	struct bundle *b;
	const struct side_file *file;
	uint64_t first; /* of its entries in the chunk table */
	uint64_t entries;
};

/* What it takes to unpack one chunk at a time. */
struct unpack {
	struct decoder *decoder;
	uint8_t *packed, *chunk;
};

struct bundle {
	struct store *file; /* borrowed */
	uint64_t off, len;  /* the bundle's bytes in it */
	struct bundle_footer footer;
	struct side_files files;
	struct bundle_file *of; /* of each of them */

	pthread_mutex_t lock; /* guards what follows */
	struct unpack unpack;
	uint64_t held; /* the entry whose bytes are in unpack.chunk; UINT64_MAX: none */
};

int MUST_CHECK unpack_open(struct unpack *u);
void unpack_close(struct unpack *u);
/* Reads the bytes of a chunk into u->packed, compares them with their CRC-32, and unpacks them into
 * u->chunk. -EUCLEAN: they are not those that were written. */
int MUST_CHECK unpack_chunk(struct unpack *u, const struct bundle *b, const struct bundle_file *f,
			    const struct bundle_entry *e, struct err *err);

/* Bytes of the bundle. */
static inline int MUST_CHECK bundle_read(const struct bundle *b, void *buf, size_t len,
					 uint64_t off, struct err *err)
{
	return store_read(b->file, buf, len, b->off + off, err);
}

/* The functions of the bundle's files. */
int bundle_file_read(void *ctx, void *buf, size_t len, uint64_t off, struct err *err);
int bundle_file_next_data(void *ctx, uint64_t off, uint64_t *start, uint64_t *end, struct err *err);

/* The chunk table in its order, a piece at a time. */
enum { BUNDLE_PIECE = 512 }; /* entries */

struct entry_reader {
	const struct bundle *b;
	struct sha *sha;   /* NULL, or told of every byte */
	uint64_t read;     /* entries, those in buf included */
	size_t at, filled; /* in buf */
	size_t of;         /* the file that the next entry is of, or one before it */
	uint64_t least;    /* the next entry's chunk is not below */
	uint64_t pos;      /* where its bytes begin */
	uint8_t buf[BUNDLE_PIECE * BUNDLE_ENTRY_LEN];
};

void entry_reader_begin(struct entry_reader *r, const struct bundle *b, struct sha *sha);
/* 1: *e is the next one, and r->of its file. 0: there are no more. -EUCLEAN: an entry that cannot
 * follow those before. */
int MUST_CHECK entry_reader_next(struct entry_reader *r, struct bundle_entry *e, struct err *err);

#endif
