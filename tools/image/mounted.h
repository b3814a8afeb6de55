/* SPDX-License-Identifier: MIT */
/*
 * An image that a canisterfs has mounted, reached through its mount: the mount is asked about its
 * snapshots, and read from one, so that whoever writes there goes on.
 */
#ifndef CANISTERFS_TOOLS_MOUNTED_H
#define CANISTERFS_TOOLS_MOUNTED_H

#include "fusefs/fusefs.h"

/* A canisterfs is mounted at this directory. */
bool mounted_is(const char *path);

/* *fd is for mounted_ask, *mountpoint for free(). -ENOENT: none is mounted there. */
int MUST_CHECK mounted_reach(const char *path, char **mountpoint, int *fd, struct err *err);
/* Returns 0 or -errno with the mount's sentence; r has the answer. */
int MUST_CHECK mounted_ask(int fd, struct fs_request *r, struct err *err);

/*
 * The image, for reading: as it was at the snapshot of that name or, where that is NULL, as it is
 * now: a snapshot is taken for it, as the bits of fs_snap_how in `how` say, and dropped when the
 * store is closed. What is mounted read-only stands still by itself.
 */
int MUST_CHECK mounted_open(const char *path, const char *snapshot, unsigned how,
			    struct store **out, struct err *err);

/* The directory that shows the memories and scratch files of a store from mounted_open, borrowed;
 * -1: another kind of store. */
int mounted_dir_fd(const struct store *s);

/* A request with a verb, a name and perhaps another. -ENAMETOOLONG. */
int MUST_CHECK mounted_request(struct fs_request *r, uint32_t verb, const char *name,
			       const char *other, struct err *err);

#endif
