// SPDX-License-Identifier: MIT
/* See seen_files.h. A table of open addresses. */
#include "tools/waste/seen_files.h"

static size_t seen_at(const struct seen_files *seen, const struct stat *st)
{
	uint64_t hash = ((uint64_t)st->st_ino ^ (uint64_t)st->st_dev << 32) * 0x9e3779b97f4a7c15;
	size_t at = (size_t)(hash >> 32) & (seen->room - 1);

	while (seen->file[at].ino &&
	       (seen->file[at].ino != st->st_ino || seen->file[at].dev != st->st_dev))
		at = (at + 1) & (seen->room - 1);
	return at;
}

static int seen_grow(struct seen_files *seen, struct err *err)
{
	struct seen_files larger = {.room = seen->room ? 2 * seen->room : 64};

	larger.file = calloc(larger.room, sizeof(*larger.file));
	if (!larger.file)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < seen->room; i++) {
		struct stat st = {.st_dev = seen->file[i].dev, .st_ino = seen->file[i].ino};

		if (st.st_ino)
			larger.file[seen_at(&larger, &st)] = seen->file[i];
	}
	larger.count = seen->count;
	free(seen->file);
	*seen = larger;
	return 0;
}

int seen_files_add(struct seen_files *seen, const struct stat *st, bool *again, struct err *err)
{
	int rc = 2 * (seen->count + 1) > seen->room ? seen_grow(seen, err) : 0;
	size_t at;

	if (rc)
		return rc;
	at = seen_at(seen, st);
	*again = seen->file[at].ino != 0;
	seen->count += !*again;
	seen->file[at].dev = st->st_dev;
	seen->file[at].ino = st->st_ino;
	return 0;
}

void seen_files_free(struct seen_files *seen)
{
	free(seen->file);
	seen->file = NULL;
}
