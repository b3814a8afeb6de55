/* SPDX-License-Identifier: MIT */
/*
 * A bundle is all that lies beside an image at one instant (side_files.h) as one piece of bytes, in
 * a file of its own or in a part of a checkpoint. Its format is section 8 of
 * docs/checkpoint-format.md. The same state at the same level gives the same bytes.
 */
#ifndef CANISTERFS_BUNDLE_H
#define CANISTERFS_BUNDLE_H

#include "memmgr/store.h"
#include "snapshot/beside/side_files.h"

enum { BUNDLE_HASH_LEN = 32 };

/* Who is told how long work goes; either function may be NULL. */
struct bundle_watch {
	/* A file is damaged, and why. `name` is NULL for what belongs to no file. */
	void (*found)(void *ctx, const char *name, const char *text);
	/* So many bytes more were read. What is not 0 ends the work with -ECANCELED. */
	int (*step)(void *ctx, uint64_t len);
	void *ctx;
};

/*
 * Writes a bundle at `off` of fd, and tells how long it is and its SHA-256. Files may stand in any
 * order. `level`: 0 stores the bytes as they are, 1 to 9 pack them. Chunks of zeros take no space.
 * Syncs nothing. -EINVAL: a name that cannot be, or twice the same. -E2BIG: too many files.
 */
int MUST_CHECK bundle_write(int fd, uint64_t off, const struct side_files *files, unsigned level,
			    uint64_t *len, uint8_t hash[BUNDLE_HASH_LEN], struct err *err);
/* The same, where somebody may end it. */
int MUST_CHECK bundle_write_watched(int fd, uint64_t off, const struct side_files *files,
				    unsigned level, const struct bundle_watch *watch, uint64_t *len,
				    uint8_t hash[BUNDLE_HASH_LEN], struct err *err);

struct bundle;

/*
 * Opens the bundle in the bytes [off, off + len) of `file`, which is borrowed and does not change.
 * Reads the bundle's tables, none of its files' bytes. -EUCLEAN: damaged. -ENOTSUP: of a newer
 * version.
 */
int MUST_CHECK bundle_open(struct store *file, uint64_t off, uint64_t len, struct bundle **out,
			   struct err *err);

/* Files are sorted by name. Their functions may be called on any threads until bundle_close; they
 * answer -EUCLEAN where the bytes are not those that were written. */
const struct side_files *bundle_files(const struct bundle *b);

/* The SHA-256 that the bundle says it has; bundle_verify proves it. */
const uint8_t *bundle_hash(const struct bundle *b);

/* Reads every byte and compares it with its checksums. 0 however much is found. */
int MUST_CHECK bundle_verify(const struct bundle *b, const struct bundle_watch *watch,
			     struct err *err);

/* Accepts NULL. */
void bundle_close(struct bundle *b);
void cleanup_bundle(struct bundle **b);
#define auto_bundle __attribute__((cleanup(cleanup_bundle), unused))

#endif
