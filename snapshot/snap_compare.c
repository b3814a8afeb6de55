// SPDX-License-Identifier: MIT
/*
 * Owns the comparison of two flat things page by page, on all cores. Knows neither what the pages
 * mean nor what follows from a difference. `next` uses the fields up to at, `done` those below.
 */
#include <inttypes.h>

#include "snapshot/pipe.h"
#include "snapshot/snapshot.h"
#include "snapshot/watch.h"

enum { RUN = 8, PAGE = SNAP_CLUSTER_LEN };

struct job {
	uint64_t first;
	size_t count;
	bool differs[RUN];
	uint64_t first_off[RUN];
};

struct worker {
	uint8_t a[PAGE], b[PAGE];
};

/* A range with data of one side. */
struct range {
	uint64_t start, end; /* start UINT64_MAX: none are left */
};

struct compare {
	const struct snap_side *side[2];
	const struct snap_work *how;

	struct range range[2];
	uint64_t at; /* the next page */

	void (*fn)(void *ctx, uint64_t page, uint64_t first_off);
	void *fn_ctx;
	struct snap_difference *out;
	uint64_t done_len, total_len;
};

static uint64_t side_len(const struct snap_side *s)
{
	struct mm_memory m;

	if (!s->mm)
		return s->store->len;
	mm_memory(s->mm, s->mm_id, &m);
	return m.pages * MM_PAGE_LEN;
}

static int side_next(const struct snap_side *s, uint64_t off, struct range *r, struct err *err)
{
	int rc = s->mm ? mm_next_data(s->mm, s->mm_id, off, &r->start, &r->end, err)
		       : store_next_data(s->store, off, &r->start, &r->end, err);

	if (rc == 0 && r->start == r->end)
		r->start = r->end = UINT64_MAX;
	return rc;
}

/* Zeros behind the end. */
static int side_read(const struct snap_side *s, uint64_t page, uint8_t *buf, struct err *err)
{
	uint64_t len = side_len(s), off = page * PAGE;
	size_t n = off < len ? MIN(PAGE, len - off) : 0;

	memset(buf + n, 0, PAGE - n);
	if (n == 0)
		return 0;
	return s->mm ? mm_read(s->mm, s->mm_id, buf, n, off, err)
		     : store_read(s->store, buf, n, off, err);
}

/* The first page from x->at on in which one side may have data; UINT64_MAX: none. */
static int next_page(struct compare *x, uint64_t *page, struct err *err)
{
	*page = UINT64_MAX;
	for (int i = 0; i < 2; i++) {
		struct range *r = &x->range[i];
		uint64_t off = x->at * PAGE;

		if (r->start != UINT64_MAX && off >= r->end) {
			int rc = 0;

			if (off < side_len(x->side[i]))
				rc = side_next(x->side[i], off, r, err);
			else
				r->start = UINT64_MAX;
			if (rc < 0)
				return rc;
		}
		if (r->start != UINT64_MAX)
			*page = MIN(*page, MAX(x->at, r->start / PAGE));
	}
	return 0;
}

static int next(void *ctx, void *job_, struct err *err)
{
	struct compare *x = ctx;
	struct job *job = job_;

	for (job->count = 0; job->count < RUN; job->count++) {
		uint64_t page;
		int rc = next_page(x, &page, err);

		if (rc < 0)
			return rc;
		if (page == UINT64_MAX || (job->count > 0 && page != x->at))
			break;
		if (job->count == 0)
			job->first = page;
		x->at = page + 1;
	}
	return job->count > 0;
}

static size_t first_difference(const uint8_t *a, const uint8_t *b)
{
	size_t i = 0;

	while (a[i] == b[i])
		i++;
	return i;
}

static int work(void *ctx, void *worker, void *job_, struct err *err)
{
	struct compare *x = ctx;
	struct worker *w = worker;
	struct job *job = job_;

	for (size_t i = 0; i < job->count; i++) {
		int rc = side_read(x->side[0], job->first + i, w->a, err);

		if (rc == 0)
			rc = side_read(x->side[1], job->first + i, w->b, err);
		if (rc < 0)
			return rc;
		job->differs[i] = memcmp(w->a, w->b, PAGE) != 0;
		if (job->differs[i])
			job->first_off[i] = (job->first + i) * PAGE + first_difference(w->a, w->b);
	}
	return 0;
}

static int done(void *ctx, void *job_, struct err *err)
{
	struct compare *x = ctx;
	struct job *job = job_;

	for (size_t i = 0; i < job->count; i++) {
		if (!job->differs[i])
			continue;
		if (x->out->pages++ == 0)
			x->out->first_off = job->first_off[i];
		if (x->fn)
			x->fn(x->fn_ctx, job->first + i, job->first_off[i]);
	}
	x->done_len += job->count * PAGE;
	if (snap_watch_step(x->how->watch, x->done_len, x->total_len))
		return err_set(err, -ECANCELED, "interrupted");
	return 0;
}

static int worker_new(void *ctx, void **out)
{
	(void)ctx;
	*out = malloc(sizeof(struct worker));
	return *out ? 0 : -ENOMEM;
}

static const struct pipe_ops pipe_ops = {
	.job_len = sizeof(struct job),
	.worker_new = worker_new,
	.worker_free = free,
	.next = next,
	.work = work,
	.done = done,
};

int snap_compare(const struct snap_side *a, const struct snap_side *b, const struct snap_work *how,
		 void (*fn)(void *ctx, uint64_t page, uint64_t first_off), void *ctx,
		 struct snap_difference *out, struct err *err)
{
	struct compare x = {.side = {a, b}, .how = how, .fn = fn, .fn_ctx = ctx, .out = out};

	*out = (struct snap_difference){.first_off = UINT64_MAX};
	x.total_len = MAX(side_len(a), side_len(b));
	return pipe_run(&pipe_ops, &x, how->jobs, err);
}
