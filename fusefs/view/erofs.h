/* SPDX-License-Identifier: MIT */
/*
 * An EROFS file system of one directory, whose files' bytes all lie in another file, the "device":
 * the kernel reads them from there, and this file holds only where each piece of a file begins.
 * Names and numbers are the kernel's: fs/erofs/erofs_fs.h.
 */
#ifndef CANISTERFS_EROFS_H
#define CANISTERFS_EROFS_H

#include "memmgr/util.h"

enum {
	EROFS_BLOCK_BITS = 12,
	EROFS_BLOCK_LEN = 1 << EROFS_BLOCK_BITS,
	EROFS_FILES_MAX = 255, /* as many names as one block of a directory holds */
};

/* A file named by a number, in chunks of equal size, of which only the last may be shorter. */
struct erofs_file {
	unsigned number;     /* at most three digits */
	uint64_t len;        /* bytes */
	unsigned chunk_bits; /* a chunk has EROFS_BLOCK_LEN << chunk_bits bytes */
	uint32_t *block;     /* of each chunk: the block of the device at which it begins */
};

/* Writes the file system to an empty file. At most EROFS_FILES_MAX files, no number twice. */
int MUST_CHECK erofs_write(int fd, const struct erofs_file *file, unsigned count,
			   uint64_t device_len, struct err *err);

#endif
