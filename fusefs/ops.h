/* SPDX-License-Identifier: MIT */
/*
 * The operations, one function each. Names and duties are libfuse's (fuse_lowlevel.h); every path
 * through one ends in exactly one reply.
 */
#ifndef CANISTERFS_OPS_H
#define CANISTERFS_OPS_H

#include <limits.h>

#include "fusefs/core/fs.h"

/* dispatch.c: each kind of node answers in its own way. */
void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi);
void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg, struct fuse_file_info *fi,
	      unsigned flags, const void *in, size_t in_len, size_t out_len);

/* listing.c: opens a directory whose names its table lists. */
void listing_open(fuse_req_t req, struct node *dir, struct fuse_file_info *fi);

/* dir.c */
extern const struct node_ops root_ops;
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void op_refuse_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);

/* by_name.c */
void op_readlink(fuse_req_t req, fuse_ino_t ino);

/* rename.c */
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned flags);
/* The file's memory, if it holds one, becomes empty; open handles keep a copy. tree_lock held. */
int MUST_CHECK node_empty(struct fs *fs, struct node *node, struct err *err);

/* file.c: the files that can be written. */
extern const struct node_ops file_ops;
void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
	      struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
/* Counts a new handle, and tells the kernel how to treat it; and the end of one, which may be the
 * end of the node. tree_lock held. */
void file_opened(struct fs *fs, struct node *node, struct fuse_file_info *fi);
void file_closed(struct node *node, const struct fuse_file_info *fi);

/* read.c */
void file_read(fuse_req_t req, fuse_ino_t ino, struct node *node, size_t size, off_t off);
/* The mapping of the image's file, if it has one, from mount to unmount. */
void window_open(struct fs *fs);
void window_close(struct fs *fs);

/* space.c */
void file_lseek(fuse_req_t req, struct node *node, off_t off, int whence);
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi);
void op_copy_file_range(fuse_req_t req, fuse_ino_t in_ino, off_t in_off,
			struct fuse_file_info *in_fi, fuse_ino_t out_ino, off_t out_off,
			struct fuse_file_info *out_fi, size_t len, int flags);

/* control.c: the files in .canister. */
void control_init(struct fs *fs);

/* attr.c */
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi);
void op_statfs(fuse_req_t req, fuse_ino_t ino);
void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags);
void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

#endif
