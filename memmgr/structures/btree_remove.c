// SPDX-License-Identifier: MIT
/*
 * Owns removing from a map: one pass down in which every node that is entered can lose an entry,
 * because it was lent one by a sibling or merged with it before. Source: upstream src/btreemap.rs,
 * remove_helper, remove_leftmost, remove_rightmost and merge, and node.rs, merge, at 0.7.2.
 */
#include <inttypes.h>

#include "memmgr/structures/btree_edit.h"

static int remove_key(struct bt_op *op, struct bt_edit *node, struct ss_bytes key, bool *found);

static int save_three(struct bt_op *op, struct bt_edit *a, struct bt_edit *b, struct bt_edit *c)
{
	int rc = bt_edit_save(op, a);

	if (rc == 0)
		rc = bt_edit_save(op, b);
	return rc < 0 ? rc : bt_edit_save(op, c);
}

static int enter(struct bt_op *op)
{
	if (++op->depth <= 4 * BT_MAX_DEPTH)
		return 0;
	return err_set(op->err, -EUCLEAN, "the map is more than %d nodes deep", BT_MAX_DEPTH);
}

/* left, middle, right into `into`, which is one of the two; the other is given back. */
static int merge(struct bt_op *op, struct bt_edit *left, struct bt_pair middle,
		 struct bt_edit *right, struct bt_edit *into)
{
	struct bt_edit *gone = into == left ? right : left;
	unsigned n = left->n + 1 + right->n;
	unsigned children = left->children + right->children;
	struct bt_pair pair[BT_MAX_ENTRIES];
	uint64_t child[BT_MAX_ENTRIES + 1];
	int rc;

	if (left->leaf != right->leaf || n > BT_MAX_ENTRIES)
		return err_set(op->err, -EUCLEAN,
			       "the nodes at %" PRIu64 " and %" PRIu64 " cannot be merged",
			       left->addr, right->addr);
	memcpy(pair, left->pair, left->n * sizeof(*pair));
	pair[left->n] = middle;
	memcpy(pair + left->n + 1, right->pair, right->n * sizeof(*pair));
	memcpy(child, left->child, left->children * sizeof(*child));
	memcpy(child + left->children, right->child, right->children * sizeof(*child));
	into->n = n;
	into->children = children;
	memcpy(into->pair, pair, n * sizeof(*pair));
	memcpy(into->child, child, children * sizeof(*child));
	rc = bt_edit_save(op, into);
	return rc < 0 ? rc : bt_edit_free(op, gone);
}

/* The last entry of the left sibling up, the parent's down into the child. */
static int lend_from_left(struct bt_op *op, struct bt_edit *parent, unsigned at,
			  struct bt_edit *left, struct bt_edit *child)
{
	struct bt_pair up = bt_edit_remove_pair(left, left->n - 1);

	bt_edit_insert_pair(child, 0, parent->pair[at]);
	parent->pair[at] = up;
	if (!left->leaf)
		bt_edit_insert_child(child, 0, bt_edit_remove_child(left, left->children - 1));
	return save_three(op, left, child, parent);
}

static int lend_from_right(struct bt_op *op, struct bt_edit *parent, unsigned at,
			   struct bt_edit *child, struct bt_edit *right)
{
	struct bt_pair up = bt_edit_remove_pair(right, 0);

	bt_edit_insert_pair(child, child->n, parent->pair[at]);
	parent->pair[at] = up;
	if (!right->leaf)
		bt_edit_insert_child(child, child->children, bt_edit_remove_child(right, 0));
	return save_three(op, right, child, parent);
}

/* The parent has lost an entry and a child to a merge. Empty, it was the root. */
static int settle_parent(struct bt_op *op, struct bt_edit *parent, const struct bt_edit *merged)
{
	if (parent->n > 0)
		return bt_edit_save(op, parent);
	if (parent->addr != op->t->h.root)
		return err_set(op->err, -EUCLEAN, "the node at %" PRIu64 " would be empty",
			       parent->addr);
	op->t->h.root = merged->addr;
	op->t->dirty = true;
	return bt_edit_free(op, parent);
}

static int settle_leaf(struct bt_op *op, struct bt_edit *leaf)
{
	op->t->h.count--;
	op->t->dirty = true;
	if (leaf->n > 0)
		return bt_edit_save(op, leaf);
	if (leaf->addr != op->t->h.root)
		return err_set(op->err, -EUCLEAN, "the leaf at %" PRIu64 " would be empty",
			       leaf->addr);
	op->t->h.root = 0;
	return bt_edit_free(op, leaf);
}

/* ---- the last and the first entry of a subtree ---- */

static int remove_rightmost(struct bt_op *op, struct bt_edit *node, struct bt_pair *out)
{
	struct bt_edit *child, *left;
	unsigned last = node->children - 1;
	int rc = enter(op);

	if (rc < 0)
		return rc;
	if (node->leaf) {
		*out = bt_edit_remove_pair(node, node->n - 1);
		return settle_leaf(op, node);
	}
	rc = bt_edit_load(op, node->child[last], &child);
	if (rc < 0)
		return rc;
	if (bt_edit_can_lose(child))
		return remove_rightmost(op, child, out);
	rc = bt_edit_load(op, node->child[last - 1], &left);
	if (rc < 0)
		return rc;
	if (bt_edit_can_lose(left)) {
		rc = lend_from_left(op, node, last - 1, left, child);
		return rc < 0 ? rc : remove_rightmost(op, child, out);
	}
	rc = merge(op, left, bt_edit_remove_pair(node, last - 1), child, left);
	bt_edit_remove_child(node, last);
	if (rc == 0)
		rc = settle_parent(op, node, left);
	return rc < 0 ? rc : remove_rightmost(op, left, out);
}

