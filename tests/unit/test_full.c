// SPDX-License-Identifier: MIT
/*
 * An image whose buckets are all handed out, or nearly: whatever is free can be had by any memory,
 * wherever it lies, and no memory loses a byte when buckets move for that. On a sparse file.
 */
#include <fcntl.h>
#include <stdio.h>

#include "memmgr/memmgr.h"
#include "tests/unit/test.h"

enum { MEMORIES = 3, MARKS = 200 };

/* What stands at the beginning of some pages. */
struct marks {
	uint64_t pages[MEMORIES];
	uint64_t page[MEMORIES][MARKS], value[MEMORIES][MARKS];
};

static struct mm *new_image(const char *dir, struct store **s)
{
	auto_free char *path = test_path(dir, "image");
	struct mm *mm;

	close(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644));
	assert_ok(file_store_open(path, true, s, NULL));
	assert_ok(mm_create(*s, 1, NULL));
	assert_ok(mm_open(*s, &mm, NULL));
	return mm;
}

static void mark(struct mm *mm, unsigned id, struct marks *m, struct rng *rng)
{
	for (unsigned i = 0; i < MARKS; i++) {
		uint64_t page, value = rng_next(rng);

		if (m->pages[id] == 0) { /* the marks of the pages that it had are gone */
			m->page[id][i] = UINT64_MAX;
			continue;
		}
		page = rng_below(rng, m->pages[id]);
		m->page[id][i] = page;
		m->value[id][i] = value;
		assert_ok(mm_write(mm, id, &value, sizeof(value), page * MM_PAGE_LEN, NULL));
	}
}

/* The last mark of a page is what it holds. */
static void check_marks(struct mm *mm, unsigned id, const struct marks *m)
{
	for (unsigned i = 0; i < MARKS; i++) {
		uint64_t value, last = i;

		if (m->page[id][i] >= m->pages[id])
			continue;
		for (unsigned j = i + 1; j < MARKS; j++)
			last = m->page[id][j] == m->page[id][i] ? j : last;
		assert_ok(
			mm_read(mm, id, &value, sizeof(value), m->page[id][i] * MM_PAGE_LEN, NULL));
		assert_true(value == m->value[id][last]);
	}
}

static void set_pages(struct mm *mm, unsigned id, uint64_t pages, struct marks *m)
{
	struct err err = {""};

	assert_ok_err(mm_resize(mm, id, pages, &err), &err);
	m->pages[id] = pages;
}

/* All memories grow in turn, so that their buckets lie in each other. */
static void fill_up(struct mm *mm, struct marks *m, struct rng *rng)
{
	for (uint64_t left = MM_MAX_BUCKETS; left > 0;) {
		unsigned id = (unsigned)rng_below(rng, MEMORIES);
		uint64_t more = 1 + rng_below(rng, 2000);

		more = MIN(left, more);
		set_pages(mm, id, m->pages[id] + more, m);
		left -= more;
	}
}

static void what_is_free_can_be_had_wherever_it_lies(void **state)
{
	struct rng rng = rng_start("full");
	struct marks *m = calloc(1, sizeof(*m));
	char *dir = test_dir_make();
	struct mm_check_result result;
	struct store *s;
	struct mm *mm = new_image(dir, &s);

	(void)state;
	fill_up(mm, m, &rng);
	for (unsigned round = 0; round < test_rounds(6); round++) {
		unsigned from = (unsigned)rng_below(&rng, MEMORIES);
		unsigned to = (from + 1 + (unsigned)rng_below(&rng, MEMORIES - 1)) % MEMORIES;
		uint64_t given;

		for (unsigned id = 0; id < MEMORIES; id++)
			mark(mm, id, m, &rng);
		given = rng_one_in(&rng, 3) ? m->pages[from] : rng_below(&rng, m->pages[from] + 1);
		set_pages(mm, from, m->pages[from] - given, m);
		if (m->pages[to] + given < MM_MAX_BUCKETS)
			assert_errno(ENOSPC, mm_resize(mm, to, m->pages[to] + given + 1, NULL));
		set_pages(mm, to, m->pages[to] + given, m);
		for (unsigned id = 0; id < MEMORIES; id++)
			check_marks(mm, id, m);
		assert_ok(mm_check(s, NULL, NULL, &result, NULL));
		assert_int_equal(result.errors + result.warnings, 0);
	}
	assert_ok(mm_close(mm, NULL));
	store_close(s);
	test_dir_remove(dir);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_free_can_be_had_wherever_it_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
