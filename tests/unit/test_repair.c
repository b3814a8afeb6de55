// SPDX-License-Identifier: MIT
/*
 * Random images with random defects: mm_check finds exactly what was put in, mm_repair takes it
 * out again and leaves every memory as it was, also when it is killed or loses power on the way.
 */
#include "memmgr/intent.h"
#include "tests/unit/images.h"

#include <stdio.h>

enum { PAGE = 65536, FREE = 255 };

/* An image with defects, and what is known of it. */
struct bent {
	struct store *s;
	struct store *sound; /* the memories as they are to be */
	const char *expected[16];
	unsigned expected_count;
	int longer; /* a memory that repairing makes longer, or -1 */
	uint32_t bucket_pages;
	unsigned last; /* owns the last bucket */
};

static void expect(struct bent *b, const char *id)
{
	for (unsigned i = 0; i < b->expected_count; i++)
		if (strcmp(b->expected[i], id) == 0)
			return;
	assert_true(b->expected_count < ARRAY_LEN(b->expected));
	b->expected[b->expected_count++] = id;
}

static uint8_t *img_of(struct bent *b)
{
	return mem_store_bytes(b->s);
}

/* ---- what the first page says of counts and sizes: one of these ---- */

static void bend_count(struct bent *b, struct rng *rng)
{
	uint32_t count = image_buckets(img_of(b));

	switch (rng_below(rng, 4)) {
	case 0:
		image_set_count(img_of(b), MM_MAX_BUCKETS + 1 + (uint32_t)rng_below(rng, 1000));
		expect(b, "bucket-count-over-limit");
		break;
	case 1:
		image_set_count(img_of(b), (uint32_t)rng_below(rng, count));
		expect(b, "owner-past-count");
		break;
	case 2:
		image_owner(img_of(b))[count] = (uint8_t)b->last;
		expect(b, "owner-past-count");
		expect(b, "surplus-bucket");
		break;
	default:
		break;
	}
}

/* A size no memory can have: the memory then is all that its buckets hold. */
static void bend_size_up(struct bent *b, unsigned mm_id, struct rng *rng)
{
	uint64_t cap = (uint64_t)b->bucket_pages * MM_MAX_BUCKETS;

	image_set_size(img_of(b), mm_id, cap + 1 + rng_below(rng, UINT64_MAX - cap));
	b->longer = (int)mm_id;
	expect(b, "size-over-cap");
}

/* Whole buckets are given up, but stay owned. */
static void bend_size_down(struct bent *b, unsigned mm_id, struct rng *rng)
{
	uint64_t pages = rng_below(rng, image_owned(img_of(b), mm_id)) * b->bucket_pages;

	image_set_size(img_of(b), mm_id, pages);
	image_set_size(mem_store_bytes(b->sound), mm_id, pages);
	expect(b, "surplus-bucket");
}

static void bend_slack(struct bent *b, unsigned mm_id, struct rng *rng)
{
	uint64_t len, off = image_slack(img_of(b), mm_id, &len);

	if (len == 0)
		return;
	img_of(b)[off + rng_below(rng, len)] = 1;
	expect(b, "stale-slack");
}

/* ---- where the image ends: one of these ---- */

static void bend_end(struct bent *b, struct rng *rng)
{
	uint64_t slack_len;
	uint64_t end = b->s->len;

	image_slack(img_of(b), b->last, &slack_len);
	switch (rng_below(rng, 4)) {
	case 0: /* Behind a bucket that a surplus owner may claim. */
		assert_ok(store_resize(b->s, end + (b->bucket_pages + 1) * PAGE, NULL));
		img_of(b)[b->s->len - 1 - rng_below(rng, PAGE)] = 1;
		expect(b, "stale-tail");
		break;
	case 1:
		assert_ok(store_resize(b->s, end + 1 + rng_below(rng, PAGE - 1), NULL));
		expect(b, "length-not-whole-pages");
		break;
	case 2:
		if (slack_len == 0)
			break;
		slack_len -= rng_below(rng, slack_len);
		assert_ok(store_resize(b->s, end - slack_len, NULL));
		expect(b, "image-short");
		if (slack_len % PAGE != 0)
			expect(b, "length-not-whole-pages");
		break;
	default:
		break;
	}
}

static void bend_header(struct bent *b, struct rng *rng)
{
	if (rng_one_in(rng, 3)) {
		img_of(b)[8 + rng_below(rng, 32)] = 1;
		expect(b, "reserved-not-zero");
	}
	if (rng_one_in(rng, 4)) {
		memcpy(img_of(b) + INTENT_OFF, "CFSINTNT", 8);
		rng_fill(rng, img_of(b) + INTENT_OFF + 8, 100);
		expect(b, "torn-change");
	}
}

/* The holes that are there already, and stale bytes in them. */
static void bend_holes(struct bent *b, struct rng *rng)
{
	for (uint32_t i = 0; i < image_buckets(img_of(b)); i++) {
		if (image_owner(img_of(b))[i] != FREE)
			continue;
		expect(b, "bucket-hole");
		if (rng_one_in(rng, 2))
			continue;
		img_of(b)[image_bucket_off(img_of(b), i) + rng_below(rng, PAGE)] = 1;
		expect(b, "stale-hole");
	}
}

static void bend_at_random(struct bent *b, const struct image_plan *plan, struct rng *rng)
{
	bend_holes(b, rng);
	bend_header(b, rng);
	bend_end(b, rng);
	if (rng_one_in(rng, 2))
		bend_slack(b, plan->ids[2], rng);
	if (rng_one_in(rng, 2))
		bend_size_up(b, plan->ids[0], rng);
	if (rng_one_in(rng, 2) && plan->ids[1] != b->last)
		bend_size_down(b, plan->ids[1], rng);
	bend_count(b, rng);
}

