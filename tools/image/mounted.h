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

/* The page where the manager begins in such a store, as the mount says. */
uint64_t mounted_base_pages(struct store *s);

/*
 * The memories hold these contents from now on, all at one instant. `s` is from mounted_open, of
 * the image as it is now. With `staged` the ctx of each content is a stage over the memory in `s`,
 * and only what was changed there is sent; -EAGAIN: a memory was written to since.
 */
int MUST_CHECK mounted_install(struct store *s, const struct mm_content *content, unsigned count,
			       bool staged, struct err *err);
bool mounted_is_store(const struct store *s);

/*
 * Asks the mount at `path` for FS_COMPACT or FS_REPAIR. Before that a snapshot is taken, which is
 * the way back, and called `kept` or kept-2 and so on; NULL: none.
 */
struct mounted_changed {
	char kept[64];      /* the snapshot's name */
	uint64_t stale_len; /* of FS_COMPACT */
};
int MUST_CHECK mounted_change(const char *path, enum fs_verb verb, unsigned number,
			      const char *kept, struct mounted_changed *out, struct err *err);

/* The snapshot that was taken for a store from mounted_open, borrowed; NULL: none was, or it is
 * another kind of store. */
const char *mounted_snapshot(const struct store *s);

/* A request with a verb, a name and perhaps another. -ENAMETOOLONG. */
int MUST_CHECK mounted_request(struct fs_request *r, uint32_t verb, const char *name,
			       const char *other, struct err *err);

#endif
