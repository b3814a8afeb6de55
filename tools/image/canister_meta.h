/* SPDX-License-Identifier: MIT */
/*
 * The metadata.json of a canister snapshot: the three sizes in it, and the place of one of them.
 */
#ifndef CANISTERFS_CANISTER_META_H
#define CANISTERFS_CANISTER_META_H

#include "memmgr/util.h"

struct canister_meta {
	uint64_t module_len, heap_len, stable_len;
	size_t stable_off, stable_digits; /* where stable_len stands in the text */
};

/* -EINVAL: not the metadata of a snapshot. */
int MUST_CHECK canister_meta_parse(const char *text, size_t len, struct canister_meta *out,
				   struct err *err);

/* The same text with another stable_len, and every other byte as it was; for free(). */
int MUST_CHECK canister_meta_with(const char *text, size_t len, const struct canister_meta *meta,
				  uint64_t stable_len, char **out, size_t *out_len,
				  struct err *err);

#endif
