/* SPDX-License-Identifier: MIT */
/* How many records of a memory's structure were added, removed and changed. */
#ifndef CANISTERFS_RECORD_COUNT_H
#define CANISTERFS_RECORD_COUNT_H

#include "tools/cmd/names.h"

struct record_count {
	const char *kind; /* of the structure; NULL: there is none to count records of */
	uint64_t added, removed, changed;
};

/* Compares memory `mm_id` of two images; the one of a log's data has no records of its own. `names`
 * may be NULL. -EDOM: what it says of widths and orders is not enough. */
int MUST_CHECK record_count(struct mm *was, struct mm *now, unsigned mm_id, struct names *names,
			    struct record_count *out, struct err *err);

#endif
