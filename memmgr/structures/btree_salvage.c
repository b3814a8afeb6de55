// SPDX-License-Identifier: MIT
/*
 * Gets out of a damaged map what can still be read: first along the tree, past what is broken, then
 * from every page in use that is a node by itself. A key that was delivered is not delivered again:
 * what the tree leads to comes first. Believes no count and no address.
 */
#include "memmgr/structures/btree.h"

#include <inttypes.h>

/* The keys delivered so far. */
struct seen {
	uint8_t *bytes;
	size_t len, cap;
	struct {
		size_t off;
		uint32_t len;
		bool used;
	} * slot;
	size_t slots, count; /* slots are a power of two */
};

struct salvage {
	struct bt *t;
	ss_salvage_fn *fn;
	void *ctx;
	struct ss_salvaged *out;
	uint8_t *visited; /* a bit for each chunk */
	struct seen seen;
	struct addresses {
		uint64_t *addr;
		size_t count, cap;
	} todo, odd; /* nodes; those in which something is wrong come last */
	struct bt_node node;
	uint8_t *key, *other, *value;
	size_t key_cap, other_cap, value_cap;
};

static uint64_t hash(struct ss_bytes key)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < key.len; i++)
		h = (h ^ key.data[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 32;
}

static size_t place_of(const struct seen *s, struct ss_bytes key)
{
	size_t at = hash(key) & (s->slots - 1);

	while (s->slot[at].used &&
	       (s->slot[at].len != key.len ||
		(key.len && memcmp(s->bytes + s->slot[at].off, key.data, key.len) != 0)))
		at = (at + 1) & (s->slots - 1);
	return at;
}

static int grow(struct seen *s, struct err *err)
{
	struct seen more = *s;

	more.slots = MAX((size_t)1024, 2 * s->slots);
	more.slot = calloc(more.slots, sizeof(*more.slot));
	if (!more.slot)
		return err_set(err, -ENOMEM, "no memory for %zu keys", more.slots);
	for (size_t i = 0; i < s->slots; i++) {
		struct ss_bytes key = {s->bytes + s->slot[i].off, s->slot[i].len};

		if (s->slot[i].used)
			more.slot[place_of(&more, key)] = s->slot[i];
	}
	free(s->slot);
	*s = more;
	return 0;
}

static int make_room(struct seen *s, size_t len, struct err *err)
{
	size_t cap = 2 * s->cap + len;
	uint8_t *more;

	if (s->cap - s->len >= len)
		return 0;
	more = realloc(s->bytes, cap);
	if (!more)
		return err_set(err, -ENOMEM, "no memory for keys of %zu bytes", cap);
	s->bytes = more;
	s->cap = cap;
	return 0;
}

/* *first: the key was not there before. */
static int see(struct seen *s, struct ss_bytes key, bool *first, struct err *err)
{
	size_t at;
	int rc = 2 * s->count >= s->slots ? grow(s, err) : 0;

	if (rc)
		return rc;
	at = place_of(s, key);
	*first = !s->slot[at].used;
	if (!*first)
		return 0;
	rc = make_room(s, key.len, err);
	if (rc)
		return rc;
	if (key.len)
		memcpy(s->bytes + s->len, key.data, key.len);
	s->slot[at].off = s->len;
	s->slot[at].len = (uint32_t)key.len;
	s->slot[at].used = true;
	s->len += key.len;
	s->count++;
	return 0;
}

/* ---- one node ---- */

static void lost(struct salvage *s, const struct err *why)
{
	if (s->out->broken++ == 0)
		s->out->first = *why;
}

/* A flag that was damaged would shift everything: an inner node is one whose children can be. */
static void settle_leaf(struct salvage *s)
{
	struct bt_node *node = &s->node;
	unsigned good = 0;
	uint8_t raw[8 * (BT_MAX_ENTRIES + 1)];

	if (node->version != 2 ||
	    bt_node_read(s->t, node, raw, 8 * (size_t)(node->n + 1), BT_V2_ENTRIES_OFF, NULL))
		return;
	for (unsigned i = 0; i <= node->n; i++) {
		node->child[i] = get_le64(raw + 8 * (size_t)i);
		good += bt_is_page(&s->t->h, node->child[i]);
	}
	node->leaf = node->leaf ? good <= node->n : good == 0;
}

/* In how many neighbouring pairs the first key is not before the second, where that is told. */
static int count_descents(struct salvage *s, unsigned *out, struct err *err)
{
	struct bt_node *node = &s->node;
	int rc = 0;

	*out = 0;
	for (unsigned i = 1; !rc && s->t->ss.facts.sort_told && i < node->whole; i++) {
		struct ss_bytes a = {NULL, 0}, b = {NULL, 0};

		rc = bt_node_key(s->t, node, i - 1, &s->key, &s->key_cap, &a, err);
		if (!rc)
			rc = bt_node_key(s->t, node, i, &s->other, &s->other_cap, &b, err);
		if (!rc)
			*out += ss_sort_compare(&s->t->ss.facts.sort, a, b) >= 0;
	}
	return rc;
}

static int check_lengths(const struct bt *t, const struct bt_entry *e, struct err *err)
{
	const struct ss_facts *f = &t->ss.facts;

	if (e->key_len <= f->max_key_len && e->value_len <= f->max_value_len &&
	    (uint64_t)e->key_len + e->value_len <= f->max_sum_len)
		return 0;
	return err_set(err, -EUCLEAN, "an entry of %u and %u bytes is longer than the map can hold",
		       e->key_len, e->value_len);
}

/* -EUCLEAN: the entry is lost. */
static int read_entry(struct salvage *s, unsigned i, struct ss_bytes *key, struct ss_bytes *value,
		      struct err *err)
{
	const struct bt_entry *e = &s->node.entry[i];
	int rc = check_lengths(s->t, e, err);

	if (!rc)
		rc = bt_node_key(s->t, &s->node, i, &s->key, &s->key_cap, key, err);
	/* No longer than what is left of the memory: nothing is allocated for a lie. */
	if (!rc && e->value_len > s->t->ss.blocks.store->len)
		rc = err_set(err, -EUCLEAN, "a value is longer than the memory");
	if (!rc)
		rc = ss_reserve(&s->value, &s->value_cap, MAX(e->value_len, 1u), err);
	if (!rc)
		rc = bt_node_read(s->t, &s->node, s->value, e->value_len, e->value_off, err);
	*value = (struct ss_bytes){s->value, e->value_len};
	return rc;
}

static int deliver_entry(struct salvage *s, unsigned i, uint64_t *count, struct err *err)
{
	struct ss_bytes key, value;
	struct err why = {""};
	bool first;
	int rc = read_entry(s, i, &key, &value, &why);

	if (rc == -EUCLEAN) {
		s->out->lost_entries++;
		lost(s, &why);
		return 0;
	}
	if (rc)
		return err_set(err, rc, "%s", why.text);
	rc = see(&s->seen, key, &first, err);
	if (rc || !first) {
		s->out->again += !rc;
		return rc;
	}
	++*count;
	return s->fn(s->ctx, key, value, err);
}

static int push(struct addresses *list, uint64_t addr, struct err *err)
{
	if (list->count == list->cap) {
		size_t cap = MAX((size_t)64, 2 * list->cap);
		uint64_t *more = reallocarray(list->addr, cap, sizeof(*more));

		if (!more)
			return err_set(err, -ENOMEM, "no memory for %zu addresses", cap);
		list->addr = more;
		list->cap = cap;
	}
	list->addr[list->count++] = addr;
	return 0;
}

/* Children last in, first out: so that keys come in order as far as may be. */
static int push_children(struct salvage *s, struct err *err)
{
	int rc = 0;

	for (unsigned i = s->node.n + 1; !rc && !s->node.leaf && i-- > 0;)
		rc = push(&s->todo, s->node.child[i], err);
	return rc;
}

/* -EUCLEAN: it is no node, or nothing in it can be trusted. *odd: something in it is wrong. */
static int open_node(struct salvage *s, uint64_t addr, bool *odd, struct err *why)
{
	unsigned descents = 0;
	int rc = bt_node_load(s->t, addr, &s->node, why), parsed;

	if (rc)
		return rc;
	settle_leaf(s);
	s->node.whole = 0;
	parsed = bt_node_parse(s->t, &s->node, s->t->width, why);
	if (!parsed)
		parsed = bt_node_whole_chain(s->t, &s->node, why);
	if (parsed && parsed != -EUCLEAN)
		return parsed;
	rc = count_descents(s, &descents, parsed ? NULL : why);
	/* One damaged key makes two at most. */
	if (!rc && descents > 2)
		rc = err_set(why, -EUCLEAN, "the keys of the node at %" PRIu64 " are in no order",
			     addr);
	*odd = parsed || descents > 0;
	return rc;
}

static int deliver_node(struct salvage *s, uint64_t *count, struct err *err)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < s->node.whole; i++)
		rc = deliver_entry(s, i, count, err);
	return rc;
}

