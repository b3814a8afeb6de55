/* SPDX-License-Identifier: MIT */
/*
 * A store is a flat, growable array of bytes: the one seam between an image and whatever holds it
 * (a file, a block device, a checkpoint, an overlay, a test's memory). Stores stack; nothing above
 * knows what lies below.
 *
 * read_at, write_at, zero_at, the syncs, next_data and host_at may run side by side on any threads.
 * resize and close exclude every other call; the caller sees to that.
 */
#ifndef CANISTERFS_STORE_H
#define CANISTERFS_STORE_H

#include "memmgr/util.h"

struct store;

enum store_write_flags {
	/* When the call returns, these bytes are on stable storage, and with them what resize has
	 * lengthened and zero_at has zeroed by then, in whole pages of the host. It says nothing
	 * about what other calls wrote. */
	STORE_DURABLE = 1,
};

/* A piece of a store that lies, byte for byte, in a host file. */
struct store_host {
	int fd; /* borrowed; -1: this piece is not plain in any host file */
	uint64_t off;
	uint64_t len; /* how far this answer holds, at least 1 */
};

struct store_ops {
	const char *name; /* "file", "block device", "qcow2", ... for messages */
	/* The range must lie inside the store; the wrappers below check that. */
	int (*read_at)(struct store *s, void *buf, size_t len, uint64_t off, struct err *err);
	int (*write_at)(struct store *s, const void *buf, size_t len, uint64_t off, unsigned flags,
			struct err *err);
	/* The same from a host file, within the host. -EOPNOTSUPP: it does not; part of it may be
	 * written. NULL: it never does. */
	int (*copy_at)(struct store *s, const struct store_host *from, size_t len, uint64_t off,
		       struct err *err);
	/* Makes the range read as zero, giving space back where the host can. */
	int (*zero_at)(struct store *s, uint64_t off, uint64_t len, struct err *err);
	/* New bytes read as zero. Sets s->len on success. -ENOSPC where the host is too small. */
	int (*resize)(struct store *s, uint64_t len, struct err *err);
	/* All that was written, the length, and when that was, is on stable storage. */
	int (*sync)(struct store *s, struct err *err);
	/* The same, but perhaps not when it was: a disk can have that later. NULL: sync does. */
	int (*sync_data)(struct store *s, struct err *err);
	/* The first range [*start, *end) at or behind off that may hold data: all between is zero.
	 * *start == *end == s->len when only zeros follow. */
	int (*next_data)(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			 struct err *err);
	/* NULL: no host file. */
	void (*host_at)(struct store *s, uint64_t off, struct store_host *out);
	/* Syncs nothing. Frees s. */
	void (*close)(struct store *s);
};

struct store {
	const struct store_ops *ops;
	uint64_t len; /* bytes; changes only in resize */
	bool writable;
};

/* The calls to use. Out of range: -EIO for reading, -EINVAL for writing; not writable: -EROFS. */
int MUST_CHECK store_read(struct store *s, void *buf, size_t len, uint64_t off, struct err *err);
int MUST_CHECK store_write(struct store *s, const void *buf, size_t len, uint64_t off,
			   unsigned flags, struct err *err);
/* What `from` holds at from_off, in the cheapest way there is. */
int MUST_CHECK store_copy(struct store *s, uint64_t off, struct store *from, uint64_t from_off,
			  size_t len, struct err *err);
int MUST_CHECK store_zero(struct store *s, uint64_t off, uint64_t len, struct err *err);
int MUST_CHECK store_resize(struct store *s, uint64_t len, struct err *err);
int MUST_CHECK store_sync(struct store *s, struct err *err);
int MUST_CHECK store_sync_data(struct store *s, struct err *err);
int MUST_CHECK store_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			       struct err *err);
struct store_host store_host_at(struct store *s, uint64_t off);
/* Accepts NULL. */
void store_close(struct store *s);

void cleanup_store(struct store **s);
#define auto_store __attribute__((cleanup(cleanup_store), unused))

/*
 * The file store: a plain file or a block device. Opening takes an OFD lock (exclusive when
 * writable, shared when not; it survives fork, unlike a POSIX lock) and fails with -EWOULDBLOCK
 * while another process holds one that excludes it. `path` is followed through symbolic links.
 */
int MUST_CHECK file_store_open(const char *path, bool writable, struct store **out,
			       struct err *err);
/* As above on an open descriptor, which the store owns from now on, also when this fails. */
int MUST_CHECK file_store_from_fd(int fd, bool writable, struct store **out, struct err *err);

/*
 * A window: what lies in `under` from base_len on. It reaches to the end, and moves the end when it
 * is resized; what lies in front is never touched. Owns `under` from now on, also when this fails:
 * -EINVAL for a store that ends before.
 */
int MUST_CHECK window_store_open(struct store *under, uint64_t base_len, struct store **out,
				 struct err *err);
/* The same, but `under` stays the caller's and must outlive *out. */
int MUST_CHECK window_store_over(struct store *under, uint64_t base_len, struct store **out,
				 struct err *err);
/* The `len` bytes from base_len on, to be read. `under` stays the caller's and must outlive *out.
 */
int MUST_CHECK window_look(struct store *under, uint64_t base_len, uint64_t len, struct store **out,
			   struct err *err);
/* The store that a window lies over, and in *base_len, which may be NULL, where the window begins
 * in that store. For another kind of store: s itself, and 0. */
struct store *window_whole(struct store *s, uint64_t *base_len);
/* Takes over the length of the store below, where that was changed by another way. */
void window_follow(struct store *s);

#endif
