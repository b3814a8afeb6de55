/* SPDX-License-Identifier: MIT */
/*
 * Writes a checkpoint in one pass, in the order of the image:
 *
 *     header | bytes of clusters, an L2 table behind those it names, ... | L1 table |
 *     refcount blocks | refcount table | checksums | bundle of side files
 *
 * Needs memory for one L2 table, the L1 table, and two bytes per cluster of the file. The same
 * calls give the same bytes. One thread.
 */
#ifndef CANISTERFS_CKPT_WRITE_H
#define CANISTERFS_CKPT_WRITE_H

#include "snapshot/beside/bundle.h"
#include "snapshot/qcow2/ckpt_format.h"
#include "snapshot/qcow2/qcow2_format.h"
#include "snapshot/spill.h"

struct ckpt_writer {
	int fd;
	struct qcow2_header h;
	uint64_t pos;      /* all before it is written, but for the header */
	uint64_t flushed;  /* all before it is on its way to the disk */
	uint64_t l2_index; /* of the table in l2; UINT64_MAX: none */
	uint8_t *l1, *l2;
	uint16_t *counts; /* of the file's clusters */
	size_t counts_len;
	struct spill table;
	uint64_t entries;
	struct sha *meta; /* over all but the stored bytes */
};

/* `path` is where the file will be, fd what is written to; fd stays the caller's. h has the
 * disk's length and the backing file. */
int MUST_CHECK ckpt_writer_open(struct ckpt_writer *w, int fd, const char *path,
				const struct qcow2_header *h, struct err *err);
/* Clusters that follow those before, all of one L2 table; `bytes` are theirs, one after another. */
int MUST_CHECK ckpt_writer_add(struct ckpt_writer *w, const struct ckpt_entry *entries, size_t n,
			       const uint8_t *bytes, struct err *err);
/* What lies beside the image, and how that is packed. */
struct ckpt_side {
	const struct side_files *files; /* NULL: nothing lies there */
	unsigned level;
	const struct bundle_watch *watch;
};
/* Writes the rest. Fills ext's fields about the table, the bundle and the other bytes; the others
 * are set. */
int MUST_CHECK ckpt_writer_end(struct ckpt_writer *w, struct ckpt_ext *ext,
			       const struct ckpt_side *side, struct err *err);
void ckpt_writer_close(struct ckpt_writer *w);

/* Clusters that one L2 table names. */
enum { CKPT_TABLE_CLUSTERS = CKPT_CLUSTER_LEN / 8 };

#endif