static struct bent *bent_make(struct rng *rng)
{
	struct bent *b = calloc(1, sizeof(*b));
	struct image_plan plan = image_plan_random(rng);

	assert_non_null(b);
	if (plan.memories == 3)
		plan.ids[plan.memories++] = 120;
	b->longer = -1;
	b->s = image_build(&plan, rng);
	b->sound = mem_store_new(mem_store_bytes(b->s), b->s->len);
	b->bucket_pages = plan.bucket_pages;
	b->last = plan.ids[plan.memories - 1];
	bend_at_random(b, &plan, rng);
	return b;
}

static void cleanup_bent(struct bent **b)
{
	if (!*b)
		return;
	store_close((*b)->s);
	store_close((*b)->sound);
	free(*b);
}
#define auto_bent __attribute__((cleanup(cleanup_bent)))

static void check_finds_exactly_what_was_put_in(void **state)
{
	struct rng rng = rng_start("check");

	for (unsigned round = test_rounds(150); round > 0; round--) {
		auto_bent struct bent *b = bent_make(&rng);
		auto_free struct seen *seen = malloc(sizeof(*seen));

		check_image(b->s, seen);
		for (unsigned i = 0; i < b->expected_count; i++)
			if (!seen_find(seen, b->expected[i]))
				fail_msg("round %u: %s was not found", round, b->expected[i]);
		for (unsigned i = 0; i < seen->count; i++) {
			bool wanted = false;

			for (unsigned k = 0; k < b->expected_count; k++)
				wanted |= strcmp(seen->findings[i].id, b->expected[k]) == 0;
			if (!wanted)
				fail_msg("round %u: found %s: %s", round, seen->findings[i].id,
					 seen->findings[i].text);
			assert_true(seen->findings[i].repairable);
		}
	}
}

static void repair_leaves_a_clean_image_and_every_memory(void **state)
{
	struct rng rng = rng_start("repair");

	for (unsigned round = test_rounds(150); round > 0; round--) {
		auto_bent struct bent *b = bent_make(&rng);
		struct err err;

		assert_ok_err(mm_repair(b->s, &err), &err);
		assert_clean(b->s);
		assert_same_memories(b->sound, b->s, b->longer);
	}
}

/* Which bucket fills which hole may come out another way; nothing else does. */
static void killed_at_every_write_repair_ends_the_same(void **state)
{
	struct rng rng = rng_start("killed repair");

	for (unsigned round = test_rounds(12); round > 0; round--) {
		auto_bent struct bent *b = bent_make(&rng);
		auto_store struct store *s = faulty_store_new(b->s);
		struct err err;

		faulty_record(s);
		assert_ok_err(mm_repair(s, &err), &err);
		for (size_t n = 0; n < faulty_steps(s); n++) {
			unsigned torn = (unsigned)rng_below(&rng, 4);
			auto_store struct store *left = faulty_after_kill(s, n, torn);

			assert_ok_err(mm_repair(left, &err), &err);
			assert_clean(left);
			assert_same_memories(b->s, left, -1);
			assert_same_memories(b->s, left, -1);
			assert_int_equal(image_buckets(mem_store_bytes(left)),
					 image_buckets(img_of(b)));
		}
	}
}

static void without_power_at_any_step_repair_loses_no_memory(void **state)
{
	struct rng rng = rng_start("repair without power");

	for (unsigned round = test_rounds(12); round > 0; round--) {
		auto_bent struct bent *b = bent_make(&rng);
		auto_store struct store *s = faulty_store_new(b->s);
		struct err err;

		faulty_record(s);
		assert_ok_err(mm_repair(s, &err), &err);
		for (size_t n = 0; n <= faulty_steps(s); n++) {
			auto_store struct store *left = faulty_after_power_cut(s, n, &rng);

			assert_ok_err(mm_repair(left, &err), &err);
			assert_clean(left);
			assert_same_memories(b->s, left, -1);
		}
	}
}

/* Some calls are tried again. Where one that fails makes the repair fail, nothing is lost by it. */
static void after_any_failing_call_repair_can_be_run_again(void **state)
{
	struct rng rng = rng_start("failing repair");

	for (unsigned round = test_rounds(10); round > 0; round--) {
		auto_bent struct bent *b = bent_make(&rng);

		for (unsigned n = 0;; n++) {
			auto_store struct store *mem =
				mem_store_new(mem_store_bytes(b->s), b->s->len);
			auto_store struct store *s = faulty_store_new(mem);
			struct err err;
			int rc;

			faulty_fail(s, FAULTY_ANY, n, -EIO);
			rc = mm_repair(s, &err);
			if (n >= faulty_count(s, FAULTY_ANY))
				break;
			if (rc)
				assert_errno_err(EIO, rc, &err);
			else
				assert_clean(mem);
			assert_ok_err(mm_repair(mem, &err), &err);
			assert_clean(mem);
			assert_same_memories(b->sound, mem, b->longer);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_finds_exactly_what_was_put_in),
		cmocka_unit_test(repair_leaves_a_clean_image_and_every_memory),
		cmocka_unit_test(killed_at_every_write_repair_ends_the_same),
		cmocka_unit_test(without_power_at_any_step_repair_loses_no_memory),
		cmocka_unit_test(after_any_failing_call_repair_can_be_run_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
