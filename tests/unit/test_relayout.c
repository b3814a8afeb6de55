// SPDX-License-Identifier: MIT
/*
 * Other layouts of the same memories: images with holes, surplus buckets, stale bytes and a tail,
 * made at random, keep every memory byte for byte, also when the process is killed or power cut.
 */
#include "memmgr/layout.h"
#include "tests/unit/blocks.h"
#include "tests/unit/stores.h"

enum { ROOM_BUCKETS = 24 };

/* What all memories hold, to be compared later. */
struct model {
	uint64_t pages[MM_MAX_MEMORIES];
	uint8_t *bytes[MM_MAX_MEMORIES];
};

static void model_take(struct model *m, struct mm *mm)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory st;

		mm_memory(mm, id, &st);
		m->pages[id] = st.pages;
		m->bytes[id] = st.pages > 0 ? block_new(st.pages * MM_PAGE_LEN) : NULL;
		assert_ok(mm_read(mm, id, m->bytes[id], st.pages * MM_PAGE_LEN, 0, NULL));
	}
}

static void model_free(struct model *m)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		block_free(m->bytes[id]);
}

static void assert_holds(struct mm *mm, const struct model *m)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory st;
		uint8_t now[MM_PAGE_LEN];

		mm_memory(mm, id, &st);
		assert_int_equal(st.pages, m->pages[id]);
		for (uint64_t off = 0; off < m->pages[id] * MM_PAGE_LEN; off += MM_PAGE_LEN) {
			assert_ok(mm_read(mm, id, now, MM_PAGE_LEN, off, NULL));
			assert_memory_equal(now, m->bytes[id] + off, MM_PAGE_LEN);
		}
	}
}

static void assert_store_holds(struct store *s, const struct model *m)
{
	struct err err = {""};
	struct mm *mm = NULL;

	assert_ok_err(mm_open(s, &mm, &err), &err);
	assert_holds(mm, m);
	mm_drop(mm);
}

static void assert_dense(struct store *s)
{
	struct mm *mm = NULL;
	struct mm_stat st;

	assert_ok(mm_open(s, &mm, NULL));
	mm_stat(mm, &st);
	assert_int_equal(st.holes, 0);
	assert_int_equal(st.tail_bytes, 0);
	assert_int_equal(s->len, MM_PAGE_LEN * (1 + (uint64_t)st.buckets * st.bucket_pages));
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;

		mm_memory(mm, id, &m);
		assert_int_equal(m.buckets, div_up(m.pages, st.bucket_pages));
	}
	mm_drop(mm);
}

/* Few bytes of each page are not zero, and no two pages are alike. */
static void scribble(struct rng *rng, uint8_t *bytes, uint64_t len)
{
	for (uint64_t off = 0; off < len; off += MM_PAGE_LEN)
		if (!rng_one_in(rng, 4))
			rng_fill(rng, bytes + off + rng_below(rng, MM_PAGE_LEN - 16), 16);
}

/* An image of up to ROOM_BUCKETS buckets, with all that makes an image untidy. */
static struct store *untidy_image(struct rng *rng)
{
	struct layout *lay = calloc(1, sizeof(*lay));
	unsigned memories = 1 + (unsigned)rng_below(rng, 5);
	uint32_t owned[5] = {0};
	struct store *s;
	uint64_t len;
	uint8_t *page = calloc(1, LAYOUT_LEN);

	lay->bucket_pages = 1 + (uint32_t)rng_below(rng, 3);
	lay->buckets = (uint32_t)rng_below(rng, ROOM_BUCKETS);
	memset(lay->owner, LAYOUT_FREE, sizeof(lay->owner));
	for (uint32_t i = 0; i < lay->buckets; i++) {
		unsigned id = (unsigned)rng_below(rng, memories);

		if (rng_one_in(rng, 4))
			continue;
		lay->owner[i] = (uint8_t)id;
		owned[id]++;
	}
	for (unsigned id = 0; id < memories; id++)
		lay->pages[id] = owned[id] * lay->bucket_pages;
	for (unsigned id = 0; id < memories; id++)
		if (lay->pages[id] > 0 && rng_one_in(rng, 2))
			lay->pages[id] -= rng_below(rng, MIN(lay->pages[id], 4u));
	len = layout_bucket_off(lay, lay->buckets) + rng_below(rng, 3) * MM_PAGE_LEN;
	s = mem_store_new(NULL, len);
	scribble(rng, mem_store_bytes(s), len);
	layout_encode(lay, page);
	memcpy(mem_store_bytes(s), page, LAYOUT_LEN);
	free(page);
	free(lay);
	return s;
}

