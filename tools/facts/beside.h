/* SPDX-License-Identifier: MIT */
/* What lies beside an image, as verbs tell of it: scratch files and exact lengths of memories. */
#ifndef CANISTERFS_TOOLS_BESIDE_H
#define CANISTERFS_TOOLS_BESIDE_H

#include "snapshot/snapshot.h"
#include "tools/out/json.h"

struct beside_file;
struct beside_len;

/* Facts alone: stays good when the files are closed. */
struct beside {
	bool damaged;   /* something is there, and cannot be read */
	struct err why; /* that is so */
	struct beside_file *file;
	size_t count;
	struct beside_len *len;
	size_t len_count;
	struct err warning; /* what a database needs of it; "": nothing */
};
#define BESIDE_NONE ((struct beside){.count = 0})

/* `files` NULL: nothing lies there. -ENOMEM. */
int MUST_CHECK beside_of(const struct side_files *files, struct beside *out, struct err *err);
/* Of what a checkpoint holds, open as `s`; of any other store nothing. Damage is no failure. */
int MUST_CHECK beside_of_store(struct store *s, struct beside *out, struct err *err);
void beside_free(struct beside *b);
#define auto_beside __attribute__((cleanup(beside_free)))

/* Lines as `info` has them; none where nothing lies there. */
void beside_print(const struct beside *b);
/* Two arrays, "side_files" and "exact_lengths"; both null where they cannot be read. */
void beside_put(struct json *doc, json_t *object, const struct beside *b);

#endif
