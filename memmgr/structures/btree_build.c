// SPDX-License-Identifier: MIT
/*
 * Owns making a whole map of records that come in its order: nodes are filled one after the other,
 * from the leaves up, and written once, page behind page. The last two nodes of each level are held
 * back, as the last one may have too few entries and then shares with the one before.
 */
#include <inttypes.h>

#include "memmgr/structures/btree_edit.h"

enum {
	FILL_ENTRIES = 9, /* so that what is added later does not split every node */
	WRITE_LEN = 1 << 20,
};

struct piece {
	size_t key_off, key_len, value_off, value_len; /* in the node's bytes */
};

struct node {
	unsigned n, children;
	struct piece piece[BT_MAX_ENTRIES];
	uint64_t child[BT_MAX_ENTRIES + 1];
	uint8_t *bytes;
	size_t len, cap;
};

/* Two nodes and the entry between them; `last` is the one that is filled. */
struct level {
	struct node *before, *last, *between; /* between: a node of one entry */
	bool has_before;
};

struct ss_build {
	struct bt *t;
	struct level level[BT_MAX_DEPTH];
	unsigned levels;
	uint8_t *key; /* the last one */
	size_t key_len, key_cap;
	bool any;
	uint8_t *out; /* chunks to be written, from out_off on */
	size_t out_len, out_cap;
	uint64_t out_off, chunks, count;
};

/* ---- nodes in memory ---- */

static void node_free(struct node *n)
{
	if (n)
		free(n->bytes);
	free(n);
}

static void node_clear(struct node *n)
{
	n->n = n->children = 0;
	n->len = 0;
}

static int node_add(struct node *n, struct ss_bytes key, struct ss_bytes value, struct err *err)
{
	size_t want = n->len + key.len + value.len;
	struct piece *p = &n->piece[n->n];

	if (want > n->cap) {
		size_t cap = MAX(want, 2 * n->cap);
		uint8_t *more = realloc(n->bytes, cap);

		if (!more)
			return err_set(err, -ENOMEM, "no memory for a node of %zu bytes", cap);
		n->bytes = more;
		n->cap = cap;
	}
	*p = (struct piece){n->len, key.len, n->len + key.len, value.len};
	if (key.len > 0)
		memcpy(n->bytes + p->key_off, key.data, key.len);
	if (value.len > 0)
		memcpy(n->bytes + p->value_off, value.data, value.len);
	n->len = want;
	n->n++;
	return 0;
}

static struct ss_bytes key_at(const struct node *n, unsigned i)
{
	return (struct ss_bytes){n->bytes + n->piece[i].key_off, n->piece[i].key_len};
}

static struct ss_bytes value_at(const struct node *n, unsigned i)
{
	return (struct ss_bytes){n->bytes + n->piece[i].value_off, n->piece[i].value_len};
}

static int node_take(struct node *to, const struct node *from, unsigned i, struct err *err)
{
	return node_add(to, key_at(from, i), value_at(from, i), err);
}

static uint64_t node_len(const struct ss_build *b, const struct node *n)
{
	return BT_V2_ENTRIES_OFF + 8 * (uint64_t)n->children +
	       n->n * (uint64_t)(4 + (b->t->width < 0 ? 4 : 0)) + n->len;
}

/* A node takes as many entries as its first page holds, but no fewer than it must have. */
static bool node_is_full(const struct ss_build *b, const struct node *n, size_t more_len)
{
	if (n->n < BT_MIN_ENTRIES)
		return false;
	return n->n >= FILL_ENTRIES || node_len(b, n) + 8 + more_len + 16 > b->t->h.page_len;
}

/* ---- chunks ---- */

static uint64_t next_page(const struct ss_build *b, uint64_t ahead)
{
	return bt_chunk_page(&b->t->h, b->chunks + ahead);
}

static int write_out(struct ss_build *b, struct err *err)
{
	int rc = blocks_write(&b->t->ss.blocks, b->out, b->out_len, b->out_off, err);

	b->out_off += b->out_len;
	b->out_len = 0;
	return rc;
}

