/* SPDX-License-Identifier: MIT */
/*
 * An open qcow2 file as a store: what the files of this folder share of it.
 *
 * Locks, in the order in which they are taken:
 *   those of the writer (qcow2_write.h)
 *   tables, clusters, unpackers: each its own; held for a look-up, never while deflate runs
 *   file_lock  shared: any use of the file; exclusive: while its length changes
 */
#ifndef CANISTERFS_QCOW2_H
#define CANISTERFS_QCOW2_H

#include <pthread.h>

#include "memmgr/lock.h"
#include "memmgr/store.h"
#include "snapshot/qcow2/cache.h"
#include "snapshot/qcow2/ckpt_format.h"
#include "snapshot/qcow2/deflate.h"
#include "snapshot/qcow2/qcow2_format.h"
#include "snapshot/qcow2/state.h"

enum {
	/* L2 tables are cached in pieces of this length, or of a cluster where that is less. One
	 * spans 32 MiB of a disk with 64 KiB clusters; all cached ones together 8 GiB. */
	QCOW2_SLICE_LEN = 4096,
	QCOW2_SLICES = 256,
	/* Bytes of unpacked clusters that are kept for reads of less than a cluster. */
	QCOW2_UNPACKED_LEN = 4 << 20,
};

/* What one thread needs to decode a cluster; kept for the next one. */
struct unpacker {
	struct unpacker *next;
	struct decoder *decoder;
	uint8_t *packed;   /* twice a cluster: the most that an L2 entry can ask for */
	uint8_t *unpacked; /* a cluster */
};

struct qcow2_writer;

struct qcow2 {
	struct store s;
	struct store *file;    /* owned */
	struct store *backing; /* may be NULL */
	bool owns_backing;
	/* The backing store changes, but no cluster of it before it was kept here (snap_keep). */
	bool live_backing;
	/* Clusters at or behind this offset of the file did not reach the disk before a power cut,
	 * and count as not there; UINT64_MAX: none. */
	uint64_t trusted_end;
	struct qcow2_header h;
	uint64_t *l1; /* offsets of L2 tables; changes under the writer's lock, is read without */
	struct cache tables, clusters;
	pthread_mutex_t unpackers_lock;
	struct unpacker *unpackers;
	pthread_rwlock_t file_lock;
	bool has_ckpt, has_state;
	struct ckpt_ext ckpt;
	struct state state;
	struct qcow2_writer *w; /* NULL: only read */
};

/* NULL when `s` is another kind of store. */
struct qcow2 *qcow2_of(struct store *s);

/* The same in the store's own operations, which are called with no other kind. */
static inline struct qcow2 *qcow2_self(struct store *s)
{
	return (struct qcow2 *)s;
}

/*
 * Reads the header, and nothing that grows with the disk but the L1 table. `file` is the result's
 * from now on, also when this fails. The result has no backing store yet; h tells whether it wants
 * one.
 */
int MUST_CHECK qcow2_open(struct store *file, struct qcow2 **out, struct err *err);
void qcow2_close(struct qcow2 *q);

/* The file below, under file_lock. */
int MUST_CHECK qcow2_file_read(struct qcow2 *q, void *buf, size_t len, uint64_t off,
			       struct err *err);
int MUST_CHECK qcow2_file_write(struct qcow2 *q, const void *buf, size_t len, uint64_t off,
				unsigned flags, struct err *err);
uint64_t qcow2_file_len(struct qcow2 *q);

/* What the L2 tables say of a cluster of the disk. */
int MUST_CHECK qcow2_lookup(struct qcow2 *q, uint64_t index, struct qcow2_cluster *out,
			    struct err *err);

/* Where the L2 entry of a cluster lies in the file; 0: its table does not exist. */
uint64_t qcow2_entry_off(const struct qcow2 *q, uint64_t index);
/* Writes an L2 entry through to the file; its table exists. */
int MUST_CHECK qcow2_set_entry(struct qcow2 *q, uint64_t index, const struct qcow2_cluster *c,
			       struct err *err);

/* One whole cluster of the disk, as it reads, filled up with zeros behind the disk's end. */
int MUST_CHECK qcow2_read_cluster(struct qcow2 *q, uint64_t index, const struct qcow2_cluster *c,
				  uint8_t *buf, struct err *err);

void qcow2_free_unpackers(struct qcow2 *q);

/* store_ops */
int qcow2_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err);
int qcow2_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end, struct err *err);
void qcow2_host_at(struct store *s, uint64_t off, struct store_host *out);

static inline uint64_t qcow2_index(const struct qcow2 *q, uint64_t off)
{
	return off >> q->h.cluster_bits;
}

static inline uint64_t qcow2_off(const struct qcow2 *q, uint64_t index)
{
	return index << q->h.cluster_bits;
}

#endif
