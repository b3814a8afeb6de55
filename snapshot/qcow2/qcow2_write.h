/* SPDX-License-Identifier: MIT */
/*
 * Writing to a qcow2 file that snap_create made: clusters of 64 KiB, one L1 cluster, one refcount
 * table cluster, 16-bit refcounts, and clusters taken only ever at the end of the file.
 *
 * Order of every change, so that a kill at any instruction leaves at most clusters that are counted
 * and not used: the count, then the bytes, then the entry that makes them reachable. Counts are
 * taken RESERVE clusters at a time; a clean close gives the rest back.
 *
 * What of that reached the disk when the power went is told by the synced end (state.h). For it to
 * be enough, an entry is "not here" before its first cluster is taken, and a cluster once taken is
 * its own for ever: zeros over it keep it at hand ("zero, with an offset"). So an entry without its
 * bytes is told by its offset, and what it said before is known.
 *
 * Locks, in the order in which they are taken:
 *   sync_lock   one sync at a time
 *   changing    shared: a change that is under way; exclusive: the instant at which a sync notes
 *               how far the file goes
 *   stripe[]    by cluster: what a cluster's L2 entry is to become
 *   alloc_lock  end, reserved, blocks, new L1 entries, the header
 */
#ifndef CANISTERFS_QCOW2_WRITE_H
#define CANISTERFS_QCOW2_WRITE_H

#include "snapshot/qcow2/qcow2.h"

enum {
	WRITER_STRIPES = 64,
	WRITER_HEADER_LEN = 4096, /* one page, so that rewriting it is one step */
	WRITER_CLUSTER_LEN = CKPT_CLUSTER_LEN,
	WRITER_TABLE_ENTRIES = WRITER_CLUSTER_LEN / 8, /* of an L1, L2 or refcount table */
	WRITER_BLOCK_ENTRIES = WRITER_CLUSTER_LEN / 2, /* counts in a refcount block */
	WRITER_RESERVE = 64,
	/* The file as snap_create makes it: header, refcount table, its first block, L1 table. */
	WRITER_REFCOUNT_TABLE = 1 * WRITER_CLUSTER_LEN,
	WRITER_FIRST_BLOCK = 2 * WRITER_CLUSTER_LEN,
	WRITER_L1 = 3 * WRITER_CLUSTER_LEN,
	WRITER_FIRST_FREE = 4 * WRITER_CLUSTER_LEN,
};

/* One L1 cluster's worth: 4 TiB, eight times what stable memory can be. */
#define WRITER_MAX_LEN ((uint64_t)WRITER_TABLE_ENTRIES * WRITER_TABLE_ENTRIES * WRITER_CLUSTER_LEN)

struct qcow2_writer {
	pthread_mutex_t sync_lock;
	pthread_rwlock_t changing;
	pthread_mutex_t stripe[WRITER_STRIPES];
	pthread_mutex_t alloc_lock;
	bool marked;       /* the file says that it is in use */
	bool leaked;       /* a cluster was taken and not used: count all anew at the end */
	uint64_t end;      /* where the next cluster will be taken */
	uint64_t reserved; /* counted up to here, at least end */
	uint64_t blocks[WRITER_TABLE_ENTRIES]; /* offsets of the refcount blocks */
	uint64_t entries, entries_synced;      /* L2 entries set, and of these synced; atomic */
};

/* Makes an open file of ours writable: mends what a crash left, first. */
int MUST_CHECK qcow2_writer_open(struct qcow2 *q, struct err *err);
/* Gives back what was reserved; says that the file is whole when all is synced. Frees q->w. */
void qcow2_writer_close(struct qcow2 *q);

/* ---- qcow2_alloc.c ---- */

/* Sets w->blocks; `table` is room for a cluster. */
int MUST_CHECK qcow2_read_blocks(struct qcow2 *q, uint8_t *table, struct err *err);

/* Takes the cluster at the end of the file; its bytes are zero. */
int MUST_CHECK qcow2_take(struct qcow2 *q, uint64_t *off, struct err *err);
/* A cluster was taken that nothing will point to. It is not taken again, since it may hold bytes by
 * now; but it is not counted any more once the file is closed. */
void qcow2_leak(struct qcow2 *q);
/* Makes sure that the L2 table with this cluster's entry exists. */
int MUST_CHECK qcow2_need_table(struct qcow2 *q, uint64_t index, struct err *err);
/* Writes q->h and q->state to the file. Under alloc_lock, or when nothing else runs. */
int MUST_CHECK qcow2_write_header(struct qcow2 *q, struct err *err);

/*
 * qcow2_mend.c: drops entries behind the trusted end, counts all clusters anew, cuts the file, and
 * syncs. Sets w->end and w->reserved. Nothing else runs.
 */
int MUST_CHECK qcow2_mend(struct qcow2 *q, struct err *err);

/* Puts a whole cluster of `image` where there is nothing yet, and does nothing where there is. */
int MUST_CHECK qcow2_keep(struct qcow2 *q, uint64_t index, struct store *image, struct err *err);

/* store_ops */
int qcow2_write_at(struct store *s, const void *buf, size_t len, uint64_t off, unsigned flags,
		   struct err *err);
int qcow2_zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err);
int qcow2_resize(struct store *s, uint64_t len, struct err *err);
int qcow2_sync(struct store *s, struct err *err);
int qcow2_sync_data(struct store *s, struct err *err);

#endif
