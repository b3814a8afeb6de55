/* SPDX-License-Identifier: MIT */
/* How often a qcow2 file uses each of its clusters, counted from its tables. */
#ifndef CANISTERFS_QCOW2_COUNT_H
#define CANISTERFS_QCOW2_COUNT_H

#include "snapshot/qcow2/qcow2.h"

enum { QCOW2_MAX_COUNTS = 64 << 20 }; /* clusters of a file that can be counted */

struct qcow2_counts {
	uint64_t clusters;
	uint16_t *count; /* stays at UINT16_MAX */
	uint64_t used;   /* one behind the last that is used */
};

/* -EUCLEAN: something points outside the file. -EFBIG: more than QCOW2_MAX_COUNTS clusters. */
int MUST_CHECK qcow2_count(struct qcow2 *q, struct qcow2_counts *out, struct err *err);
void qcow2_counts_free(struct qcow2_counts *c);
#define auto_counts __attribute__((cleanup(qcow2_counts_free)))

/* Of the clusters of the file: those that are counted more often than they are used, and those that
 * are used more often than counted, with the offset of the first. */
struct qcow2_miscounts {
	uint64_t leaked, lost;
	uint64_t first_leaked_off, first_lost_off;
};
int MUST_CHECK qcow2_check_counts(struct qcow2 *q, struct qcow2_miscounts *out, struct err *err);

#endif
