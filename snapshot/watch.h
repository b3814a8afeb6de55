/* SPDX-License-Identifier: MIT */
#ifndef CANISTERFS_WATCH_H
#define CANISTERFS_WATCH_H

#include "snapshot/snapshot.h"

/* True: whoever watches wants the work to end. `watch` may be NULL. */
static inline bool snap_watch_step(const struct snap_watch *watch, uint64_t done, uint64_t total)
{
	return watch && watch->step(watch->ctx, done, total) != 0;
}

#endif
