/* SPDX-License-Identifier: MIT */
/*
 * What lies beside an image at one instant, and is part of its state: scratch files, such as the
 * journal of an SQLite database in a memory, and the lengths of memories in bytes, which the image
 * itself has in whole pages only.
 *
 * Whoever has such a state (a directory of scratch files, a bundle of bytes) fills a struct
 * side_files; whoever wants one reads through it.
 */
#ifndef CANISTERFS_SIDE_FILES_H
#define CANISTERFS_SIDE_FILES_H

#include <limits.h>

#include "memmgr/memmgr.h"

/* Reads `len` bytes at `off`, all of them inside the file. */
typedef int side_read_fn(void *ctx, void *buf, size_t len, uint64_t off, struct err *err);
/* The first range [*start, *end) at or behind `off` that may hold data: all between is zero.
 * *start == *end == the file's length when only zeros follow. */
typedef int side_next_data_fn(void *ctx, uint64_t off, uint64_t *start, uint64_t *end,
			      struct err *err);

/* One scratch file. */
struct side_file {
	char name[NAME_MAX + 1]; /* side_name_ok */
	uint64_t len;            /* bytes; at most INT64_MAX */
	side_read_fn *read;
	side_next_data_fn *next_data; /* NULL: any byte may hold data */
	void *ctx;
};

enum { SIDE_MAX_FILES = 4096 };
#define SIDE_WHOLE_PAGES UINT64_MAX

/* All that lies beside an image. */
struct side_files {
	struct side_file *file;
	size_t count; /* at most SIDE_MAX_FILES */
	/* Bytes of each memory; SIDE_WHOLE_PAGES: its pages say how many. */
	uint64_t exact_len[MM_MAX_MEMORIES];
};

/* One without files and lengths. */
void side_files_init(struct side_files *files);
/* False: there is nothing beside the image; NULL is nothing, too. */
bool side_files_any(const struct side_files *files);
/* The bytes of all files, holes included; UINT64_MAX where a sum is larger. */
uint64_t side_files_len(const struct side_files *files);
/* NULL: there is none of this name. */
const struct side_file *side_files_find(const struct side_files *files, const char *name);

/* A scratch file can have this name: it is one component of a path, no "." or "..", not longer than
 * NAME_MAX, and not the id of a memory. */
bool side_name_ok(const char *name);

/* What SQLite pairs with a database in a memory: the names ID-journal, ID-wal and ID-shm, by
 * number. Returns `buf`. */
enum { SIDE_PAIR_COUNT = 3, SIDE_PAIR_ROOM = 24 };
const char *side_pair_name(unsigned mm_id, unsigned nth, char buf[SIDE_PAIR_ROOM]);

/* The file without which a database in this memory is not whole: ID-journal or ID-wal, where SQLite
 * would apply it. NULL: there is none. */
const struct side_file *side_files_other_half(const struct side_files *files, unsigned mm_id);

/*
 * For a reader of the image that has no use for its scratch files: one sentence about those without
 * which a database in a memory is not whole: ID-journal and ID-wal, where SQLite would apply them.
 * False: there are none, and the text is empty.
 */
bool side_files_warning(const struct side_files *files, struct err *text);

#endif
