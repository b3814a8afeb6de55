/* SPDX-License-Identifier: MIT */
/*
 * The bond between an image and what lies beside the image. docs/design/one-state.md tells why it
 * is as it is.
 *
 * The bond is a store over the image's store. Readers of the bond see zeros where the image id
 * lies, and a write never changes these bytes: so the id leaves the image in no checkpoint, no
 * snapshot and no copy that we make.
 *
 * The id and the tick stand in the image and in the record of each side directory. Before the image
 * changes for the first time, and then at most once a second, the tick is raised, in the records
 * first. A side directory fits the image when
 *
 *     the ids are the same, and
 *     closed:               tick, length and modification time are the same
 *     open, same boot:      the image's tick is the record's, or the one before where the image
 *                           may not have reached that; and nothing has written to the image later
 *                           than two seconds after the last tick
 *     open, another boot:   the image's tick is not below the one that is surely on disk; and of
 *                           snapshots, what they keep was on disk before the image changed
 *
 * A directory that does not fit is set aside (renamed), never read and never removed.
 *
 * Locks: `lock` guards everything but the bytes of the image, which are the lower store's.
 */
#ifndef CANISTERFS_BESIDE_H
#define CANISTERFS_BESIDE_H

#include "memmgr/store.h"
#include "snapshot/beside/side_files.h"

enum side_kind {
	SIDE_SCRATCH, /* IMAGE.scratch */
	SIDE_SNAP,    /* IMAGE.snap */
	SIDE_COUNT,
};

struct bond;

struct bond_place {
	const char *file; /* the image's file: its length and time are compared */
	const char
		*beside;   /* the side directories are BESIDE.scratch and BESIDE.snap; NULL: none */
	uint64_t base_off; /* where the manager begins in the image, in bytes */
	const char *scratch_in; /* the scratch directory lies in this directory instead; or NULL */
	bool id_suffices;       /* whatever changed the image, a directory with its id fits */
};

/*
 * `image` is the whole file's store. The store belongs to the result from now on, also when this
 * fails. Where the image is open for writing, directories that do not fit are set aside.
 */
int MUST_CHECK bond_open(struct store *image, const struct bond_place *place, struct store **out,
			 struct err *err);
/* Returns NULL for another kind of store. */
struct bond *bond_of(struct store *s);
/* The full path of the image's file. */
const char *bond_file(const struct bond *bond);
/* What was set aside, or does not fit and is left alone, in one sentence; NULL: nothing. */
const char *bond_note(const struct bond *bond, enum side_kind side);

/* The descriptor of the directory, or -1. Of IMAGE.scratch, one that fits or is empty. */
int bond_dir_fd(const struct bond *bond, enum side_kind side);
/* Returns true where the directory is there and fits the image. */
bool bond_fits(const struct bond *bond, enum side_kind side);
/* The path of the directory, whether it is there or not. */
const char *bond_dir_path(const struct bond *bond, enum side_kind side);

/*
 * From now on the directory counts: makes it where there is none, and writes the id into the image
 * where it has none. All of that is on disk when this returns 0. -EINVAL: the image has no manager.
 */
int MUST_CHECK bond_attach(struct bond *bond, enum side_kind side, struct err *err);
/*
 * The image has an id from now on, on disk, and `id` is it: for a file that must be known to belong
 * to the image as it is now, such as an undo file. Where no side directory needs the id, it is
 * erased when the image is closed, or at the next opening for writing after a kill. Zeros: the
 * image has no room for one.
 */
int MUST_CHECK bond_require_id(struct bond *bond, uint8_t id[MM_ID_LEN], struct err *err);
/* The id that the image has, or had when it was opened; returns false where there is none. */
bool bond_id(const struct bond *bond, uint8_t id[MM_ID_LEN]);

/* Removes the directory, where it is empty. Erases the id with the last directory. */
void bond_detach_empty(struct bond *bond, enum side_kind side);
/* Renames the directory to another name, which *to tells (for free()); NULL: it was empty, and is
 * removed. */
int MUST_CHECK bond_set_aside(struct bond *bond, enum side_kind side, char **to, struct err *err);

/* ---- scratch files ---- */

/* The scratch files and exact lengths of an image that fit it, as they are now, sorted by name. */
struct scratch_files;
/* `bond` may be NULL: then there are none. */
int MUST_CHECK scratch_files_open(const struct bond *bond, struct scratch_files **out,
				  struct err *err);
/* The files in a directory, such as one of a mount, and the lengths of those that are named by a
 * memory's id. dir_fd belongs to the result, also when this fails. */
