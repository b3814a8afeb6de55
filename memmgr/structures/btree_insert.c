// SPDX-License-Identifier: MIT
/*
 * Owns inserting into a map: one pass from the root down, splitting every full node on the way.
 * Source: upstream src/btreemap.rs, insert, insert_nonfull and split_child, at 0.7.2.
 */
#include <inttypes.h>

#include "memmgr/structures/btree_edit.h"

/* The upper half of a full child into a new sibling, its middle entry into the parent. */
static int split_child(struct bt_op *op, struct bt_edit *parent, unsigned at, struct bt_edit *full)
{
	const unsigned middle = BT_MIN_ENTRIES;
	struct bt_edit *sibling;
	int rc = bt_edit_new(op, full->leaf, &sibling);

	if (rc < 0)
		return rc;
	bt_edit_insert_child(parent, at + 1, sibling->addr);
	sibling->n = full->n - middle - 1;
	memcpy(sibling->pair, full->pair + middle + 1, sibling->n * sizeof(*sibling->pair));
	if (!full->leaf) {
		sibling->children = full->children - middle - 1;
		memcpy(sibling->child, full->child + middle + 1,
		       sibling->children * sizeof(*sibling->child));
		full->children = middle + 1;
	}
	bt_edit_insert_pair(parent, at, full->pair[middle]);
	full->n = middle;
	rc = bt_edit_save(op, sibling);
	if (rc == 0)
		rc = bt_edit_save(op, full);
	return rc < 0 ? rc : bt_edit_save(op, parent);
}

/* A node that is only looked at: its keys, where it is, whether it is full. */
struct look {
	uint64_t addr;
	bool leaf, full, found;
	unsigned at; /* where the key is, or belongs */
	uint64_t child;
};

static int look_at(struct bt_op *op, uint64_t addr, struct ss_bytes key, struct look *out)
{
	int rc = bt_node_open(op->t, addr, op->node, op->err);

	if (rc == 0)
		rc = bt_node_search(op->t, op->node, key, &op->key_buf, &op->key_cap, &out->at,
				    &out->found, op->err);
	if (rc < 0)
		return rc;
	out->addr = addr;
	out->leaf = op->node->leaf;
	out->full = op->node->n == BT_MAX_ENTRIES;
	out->child = out->leaf || out->found ? 0 : op->node->child[out->at];
	return 0;
}

static int replace_value(struct bt_op *op, const struct look *at, struct ss_bytes value,
			 bool *changed)
{
	struct bt_edit *e;
	int rc = bt_edit_load(op, at->addr, &e);

	if (rc < 0)
		return rc;
	if (e->pair[at->at].value.len == value.len &&
	    (value.len == 0 || memcmp(e->pair[at->at].value.data, value.data, value.len) == 0))
		return 0;
	*changed = true;
	e->pair[at->at].value = value;
	return bt_edit_save(op, e);
}

static int insert_into_leaf(struct bt_op *op, const struct look *at, struct bt_pair pair)
{
	struct bt_edit *e;
	int rc = bt_edit_load(op, at->addr, &e);

	if (rc < 0)
		return rc;
	bt_edit_insert_pair(e, at->at, pair);
	rc = bt_edit_save(op, e);
	if (rc < 0)
		return rc;
	op->t->h.count++;
	op->t->dirty = true;
	return 0;
}

/* The first entry of all. */
static int insert_root(struct bt_op *op, struct bt_pair pair)
{
	struct bt_edit *root;
	int rc = bt_edit_new(op, true, &root);

	if (rc < 0)
		return rc;
	op->t->h.root = root->addr;
	bt_edit_insert_pair(root, 0, pair);
	rc = bt_edit_save(op, root);
	op->t->h.count = 1;
	return rc;
}

/* A full root becomes the only child of a new one, and splits. */
static int split_root(struct bt_op *op)
{
	struct bt_edit *root, *old;
	int rc = bt_edit_load(op, op->t->h.root, &old);

	if (rc == 0)
		rc = bt_edit_new(op, false, &root);
	if (rc < 0)
		return rc;
	bt_edit_insert_child(root, 0, old->addr);
	op->t->h.root = root->addr;
	op->t->dirty = true;
	return split_child(op, root, 0, old);
}

