// SPDX-License-Identifier: MIT
/*
 * Owns the proof that parts of two maps are the same, for whoever compares a map with an edited
 * copy of it. A page whose bytes are equal in both at the same address is the same page; a node is
 * the same, with all below it, when its own page, its overflow pages and its children's are. So the
 * bytes are compared first, page by page; then the inner nodes of one map tell which subtrees have
 * a page that differs. A leaf is read for that only where some overflow page differs that is no
 * inner node's, as nothing else tells whose it is. It takes one bit for each page, and believes
 * that all leaves are equally deep.
 */
#include "memmgr/structures/btree.h"

enum { PIECE_LEN = 1 << 20 };

struct ss_same {
	struct bt *a, *b;
	unsigned depth_a, depth_b; /* levels */
	uint64_t visited;
	uint64_t overflow, followed;        /* pages of A that differ; of these, met in a chain */
	bool leaves;                        /* are looked at */
	struct bt_node *node[BT_MAX_DEPTH]; /* one path of A */
	uint8_t differs[]; /* a bit for each chunk: its page, or one below it, does */
};

/* ---- pages ---- */

/* Compares what of the pages lies in this piece of both memories. */
static void compare_piece(struct ss_same *s, const uint8_t *a, const uint8_t *b, uint64_t off,
			  uint64_t len)
{
	const struct bt_header *h = &s->a->h;
	uint64_t at = MAX(off, (uint64_t)BT_CHUNKS_OFF);

	if (memcmp(a, b, len) == 0)
		return;
	while (at < off + len) {
		uint64_t index = (at - BT_CHUNKS_OFF) / h->chunk_len;
		uint64_t start = MAX(at, bt_chunk_page(h, index));
		uint64_t end = MIN(off + len, bt_chunk_page(h, index) + h->page_len);

		if (index >= h->chunk_limit)
			return;
		if (start < end && memcmp(a + (start - off), b + (start - off), end - start) != 0)
			ss_bit_set(s->differs, index);
		at = end;
	}
}

/* Into buf, or where it will be wanted again, into the cache. */
static int read_piece(struct bt *t, uint8_t *buf, size_t len, uint64_t off, const uint8_t **at,
		      struct err *err)
{
	*at = blocks_peek(&t->ss.blocks, len, off);
	if (*at)
		return 0;
	*at = buf;
	return store_read(t->ss.blocks.store, buf, len, off, err);
}

static int compare_pages(struct ss_same *s, struct err *err)
{
	const struct bt_header *h = &s->a->h;
	uint64_t both = MIN(s->a->ss.blocks.store->len, s->b->ss.blocks.store->len);
	auto_free uint8_t *buf = malloc(2 * (size_t)PIECE_LEN);
	const uint8_t *a, *b;
	int rc = 0;

	if (!buf)
		return err_set(err, -ENOMEM, "no memory to compare");
	for (uint64_t off = 0; rc == 0 && off < both; off += PIECE_LEN) {
		size_t len = MIN((uint64_t)PIECE_LEN, both - off);

		rc = read_piece(s->a, buf, len, off, &a, err);
		if (rc == 0)
			rc = read_piece(s->b, buf + PIECE_LEN, len, off, &b, err);
		if (rc == 0)
			compare_piece(s, a, b, off, len);
	}
	for (uint64_t i = MIN(h->chunk_limit, s->b->h.chunk_limit); i < h->chunk_limit; i++)
		ss_bit_set(s->differs, i);
	return rc;
}

/* Counts the overflow pages of A that differ. */
static int count_overflow(struct ss_same *s, struct err *err)
{
	const struct bt_header *h = &s->a->h;
	uint8_t raw[BT_CHUNK_HEADER_LEN + 3];
	int rc = 0;

	for (uint64_t i = 0; rc == 0 && i < h->chunk_limit; i++) {
		if (!ss_bit_get(s->differs, i))
			continue;
		rc = blocks_read(&s->a->ss.blocks, raw, sizeof(raw),
				 bt_chunk_page(h, i) - BT_CHUNK_HEADER_LEN, err);
		s->overflow +=
			rc == 0 && raw[4] == 1 && memcmp(raw + BT_CHUNK_HEADER_LEN, "NOF", 3) == 0;
	}
	return rc;
}

/* ---- subtrees ---- */

static int load(struct ss_same *s, struct bt *t, uint64_t addr, unsigned depth, struct err *err)
{
	if (!s->node[depth])
		s->node[depth] = calloc(1, sizeof(*s->node[depth]));
	if (!s->node[depth])
		return err_set(err, -ENOMEM, "no memory for a node");
	return bt_node_load(t, addr, s->node[depth], err);
}

static int find_depth(struct ss_same *s, struct bt *t, unsigned *depth, struct err *err)
{
	uint64_t addr = t->h.root;
	bool leaf = false;

	for (*depth = 0; !leaf; ++*depth) {
		int rc = *depth < BT_MAX_DEPTH ? load(s, t, addr, *depth, err) : -EUCLEAN;

		if (rc < 0)
			return rc;
		leaf = s->node[*depth]->leaf;
		addr = s->node[*depth]->child[0];
	}
	return 0;
}

/* A circle, or pages in more than one place: the bits would not mean what they should. */
static int visit(struct ss_same *s, uint64_t addr, uint64_t *index, struct err *err)
{
	if (!bt_is_page(&s->a->h, addr) || s->visited++ == s->a->h.chunk_limit)
		return err_set(err, -EUCLEAN, "the map's pages do not form a tree");
	*index = bt_chunk_index(&s->a->h, addr);
	return 0;
}

