// SPDX-License-Identifier: MIT
/* Owns the images of images.h. Single-threaded. */
#include "tests/unit/images.h"

#include <stdio.h>

enum { PAGE = 65536, FREE = 255, ID_OF_HOLES = 200 };

int image_nth_bucket(const uint8_t *img, unsigned mm_id, uint64_t nth)
{
	for (int i = 0; i < MM_MAX_BUCKETS; i++)
		if (img[2080 + i] == mm_id && nth-- == 0)
			return i;
	return -1;
}

uint32_t image_owned(const uint8_t *img, unsigned mm_id)
{
	uint32_t count = 0;

	while (image_nth_bucket(img, mm_id, count) >= 0)
		count++;
	return count;
}

uint64_t image_slack(const uint8_t *img, unsigned mm_id, uint64_t *len)
{
	uint64_t pages = image_pages(img, mm_id);
	uint64_t in_last = pages % image_bucket_pages(img);
	int last = image_nth_bucket(img, mm_id, pages / image_bucket_pages(img));

	*len = in_last > 0 ? (image_bucket_pages(img) - in_last) * PAGE : 0;
	return in_last > 0 ? image_bucket_off(img, (uint32_t)last) + in_last * PAGE : 0;
}

static uint8_t *read_first_page(struct store *s)
{
	uint8_t *page = malloc(PAGE);

	assert_non_null(page);
	assert_ok(store_read(s, page, PAGE, 0, NULL));
	return page;
}

/* A page of a memory that lies where the image's first page says. */
static void read_page(struct store *s, const uint8_t *page0, unsigned mm_id, uint64_t page,
		      uint8_t *out)
{
	uint64_t bucket_pages = image_bucket_pages(page0);
	int bucket = image_nth_bucket(page0, mm_id, page / bucket_pages);
	uint64_t off;

	assert_true(bucket >= 0);
	off = image_bucket_off(page0, (uint32_t)bucket) + page % bucket_pages * PAGE;
	assert_ok(store_read(s, out, PAGE, off, NULL));
}

uint8_t *image_memory(struct store *s, unsigned mm_id, uint64_t *len)
{
	auto_free uint8_t *page0 = read_first_page(s);
	uint64_t pages = image_pages(page0, mm_id);
	uint8_t *out = malloc(MAX(pages * PAGE, 1));

	assert_non_null(out);
	for (uint64_t page = 0; page < pages; page++)
		read_page(s, page0, mm_id, page, out + page * PAGE);
	*len = pages * PAGE;
	return out;
}

struct image_plan image_plan_random(struct rng *rng)
{
	struct image_plan plan = {
		.bucket_pages = 1 + (uint32_t)rng_below(rng, 3),
		.memories = 3 + (unsigned)rng_below(rng, 4),
		.holes = rng_one_in(rng, 2),
	};

	for (unsigned i = 0; i < plan.memories; i++)
		plan.ids[i] = i == 0 ? (unsigned)rng_below(rng, 20)
				     : plan.ids[i - 1] + 1 + (unsigned)rng_below(rng, 30);
	return plan;
}

static void grow_by(struct mm *mm, unsigned mm_id, uint64_t pages)
{
	struct mm_memory memory;

	mm_memory(mm, mm_id, &memory);
	assert_ok(mm_resize(mm, mm_id, memory.pages + pages, NULL));
}

static void fill_memory(struct mm *mm, unsigned mm_id, struct rng *rng)
{
	auto_free uint8_t *page = malloc(PAGE);
	struct mm_memory memory;

	mm_memory(mm, mm_id, &memory);
	for (uint64_t i = 0; i < memory.pages; i++) {
		if (rng_one_in(rng, 4))
			continue;
		rng_fill(rng, page, PAGE);
		assert_ok(mm_write(mm, mm_id, page, PAGE, i * PAGE, NULL));
	}
}

static void make_holes(uint8_t *img)
{
	for (uint32_t i = 0; i < image_buckets(img); i++)
		if (image_owner(img)[i] == ID_OF_HOLES)
			image_owner(img)[i] = FREE;
	image_set_size(img, ID_OF_HOLES, 0);
}

