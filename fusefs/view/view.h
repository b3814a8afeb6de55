/* SPDX-License-Identifier: MIT */
/*
 * An image's memories as files that the kernel reads by itself, without asking a daemon.
 */
#ifndef CANISTERFS_VIEW_H
#define CANISTERFS_VIEW_H

#include "memmgr/memmgr.h"

/*
 * Opens the directory of a file system with a file for each memory that has pages, named by its id
 * in decimal. The file system stands in no directory of the host, is gone when the last descriptor
 * of it is, and is right as long as the image's layout does not change. It needs some KB of disk,
 * beside the image or in /var/tmp. In *root_fd a descriptor for the caller to close.
 */
int MUST_CHECK view_open(struct mm *mm, struct store *store, const char *image_path, int *root_fd,
			 struct err *err);

#endif
