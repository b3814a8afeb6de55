/* SPDX-License-Identifier: MIT */
/*
 * The checksums of checkpoints, read in order: of one file, or of a delta with all its bases, as if
 * it were one. A piece at a time, since a large image has hundreds of MiB of them. One thread.
 */
#ifndef CANISTERFS_CKPT_TABLE_H
#define CANISTERFS_CKPT_TABLE_H

#include "snapshot/qcow2/qcow2.h"

enum { TABLE_PIECE = 256 }; /* entries */

struct table_reader {
	struct qcow2 *q;   /* a checkpoint */
	uint64_t read;     /* entries, those in buf included */
	size_t at, filled; /* in buf */
	uint64_t least;    /* the next one's cluster is not below */
	uint8_t buf[TABLE_PIECE * CKPT_ENTRY_LEN];
};

void table_reader_begin(struct table_reader *r, struct qcow2 *q);
/* 1: *out is the next one. 0: there are no more. */
int MUST_CHECK table_reader_next(struct table_reader *r, struct ckpt_entry *out, struct err *err);

/* -EBADMSG: the table's bytes are not those that were written. */
int MUST_CHECK ckpt_check_table(struct qcow2 *q, struct err *err);

/*
 * -EBADMSG: bytes that are neither of the table nor of a cluster are not those that were written,
 * or the tables do not lead where they lead in a checkpoint, or the file goes on behind its end.
 */
int MUST_CHECK ckpt_check_meta(struct qcow2 *q, struct err *err);

/* What a checkpoint and all its bases say of each cluster that is not zero. */
struct table_merge;

/* `top` and its backing stores stay the caller's and open. -EINVAL: one of them is no checkpoint.
 */
int MUST_CHECK table_merge_open(struct store *top, struct table_merge **out, struct err *err);
/* The next cluster at or behind `least`; *found false: there are no more. Entries that became zero
 * are left out. *out stays the next one until `least` is above its cluster. */
int MUST_CHECK table_merge_at(struct table_merge *m, uint64_t least, struct ckpt_entry *out,
			      bool *found, struct err *err);
/* Accepts NULL. */
void table_merge_close(struct table_merge *m);

#endif
