// SPDX-License-Identifier: MIT
/*
 * Owns the view of one virtual memory as a store, and finding the two memories of a log. Holds no
 * bytes; the locks are memmgr's.
 */
#include <inttypes.h>

#include "memmgr/structures/log.h"

struct memory_store {
	struct store s;
	struct mm *mm;
	unsigned mm_id;
};

static struct memory_store *memory_of(struct store *s)
{
	return (struct memory_store *)s;
}

static int read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	return mm_read(memory_of(s)->mm, memory_of(s)->mm_id, buf, len, off, err);
}

static int write_at(struct store *s, const void *buf, size_t len, uint64_t off, unsigned flags,
		    struct err *err)
{
	int rc = mm_write(memory_of(s)->mm, memory_of(s)->mm_id, buf, len, off, err);

	return rc == 0 && (flags & STORE_DURABLE) ? mm_sync(memory_of(s)->mm, err) : rc;
}

static int zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err)
{
	return mm_zero(memory_of(s)->mm, memory_of(s)->mm_id, off, len, err);
}

static int resize(struct store *s, uint64_t len, struct err *err)
{
	int rc;

	if (len < s->len)
		return err_set(err, -EINVAL, "memory %u does not shrink here", memory_of(s)->mm_id);
	rc = mm_grow(memory_of(s)->mm, memory_of(s)->mm_id, div_up(len, MM_PAGE_LEN), err);
	if (rc == 0)
		s->len = div_up(len, MM_PAGE_LEN) * MM_PAGE_LEN;
	return rc;
}

static int sync_all(struct store *s, struct err *err)
{
	return mm_sync(memory_of(s)->mm, err);
}

static int next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end, struct err *err)
{
	return mm_next_data(memory_of(s)->mm, memory_of(s)->mm_id, off, start, end, err);
}

static void close_store(struct store *s)
{
	free(memory_of(s));
}

static const struct store_ops memory_ops = {
	.name = "memory",
	.read_at = read_at,
	.write_at = write_at,
	.zero_at = zero_at,
	.resize = resize,
	.sync = sync_all,
	.next_data = next_data,
	.close = close_store,
};

int ss_memory_store(struct mm *mm, unsigned mm_id, bool writable, struct store **out,
		    struct err *err)
{
	struct memory_store *m;
	struct mm_memory facts;

	*out = NULL;
	if (mm_id >= MM_MAX_MEMORIES)
		return err_set(err, -EINVAL, "%u is no memory's id", mm_id);
	m = calloc(1, sizeof(*m));
	if (!m)
		return err_set(err, -ENOMEM, "no memory for a view of memory %u", mm_id);
	mm_memory(mm, mm_id, &facts);
	m->s = (struct store){
		.ops = &memory_ops, .len = facts.pages * MM_PAGE_LEN, .writable = writable};
	m->mm = mm;
	m->mm_id = mm_id;
	*out = &m->s;
	return 0;
}

/* What pairing needs to know of one memory. */
struct half {
	bool index, data;
	uint64_t entries_len; /* of an index: what its data must hold */
	uint64_t len;
};

static int read_half(struct mm *mm, unsigned mm_id, struct half *h, struct err *err)
{
	auto_store struct store *s = NULL;
	struct blocks b;
	uint64_t count;
	int rc = ss_memory_store(mm, mm_id, false, &s, err);

	*h = (struct half){0};
	if (rc < 0)
		return rc;
	h->len = s->len;
	if (s->len == 0)
		return 0;
	rc = blocks_open(s, &b, err);
	if (rc < 0)
		return rc;
	h->index = log_index_read(&b, &count, &h->entries_len, NULL) == 0;
	h->data = log_data_read(&b, NULL) == 0;
	blocks_close(&b);
	return 0;
}

/* 0: cannot be one log; 1: can; 2: the data memory has just the pages that a log never cleared has.
 */
static unsigned fit(const struct half *index, const struct half *data)
{
	uint64_t end;

	if (!index->index || !data->data ||
	    add_overflows(index->entries_len, (uint64_t)LOG_DATA_OFF, &end) || end > data->len)
		return 0;
	return div_up(end, MM_PAGE_LEN) == data->len / MM_PAGE_LEN ? 2 : 1;
}

int ss_log_partner(struct mm *mm, unsigned mm_id, unsigned *partner, struct err *err)
{
	struct half mine, other;
	unsigned best = 0, times = 0;
	int rc = read_half(mm, mm_id, &mine, err);

	for (unsigned id = 0; rc == 0 && id < MM_MAX_MEMORIES; id++) {
		struct mm_memory facts;
		unsigned fits;

		mm_memory(mm, id, &facts);
		if (id == mm_id || facts.pages == 0)
			continue;
		rc = read_half(mm, id, &other, err);
		fits = rc < 0 ? 0 : MAX(fit(&mine, &other), fit(&other, &mine));
		if (fits == 0)
			continue;
		times = fits == best ? times + 1 : fits > best ? 1 : times;
		if (fits > best)
			*partner = id;
		best = MAX(best, fits);
	}
	if (rc < 0)
		return rc;
	if (best == 0)
		return err_set(err, -ENOENT,
			       "no memory holds the other half of the log in memory %u", mm_id);
	if (times > 1)
		return err_set(err, -ENOTUNIQ,
			       "%u memories could hold the other half of the log in memory %u",
			       times, mm_id);
	return 0;
}
