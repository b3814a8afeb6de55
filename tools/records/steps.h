/* SPDX-License-Identifier: MIT */
/*
 * Two structures in step: their records side by side, wherever in a memory they lie. Holds one
 * record of each. Nodes whose pages are equal in both are passed over.
 */
#ifndef CANISTERFS_STEPS_H
#define CANISTERFS_STEPS_H

#include "memmgr/structures/structures.h"

/* One side: a structure, and the record it is at. */
struct step {
	struct ss *ss;
	struct ss_cursor *c;
	struct ss_record rec;
	struct ss_bytes value;
	bool more;
};

/* Told of each record that only one side has (the other one is NULL), or that has another value. */
typedef int steps_fn(void *ctx, const struct step *old, const struct step *new, struct err *err);

/* `a` or `b` NULL: that side holds nothing. `sort` is the order of keys, where the structures know
 * that it was told. */
int MUST_CHECK steps_walk(struct ss *a, struct ss *b, const struct ss_sort *sort, steps_fn *fn,
			  void *ctx, struct err *err);

#endif
