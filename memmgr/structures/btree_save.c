// SPDX-License-Identifier: MIT
/*
 * Owns nodes that are being changed: loading one whole, writing it in its own version, its overflow
 * pages. Source: upstream src/btreemap/node/v1.rs, v2.rs and io.rs at 0.7.2.
 */
#include <inttypes.h>

#include "memmgr/structures/btree_edit.h"

struct bt_op_block {
	struct bt_op_block *next;
	max_align_t bytes[];
};

int bt_op_begin(struct bt_op *op, struct bt *t, struct err *err)
{
	*op = (struct bt_op){.t = t, .err = err};
	op->node = calloc(1, sizeof(*op->node));
	return op->node ? 0 : err_set(err, -ENOMEM, "no memory for a node");
}

void bt_op_end(struct bt_op *op)
{
	while (op->blocks) {
		struct bt_op_block *next = op->blocks->next;

		free(op->blocks);
		op->blocks = next;
	}
	if (op->node)
		bt_node_free(op->node);
	free(op->node);
	free(op->key_buf);
}

void *bt_op_alloc(struct bt_op *op, size_t len)
{
	struct bt_op_block *block = malloc(sizeof(*block) + len);

	if (!block) {
		err_set(op->err, -ENOMEM, "no memory for a node of %zu bytes", len);
		return NULL;
	}
	block->next = op->blocks;
	op->blocks = block;
	return block->bytes;
}

static struct bt_edit *new_edit(struct bt_op *op)
{
	struct bt_edit *e = bt_op_alloc(op, sizeof(*e));

	if (e)
		*e = (struct bt_edit){0};
	return e;
}

static int push_overflow(struct bt_op *op, struct bt_edit *e, uint64_t addr)
{
	if (e->overflows == e->overflow_cap) {
		size_t cap = MAX(8, 2 * e->overflow_cap);
		uint64_t *more = bt_op_alloc(op, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (e->overflows > 0)
			memcpy(more, e->overflow, e->overflows * sizeof(*more));
		e->overflow = more;
		e->overflow_cap = cap;
	}
	e->overflow[e->overflows++] = addr;
	return 0;
}

static int copy_bytes(struct bt_op *op, uint64_t off, uint32_t len, uint8_t **to,
		      struct ss_bytes *out)
{
	*out = (struct ss_bytes){.data = *to, .len = len};
	*to += len;
	return bt_node_read(op->t, op->node, *to - len, len, off, op->err);
}

static int copy_pairs(struct bt_op *op, struct bt_edit *e)
{
	struct bt_node *node = op->node;
	uint64_t len = 1;
	uint8_t *to;
	int rc = 0;

	for (unsigned i = 0; i < node->n; i++)
		len += (uint64_t)node->entry[i].key_len + node->entry[i].value_len;
	to = bt_op_alloc(op, len);
	if (!to)
		return -ENOMEM;
	for (unsigned i = 0; rc == 0 && i < node->n; i++) {
		const struct bt_entry *entry = &node->entry[i];

		rc = copy_bytes(op, entry->key_off, entry->key_len, &to, &e->pair[i].key);
		if (rc == 0)
			rc = copy_bytes(op, entry->value_off, entry->value_len, &to,
					&e->pair[i].value);
	}
	return rc;
}

int bt_edit_load(struct bt_op *op, uint64_t addr, struct bt_edit **out)
{
	struct bt_edit *e = new_edit(op);
	int rc;

	*out = e;
	if (!e)
		return -ENOMEM;
	rc = bt_node_open(op->t, addr, op->node, op->err);
	if (rc == 0)
		rc = bt_node_whole_chain(op->t, op->node, op->err);
	if (rc < 0)
		return rc;
	e->addr = addr;
	e->version = op->node->version;
	e->leaf = op->node->leaf;
	e->n = op->node->n;
	e->children = e->leaf ? 0 : e->n + 1;
	memcpy(e->child, op->node->child, e->children * sizeof(*e->child));
	for (size_t i = 0; rc == 0 && i < op->node->overflows; i++)
		rc = push_overflow(op, e, op->node->overflow[i]);
	return rc < 0 ? rc : copy_pairs(op, e);
}

/* New nodes are of version 2, also in a map that has others. */
int bt_edit_new(struct bt_op *op, bool leaf, struct bt_edit **out)
{
	struct bt_edit *e = new_edit(op);

	*out = e;
	if (!e)
		return -ENOMEM;
	e->version = 2;
	e->leaf = leaf;
	if (op->t->width == BT_WIDTH_UNKNOWN) {
		int rc = bt_infer_width(op->t, NULL, op->err);

		if (rc == 0)
			rc = bt_refuse_guess(op->t, op->err);
		if (rc < 0)
			return rc;
	}
	return bt_chunk_take(op->t, &e->addr, op->err);
}

int bt_edit_free(struct bt_op *op, struct bt_edit *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < e->overflows; i++)
		rc = bt_chunk_give(op->t, e->overflow[i], op->err);
	return rc < 0 ? rc : bt_chunk_give(op->t, e->addr, op->err);
}

