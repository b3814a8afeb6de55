// SPDX-License-Identifier: MIT
/*
 * Owns walking a map in its order, and the search for one key. Holds the nodes of one path, so the
 * memory it takes does not depend on the map's size. However the nodes point, the walk ends: it
 * visits no more pages than the memory has, and goes no deeper than BT_MAX_DEPTH.
 */
#include "memmgr/structures/btree_edit.h"

#include <inttypes.h>

struct level {
	struct bt_node *node;
	unsigned i;      /* the next entry to deliver */
	bool child_done; /* inner: all before entry i was delivered */
};

struct bt_cursor {
	struct ss_cursor c;
	struct level level[BT_MAX_DEPTH];
	unsigned depth;     /* levels in use */
	uint64_t index;     /* of the next record */
	uint64_t visited;   /* pages, nodes and overflow */
	struct bt_node *at; /* holds the entry delivered last */
	unsigned at_entry;
	uint8_t *key;
	size_t key_cap;
};

static struct bt_cursor *cursor_of(struct ss_cursor *c)
{
	return (struct bt_cursor *)c;
}

static void close_cursor(struct ss_cursor *base)
{
	struct bt_cursor *c = cursor_of(base);

	for (unsigned d = 0; d < BT_MAX_DEPTH && c->level[d].node; d++) {
		bt_node_free(c->level[d].node);
		free(c->level[d].node);
	}
	free(c->key);
	free(c);
}

static int visit(struct bt_cursor *c, uint64_t pages, struct err *err)
{
	struct bt *t = bt_of(c->c.ss);

	c->visited += pages;
	if (c->visited <= t->h.chunk_limit)
		return 0;
	return err_set(err, -EUCLEAN,
		       "walking the map visits more than the %" PRIu64
		       " pages there are: nodes are shared or form a circle",
		       t->h.chunk_limit);
}

static int push(struct bt_cursor *c, uint64_t addr, struct err *err)
{
	struct level *level = &c->level[c->depth];
	int rc;

	if (c->depth == BT_MAX_DEPTH)
		return err_set(err, -EUCLEAN, "the map is more than %d nodes deep", BT_MAX_DEPTH);
	if (!level->node)
		level->node = calloc(1, sizeof(*level->node));
	if (!level->node)
		return err_set(err, -ENOMEM, "no memory for a node");
	rc = bt_node_open(bt_of(c->c.ss), addr, level->node, err);
	if (rc < 0)
		return rc;
	level->i = 0;
	level->child_done = false;
	c->depth++;
	return visit(c, 1 + level->node->overflows, err);
}

static int new_cursor(struct ss *ss, struct bt_cursor **out, struct err *err)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return err_set(err, -ENOMEM, "no memory for a cursor");
	(*out)->c.ss = ss;
	return 0;
}

static int first(struct ss *ss, struct ss_cursor **out, struct err *err)
{
	struct bt_cursor *c;
	int rc = new_cursor(ss, &c, err);

	if (rc == 0 && bt_of(ss)->h.root != 0) {
		rc = push(c, bt_of(ss)->h.root, err);
		if (rc < 0)
			close_cursor(&c->c);
	}
	*out = rc < 0 ? NULL : &c->c;
	return rc;
}

/* Goes down one path; every level then stands before its first entry that is not before `key`. */
static int descend(struct bt_cursor *c, struct ss_bytes key, bool *found, struct err *err)
{
	uint64_t addr = bt_of(c->c.ss)->h.root;

	*found = false;
	while (addr != 0 && !*found) {
		int rc = push(c, addr, err);
		struct level *level = &c->level[c->depth - (rc == 0)];

		if (rc == 0)
			rc = bt_node_search(bt_of(c->c.ss), level->node, key, &c->key, &c->key_cap,
					    &level->i, found, err);
		if (rc < 0)
			return rc;
		level->child_done = true;
		addr = level->node->leaf ? 0 : level->node->child[level->i];
	}
	return 0;
}

static int seek(struct ss *ss, struct ss_bytes key, bool exact, struct ss_cursor **out,
		struct err *err)
{
	struct bt_cursor *c;
	bool found;
	int rc = new_cursor(ss, &c, err);

	*out = NULL;
	if (rc < 0)
		return rc;
	rc = descend(c, key, &found, err);
	if (rc == 0 && exact && !found)
		rc = err_set(err, -ENOENT, "the map has no such key");
	if (rc < 0)
		close_cursor(&c->c);
	else
		*out = &c->c;
	return rc;
}

/*
 * An entry's place has four bits for each level of the tree: which child leads to it, and which
 * entry it is, then ones down to the last level. Thus an entry comes behind all in the child before
 * it. A tree of more levels has 2 * 6^13 entries at least, and lies in no memory.
 */
enum { PLACE_LEVELS = 13, PLACE_PAST = 15 };

