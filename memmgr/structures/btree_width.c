// SPDX-License-Identifier: MIT
/*
 * Owns the search for the one fact that a map does not store: whether the keys in its version 2
 * nodes have their length before them, and if not, how wide they are. Every candidate is tried on
 * node after node until one is left. A candidate fits a node when all lengths stay inside, the
 * overflow chain is exactly as long as the node then needs, values keep to their bound, and no key
 * comes twice.
 */
#include "memmgr/structures/btree.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	CANDIDATES = SS_WIDTH_MAX + 2, /* 0: prefixed; 1 + k: k bytes */
	MAX_NODES = 4096,              /* looked at when no candidate is left alone earlier */
	FEW_ENTRIES = 4,
	OUT = UINT32_MAX / 2, /* as many fails as a candidate has that is no longer tried */
};

struct candidate {
	unsigned fails;
	bool unsorted; /* keys inside some node do not ascend, byte by byte */
	bool tail;     /* what follows in some node's page is not zero */
	bool some_key; /* that is not empty */
	bool empty_key;
};

struct search {
	struct bt *t;
	int64_t sum; /* longest key and value together; -1: unknown */
	unsigned nodes, entries;
	uint64_t first;  /* address of the node that was looked at before all others, or 0 */
	uint64_t budget; /* nodes still to visit, of either version */
	unsigned alive, best;
	bool prefixed_proven; /* a version 1 node has a key shorter than the longest */
	struct candidate c[CANDIDATES];
};

static int width_of(unsigned candidate)
{
	return candidate == 0 ? SS_WIDTH_PREFIXED : (int)candidate - 1;
}

static bool fits_bounds(const struct search *s, const struct bt_node *node, int width)
{
	const struct bt_header *h = &s->t->h;

	for (unsigned i = 0; i < node->n; i++) {
		const struct bt_entry *e = &node->entry[i];

		if (h->derived && (e->key_len > h->a || e->value_len > h->b))
			return false;
		if (s->sum >= 0 && (uint64_t)e->key_len + e->value_len > (uint64_t)s->sum)
			return false;
		if (s->t->width_hint > 0 && e->key_len != (uint32_t)s->t->width_hint)
			return false;
	}
	return width < 0 || s->sum < 0 || width <= s->sum;
}

/* How two keys of a node compare as bytes; 0 where they cannot be read. */
static int compare_keys(struct bt *t, struct bt_node *node, unsigned i, unsigned j)
{
	auto_free uint8_t *buf_i = NULL, *buf_j = NULL;
	size_t cap_i = 0, cap_j = 0;
	struct ss_bytes a, b;

	if (bt_node_key(t, node, i, &buf_i, &cap_i, &a, NULL) < 0 ||
	    bt_node_key(t, node, j, &buf_j, &cap_j, &b, NULL) < 0)
		return 0;
	return ss_compare(SS_ORDER_BYTES, a, b);
}

static bool keys_ascend(struct bt *t, struct bt_node *node)
{
	for (unsigned i = 0; i + 1 < node->n; i++)
		if (compare_keys(t, node, i, i + 1) >= 0)
			return false;
	return true;
}

/* The keys of a map are distinct, and at most one of them is empty. */
static bool keys_differ(struct bt *t, struct bt_node *node, struct candidate *c)
{
	for (unsigned i = 0; i < node->n; i++) {
		bool empty = node->entry[i].key_len == 0;

		if (empty && c->empty_key)
			return false;
		c->empty_key |= empty;
		c->some_key |= !empty;
		for (unsigned j = i + 1; !empty && j < node->n; j++)
			if (node->entry[i].key_len == node->entry[j].key_len &&
			    compare_keys(t, node, i, j) == 0)
				return false;
	}
	return true;
}

static bool tail_is_zero(const struct bt *t, const struct bt_node *node)
{
	return node->len >= node->head_len || node->head_len < t->h.page_len ||
	       is_zero(node->head + node->len, node->head_len - node->len);
}

static void try_candidate(struct search *s, struct bt_node *node, unsigned i)
{
	struct candidate *c = &s->c[i];
	int width = width_of(i);

	if (bt_node_parse(s->t, node, width, NULL) < 0 || !fits_bounds(s, node, width) ||
	    bt_node_whole_chain(s->t, node, NULL) < 0 || !keys_differ(s->t, node, c)) {
		c->fails++;
		return;
	}
	if (c->fails > 0)
		return;
	c->unsorted |= !keys_ascend(s->t, node);
	c->tail |= !tail_is_zero(s->t, node);
}

