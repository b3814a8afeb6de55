// SPDX-License-Identifier: MIT
/*
 * Owns the shape of the tree. Works in one pass from left to right with one node per height; never
 * sees a cluster's bytes. No locks: a tree belongs to one thread at a time.
 */
#include "snapshot/merkle.h"

static const char prefix[] = "canisterfs content 1";

static int join(struct sha *sha, const uint8_t *left, const uint8_t *right, uint8_t *out)
{
	const uint8_t mark = 1;

	sha_begin(sha);
	sha_add(sha, &mark, 1);
	sha_add(sha, left, SHA_LEN);
	sha_add(sha, right, SHA_LEN);
	return sha_end(sha, out);
}

int merkle_begin(struct merkle *m, struct sha *sha)
{
	auto_free uint8_t *cluster = calloc(1, MERKLE_LEAF_LEN);
	int rc = cluster ? 0 : -ENOMEM;

	memset(m, 0, sizeof(*m));
	m->sha = sha;
	if (rc == 0)
		rc = sha_of(sha, cluster, MERKLE_LEAF_LEN, m->zero[0]);
	for (int k = 0; k < MERKLE_MAX_HEIGHT && rc == 0; k++)
		rc = join(sha, m->zero[k], m->zero[k], m->zero[k + 1]);
	return rc;
}

const uint8_t *merkle_zero_leaf(const struct merkle *m)
{
	return m->zero[0];
}

/* Adds a full tree of height k at m->leaves, which is a multiple of 2^k. */
static int add_tree(struct merkle *m, int k, const uint8_t *tree)
{
	uint8_t carry[SHA_LEN];
	uint64_t step = UINT64_C(1) << k;
	int rc = 0;

	memcpy(carry, tree, SHA_LEN);
	for (; m->leaves >> k & 1 && rc == 0; k++)
		rc = join(m->sha, m->node[k], carry, carry);
	memcpy(m->node[k], carry, SHA_LEN);
	m->leaves += step;
	return rc;
}

static int add_zeros(struct merkle *m, uint64_t count)
{
	int rc = 0;

	while (count > 0 && rc == 0) {
		int k = 63 - __builtin_clzll(count);

		if (m->leaves > 0)
			k = MIN(k, __builtin_ctzll(m->leaves));
		rc = add_tree(m, k, m->zero[k]);
		count -= UINT64_C(1) << k;
	}
	return rc;
}

int merkle_add(struct merkle *m, uint64_t index, const uint8_t *leaf)
{
	int rc = index < UINT64_C(1) << MERKLE_MAX_HEIGHT ? 0 : -EFBIG;

	if (rc == 0)
		rc = add_zeros(m, index - m->leaves);
	return rc < 0 ? rc : add_tree(m, 0, leaf);
}

static int height_of(uint64_t leaves)
{
	return leaves <= 1 ? 0 : 64 - __builtin_clzll(leaves - 1);
}

int merkle_end(struct merkle *m, uint64_t len, uint8_t *hash)
{
	int height = height_of(div_up(len, MERKLE_LEAF_LEN));
	uint8_t number[8];
	int rc = height <= MERKLE_MAX_HEIGHT ? 0 : -EFBIG;

	if (rc == 0)
		rc = add_zeros(m, (UINT64_C(1) << height) - m->leaves);
	if (rc < 0)
		return rc;
	put_be64(number, len);
	sha_begin(m->sha);
	sha_add(m->sha, prefix, sizeof(prefix) - 1);
	sha_add(m->sha, number, sizeof(number));
	sha_add(m->sha, m->node[height], SHA_LEN);
	return sha_end(m->sha, hash);
}
