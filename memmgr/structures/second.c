// SPDX-License-Identifier: MIT
/*
 * Owns the search for headers of structures behind a memory's begin. There is one where two
 * structures share a memory, or where the memory's buckets come in a wrong order. Only a header
 * that cannot be there by chance counts: several fields of it must be able to be true.
 */
#include <inttypes.h>

#include "memmgr/structures/ss.h"

enum { HEAD_LEN = 128 };

/* NULL: none that counts. */
static const char *header_at(const uint8_t *raw)
{
	bool v1 = raw[3] == 1;

	if (memcmp(raw, "BTR", 3) == 0 && (v1 || raw[3] == 2) && memcmp(raw + 52, "BTA\1", 4) == 0)
		return "map";
	if (v1 && is_zero(raw + 17, 47) && raw[16] <= 1 && memcmp(raw, "SVC", 3) == 0)
		return "vector";
	if (v1 && is_zero(raw + 17, 47) && raw[16] <= 1 && memcmp(raw, "SMH", 3) == 0)
		return "heap";
	if (v1 && is_zero(raw + 4, 28) && memcmp(raw, "GLI", 3) == 0)
		return "log's index";
	if (v1 && is_zero(raw + 4, 28) && memcmp(raw, "GLD", 3) == 0)
		return "log's data";
	return NULL;
}

static int look_at(struct ss_report *r, struct store *s, uint64_t off, struct err *err)
{
	uint8_t raw[HEAD_LEN];
	int rc = store_read(s, raw, sizeof(raw), off, err);
	const char *what = rc < 0 ? NULL : header_at(raw);

	if (what)
		ss_find_fault(r, D_SECOND,
			      "the header of a %s lies at byte %" PRIu64
			      ": another structure shares this memory, or its buckets are out of "
			      "order",
			      what, off);
	/* A page that the image lacks is told of elsewhere. */
	return rc == -EUCLEAN ? 0 : rc;
}

/* The library's structures begin where a page does. */
int ss_find_second(struct ss_report *r, struct store *s, struct err *err)
{
	uint64_t start, end;
	int rc = 0;

	for (uint64_t off = MM_PAGE_LEN; rc == 0 && off < s->len; off = end) {
		rc = store_next_data(s, off, &start, &end, err);
		if (rc < 0)
			return rc == -EUCLEAN ? 0 : rc;
		start = div_up(start, MM_PAGE_LEN) * MM_PAGE_LEN;
		for (; rc == 0 && start < end && start + HEAD_LEN <= s->len; start += MM_PAGE_LEN)
			rc = look_at(r, s, start, err);
	}
	return rc;
}
