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
#include "memmgr/lock.h"

struct account;
struct fs;
struct node;

/* Adds an entry to what a directory lists. */
typedef int list_add_fn(void *list, const char *name, ino_t ino, mode_t mode);

/*
 * What one kind of node does. Every request is answered by the operation it comes to, now or later;
 * `ino` is the nodeid that the kernel named. NULL where nothing is said: such a request cannot
 * come, or is refused.
 */
struct node_ops {
	/* Of a directory: finds a name, tree_lock held; or answers the whole request. */
	struct node *(*find)(struct fs *fs, struct node *dir, const char *name);
	void (*lookup)(fuse_req_t req, struct node *dir, const char *name);
	/* Lists all names; or opens the directory in a way of its own. */
	int (*list)(struct fs *fs, struct node *dir, list_add_fn *add, void *list);
	void (*opendir)(fuse_req_t req, struct node *dir, struct fuse_file_info *fi);
	void (*mkdir)(fuse_req_t req, struct node *dir, const char *name);
	void (*rmdir)(fuse_req_t req, struct node *dir, const char *name);
	void (*rename)(fuse_req_t req, const char *name, const char *new_name); /* inside it */

	/* Of a file. What its open handle can do (struct handle) does not come here. */
	void (*open)(fuse_req_t req, fuse_ino_t ino, struct node *node, struct fuse_file_info *fi);
	void (*read)(fuse_req_t req, fuse_ino_t ino, struct node *node, size_t size, off_t off);
	void (*lseek)(fuse_req_t req, struct node *node, off_t off, int whence);
	void (*release)(fuse_req_t req, fuse_ino_t ino, struct node *node,
			const struct fuse_file_info *fi); /* NULL: there is nothing to do */

	/* Its attributes. NULL: as they stand in the node. */
	void (*getattr)(fuse_req_t req, fuse_ino_t ino);
	uint64_t (*len)(struct fs *fs, struct node *node); /* NULL: size_len. node->lock shared */
	uint64_t (*blocks)(struct fs *fs, struct node *node); /* of 512 bytes; NULL: 0. Likewise */
	/* Corrects what was found out so far; NULL: nothing. */
	void (*stat)(struct fs *fs, const struct node *node, struct stat *st);
	bool changes; /* with the image: the kernel is to ask each time */

	int refuses; /* why neither it nor what is in it can be changed; 0: it can */
};

/*
 * What an open file or directory keeps, if it keeps anything: the head of a struct of its own.
 * Files that can be written, and those that their node alone can read, have none.
 */
struct handle {
	const struct handle_ops *ops;
};

struct handle_ops {
	void (*read)(fuse_req_t req, struct handle *h, size_t size, off_t off);
	void (*readdir)(fuse_req_t req, struct node *dir, struct handle *h, size_t size, off_t off);
	void (*ioctl)(fuse_req_t req, struct handle *h, unsigned cmd, const void *in, size_t in_len,
		      size_t out_len); /* NULL: there is none */
	/* Frees it, and answers. */
	void (*release)(fuse_req_t req, struct handle *h);
};

static inline struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

/* Answers an open. False: no release will follow, since a signal has ended the caller's wait. */
static inline bool MUST_CHECK reply_handle(fuse_req_t req, struct handle *h,
					   struct fuse_file_info *fi)
{
	fi->fh = (uintptr_t)h;
	return fuse_reply_open(req, fi) != -ENOENT;
}

/* What holds a file's content. */
enum node_kind {
	NODE_OTHER,   /* it is no file that can be written: its operations know */
	NODE_MEMORY,  /* virtual memory mm_id */
	NODE_SCRATCH, /* host file fd */
};

/* What chmod can set: nothing here is a program, see handshake.c. */
#define MODE_BITS ((mode_t)01777)

/* How much of a file the host was found to hold, and of which file: blocks.c. */
struct counted {
	uint64_t version, size_len, len;
};

