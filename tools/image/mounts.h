/* SPDX-License-Identifier: MIT */
/*
 * Which images are mounted where, as the kernel tells.
 */
#ifndef CANISTERFS_MOUNTS_H
#define CANISTERFS_MOUNTS_H

#include "memmgr/util.h"

/*
 * The image mounted at `path`, for free(), and the mountpoint's full name. -ENOENT, with a
 * sentence, where no canisterfs is mounted there. Works also when the daemon is dead.
 */
int MUST_CHECK mounts_find(const char *path, char **mountpoint, char **image, struct err *err);

/* Where a canisterfs has this image mounted, for free(). NULL: nowhere. */
char *mounts_at(const char *image);

#endif
