/* SPDX-License-Identifier: MIT */
/* All that is wrong with an image: what `check` tells. */
#ifndef CANISTERFS_FINDINGS_H
#define CANISTERFS_FINDINGS_H

#include "memmgr/memmgr.h"
#include "tools/cmd/names.h"

struct finding {
	const char *severity; /* "note", "warning", "error" */
	const char *id;
	int mm_id; /* or -1 */
	bool repairable;
	char *text;
};

/* One look at an image. Zeroed: none yet. */
struct findings {
	struct finding *finding;
	size_t count, room;
	bool failed; /* memory was out */
	struct mm_check_result result;
};

/* Looks at the manager's page and the space it governs and, unless `shallow`, at what is inside the
 * memories. `names` may be NULL. Reads only. -EINVAL: neither a manager nor a structure. */
int MUST_CHECK findings_look(struct store *store, const struct names *names, bool shallow,
			     struct findings *out, struct err *err);
void findings_free(struct findings *f);

#endif
