/* SPDX-License-Identifier: MIT */
/* Temporary files without a name, in $TMPDIR, else /var/tmp. */
#ifndef CANISTERFS_SPOOL_H
#define CANISTERFS_SPOOL_H

#include "memmgr/util.h"

/* A descriptor, or -errno. */
int MUST_CHECK spool_open(struct err *err);

#endif
