// SPDX-License-Identifier: MIT
/*
 * Plans the filling of holes with the fewest moves. Takes no lock and does no I/O.
 *
 * `dense` buckets are owned; afterwards they lie at 0 to dense - 1. The buckets that lie behind
 * have to move, and each drags others along: a memory's last bucket cannot come to lie before its
 * second-last. The question is which of the buckets below `dense` may stay.
 *
 * A choice can be carried out exactly if from every index on there is room for what must lie there:
 * of each memory, all buckets from its first staying one on (Hall's theorem; only stretches that
 * reach to the end can ever be too full, since what lies in any other fits there already). Seen
 * from the end downwards this is an account with one credit, and a debt for each memory:
 *
 *	at first	credit 0; a memory's debt is the number of its buckets behind `dense`
 *	a hole		credit + 1
 *	a bucket moves	credit + 1, its memory's debt + 1
 *	a bucket stays	only if its memory's debt is at most the credit, which pays it
 *
 * To find the cheapest sequence is as hard as caching objects of different sizes, so the search is
 * bounded: at each index the STATES cheapest accounts are kept. While there are no more than
 * that, which is so for images of few memories or few holes, the plan is the best there is.
 */
#include "memmgr/plan.h"

enum { STATES = 128, TABLE_LEN = 4 * STATES };

struct state {
	uint32_t moved;
	uint32_t credit;
	uint64_t hash; /* sum of key_of(memory) * debt: two states with the same are one */
	uint16_t debt[MM_MAX_MEMORIES];
};

/* Two successors of each state, and how they came about. */
struct successor {
	uint32_t moved;
	uint64_t hash;
	uint8_t parent;
	bool stays;
};

struct search {
	struct state *states, *next; /* STATES each */
	uint32_t state_count;
	struct successor found[2 * STATES];
	uint32_t found_count;
	uint16_t table[TABLE_LEN]; /* by hash: index in `found` + 1 */
	uint8_t *trace;            /* [index * STATES + state]: parent * 2 + stays */
};

_Static_assert(STATES <= 128, "a state's number and one bit fit in a byte of the trace");

static uint64_t key_of(uint8_t mm_id)
{
	uint64_t z = (mm_id + 1u) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return z ^ z >> 27;
}

/* Of two ways to the same state the cheaper one is kept. */
static void add_successor(struct search *s, const struct successor *n)
{
	uint32_t slot = (uint32_t)(n->hash >> 32) % TABLE_LEN;

	for (; s->table[slot]; slot = (slot + 1) % TABLE_LEN) {
		struct successor *other = &s->found[s->table[slot] - 1];

		if (other->hash != n->hash)
			continue;
		if (n->moved < other->moved)
			*other = *n;
		return;
	}
	s->found[s->found_count++] = *n;
	s->table[slot] = (uint16_t)s->found_count;
}

static void find_successors(struct search *s, uint8_t mm_id)
{
	uint64_t key = key_of(mm_id);

	s->found_count = 0;
	memset(s->table, 0, sizeof(s->table));
	for (uint32_t i = 0; i < s->state_count; i++) {
		const struct state *st = &s->states[i];
		struct successor n = {.parent = (uint8_t)i};

		if (st->credit >= st->debt[mm_id]) {
			n.moved = st->moved;
			n.hash = st->hash - key * st->debt[mm_id];
			n.stays = true;
			add_successor(s, &n);
		}
		n.moved = st->moved + 1;
		n.hash = st->hash + key;
		n.stays = false;
		add_successor(s, &n);
	}
}