/* An odd node is put off: what it has by mistake must not take the place of what is right. */
static int take_node(struct salvage *s, uint64_t addr, uint64_t *count, struct err *err)
{
	struct err why = {""};
	bool odd = false;
	int rc;

	ss_bit_set(s->visited, bt_chunk_index(&s->t->h, addr));
	rc = open_node(s, addr, &odd, &why);
	if (rc == -EUCLEAN || (!rc && odd && why.text[0]))
		lost(s, &why);
	if (rc)
		return rc == -EUCLEAN ? 0 : err_set(err, rc, "%s", why.text);
	rc = push_children(s, err);
	if (rc)
		return rc;
	return odd ? push(&s->odd, addr, err) : deliver_node(s, count, err);
}

static int deliver_odd(struct salvage *s, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < s->odd.count; i++) {
		struct err why = {""};
		bool odd;

		rc = open_node(s, s->odd.addr[i], &odd, &why);
		if (rc)
			return err_set(err, rc, "%s", why.text);
		s->out->lost_entries += s->node.n - s->node.whole;
		rc = deliver_node(s, &s->out->found, err);
	}
	return rc;
}

/* ---- the map ---- */

static int walk(struct salvage *s, uint64_t *count, struct err *err)
{
	int rc = 0;

	while (!rc && s->todo.count > 0) {
		uint64_t addr = s->todo.addr[--s->todo.count];
		struct err why;

		if (!bt_is_page(&s->t->h, addr)) {
			err_set(&why, 0, "an address, %" PRIu64 ", is no page's", addr);
			lost(s, &why);
		} else if (!ss_bit_get(s->visited, bt_chunk_index(&s->t->h, addr))) {
			rc = take_node(s, addr, count, err);
		}
	}
	return rc;
}

