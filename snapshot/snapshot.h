/* SPDX-License-Identifier: MIT */
/*
 * Points in time: checkpoints, live snapshots and overlays. All three are qcow2 version 3 files
 * with clusters of 64 KiB, which qemu-img, nbdkit and libguestfs read as well.
 *
 *     checkpoint   an image, compressed, checksummed, never changed again; or, as a delta, what
 *                  changed since its base, which is a checkpoint too
 *     overlay      what is written in front of a base that stays as it is
 *     live         the old bytes of clusters that were overwritten since, in front of the image
 *     snapshot     as it is now
 *
 * Whatever the file, it opens as a store (memmgr/store.h): mount, check and compare need not know.
 * A file of a chain names its backing file by a path that is relative to itself.
 */
#ifndef CANISTERFS_SNAPSHOT_H
#define CANISTERFS_SNAPSHOT_H

#include "memmgr/memmgr.h"
#include "memmgr/store.h"
#include "snapshot/beside/beside.h"
#include "snapshot/beside/bundle.h"

enum {
	SNAP_CLUSTER_LEN = 65536, /* also a page of the image */
	SNAP_HASH_LEN = 32,
	SNAP_HASH_TEXT_LEN = 2 * SNAP_HASH_LEN + 1,
	SNAP_MAX_CHAIN = 128,
	SNAP_RECORD_MAX = 1024,
};

/* ---- files as stores ---- */

enum snap_open_flags {
	SNAP_WRITABLE = 1, /* only what snap_create made; -EROFS for a checkpoint */
	/* The backing store changes while this one is open, but never a cluster of it that was not
	 * kept here before (snap_keep). */
	SNAP_LIVE_BACKING = 2,
	/* Whatever a file names as its backing file is opened, wherever it lies and whosever it is.
	 */
	SNAP_TRUST_BACKING = 4,
};

/*
 * Opens a qcow2 file and, read-only, all that it is backed by. The file is locked as
 * file_store_open locks it. At once at any size: tables are read when they are needed. -EINVAL: not
 * a qcow2 file. -EBADMSG: a delta's base is not the one that it was made on. -ELOOP: a chain
 * without end. -EPERM: a backing file is not the business of whoever made the file that names it
 * (backing.h), and SNAP_TRUST_BACKING is not given.
 */
int MUST_CHECK snap_open(const char *path, unsigned flags, struct store **out, struct err *err);

/* An image in any form: a plain file, a block device, or a qcow2 file (read-only). */
int MUST_CHECK snap_open_image(const char *path, unsigned flags, struct store **out,
			       struct err *err);

/*
 * As snap_open on an open file store, which belongs to the result from now on, also when this
 * fails. `backing` is what its backing file's name stands for; it is borrowed, must outlive the
 * result, and may be NULL for a file without.
 */
int MUST_CHECK snap_open_on(struct store *file, struct store *backing, unsigned flags,
			    struct store **out, struct err *err);

/* What a new overlay or live snapshot says in its header. */
struct snap_new {
	uint64_t len;               /* of the disk; at most 4 TiB */
	const char *backing;        /* its name as written into the file; NULL: none */
	const char *backing_format; /* "raw" or "qcow2"; NULL without a backing file */
	const void *record;         /* up to SNAP_RECORD_MAX bytes for whoever made it */
	size_t record_len;
};

/* Makes an empty one, which reads as its backing file. Complete or not at all. */
int MUST_CHECK snap_create(const char *path, bool force, const struct snap_new *what,
			   struct err *err);

/* The same under a name that nobody looks for, at once: perhaps not complete after a kill, and not
 * on disk. */
int MUST_CHECK snap_create_unsynced(const char *path, const struct snap_new *what, struct err *err);

/*
 * The file is exact after store_sync and store_close. After kill -9 at any instruction all that was
 * written is there; after a power cut, all up to the last sync. The next opening for writing mends
 * what was left.
 *
 * The calls below are for stores that snap_open with SNAP_WRITABLE, or snap_open_on, made; -EINVAL
 * for others. `off` is any byte of a cluster.
 */

/* True in *held: the cluster is here, and not the backing file's. */
int MUST_CHECK snap_holds(struct store *s, uint64_t off, bool *held, struct err *err);

/* The first range of clusters that are here, at or behind off. *start == *end == s->len: none. */
int MUST_CHECK snap_next_held(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			      struct err *err);

/*
 * Before a cluster of `image`, the live backing store, changes: puts its old bytes (zeros behind
 * the end of the image) here, unless it is here already or behind the end of this disk.
 * When it returns 0, readers of this store no longer look below for that cluster.
 */
int MUST_CHECK snap_keep(struct store *s, uint64_t off, struct store *image, struct err *err);

