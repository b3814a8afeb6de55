// SPDX-License-Identifier: MIT
/*
 * Owns the way from a store's ranges with data to whole clusters. Looks at no byte. No locks: the
 * store does not change meanwhile, and a scan belongs to one thread at a time.
 */
#include "snapshot/scan.h"

void scan_begin(struct scan *scan, struct store *s)
{
	*scan = (struct scan){.s = s};
}

int scan_next(struct scan *scan, uint64_t cluster, uint64_t *out, bool *found, struct err *err)
{
	uint64_t off = cluster * CKPT_CLUSTER_LEN;

	*found = false;
	if (off >= scan->s->len)
		return 0;
	if (off >= scan->end) {
		int rc = store_next_data(scan->s, off, &scan->start, &scan->end, err);

		if (rc < 0)
			return rc;
		if (scan->start == scan->end)
			scan->start = scan->end = UINT64_MAX; /* nothing follows */
	}
	*found = scan->start != UINT64_MAX;
	*out = MAX(cluster, scan->start / CKPT_CLUSTER_LEN);
	return 0;
}

int scan_total(struct store *s, uint64_t *len, struct err *err)
{
	uint64_t start, end;

	*len = 0;
	for (uint64_t off = 0; off < s->len; off = end) {
		int rc = store_next_data(s, off, &start, &end, err);

		if (rc < 0)
			return rc;
		if (start == end)
			break;
		*len += end - start;
	}
	return 0;
}

int scan_read(struct store *s, uint64_t cluster, uint8_t *buf, struct err *err)
{
	size_t len = scan_len(s, cluster);

	memset(buf + len, 0, CKPT_CLUSTER_LEN - len);
	return store_read(s, buf, len, cluster * CKPT_CLUSTER_LEN, err);
}