static unsigned place_at(uint64_t place, unsigned depth)
{
	return depth < PLACE_LEVELS
		       ? (unsigned)(place >> 4 * (PLACE_LEVELS - 1 - depth)) & PLACE_PAST
		       : PLACE_PAST;
}

/* Of the entry that each level now stands before. */
static uint64_t place_of(const struct bt_cursor *c)
{
	uint64_t place = 0;
	unsigned rest_bits;

	if (c->depth > PLACE_LEVELS)
		return SS_NO_PLACE;
	for (unsigned d = 0; d < c->depth; d++)
		place = place << 4 | c->level[d].i;
	rest_bits = 4 * (PLACE_LEVELS - c->depth);
	return place << rest_bits | ((UINT64_C(1) << rest_bits) - 1);
}

/* Each level is told where it stands, whether or not such an entry is there. */
static int descend_to(struct bt_cursor *c, uint64_t place, struct err *err)
{
	uint64_t addr = bt_of(c->c.ss)->h.root;

	while (addr != 0) {
		unsigned i = place_at(place, c->depth);
		bool here = place_at(place, c->depth + 1) == PLACE_PAST;
		int rc = push(c, addr, err);
		struct level *level = &c->level[c->depth - (rc == 0)];

		if (rc < 0)
			return rc;
		here = here || level->node->leaf;
		level->child_done = !here || i >= level->node->n;
		level->i = MIN(i + here, level->node->n);
		addr = here || i > level->node->n ? 0 : level->node->child[i];
	}
	return 0;
}

static int resume(struct ss *ss, uint64_t place, struct ss_cursor **out, struct err *err)
{
	struct bt_cursor *c;
	int rc = new_cursor(ss, &c, err);

	*out = NULL;
	if (rc < 0)
		return rc;
	rc = descend_to(c, place, err);
	if (rc < 0)
		close_cursor(&c->c);
	else
		*out = &c->c;
	return rc;
}

/* Goes down to behind the last entry of this subtree. */
static int descend_last(struct bt_cursor *c, uint64_t addr, struct err *err)
{
	while (addr != 0) {
		int rc = push(c, addr, err);
		struct level *level = &c->level[c->depth - (rc == 0)];

		if (rc < 0)
			return rc;
		level->i = level->node->n;
		level->child_done = true;
		addr = level->node->leaf ? 0 : level->node->child[level->i];
	}
	return 0;
}

/* Stands before the entry that the cursor stands behind; with depth 0 there is none. */
static int step_back(struct bt_cursor *c, struct err *err)
{
	while (c->depth > 0) {
		struct level *level = &c->level[c->depth - 1];

		if (!level->node->leaf && level->child_done) {
			unsigned depth = c->depth;
			int rc = descend_last(c, level->node->child[level->i], err);

			if (rc < 0)
				return rc;
			level->child_done = c->depth > depth;
			continue;
		}
		if (level->i > 0) {
			level->i--;
			level->child_done = true;
			return 0;
		}
		/* The level above stands before that child now. */
		c->depth--;
		if (c->depth > 0)
			c->level[c->depth - 1].child_done = false;
	}
	return 0;
}

static int back(struct ss *ss, uint64_t place, uint64_t n, struct ss_cursor **out, struct err *err)
{
	struct bt_cursor *c;
	int rc = new_cursor(ss, &c, err);

	*out = NULL;
	if (rc < 0)
		return rc;
	rc = place == SS_NO_PLACE ? descend_last(c, bt_of(ss)->h.root, err)
				  : descend_to(c, place, err);
	n += place != SS_NO_PLACE; /* from behind the entry */
	for (; rc == 0 && n > 0 && c->depth > 0; n--)
		rc = step_back(c, err);
	if (rc == 0 && c->depth > 0) {
		c->visited = 0; /* the way forward begins here */
		*out = &c->c;
		return 0;
	}
	close_cursor(&c->c);
	return rc < 0 ? rc : first(ss, out, err);
}

static int deliver(struct bt_cursor *c, struct level *level, struct ss_record *rec, struct err *err)
{
	struct bt_node *node = level->node;
	unsigned i = level->i;

	rec->place = place_of(c);
	level->i++;
	level->child_done = false;
	c->at = node;
	c->at_entry = i;
	c->c.value_len = node->entry[i].value_len;
	rec->index = c->index++;
	rec->value_len = c->c.value_len;
	return bt_node_key(bt_of(c->c.ss), node, i, &c->key, &c->key_cap, &rec->key, err);
}

/* The child behind the one that is walked through now. */
static void prefetch(const struct bt_cursor *c, const struct level *level)
{
	enum { WORTH_LEN = 512 };

	if (level->i < level->node->n)
		blocks_prefetch(&c->c.ss->blocks, MIN(level->node->head_len, (size_t)WORTH_LEN),
				level->node->child[level->i + 1]);
}