/* Sets *differs where one of the node's overflow pages does. */
static int look_at_chain(struct ss_same *s, const struct bt_node *node, bool *differs,
			 struct err *err)
{
	uint64_t addr = node->version == 2 ? get_le64(node->head + BT_NODE_HEADER_LEN) : 0;

	while (addr != 0) {
		uint8_t raw[BT_OVERFLOW_HEADER_LEN];
		uint64_t index = 0;
		int rc = visit(s, addr, &index, err);

		if (rc == 0)
			rc = blocks_read(&s->a->ss.blocks, raw, sizeof(raw), addr, err);
		if (rc < 0)
			return rc;
		s->followed += ss_bit_get(s->differs, index);
		*differs |= ss_bit_get(s->differs, index);
		addr = get_le64(raw + 3);
	}
	return 0;
}

/* Settles the bit of the node at `addr`, and of all below it. */
static int settle(struct ss_same *s, uint64_t addr, unsigned depth, bool *differs, struct err *err)
{
	uint64_t index = 0;
	int rc = visit(s, addr, &index, err);

	if (rc < 0)
		return rc;
	*differs = ss_bit_get(s->differs, index);
	if (depth + 1 == s->depth_a && (*differs || !s->leaves))
		return 0;
	rc = load(s, s->a, addr, depth, err);
	if (rc == 0 && s->node[depth]->leaf != (depth + 1 == s->depth_a))
		rc = err_set(err, -EUCLEAN, "the map's leaves are not equally deep");
	if (rc == 0)
		rc = look_at_chain(s, s->node[depth], differs, err);
	for (unsigned i = 0; rc == 0 && !s->node[depth]->leaf && i <= s->node[depth]->n; i++) {
		bool child = false;

		rc = settle(s, s->node[depth]->child[i], depth + 1, &child, err);
		*differs |= child;
	}
	if (*differs)
		ss_bit_set(s->differs, index);
	return rc;
}

static bool have_same_form(const struct bt *a, const struct bt *b)
{
	return a->h.page_len == b->h.page_len && a->h.derived == b->h.derived && a->h.a == b->h.a &&
	       a->h.b == b->h.b && a->h.root != 0 && b->h.root != 0;
}

static int prove(struct ss_same *s, struct err *err)
{
	bool differs;
	int rc = find_depth(s, s->a, &s->depth_a, err);

	if (rc == 0)
		rc = find_depth(s, s->b, &s->depth_b, err);
	if (rc == 0)
		rc = compare_pages(s, err);
	if (rc == 0)
		rc = count_overflow(s, err);
	if (rc == 0)
		rc = settle(s, s->a->h.root, 0, &differs, err);
	if (rc < 0 || s->followed >= s->overflow)
		return rc;
	s->leaves = true;
	s->visited = 0;
	return settle(s, s->a->h.root, 0, &differs, err);
}

int ss_same_open(struct ss *a, struct ss *b, struct ss_same **out, struct err *err)
{
	struct err why = {""};
	struct ss_same *s;
	int rc;

	*out = NULL;
	if (a->facts.kind != SS_BTREE || b->facts.kind != SS_BTREE ||
	    !have_same_form(bt_of(a), bt_of(b)))
		return 0;
	s = calloc(1, sizeof(*s) + bt_of(a)->h.chunk_limit / 8 + 1);
	if (!s)
		return err_set(err, -ENOMEM, "no memory for a bit for each page");
	s->a = bt_of(a);
	s->b = bt_of(b);
	rc = prove(s, &why);
	if (rc == 0)
		*out = s;
	else
		ss_same_close(s);
	/* Of what is damaged nothing is proven: whoever walks it will say where. */
	return rc == 0 || rc == -EUCLEAN ? 0 : err_set(err, rc, "%s", why.text);
}

void ss_same_close(struct ss_same *s)
{
	for (unsigned i = 0; s && i < BT_MAX_DEPTH && s->node[i]; i++) {
		bt_node_free(s->node[i]);
		free(s->node[i]);
	}
	free(s);
}

void cleanup_ss_same(struct ss_same **s)
{
	ss_same_close(*s);
}

/* ---- walking ---- */

int ss_same_skip(const struct ss_same *s, struct ss_cursor *a, struct ss_cursor *b, struct err *err)
{
	uint64_t at_a, at_b;
	unsigned depth_a, depth_b;
	int rc = 0;

	a->at_record = b->at_record = false;
	while (rc == 0 && bt_cursor_ahead(a, &at_a, &depth_a) &&
	       bt_cursor_ahead(b, &at_b, &depth_b)) {
		unsigned height_a = s->depth_a - depth_a, height_b = s->depth_b - depth_b;

		if (at_a == at_b && height_a == height_b && s->a->width == s->b->width &&
		    bt_is_page(&s->a->h, at_a) &&
		    !ss_bit_get(s->differs, bt_chunk_index(&s->a->h, at_a))) {
			bt_cursor_pass(a);
			bt_cursor_pass(b);
			continue;
		}
		if (height_a >= height_b)
			rc = bt_cursor_enter(a, err);
		if (rc == 0 && height_b >= height_a)
			rc = bt_cursor_enter(b, err);
	}
	return rc;
}
