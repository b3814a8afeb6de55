/* SPDX-License-Identifier: MIT */
/*
 * A directory beside an image: IMAGE.scratch or IMAGE.snap. This file opens, makes, moves and
 * removes such directories, and reads and writes the record that each of them has. beside.h decides
 * to which image a directory belongs.
 *
 * A side directory is never reached through a symbolic link. It belongs to the image's owner, to
 * root or to us. Nothing in a directory without our record is renamed or removed.
 *
 * The record is the file ".canister" in the directory. No scratch file and no snapshot can have
 * this name.
 *
 *     off   0   8  "CFBESIDE"                     64   8  tick of the image at the last change
 *           8   4  version, 1                     72   8  tick that both surely have on disk
 *          12   4  CRC-32 of bytes 16 to 511      80   8  length of the image
 *          16  16  id of the image                88   8  time, seconds since 1970
 *          32  16  boot during which the image    96   4  and nanoseconds
 *                  was last changed              100   4  1 + the memory that a rollback brings
 *          48   4  1: open, 0: closed                     back, or 0: the whole image
 *          52   4  1: what is kept here is on    104   8  number of the snapshot that a rollback
 *                  disk before the image changes          brings back, or 0: none is under way
 *          56   8  tick that the image surely has
 *         512 2040 exact length of memory 0 to 254 in bytes, 8 bytes each; all bits set: the
 *                  memory's pages. Without a checksum: see bond_exact_len()
 *                                                         all little-endian
 *
 * "Open": the image is being changed, and the time is that of the last tick. "Closed": nobody
 * changes the image, and the time is the modification time of the image's file.
 */
#ifndef CANISTERFS_SIDE_DIR_H
#define CANISTERFS_SIDE_DIR_H

#include "memmgr/memmgr.h"

#define SIDE_RECORD_NAME ".canister"

struct side_record {
	struct mm_image_id image; /* the id, and the tick at the last change */
	uint8_t boot[16];
	bool open;
	bool ordered;
	uint64_t reached_tick, durable_tick;
	uint64_t image_len;
	int64_t sec;
	uint32_t nsec;
	uint64_t rollback_seq;
	uint32_t rollback_memory; /* as in the file */
};

struct side_dir {
	char *path;
	int fd;        /* of the directory; -1: there is none */
	int record_fd; /* -1: the directory has no record */
	struct side_record record;
};
#define SIDE_DIR_NONE ((struct side_dir){.fd = -1, .record_fd = -1})

/*
 * Opens the directory at `path` beside the image of `owner`. Returns 0 with fd -1 where nothing
 * stands there, and with record_fd -1 where the directory is empty. -ELOOP, -ENOTDIR, -EPERM: what
 * stands there is a link, no directory, or somebody else's. -EUCLEAN: the directory has content,
 * but no record of ours. Takes a copy of `path`.
 */
int MUST_CHECK side_dir_open(const char *path, uid_t owner, bool writable, struct side_dir *out,
			     struct err *err);
/* Makes the directory where there is none, gives it this record, and syncs both. `mode`: the
 * permission bits of the image, of which the directory gets no more. */
int MUST_CHECK side_dir_make(struct side_dir *dir, const char *path, mode_t mode,
			     const struct side_record *record, struct err *err);
/* Writes dir->record. */
int MUST_CHECK side_dir_store(struct side_dir *dir, bool durable, struct err *err);
/* Exact lengths: see the table above. */
int MUST_CHECK side_dir_set_lens(struct side_dir *dir, unsigned first_id, const uint64_t *len,
				 unsigned count);
int MUST_CHECK side_dir_get_len(const struct side_dir *dir, unsigned mm_id, uint64_t *len);
/* Renames what stands in a directory (AT_FDCWD: `name` is a path) to NAME.set-aside, or to the
 * first free one of NAME.set-aside-2 and so on. Returns 0 with the new name in *to, for free(), or
 * -errno. */
int MUST_CHECK side_rename_aside(int dir_fd, const char *name, char **to);
/* The same for the directory, which is closed then. */
int MUST_CHECK side_dir_set_aside(struct side_dir *dir, char **to, struct err *err);
/* Gives the directory another name, which nothing has. */
int MUST_CHECK side_dir_rename(struct side_dir *dir, const char *path, struct err *err);
/* Removes the record and the directory, where nothing else is in it; else leaves both. Closes. */
void side_dir_remove(struct side_dir *dir);
/* The directory stays open, as one whose record does not fit. */
void side_dir_forget_record(struct side_dir *dir);
/* Returns true where nothing but the record is in the directory. */
bool side_dir_is_empty(const struct side_dir *dir);
void side_dir_close(struct side_dir *dir);

#endif
