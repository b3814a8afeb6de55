/* SPDX-License-Identifier: MIT */
/*
 * The clusters of an image that may hold data, in runs, and in order: what export, restore and
 * verify walk along. One thread at a time.
 */
#ifndef CANISTERFS_SCAN_H
#define CANISTERFS_SCAN_H

#include "memmgr/store.h"
#include "snapshot/qcow2/ckpt_format.h"

struct scan {
	struct store *s;
	uint64_t start, end; /* a range with data, in bytes; end is SCAN_DONE behind the last */
};

void scan_begin(struct scan *scan, struct store *s);
/* The first cluster at or behind `cluster` that may hold data; *found false: none. Only ever asked
 * for clusters in ascending order. */
int MUST_CHECK scan_next(struct scan *scan, uint64_t cluster, uint64_t *out, bool *found,
			 struct err *err);

/* Bytes in all ranges that may hold data. */
int MUST_CHECK scan_total(struct store *s, uint64_t *len, struct err *err);

/* Reads a cluster, filled up with zeros behind the end of the store. */
int MUST_CHECK scan_read(struct store *s, uint64_t cluster, uint8_t *buf, struct err *err);

/* How much of a cluster lies in the store. */
static inline size_t scan_len(const struct store *s, uint64_t cluster)
{
	return MIN(CKPT_CLUSTER_LEN, s->len - cluster * CKPT_CLUSTER_LEN);
}

#endif