/* A candidate that failed often stays out; one that failed seldom may still be right where the
 * map is damaged. */
static bool worth_trying(const struct search *s, unsigned i)
{
	return s->c[i].fails <= 2 + s->nodes / 16;
}

static void try_node(struct search *s, struct bt_node *node)
{
	s->alive = 0;
	for (unsigned i = 0; i < CANDIDATES; i++) {
		if (worth_trying(s, i))
			try_candidate(s, node, i);
		else
			s->c[i].fails = OUT;
		if (s->c[i].fails == 0) {
			s->alive++;
			s->best = i;
		}
	}
	s->nodes++;
	s->entries += node->n;
}

/* A version 1 node tells each key's length. */
static void learn_v1(struct search *s, struct bt_node *node)
{
	if (bt_node_parse(s->t, node, SS_WIDTH_PREFIXED, NULL) < 0)
		return;
	for (unsigned i = 0; i < node->n; i++)
		s->prefixed_proven |= node->entry[i].key_len != s->t->h.a;
}

static bool is_decided(const struct search *s)
{
	return s->prefixed_proven || (s->nodes > 0 && s->alive == 1) || s->budget == 0;
}

static void visit(struct search *s, uint64_t addr, unsigned depth)
{
	auto_free struct bt_node *node = calloc(1, sizeof(*node));

	if (!node || depth > BT_MAX_DEPTH || s->budget == 0)
		return;
	s->budget--;
	if (bt_node_load(s->t, addr, node, NULL) < 0)
		return;
	if (node->version == 1)
		learn_v1(s, node);
	else if (addr != s->first)
		try_node(s, node);
	bt_node_free(node);
	for (unsigned i = 0; !node->leaf && i <= node->n && !is_decided(s); i++)
		visit(s, node->child[i], depth + 1);
}

static void set_up(struct search *s)
{
	const struct bt_header *h = &s->t->h;
	int hint = s->t->width_hint;

	s->sum = h->derived ? (int64_t)h->a + h->b : bt_sum_from_page_len(h->page_len);
	s->budget = MIN(h->chunk_limit, (uint64_t)MAX_NODES);
	for (unsigned i = 1; i < CANDIDATES; i++)
		if ((h->derived && h->a != i - 1) || (hint > 0 && (unsigned)hint != i - 1))
			s->c[i].fails = OUT;
}

/* The only candidate of those alive for which `bad` is false everywhere; CANDIDATES: none or two.
 */
static unsigned only_one(const struct search *s, bool by_order)
{
	unsigned found = CANDIDATES;

	for (unsigned i = 0; i < CANDIDATES; i++) {
		if (s->c[i].fails > 0 || (by_order ? s->c[i].unsorted : s->c[i].tail))
			continue;
		if (found < CANDIDATES)
			return CANDIDATES;
		found = i;
	}
	return found;
}

/* The map is damaged somewhere: what most nodes agree on, if they do. */
static unsigned least_failed(const struct search *s)
{
	unsigned best = 0;

	for (unsigned i = 1; i < CANDIDATES; i++)
		if (s->c[i].fails < s->c[best].fails)
			best = i;
	return s->c[best].fails < div_up(s->nodes, 4) ? best : CANDIDATES;
}

/*
 * Several fit every node. Lengths before all keys that fit by chance are rare, but for the length
 * of an empty key: a fixed key that begins with four zero bytes reads like one. So the prefixed
 * candidate never wins where its only key is empty.
 */
static unsigned prefer(const struct search *s)
{
	unsigned clean = only_one(s, false);

	if (s->c[0].fails == 0 && s->c[0].some_key &&
	    !(s->entries < FEW_ENTRIES && s->c[0].tail && clean < CANDIDATES))
		return 0;
	if (only_one(s, true) < CANDIDATES)
		return only_one(s, true);
	return clean > 0 ? clean : CANDIDATES;
}

static void note_guess(const struct search *s, unsigned choice)
{
	struct ss_facts *f = &s->t->ss.facts;
	unsigned shown = 0;

	f->key_width_guessed = true;
	f->widths_fit = s->alive;
	for (unsigned i = 0; i < CANDIDATES && shown < SS_WIDTHS_SHOWN; i++)
		if (s->c[i].fails == 0 && i != choice)
			f->width_fit[shown++] = width_of(i);
}

