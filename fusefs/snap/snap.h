/* SPDX-License-Identifier: MIT */
/*
 * The folder of snapshots. See snap.c for what it shows and snap_act.c for what it does.
 */
#ifndef CANISTERFS_FUSEFS_SNAP_H
#define CANISTERFS_FUSEFS_SNAP_H

#include "fusefs/change/change.h"
#include "fusefs/core/fs.h"
#include "snapshot/snapshot.h"

/* Inode numbers in .snap. */
#define SNAP_INO_FIRST (UINT64_C(1) << 40)

/* A snapshot that the kernel has been told of: a directory and its files. */
struct fs_snap {
	struct fs_snap *next; /* tree_lock */
	uint64_t seq;
	pthread_rwlock_t lock; /* shared: it is read; exclusive: it ends */
	bool gone;
	struct store *view;
	struct mm *mm;
	struct snap_live_side *side; /* what lay beside the image; NULL: nothing */
	struct node dir;
	struct node *file[MM_MAX_MEMORIES]; /* tree_lock; NULL until looked up */
	/* The scratch files, in the order of `side`. The mm_id of such a node is MM_MAX_MEMORIES
	 * and the file's number. tree_lock; NULL until looked up */
	struct node **scratch;
	struct node stable;
};

void snapdir_clear(struct fs *fs);

/* The operations on .snap, and on a snapshot in it. */
void snapdir_lookup(fuse_req_t req, struct node *dir, const char *name);
int MUST_CHECK snapdir_list(struct fs *fs, struct node *dir, list_add_fn *add, void *list);
/* Nobody reads a dropped snapshot any more. */
void snapdir_end(struct fs *fs, uint64_t seq);
/* tree_lock held. NULL with a sentence. */
struct fs_snap *snapdir_get(struct fs *fs, const char *name, int *rc, struct err *err);

/* ---- snap_act.c ---- */

void snapdir_init(struct fs *fs);

/* What ends with an open .canister/stable. */
struct snap_bound {
	char name[256]; /* a snapshot; "": none. acts_lock guards it */
	struct change_staged staged;
};
/* Answers an ioctl on .canister/stable. */
void snap_ask(fuse_req_t req, struct snap_bound *bound, unsigned cmd, const void *in, size_t in_len,
	      size_t out_len);
/* Answers when .canister/stable is closed. */
void snap_unbind(fuse_req_t req, const struct snap_bound *bound);

#endif
