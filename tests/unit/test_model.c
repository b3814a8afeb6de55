// SPDX-License-Identifier: MIT
/*
 * Random operations on an image and on its model: killed or without power at every step, and with
 * every call failing once. CANISTERFS_TEST_SEED and CANISTERFS_TEST_ROUNDS as in test.h.
 */
#include "tests/unit/images.h"
#include "tests/unit/model.h"

#include <stdio.h>

enum { OPS = 25, WARM_UP_OPS = 12 };

/* A run that went well: all operations, the states between them, and the record of every step. */
struct run {
	struct store *mem, *s;
	struct model_op ops[OPS];
	struct model_state states[OPS + 1];
	size_t steps[OPS + 1]; /* of the record, when states[i] was reached */
};

static struct mm *open_image(struct store *s)
{
	struct mm *mm = NULL;
	struct err err;

	assert_ok_err(mm_open(s, &mm, &err), &err);
	return mm;
}

static void print_op(const struct model_op *op)
{
	print_error("  %s of %u, %u to %u pages, %u bytes at %u\n", model_op_name(op),
		    model_ids[op->a], model_ids[op->b], (unsigned)op->pages, (unsigned)op->len,
		    (unsigned)op->off);
}

static void run_op(struct mm **mm, struct store *s, const struct model_op *op)
{
	struct err err;
	int rc = model_run(mm, s, op, &err);

	if (rc) {
		print_op(op);
		fail_msg("%s", err.text);
	}
}

static void assert_holds(struct mm *mm, const struct model_state *wanted)
{
	struct model_state got = model_read(mm);

	assert_true(model_is_among(&got, wanted, 1, true));
	model_free(&got);
}

/* A store with an image that has seen some operations. */
static struct store *warm_up(struct model_state *state, struct rng *rng)
{
	struct store *mem = mem_store_new(NULL, 0);
	struct mm *mm;

	assert_ok(mm_create(mem, 1 + (uint32_t)rng_below(rng, 3), NULL));
	mm = open_image(mem);
	*state = model_empty();
	for (unsigned i = 0; i < WARM_UP_OPS; i++) {
		struct model_op op = model_op_random(state, rng);
		struct model_state next = model_apply(state, &op);

		run_op(&mm, mem, &op);
		model_free(state);
		*state = next;
	}
	assert_ok(mm_sync(mm, NULL));
	mm_drop(mm);
	return mem;
}

/* Between two calls space may be free, but nothing that an earlier owner wrote is left in it. */
static void assert_tidy(struct store *s)
{
	auto_free struct seen *seen = malloc(sizeof(*seen));

	check_image(s, seen);
	for (unsigned i = 0; i < seen->count; i++)
		if (strcmp(seen->findings[i].id, "bucket-hole") != 0)
			fail_msg("%s: %s", seen->findings[i].id, seen->findings[i].text);
}

static struct run *run_make(struct rng *rng)
{
	struct run *run = calloc(1, sizeof(*run));
	struct mm *mm;

	assert_non_null(run);
	run->mem = warm_up(&run->states[0], rng);
	run->s = faulty_store_new(run->mem);
	faulty_record(run->s);
	mm = open_image(run->s);
	run->steps[0] = faulty_steps(run->s);
	for (unsigned i = 0; i < OPS; i++) {
		run->ops[i] = model_op_random(&run->states[i], rng);
		run_op(&mm, run->s, &run->ops[i]);
		run->states[i + 1] = model_apply(&run->states[i], &run->ops[i]);
		run->steps[i + 1] = faulty_steps(run->s);
		assert_holds(mm, &run->states[i + 1]);
		assert_tidy(run->mem);
	}
	mm_drop(mm);
	return run;
}

static void run_free(struct run *run)
{
	for (unsigned i = 0; i <= OPS; i++)
		model_free(&run->states[i]);
	store_close(run->s);
	store_close(run->mem);
	free(run);
}

/* What a crash left behind opens, has nothing worse than leaked space, holds one of the states
 * (that `ops` lead from one to the next), and goes on working. */
static void assert_survives(struct store *left, const struct model_state *states,
			    const struct model_op *ops, size_t op_count, bool whole)
{
	auto_free struct seen *seen = malloc(sizeof(*seen));
	struct model_state got, grown;
	struct mm *mm;

	check_image(left, seen);
	if (seen->result.unrepairable > 0)
		fail_msg("%s: %s", seen->findings[0].id, seen->findings[0].text);
	mm = open_image(left);
	got = model_read(mm);
	if (!model_is_among(&got, states, op_count + 1, whole)) {
		for (size_t i = 0; i < op_count; i++)
			print_op(&ops[i]);
		fail_msg("killed or without power during or after these");
	}
	grown = model_copy(&got);
	for (unsigned i = 0; i < MODEL_MEMORIES; i++) {
		struct model_op op = {.kind = MODEL_RESIZE, .a = i, .pages = got.of[i]->pages + 2};
		struct model_state next = model_apply(&grown, &op);

		run_op(&mm, left, &op);
		model_free(&grown);
		grown = next;
	}
	assert_holds(mm, &grown);
	assert_ok(mm_close(mm, NULL));
	check_image(left, seen);
	assert_null(seen_find(seen, "bucket-hole"));
	assert_int_equal(seen->result.errors, 0);
	mm = open_image(left);
	assert_holds(mm, &grown);
	mm_drop(mm);
	model_free(&got);
	model_free(&grown);
}