/* The record as it was last set; returns its length. `buf` has SNAP_RECORD_MAX bytes. */
size_t snap_record(struct store *s, void *buf);
/* In the file when it returns, on the disk after store_sync. */
int MUST_CHECK snap_set_record(struct store *s, const void *record, size_t len, struct err *err);
/* Gives the file another backing file, and the open store another (borrowed) backing store; its
 * disk must read the same there. Excludes every other call on s. */
int MUST_CHECK snap_set_backing(struct store *s, const char *name, const char *format,
				struct store *backing, struct err *err);

/* ---- live snapshots ---- */

/*
 * An image with its live snapshots, which lie in the directory IMAGE.snap. The store that
 * snap_live_open gives stands in for the image's and keeps, before it changes, what the newest
 * snapshot needs; without snapshots it passes every call on. store_close ends both.
 */
struct snap_live;

/* `image` is a plain file's store or the bond over one (beside.h), writable or not. The store
 * belongs to the result from now on, also when this fails. Mends what a kill left, where the image
 * is writable. */
int MUST_CHECK snap_live_open(struct store *image, const char *path, struct store **out,
			      struct err *err);
/* From now on nobody waits for the disk: whoever writes is faster, and a power cut makes all
 * snapshots stale. Before anything is written. */
int MUST_CHECK snap_live_set_unordered(struct snap_live *live, struct err *err);
/* There are snapshots beside this image, or what stands there cannot be looked into. */
bool snap_live_exists(const char *path);
/*
 * Opens a new file, as new_file_open does; with `force` it may replace another, though none that is
 * in use: -EWOULDBLOCK while somebody has it open or mounted, -EBUSY while live snapshots hang on
 * it. snap_replace_held: the caller itself has it open for writing.
 */
int MUST_CHECK snap_replace(struct new_file *nf, const char *path, bool force, struct err *err);
int MUST_CHECK snap_replace_held(struct new_file *nf, const char *path, struct err *err);
/* Removes all snapshots beside an image that nobody uses. */
int MUST_CHECK snap_live_remove_all(const char *path, struct err *err);
/* NULL: this is another kind of store. */
struct snap_live *snap_live_of(struct store *s);

/*
 * How to have the store to oneself for a moment: after close() nobody else is in a call on it,
 * until open(). Without one, the caller of what follows uses the store from one thread only.
 */
struct snap_gate {
	void (*close)(void *ctx);
	void (*open)(void *ctx);
	void *ctx;
	/* May be NULL. Before open(): the image holds something else. */
	int (*reload)(void *ctx, struct err *err);
	/* May be NULL. Sets the lengths of the memories that are no whole pages, as side_files.h
	 * has them. */
	void (*exact_lens)(void *ctx, uint64_t *exact_len);
};
void snap_live_set_gate(struct snap_live *live, const struct snap_gate *gate);

struct snap_live_info {
	char name[256];
	uint64_t seq; /* ascends with age: the newest has the highest */
	int64_t sec;  /* when it was taken, since 1970 */
	int64_t nsec;
	uint64_t image_len;
	uint64_t held_len; /* what it takes up on the host */
	bool stale;        /* the image was changed by something else: it can only be removed */
};

/* All of them, oldest first; *out is for free(). */
int MUST_CHECK snap_live_list(struct snap_live *live, struct snap_live_info **out, size_t *count,
			      struct err *err);
/* The one with this number in that list; behind the last its name is empty. */
int MUST_CHECK snap_live_nth(struct snap_live *live, size_t number, struct snap_live_info *out,
			     struct err *err);

/*
 * Takes one. -EEXIST, -EINVAL for a name that cannot be (empty, beginning with a dot, with a slash
 * or a control character), -ENAMETOOLONG, -EROFS, -EMLINK: too many. O(1), and the gate is closed
 * for microseconds, or until the scratch files beside the image are copied. After a kill one whose
 * creation was not answered is there or not.
 */
int MUST_CHECK snap_live_create(struct snap_live *live, const char *name, struct err *err);
/*
 * Drops one; the others read as before. What only its older neighbour still needs is copied there,
 * for which there must be room: on -ENOSPC the snapshot is gone, but its space comes back only when
 * the image is opened again and there is room. Stores of it answer -ESTALE from now on.
 */
int MUST_CHECK snap_live_drop(struct snap_live *live, const char *name, struct err *err);
int MUST_CHECK snap_live_rename(struct snap_live *live, const char *from, const char *to,
				struct err *err);

/* The managed image of a snapshot as a store, read-only; to be closed before `live` is. Any
 * threads, whatever happens meanwhile to the image or to other snapshots. */
int MUST_CHECK snap_live_view(struct snap_live *live, const char *name, struct store **out,
			      struct err *err);

/* What lay beside the image when the snapshot was taken: the result is to be closed; *out NULL:
 * nothing. */
