/* SPDX-License-Identifier: MIT */
/*
 * Images that come packed by gzip or zstd, or through standard input. What a file is, its first
 * bytes tell and not its name. The image is unpacked into a spool: a sparse file without a name,
 * which goes with the store.
 */
#ifndef CANISTERFS_UNPACK_H
#define CANISTERFS_UNPACK_H

#include "memmgr/store.h"

/* What an image may become by unpacking. Beyond that nothing more is unpacked. */
struct unpack_bound {
	uint64_t len;      /* of the image, in bytes */
	uint64_t data_len; /* of these, in pages that are not zero */
};

/* Standard input is meant. A file of that name is "./-". */
bool unpack_is_stdin(const char *path);
/* What `path` names is packed, or comes through a pipe: it can be read alone. */
bool unpack_is_needed(const char *path);
/* The path to open for standard input that is a plain file; for all else `path` itself. */
const char *unpack_path(const char *path);

/* The unpacked image; a plain one is writable, since the spool is the caller's alone. -EFBIG: it
 * exceeds what CANISTERFS_UNPACK_MAX allows, or half of the space that is free for the spool.
 * -EBADMSG: damaged or cut off. */
int MUST_CHECK unpack_image(const char *path, struct store **out, struct err *err);

/* Unpacks what comes from `from` into the empty file `to`, and sets *len to the image's length. */
int MUST_CHECK unpack_file(int from, int to, const struct unpack_bound *bound, uint64_t *len,
			   struct err *err);

#endif
