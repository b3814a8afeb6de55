// SPDX-License-Identifier: MIT
/* Owns sets of ranges, and the rule that moves them from written to in doubt. See doubt.h. */
#include "memmgr/doubt.h"

/* The first range that ends at or behind `off`. */
static size_t find(const struct doubt_ranges *r, uint64_t off)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->range[middle].end >= off)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void drop(struct doubt_ranges *r, size_t at, size_t count)
{
	memmove(&r->range[at], &r->range[at + count],
		(r->count - at - count) * sizeof(r->range[0]));
	r->count -= count;
}

static void insert(struct doubt_ranges *r, size_t at, uint64_t off, uint64_t end)
{
	memmove(&r->range[at + 1], &r->range[at], (r->count - at) * sizeof(r->range[0]));
	r->count++;
	r->range[at].off = off;
	r->range[at].end = end;
}

static void add(struct doubt_ranges *r, uint64_t off, uint64_t end)
{
	size_t at = find(r, off), last = at;

	while (last < r->count && r->range[last].off <= end)
		last++;
	if (last == at && r->count == DOUBT_MAX_RANGES) {
		/* Joined with a neighbour: the gap counts. */
		at = MIN(at, r->count - 1);
		last = at + 1;
	}
	if (last == at) {
		insert(r, at, off, end);
		return;
	}
	r->range[at].off = MIN(r->range[at].off, off);
	r->range[at].end = MAX(r->range[last - 1].end, end);
	drop(r, at + 1, last - at - 1);
}

/* A hole in the middle of one range stays part of the set where there is no room for two. */
static void take(struct doubt_ranges *r, uint64_t off, uint64_t end)
{
	for (size_t at = find(r, off); at < r->count && r->range[at].off < end;) {
		uint64_t had_end = r->range[at].end;

		if (r->range[at].off < off && had_end > end) {
			if (r->count == DOUBT_MAX_RANGES)
				return;
			r->range[at].end = off;
			insert(r, at + 1, end, had_end);
			return;
		}
		if (r->range[at].off >= off && had_end <= end) {
			drop(r, at, 1);
			continue;
		}
		if (r->range[at].off < off)
			r->range[at].end = MIN(had_end, off);
		else
			r->range[at].off = end;
		at++;
	}
}

void doubt_init(struct doubt *d)
{
	pthread_mutex_init(&d->lock, NULL);
}

void doubt_end(struct doubt *d)
{
	pthread_mutex_destroy(&d->lock);
}

void doubt_written(struct doubt *d, uint64_t off, uint64_t len, bool durable)
{
	pthread_mutex_lock(&d->lock);
	take(&d->lost, off, off + len);
	if (durable)
		take(&d->written, off, off + len);
	else
		add(&d->written, off, off + len);
	pthread_mutex_unlock(&d->lock);
}

void doubt_cut(struct doubt *d, uint64_t len)
{
	pthread_mutex_lock(&d->lock);
	take(&d->lost, len, UINT64_MAX);
	take(&d->written, len, UINT64_MAX);
	pthread_mutex_unlock(&d->lock);
}

void doubt_sync_begins(struct doubt *d)
{
	pthread_mutex_lock(&d->lock);
	d->syncing = d->written;
	d->written.count = 0;
	pthread_mutex_unlock(&d->lock);
}

/* What was written again meanwhile waits for the next sync. */
static void note_failure(struct doubt *d)
{
	for (size_t i = 0; i < d->syncing.count; i++)
		add(&d->lost, d->syncing.range[i].off, d->syncing.range[i].end);
	for (size_t i = 0; i < d->written.count; i++)
		take(&d->lost, d->written.range[i].off, d->written.range[i].end);
}

int doubt_sync_ended(struct doubt *d, int rc, struct err *err)
{
	pthread_mutex_lock(&d->lock);
	if (rc) {
		note_failure(d);
		err_sys(err, rc, "cannot sync");
	} else if (d->lost.count > 0) {
		rc = err_set(err, -EIO,
			     "an earlier sync has failed: bytes %llu to %llu may not be on disk "
			     "until they are written again",
			     (unsigned long long)d->lost.range[0].off,
			     (unsigned long long)d->lost.range[0].end);
	}
	pthread_mutex_unlock(&d->lock);
	return rc;
}
