/* SPDX-License-Identifier: MIT */
/*
 * Changes of a mounted image that verbs ask for, each at one instant: new contents of memories,
 * compaction, repair.
 */
#ifndef CANISTERFS_FUSEFS_CHANGE_H
#define CANISTERFS_FUSEFS_CHANGE_H

#include "fusefs/core/fs.h"

/* New contents that have come, and wait for FS_INSTALL. */
struct change_staged {
	pthread_mutex_t lock;
	unsigned count;
	struct change_memory {
		unsigned mm_id;
		struct store *under; /* the memory as it is; NULL: the content is all new */
		struct store *stage;
	} memory[MM_MAX_CONTENTS];
};
void change_staged_init(struct change_staged *st);
void change_staged_end(struct change_staged *st);

/* Takes a piece of a new content, and answers. */
void change_take(fuse_req_t req, struct change_staged *st, const struct fs_piece *piece);

/* FS_INSTALL, FS_COMPACT, FS_REPAIR, all with acts_lock held, and FS_ACCOUNT. `st` NULL: nothing
 * has come. */
int MUST_CHECK change_act(struct fs *fs, struct fs_request *r, struct change_staged *st,
			  struct err *err);

/* change_install.c */
int MUST_CHECK change_install(struct fs *fs, const struct fs_request *r, struct change_staged *st,
			      struct err *err);
/* The staged content of a memory, made where there is none. st->lock held. */
int MUST_CHECK change_memory(struct fs *fs, struct change_staged *st, unsigned mm_id, bool over,
			     struct store **stage, struct err *err);

#endif
