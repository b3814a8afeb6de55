/* SPDX-License-Identifier: MIT */
/* Verification of one file of a chain: what those who look at it share. */
#ifndef CANISTERFS_VERIFY_H
#define CANISTERFS_VERIFY_H

#include "snapshot/qcow2/qcow2.h"
#include "snapshot/snapshot.h"

struct verify {
	struct qcow2 *q; /* the file that is looked at now */
	unsigned depth;  /* of it in the chain */
	const struct snap_work *how;
	void (*fn)(void *ctx, const struct snap_finding *finding);
	void *fn_ctx;
	struct snap_verified *out;
	uint64_t done_len, total_len;
};

/* Counts the finding and hands it on. */
void verify_report(struct verify *v, struct snap_finding *finding);

/* Reads and unpacks what lies beside the image. */
int MUST_CHECK verify_side(struct verify *v, struct err *err);

/* Reads and unpacks every cluster that v->q stores. `with_table`: compares with the checksums. */
int MUST_CHECK verify_clusters(struct verify *v, bool with_table, struct err *err);

#endif
