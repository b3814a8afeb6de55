/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share: the mount, its nodes, and who may touch what.
 *
 * Locks, in the order in which they are taken:
 *
 * - fs->tree_lock: names, lookup counts, open counts; which node stands under which name
 * - node->lock, shared: the node's content is read or written; exclusive: its length shrinks, or
 *   what holds the content (memory, scratch file) changes. Of two files only under tree_lock, in no
 *   order
 * - the image's, inside mm_*
 *
 * Those of records.c come before all of these; but its nodes_lock is the last.
 */
#ifndef CANISTERFS_FS_H
#define CANISTERFS_FS_H

#define FUSE_USE_VERSION 312

#include <fuse3/fuse_lowlevel.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "fusefs/core/unwritten.h"
#include "fusefs/fusefs.h"

enum node_kind {
	NODE_ROOT,
	NODE_MEMORY,      /* content in virtual memory mm_id */
	NODE_SCRATCH,     /* content in host file fd */
	NODE_CONTROL,     /* .canister */
	NODE_STABLE,      /* .canister/stable */
	NODE_INFO,        /* .canister/info.json */
	NODE_BESIDE,      /* .canister/..., a file of the host */
	NODE_RECORDS,     /* .canister/records */
	NODE_RECORD_DIR,  /* .canister/records/5 */
	NODE_RECORD,      /* .canister/records/5/..., all of them: see records.h */
	NODE_BY_NAME,     /* by-name */
	NODE_LINK,        /* by-name/... */
	NODE_SNAP_ROOT,   /* .snap */
	NODE_SNAP_DIR,    /* .snap/NAME */
	NODE_SNAP_FILE,   /* .snap/NAME/5 */
	NODE_SNAP_STABLE, /* .snap/NAME/stable */
};

/* What chmod can set: nothing here is a program, see handshake.c. */
#define MODE_BITS ((mode_t)01777)

/* How much of a file the host was found to hold, and of which file: blocks.c. */
struct counted {
	uint64_t version, size_len, len;
};

struct node {
	/* A memory can become a scratch file and the other way round, under the exclusive lock. */
	_Atomic enum node_kind kind;
	/* Likewise which one. */
	_Atomic unsigned mm_id;
	int fd;
	char *name;               /* NULL: unlinked. tree_lock */
	struct node *next, *prev; /* of the mount's named nodes, in no order. tree_lock */
	uint64_t lookups;         /* the kernel's references. tree_lock */
	unsigned open_count;      /* tree_lock */
	atomic_uint writers;      /* handles open for writing */
	atomic_uint links;        /* as stat tells it: 0 once it is unlinked */
	pthread_rwlock_t lock;
	_Atomic uint64_t size_len;  /* exact length in bytes; may grow under a shared lock */
	struct unwritten unwritten; /* what could not be written of it */
	/* Where the last read ended and how far read-ahead has come: hints, no lock. */
	_Atomic uint64_t read_end, ahead_off;
	pthread_mutex_t attr_lock; /* guards the rest */
	struct counted counted;
	ino_t ino;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec atime, mtime, ctime;
	struct fs_snap *snap; /* of a node in .snap: set when it is made */
	int backing_id; /* view/passthrough.c: the kernel's name of the file that it reads; or 0 */
};

struct fs {
	const struct fs_config *cfg;
	struct mm *mm;
	struct store *store;
	struct fuse_session *session;
	pthread_mutex_t tree_lock;
	struct node root; /* the head of the list of named files */
	struct node control, stable, info, snap_root;
	struct records *records;
	struct by_name *by_name; /* NULL: there are no names */
	struct fs_snap *snaps;   /* that the kernel has asked for. tree_lock */
	/* snap_act.c: threads under way */
	pthread_mutex_t acts_lock; /* one of them changes something; before all other locks */
	/* flush.c: a child that makes the kernel write back (0: none), and forget */
	pthread_mutex_t errand_lock;
	_Atomic pid_t errand_pid;
	atomic_bool errand_drops;
	pthread_mutex_t tasks_lock;
	pthread_cond_t tasks_done;
	unsigned tasks;
	struct node beside[FS_BESIDE_MAX]; /* as in cfg->beside */
	unsigned beside_count;
	ino_t next_ino;
	bool scratch_nameless; /* scratch files have no place beside the image. tree_lock */
	char *window;          /* read.c: a mapping of window_fd, which is -1 if there is none */
	uint64_t window_len;
	int window_fd;
	struct fs_passthrough passthrough;
	int view_fd;  /* view/passthrough.c: of the view of the image, while that is made; or -1 */
	bool greeted; /* handshake.c: INIT is answered */
	bool in_background; /* stderr leads nowhere: the log is syslog's */
};

static inline struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* Adds an entry to what a directory lists. */
typedef int list_add_fn(void *list, const char *name, ino_t ino, mode_t mode);

/* ---- node.c: the tree. Once an operation has answered, others may free its node ---- */