struct node {
	const struct node_ops *ops;
	/* A memory can become a scratch file and the other way round, under the exclusive lock. */
	_Atomic enum node_kind kind;
	/* Likewise which one. */
	_Atomic unsigned mm_id;
	int fd;
	_Atomic(char *) name;     /* NULL: unlinked. tree_lock; that it is NULL, anybody may see */
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
	struct store *store; /* what mm was opened on */
	struct store *whole; /* the same, or what `store` is a window of: from base_len on */
	uint64_t base_len;
	struct fuse_session *session;
	pthread_mutex_t tree_lock;
	struct node root; /* the head of the list of named files */
	const struct node_ops *file_ops;
	struct node control, stable, info, front, account_file, snap_root;
	struct records *records;
	struct node *record;     /* stands for every record: see records.h */
	struct by_name *by_name; /* NULL: there are no names */
	struct fs_snap *snaps;   /* that the kernel has asked for. tree_lock */
	/* snap_act.c: threads under way */
	pthread_mutex_t acts_lock; /* one of them changes something; before all other locks */
	/* flush.c: a child that makes the kernel write back (0: none), and forget */
	pthread_mutex_t errand_lock;
	_Atomic pid_t errand_pid;
	atomic_bool errand_drops;
	int errand_orders; /* a socket; while there is the child. errand_lock */
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
	int view_fd; /* view/passthrough.c: of the view of the image, while that is made; or -1 */
	struct account *account; /* account.h; NULL: pages are not counted */
	bool greeted;            /* handshake.c: INIT is answered */
	bool in_background;      /* stderr leads nowhere: the log is syslog's */
};

static inline struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* ---- node.c: the tree. Once an operation has answered, others may free its node ---- */

/* A nodeid that is a record's: all share one node. */
static inline bool record_has_id(fuse_ino_t ino)
{
	return ino != FUSE_ROOT_ID && (ino & 1);
}
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
bool name_is_snap_dir(const struct fs *fs, const char *name);
bool name_is_by_name(const struct fs *fs, const char *name);
/* One of these two, or .canister: no file can be called so. */
bool name_is_reserved(const struct fs *fs, const char *name);
/* Why nobody may change a memory (or -1: what is none), or 0. */
int memory_refuses(const struct fs *fs, int mm_id);
/* Of `mode` remain the bits that the image has; who may list a directory may enter it. */
void node_init(const struct fs *fs, struct node *node, const struct node_ops *ops, ino_t ino,
	       mode_t mode);
/* A regular file with content: a memory or a scratch file. */
bool node_is_file(const struct node *node);
/* These six with tree_lock held. NULL: not found, no memory. */
struct node *node_find(struct fs *fs, const char *name);
struct node *node_find_memory(struct fs *fs, unsigned mm_id);
struct node *node_new_memory(struct fs *fs, unsigned mm_id);
struct node *node_new(struct fs *fs, enum node_kind kind, const char *name, mode_t mode);
void node_set_name(struct fs *fs, struct node *node, char *name); /* takes name; NULL unlinks */
void node_forget(struct node *node, uint64_t lookups);            /* may free it */
void node_free(struct node *node);
void node_stat(struct fs *fs, struct node *node, struct stat *st);
/* blocks.c: how many blocks of 512 bytes hold data, by `next`; counted again only when the file has
 * changed. node->lock shared. */
typedef int next_data_fn(struct fs *fs, struct node *node, uint64_t off, uint64_t *start,
			 uint64_t *end, struct err *err);
uint64_t node_count_blocks(struct fs *fs, struct node *node, next_data_fn *next);
/* Makes it as old as a memory's file, if there is one. */
void node_stat_times(struct fs *fs, unsigned mm_id, struct stat *st);
bool node_is_written(struct fs *fs, unsigned mm_id);
/* The file is at least so long. node->lock shared. */
static inline void node_raise_size(struct node *node, uint64_t end)
{
	uint64_t size_len = node->size_len;

	while (size_len < end && !atomic_compare_exchange_weak(&node->size_len, &size_len, end))
		;
}
/* The content has changed now. */
void node_touch(struct node *node);

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
/* exclusive. The node lets go of its memory, which stays as it is: into a nameless copy where
 * somebody has the file open, else into nothing. A full disk under the image is no hindrance. */