static void compacting_keeps_every_memory_and_leaves_nothing_else(void **state)
{
	struct rng rng = rng_start(__func__);

	for (unsigned round = 0; round < test_rounds(200); round++) {
		struct store *s = untidy_image(&rng);
		struct mm_compaction plan;
		struct model model;
		struct mm *mm = NULL;

		assert_ok(mm_open(s, &mm, NULL));
		model_take(&model, mm);
		assert_ok(mm_compaction(mm, &plan, NULL));
		assert_ok(mm_compact(mm, NULL));
		assert_holds(mm, &model);
		assert_int_equal(s->len, plan.image_len);
		assert_ok(mm_compaction(mm, &plan, NULL));
		assert_int_equal(plan.holes + plan.surplus + plan.moves + plan.tail_len, 0);
		assert_ok(mm_close(mm, NULL));
		assert_dense(s);
		assert_store_holds(s, &model);
		model_free(&model);
		store_close(s);
	}
}

static void other_bucket_sizes_hold_the_same_memories_and_nothing_stale(void **state)
{
	static const uint32_t sizes[] = {1, 2, 16, 128, 1000, 1};
	struct rng rng = rng_start(__func__);

	for (unsigned round = 0; round < test_rounds(10); round++) {
		struct store *s = untidy_image(&rng);
		struct model model;
		struct mm *mm = NULL;

		assert_ok(mm_open(s, &mm, NULL));
		model_take(&model, mm);
		mm_drop(mm);
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			struct store *to = mem_store_new(NULL, 0);
			struct mm_sizing size;
			uint64_t stale_len;
			struct err err = {""};

			assert_ok(mm_open(s, &mm, NULL));
			mm_sizing(mm, sizes[i], &size);
			assert_ok_err(mm_rebucket(mm, to, sizes[i], NULL, NULL, &err), &err);
			mm_drop(mm);
			store_close(s);
			s = to;
			assert_int_equal(s->len, size.image_len);
			assert_dense(s);
			assert_store_holds(s, &model);
			assert_ok(mm_open(s, &mm, NULL));
			assert_ok(mm_zero_unowned(mm, &stale_len, NULL));
			assert_int_equal(stale_len, 0);
			mm_drop(mm);
		}
		model_free(&model);
		store_close(s);
	}
}

static void a_size_that_cannot_hold_the_memories_is_refused(void **state)
{
	struct store *s = mem_store_new(NULL, 0), *to = mem_store_new(NULL, 0);
	struct err err = {""};
	struct mm *mm = NULL;

	mem_store_limit(s, UINT64_C(1) << 40);
	assert_ok(mm_create(s, 16384, NULL));
	assert_ok(mm_open(s, &mm, NULL));
	mm_drop(mm);
	/* A memory of 2 GiB and a page, without the bytes: a reader needs none of them. */
	put_le64(mem_store_bytes(s) + LAYOUT_PAGES_OFF, 32769);
	put_le16(mem_store_bytes(s) + LAYOUT_BUCKETS_OFF, 3);
	memset(mem_store_bytes(s) + LAYOUT_OWNER_OFF, 0, 3);
	s->writable = false;
	assert_ok(mm_open(s, &mm, NULL));
	assert_errno(EFBIG, mm_rebucket(mm, to, 1, NULL, NULL, &err));
	assert_says(err.text, "32769 buckets of 1 pages");
	assert_int_equal(to->len, 0);
	assert_errno(EINVAL, mm_rebucket(mm, to, 0, NULL, NULL, NULL));
	assert_errno(EINVAL, mm_rebucket(mm, to, 65536, NULL, NULL, NULL));
	mm_drop(mm);
	store_close(s);
	store_close(to);
}

/* Every byte that no memory's page covers, looked at without the code under test. */
static void assert_only_memories_hold_bytes(struct store *s, struct mm *mm)
{
	auto_block uint8_t *mine = block_new(s->len);
	const uint8_t *bytes = mem_store_bytes(s);

	memset(mine, 1, LAYOUT_LEN);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;
		struct mm_extent x;

		mm_memory(mm, id, &m);
		for (uint64_t off = 0; off < m.pages * MM_PAGE_LEN; off += MM_PAGE_LEN) {
			assert_ok(mm_extent_at(mm, id, off, MM_PAGE_LEN, &x));
			memset(mine + x.image_off, 1, MM_PAGE_LEN);
		}
	}
	for (uint64_t i = 0; i < s->len; i++)
		if (!mine[i] && bytes[i] != 0)
			fail_msg("byte %llu is %u", (unsigned long long)i, bytes[i]);
}

static void zeroing_leaves_only_memories_and_changes_none(void **state)
{
	struct rng rng = rng_start(__func__);

	for (unsigned round = 0; round < test_rounds(50); round++) {
		struct store *s = untidy_image(&rng);
		struct model model;
		struct mm *mm = NULL;
		uint64_t stale_len;

		assert_ok(mm_open(s, &mm, NULL));
		model_take(&model, mm);
		assert_ok(mm_zero_unowned(mm, &stale_len, NULL));
		assert_holds(mm, &model);
		assert_only_memories_hold_bytes(s, mm);
		assert_ok(mm_zero_unowned(mm, &stale_len, NULL));
		assert_int_equal(stale_len, 0);
		mm_drop(mm);
		model_free(&model);
		store_close(s);
	}
}

/* Compacts through a faulty store that remembers; *steps is how many changes there were. */
static struct store *compact_recorded(struct store *s, struct model *model, size_t *steps)
{
	struct store *faulty = faulty_store_new(s);
	struct mm *mm = NULL;

