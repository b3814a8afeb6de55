/* SPDX-License-Identifier: MIT */
/*
 * Looks for a long string of bytes by the two-way algorithm (Crochemore and Perrin, 1991): in time
 * that follows the lengths of both, whatever the bytes are, and in memory that follows neither.
 */
#ifndef CANISTERFS_LONG_NEEDLE_H
#define CANISTERFS_LONG_NEEDLE_H

#include "tools/facts/search.h"

enum { LONG_NEEDLE_MIN = 8 };

/* What is computed once about a string of at least LONG_NEEDLE_MIN bytes. */
struct long_needle {
	struct needle needle;
	size_t critical; /* the right part begins there and is compared first */
	size_t period;   /* how far to go on behind a match of the right part */
	bool periodic;   /* `period` is the period of the whole string */
	uint32_t *shift; /* by the last two bytes: how far to go on at least; 0: compare */
};

/* The bytes stay the caller's. */
int MUST_CHECK long_needle_prepare(const struct needle *needle, struct long_needle *out,
				   struct err *err);
void long_needle_free(struct long_needle *n);

/* As search_store, in a range that lies inside of the store. */
int MUST_CHECK long_needle_search(struct store *s, const struct long_needle *n, uint64_t from,
				  uint64_t to, search_fn *fn, void *ctx, struct progress *progress,
				  struct err *err);

#endif
