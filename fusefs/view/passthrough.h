/* SPDX-License-Identifier: MIT */
/*
 * Reads that the kernel serves by itself: FUSE passthrough from a memory's file to the one in the
 * view of the image (view.h). Only for mounts that never write: the kernel refuses it together with
 * the writeback cache, and the allocator would see no write.
 *
 * Decided once, before anybody can open a file: the kernel does not let a file be open in this way
 * and with the kernel's cache of a FUSE file at once.
 */
#ifndef CANISTERFS_PASSTHROUGH_H
#define CANISTERFS_PASSTHROUGH_H

#include <linux/fuse.h>

#include "fusefs/core/fs.h"

/* Before the mount: makes the view, where there can be one. Fails only where the mount's options
 * demand what cannot be had. */
int MUST_CHECK passthrough_prepare(struct fs *fs, struct err *err);
/* What INIT asked and what it is answered: the kernel's offer, and our taking it. */
void passthrough_see_offer(struct fs *fs, const void *request, size_t len);
void passthrough_accept(struct fs *fs, struct fuse_init_out *init, size_t len);
/* INIT is answered: hands the kernel the files. Fails as passthrough_prepare does. */
int MUST_CHECK passthrough_start(struct fs *fs, struct err *err);
/* Does the kernel read by itself what is opened so? Not with O_DIRECT, which is served as ever; but
 * the kernel fails such an open with EIO while the file is also open without. */
bool passthrough_takes(const struct node *node, const struct fuse_file_info *fi);
/* Answers an open that passthrough_takes; as fuse_reply_open. */
int passthrough_reply_open(fuse_req_t req, const struct node *node,
			   const struct fuse_file_info *fi);
/* The view goes, but for what the kernel still has of it. */
void passthrough_end(struct fs *fs);

#endif
