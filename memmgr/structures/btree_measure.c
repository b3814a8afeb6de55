// SPDX-License-Identifier: MIT
/*
 * Owns the walk over all of a map that counts what is there and finds what is wrong. A damaged node
 * is reported and passed over with all below it. Every page is visited once at most, however the
 * nodes point.
 */
#include <inttypes.h>

#include "memmgr/structures/btree.h"

struct walk {
	struct bt *t;
	struct ss_usage *out;
	struct ss_report *r;
	uint8_t *used;     /* a bit for each chunk: reached from the root */
	uint8_t *free;     /* in the free list; one more, for the frontier */
	uint64_t frontier; /* index of the last chunk in the free list; UINT64_MAX: unknown */
	uint64_t reached;
	unsigned leaf_depth;
	bool partial; /* something could not be visited, so counts prove nothing */
	struct order_count order;
	uint8_t *last, *key; /* keys: the one before, and the one at hand */
	size_t last_cap, key_cap;
	struct ss_bytes last_key;
	bool has_last;
	struct bt_node *node[BT_MAX_DEPTH];
};

/* ---- the allocator's list of free chunks ---- */

/* The index of a free chunk's header; chunk_limit is the frontier's highest. */
static bool free_index(const struct walk *w, uint64_t addr, uint64_t *index)
{
	const struct bt_header *h = &w->t->h;

	if (addr < BT_CHUNKS_OFF || (addr - BT_CHUNKS_OFF) % h->chunk_len != 0)
		return false;
	*index = (addr - BT_CHUNKS_OFF) / h->chunk_len;
	return *index <= h->chunk_limit;
}

static int walk_free_list(struct walk *w, struct err *err)
{
	uint64_t addr = w->t->h.free_head, highest = 0, count = 0, index;

	for (;;) {
		uint8_t raw[BT_CHUNK_HEADER_LEN];
		int rc;

		if (!free_index(w, addr, &index)) {
			ss_find_fault(w->r, D_FREE_LIST,
				      "a free chunk is said to be at %" PRIu64
				      ", where none begins",
				      addr);
			return 0;
		}
		if (ss_bit_get(w->free, index)) {
			ss_find_fault(w->r, D_FREE_LIST,
				      "the list of free chunks comes back to the one at %" PRIu64,
				      addr);
			return 0;
		}
		rc = blocks_read(&w->t->ss.blocks, raw, sizeof(raw), addr, err);
		if (rc == -EUCLEAN)
			memset(raw, 0, sizeof(raw));
		else if (rc < 0)
			return rc;
		if (memcmp(raw, "CHK\1", 4) != 0 || raw[4] != 0) {
			ss_find_fault(w->r, D_FREE_LIST,
				      "the chunk at %" PRIu64
				      " is in the free list, but is not a free chunk",
				      addr);
			return 0;
		}
		ss_bit_set(w->free, index);
		highest = MAX(highest, index);
		count++;
		addr = get_le64(raw + 8);
		if (addr == 0)
			break;
	}
	w->frontier = index;
	w->out->chunks_free = count - 1;
	if (index != highest)
		ss_find_fault(w->r, D_FREE_LIST,
			      "the list of free chunks ends at chunk %" PRIu64
			      ", which is not the last one, %" PRIu64,
			      index, highest);
	return 0;
}

/* ---- pages ---- */

/* True: this page is in use by the map, and by one node alone; else reported. */
static bool take_page(struct walk *w, uint64_t addr, const char *what)
{
	uint8_t raw[BT_CHUNK_HEADER_LEN];
	uint64_t index;

	if (!bt_is_page(&w->t->h, addr)) {
		ss_find_fault(w->r, D_POINTER,
			      "%s is said to be at %" PRIu64 ", where no page begins", what, addr);
		return false;
	}
	index = bt_chunk_index(&w->t->h, addr);
	if (ss_bit_get(w->used, index)) {
		ss_find_fault(w->r, D_SHARED, "the page at %" PRIu64 " is reached twice, now as %s",
			      addr, what);
		return false;
	}
	ss_bit_set(w->used, index);
	w->reached++;
	if (index >= w->frontier)
		ss_find_fault(w->r, D_POINTER,
			      "%s at %" PRIu64 " lies behind the last chunk that was handed out",
			      what, addr);
	else if (ss_bit_get(w->free, index))
		ss_find_fault(w->r, D_CHUNK_IN_USE,
			      "%s at %" PRIu64 " lies in a chunk of the free list", what, addr);
	if (blocks_read(&w->t->ss.blocks, raw, sizeof(raw), addr - BT_CHUNK_HEADER_LEN, NULL) < 0)
		return false;
	if (memcmp(raw, "CHK\1", 4) != 0 || raw[4] != 1)
		ss_find_fault(w->r, D_CHUNK_HEADER,
			      "%s at %" PRIu64 " has no header of a chunk in use before it", what,
			      addr);
	return true;
}

