// SPDX-License-Identifier: MIT
/* Searches, held against a comparison at every place. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/stores.h"
#include "tests/unit/test.h"
#include "tools/facts/long_needle.h"

struct found {
	uint64_t *off;
	size_t count, room, stop_after;
};

enum { STOP = 77 };

static int note(void *ctx, uint64_t off, struct err *err)
{
	struct found *f = ctx;

	(void)err;
	if (f->count == f->room) {
		f->room = MAX(64, 2 * f->room);
		f->off = reallocarray(f->off, f->room, sizeof(*f->off));
		assert_non_null(f->off);
	}
	f->off[f->count++] = off;
	return f->count == f->stop_after ? STOP : 0;
}

static void hold_against_slow(struct store *s, const struct needle *needle, uint64_t from,
			      uint64_t to, struct found *f)
{
	const uint8_t *bytes = mem_store_bytes(s);
	size_t n = 0;

	for (uint64_t off = from; off + needle->len <= to; off++) {
		if (memcmp(bytes + off, needle->bytes, needle->len) != 0)
			continue;
		assert_true(n < f->count);
		assert_int_equal(f->off[n++], off);
	}
	assert_int_equal(n, f->count);
	free(f->off);
}

static void try_long(struct store *s, const struct needle *needle, uint64_t from, uint64_t to)
{
	struct found f = {NULL};
	struct long_needle n;

	assert_ok(long_needle_prepare(needle, &n, NULL));
	assert_ok(long_needle_search(s, &n, from, to, note, &f, NULL, NULL));
	long_needle_free(&n);
	hold_against_slow(s, needle, from, to, &f);
}

static void try_any(struct store *s, const struct needle *needle, uint64_t from, uint64_t to)
{
	struct found f = {NULL};
	struct search *search;

	assert_ok(search_new(needle, &search, NULL));
	assert_ok(search_store(search, s, from, to, note, &f, NULL, NULL));
	search_free(search);
	hold_against_slow(s, needle, from, to, &f);
}

/* Bytes of few values, of which many repeat what stands some bytes before. */
static void fill_repeating(struct rng *rng, uint8_t *bytes, size_t len)
{
	unsigned values = 1 + (unsigned)rng_below(rng, 4);
	size_t period = 1 + (size_t)rng_below(rng, rng_one_in(rng, 2) ? 8 : len / 2 + 1);

	for (size_t i = 0; i < len; i++) {
		bool again = i >= period && !rng_one_in(rng, 2 * len / period + 2);

		bytes[i] = again ? bytes[i - period] : (uint8_t)('a' + rng_below(rng, values));
	}
}

/* The same for haystack and needle, which is a piece of it, sometimes with one byte changed. */
static void search_repeating(struct rng *rng, size_t max_len, size_t min_needle,
			     void (*try)(struct store *, const struct needle *, uint64_t, uint64_t))
{
	size_t len = min_needle + (size_t)rng_below(rng, max_len - min_needle);
	auto_store struct store *s = mem_store_new(NULL, len);
	size_t needle_len = min_needle + (size_t)rng_below(rng, len - min_needle + 1);
	auto_free uint8_t *bytes = malloc(needle_len);
	uint64_t from = rng_below(rng, len), to = from + rng_below(rng, len - from + 1);

	assert_non_null(bytes);
	fill_repeating(rng, mem_store_bytes(s), len);
	memcpy(bytes, mem_store_bytes(s) + rng_below(rng, len - needle_len + 1), needle_len);
	if (rng_one_in(rng, 3))
		bytes[rng_below(rng, needle_len)] ^= 1;
	try(s, &(struct needle){bytes, needle_len}, 0, len);
	try(s, &(struct needle){bytes, needle_len}, from, to);
}

static void short_strings_that_repeat(void **state)
{
	struct rng rng = rng_start("short_strings_that_repeat");

	(void)state;
	for (unsigned i = 0; i < test_rounds(1000); i++)
		search_repeating(&rng, 100, LONG_NEEDLE_MIN, try_long);
}

static void strings_longer_than_a_window(void **state)
{
	struct rng rng = rng_start("strings_longer_than_a_window");

	(void)state;
	for (unsigned i = 0; i < test_rounds(2); i++)
		search_repeating(&rng, 3 << 18, 1 << 12, try_long);
}

static void strings_of_any_length(void **state)
{
	struct rng rng = rng_start("strings_of_any_length");

	(void)state;
	for (unsigned i = 0; i < test_rounds(10); i++)
		search_repeating(&rng, 20000, rng_one_in(&rng, 2) ? 1 : 4090, try_any);
}

static void a_search_ends_when_it_is_told_to(void **state)
{
	struct rng rng = rng_start("a_search_ends_when_it_is_told_to");
	auto_store struct store *s = mem_store_new(NULL, 100000);
	struct needle needle = {mem_store_bytes(s), 5000};
	struct found f = {.stop_after = 1 + (size_t)rng_below(&rng, 100)};
	struct search *search;

	(void)state;
	memset(mem_store_bytes(s), 'a', s->len);
	assert_ok(search_new(&needle, &search, NULL));
	assert_int_equal(search_store(search, s, 0, s->len, note, &f, NULL, NULL), STOP);
	assert_int_equal(f.count, f.stop_after);
	search_free(search);
	free(f.off);
}

static void a_read_that_fails_is_told(void **state)
{
	struct rng rng = rng_start("a_read_that_fails_is_told");
	auto_store struct store *under = mem_store_new(NULL, 100000);
	auto_store struct store *s = faulty_store_new(under);
	auto_free uint8_t *bytes = malloc(5000);
	struct found f = {NULL};
	struct search *search;

	(void)state;
	assert_non_null(bytes);
	rng_fill(&rng, mem_store_bytes(under), under->len);
	memcpy(bytes, mem_store_bytes(under) + 50000, 5000);
	assert_ok(search_new(&(struct needle){bytes, 5000}, &search, NULL));
	for (unsigned n = 1; n <= 3; n++) {
		faulty_fail(s, FAULTY_READ, n - 1, -EIO);
		assert_errno(EIO, search_store(search, s, 0, s->len, note, &f, NULL, NULL));
	}
	assert_int_equal(f.count, 0);
	search_free(search);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_strings_that_repeat),
		cmocka_unit_test(strings_longer_than_a_window),
		cmocka_unit_test(strings_of_any_length),
		cmocka_unit_test(a_search_ends_when_it_is_told_to),
		cmocka_unit_test(a_read_that_fails_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