static int remove_leftmost(struct bt_op *op, struct bt_edit *node, struct bt_pair *out)
{
	struct bt_edit *child, *right;
	int rc = enter(op);

	if (rc < 0)
		return rc;
	if (node->leaf) {
		*out = bt_edit_remove_pair(node, 0);
		return settle_leaf(op, node);
	}
	rc = bt_edit_load(op, node->child[0], &child);
	if (rc < 0)
		return rc;
	if (bt_edit_can_lose(child))
		return remove_leftmost(op, child, out);
	rc = bt_edit_load(op, node->child[1], &right);
	if (rc < 0)
		return rc;
	if (bt_edit_can_lose(right)) {
		rc = lend_from_right(op, node, 0, child, right);
		return rc < 0 ? rc : remove_leftmost(op, child, out);
	}
	rc = merge(op, child, bt_edit_remove_pair(node, 0), right, right);
	bt_edit_remove_child(node, 0);
	if (rc == 0)
		rc = settle_parent(op, node, right);
	return rc < 0 ? rc : remove_leftmost(op, right, out);
}

/* ---- any entry ---- */

/* The key is in this inner node: its neighbour in the order takes its place. */
static int remove_here(struct bt_op *op, struct bt_edit *node, unsigned at, struct ss_bytes key,
		       bool *found)
{
	struct bt_edit *left, *right;
	struct bt_pair middle;
	int rc = bt_edit_load(op, node->child[at], &left);

	if (rc < 0)
		return rc;
	if (bt_edit_can_lose(left)) {
		rc = remove_rightmost(op, left, &node->pair[at]);
		return rc < 0 ? rc : bt_edit_save(op, node);
	}
	rc = bt_edit_load(op, node->child[at + 1], &right);
	if (rc < 0)
		return rc;
	if (bt_edit_can_lose(right)) {
		rc = remove_leftmost(op, right, &node->pair[at]);
		return rc < 0 ? rc : bt_edit_save(op, node);
	}
	middle = bt_edit_remove_pair(node, at);
	bt_edit_remove_child(node, at + 1);
	rc = merge(op, left, middle, right, left);
	if (rc == 0)
		rc = settle_parent(op, node, left);
	if (rc == 0)
		rc = bt_edit_save(op, left);
	return rc < 0 ? rc : remove_key(op, left, key, found);
}

/* The child that the key must be in cannot lose an entry: it borrows or merges first. */
static int strengthen(struct bt_op *op, struct bt_edit *node, unsigned at, struct bt_edit **child)
{
	struct bt_edit *left = NULL, *right = NULL;
	int rc = 0;

	if (at > 0)
		rc = bt_edit_load(op, node->child[at - 1], &left);
	if (rc == 0 && at + 1 < node->children)
		rc = bt_edit_load(op, node->child[at + 1], &right);
	if (rc < 0)
		return rc;
	if (left && bt_edit_can_lose(left))
		return lend_from_left(op, node, at - 1, left, *child);
	if (right && bt_edit_can_lose(right))
		return lend_from_right(op, node, at, *child, right);
	if (left) {
		rc = merge(op, left, bt_edit_remove_pair(node, at - 1), *child, left);
		*child = left;
	} else {
		rc = merge(op, *child, bt_edit_remove_pair(node, at), right, right);
		*child = right;
	}
	bt_edit_remove_child(node, at);
	return rc < 0 ? rc : settle_parent(op, node, *child);
}

static int remove_key(struct bt_op *op, struct bt_edit *node, struct ss_bytes key, bool *found)
{
	struct bt_edit *child;
	bool here;
	unsigned at = bt_edit_search(op, node, key, &here);
	int rc = enter(op);

	if (rc < 0)
		return rc;
	if (node->leaf) {
		*found = here;
		if (!here)
			return 0;
		bt_edit_remove_pair(node, at);
		return settle_leaf(op, node);
	}
	if (here) {
		*found = true;
		return remove_here(op, node, at, key, found);
	}
	rc = bt_edit_load(op, node->child[at], &child);
	if (rc == 0 && !bt_edit_can_lose(child))
		rc = strengthen(op, node, at, &child);
	return rc < 0 ? rc : remove_key(op, child, key, found);
}

/* Looks first: upstream moves entries about on the way to a key that is not there. */
int bt_delete(struct ss *ss, struct ss_bytes key, bool *found, struct err *err)
{
	struct bt *t = bt_of(ss);
	auto_ss_cursor struct ss_cursor *c = NULL;
	struct bt_edit *root;
	struct bt_op op;
	int rc = bt_refuse_guess(t, err);

	*found = false;
	if (rc == 0)
		rc = ss_find(ss, key, &c, err);
	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		rc = bt_op_begin(&op, t, err);
	if (rc < 0)
		return rc;
	rc = bt_edit_load(&op, t->h.root, &root);
	if (rc == 0)
		rc = remove_key(&op, root, key, found);
	bt_op_end(&op);
	return rc < 0 ? rc : bt_flush(t, err);
}