static void take_overflow(struct walk *w, struct bt_node *node)
{
	for (size_t i = 0; i < node->overflows; i++)
		if (take_page(w, node->overflow[i], "an overflow page"))
			w->out->overflow_pages++;
}

/* ---- nodes ---- */

/* The next entry in the map's order. */
static int take_entry(struct walk *w, struct bt_node *node, unsigned i, struct err *err)
{
	const struct bt_entry *e = &node->entry[i];
	struct ss_bytes key;
	int rc = bt_node_key(w->t, node, i, &w->key, &w->key_cap, &key, err);

	if (rc < 0)
		return rc;
	w->out->entries++;
	w->out->key_len += e->key_len;
	w->out->value_len += e->value_len;
	w->out->longest_key_len = MAX(w->out->longest_key_len, e->key_len);
	w->out->longest_value_len = MAX(w->out->longest_value_len, e->value_len);
	if (w->has_last)
		order_count_pair(&w->order, ss_told_sort(&w->t->ss), w->last_key, key, node->addr);
	rc = ss_reserve(&w->last, &w->last_cap, key.len, err);
	if (rc < 0)
		return rc;
	if (key.len > 0)
		memcpy(w->last, key.data, key.len);
	w->last_key = (struct ss_bytes){.data = w->last, .len = key.len};
	w->has_last = true;
	return 0;
}

static void judge_shape(struct walk *w, const struct bt_node *node, unsigned depth)
{
	struct ss_usage *out = w->out;

	out->depth = MAX(out->depth, depth);
	if (node->version == 1)
		out->nodes_v1++;
	else
		out->nodes_v2++;
	if (depth == 1)
		out->root_entries = node->n;
	else if (node->n < BT_MIN_ENTRIES)
		ss_find_fault(w->r, D_NODE_FILL,
			      "the node at %" PRIu64 " has %u entries, fewer than %d", node->addr,
			      node->n, BT_MIN_ENTRIES);
	if (!node->leaf)
		return;
	out->leaves++;
	if (w->leaf_depth == 0)
		w->leaf_depth = depth;
	if (depth != w->leaf_depth)
		ss_find_fault(w->r, D_DEPTH,
			      "the leaf at %" PRIu64 " is %u levels deep, the first one %u",
			      node->addr, depth, w->leaf_depth);
}

/* Loads a node with all its pages, or reports why not and leaves it out. */
static int take_node(struct walk *w, uint64_t addr, struct bt_node *node, unsigned depth,
		     bool *usable, struct err *err)
{
	enum ss_defect defect = D_NODE;
	struct err why = {0};
	int rc;

	*usable = false;
	if (!take_page(w, addr, "a node")) {
		w->partial = true;
		return 0;
	}
	rc = bt_node_load(w->t, addr, node, &why);
	if (rc == 0) {
		judge_shape(w, node, depth);
		defect = w->r->guessed ? D_WIDTH : D_NODE;
		rc = bt_node_open(w->t, addr, node, &why);
	}
	if (rc == 0) {
		defect = D_OVERFLOW;
		rc = bt_node_whole_chain(w->t, node, &why);
	}
	if (rc == 0) {
		take_overflow(w, node);
		*usable = true;
		return 0;
	}
	if (rc != -EUCLEAN && rc != -EDOM)
		return err_set(err, rc, "%s", why.text);
	w->partial = true;
	if (rc == -EDOM)
		defect = D_WIDTH;
	else if (node->overflows > 0)
		defect = D_OVERFLOW;
	ss_find_fault(w->r, defect, "%s", why.text);
	return 0;
}

static int walk_node(struct walk *w, uint64_t addr, unsigned depth, struct err *err)
{
	struct bt_node *node;
	bool usable;
	int rc;

	if (depth > BT_MAX_DEPTH) {
		ss_find_fault(w->r, D_DEPTH, "the map is more than %d levels deep", BT_MAX_DEPTH);
		w->partial = true;
		return 0;
	}
	if (!w->node[depth - 1])
		w->node[depth - 1] = calloc(1, sizeof(*node));
	node = w->node[depth - 1];
	if (!node)
		return err_set(err, -ENOMEM, "no memory for a node");
	rc = take_node(w, addr, node, depth, &usable, err);
	for (unsigned i = 0; rc == 0 && usable && i <= node->n; i++) {
		if (!node->leaf)
			rc = walk_node(w, node->child[i], depth + 1, err);
		if (rc == 0 && i < node->n)
			rc = take_entry(w, node, i, err);
	}
	return rc;
}