struct snap_live_side;
int MUST_CHECK snap_live_side(struct snap_live *live, const char *name, struct snap_live_side **out,
			      struct err *err);
/* Borrowed; NULL for NULL. */
const struct side_files *snap_live_side_files(const struct snap_live_side *side);
void snap_live_side_close(struct snap_live_side *side);

/* *changed false: the bytes of the managed image in the cluster at `off` were not written between
 * two snapshots; `newer` NULL means now. -ENOENT, -EINVAL when `newer` is older. */
int MUST_CHECK snap_live_changed(struct snap_live *live, const char *older, const char *newer,
				 uint64_t off, bool *changed, struct err *err);

/*
 * Counts, for each memory, the pages that differ between a snapshot, open as `a`, and a newer one,
 * open as `b`; `newer` NULL: `b` is the image itself, in use or not. A page that only one has
 * differs. `pages` has MM_MAX_MEMORIES numbers; with `whether`, each is at most 1.
 */
int MUST_CHECK snap_live_diff(struct snap_live *live, const char *older, struct mm *a,
			      const char *newer, struct mm *b, bool whether, uint64_t *pages,
			      struct err *err);

/*
 * The image becomes what the snapshot was, and its scratch files and exact lengths become those of
 * that instant, with the gate closed; later scratch files are set aside. All snapshots stay as they
 * are.
 * Killed half-way, the next opening of the image for writing finishes it; a power cut does not harm
 * it. On failure before anything has changed, nothing has; after that, as killed.
 */
int MUST_CHECK snap_live_rollback(struct snap_live *live, const char *name, struct err *err);
/*
 * The same for one memory, and for what SQLite pairs with a database in it: `now` is the manager of
 * the image, `then` that of the snapshot. Only pages that differ are written. Until it returns
 * nobody else changes the image or its scratch files.
 */
int MUST_CHECK snap_live_rollback_memory(struct snap_live *live, const char *name, unsigned mm_id,
					 struct mm *now, struct mm *then, struct err *err);

/* ---- checkpoints ---- */

/* Told how far long work is. Called from any thread, one at a time; what is not 0 ends the work
 * with -ECANCELED, and whatever was begun disappears. */
struct snap_watch {
	int (*step)(void *ctx, uint64_t done_len, uint64_t total_len);
	void *ctx;
};

struct snap_export {
	const char *base;   /* path of a checkpoint: store only what differs from it. NULL: all */
	bool trust_backing; /* of the base; see SNAP_TRUST_BACKING */
	unsigned level;     /* 1, fast, to 9, small; 0: 1 */
	unsigned jobs;      /* threads; 0: one per core. The bytes written are the same for any. */
	bool force;         /* may replace an existing file */
	/* What lies beside the image at the same instant; NULL: nothing. A delta has all of its
	 * own. */
	const struct side_files *side;
	const struct snap_watch *watch; /* may be NULL */
};

struct snap_exported {
	uint8_t content[SNAP_HASH_LEN]; /* the image's content hash */
	uint64_t data_len;              /* of clusters that are not zero */
	uint64_t stored_len;            /* of those that this file stores, unpacked */
	uint64_t side_len;              /* of what lies beside the image, as stored */
	uint64_t file_len;
};

/*
 * Writes `src` as a checkpoint, which appears complete or not at all. Reads only what holds data.
 * `src` does not change meanwhile. Same image, side files, base, level and build: same
 * bytes.
 */
int MUST_CHECK snap_export(struct store *src, const char *path, const struct snap_export *how,
			   struct snap_exported *out, struct err *err);

/*
 * Opens what lay beside the image when a checkpoint was made; *out is NULL where nothing did, and
 * for a store of any other kind. To be closed before `s` is. -EUCLEAN: damaged; the image can be
 * read all the same.
 */
int MUST_CHECK snap_side_open(struct store *s, struct bundle **out, struct err *err);

struct snap_work {
	unsigned jobs;
	const struct snap_watch *watch; /* may be NULL */
};

struct snap_restored {
	uint8_t content[SNAP_HASH_LEN]; /* of what was read */
	bool proven;                    /* `src` is a checkpoint, and said the same */
	uint64_t data_len;
};

/*
 * Writes all of `src`, a store of any kind, to `dst`, which gets its length. `fresh`: dst is a new
 * file, which reads as zero. -EBADMSG: dst holds something else than the checkpoint says: it is to
 * be thrown away. Syncs nothing.
 */
int MUST_CHECK snap_restore(struct store *src, struct store *dst, bool fresh,
			    const struct snap_work *how, struct snap_restored *out,
			    struct err *err);

