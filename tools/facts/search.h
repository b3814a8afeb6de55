/* SPDX-License-Identifier: MIT */
/*
 * Looks for a string of bytes in a store, in one pass and in memory that follows neither's
 * length.
 */
#ifndef CANISTERFS_SEARCH_H
#define CANISTERFS_SEARCH_H

#include "memmgr/store.h"
#include "tools/out/progress.h"

struct needle {
	const uint8_t *bytes; /* not only zeros */
	size_t len;           /* at least 1 */
};

/* Told of every match, by ascending offset; a value other than 0 ends the search with it. */
typedef int search_fn(void *ctx, uint64_t off, struct err *err);

struct search;

/* Prepares to look for the needle, whose bytes stay the caller's. */
int MUST_CHECK search_new(const struct needle *needle, struct search **out, struct err *err);
void search_free(struct search *search);

/* Matches that lie wholly in [from, to), also those that overlap each other. `progress` is told of
 * every byte between; it may be NULL. */
int MUST_CHECK search_store(struct search *search, struct store *s, uint64_t from, uint64_t to,
			    search_fn *fn, void *ctx, struct progress *progress, struct err *err);

#endif