/* "8, 12 bytes, or prefixed" */
static void list_widths(const struct ss_facts *f, unsigned shown, char *list, size_t size)
{
	bool prefixed = shown > 0 && f->width_fit[0] < 0;
	unsigned bytes = shown - prefixed;
	size_t used = 0;

	list[0] = '\0';
	for (unsigned i = prefixed; i < shown && used < size; i++)
		used += (size_t)snprintf(list + used, size - used, "%s%d", i > prefixed ? ", " : "",
					 f->width_fit[i]);
	if (used < size)
		snprintf(list + used, size - used, "%s%s%s", bytes > 0 ? " bytes" : "",
			 bytes > 0 && prefixed ? ", or " : "",
			 prefixed ? "a length before each" : "");
}

void ss_tell_widths(const struct ss_facts *f, struct err *out)
{
	unsigned others = f->widths_fit - 1;
	char list[128], guess[64] = "have their length before them";

	list_widths(f, MIN(others, (unsigned)SS_WIDTHS_SHOWN), list, sizeof(list));
	if (f->key_width >= 0)
		snprintf(guess, sizeof(guess), "have %d bytes each", f->key_width);
	err_set(out, 0, "it is a guess that its keys %s: %s%s would fit its %" PRIu64 " entr%s too",
		guess, list, others > SS_WIDTHS_SHOWN ? " and more" : "", f->count,
		f->count == 1 ? "y" : "ies");
}

static int ambiguous(const struct search *s, struct err *err)
{
	struct ss_facts f = {.widths_fit = s->alive};
	unsigned shown = 0;
	char list[128];

	for (unsigned i = 0; i < CANDIDATES && shown < SS_WIDTHS_SHOWN; i++)
		if (s->c[i].fails == 0)
			f.width_fit[shown++] = width_of(i);
	list_widths(&f, shown, list, sizeof(list));
	return err_set(err, -EDOM,
		       "keys of %u different widths fit the map, of %" PRIu64 " entr%s (%s%s): the "
		       "key width must be given",
		       s->alive, s->t->ss.facts.count, s->t->ss.facts.count == 1 ? "y" : "ies",
		       list, s->alive > shown ? ", and more" : "");
}

/* A type of fixed size, as the hint is one's, has no length before it. */
static bool hint_decides(const struct search *s)
{
	int hint = s->t->width_hint;

	return hint > 0 && hint <= SS_WIDTH_MAX && s->c[1 + hint].fails == 0;
}

static int decide(struct search *s, struct err *err)
{
	unsigned choice = s->best;

	if (s->nodes == 0 && !s->prefixed_proven)
		return err_set(
			err, -EDOM,
			"only the program's type tells whether keys of version 2 nodes would "
			"have their length before them: the key width must be given");
	if (s->prefixed_proven)
		choice = 0;
	else if (s->alive > 1 && hint_decides(s))
		choice = 1 + (unsigned)s->t->width_hint;
	else if (s->alive > 1)
		choice = prefer(s);
	else if (s->alive == 0)
		choice = least_failed(s);
	else if (choice == 0 && !s->c[0].some_key)
		choice = CANDIDATES;
	if (choice < CANDIDATES) {
		s->t->width = s->t->ss.facts.key_width = width_of(choice);
		if (s->alive > 1 && !s->prefixed_proven && !hint_decides(s))
			note_guess(s, choice);
		return 0;
	}
	if (s->alive > 0)
		return ambiguous(s, err);
	return err_set(err, -EUCLEAN, "no width of keys fits the nodes of this map");
}

int bt_infer_width(struct bt *t, struct bt_node *node, struct err *err)
{
	auto_free struct search *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(err, -ENOMEM, "no memory to find the key width");
	s->t = t;
	set_up(s);
	if (node) {
		s->first = node->addr;
		try_node(s, node);
	}
	if (!is_decided(s) && t->h.root != 0)
		visit(s, t->h.root, 1);
	return decide(s, err);
}

int bt_node_open(struct bt *t, uint64_t addr, struct bt_node *node, struct err *err)
{
	int rc = bt_node_load(t, addr, node, err);

	if (rc == 0 && node->version == 2 && t->width == BT_WIDTH_UNKNOWN)
		rc = bt_infer_width(t, node, err);
	return rc < 0 ? rc : bt_node_parse(t, node, t->width, err);
}