/* What snap_verify finds wrong. */
struct snap_finding {
	const char *id; /* stable name: "cluster", "table", "side", "metadata", "leak", ... */
	bool harmless;  /* a leaked cluster; all else means that bytes were lost */
	unsigned depth; /* in the chain: 0 is the file itself, 1 its base, ... */
	bool has_cluster;
	uint64_t cluster; /* of the image; 64 KiB */
	char text[256];   /* one sentence */
};

struct snap_verified {
	uint64_t findings, harmless;
	uint64_t clusters; /* looked at, all files together */
	unsigned files;    /* of the chain */
	bool proven;       /* every file has checksums, and they were compared */
};

/*
 * Reads every byte of a qcow2 file and of all files that back it, as far as they are qcow2 files,
 * and compares what there is to compare. 0 however much is found.
 */
int MUST_CHECK snap_verify(struct store *s, const struct snap_work *how,
			   void (*fn)(void *ctx, const struct snap_finding *finding), void *ctx,
			   struct snap_verified *out, struct err *err);

/* One of two things that are compared: a whole store, or a memory in it. */
struct snap_side {
	struct store *store;
	struct mm *mm; /* NULL: all of the store */
	unsigned mm_id;
};

struct snap_difference {
	uint64_t pages;     /* that differ; the shorter side counts as zero behind its end */
	uint64_t first_off; /* of the first byte that differs; UINT64_MAX: none */
};

/* Compares page by page; fn is told of every page that differs, in order. Reads only what holds
 * data on either side. */
int MUST_CHECK snap_compare(const struct snap_side *a, const struct snap_side *b,
			    const struct snap_work *how,
			    void (*fn)(void *ctx, uint64_t page, uint64_t first_off), void *ctx,
			    struct snap_difference *out, struct err *err);

/* What a file says of itself, without unpacking anything. */
struct snap_info {
	uint64_t file_len;
	uint64_t cluster_len;
	unsigned files;     /* of the chain, this one included */
	char backing[1024]; /* "": none */
	bool is_checkpoint; /* the rest is for checkpoints */
	uint8_t content[SNAP_HASH_LEN];
	bool has_base;
	uint8_t base[SNAP_HASH_LEN];
	enum mm_kind kind;
	uint64_t image_len;
	uint64_t data_len;   /* of clusters that are not zero, base included */
	uint64_t stored_len; /* of those that this file stores, unpacked */
	uint64_t side_len;   /* of what lies beside the image, as stored; 0: nothing */
	uint32_t bucket_pages, buckets, memories;
};

/* False: `s` is no qcow2 store. */
bool snap_info(struct store *s, struct snap_info *out);
/* The store behind a qcow2 store, borrowed; NULL: none. */
struct store *snap_backing(struct store *s);

/* A content hash in hexadecimal; returns `text`, which has SNAP_HASH_TEXT_LEN bytes. */
const char *snap_hash_text(const uint8_t *hash, char *text);
/* The SHA-256 of any bytes, SNAP_HASH_LEN of them. */
int MUST_CHECK snap_hash_bytes(const void *buf, size_t len, uint8_t *hash);

/* ---- overlays ---- */

/*
 * Opens an overlay, and makes it when there is none, in front of `base`: a plain file or a
 * checkpoint, which is opened read-only. -ESTALE: the base was changed since. -EINVAL: it has
 * another base. -EBUSY: its commit has begun. Flags are SNAP_WRITABLE and SNAP_TRUST_BACKING; that
 * `base` is the base the caller says.
 */
int MUST_CHECK snap_overlay_open(const char *path, const char *base, unsigned flags,
				 struct store **out, struct err *err);
/* One that exists, read-only or with SNAP_WRITABLE, on the base that it names itself. */
int MUST_CHECK snap_overlay_continue(const char *path, unsigned flags, struct store **out,
				     struct err *err);
/* A new overlay lacks the scratch files and exact lengths that its base has, until it is said that
 * they were copied. Such an overlay leaves those of its base alone. */
bool snap_overlay_lacks_sides(struct store *overlay);
int MUST_CHECK snap_overlay_set_has_sides(struct store *overlay, struct err *err);
/* A file that is an overlay, whatever has become of its base. */
bool snap_is_overlay(const char *path);

/*
 * Merges an overlay into its base, which `open` opens for writing, and removes it. The overlay's
 * scratch files and exact lengths become the base's; the name under which those of the base were
 * set aside is in *aside, for free(), or NULL. Killed half-way the base is neither old nor new
 * until the call is made again and has ended.
 */
typedef int snap_open_fn(const char *path, struct store **out, struct err *err);
int MUST_CHECK snap_overlay_commit(const char *path, unsigned flags, snap_open_fn *open,
				   char **aside, struct err *err);
/* Removes one that nobody uses. -EBUSY: its commit has begun. */
int MUST_CHECK snap_overlay_discard(const char *path, struct err *err);

#endif
