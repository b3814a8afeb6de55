// SPDX-License-Identifier: MIT
/*
 * See search.h. Stretches without data are only zeros and are not read, but for the ends that a
 * match can reach into.
 */
#include "tools/facts/search.h"

#include "tools/facts/long_needle.h"

enum {
	STEP_LEN = 1 << 20,
	SHORT_MAX =
		1 << 12, /* memmem looks for needles up to there, and begins anew in each step */
};

struct search {
	struct needle needle;
	struct long_needle prepared; /* where the needle is longer */
	uint8_t *buf; /* or else: needle.len - 1 bytes from the step before, then a step */
};

struct pass {
	const struct search *search;
	struct store *s;
	search_fn *fn;
	void *ctx;
	struct progress *progress;
};

static int report(const struct pass *p, uint64_t off, size_t len, struct err *err)
{
	const struct needle *needle = &p->search->needle;
	const uint8_t *buf = p->search->buf, *at = buf, *end = buf + len;
	int rc = 0;

	while (!rc && (at = memmem(at, (size_t)(end - at), needle->bytes, needle->len))) {
		rc = p->fn(p->ctx, off + (uint64_t)(at - buf), err);
		at++;
	}
	return rc;
}

/* Reads [from, to) once, piece by piece, each behind the tail of the one before. */
static int search_short(const struct pass *p, uint64_t from, uint64_t to, struct err *err)
{
	uint8_t *buf = p->search->buf;
	size_t keep = 0;
	int rc = 0;

	while (!rc && from < to) {
		size_t step = (size_t)MIN(to - from, (uint64_t)STEP_LEN);
		size_t len = keep + step;

		rc = store_read(p->s, buf + keep, step, from, err);
		if (!rc)
			rc = report(p, from - keep, len, err);
		keep = MIN(len, p->search->needle.len - 1);
		memmove(buf, buf + len - keep, keep);
		from += step;
		if (p->progress)
			progress_add(p->progress, step);
	}
	return rc;
}

static int search_run(const struct pass *p, uint64_t from, uint64_t to, struct err *err)
{
	if (!p->search->prepared.shift)
		return search_short(p, from, to, err);
	return long_needle_search(p->s, &p->search->prepared, from, to, p->fn, p->ctx, p->progress,
				  err);
}

static int search_range(const struct pass *p, uint64_t from, uint64_t to, struct err *err)
{
	uint64_t reach = p->search->needle.len - 1;
	uint64_t run = from, run_end = from;
	int rc = 0;

	/* [run, run_end) is what is to be read next: data, and zeros beside it within reach. */
	for (uint64_t off = from; !rc && off < to;) {
		uint64_t data, data_end;

		rc = store_next_data(p->s, off, &data, &data_end, err);
		if (rc)
			return rc;
		data = MIN(data, to);
		data_end = MIN(data_end, to);
		if (data < data_end && data > run_end + 2 * reach) {
			rc = search_run(p, run, run_end, err);
			if (p->progress)
				progress_add(p->progress, data - reach - run_end);
			run = data - reach;
		}
		if (data < data_end)
			run_end = MIN(data_end + reach, to);
		off = MAX(data_end, off + 1);
	}
	return rc ? rc : search_run(p, run, run_end, err);
}

int search_store(struct search *search, struct store *s, uint64_t from, uint64_t to, search_fn *fn,
		 void *ctx, struct progress *progress, struct err *err)
{
	struct pass p = {search, s, fn, ctx, progress};

	return search_range(&p, from, MIN(to, s->len), err);
}

int search_new(const struct needle *needle, struct search **out, struct err *err)
{
	struct search *search = calloc(1, sizeof(*search));
	int rc = 0;

	*out = search;
	if (!search)
		return err_set(err, -ENOMEM, "no memory to search with");
	search->needle = *needle;
	if (needle->len > SHORT_MAX)
		rc = long_needle_prepare(needle, &search->prepared, err);
	else if (!(search->buf = malloc(STEP_LEN + needle->len)))
		rc = err_set(err, -ENOMEM, "no memory to search with");
	return rc;
}

void search_free(struct search *search)
{
	if (!search)
		return;
	long_needle_free(&search->prepared);
	free(search->buf);
	free(search);
}
