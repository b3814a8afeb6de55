// SPDX-License-Identifier: MIT
/*
 * See search.h. Stretches without data are only zeros and are not read, but for the ends that a
 * match can reach into.
 */
#include "tools/facts/search.h"

enum { STEP_LEN = 1 << 20 };

struct window {
	struct store *s;
	const struct needle *needle;
	search_fn *fn;
	void *ctx;
	struct progress *progress;
	uint8_t *buf; /* needle.len - 1 bytes from the step before, then a step */
};

static int report(const struct window *w, uint64_t off, size_t len, struct err *err)
{
	const uint8_t *at = w->buf, *end = w->buf + len;
	int rc = 0;

	while (!rc && (at = memmem(at, (size_t)(end - at), w->needle->bytes, w->needle->len))) {
		rc = w->fn(w->ctx, off + (uint64_t)(at - w->buf), err);
		at++;
	}
	return rc;
}

/* Reads [from, to) once, piece by piece, each behind the tail of the one before. */
static int search_run(const struct window *w, uint64_t from, uint64_t to, struct err *err)
{
	size_t keep = 0;
	int rc = 0;

	while (!rc && from < to) {
		size_t step = (size_t)MIN(to - from, (uint64_t)STEP_LEN);
		size_t len = keep + step;

		rc = store_read(w->s, w->buf + keep, step, from, err);
		if (!rc)
			rc = report(w, from - keep, len, err);
		keep = MIN(len, w->needle->len - 1);
		memmove(w->buf, w->buf + len - keep, keep);
		from += step;
		if (w->progress)
			progress_add(w->progress, step);
	}
	return rc;
}

static int search_range(const struct window *w, uint64_t from, uint64_t to, struct err *err)
{
	uint64_t reach = w->needle->len - 1;
	uint64_t run = from, run_end = from;
	int rc = 0;

	/* [run, run_end) is what is to be read next: data, and zeros beside it within reach. */
	for (uint64_t off = from; !rc && off < to;) {
		uint64_t data, data_end;

		rc = store_next_data(w->s, off, &data, &data_end, err);
		if (rc)
			return rc;
		data = MIN(data, to);
		data_end = MIN(data_end, to);
		if (data < data_end && data > run_end + 2 * reach) {
			rc = search_run(w, run, run_end, err);
			if (w->progress)
				progress_add(w->progress, data - reach - run_end);
			run = data - reach;
		}
		if (data < data_end)
			run_end = MIN(data_end + reach, to);
		off = MAX(data_end, off + 1);
	}
	return rc ? rc : search_run(w, run, run_end, err);
}

int search_store(struct store *s, const struct needle *needle, uint64_t from, uint64_t to,
		 search_fn *fn, void *ctx, struct progress *progress, struct err *err)
{
	auto_free uint8_t *buf = malloc(STEP_LEN + needle->len);
	struct window w = {s, needle, fn, ctx, progress, buf};

	if (!buf)
		return err_set(err, -ENOMEM, "no memory to search for %zu bytes with", needle->len);
	return search_range(&w, from, MIN(to, s->len), err);
}
