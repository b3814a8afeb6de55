// SPDX-License-Identifier: MIT
/*
 * The plan that fills holes: against every possible outcome where there are few, and by its own
 * rules where there are many.
 */
#include "memmgr/plan.h"
#include "tests/unit/test.h"

enum { SMALL = 10 };

/* Every order of owners that is possible, by depth; the fewest buckets that are not in place. */
struct brute {
	const uint8_t *owner;
	uint32_t end, dense;
	uint32_t left[4]; /* buckets of each memory still to place */
	uint32_t best;
};

static uint32_t place_of(const struct brute *b, uint8_t mm_id, uint32_t nth)
{
	uint32_t i = 0;

	for (;; i++)
		if (b->owner[i] == mm_id && nth-- == 0)
			return i;
}

static void try_all(struct brute *b, const uint32_t *total, uint32_t at, uint32_t moved)
{
	if (at == b->dense) {
		b->best = MIN(b->best, moved);
		return;
	}
	for (uint8_t id = 0; id < 4; id++) {
		if (b->left[id] == 0)
			continue;
		uint32_t from = place_of(b, id, total[id] - b->left[id]);

		b->left[id]--;
		try_all(b, total, at + 1, moved + (from != at));
		b->left[id]++;
	}
}

static uint32_t fewest(const uint8_t *owner, uint32_t end)
{
	struct brute b = {.owner = owner, .end = end, .best = UINT32_MAX};
	uint32_t total[4];

	for (uint32_t i = 0; i < end; i++)
		if (owner[i] != LAYOUT_FREE) {
			b.left[owner[i]]++;
			b.dense++;
		}
	memcpy(total, b.left, sizeof(total));
	try_all(&b, total, 0, 0);
	return b.best;
}

/* Carries the moves out on labels "n-th bucket of its memory", and looks at what comes out. */
static void check_moves(const uint8_t *owner, uint32_t end, const struct move *moves,
			uint32_t count)
{
	uint32_t *nth = calloc(end + 1u, sizeof(*nth));
	uint8_t *now = malloc(end + 1u);
	uint32_t seen[256] = {0};
	uint32_t dense = 0;

	for (uint32_t i = 0; i < end; i++) {
		now[i] = owner[i];
		nth[i] = seen[owner[i]]++;
		dense += owner[i] != LAYOUT_FREE;
	}
	for (uint32_t k = 0; k < count; k++) {
		assert_true(moves[k].to < moves[k].from);
		assert_true(k == 0 || moves[k].to > moves[k - 1].to);
		assert_int_equal(now[moves[k].to], LAYOUT_FREE);
		assert_int_not_equal(now[moves[k].from], LAYOUT_FREE);
		now[moves[k].to] = now[moves[k].from];
		nth[moves[k].to] = nth[moves[k].from];
		now[moves[k].from] = LAYOUT_FREE;
	}
	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < end; i++) {
		assert_int_equal(now[i] != LAYOUT_FREE, i < dense);
		if (i < dense)
			assert_int_equal(nth[i], seen[now[i]]++);
	}
	free(nth);
	free(now);
}

static uint32_t random_layout(struct rng *rng, uint8_t *owner, uint32_t len, unsigned memories,
			      unsigned hole_percent)
{
	uint32_t end = 0;

	for (uint32_t i = 0; i < len; i++) {
		bool hole = rng_below(rng, 100) < hole_percent;

		owner[i] = hole ? LAYOUT_FREE : (uint8_t)rng_below(rng, memories);
		if (!hole)
			end = i + 1;
	}
	return end;
}

static void no_other_order_moves_fewer(void **state)
{
	struct rng rng = rng_start(__func__);
	struct move moves[SMALL];
	uint32_t count;

	for (unsigned round = 0; round < test_rounds(3000); round++) {
		uint8_t owner[SMALL];
		uint32_t end = random_layout(&rng, owner, 2 + (uint32_t)rng_below(&rng, SMALL - 1),
					     1 + (unsigned)rng_below(&rng, 4),
					     10 + (unsigned)rng_below(&rng, 40));

		assert_ok(plan_moves(owner, end, moves, &count, NULL));
		check_moves(owner, end, moves, count);
		assert_int_equal(count, fewest(owner, end));
	}
}

/* Taking, for each hole, the farthest of the memories' next buckets would move four. */
static void a_near_bucket_moves_where_that_saves_a_far_one(void **state)
{
	static const uint8_t owner[] = {255, 255, 0, 1, 255, 0, 0};
	struct move moves[sizeof(owner)];
	uint32_t count;

	assert_ok(plan_moves(owner, sizeof(owner), moves, &count, NULL));
	assert_int_equal(count, 3);
}

static void one_memory_alone_moves_all_that_lies_behind_the_hole(void **state)
{
	static const uint8_t owner[] = {3, 255, 3, 3, 3, 3};
	struct move moves[sizeof(owner)];
	uint32_t count;

	assert_ok(plan_moves(owner, sizeof(owner), moves, &count, NULL));
	assert_int_equal(count, 4);
}

static void nothing_moves_without_holes(void **state)
{
	static const uint8_t owner[] = {3, 0, 3, 1, 255, 255};
	struct move moves[sizeof(owner)];
	uint32_t count;

	assert_ok(plan_moves(owner, 4, moves, &count, NULL));
	assert_int_equal(count, 0);
	assert_ok(plan_moves(owner, sizeof(owner), moves, &count, NULL));
	assert_int_equal(count, 0);
	assert_ok(plan_moves(owner, 0, moves, &count, NULL));
	assert_int_equal(count, 0);
}

/* No bucket before the first hole moves, and no other one more than once. */
static void large_images_stay_in_order_and_within_the_bound(void **state)
{
	struct rng rng = rng_start(__func__);
	uint8_t *owner = malloc(MM_MAX_BUCKETS);
	struct move *moves = malloc(MM_MAX_BUCKETS * sizeof(*moves));
	uint32_t count;

	for (unsigned round = 0; round < test_rounds(12); round++) {
		uint32_t len = round == 0 ? MM_MAX_BUCKETS : 1 + (uint32_t)rng_below(&rng, 3000);
		unsigned memories = round == 0 ? 255 : 1 + (unsigned)rng_below(&rng, 255);
		uint32_t end =
			random_layout(&rng, owner, len, memories, (unsigned)rng_below(&rng, 90));
		uint32_t behind = 0;
		bool hole = false;

		for (uint32_t i = 0; i < end; i++) {
			hole |= owner[i] == LAYOUT_FREE;
			behind += hole && owner[i] != LAYOUT_FREE;
		}
		assert_ok(plan_moves(owner, end, moves, &count, NULL));
		check_moves(owner, end, moves, count);
		assert_true(count <= behind);
	}
	free(owner);
	free(moves);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_other_order_moves_fewer),
		cmocka_unit_test(a_near_bucket_moves_where_that_saves_a_far_one),
		cmocka_unit_test(one_memory_alone_moves_all_that_lies_behind_the_hole),
		cmocka_unit_test(nothing_moves_without_holes),
		cmocka_unit_test(large_images_stay_in_order_and_within_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
