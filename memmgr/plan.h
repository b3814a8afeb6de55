/* SPDX-License-Identifier: MIT */
/*
 * Which buckets have to move so that no hole is left and every memory keeps its order. Pure: knows
 * owners and indices alone.
 */
#ifndef CANISTERFS_PLAN_H
#define CANISTERFS_PLAN_H

#include "memmgr/layout.h"

struct move {
	uint16_t from;
	uint16_t to;
};

/*
 * Plans the moves that make owner[0..end) dense, the fewest that can be found, ascending by `to`;
 * every bucket moves to a lower index and at most once, and when the moves are carried out in this
 * order each target is free by then. `moves` has room for `end`.
 */
int MUST_CHECK plan_moves(const uint8_t *owner, uint32_t end, struct move *moves, uint32_t *count,
			  struct err *err);

#endif
