/* SPDX-License-Identifier: MIT */
/* Temporary files without a name, in $TMPDIR, else /var/tmp. */
#ifndef CANISTERFS_SPOOL_H
#define CANISTERFS_SPOOL_H

#include "memmgr/util.h"

/* A descriptor, or -errno. */
int MUST_CHECK spool_open(struct err *err);
/* All that comes from `from`, in such a file; *fd is the caller's, at offset 0. -EFBIG: more than
 * max_len bytes came. */
int MUST_CHECK spool_all(int from, uint64_t max_len, int *fd, uint64_t *len, struct err *err);

#endif
