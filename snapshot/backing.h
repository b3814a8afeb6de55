/* SPDX-License-Identifier: MIT */
/*
 * Which file a backing file's name may lead to. Whoever made a file has chosen the name in it: the
 * file may come from a stranger, and must not make us read or write what is none of his.
 */
#ifndef CANISTERFS_BACKING_H
#define CANISTERFS_BACKING_H

#include "memmgr/store.h"

/* A file that names a backing file. */
struct backing_of {
	struct store *file; /* open */
	const char *path;   /* as it was opened */
	bool trusted;       /* the user vouches for whatever the file names */
	/* A delta says what its base must hold, and nothing else is taken for it: then the base may
	 * lie anywhere, seen from the delta. */
	bool proven;
};

/* Where the name leads, for free(). NULL without memory. */
char *backing_path(const char *path, const char *name);

/*
 * Opens it for reading. -EPERM, unless it is trusted, and `err` names what would be opened: its
 * name is absolute, it lies outside of the directory of the file that names it, it belongs to
 * another user than that file, it is no plain file, or no image.
 */
int MUST_CHECK backing_open(const struct backing_of *of, const char *name, struct store **out,
			    struct err *err);

#endif
