/* SPDX-License-Identifier: MIT */
/*
 * The content hash of an image: its identity, whatever file, compression or chain holds it.
 *
 *     leaf    SHA-256 of a cluster's 65,536 bytes, the last one filled up with zeros
 *     node    SHA-256 of the byte 1, the left node, the right node
 *     top     the tree over all leaves, filled up with zero leaves to a power of two (at least one)
 *     hash    SHA-256 of "canisterfs content 1", the length in bytes (8 bytes, big-endian), top
 *
 * A tree over zero clusters alone is a constant per height, so that a run of them costs its
 * logarithm: the hash of a 400 GiB image with 100 MiB of data costs 100 MiB.
 */
#ifndef CANISTERFS_MERKLE_H
#define CANISTERFS_MERKLE_H

#include "snapshot/qcow2/sha.h"

enum {
	MERKLE_LEAF_LEN = 65536,
	MERKLE_MAX_HEIGHT = 48, /* 2^48 clusters are more than 64-bit lengths can have */
};

struct merkle {
	struct sha *sha;
	uint64_t leaves; /* so far */
	/* node[k]: the full tree of height k that waits for its right neighbour, where bit k of
	 * `leaves` is set. zero[k]: the tree of height k over zeros. */
	uint8_t node[MERKLE_MAX_HEIGHT + 1][SHA_LEN];
	uint8_t zero[MERKLE_MAX_HEIGHT + 1][SHA_LEN];
};

/* Begins a tree; `sha` is borrowed until merkle_end. */
int MUST_CHECK merkle_begin(struct merkle *m, struct sha *sha);
/* The leaf of a cluster of zeros. */
const uint8_t *merkle_zero_leaf(const struct merkle *m);
/* The next leaf is `index`, not below what was added so far; all between are zero. */
int MUST_CHECK merkle_add(struct merkle *m, uint64_t index, const uint8_t *leaf);
/* The content hash of an image of `len` bytes; no leaf was added behind its end. */
int MUST_CHECK merkle_end(struct merkle *m, uint64_t len, uint8_t *hash);

#endif