/* ---- writing ---- */

static uint8_t *put_header(const struct bt_edit *e, uint8_t *to)
{
	memcpy(to, "BTN", 3);
	to[3] = e->version;
	to[4] = !e->leaf;
	put_le16(to + 5, (uint16_t)e->n);
	return to + BT_NODE_HEADER_LEN;
}

static uint8_t *put_children(const struct bt_edit *e, uint8_t *to)
{
	for (unsigned i = 0; i < e->children; i++, to += 8)
		put_le64(to, e->child[i]);
	return to;
}

static uint8_t *put_bytes(struct ss_bytes bytes, bool with_len, uint8_t *to)
{
	if (with_len) {
		put_le32(to, (uint32_t)bytes.len);
		to += 4;
	}
	if (bytes.len > 0)
		memcpy(to, bytes.data, bytes.len);
	return to + bytes.len;
}

/* What a slot holds behind its key or value stays as it was. */
static int save_v1(struct bt_op *op, const struct bt_edit *e)
{
	uint32_t a = op->t->h.a, b = op->t->h.b;
	uint64_t len =
		BT_NODE_HEADER_LEN + e->n * (8 + (uint64_t)a + b) + 8 * (uint64_t)e->children;
	uint8_t *raw = bt_op_alloc(op, len), *to;
	int rc;

	if (!raw)
		return -ENOMEM;
	rc = blocks_read(&op->t->ss.blocks, raw, len, e->addr, op->err);
	if (rc < 0)
		return rc;
	to = put_header(e, raw);
	for (unsigned i = 0; i < e->n; i++) {
		put_bytes(e->pair[i].key, true, to);
		put_bytes(e->pair[i].value, true, to + 4 + a);
		to += 8 + (uint64_t)a + b;
	}
	put_children(e, to);
	return blocks_write(&op->t->ss.blocks, raw, len, e->addr, op->err);
}

static int fit_overflow(struct bt_op *op, struct bt_edit *e, uint64_t need)
{
	int rc = 0;

	while (rc == 0 && e->overflows < need) {
		uint64_t page;

		rc = bt_chunk_take(op->t, &page, op->err);
		if (rc == 0)
			rc = push_overflow(op, e, page);
	}
	while (rc == 0 && e->overflows > need)
		rc = bt_chunk_give(op->t, e->overflow[--e->overflows], op->err);
	return rc;
}

