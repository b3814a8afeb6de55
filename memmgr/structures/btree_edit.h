/* SPDX-License-Identifier: MIT */
/*
 * Changing a B-tree map, as the library does it: which nodes split, merge and lend, which chunks
 * are taken and given back, in the same order. Private to this folder.
 */
#ifndef CANISTERFS_STRUCTURES_BTREE_EDIT_H
#define CANISTERFS_STRUCTURES_BTREE_EDIT_H

#include "memmgr/structures/btree.h"

/* ---- btree_chunks.c ---- */

int MUST_CHECK bt_chunk_take(struct bt *t, uint64_t *page, struct err *err);
int MUST_CHECK bt_chunk_give(struct bt *t, uint64_t page, struct err *err);
int MUST_CHECK bt_chunk_clear(struct bt *t, struct err *err);
/* Writes both headers where they have changed. */
int MUST_CHECK bt_flush(struct bt *t, struct err *err);

/* ---- btree_save.c ---- */

/* An entry's bytes, which live as long as the operation. */
struct bt_pair {
	struct ss_bytes key, value;
};

/* A node that is being changed: all of it in memory. */
struct bt_edit {
	uint64_t addr;
	uint8_t version;
	bool leaf;
	unsigned n, children;
	struct bt_pair pair[BT_MAX_ENTRIES];
	uint64_t child[BT_MAX_ENTRIES + 1];
	uint64_t *overflow;
	size_t overflows, overflow_cap;
};

/* One insertion or removal. What it allocates is freed when it ends. */
struct bt_op {
	struct bt *t;
	struct err *err;
	struct bt_op_block *blocks;
	struct bt_node *node; /* to load with */
	uint8_t *key_buf;
	size_t key_cap;
	unsigned depth; /* of the node at hand; a guard against circles */
};
int MUST_CHECK bt_op_begin(struct bt_op *op, struct bt *t, struct err *err);
void bt_op_end(struct bt_op *op);
/* Memory that lives as long as the operation; NULL: none is left. */
void *bt_op_alloc(struct bt_op *op, size_t len);

/* Loads the node at addr, with all keys and values. */
int MUST_CHECK bt_edit_load(struct bt_op *op, uint64_t addr, struct bt_edit **out);
/* A new one, empty, with a chunk of its own. */
int MUST_CHECK bt_edit_new(struct bt_op *op, bool leaf, struct bt_edit **out);
/* Writes it, taking and giving back overflow pages as it needs. */
int MUST_CHECK bt_edit_save(struct bt_op *op, struct bt_edit *e);
/* Gives all its chunks back. */
int MUST_CHECK bt_edit_free(struct bt_op *op, struct bt_edit *e);

static inline bool bt_edit_full(const struct bt_edit *e)
{
	return e->n >= BT_MAX_ENTRIES;
}

/* Can lose an entry and still have enough. */
static inline bool bt_edit_can_lose(const struct bt_edit *e)
{
	return e->n > BT_MIN_ENTRIES;
}

void bt_edit_insert_pair(struct bt_edit *e, unsigned at, struct bt_pair pair);
struct bt_pair bt_edit_remove_pair(struct bt_edit *e, unsigned at);
void bt_edit_insert_child(struct bt_edit *e, unsigned at, uint64_t addr);
uint64_t bt_edit_remove_child(struct bt_edit *e, unsigned at);
/* The first entry whose key is not before `key`. */
unsigned bt_edit_search(const struct bt_op *op, const struct bt_edit *e, struct ss_bytes key,
			bool *equal);

/* -EINVAL, -EFBIG: what the program's types could not read back. */
int MUST_CHECK bt_check_bounds(const struct bt *t, struct bt_pair pair, struct err *err);
/* -EDOM where the width of keys is only guessed. */
int MUST_CHECK bt_refuse_guess(const struct bt *t, struct err *err);

/* ---- btree_insert.c, btree_remove.c ---- */

int MUST_CHECK bt_put(struct ss *ss, struct ss_bytes key, struct ss_bytes value, bool *changed,
		      struct err *err);
int MUST_CHECK bt_delete(struct ss *ss, struct ss_bytes key, bool *found, struct err *err);
int MUST_CHECK bt_clear(struct ss *ss, struct err *err);

#endif
