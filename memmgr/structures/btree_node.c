// SPDX-License-Identifier: MIT
/*
 * Owns the decoding of one node, of either version: its entries' places and the bytes behind them.
 * Every length is held against the pages that exist; every address must be a page's.
 */
#include "memmgr/structures/btree.h"

#include <inttypes.h>

void bt_node_free(struct bt_node *node)
{
	free(node->overflow);
	node->overflow = NULL;
	node->overflows = node->overflow_cap = 0;
}

/* Appends the next overflow page. A circle is noticed once it was run through at most twice. */
static int push_overflow(struct bt_node *node, uint64_t addr, struct err *err)
{
	if (addr == node->tortoise)
		return err_set(err, -EUCLEAN,
			       "the overflow pages of the node at %" PRIu64 " form a circle",
			       node->addr);
	if (node->overflows == node->overflow_cap) {
		size_t cap = MAX(16, node->overflow_cap * 2);
		uint64_t *more = reallocarray(node->overflow, cap, sizeof(*more));

		if (!more)
			return err_set(err, -ENOMEM, "no memory for %zu addresses", cap);
		node->overflow = more;
		node->overflow_cap = cap;
	}
	if (node->overflows == node->tortoise_at) {
		node->tortoise = addr;
		node->tortoise_at = node->tortoise_at * 2 + 1;
	}
	node->overflow[node->overflows++] = addr;
	return 0;
}

/* The address behind the last overflow page known: where the next one is, or 0. */
static int next_overflow(struct bt *t, struct bt_node *node, uint64_t *out, struct err *err)
{
	uint8_t raw[BT_OVERFLOW_HEADER_LEN];
	uint64_t last;
	int rc;

	if (node->overflows == 0) {
		*out = get_le64(node->head + BT_NODE_HEADER_LEN);
		return 0;
	}
	last = node->overflow[node->overflows - 1];
	rc = blocks_read(&t->ss.blocks, raw, sizeof(raw), last, err);
	if (rc < 0)
		return rc;
	if (memcmp(raw, "NOF", 3) != 0)
		return err_set(err, -EUCLEAN,
			       "the overflow page at %" PRIu64 " of the node at %" PRIu64
			       " does not begin like one",
			       last, node->addr);
	*out = get_le64(raw + 3);
	return 0;
}