/* Room for one chunk, zero, with its header; the page in it. */
static uint8_t *add_chunk(struct ss_build *b, struct err *err)
{
	size_t len = b->t->h.chunk_len;
	uint8_t *chunk;

	if (b->out_len + len > b->out_cap) {
		size_t cap = MAX(b->out_len + len, (size_t)2 * WRITE_LEN);
		uint8_t *more = realloc(b->out, cap);

		if (!more) {
			err_set(err, -ENOMEM, "no memory for %zu bytes of nodes", cap);
			return NULL;
		}
		b->out = more;
		b->out_cap = cap;
	}
	chunk = b->out + b->out_len;
	memset(chunk, 0, len);
	memcpy(chunk, "CHK\1\1", 5);
	b->out_len += len;
	b->chunks++;
	return chunk + BT_CHUNK_HEADER_LEN;
}

/* Where the next logical bytes of a node go. */
struct pen {
	struct ss_build *b;
	size_t page_off; /* in b->out, of the page at hand */
	size_t at;       /* in the page */
	uint64_t left;   /* overflow pages still to come */
	struct err *err;
	int rc;
};

static void turn_page(struct pen *p)
{
	uint8_t *page;

	if (p->left == 0) {
		p->rc = err_set(p->err, -EUCLEAN, "a node is longer than its pages");
		return;
	}
	page = add_chunk(p->b, p->err);
	if (!page) {
		p->rc = -ENOMEM;
		return;
	}
	p->left--;
	p->page_off = (size_t)(page - p->b->out);
	memcpy(page, "NOF", 3);
	put_le64(page + 3, p->left > 0 ? next_page(p->b, 0) : 0);
	p->at = BT_OVERFLOW_HEADER_LEN;
}

static void pen_write(struct pen *p, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;

	while (p->rc == 0 && len > 0) {
		size_t part = MIN(len, p->b->t->h.page_len - p->at);

		if (part == 0) {
			turn_page(p);
			continue;
		}
		memcpy(p->b->out + p->page_off + p->at, from, part);
		p->at += part;
		from += part;
		len -= part;
	}
}

static void pen_le32(struct pen *p, size_t n)
{
	uint8_t raw[4];

	put_le32(raw, (uint32_t)n);
	pen_write(p, raw, sizeof(raw));
}

static void pen_entries(struct pen *p, const struct node *n)
{
	for (unsigned i = 0; i < n->n; i++) {
		if (p->b->t->width < 0)
			pen_le32(p, n->piece[i].key_len);
		pen_write(p, key_at(n, i).data, n->piece[i].key_len);
	}
	for (unsigned i = 0; i < n->n; i++) {
		pen_le32(p, n->piece[i].value_len);
		pen_write(p, value_at(n, i).data, n->piece[i].value_len);
	}
}

static int write_node(struct ss_build *b, const struct node *n, uint64_t *addr, struct err *err)
{
	struct pen p = {.b = b, .err = err, .left = bt_overflow_count(&b->t->h, node_len(b, n))};
	uint8_t *page;

	*addr = next_page(b, 0);
	page = add_chunk(b, err);
	if (!page)
		return -ENOMEM;
	p.page_off = (size_t)(page - b->out);
	memcpy(page, "BTN\2", 4);
	page[4] = n->children > 0;
	put_le16(page + 5, (uint16_t)n->n);
	put_le64(page + BT_NODE_HEADER_LEN, p.left > 0 ? next_page(b, 0) : 0);
	p.at = BT_V2_ENTRIES_OFF;
	for (unsigned i = 0; i < n->children; i++) {
		uint8_t raw[8];

		put_le64(raw, n->child[i]);
		pen_write(&p, raw, sizeof(raw));
	}
	pen_entries(&p, n);
	if (p.rc == 0 && b->out_len >= WRITE_LEN)
		p.rc = write_out(b, err);
	return p.rc;
}

/* ---- levels ---- */

static int reach_level(struct ss_build *b, unsigned depth, struct err *err)
{
	struct level *l = &b->level[depth];

	if (depth < b->levels)
		return 0;
	if (depth == BT_MAX_DEPTH)
		return err_set(err, -EFBIG, "no map is more than %d nodes deep", BT_MAX_DEPTH);
	l->before = calloc(1, sizeof(*l->before));
	l->last = calloc(1, sizeof(*l->last));
	l->between = calloc(1, sizeof(*l->between));
	b->levels++;
	return l->before && l->last && l->between ? 0
						  : err_set(err, -ENOMEM, "no memory for a node");
}