int MUST_CHECK content_let_go(struct fs *fs, struct node *node, struct err *err);
/* exclusive. A scratch file's content becomes memory mm_id's, as a whole; the node holds the memory
 * from then on. */
int MUST_CHECK content_adopt(struct fs *fs, struct node *scratch, unsigned mm_id, struct err *err);
/* ---- scratch.c: files of the host. tree_lock held ---- */

/* Opens a new one, without a name. */
int MUST_CHECK scratch_open(struct fs *fs, int *fd, struct err *err);
/* Opens one that will never have a name, away from the image, or in memory. Returns -1 with errno.
 */
int scratch_open_nameless(struct fs *fs);
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
/* What a file is called in the scratch directory until it takes the place of another. No scratch
 * file has this name. */
#define SCRATCH_NEW_NAME ".canister.new"
static inline bool scratch_name_is_ours(const char *name)
{
	return strcmp(name, SCRATCH_NEW_NAME) == 0;
}
/* Keeps the exact lengths of all memories' files beside the image, where scratch files lie. */
void scratch_note_lengths(struct fs *fs);
/* Makes nodes for the scratch files that fit the image, and gives the memories' files the lengths
 * that were kept. */
int MUST_CHECK scratch_show(struct fs *fs, struct err *err);
/* The scratch directory holds others now: drops the nodes that there were and makes new ones. The
 * kernel must look up the old and the new names again, which go to *names. Whoever has a file open
 * keeps the old one. */
struct name_list {
	char **name; /* both for free() */
	size_t count;
};
int MUST_CHECK scratch_show_anew(struct fs *fs, struct name_list *names, struct err *err);
/* The same for what SQLite pairs with a database in one memory, and for files that are new. */
int MUST_CHECK scratch_show_pair_anew(struct fs *fs, unsigned mm_id, struct name_list *names,
				      struct err *err);
/* The mount ends: syncs the scratch files and removes the empty ones. The log names the others. */
void scratch_end(struct fs *fs);

/* ---- still.c: for whoever changes many files at one instant ---- */

/* Between the two nobody is in an operation on a file, or begins one. They take tree_lock. */
void fs_lock_files(struct fs *fs);
void fs_unlock_files(struct fs *fs);
/* The file of a memory has the memory's size. A memory without a file gets one. *changed is set
 * where the kernel must be told. tree_lock held. */
int MUST_CHECK fs_update_file(struct fs *fs, unsigned mm_id, bool *changed);

/* ---- tree.c: all nodes ---- */

int MUST_CHECK nodes_init(struct fs *fs, struct err *err);
void nodes_clear(struct fs *fs);

/* The kernel may believe what it knows until it changes it itself: nobody else can. */
#define FS_TIMEOUT 86400.0

/* But what stands in .canister changes with the image. A directory's attributes are asked for at
 * every path walk: they are to be cached like a file's. */
static inline double attr_timeout(const struct node *node)
{
	return node->ops->changes ? 0 : FS_TIMEOUT;
}

/* ---- reply.c ---- */

/* Answers with the errno for rc; what no user can have caused goes to the log as well. */
void fs_reply(fuse_req_t req, int rc, const struct err *err);
/* Answers with the node as an entry and counts the kernel's new reference; NULL: there is no such
 * file. tree_lock held. */
void fs_reply_node(fuse_req_t req, struct node *node);
/* log.c: a line for people. */
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
/* What somebody may be writing to one memory. The child stays for the next call. */
void fs_flush_memory(struct fs *fs, unsigned mm_id);
/* Ends a child that stayed. */
void fs_flush_rests(struct fs *fs);
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