static int by_cost(const void *a, const void *b)
{
	const struct successor *x = a, *y = b;

	if (x->moved != y->moved)
		return x->moved < y->moved ? -1 : 1;
	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static void step(struct search *s, uint32_t index, uint8_t mm_id)
{
	struct state *states = s->next;

	find_successors(s, mm_id);
	if (s->found_count > STATES)
		qsort(s->found, s->found_count, sizeof(s->found[0]), by_cost);
	s->state_count = MIN(s->found_count, (uint32_t)STATES);
	for (uint32_t i = 0; i < s->state_count; i++) {
		const struct successor *n = &s->found[i];
		struct state *st = &states[i];

		*st = s->states[n->parent];
		st->moved = n->moved;
		st->hash = n->hash;
		st->credit += n->stays ? -(uint32_t)st->debt[mm_id] : 1;
		st->debt[mm_id] = n->stays ? 0 : (uint16_t)(st->debt[mm_id] + 1);
		s->trace[index * STATES + i] = (uint8_t)(n->parent * 2 + n->stays);
	}
	s->next = s->states;
	s->states = states;
}

/* Fills stays[0..dense). */
static void search_stays(struct search *s, const uint8_t *owner, uint32_t dense, uint32_t end,
			 bool *stays)
{
	struct state *first = s->states;
	uint32_t best = 0;

	memset(first, 0, sizeof(*first));
	for (uint32_t i = dense; i < end; i++) {
		if (owner[i] == LAYOUT_FREE)
			continue;
		first->debt[owner[i]]++;
		first->hash += key_of(owner[i]);
	}
	s->state_count = 1;
	for (uint32_t i = dense; i-- > 0;) {
		if (owner[i] != LAYOUT_FREE)
			step(s, i, owner[i]);
		else
			for (uint32_t k = 0; k < s->state_count; k++)
				s->states[k].credit++;
	}
	for (uint32_t k = 1; k < s->state_count; k++)
		if (s->states[k].moved < s->states[best].moved)
			best = k;
	for (uint32_t i = 0; i < dense; i++) {
		if (owner[i] == LAYOUT_FREE)
			continue;
		stays[i] = s->trace[i * STATES + best] & 1;
		best = s->trace[i * STATES + best] / 2;
	}
}

static int choose_stays(const uint8_t *owner, uint32_t dense, uint32_t end, bool *stays,
			struct err *err)
{
	auto_free struct search *s = calloc(1, sizeof(*s));
	auto_free struct state *states = malloc(2 * STATES * sizeof(*states));
	auto_free uint8_t *trace = malloc((size_t)dense * STATES);

	if (!s || !states || !trace)
		return err_set(err, -ENOMEM, "no memory to plan moves in");
	s->states = states;
	s->next = states + STATES;
	s->trace = trace;
	search_stays(s, owner, dense, end, stays);
	return 0;
}

/* The first bucket of the memory at or behind `from`, or `end`. */
static uint32_t next_of(const uint8_t *owner, uint32_t end, uint8_t mm_id, uint32_t from)
{
	while (from < end && owner[from] != mm_id)
		from++;
	return from;
}

/*
 * Gives each index below `dense` that nothing stays at a bucket that moves: of all memories' next
 * ones the one that lies nearest, since none may move to a higher index.
 */
static uint32_t assign(const uint8_t *owner, uint32_t dense, uint32_t end, const bool *stays,
		       struct move *moves)
{
	uint32_t next[MM_MAX_MEMORIES];
	uint32_t count = 0;

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		next[id] = next_of(owner, end, (uint8_t)id, 0);
	for (uint32_t to = 0; to < dense; to++) {
		uint8_t mm_id = owner[to];
		uint32_t from = to;

		if (!stays[to]) {
			from = end;
			for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
				bool moves_on = next[id] >= dense || !stays[next[id]];

				if (moves_on && next[id] < from) {
					from = next[id];
					mm_id = (uint8_t)id;
				}
			}
		}
		if (from != to)
			moves[count++] = (struct move){.from = (uint16_t)from, .to = (uint16_t)to};
		next[mm_id] = next_of(owner, end, mm_id, from + 1);
	}
	return count;
}

int plan_moves(const uint8_t *owner, uint32_t end, struct move *moves, uint32_t *count,
	       struct err *err)
{
	auto_free bool *stays = calloc(end + 1u, sizeof(*stays));
	uint32_t dense = 0;
	uint32_t hole = 0;
	int rc;

	*count = 0;
	if (!stays)
		return err_set(err, -ENOMEM, "no memory to plan moves in");
	for (uint32_t i = 0; i < end; i++)
		dense += owner[i] != LAYOUT_FREE;
	while (hole < dense && owner[hole] != LAYOUT_FREE)
		hole++;
	if (hole == dense)
		return 0;
	rc = choose_stays(owner, dense, end, stays, err);
	if (!rc)
		*count = assign(owner, dense, end, stays, moves);
	return rc;
}