/* The operation that was running when n steps were done. */
static unsigned op_at(const struct run *run, size_t n)
{
	unsigned op = 0;

	while (op + 1 < OPS && run->steps[op + 1] <= n)
		op++;
	return op;
}

static void killed_at_every_write_each_memory_is_as_before_or_after(void **state)
{
	struct rng rng = rng_start("kill");

	for (unsigned round = test_rounds(2); round > 0; round--) {
		struct run *run = run_make(&rng);

		for (size_t n = 0; n < faulty_steps(run->s); n++) {
			unsigned op = op_at(run, n);
			unsigned torn = rng_one_in(&rng, 2) ? 0 : (unsigned)rng_below(&rng, 9);
			auto_store struct store *left = faulty_after_kill(run->s, n, torn);

			assert_survives(left, &run->states[op], &run->ops[op], 1,
					model_is_atomic(&run->ops[op]));
		}
		run_free(run);
	}
}

/* The last state that is on disk for certain when n steps were done. */
static unsigned synced_at(const struct run *run, size_t n)
{
	unsigned synced = 0;

	for (unsigned op = 0; op < OPS && run->steps[op + 1] <= n; op++)
		if (run->ops[op].kind == MODEL_SYNC || run->ops[op].kind == MODEL_REOPEN)
			synced = op + 1;
	return synced;
}

static void without_power_at_any_step_what_was_synced_is_there(void **state)
{
	struct rng rng = rng_start("power cut");

	for (unsigned round = test_rounds(2); round > 0; round--) {
		struct run *run = run_make(&rng);

		for (size_t n = 0; n <= faulty_steps(run->s); n++) {
			unsigned synced = synced_at(run, n), op = op_at(run, n);
			auto_store struct store *left = faulty_after_power_cut(run->s, n, &rng);

			assert_survives(left, &run->states[synced], &run->ops[synced],
					op + 1 - synced, false);
		}
		run_free(run);
	}
}

/* After a call that failed, the memories are as before or after it. */
static void take_what_is(struct mm *mm, struct model_state *state, const struct model_op *op)
{
	struct model_state either[2] = {*state, model_apply(state, op)};
	struct model_state got = model_read(mm);

	if (!model_is_among(&got, either, 2, model_is_atomic(op)))
		fail_msg("after a failed %s", model_op_name(op));
	model_free(&either[0]);
	model_free(&either[1]);
	*state = got;
}

/* One call fails before its effect, or after it, or one and all that follow. */
static void break_something(struct store *s, struct rng *rng)
{
	unsigned nth = (unsigned)rng_below(rng, 12);

	switch (rng_below(rng, 3)) {
	case 0:
		faulty_fail(s, FAULTY_ANY, nth, -ENOSPC);
		break;
	case 1:
		faulty_fail_late(s, FAULTY_ANY, nth, -EIO);
		break;
	default:
		faulty_cut(s, nth / 2, rng_one_in(rng, 2) ? 0 : rng_below(rng, 20000));
	}
}

static void one_failing_round(struct rng *rng)
{
	struct model_state state;
	auto_store struct store *mem = warm_up(&state, rng);
	auto_store struct store *s = faulty_store_new(mem);
	struct mm *mm = open_image(s);

	for (unsigned i = 0; i < 4 * OPS; i++) {
		struct model_op op = model_op_random(&state, rng);
		struct err err;
		int rc;

		break_something(s, rng);
		rc = model_run(&mm, s, &op, &err);
		faulty_heal(s);
		if (rc == 0) {
			struct model_state next = model_apply(&state, &op);

			model_free(&state);
			state = next;
			assert_holds(mm, &state);
			continue;
		}
		if (!mm)
			mm = open_image(s);
		assert_ok_err(mm_sync(mm, &err), &err);
		take_what_is(mm, &state, &op);
	}
	faulty_heal(s);
	mm_drop(mm);
	assert_survives(mem, &state, NULL, 0, true);
	model_free(&state);
}

static void with_calls_that_fail_nothing_is_lost(void **state)
{
	struct rng rng = rng_start("failing calls");

	for (unsigned round = test_rounds(12); round > 0; round--)
		one_failing_round(&rng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_every_write_each_memory_is_as_before_or_after),
		cmocka_unit_test(without_power_at_any_step_what_was_synced_is_there),
		cmocka_unit_test(with_calls_that_fail_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