bool bt_cursor_ahead(struct ss_cursor *base, uint64_t *addr, unsigned *depth)
{
	struct bt_cursor *c = cursor_of(base);

	for (; c->depth > 0; c->depth--) {
		const struct level *level = &c->level[c->depth - 1];

		if (!level->node->leaf && !level->child_done) {
			*addr = level->node->child[level->i];
			*depth = c->depth;
			return true;
		}
		if (level->i < level->node->n)
			return false;
	}
	return false;
}

void bt_cursor_pass(struct ss_cursor *base)
{
	struct bt_cursor *c = cursor_of(base);

	c->level[c->depth - 1].child_done = true;
}

int bt_cursor_enter(struct ss_cursor *base, struct err *err)
{
	struct bt_cursor *c = cursor_of(base);
	struct level *level = &c->level[c->depth - 1];
	int rc;

	level->child_done = true;
	rc = push(c, level->node->child[level->i], err);
	if (rc == 0)
		prefetch(c, level);
	return rc;
}

static int next(struct ss_cursor *base, struct ss_record *rec, bool *more, struct err *err)
{
	struct bt_cursor *c = cursor_of(base);
	unsigned depth;
	uint64_t addr;

	while (bt_cursor_ahead(base, &addr, &depth)) {
		int rc = bt_cursor_enter(base, err);

		if (rc < 0)
			return rc;
	}
	*more = c->depth > 0;
	return *more ? deliver(c, &c->level[c->depth - 1], rec, err) : 0;
}

static int value_read(struct ss_cursor *base, void *buf, size_t len, uint64_t off, struct err *err)
{
	struct bt_cursor *c = cursor_of(base);

	return bt_node_read(bt_of(base->ss), c->at, buf, len,
			    c->at->entry[c->at_entry].value_off + off, err);
}

static const uint8_t *value_peek(struct ss_cursor *base)
{
	struct bt_cursor *c = cursor_of(base);
	const struct bt_entry *e = &c->at->entry[c->at_entry];

	return bt_node_peek(c->at, e->value_off, e->value_len);
}

static void close_bt(struct ss *ss)
{
	blocks_close(&ss->blocks);
	free(ss);
}

static const struct ss_ops bt_ops = {
	.first = first,
	.seek = seek,
	.resume = resume,
	.back = back,
	.next = next,
	.value_read = value_read,
	.value_peek = value_peek,
	.cursor_close = close_cursor,
	.measure = bt_measure,
	.put = bt_put,
	.remove = bt_delete,
	.clear = bt_clear,
	.close = close_bt,
};

static void set_facts(struct bt *t, const struct ss_options *opts)
{
	int64_t sum = t->h.derived ? (int64_t)t->h.a + t->h.b : bt_sum_from_page_len(t->h.page_len);

	t->ss.facts = (struct ss_facts){
		.kind = SS_BTREE,
		.version = t->h.version,
		.count = t->h.count,
		.keyed = true,
		.key_width = SS_WIDTH_INFER,
		.sort = opts->sort,
		.sort_told = ss_is_told(&opts->sort) && !opts->sort_guessed,
		.page_len = t->h.page_len,
		.max_key_len = t->h.derived ? t->h.a : SS_UNBOUNDED,
		.max_value_len = t->h.derived ? t->h.b : SS_UNBOUNDED,
		.max_sum_len = sum < 0 ? SS_UNBOUNDED : (uint64_t)sum,
		.chunks_used = t->h.chunks_used,
	};
	t->width = BT_WIDTH_UNKNOWN;
	t->width_hint = opts->key_width_hint;
	if (opts->key_width >= SS_WIDTH_PREFIXED)
		t->width = t->ss.facts.key_width = opts->key_width;
}

/* Finds the key width out at once, so that what can go wrong with it does so here. */
static int look_at_root(struct bt *t, struct err *err)
{
	auto_free struct bt_node *root = calloc(1, sizeof(*root));
	int rc;

	if (!root)
		return err_set(err, -ENOMEM, "no memory for a node");
	if (t->h.root == 0)
		return 0;
	rc = bt_node_open(t, t->h.root, root, err);
	bt_node_free(root);
	return rc == -EDOM || rc == -ENOMEM ? rc : 0;
}

int bt_open(struct store *s, const struct ss_options *opts, struct ss **out, struct err *err)
{
	struct bt *t = calloc(1, sizeof(*t));
	int rc;

	*out = NULL;
	if (!t)
		return err_set(err, -ENOMEM, "no memory for a map");
	rc = blocks_open(s, &t->ss.blocks, err);
	if (rc == 0)
		rc = opts->salvage ? bt_header_salvage(&t->ss.blocks, &t->h, err)
				   : bt_header_read(&t->ss.blocks, &t->h, err);
	if (rc == 0) {
		t->ss.ops = &bt_ops;
		set_facts(t, opts);
		rc = look_at_root(t, opts->salvage ? NULL : err);
		if (opts->salvage)
			rc = 0;
	}
	if (rc < 0)
		close_bt(&t->ss);
	else
		*out = &t->ss;
	return rc;
}