static int split_below(struct bt_op *op, const struct look *parent)
{
	struct bt_edit *p = NULL, *full = NULL;
	int rc = bt_edit_load(op, parent->addr, &p);

	if (rc == 0)
		rc = bt_edit_load(op, parent->child, &full);
	return rc < 0 ? rc : split_child(op, p, parent->at, full);
}

/* `at` is never full. A key that is there already splits nothing in front of it but full nodes
 * above the one before its own: upstream looks into a full child before it splits it. */
static int insert_below(struct bt_op *op, struct look at, struct bt_pair pair, bool *changed)
{
	while (!at.found && !at.leaf) {
		struct look child;
		int rc = look_at(op, at.child, pair.key, &child);

		if (rc == 0 && child.full && !child.found) {
			*changed = true;
			rc = split_below(op, &at);
			if (rc == 0)
				rc = look_at(op, at.addr, pair.key, &at);
			if (rc == 0 && !at.found)
				rc = look_at(op, at.child, pair.key, &child);
		}
		if (rc < 0)
			return rc;
		if (++op->depth > 2 * BT_MAX_DEPTH)
			return err_set(op->err, -EUCLEAN, "the map is more than %d nodes deep",
				       BT_MAX_DEPTH);
		at = child;
	}
	if (at.found)
		return replace_value(op, &at, pair.value, changed);
	*changed = true;
	return insert_into_leaf(op, &at, pair);
}

static int insert(struct bt_op *op, struct bt_pair pair, bool *changed)
{
	struct look root;
	int rc;

	if (op->t->h.root == 0) {
		*changed = true;
		return insert_root(op, pair);
	}
	rc = look_at(op, op->t->h.root, pair.key, &root);
	if (rc == 0 && root.full && !root.found) {
		*changed = true;
		rc = split_root(op);
		if (rc == 0)
			rc = look_at(op, op->t->h.root, pair.key, &root);
	}
	return rc < 0 ? rc : insert_below(op, root, pair, changed);
}

/* What the program's types could not read back, or a version 1 node not hold, does not go in. */
int bt_check_bounds(const struct bt *t, struct bt_pair pair, struct err *err)
{
	const struct ss_facts *f = &t->ss.facts;

	if (t->width >= 0 && pair.key.len != (size_t)t->width)
		return err_set(err, -EINVAL, "a key of %zu bytes in a map whose keys all have %d",
			       pair.key.len, t->width);
	if (pair.key.len > f->max_key_len || pair.key.len > BT_MAX_KEY_LEN)
		return err_set(err, -EFBIG, "a key of %zu bytes; %" PRIu64 " fit", pair.key.len,
			       MIN(f->max_key_len, (uint64_t)BT_MAX_KEY_LEN));
	if (pair.value.len > f->max_value_len || pair.value.len > UINT32_MAX)
		return err_set(err, -EFBIG, "a value of %zu bytes; %" PRIu64 " fit", pair.value.len,
			       MIN(f->max_value_len, (uint64_t)UINT32_MAX));
	if (pair.key.len + pair.value.len > f->max_sum_len)
		return err_set(err, -EFBIG,
			       "a key of %zu and a value of %zu bytes; %" PRIu64 " fit together",
			       pair.key.len, pair.value.len, f->max_sum_len);
	return 0;
}

int bt_put(struct ss *ss, struct ss_bytes key, struct ss_bytes value, bool *changed,
	   struct err *err)
{
	struct bt_pair pair = {key, value};
	struct bt_op op;
	int rc = bt_refuse_guess(bt_of(ss), err);

	*changed = false;
	if (rc == 0)
		rc = bt_check_bounds(bt_of(ss), pair, err);
	if (rc < 0)
		return rc;
	rc = bt_op_begin(&op, bt_of(ss), err);
	if (rc == 0)
		rc = insert(&op, pair, changed);
	bt_op_end(&op);
	return rc < 0 ? rc : bt_flush(bt_of(ss), err);
}

/* As upstream's clear: what the chunks held stays behind, out of reach. */
int bt_clear(struct ss *ss, struct err *err)
{
	struct bt *t = bt_of(ss);
	int rc = bt_chunk_clear(t, err);

	t->h.root = t->h.count = 0;
	return rc < 0 ? rc : bt_flush(t, err);
}
