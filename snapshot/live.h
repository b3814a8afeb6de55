/* SPDX-License-Identifier: MIT */
/*
 * An image with its live snapshots: what the files live*.c, tap.c and rollback.c share.
 *
 *     IMAGE                   the live image
 *     IMAGE.snap/B.qcow2      the newest snapshot: "not here" means as in ../IMAGE
 *     IMAGE.snap/A.qcow2      an older one: "not here" means as in ./B.qcow2
 *     IMAGE.snap/SEQ.side     what lay beside the image then (live_side.c)
 *     IMAGE.snap/.canister    whose snapshots these are (snapshot/beside/)
 *     IMAGE.snap/.SEQ.qcow2   one that is being made or dropped
 *     IMAGE.snap/X.stale      one whose image was changed by somebody else
 *
 * Before a cluster of the image changes for the first time since the newest snapshot was taken, its
 * old bytes go there. A snapshot therefore reads a cluster from the first file, from its own on
 * towards the image, that has it.
 *
 * The order is that of the sequence numbers, which each file has in its record. Names of backing
 * files follow it, for other programs; where a kill came in between they are put right at opening.
 *
 * A hidden file is one to be dropped: what it has and its older neighbour lacks is handed to that
 * one, then it is unlinked. So a kill while one is made and a kill while one is dropped leave the
 * same behind, and the same step mends it.
 *
 * Locks, in the order in which they are taken:
 *	op_lock      one change of the chain at a time
 *	the gate     whoever uses the tap: nobody while it is closed (the caller's, see snap_gate)
 *	chain_lock   shared: a snapshot is read; exclusive: who stands where changes
 *	stripe[]     by cluster: first copy of it
 *	len_lock     shared: the image is read from a snapshot; exclusive: its length changes
 */
#ifndef CANISTERFS_LIVE_H
#define CANISTERFS_LIVE_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "memmgr/lock.h"
#include "snapshot/beside/beside.h"
#include "snapshot/snapshot.h"

enum {
	LIVE_CLUSTER_LEN = 65536,
	LIVE_STRIPES = 64,
	LIVE_NAME_MAX = 200,
	LIVE_MAX_SNAPSHOTS = 100,
};

/* What a snapshot's file says of itself, in its record: "CFlive", two zeros, and these in 8 bytes
 * each, little-endian. */
struct kept_record {
	uint64_t seq;
	int64_t sec; /* when it was taken */
	int64_t nsec;
};

/* One snapshot. */
struct kept {
	struct store *file; /* the qcow2 store; NULL: stale */
	struct kept_record record;
	char name[NAME_MAX + 1]; /* of the file, without ".qcow2" or ".stale" */
	bool hidden;             /* it is to be dropped */
	atomic_bool gone;        /* dropped, while somebody has it open */
	unsigned refs;           /* views, and 1 for the chain; op_lock */
};

/* The image as its snapshots see it: endless, zero behind its end. */
struct base {
	struct store s;
	struct snap_live *live;
};

/* kept_sync.c: who waits for old bytes to be on disk. */
struct kept_sync {
	pthread_mutex_t lock; /* the innermost but those of the files */
	pthread_cond_t ended;
	uint64_t asked, done; /* of those who have asked, how many have what they asked for */
	bool running;
};

struct snap_live {
	struct store s;      /* the tap */
	struct store *image; /* the bond's store */
	struct bond *bond;   /* of the image and IMAGE.snap; it owns the directory */
	struct base base;
	char *path; /* of the image */
	struct snap_gate gate;
	pthread_mutex_t op_lock;
	pthread_rwlock_t chain_lock, len_lock;
	pthread_mutex_t stripe[LIVE_STRIPES];
	/* By age, the oldest first; changes under op_lock, chain_lock and the closed gate. Has room
	 * for one more. */
	struct kept **chain;
	size_t count;
	struct kept **stale; /* likewise; of these, only names */
	size_t stale_count;
	/* Changes while the gate is closed. */
	struct kept *receiver;  /* gets old bytes; NULL: nobody needs any */
	_Atomic uint64_t *bits; /* a bit per cluster of the receiver: it need not be kept */
	bool unordered;         /* nobody waits for the disk; a power cut makes snapshots stale */
	bool kept_ahead;        /* the clusters that are written now were kept before, on disk */
	atomic_bool half_way;   /* a rollback has stopped half-way: nothing is written any more */
	uint64_t base_off;      /* where the manager begins in the image */
	struct kept_sync kept_sync;
};

static inline uint64_t live_clusters(uint64_t len)
{
	return div_up(len, LIVE_CLUSTER_LEN);
}

/* ---- tap.c ---- */

extern const struct store_ops base_ops;
/* The operations of the tap, which live.c opens and closes. */
int tap_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err);
int tap_write_at(struct store *s, const void *buf, size_t len, uint64_t off, unsigned flags,
		 struct err *err);
int tap_zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err);
int tap_resize(struct store *s, uint64_t len, struct err *err);
int tap_sync(struct store *s, struct err *err);
int tap_sync_data(struct store *s, struct err *err);
int tap_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end, struct err *err);
void tap_host_at(struct store *s, uint64_t off, struct store_host *out);
/* Keeps a cluster, and what the clusters of a range hold that have data. *kept: something has yet
 * to be synced. */
int MUST_CHECK tap_keep_range(struct snap_live *live, uint64_t off, uint64_t end, bool *kept,
			      struct err *err);