int MUST_CHECK nodes_init(struct fs *fs, struct err *err);
void nodes_clear(struct fs *fs);
/* The node that a nodeid of the kernel's stands for, and the other way round. */
struct node *node_of(struct fs *fs, fuse_ino_t ino);
fuse_ino_t node_id(struct fs *fs, const struct node *node);
/* .canister/stable has one for each length: with the writeback cache the kernel believes the length
 * with which it first met a nodeid. */
fuse_ino_t node_stable_id(uint64_t len);
/* The memory's id that `name` stands for, or -1: any other name is a scratch file's. */
int name_to_id(const char *name);
/* Digits alone that are no id, such as "255" or "03": most likely a mistake. */
bool name_is_no_id(const char *name);
bool name_is_reserved(const struct fs *fs, const char *name);
/* Of `mode` remain the bits that the image has; who may list a directory may enter it. */
void node_init(const struct fs *fs, struct node *node, enum node_kind kind, ino_t ino, mode_t mode);
/* A regular file with content: a memory or a scratch file. */
bool node_is_file(const struct node *node);
/* These six with tree_lock held. NULL: not found, no memory. */
struct node *node_find(struct fs *fs, const char *name);
struct node *node_find_memory(struct fs *fs, unsigned mm_id);
struct node *node_new_memory(struct fs *fs, unsigned mm_id);
struct node *node_new(struct fs *fs, enum node_kind kind, const char *name, mode_t mode);
void node_set_name(struct fs *fs, struct node *node, char *name); /* takes name; NULL unlinks */
void node_forget(struct node *node, uint64_t lookups);            /* may free it */
void node_stat(struct fs *fs, struct node *node, struct stat *st);
/* blocks.c: in units of 512 bytes. node->lock shared. */
uint64_t node_blocks(struct fs *fs, struct node *node);
/* Makes it as old as a memory's file, if there is one. */
void node_stat_times(struct fs *fs, unsigned mm_id, struct stat *st);
bool node_is_written(struct fs *fs, unsigned mm_id);
/* The content has changed now. */
void node_touch(struct node *node);

void cleanup_mutex(pthread_mutex_t **held);
void cleanup_rwlock(pthread_rwlock_t **held);
#define auto_unlock    __attribute__((cleanup(cleanup_mutex), unused))
#define auto_rw_unlock __attribute__((cleanup(cleanup_rwlock), unused))
static inline pthread_mutex_t *lock(pthread_mutex_t *m)
{
	pthread_mutex_lock(m);
	return m;
}
static inline pthread_rwlock_t *lock_shared(pthread_rwlock_t *l)
{
	pthread_rwlock_rdlock(l);
	return l;
}
static inline pthread_rwlock_t *lock_exclusive(pthread_rwlock_t *l)
{
	pthread_rwlock_wrlock(l);
	return l;
}

/* ---- node_content.c: a file of exact length. The caller holds node->lock as said ---- */

/* shared. *got is short at the end of the file. */
int MUST_CHECK content_read(struct fs *fs, struct node *node, void *buf, size_t len, uint64_t off,
			    size_t *got, struct err *err);
/* shared. Grows the file as needed. */
int MUST_CHECK content_write(struct fs *fs, struct node *node, const void *buf, size_t len,
			     uint64_t off, struct err *err);
/* For unwritten.c. What is stored of the file: at least size_len, but where a write failed. */
uint64_t content_stored_len(struct fs *fs, struct node *node);
/* shared. As content_write, of a file that is long enough already, though not all is stored. */
int MUST_CHECK content_store(struct fs *fs, struct node *node, const void *buf, size_t len,
			     uint64_t off, struct err *err);
/* exclusive. As much is stored as the file is long. */
int MUST_CHECK content_lengthen(struct fs *fs, struct node *node, struct err *err);
/* shared. The file is at least so long. */
void content_raise_size(struct node *node, uint64_t end);
/* exclusive */
int MUST_CHECK content_truncate(struct fs *fs, struct node *node, uint64_t len, struct err *err);
/* exclusive; the part of the range that lies inside the file. */
int MUST_CHECK content_zero(struct fs *fs, struct node *node, uint64_t off, uint64_t len,
			    struct err *err);
/* exclusive. Host space for a range of the file, which grows to hold it. */
int MUST_CHECK content_reserve(struct fs *fs, struct node *node, uint64_t off, uint64_t len,
			       struct err *err);
/* shared. As store_next_data, up to the file's length. */
int MUST_CHECK content_next_data(struct fs *fs, struct node *node, uint64_t off, uint64_t *start,
				 uint64_t *end, struct err *err);
int MUST_CHECK content_sync(struct fs *fs, struct node *node, bool data_only, struct err *err);
/* exclusive. Copies what a memory's node holds out of the image into a scratch file, which the node
 * holds from then on. The memory stays as it is. */
int MUST_CHECK content_detach(struct fs *fs, struct node *node, struct err *err);
/* exclusive. A scratch file's content becomes memory mm_id's, as a whole; the node holds the memory
 * from then on. */
int MUST_CHECK content_adopt(struct fs *fs, struct node *scratch, unsigned mm_id, struct err *err);
/* ---- scratch.c: files of the host. tree_lock held ---- */

