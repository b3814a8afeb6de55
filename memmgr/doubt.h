/* SPDX-License-Identifier: MIT */
/*
 * Which bytes of a file may not be on disk although a sync says that all is. When a sync fails, the
 * kernel counts what it could not write as written; the next sync would succeed. So the ranges that
 * were written before a failed sync are in doubt until they are written again, zeroed or cut off.
 */
#ifndef CANISTERFS_DOUBT_H
#define CANISTERFS_DOUBT_H

#include <pthread.h>

#include "memmgr/util.h"

enum { DOUBT_MAX_RANGES = 1024 };

/* Ascending ranges that do not touch. With too many, a gap counts as well. */
struct doubt_ranges {
	struct {
		uint64_t off, end;
	} range[DOUBT_MAX_RANGES];
	size_t count;
};

struct doubt {
	pthread_mutex_t lock;
	struct doubt_ranges written; /* since the last sync began */
	struct doubt_ranges syncing; /* before it began; of the thread that syncs */
	struct doubt_ranges lost;    /* in doubt */
};

void doubt_init(struct doubt *d);
void doubt_end(struct doubt *d);

/* The range was written or zeroed; a later sync is to bring it to the disk, or not: `durable`. */
void doubt_written(struct doubt *d, uint64_t off, uint64_t len, bool durable);
/* The file is `len` bytes long and no more. */
void doubt_cut(struct doubt *d, uint64_t len);

/* Around a sync, one at a time. */
void doubt_sync_begins(struct doubt *d);
/* rc is the sync's. Returns rc, or -EIO with a sentence where something is in doubt. */
int MUST_CHECK doubt_sync_ended(struct doubt *d, int rc, struct err *err);

#endif
