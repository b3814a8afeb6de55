/* SPDX-License-Identifier: MIT */
/*
 * Which files were met, whatever their names are. For one thread.
 */
#ifndef CANISTERFS_SEEN_FILES_H
#define CANISTERFS_SEEN_FILES_H

#include <sys/stat.h>

#include "memmgr/util.h"

/* Zeroed: none. */
struct seen_files {
	struct seen_file {
		dev_t dev;
		ino_t ino; /* 0: no file */
	} * file;
	size_t count, room; /* room: a power of two, at least twice the count */
};

/* *again: the file was there before. */
int MUST_CHECK seen_files_add(struct seen_files *seen, const struct stat *st, bool *again,
			      struct err *err);
void seen_files_free(struct seen_files *seen);

#endif
