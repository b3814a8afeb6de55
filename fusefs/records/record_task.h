/* SPDX-License-Identifier: MIT */
/*
 * What the files about records share: a request, and the state of all of it. Private to them.
 */
#ifndef CANISTERFS_FUSEFS_RECORD_TASK_H
#define CANISTERFS_FUSEFS_RECORD_TASK_H

#include "fusefs/records/records.h"

/* Inode numbers: records and their directories have ranges of their own. A place has 52 bits. */
#define INO_DIR    (UINT64_C(1) << 61)
#define INO_RECORD (UINT64_C(1) << 62)
enum { INO_ROOT = 9, PLACE_BITS = 52 };

/* Offsets in a directory: behind ".", behind "..", and behind the record at place p, p + OFF_FIRST.
 */
enum { OFF_DOTS = 2, OFF_FIRST = 3 };

/*
 * A record that the kernel knows; its nodeid is the address and 1. The kernel keeps the size and
 * the time that it was told first, for it takes itself for the only writer: so another size, or
 * time, is another node.
 */
struct record {
	uint64_t lookups; /* nodes_lock */
	uint64_t len;
	struct timespec mtime;
	uint8_t mm_id, style;
	char name[];
};

static inline struct record *record_of(fuse_ino_t ino)
{
	return (struct record *)(ino & ~(fuse_ino_t)1);
}

/* A request. */
enum record_act { ACT_LOOKUP, ACT_LIST, ACT_STAT, ACT_OPEN, ACT_READ };

struct record_task {
	struct record_task *next;
	enum record_act act;
	fuse_req_t req;
	struct node *dir; /* looked up in, or listed; else NULL */
	struct record_listing *listing;
	unsigned mm_id;
	enum record_style style;
	size_t size;
	off_t off;
	struct fuse_file_info fi;
	char name[RECORD_NAME_MAX + 1];
};

/* An open directory. A damaged tree could lead round and round: no more is listed than fits. */
struct record_listing {
	struct handle h;
	off_t end; /* of what was listed last */
	uint64_t count, limit;
};

struct records {
	struct node root, file; /* `file` stands for every record */
	struct node dir[MM_MAX_MEMORIES];
	pthread_mutex_t nodes_lock;
	void *nodes; /* struct record, a tree of search.h */
	pthread_mutex_t view_lock;
	struct record_view view; /* only the thread opens and closes what it holds */
	bool used;               /* the view, since the thread has looked */
	bool open;               /* there may be something to put away; the thread's alone */
	pthread_mutex_t lock;    /* guards the rest; before view_lock */
	pthread_cond_t come;
	struct record_task *first, **last;
	bool started;
	pthread_t thread;
	atomic_bool ending;
};

/* record_node.c: the nodeid of what was looked up, counted; 0: no memory. */
fuse_ino_t record_remember(struct records *r, const struct record_task *t, const struct stat *st);
/* record_act.c: answers, or returns why not; then it can be called again. view_lock held. */
int MUST_CHECK record_act(struct fs *fs, struct record_task *t, struct err *err);
/* record_task.c: sees to it that the request is answered, now or later. */
void record_take(struct record_task *t);

#endif
