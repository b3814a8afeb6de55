/* SPDX-License-Identifier: MIT */
/*
 * A checkout: an image's memories as plain files of a directory, which any program can change
 * without a mount, and from which `commit` takes back what has changed.
 *
 *     DIR/0 ... DIR/254       the memories, by id
 *     DIR/.canisterfs/image   the path of the image
 *     IMAGE.checkout-N        an overlay in front of the image; N is the directory's inode number
 *
 * The overlay is what ties the two together. It knows whether the image has changed since; it takes
 * up what a commit changes before the image is written; and since it lies beside the image, a
 * directory that a stranger has made names no image that he may not write to.
 */
#ifndef CANISTERFS_CHECKOUT_H
#define CANISTERFS_CHECKOUT_H

#include "tools/image/image_open.h"

#define CHECKOUT_SUBDIR ".canisterfs"
#define CHECKOUT_IMAGE  CHECKOUT_SUBDIR "/image"

struct checkout {
	int dir_fd;
	mode_t others; /* permission bits that a file made here may have beyond its owner's */
	char *image, *overlay;
};
#define CHECKOUT_NONE ((struct checkout){.dir_fd = -1})
void checkout_close(struct checkout *co);
#define auto_checkout __attribute__((cleanup(checkout_close)))

/* Whoever names a directory where an overlay can stand means a checkout. */
bool checkout_is_dir(const char *path);
/* The directory that is there. -EINVAL: no checkout. */
int MUST_CHECK checkout_open(const char *dir, struct checkout *out, struct err *err);
/* An empty directory, which may exist. Nothing of it says yet that it is a checkout. */
int MUST_CHECK checkout_make(const char *dir, const char *image, struct checkout *out,
			     struct err *err);
/* All files are complete: it is a checkout from now on, also after a power cut. */
int MUST_CHECK checkout_finish(struct checkout *co, struct err *err);
/* -EBUSY, and which, where SQLite would have to apply a journal to what the files hold. */
int MUST_CHECK checkout_check_journals(const struct checkout *co, struct err *err);

/* One memory's file, open for reading; *fd is -1 where there is none. */
int MUST_CHECK checkout_open_file(const struct checkout *co, unsigned mm_id, int *fd, uint64_t *len,
				  struct err *err);

/* Copies a memory into its new file, within the host where the host can. */
int MUST_CHECK checkout_copy(const struct checkout *co, struct store *store, struct mm *mm,
			     unsigned mm_id, struct err *err);

/* ---- checkout_changes.c ---- */

/* Told of a range in which the file has other bytes than the memory, which ends where the file
 * does; `bytes` are the file's, zero behind its end. */
typedef int checkout_change_fn(void *ctx, const uint8_t *bytes, size_t len, uint64_t off,
			       struct err *err);
/* Compares every byte but those that are holes on both sides, and those that lie in the same block
 * of the disk. -EBUSY: the file was changed while it was read. */
int MUST_CHECK checkout_compare(const struct image *img, unsigned mm_id, int fd, uint64_t file_len,
				checkout_change_fn *fn, void *ctx, struct err *err);

/* What a commit does to a memory. */
struct checkout_change {
	int mm_id;
	const char *what; /* "new", "removed", "grown", "cut", "changed" */
	uint64_t pages, old_pages;
	uint64_t changed_pages; /* of those that both have, and of new ones that are not zero */
};
/* All of them by ascending id, at most MM_MAX_MEMORIES, since the image was `was`. They are done in
 * `to`, which holds the same as `was` at first; NULL: they are only told. */
int MUST_CHECK checkout_changes(const struct checkout *co, const struct image *was, struct mm *to,
				struct checkout_change *out, size_t *count, struct err *err);

/* ---- checkout_commit.c ---- */

/* The image is the one that was checked out, as it was. -ESTALE: it has changed. -EBUSY: a commit
 * has begun. */
int MUST_CHECK checkout_check_image(const struct checkout *co, struct err *err);
/* The directory holds what the image holds: makes the overlay that says so. */
int MUST_CHECK checkout_bind(const struct checkout *co, struct err *err);

/* Takes what has changed into the overlay, and calls `merge` unless there is nothing in it. */
typedef int checkout_merge_fn(void *ctx, const struct checkout *co, struct err *err);
int MUST_CHECK checkout_commit(const struct checkout *co, checkout_merge_fn *merge, void *ctx,
			       struct checkout_change *change, size_t *count, struct err *err);
/* A checkout_merge_fn: into the image. */
int MUST_CHECK checkout_merge(void *ctx, const struct checkout *co, struct err *err);

/* What `status` and `commit` say. */
void checkout_print(const char *dir, const struct checkout_change *change, size_t count);
int checkout_print_json(const struct checkout_change *change, size_t count);

#endif