struct store *image_build(const struct image_plan *plan, struct rng *rng)
{
	struct store *s = mem_store_new(NULL, 0);
	uint32_t b = plan->bucket_pages;
	struct mm *mm = NULL;

	assert_ok(mm_create(s, b, NULL));
	assert_ok(mm_open(s, &mm, NULL));
	for (unsigned i = 0; i < plan->memories; i++)
		grow_by(mm, plan->ids[i], b + 1);
	for (unsigned i = (unsigned)rng_below(rng, 8); i > 0; i--) {
		grow_by(mm, plan->ids[rng_below(rng, plan->memories)], 1 + rng_below(rng, b));
		if (plan->holes && rng_one_in(rng, 2))
			grow_by(mm, ID_OF_HOLES, b);
	}
	if (plan->holes)
		grow_by(mm, ID_OF_HOLES, b * (1 + rng_below(rng, 3)));
	/* The last one fills its bucket up and begins another. */
	{
		struct mm_memory last;

		mm_memory(mm, plan->ids[plan->memories - 1], &last);
		grow_by(mm, plan->ids[plan->memories - 1], last.slack_len / PAGE + 1);
	}
	for (unsigned i = 0; i < plan->memories; i++)
		fill_memory(mm, plan->ids[i], rng);
	mm_drop(mm);
	make_holes(mem_store_bytes(s));
	return s;
}

void assert_same_memories(struct store *before, struct store *s, int longer)
{
	auto_free uint8_t *old_page0 = read_first_page(before);
	auto_free uint8_t *page0 = read_first_page(s);
	auto_free uint8_t *old = malloc(PAGE);
	auto_free uint8_t *now = malloc(PAGE);

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		uint64_t old_pages = image_pages(old_page0, id);

		if ((int)id == longer)
			assert_true(image_pages(page0, id) >= old_pages);
		else
			assert_int_equal(image_pages(page0, id), old_pages);
		for (uint64_t page = 0; page < old_pages; page++) {
			read_page(before, old_page0, id, page, old);
			read_page(s, page0, id, page, now);
			assert_memory_equal(now, old, PAGE);
		}
	}
}

static void keep(void *ctx, const struct mm_finding *finding)
{
	struct seen *seen = ctx;

	assert_true(seen->count < ARRAY_LEN(seen->findings));
	seen->findings[seen->count++] = *finding;
}

static unsigned count_severity(const struct seen *seen, enum mm_severity severity)
{
	unsigned count = 0;

	for (unsigned i = 0; i < seen->count; i++)
		count += seen->findings[i].severity == severity;
	return count;
}

void check_image(struct store *s, struct seen *seen)
{
	unsigned unrepairable = 0;
	struct err err;

	memset(seen, 0, sizeof(*seen));
	assert_ok_err(mm_check(s, keep, seen, &seen->result, &err), &err);
	for (unsigned i = 0; i < seen->count; i++) {
		assert_true(strlen(seen->findings[i].text) > 10);
		unrepairable +=
			seen->findings[i].severity != MM_NOTE && !seen->findings[i].repairable;
	}
	assert_int_equal(seen->result.notes, count_severity(seen, MM_NOTE));
	assert_int_equal(seen->result.warnings, count_severity(seen, MM_WARNING));
	assert_int_equal(seen->result.errors, count_severity(seen, MM_ERROR));
	assert_int_equal(seen->result.unrepairable, unrepairable);
}

void assert_clean(struct store *s)
{
	auto_free struct seen *seen = malloc(sizeof(*seen));

	assert_non_null(seen);
	check_image(s, seen);
	for (unsigned i = 0; i < seen->count; i++)
		print_error("%s: %s\n", seen->findings[i].id, seen->findings[i].text);
	assert_int_equal(seen->count, 0);
}

const struct mm_finding *seen_find(const struct seen *seen, const char *id)
{
	for (unsigned i = 0; i < seen->count; i++)
		if (strcmp(seen->findings[i].id, id) == 0)
			return &seen->findings[i];
	return NULL;
}