static int add_child(struct ss_build *b, unsigned depth, uint64_t addr, struct err *err)
{
	int rc = reach_level(b, depth, err);
	struct node *n = b->level[MIN(depth, BT_MAX_DEPTH - 1u)].last;

	if (rc == 0)
		n->child[n->children++] = addr;
	return rc;
}

static int add_entry(struct ss_build *b, unsigned depth, struct ss_bytes key, struct ss_bytes value,
		     struct err *err);

/* The node before the last one is complete, and so is what follows it. */
static int pass_up(struct ss_build *b, unsigned depth, struct err *err)
{
	struct level *l = &b->level[depth];
	uint64_t addr;
	int rc = write_node(b, l->before, &addr, err);

	if (rc == 0)
		rc = add_child(b, depth + 1, addr, err);
	if (rc == 0)
		rc = add_entry(b, depth + 1, key_at(l->between, 0), value_at(l->between, 0), err);
	return rc;
}

/* The entry stands between the last node, which is full, and a new one. */
static int begin_node(struct ss_build *b, unsigned depth, struct ss_bytes key,
		      struct ss_bytes value, struct err *err)
{
	struct level *l = &b->level[depth];
	struct node *swap = l->before;
	int rc = l->has_before ? pass_up(b, depth, err) : 0;

	if (rc < 0)
		return rc;
	l->before = l->last;
	l->last = swap;
	l->has_before = true;
	node_clear(l->last);
	node_clear(l->between);
	return node_add(l->between, key, value, err);
}

/* One call for each level at most; levels are bounded. */
static int add_entry(struct ss_build *b, unsigned depth, struct ss_bytes key, struct ss_bytes value,
		     struct err *err)
{
	struct node *last = b->level[depth].last;

	if (node_is_full(b, last, key.len + value.len))
		return begin_node(b, depth, key, value, err);
	return node_add(last, key, value, err);
}

/* ---- the end: the last two nodes of each level ---- */

/* All entries and children of both into `all`. */
static int join(const struct level *l, struct node *pair[2], struct node *all, struct err *err)
{
	const struct node *from[3] = {pair[0], l->between, pair[1]};
	int rc = 0;

	for (unsigned f = 0; f < 3; f++)
		for (unsigned i = 0; rc == 0 && i < from[f]->n; i++)
			rc = node_take(all, from[f], i, err);
	for (unsigned f = 0; f < 3; f += 2)
		for (unsigned i = 0; i < from[f]->children; i++)
			all->child[all->children++] = from[f]->child[i];
	return rc;
}

/* What `from` has, from entry `begin` to before `end`, with the children around it. */
static int cut_out(struct node *to, const struct node *from, unsigned begin, unsigned end,
		   struct err *err)
{
	int rc = 0;

	node_clear(to);
	for (unsigned i = begin; rc == 0 && i < end; i++)
		rc = node_take(to, from, i, err);
	for (unsigned i = begin; from->children > 0 && i <= end; i++)
		to->child[to->children++] = from->child[i];
	return rc;
}

/* Too few in the last node: together they make one, or two of equal size. */
static int share(struct ss_build *b, struct level *l, bool *one, struct err *err)
{
	auto_free struct node *all = calloc(1, sizeof(*all));
	struct node *pair[2] = {l->before, l->last};
	int rc = all ? 0 : err_set(err, -ENOMEM, "no memory for a node");
	unsigned half;

	*one = l->before->n + 1 + l->last->n <= BT_MAX_ENTRIES;
	if (rc == 0 && *one) {
		rc = join(l, pair, all, err);
		if (rc == 0)
			rc = cut_out(l->last, all, 0, all->n, err);
		free(all->bytes);
		return rc;
	}
	while (rc == 0 && l->last->n < BT_MIN_ENTRIES) {
		/* The entry between moves down, the last one before moves up. */
		half = l->before->n - 1;
		node_clear(all);
		rc = node_take(all, l->between, 0, err);
		for (unsigned i = 0; rc == 0 && i < l->last->n; i++)
			rc = node_take(all, l->last, i, err);
		if (l->before->children > 0)
			all->child[all->children++] = l->before->child[--l->before->children];
		for (unsigned i = 0; i < l->last->children; i++)
			all->child[all->children++] = l->last->child[i];
		node_clear(l->between);
		if (rc == 0)
			rc = node_take(l->between, l->before, half, err);
		l->before->n = half;
		if (rc == 0)
			rc = cut_out(l->last, all, 0, all->n, err);
	}
	free(all->bytes);
	return rc;
}

