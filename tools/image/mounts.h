/* SPDX-License-Identifier: MIT */
/*
 * Which images are mounted where, as the kernel tells.
 */
#ifndef CANISTERFS_MOUNTS_H
#define CANISTERFS_MOUNTS_H

#include "memmgr/util.h"

/* A mount of ours. One file system can have several: bind mounts, and those of other mount
 * namespaces; `device` is the same for all of them. */
struct mount_info {
	char *mountpoint; /* full name */
	char *image;
	dev_t device;
	uid_t owner; /* the user who runs the daemon */
	gid_t group;
};
#define MOUNT_INFO_NONE ((struct mount_info){NULL})
#define auto_mount_info __attribute__((cleanup(cleanup_mount_info)))
void cleanup_mount_info(struct mount_info *info);

/* What is mounted at `path`. -ENOENT, with a sentence, where no canisterfs is mounted there. Works
 * also when the daemon is dead. */
int MUST_CHECK mounts_find(const char *path, struct mount_info *out, struct err *err);

/* Where a canisterfs has this image mounted, for free(); not counting the file system `but`, which
 * is 0 to count all. NULL: nowhere. */
char *mounts_at(const char *image, dev_t but);

/* A process that sees this file system, and where it sees it, for free(): ourselves first. NULL:
 * none that we may look at. */
char *mounts_seen_by(dev_t device, pid_t *pid);

#endif