/* A page that the allocator calls free may hold what was removed long ago. */
static bool may_be_node(struct salvage *s, uint64_t index)
{
	uint64_t page = bt_chunk_page(&s->t->h, index);
	uint8_t raw[BT_CHUNK_HEADER_LEN + 3];

	if (ss_bit_get(s->visited, index) ||
	    blocks_read(&s->t->ss.blocks, raw, sizeof(raw), page - BT_CHUNK_HEADER_LEN, NULL))
		return false;
	if (memcmp(raw, "CHK\1", 4) == 0 && raw[4] == 0)
		return false;
	return memcmp(raw + BT_CHUNK_HEADER_LEN, "BTN", 3) == 0;
}

static int scan(struct salvage *s, struct err *err)
{
	int rc = 0;

	for (uint64_t i = 0; !rc && i < s->t->h.chunk_limit; i++)
		if (may_be_node(s, i))
			rc = push(&s->todo, bt_chunk_page(&s->t->h, i), err);
	return rc ? rc : walk(s, &s->out->found, err);
}

/* By the nodes below the root, or where nothing leads to any, by the first that are found. */
static int find_width(struct salvage *s, struct err *err)
{
	enum { TRIES = 64 };
	struct bt *t = s->t;
	int rc = bt_infer_width(t, NULL, err);

	for (uint64_t i = 0, tries = 0; rc && i < t->h.chunk_limit && tries < TRIES; i++) {
		if (!may_be_node(s, i))
			continue;
		tries++;
		if (bt_node_load(t, bt_chunk_page(&t->h, i), &s->node, NULL) == 0 &&
		    s->node.version == 2)
			rc = bt_infer_width(t, &s->node, err);
	}
	return rc;
}

static int salvage(struct salvage *s, struct err *err)
{
	struct bt *t = s->t;
	int rc = 0;

	s->visited = calloc(t->h.chunk_limit / 8 + 1, 1);
	if (!s->visited)
		return err_set(err, -ENOMEM, "no memory for a map of the pages");
	if (t->width == BT_WIDTH_UNKNOWN)
		rc = find_width(s, err);
	if (!rc && t->h.root)
		rc = push(&s->todo, t->h.root, err);
	if (!rc)
		rc = walk(s, &s->out->walked, err);
	if (!rc)
		rc = scan(s, err);
	return rc ? rc : deliver_odd(s, err);
}

int ss_salvage(struct ss *ss, ss_salvage_fn *fn, void *ctx, struct ss_salvaged *out,
	       struct err *err)
{
	struct salvage s = {.t = bt_of(ss), .fn = fn, .ctx = ctx, .out = out};
	int rc;

	*out = (struct ss_salvaged){.counted = ss->facts.count};
	if (ss->facts.kind != SS_BTREE)
		return err_set(err, -ENOTSUP, "salvage is for maps and sets; this is a %s",
			       ss_kind_name(ss->facts.kind));
	rc = salvage(&s, err);
	bt_node_free(&s.node);
	free(s.visited);
	free(s.seen.bytes);
	free(s.seen.slot);
	free(s.todo.addr);
	free(s.odd.addr);
	free(s.key);
	free(s.other);
	free(s.value);
	return rc;
}

int ss_salvage_into(struct ss *ss, struct store *to, struct err *err)
{
	uint8_t raw[BT_CHUNKS_OFF + BT_CHUNK_HEADER_LEN] = {0};
	int rc;

	if (ss->facts.kind != SS_BTREE)
		return err_set(err, -ENOTSUP, "only a map or a set can be made anew");
	rc = blocks_read(&ss->blocks, raw, BT_CHUNKS_OFF, 0, err);
	if (rc)
		return rc;
	memset(raw + 12, 0, 16);                   /* root and count */
	memset(raw + BT_ALLOCATOR_OFF + 16, 0, 8); /* chunks in use */
	put_le64(raw + BT_ALLOCATOR_OFF + 24, BT_CHUNKS_OFF);
	memcpy(raw + BT_CHUNKS_OFF, "CHK\1", 4);
	rc = store_resize(to, MM_PAGE_LEN, err);
	return rc ? rc : store_write(to, raw, sizeof(raw), 0, 0, err);
}
