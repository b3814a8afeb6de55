/* SPDX-License-Identifier: MIT */
/*
 * Measures all images under some paths, several at a time, and delivers them one by one in the
 * order in which a walk meets them.
 */
#ifndef CANISTERFS_WASTE_WALK_H
#define CANISTERFS_WASTE_WALK_H

#include "tools/cmd/cmd.h"
#include "tools/waste/waste_row.h"

/* Owns nothing of the row but what it takes out. */
typedef void waste_fn(void *ctx, struct waste_row *row);

/* jobs 0: one per core. Never holds more than some hundred rows. */
int MUST_CHECK waste_walk(const struct cmd_list *paths, unsigned jobs, waste_fn *fn, void *ctx,
			  struct err *err);

#endif