/* The logical bytes into the first page and the overflow pages. */
static int write_pages(struct bt_op *op, const struct bt_edit *e, const uint8_t *raw, uint64_t len)
{
	uint64_t page_len = op->t->h.page_len, room = page_len - BT_OVERFLOW_HEADER_LEN;
	uint64_t part = MIN(len, page_len);
	uint8_t *page;
	int rc = blocks_write(&op->t->ss.blocks, raw, part, e->addr, op->err);

	if (rc < 0 || e->overflows == 0)
		return rc;
	page = bt_op_alloc(op, page_len);
	if (!page)
		return -ENOMEM;
	for (size_t j = 0; rc == 0 && j < e->overflows; j++) {
		raw += part;
		len -= part;
		part = MIN(len, room);
		memcpy(page, "NOF", 3);
		put_le64(page + 3, j + 1 < e->overflows ? e->overflow[j + 1] : 0);
		memcpy(page + BT_OVERFLOW_HEADER_LEN, raw, part);
		rc = blocks_write(&op->t->ss.blocks, page, BT_OVERFLOW_HEADER_LEN + part,
				  e->overflow[j], op->err);
	}
	return rc;
}

static int save_v2(struct bt_op *op, struct bt_edit *e)
{
	bool key_len = op->t->width < 0;
	uint64_t len = BT_V2_ENTRIES_OFF + 8 * (uint64_t)e->children;
	uint8_t *raw, *to;
	int rc;

	for (unsigned i = 0; i < e->n; i++)
		len += (key_len ? 4 : 0) + e->pair[i].key.len + 4 + e->pair[i].value.len;
	rc = fit_overflow(op, e, bt_overflow_count(&op->t->h, len));
	if (rc < 0)
		return rc;
	raw = bt_op_alloc(op, len);
	if (!raw)
		return -ENOMEM;
	to = put_header(e, raw);
	put_le64(to, e->overflows > 0 ? e->overflow[0] : 0);
	to = put_children(e, to + 8);
	for (unsigned i = 0; i < e->n; i++)
		to = put_bytes(e->pair[i].key, key_len, to);
	for (unsigned i = 0; i < e->n; i++)
		to = put_bytes(e->pair[i].value, true, to);
	return write_pages(op, e, raw, len);
}

int bt_edit_save(struct bt_op *op, struct bt_edit *e)
{
	return e->version == 1 ? save_v1(op, e) : save_v2(op, e);
}

/* ---- entries and children in memory ---- */

void bt_edit_insert_pair(struct bt_edit *e, unsigned at, struct bt_pair pair)
{
	memmove(e->pair + at + 1, e->pair + at, (e->n - at) * sizeof(*e->pair));
	e->pair[at] = pair;
	e->n++;
}

struct bt_pair bt_edit_remove_pair(struct bt_edit *e, unsigned at)
{
	struct bt_pair pair = e->pair[at];

	e->n--;
	memmove(e->pair + at, e->pair + at + 1, (e->n - at) * sizeof(*e->pair));
	return pair;
}

void bt_edit_insert_child(struct bt_edit *e, unsigned at, uint64_t addr)
{
	memmove(e->child + at + 1, e->child + at, (e->children - at) * sizeof(*e->child));
	e->child[at] = addr;
	e->children++;
}

uint64_t bt_edit_remove_child(struct bt_edit *e, unsigned at)
{
	uint64_t addr = e->child[at];

	e->children--;
	memmove(e->child + at, e->child + at + 1, (e->children - at) * sizeof(*e->child));
	return addr;
}

unsigned bt_edit_search(const struct bt_op *op, const struct bt_edit *e, struct ss_bytes key,
			bool *equal)
{
	unsigned i = 0;
	int order = -1;

	while (i < e->n &&
	       (order = ss_sort_compare(&op->t->ss.facts.sort, e->pair[i].key, key)) < 0)
		i++;
	*equal = i < e->n && order == 0;
	return i;
}

int bt_refuse_guess(const struct bt *t, struct err *err)
{
	struct err why;

	if (!t->ss.facts.key_width_guessed)
		return 0;
	ss_tell_widths(&t->ss.facts, &why);
	return err_set(err, -EDOM, "%s, so the key width must be given", why.text);
}
