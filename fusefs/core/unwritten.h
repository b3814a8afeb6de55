/* SPDX-License-Identifier: MIT */
/*
 * What a file has and its image does not: writes that failed. The kernel wrote its cache back,
 * heard the error, and counts the bytes as written from then on; so the daemon remembers them.
 *
 * The bytes of a failed write are kept in memory, up to a limit for the whole mount, and written
 * again when the file or the mount is synced. Of bytes beyond that limit only the range is known:
 * they are lost, and reading them is an error. A range is forgotten when it is written again, cut
 * off or zeroed, and when its file is removed.
 */
#ifndef CANISTERFS_UNWRITTEN_H
#define CANISTERFS_UNWRITTEN_H

#include <pthread.h>
#include <stdatomic.h>

#include "memmgr/util.h"

struct fs;
struct node;

/* One range of a file. */
struct unwritten_piece {
	uint64_t off, len;
	char *bytes; /* NULL: lost */
	int rc;      /* why the write failed */
};

struct unwritten {
	/* Some range is not written, or the file is longer than what holds it. Set under the node's
	 * shared lock, cleared under the exclusive one. */
	atomic_bool any;
	pthread_mutex_t lock;          /* guards the rest; the innermost of all locks */
	struct unwritten_piece *piece; /* ascending, none overlaps another */
	size_t count, room;
	bool overflowed; /* there was no memory to note a range: any may be missing */
};

void unwritten_init(struct unwritten *u);
void unwritten_free(struct unwritten *u);

/* A write of these bytes failed with rc. node->lock shared. */
void unwritten_add(struct fs *fs, struct node *node, const void *buf, uint64_t len, uint64_t off,
		   int rc);
/* The range is written, zeroed or cut off. node->lock shared. */
void unwritten_remove(struct node *node, uint64_t off, uint64_t len);
/* Puts the kept bytes of a range over what was read of it. -EIO: some of them are lost. */
int MUST_CHECK unwritten_read(struct node *node, void *buf, uint64_t len, uint64_t off,
			      struct err *err);
/* The first piece that ends behind `off`: [*start, *end). False: none. */
bool unwritten_next(struct node *node, uint64_t off, uint64_t *start, uint64_t *end);

/* What the file is called in a sentence: `text`; `name` is as below. */
const char *unwritten_describe(const struct node *node, const char *name, char *text, size_t len);
/* Writes the kept pieces by `store`. 0: none are left. Else the reason of the first that is, and
 * its range. node->lock exclusive. */
typedef int unwritten_store_fn(struct fs *fs, struct node *node, const void *buf, size_t len,
			       uint64_t off, struct err *err);
int MUST_CHECK unwritten_write(struct fs *fs, struct node *node, unwritten_store_fn *store,
			       uint64_t *off, uint64_t *end);

/* ---- unwritten_retry.c ---- */

/* Writes what it can. 0: the whole file is where it belongs. Else the sentence names the first
 * range that is not; `name` is the file's, or NULL for a memory. node->lock exclusive. */
int MUST_CHECK unwritten_retry(struct fs *fs, struct node *node, const char *name, struct err *err);
/* The same for all files that have a name: the first failure. Takes tree_lock and their locks. */
int MUST_CHECK unwritten_retry_all(struct fs *fs, struct err *err);
/* The mount ends: says what is lost with it, a line each; -EIO, then. Nothing else runs. */
int MUST_CHECK unwritten_end(struct fs *fs, struct err *err);

#endif