int MUST_CHECK scratch_files_in(int dir_fd, struct scratch_files **out, struct err *err);
/* Borrowed. The caller may change the lengths. */
struct side_files *scratch_files_list(struct scratch_files *s);
void scratch_files_close(struct scratch_files *s); /* accepts NULL */
void cleanup_scratch_files(struct scratch_files **s);
#define auto_scratch_files __attribute__((cleanup(cleanup_scratch_files), unused))

/* Copies a scratch file into the new file `fd`; zeros stay holes. */
int MUST_CHECK side_file_copy(const struct side_file *file, int fd, struct err *err);

/*
 * The scratch directory holds these files and lengths from now on, and nothing else; all of that is
 * on disk. What the directory held is set aside under the name in *aside, for free(), or NULL.
 */
int MUST_CHECK bond_install(struct bond *bond, const struct side_files *files, char **aside,
			    struct err *err);

/*
 * What SQLite pairs with a database in this memory (ID-journal, ID-wal, ID-shm) and the memory's
 * length become those of `files`, or are gone where `files` has none. Other scratch files stay as
 * they are. What the directory held under these names gets the name NAME.set-aside. Called again
 * after a kill, it changes only what is not done.
 */
int MUST_CHECK bond_install_pair(struct bond *bond, unsigned mm_id, const struct side_files *files,
				 struct err *err);

/*
 * For a new image that has no name yet: writes an id into it, and makes BESIDE.scratch.new, which
 * belongs to this id. The next bond_open of the image under its name makes that the scratch
 * directory, and sets aside what is there.
 */
int MUST_CHECK side_plant(struct store *image, uint64_t base_off, const char *beside,
			  const struct side_files *files, struct err *err);

/*
 * Opens one file of a side directory. -EPERM: no regular file, with a second name, or of somebody
 * who is neither `owner`, nor root, nor us. Returns the descriptor or -errno.
 */
int side_open_file(int dir_fd, const char *name, bool writable, uid_t owner, uint64_t *len);
/* Where the manager begins in the image, in bytes. */
uint64_t bond_base_off(const struct bond *bond);
/* The store below. */
struct store *bond_image(struct bond *bond);
/* Who owns the image, and its permission bits. */
uid_t bond_owner(const struct bond *bond);
mode_t bond_mode(const struct bond *bond);

/* The exact length of a memory's file in bytes, as it was last noted. Returns false where none was
 * noted, or the length does not fit `pages`. */
bool bond_exact_len(const struct bond *bond, unsigned mm_id, uint64_t pages, uint64_t *len);
/* Notes one, or those of all MM_MAX_MEMORIES memories; without effect where there is no scratch
 * directory. */
void bond_note_len(struct bond *bond, unsigned mm_id, uint64_t len);
void bond_note_lens(struct bond *bond, const uint64_t *len);

/* Whether, from now on, what is kept in the directory is on disk before the image changes: then the
 * directory fits after a power cut, too. On disk when it returns. */
int MUST_CHECK bond_set_ordered(struct bond *bond, enum side_kind side, bool ordered,
				struct err *err);

/* A rollback that is under way. */
enum { BOND_WHOLE_IMAGE = -1 };
struct bond_rollback {
	uint64_t seq; /* of the snapshot; 0: none is under way */
	int mm_id;    /* the one memory that comes back, or BOND_WHOLE_IMAGE */
};
struct bond_rollback bond_rollback(const struct bond *bond);
/* On disk when it returns. */
int MUST_CHECK bond_set_rollback(struct bond *bond, struct bond_rollback what, struct err *err);
/* -EUCLEAN: a rollback has begun and not ended, so half of the image is as the snapshot has it. */
int MUST_CHECK bond_refuse_broken_off(const struct bond *bond, struct err *err);
/* The same of the image at `path`, open as `image`, that is read without a bond. */
int MUST_CHECK bond_check_whole(struct store *image, const char *path, struct err *err);

/* All is on disk, and the records say "closed". The store can still be read, and nothing else.
 * Closing the store does the same, where nobody has asked. */
int MUST_CHECK bond_settle(struct bond *bond, struct err *err);
/* The image's file changes from now on, and not through this store. On disk when it returns. */
int MUST_CHECK bond_expect_change(struct bond *bond, struct err *err);
/* Not all is on disk: closing the store leaves the records open. */
void bond_leave_open(struct bond *bond);

/* Removes the files that `is_ours` names from the side directory of an image that nobody uses, and
 * the directory. Whatever else lies there stays, and is an error. */
int MUST_CHECK side_remove_files(const char *image, uid_t owner, enum side_kind side,
				 bool (*is_ours)(const char *), struct err *err);

#endif