int MUST_CHECK tap_keep(struct snap_live *live, uint64_t cluster, bool *kept, struct err *err);
/* Changes the image's length, nothing kept. */
int MUST_CHECK tap_set_len(struct snap_live *live, uint64_t len, struct err *err);
/* -EIO: a rollback has stopped half-way. What was changed now would be lost when it goes on. */
int MUST_CHECK tap_check_whole(struct snap_live *live, struct err *err);

/* ---- kept_sync.c ---- */

void kept_sync_init(struct kept_sync *k);
void kept_sync_end(struct kept_sync *k);
/* All that was put into the receiver before is on disk. The gate is open for the caller. */
int MUST_CHECK kept_sync(struct snap_live *live, struct err *err);

/* ---- live_view.c ---- */

/* As snap_live_view, of the snapshot at this place in the chain. */
int MUST_CHECK live_view_nth(struct snap_live *live, size_t at, struct store **out,
			     struct err *err);

/* ---- live_chain.c: who stands where ---- */

/* Opens all that is in IMAGE.snap and mends what a kill left. */
int MUST_CHECK chain_load(struct snap_live *live, struct err *err);
void chain_free(struct snap_live *live);
/* So that the list need not move while the tap reads it. */
int MUST_CHECK chain_make_room(struct snap_live *live, struct err *err);
/* The number of a snapshot in the chain, or -ENOENT with a sentence. op_lock held. */
int MUST_CHECK chain_find(struct snap_live *live, const char *name, size_t *at, struct err *err);
struct kept *kept_new(const struct kept_record *record, const char *name);
void kept_unref(struct kept *kept); /* op_lock held */
/* Into SNAP_RECORD_MAX bytes; returns its length. */
size_t kept_record_encode(const struct kept_record *record, uint8_t *buf);
/* "IMAGE.snap/NAME" and the ending; NULL without memory. */
char *live_path(const struct snap_live *live, const char *name, const char *ending);
/* The image's file, as seen from IMAGE.snap: of a directory, the file in it. */
void live_image_name(const struct snap_live *live, char *out, size_t len);
/* The backing file's name as snapshot `at` has to have it. */
void chain_backing_name(const struct snap_live *live, size_t at, char *out, size_t len);
/* The image's format as a backing file: it may be an overlay. */
const char *live_format(const struct snap_live *live);
/* The store below snapshot `at`. */
struct store *chain_below(struct snap_live *live, size_t at);
/* Tells snapshot `at` who is below it, unless it knows. chain_lock exclusive, and the gate closed
 * if it is the receiver; or nobody there yet. */
int MUST_CHECK chain_link(struct snap_live *live, size_t at, struct err *err);
/* The receiver's bits begin anew. Gate closed, or nobody there yet. Cannot fail with bits from
 * chain_bits for its length. */
_Atomic uint64_t *chain_bits(uint64_t len);
void chain_set_receiver(struct snap_live *live, struct kept *receiver, _Atomic uint64_t *bits);
int MUST_CHECK chain_sync_dir(struct snap_live *live, struct err *err);

/*
 * Snapshot `at` does not read this cluster from what is below snapshot end - 1: one of them has it,
 * or ends before it.
 */
int MUST_CHECK chain_changed(struct snap_live *live, size_t at, size_t end, uint64_t cluster,
			     bool *changed, struct err *err);

/* ---- live_diff.c ---- */

/* A snapshot and a newer state of the image, compared by the pages of a memory. */
struct live_pages {
	struct mm *a, *b; /* the snapshot, and the newer state */
	/* Sets *changed false where the cluster at this offset of the managed image was not
	 * written since. */
	int (*changed)(struct live_pages *d, uint64_t off, bool *changed, struct err *err);
	uint8_t *buf; /* of live_pages_init */
};
int MUST_CHECK live_pages_init(struct live_pages *d, struct err *err);
void live_pages_end(struct live_pages *d);
/* Told of a page that differs, and what the page holds in the snapshot; a value other than 0 ends
 * the comparison with it. */
typedef int live_page_fn(void *ctx, uint64_t page, const uint8_t *bytes, struct err *err);
/* Of the pages that both states of memory `id` have, finds those that differ. */
int MUST_CHECK live_pages_each(struct live_pages *d, unsigned id, live_page_fn *found, void *ctx,
			       struct err *err);

/* ---- live_side.c ---- */

/* Keeps what lies beside the image now, for snapshot `seq`, and syncs it. Gate closed. */
int MUST_CHECK live_side_keep(struct snap_live *live, uint64_t seq, struct err *err);
void live_side_drop(struct snap_live *live, uint64_t seq);
/* *out NULL: nothing lay beside the image. */
int MUST_CHECK live_side_open(struct snap_live *live, uint64_t seq, struct snap_live_side **out,
			      struct err *err);
/* What lies beside the image becomes what snapshot `seq` holds. Gate closed. */
int MUST_CHECK live_side_bring_back(struct snap_live *live, uint64_t seq, struct err *err);
/* The same for what SQLite pairs with a database in one memory. */
int MUST_CHECK live_side_bring_pair_back(struct snap_live *live, uint64_t seq, unsigned mm_id,
					 struct err *err);

/* ---- live_change.c, with op_lock held ---- */

/* Ends the hidden snapshot `at`: its older neighbour gets what it needs of it. */
int MUST_CHECK live_end(struct snap_live *live, size_t at, struct err *err);
/* Ends all hidden snapshots. */
int MUST_CHECK live_end_hidden(struct snap_live *live, struct err *err);

/* ---- rollback.c ---- */

/* Carries on what the record of IMAGE.snap says was begun. Nobody there yet. */
int MUST_CHECK rollback_finish(struct snap_live *live, struct err *err);

#endif