/* ---- what the numbers say together ---- */

static void judge_order(struct walk *w)
{
	const struct ss_sort *told = ss_told_sort(&w->t->ss);
	const struct order_count *o = &w->order;

	order_judge(o, told, w->out);
	if (o->equal > 0)
		ss_find_fault(w->r, D_DUPLICATE, "%" PRIu64 " keys are the same as the one before",
			      o->equal);
	if (told && o->told_wrong > o->equal)
		ss_find_fault(
			w->r, D_ORDER,
			"%" PRIu64 " of %" PRIu64
			" keys do not follow the one before (%s order), the first in the node "
			"at %" PRIu64,
			o->told_wrong, w->out->entries, ss_order_name(told->order),
			o->first_told_wrong);
	if (!told && w->out->order == SS_ORDER_OWN)
		ss_find_fault(
			w->r, D_OWN_ORDER,
			"the keys follow no order that has a name (byte order is broken %" PRIu64
			" times, first in the node at %" PRIu64
			"): only their type tells whether that is damage, as the names file "
			"does",
			o->wrong[SS_ORDER_BYTES], o->first_wrong[SS_ORDER_BYTES]);
}

/* A guess is told once, whatever else rests on it. */
static void judge_width(struct walk *w)
{
	struct err why;

	if (!w->t->ss.facts.key_width_guessed)
		return;
	ss_tell_widths(&w->t->ss.facts, &why);
	ss_find_fault(w->r, D_WIDTH, "%s", why.text);
}

static void judge_counts(struct walk *w)
{
	const struct bt_header *h = &w->t->h;
	uint64_t handed_out = w->frontier - w->out->chunks_free;

	w->out->chunks_used = w->reached;
	w->out->held_len = BT_CHUNKS_OFF + h->chunk_len * (h->chunks_used + w->out->chunks_free);
	if (w->frontier != UINT64_MAX && handed_out != h->chunks_used)
		ss_find_fault(w->r, D_CHUNK_COUNT,
			      "the allocator counts %" PRIu64
			      " chunks in use, its free list leaves %" PRIu64,
			      h->chunks_used, handed_out);
	if (w->partial)
		return;
	if (w->out->entries != h->count)
		ss_find_fault(w->r, D_COUNT,
			      "the header counts %" PRIu64 " entries, the nodes hold %" PRIu64,
			      h->count, w->out->entries);
	if (w->reached > h->chunks_used)
		ss_find_fault(w->r, D_CHUNK_COUNT,
			      "the allocator counts %" PRIu64
			      " chunks in use, the map uses %" PRIu64,
			      h->chunks_used, w->reached);
	if (w->reached >= h->chunks_used)
		return;
	w->out->chunks_leaked = h->chunks_used - w->reached;
	ss_find_fault(w->r, D_LEAK,
		      "%" PRIu64 " chunks of %" PRIu64 " bytes are neither used nor free",
		      w->out->chunks_leaked, h->chunk_len);
}

static int walk_all(struct walk *w, struct err *err)
{
	int rc = walk_free_list(w, err);

	if (rc == 0 && w->t->h.root != 0)
		rc = walk_node(w, w->t->h.root, 1, err);
	if (rc < 0)
		return rc;
	judge_width(w);
	judge_order(w);
	judge_counts(w);
	return 0;
}

static void end(struct walk *w)
{
	for (unsigned d = 0; d < BT_MAX_DEPTH; d++) {
		if (w->node[d])
			bt_node_free(w->node[d]);
		free(w->node[d]);
	}
	free(w->used);
	free(w->free);
	free(w->last);
	free(w->key);
}

int bt_measure(struct ss *ss, struct ss_usage *out, struct ss_report *r, struct err *err)
{
	struct walk w = {.t = bt_of(ss), .out = out, .r = r, .frontier = UINT64_MAX};
	size_t bytes = w.t->h.chunk_limit / 8 + 1;
	int rc;

	w.used = calloc(bytes, 1);
	w.free = calloc(bytes, 1);
	if (w.used && w.free)
		rc = walk_all(&w, err);
	else
		rc = err_set(err, -ENOMEM, "no memory for a map of %" PRIu64 " chunks",
			     w.t->h.chunk_limit);
	end(&w);
	return rc;
}
