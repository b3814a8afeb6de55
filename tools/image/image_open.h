/* SPDX-License-Identifier: MIT */
/*
 * The one place that opens what a user names, whatever it is.
 */
#ifndef CANISTERFS_TOOLS_IMAGE_H
#define CANISTERFS_TOOLS_IMAGE_H

#include "memmgr/memmgr.h"
#include "snapshot/snapshot.h"
#include "tools/cmd/cmd.h"
#include "tools/image/canister_dir.h"

/* SNAP_TRUST_BACKING where the user has said so. */
unsigned image_snap_flags(void);

/* What `path` names, as a flat array of bytes that begins at the base page (base.h): a plain file,
 * a block device, the directory of a canister snapshot or, for reading, of a mount. What is odd
 * about that is said on stderr. */
int MUST_CHECK image_open_store(const char *path, bool writable, struct store **out,
				struct err *err);

/* The same for whoever carries along what lies beside the image, and needs no note of it. */
int MUST_CHECK image_open_with_sides(const char *path, bool writable, struct store **out,
				     struct bond **bond, struct err *err);

/* A qcow2 file, as snap_open, or an image that is packed by gzip or zstd or comes through standard
 * input. */
int MUST_CHECK image_open_stored(const char *path, struct store **out, struct err *err);

/* mm_open, with a sentence that says what to do: with a raw image that is to be written to, or with
 * a damaged one. */
int MUST_CHECK image_open_mm(struct store *s, struct mm **out, struct err *err);

/* The same from the image's first byte on. */
int MUST_CHECK image_open_whole(const char *path, bool writable, struct store **out,
				struct bond **bond, struct err *err);
/* The same, read-only, for whoever needs nothing of what lies beside it. */
int MUST_CHECK image_open_raw(const char *path, struct store **out, struct err *err);

/* A managed image that is open. Zeroed: nothing is. */
struct image {
	struct store *store; /* from the base page on: perhaps a window (store.h) */
	struct mm *mm;
	struct bond *bond;      /* what lies beside the image; NULL: a mount, read */
	struct snap_live *live; /* of image_open_live; NULL: it can have no live snapshots */
	char *snapshot;         /* its path, where it is that of a canister and is written to */
	uint32_t layout;        /* a checksum of page 0 as it was */
	struct store *undo;     /* between mm and store, where the change is saved */
	char *undo_file;
	uint8_t undo_id[16]; /* the image's id in it */
};

/* Opens the store and the manager on it. */
int MUST_CHECK image_open(const char *path, bool writable, struct image *out, struct err *err);
/* As image_open, for whoever wants its live snapshots and scratch files as well; `scratch_in`: see
 * struct bond_place. */
int MUST_CHECK image_open_live(const char *path, bool writable, const char *scratch_in,
			       struct image *out, struct err *err);
/* The same with an overlay in front of the image. */
int MUST_CHECK image_open_overlay(const char *path, const char *overlay, bool writable,
				  const char *scratch_in, struct image *out, struct err *err);
/* A new overlay gets copies of the scratch files and exact lengths that wait beside its base. */
int MUST_CHECK image_copy_sides(const char *base, struct image *overlay, struct err *err);
/* The base of an overlay, for writing. */
int MUST_CHECK image_open_base(const char *base, struct store **out, struct err *err);
/* Ends writing: all is on disk when it returns 0. Closes in any case. Where the layout of a
 * canister snapshot has changed, says on stderr how to load it safely. */
int MUST_CHECK image_close(struct image *img, struct err *err);
/*
 * The same for a change that can be taken back: what it overwrites goes to `save`, or where that is
 * NULL to a file beside the image (undo.h). image_close_undo gives its name in *undo_file, for
 * free(), or NULL where nothing has changed. image_take_back, before that: all is as it was before
 * the opening, and the image is closed.
 */
int MUST_CHECK image_open_undo(const char *path, const char *save, struct image *out,
			       struct err *err);
int MUST_CHECK image_close_undo(struct image *img, char **undo_file, struct err *err);
int MUST_CHECK image_take_back(struct image *img, struct err *err);

/* A scratch directory lies beside the image, or is about to. */
bool image_has_scratch(const char *path);
/* Before a memory's content is replaced: a journal beside the image belongs to the old content.
 * Tells on stderr what was set aside. */
int MUST_CHECK image_set_scratch_aside(struct image *img, const char *path, struct err *err);

/*
 * For whoever replaces whole memories: as image_open for writing, or where an image is mounted at
 * `path`, as image_open for reading. image_install gives the memories their new contents, all or
 * none, in the image or by way of the mount, and closes as image_close does. `staged`: the ctx of
 * each content is a stage over the memory; -EAGAIN then: the memory was written to since.
 */
int MUST_CHECK image_open_install(const char *path, struct image *out, struct err *err);
int MUST_CHECK image_install(struct image *img, const struct mm_content *content, unsigned count,
			     bool staged, struct err *err);

/* Ends reading; after a failure, ends whatever there was. */
void image_drop(struct image *img);
#define auto_image __attribute__((cleanup(image_drop)))

/* Both paths lead to the same file or directory. */
bool image_is_same(const char *a, const char *b);

/* -ENOENT, and which ones there are, where the memory has no pages. */
int MUST_CHECK image_find(struct mm *mm, unsigned mm_id, struct mm_memory *out, struct err *err);

/* A directory can be written as an image: it is a canister snapshot. Before anything is put into
 * it, such as a lock. -EBUSY: an image is mounted there. */
int MUST_CHECK image_check_dir(const char *path, struct err *err);

/* ---- image_new.c ---- */

/*
 * An image that is to appear under a name, complete or not at all. With `force` it may replace
 * another, though not one that is in use. Where `path` is the directory of a canister snapshot, its
 * stable memory is what is replaced.
 */
struct image_new {
	struct new_file file;
	struct store *store;
	struct canister_swap swap;
	const char *name;              /* as the user gave it */
	const struct side_files *side; /* what is to lie beside it; NULL: nothing. Borrowed */
};
/* What lies before the base page is as in the image `like`, which is open; NULL: where the user has
 * said a base page, zeros. Where `path` is `like` itself, the caller has it open for writing, and
 * keeps it so until after the commit. */
int MUST_CHECK image_new_open(const char *path, bool force, struct store *like,
			      struct image_new *out, struct err *err);
int MUST_CHECK image_new_commit(struct image_new *new, struct err *err);
void image_new_drop(struct image_new *new);
#define IMAGE_NEW_NONE ((struct image_new){.file = NEW_FILE_NONE, .swap = CANISTER_SWAP_NONE})
#define auto_image_new __attribute__((cleanup(image_new_drop)))

#endif
