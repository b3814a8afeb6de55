/* SPDX-License-Identifier: MIT */
/* From JSON lines into a structure. What load.c puts into the image comes from here. */
#ifndef CANISTERFS_LOAD_H
#define CANISTERFS_LOAD_H

#include <stdio.h>

#include "tools/codec/codec.h"

enum load_mode {
	LOAD_MERGE,   /* what is named is inserted or replaced */
	LOAD_REPLACE, /* the records become all there are */
	LOAD_DELETE,  /* what is named goes */
};

struct load_count {
	uint64_t added, changed, unchanged, removed, missing;
};

/* How lines are read, and what may go in. */
struct load_rules {
	const struct codec *key, *value;
	enum load_mode mode;
	int64_t max_key, max_value; /* bytes; -1: not told */
	/* Where it is not NULL, it becomes true when a key is looked for whose place is not
	 * certain; no such key is added. */
	bool *doubt;
};

/* Reads all lines. The sentence begins with the number of the line that is wrong. */
int MUST_CHECK load_lines(FILE *from, struct ss *ss, const struct load_rules *rules,
			  struct load_count *count, struct err *err);

#endif
