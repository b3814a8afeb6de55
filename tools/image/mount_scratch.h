/* SPDX-License-Identifier: MIT */
/*
 * Lists the scratch files of a mount or of a directory, before the mount or the directory goes.
 */
#ifndef CANISTERFS_TOOLS_MOUNT_SCRATCH_H
#define CANISTERFS_TOOLS_MOUNT_SCRATCH_H

#include <stdbool.h>

#include "memmgr/util.h"

/* The exit status of 'umount': unmounted, and a journal was kept beside the image without which a
 * database in a memory is not whole. Whoever takes the image alone must know. */
enum { UMOUNT_HALF = 3 };

struct mount_scratch {
	char *lines; /* one for each scratch file with content; for free(), or NULL: none */
	bool half;   /* a database in a memory is not whole without one of them */
};

/* Lists the scratch files with content at `mountpoint`; each line ends with `fate`, such as "is
 * kept". A read-only mount, and one that cannot be looked into, has none. Leaves nothing open. */
void mount_scratch_list(const char *mountpoint, const char *fate, struct mount_scratch *out);
/* Removes all scratch files. */
int MUST_CHECK mount_scratch_remove(const char *mountpoint, struct err *err);

/* A line for each file with content in a directory, for free(); NULL: there is none. */
char *scratch_lines(const char *dir, const char *fate);
/* Prints each line as a note about `what`. Changes the lines. */
void scratch_tell(const char *what, char *lines);

#endif
