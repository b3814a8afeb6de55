/* SPDX-License-Identifier: MIT */
/*
 * Bytes on their way to standard output. Where that is a file, zeros are left out as holes.
 */
#ifndef CANISTERFS_SINK_H
#define CANISTERFS_SINK_H

#include "memmgr/store.h"

/* The bytes [off, end) of the store, to standard output. -EPIPE: its reader has seen enough. */
int MUST_CHECK sink_put(struct store *from, uint64_t off, uint64_t end, struct err *err);

#endif
