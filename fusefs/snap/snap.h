/* SPDX-License-Identifier: MIT */
/*
 * The folder of snapshots. See snap.c for what it shows and snap_act.c for what it does.
 */
#ifndef CANISTERFS_FUSEFS_SNAP_H
#define CANISTERFS_FUSEFS_SNAP_H

#include "fusefs/core/fs.h"
#include "snapshot/snapshot.h"

/* A snapshot that the kernel has been told of: a directory and its files. */
struct fs_snap {
	struct fs_snap *next; /* tree_lock */
	uint64_t seq;
	pthread_rwlock_t lock; /* shared: it is read; exclusive: it ends */
	bool gone;
	struct store *view;
	struct mm *mm;
	struct node dir;
	struct node *file[MM_MAX_MEMORIES]; /* tree_lock; NULL until looked up */
	struct node stable;
};

static inline bool node_is_snap(const struct node *node)
{
	return node->kind == NODE_SNAP_ROOT || node->kind == NODE_SNAP_DIR ||
	       node->kind == NODE_SNAP_FILE || node->kind == NODE_SNAP_STABLE;
}

void snapdir_init(struct fs *fs);
void snapdir_clear(struct fs *fs);
/* This name in the root is the folder's. */
bool snapdir_is_folder(const struct fs *fs, const char *name);

/* The operations on its nodes; each answers. */
void snapdir_lookup(fuse_req_t req, struct node *dir, const char *name);
void snapdir_open(fuse_req_t req, struct node *node, struct fuse_file_info *fi);
void snapdir_read(fuse_req_t req, struct node *node, size_t size, off_t off);
/* As content_next_data, of a file in a snapshot. */
int MUST_CHECK snapdir_next_data(struct fs *fs, struct node *node, uint64_t off, uint64_t *start,
				 uint64_t *end, struct err *err);
void snapdir_lseek(fuse_req_t req, struct node *node, off_t off, int whence);
/* What a directory lists. */
int MUST_CHECK snapdir_list(struct fs *fs, struct node *dir, list_add_fn *add, void *list);
/* Nobody reads a dropped snapshot any more. */
void snapdir_end(struct fs *fs, uint64_t seq);
/* tree_lock held. NULL with a sentence. */
struct fs_snap *snapdir_get(struct fs *fs, const char *name, int *rc, struct err *err);

/* snap_act.c */
void snapdir_mkdir(fuse_req_t req, struct node *dir, const char *name);
void snapdir_rmdir(fuse_req_t req, struct node *dir, const char *name);
void snapdir_rename(fuse_req_t req, const char *name, const char *new_name);
/* On .canister/stable, which is asked, and keeps a snapshot for as long as it is open. */
void snapdir_open_stable(fuse_req_t req, struct fuse_file_info *fi);
void snapdir_release_stable(fuse_req_t req, struct fuse_file_info *fi);
void snapdir_ioctl(fuse_req_t req, struct fuse_file_info *fi, unsigned cmd, const void *in,
		   size_t in_len, size_t out_len);

#endif