/* Makes overflow[j] known. */
static int reach_overflow(struct bt *t, struct bt_node *node, uint64_t j, struct err *err)
{
	while (node->overflows <= j) {
		uint64_t addr = 0;
		int rc = next_overflow(t, node, &addr, err);

		if (rc < 0)
			return rc;
		if (!bt_is_page(&t->h, addr))
			return err_set(err, -EUCLEAN,
				       "the node at %" PRIu64 " goes on for more than its %zu"
				       " overflow pages: the next one is said to be at %" PRIu64,
				       node->addr, node->overflows, addr);
		rc = push_overflow(node, addr, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int bt_node_whole_chain(struct bt *t, struct bt_node *node, struct err *err)
{
	uint64_t need = bt_overflow_count(&t->h, node->len);
	uint64_t next = 0;
	int rc;

	if (node->version == 1)
		return 0;
	if (need > 0) {
		rc = reach_overflow(t, node, need - 1, err);
		if (rc < 0)
			return rc;
	}
	if (node->overflows > need)
		return err_set(err, -EUCLEAN, "the node at %" PRIu64 " has too many overflow pages",
			       node->addr);
	rc = next_overflow(t, node, &next, err);
	if (rc < 0 || next == 0)
		return rc;
	return err_set(err, -EUCLEAN,
		       "the node at %" PRIu64 " needs %" PRIu64
		       " overflow pages, but another one follows at %" PRIu64,
		       node->addr, need, next);
}

int bt_node_read(struct bt *t, struct bt_node *node, void *buf, size_t len, uint64_t off,
		 struct err *err)
{
	uint64_t page_len = t->h.page_len, room = page_len - BT_OVERFLOW_HEADER_LEN;
	uint8_t *to = buf;

	while (len > 0) {
		const uint8_t *at = bt_node_peek(node, off, 1);
		size_t part;
		int rc = 0;

		if (at) {
			part = MIN(len, node->head_len - off);
			memcpy(to, at, part);
		} else if (off < page_len) {
			part = MIN(len, page_len - off);
			rc = blocks_read(&t->ss.blocks, to, part, node->addr + off, err);
		} else {
			uint64_t j = (off - page_len) / room, in = (off - page_len) % room;

			part = MIN(len, room - in);
			rc = reach_overflow(t, node, j, err);
			if (rc == 0)
				rc = blocks_read(&t->ss.blocks, to, part,
						 node->overflow[j] + BT_OVERFLOW_HEADER_LEN + in,
						 err);
		}
		if (rc < 0)
			return rc;
		to += part;
		off += part;
		len -= part;
	}
	return 0;
}

static int read_le32(struct bt *t, struct bt_node *node, uint64_t off, uint32_t *out,
		     struct err *err)
{
	const uint8_t *at = bt_node_peek(node, off, 4);
	uint8_t raw[4];
	int rc;

	if (at) {
		*out = get_le32(at);
		return 0;
	}
	rc = bt_node_read(t, node, raw, sizeof(raw), off, err);
	*out = rc < 0 ? 0 : get_le32(raw);
	return rc;
}

static int load_children(struct bt *t, struct bt_node *node, uint64_t off, struct err *err)
{
	uint8_t raw[8 * (BT_MAX_ENTRIES + 1)];
	size_t len = 8 * (size_t)(node->n + 1);
	int rc = bt_node_read(t, node, raw, len, off, err);

	for (unsigned i = 0; rc == 0 && i <= node->n; i++)
		node->child[i] = get_le64(raw + 8 * (size_t)i);
	return rc;
}

int bt_node_load(struct bt *t, uint64_t addr, struct bt_node *node, struct err *err)
{
	uint64_t stride;
	int rc = 0;

	if (!bt_is_page(&t->h, addr))
		return err_set(err, -EUCLEAN,
			       "a node is said to be at %" PRIu64 ", where no page begins", addr);
	node->addr = addr;
	node->overflows = node->tortoise_at = 0;
	node->tortoise = 0;
	node->head_len = MIN((uint64_t)BT_HEAD_LEN, t->h.page_len);
	node->head = blocks_peek(&t->ss.blocks, node->head_len, addr);
	if (!node->head) {
		rc = blocks_read(&t->ss.blocks, node->copy, node->head_len, addr, err);
		if (rc < 0)
			return rc;
		node->head = node->copy;
	}
	node->version = node->head[3];
	node->leaf = node->head[4] == 0;
	node->n = get_le16(node->head + 5);
	if (memcmp(node->head, "BTN", 3) != 0 || node->head[4] > 1)
		return err_set(err, -EUCLEAN, "what is at %" PRIu64 " is not a node", addr);
	if (node->version != 2 && !(node->version == 1 && t->h.derived))
		return err_set(err, -EUCLEAN,
			       "the node at %" PRIu64
			       " is of version %u, which this map cannot have",
			       addr, node->version);
	if (node->n == 0 || node->n > BT_MAX_ENTRIES)
		return err_set(err, -EUCLEAN,
			       "the node at %" PRIu64 " has %u entries; 1 to %d can be", addr,
			       node->n, BT_MAX_ENTRIES);
	stride = 8 + (uint64_t)t->h.a + t->h.b;
	if (node->leaf)
		return 0;
	return load_children(t, node,
			     node->version == 1 ? BT_NODE_HEADER_LEN + node->n * stride
						: BT_V2_ENTRIES_OFF,
			     err);
}

static int bad_length(struct bt_node *node, unsigned i, const char *what, uint32_t len,
		      uint64_t most, struct err *err)
{
	return err_set(err, -EUCLEAN,
		       "entry %u of the node at %" PRIu64 " has a %s of %u bytes; %" PRIu64
		       " can be at most",
		       i, node->addr, what, len, most);
}

static int parse_v1(struct bt *t, struct bt_node *node, struct err *err)
{
	uint64_t off = BT_NODE_HEADER_LEN;

	for (unsigned i = 0; i < node->n; i++) {
		struct bt_entry *e = &node->entry[i];
		int rc = read_le32(t, node, off, &e->key_len, err);

		e->key_off = off + 4;
		e->value_off = e->key_off + t->h.a + 4;
		if (rc == 0)
			rc = read_le32(t, node, e->value_off - 4, &e->value_len, err);
		if (rc < 0)
			return rc;
		if (e->key_len > t->h.a)
			return bad_length(node, i, "key", e->key_len, t->h.a, err);
		if (e->value_len > t->h.b)
			return bad_length(node, i, "value", e->value_len, t->h.b, err);
		off = e->value_off + t->h.b;
		node->whole = i + 1;
	}
	node->len = off + (node->leaf ? 0 : 8 * (uint64_t)(node->n + 1));
	return 0;
}

static int parse_v2(struct bt *t, struct bt_node *node, int width, struct err *err)
{
	uint64_t off = BT_V2_ENTRIES_OFF + (node->leaf ? 0 : 8 * (uint64_t)(node->n + 1));
	/* No node is longer than all pages of the memory together. */
	uint64_t most = t->h.chunk_limit * t->h.page_len;

	for (unsigned i = 0; i < node->n; i++) {
		struct bt_entry *e = &node->entry[i];
		int rc = 0;

		if (width >= 0) {
			e->key_len = (uint32_t)width;
		} else {
			rc = read_le32(t, node, off, &e->key_len, err);
			off += 4;
		}
		if (rc < 0)
			return rc;
		if (off > most || e->key_len > most - off)
			return bad_length(node, i, "key", e->key_len, most, err);
		e->key_off = off;
		off += e->key_len;
	}
	for (unsigned i = 0; i < node->n; i++) {
		struct bt_entry *e = &node->entry[i];
		int rc = read_le32(t, node, off, &e->value_len, err);

		if (rc < 0)
			return rc;
		off += 4;
		if (off > most || e->value_len > most - off)
			return bad_length(node, i, "value", e->value_len, most, err);
		e->value_off = off;
		off += e->value_len;
		node->whole = i + 1;
	}
	node->len = off;
	return 0;
}

int bt_node_parse(struct bt *t, struct bt_node *node, int width, struct err *err)
{
	return node->version == 1 ? parse_v1(t, node, err) : parse_v2(t, node, width, err);
}

int bt_node_key(struct bt *t, struct bt_node *node, unsigned i, uint8_t **buf, size_t *cap,
		struct ss_bytes *key, struct err *err)
{
	const struct bt_entry *e = &node->entry[i];
	int rc;

	*key = (struct ss_bytes){.data = bt_node_peek(node, e->key_off, e->key_len),
				 .len = e->key_len};
	if (e->key_len == 0)
		key->data = node->head;
	if (key->data)
		return 0;
	if (e->key_len > BT_MAX_KEY_LEN)
		return bad_length(node, i, "key", e->key_len, BT_MAX_KEY_LEN, err);
	rc = ss_reserve(buf, cap, e->key_len, err);
	if (rc == 0)
		rc = bt_node_read(t, node, *buf, e->key_len, e->key_off, err);
	key->data = *buf;
	return rc;
}

int bt_node_search(struct bt *t, struct bt_node *node, struct ss_bytes key, uint8_t **buf,
		   size_t *cap, unsigned *index, bool *equal, struct err *err)
{
	unsigned low = 0, high = node->n;

	*equal = false;
	while (low < high) {
		unsigned mid = (low + high) / 2;
		struct ss_bytes have;
		int rc = bt_node_key(t, node, mid, buf, cap, &have, err);
		int order;

		if (rc < 0)
			return rc;
		order = ss_sort_compare(&t->ss.facts.sort, have, key);
		if (order == 0) {
			*index = mid;
			*equal = true;
			return 0;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*index = low;
	return 0;
}
