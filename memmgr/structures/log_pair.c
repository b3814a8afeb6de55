// SPDX-License-Identifier: MIT
/*
 * Finds the two memories of a log: its index and its data. Reads only.
 */
#include "memmgr/structures/log.h"

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