static int end_level(struct ss_build *b, unsigned depth, uint64_t *root, struct err *err)
{
	struct level *l = &b->level[depth];
	bool one = false;
	uint64_t addr;
	int rc = 0;

	if (l->has_before && l->last->n < BT_MIN_ENTRIES)
		rc = share(b, l, &one, err);
	if (rc == 0 && l->has_before && !one)
		rc = pass_up(b, depth, err);
	if (rc == 0 && depth + 1 == b->levels && l->last->n == 0) {
		*root = l->last->child[0];
		return 0;
	}
	if (rc == 0)
		rc = write_node(b, l->last, &addr, err);
	if (rc < 0)
		return rc;
	*root = addr;
	return depth + 1 < b->levels ? add_child(b, depth + 1, addr, err) : 0;
}

/* The frontier behind the last chunk, and both headers. */
static int end_map(struct ss_build *b, uint64_t root, struct err *err)
{
	uint8_t frontier[BT_CHUNK_HEADER_LEN] = "CHK\1";
	struct bt *t = b->t;
	uint64_t at = BT_CHUNKS_OFF + b->chunks * t->h.chunk_len;
	int rc = write_out(b, err);

	if (rc == 0)
		rc = blocks_write(&t->ss.blocks, frontier, sizeof(frontier), at, err);
	t->h.chunk_limit = (t->ss.blocks.store->len - BT_CHUNKS_OFF) / t->h.chunk_len;
	t->h.root = root;
	t->h.count = b->count;
	t->h.chunks_used = b->chunks;
	t->h.free_head = at;
	t->dirty = true;
	return rc < 0 ? rc : bt_flush(t, err);
}

int ss_build_end(struct ss_build *b, struct err *err)
{
	uint64_t root = 0;
	int rc = 0;

	if (!b->any)
		return 0;
	b->any = false;
	/* A level may get another one above it meanwhile. */
	for (unsigned depth = 0; rc == 0 && depth < b->levels; depth++)
		rc = end_level(b, depth, &root, err);
	return rc < 0 ? rc : end_map(b, root, err);
}

/* ---- the beginning ---- */

void ss_build_close(struct ss_build *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < b->levels; i++) {
		node_free(b->level[i].before);
		node_free(b->level[i].last);
		node_free(b->level[i].between);
	}
	free(b->key);
	free(b->out);
	free(b);
}

int ss_build_open(struct ss *ss, struct ss_build **out, struct err *err)
{
	struct bt *t = bt_of(ss);
	int rc;

	*out = NULL;
	if (ss->facts.kind != SS_BTREE || t->h.root != 0 || !ss->facts.sort_told ||
	    t->width < SS_WIDTH_PREFIXED)
		return 0;
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return err_set(err, -ENOMEM, "no memory to build a map");
	(*out)->t = t;
	(*out)->out_off = BT_CHUNKS_OFF;
	rc = reach_level(*out, 0, err);
	if (rc < 0) {
		ss_build_close(*out);
		*out = NULL;
	}
	return rc;
}

static int remember_key(struct ss_build *b, struct ss_bytes key, struct err *err)
{
	int rc = ss_reserve(&b->key, &b->key_cap, key.len, err);

	if (rc == 0 && key.len > 0)
		memcpy(b->key, key.data, key.len);
	b->key_len = key.len;
	return rc;
}

int ss_build_add(struct ss_build *b, struct ss_bytes key, struct ss_bytes value, bool *taken,
		 struct err *err)
{
	const struct ss_sort *sort = &b->t->ss.facts.sort;
	struct bt_pair pair = {key, value};
	int rc = bt_check_bounds(b->t, pair, err);

	*taken = false;
	if (rc < 0)
		return rc;
	if (b->any && ss_sort_compare(sort, (struct ss_bytes){b->key, b->key_len}, key) >= 0)
		return 0;
	/* What the chunks of an emptied map held stays behind, out of reach. */
	if (!b->any)
		rc = bt_chunk_clear(b->t, err);
	b->any = *taken = true;
	b->count++;
	if (rc == 0)
		rc = remember_key(b, key, err);
	return rc < 0 ? rc : add_entry(b, 0, key, value, err);
}