/* Opens a new one, without a name. */
int MUST_CHECK scratch_open(struct fs *fs, int *fd, struct err *err);
/* Gives the open file its name on the host. Another file that has the name loses it. */
int MUST_CHECK scratch_name(struct fs *fs, int fd, const char *name, struct err *err);
/* The same, and the content and the name are on disk when this returns 0. The other file is kept
 * until scratch_end_naming, which drops it, or gives it its name back. */
int MUST_CHECK scratch_name_durably(struct fs *fs, int fd, const char *name, struct err *err);
void scratch_end_naming(struct fs *fs, const char *name, bool done);
void scratch_unname(struct fs *fs, const char *name);
/* `flags` as for renameat2(2). */
int MUST_CHECK scratch_rename(struct fs *fs, const char *name, const char *new_name, unsigned flags,
			      struct err *err);
int MUST_CHECK scratch_sync_names(struct fs *fs);
/* The name is used in the scratch directory for other ends than a scratch file. */
bool scratch_name_is_ours(const char *name);
/* Keeps the exact lengths of all memories' files beside the image, where scratch files lie. */
void scratch_note_lengths(struct fs *fs);
/* Makes nodes for the scratch files that fit the image, and gives the memories' files the lengths
 * that were kept. */
int MUST_CHECK scratch_show(struct fs *fs, struct err *err);
/* The mount ends: syncs the scratch files and removes the empty ones. The log names the others. */
void scratch_end(struct fs *fs);

/* ---- control.c: the files in .canister ---- */

struct node *control_find(struct fs *fs, const char *name);
const char *control_name(struct fs *fs, unsigned n); /* NULL behind the last */
/* The host's file behind a NODE_BESIDE, as it is now: open for reading, or -errno. */
int MUST_CHECK control_open_beside(struct fs *fs, const struct node *node);
void control_open(fuse_req_t req, struct node *node, struct fuse_file_info *fi);
void control_read(fuse_req_t req, struct node *node, size_t size, off_t off,
		  struct fuse_file_info *fi);
void control_release(fuse_req_t req, struct node *node, struct fuse_file_info *fi);

/* The kernel may believe what it knows until it changes it itself: nobody else can. */
#define FS_TIMEOUT 86400.0

/* But what stands in .canister changes with the image. A directory's attributes are asked for at
 * every path walk: they are to be cached like a file's. */
static inline double attr_timeout(const struct node *node)
{
	return node->kind == NODE_STABLE || node->kind == NODE_INFO || node->kind == NODE_BESIDE
		       ? 0
		       : FS_TIMEOUT;
}

/* ---- reply.c ---- */

/* Answers with the errno for rc; what no user can have caused goes to the log as well. */
void fs_reply(fuse_req_t req, int rc, const struct err *err);
/* Answers with the node as an entry and counts the kernel's new reference; NULL: there is no such
 * file. tree_lock held. */
void fs_reply_node(fuse_req_t req, struct node *node);
void fs_log(const struct fs *fs, const char *fmt, ...) PRINTF(2, 3);

/* handshake.c: answers the kernel's first request, INIT, with what libfuse has no words for as
 * well. Mounted, but not served yet. */
int MUST_CHECK fs_handshake(struct fs *fs, struct err *err);

/* snap_act.c: no request about snapshots is under way any more. */
void snapdir_tasks_wait(struct fs *fs);

/* sync.c: all that was written to one file, or to the mount, is on disk. */
int MUST_CHECK fs_sync_file(struct fs *fs, struct node *node, bool data_only, struct err *err);
int MUST_CHECK fs_sync(struct fs *fs, struct err *err);

/* flush.c: the files that somebody may be writing to, or (all) whatever the kernel knows of any.
 * It forgets what it has written back. */
void fs_flush(struct fs *fs, bool all);
/* One file, while somebody who waits for us holds its inode's lock. -EINVAL: it has no name. */
int MUST_CHECK fs_flush_file(struct fs *fs, struct node *node);
/* What somebody may be writing to one memory. */
void fs_flush_memory(struct fs *fs, unsigned mm_id);
/* With the writeback cache the kernel believes its own length of a file: it is told those of these
 * memories' files, by a truncate that changes nothing here. */
void fs_tell_sizes(struct fs *fs, const bool *changed);
/* The request comes from flush.c's child. */
bool fs_is_errand(fuse_req_t req);

/* stop.c: ends the loop on SIGINT, SIGTERM and SIGHUP. From the start of the loop, which this
 * thread runs, to its end. */
struct stopper {
	struct fs *fs;
	sigset_t signals;
	pthread_t waiter, main_thread;
	atomic_bool ended;
};
int MUST_CHECK stopper_start(struct stopper *stop, struct fs *fs, struct err *err);
void stopper_end(struct stopper *stop);

/* tune.c: where we may (root), tells the kernel to read ahead further and to keep more dirty pages
 * for this mount than it would for one it does not know. Failing is no loss but of speed. */
void fs_tune(const char *mountpoint);

#endif
