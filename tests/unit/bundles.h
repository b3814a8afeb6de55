/* SPDX-License-Identifier: MIT */
/* What lies beside an image, in memory, for tests; and bundles of it. */
#ifndef CANISTERFS_TESTS_BUNDLES_H
#define CANISTERFS_TESTS_BUNDLES_H

#include "snapshot/beside/bundle.h"
#include "tests/unit/stores.h"

/* Scratch files whose bytes are in memory; empty at first. */
struct side_files *side_model_new(void);
/* Files and lengths of all sorts, under names of all sorts; at most `max_len` bytes each. */
struct side_files *side_model_random(struct rng *rng, uint64_t max_len);
/* A copy of the bytes; NULL: zeros. */
struct side_file *side_model_add(struct side_files *files, const char *name, const void *bytes,
				 uint64_t len);
uint8_t *side_model_bytes(const struct side_file *file);
void side_model_free(struct side_files *files);

/* The same files, by their names, and the same lengths. Reads `b` in pieces of all sizes. */
void assert_same_side(struct rng *rng, const struct side_files *a, const struct side_files *b);

/* What bundle_write makes, as a memory store. */
struct store *bundle_file_new(const struct side_files *files, unsigned level);
/* Makes the checksum of the tables what they are now, as a hostile writer would. */
void bundle_rehash(uint8_t *bytes, size_t len);

#endif