	assert_ok(mm_open(faulty, &mm, NULL));
	model_take(model, mm);
	faulty_record(faulty);
	assert_ok(mm_compact(mm, NULL));
	mm_drop(mm);
	*steps = faulty_steps(faulty);
	return faulty;
}

static void assert_can_go_on(struct store *left, const struct model *model)
{
	struct err err = {""};
	struct mm *mm = NULL;

	assert_ok_err(mm_open(left, &mm, &err), &err);
	assert_holds(mm, model);
	assert_ok(mm_compact(mm, NULL));
	assert_holds(mm, model);
	mm_drop(mm);
	assert_dense(left);
	store_close(left);
}

static void killed_anywhere_the_memories_are_whole_and_it_can_be_run_again(void **state)
{
	struct rng rng = rng_start(__func__);

	for (unsigned round = 0; round < test_rounds(4); round++) {
		struct store *s = untidy_image(&rng);
		struct model model;
		size_t steps;
		struct store *faulty = compact_recorded(s, &model, &steps);

		for (size_t n = 0; n <= steps; n++)
			for (unsigned torn = 0; torn < 3; torn++)
				assert_can_go_on(faulty_after_kill(faulty, n, torn), &model);
		store_close(faulty);
		store_close(s);
		model_free(&model);
	}
}

static void after_a_power_cut_the_memories_are_whole(void **state)
{
	struct rng rng = rng_start(__func__);

	for (unsigned round = 0; round < test_rounds(4); round++) {
		struct store *s = untidy_image(&rng);
		struct model model;
		size_t steps;
		struct store *faulty = compact_recorded(s, &model, &steps);

		for (size_t n = 0; n <= steps; n++)
			assert_can_go_on(faulty_after_power_cut(faulty, n, &rng), &model);
		store_close(faulty);
		store_close(s);
		model_free(&model);
	}
}

static void a_failing_write_ends_in_an_error_and_whole_memories(void **state)
{
	struct rng rng = rng_start(__func__);

	for (unsigned round = 0; round < test_rounds(3); round++) {
		struct store *s = untidy_image(&rng);
		struct model model = {0};
		struct mm *mm = NULL;
		unsigned nth = 0;
		int rc = -EIO;

		assert_ok(mm_open(s, &mm, NULL));
		model_take(&model, mm);
		mm_drop(mm);
		while (rc) {
			struct store *copy = mem_store_new(mem_store_bytes(s), s->len);
			struct store *faulty = faulty_store_new(copy);

			assert_ok(mm_open(faulty, &mm, NULL));
			faulty_fail(faulty, FAULTY_CHANGE | FAULTY_SYNC, ++nth, -EIO);
			rc = mm_compact(mm, NULL);
			assert_true(rc == 0 || rc == -EIO);
			mm_drop(mm);
			faulty_heal(faulty);
			store_close(faulty);
			assert_can_go_on(copy, &model);
		}
		model_free(&model);
		store_close(s);
	}
}

/* Memory 7 has buckets 0, 1 and 3, of a page each. */
static void neighbours_are_read_and_written_at_once(void **state)
{
	enum { LEN = 3 * MM_PAGE_LEN };
	struct store *mem = mem_store_new(NULL, 0);
	struct store *s = faulty_store_new(mem);
	auto_free uint8_t *bytes = malloc(LEN);
	auto_free uint8_t *got = malloc(LEN);
	struct mm *mm = NULL;
	unsigned before;

	assert_ok(mm_create(s, 1, NULL));
	assert_ok(mm_open(s, &mm, NULL));
	assert_ok(mm_grow(mm, 7, 2, NULL));
	assert_ok(mm_grow(mm, 9, 1, NULL));
	assert_ok(mm_grow(mm, 7, 3, NULL));
	for (size_t i = 0; i < LEN; i++)
		bytes[i] = (uint8_t)(i / 1000);
	before = faulty_count(s, FAULTY_ANY);
	assert_ok(mm_write(mm, 7, bytes + 10, LEN - 20, 10, NULL));
	assert_ok(mm_read(mm, 7, got, LEN, 0, NULL));
	assert_int_equal(faulty_count(s, FAULTY_ANY) - before, 4);
	assert_memory_equal(got + 10, bytes + 10, LEN - 20);
	assert_true(is_zero(got + LEN - 10, 10));
	mm_drop(mm);
	store_close(s);
	store_close(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compacting_keeps_every_memory_and_leaves_nothing_else),
		cmocka_unit_test(other_bucket_sizes_hold_the_same_memories_and_nothing_stale),
		cmocka_unit_test(a_size_that_cannot_hold_the_memories_is_refused),
		cmocka_unit_test(zeroing_leaves_only_memories_and_changes_none),
		cmocka_unit_test(killed_anywhere_the_memories_are_whole_and_it_can_be_run_again),
		cmocka_unit_test(after_a_power_cut_the_memories_are_whole),
		cmocka_unit_test(a_failing_write_ends_in_an_error_and_whole_memories),
		cmocka_unit_test(neighbours_are_read_and_written_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
