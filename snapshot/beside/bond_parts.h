/* SPDX-License-Identifier: MIT */
/*
 * What bond.c and bond_judge.c share. See beside.h.
 */
#ifndef CANISTERFS_BOND_PARTS_H
#define CANISTERFS_BOND_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "snapshot/beside/beside.h"
#include "snapshot/beside/side_dir.h"

struct bond {
	struct store s;
	struct store *image;
	uint64_t sector_off;    /* of the image id, in the image */
	char *file;             /* the image's file */
	char *path[SIDE_COUNT]; /* of the directories, whether they are there or not */
	bool id_suffices;       /* bond_place */
	bool shared_place;      /* other images' scratch directories lie in the same directory */
	mode_t mode;            /* permission bits of the image */
	uid_t owner;            /* of the image */
	pthread_mutex_t lock;
	atomic_bool has_id; /* the image has the id */
	struct mm_image_id id;
	struct side_dir dir[SIDE_COUNT]; /* with a record: attached */
	char *note[SIDE_COUNT];
	atomic_bool bound;           /* one is attached: every change of the image is noted */
	bool stays_open;             /* not all is on disk */
	bool tick_in_doubt;          /* the image may have the next tick already */
	_Atomic int64_t ticked_nsec; /* when the tick was last raised; 0: not yet */
};

/* Opens the directory, and attaches it where it fits the image; `image` is the state of the image's
 * file. */
int MUST_CHECK bond_find(struct bond *b, enum side_kind side, const struct stat *image,
			 struct err *err);

/* Makes SCRATCH.new with this record and these files. All of that is on disk. */
#define SIDE_NEW ".new"
int MUST_CHECK side_build(const char *scratch, uid_t owner, mode_t mode,
			  const struct side_files *files, const struct side_record *record,
			  struct side_dir *dir, struct err *err);
/* Returns -EUCLEAN with a sentence. */
int MUST_CHECK bond_say_broken_off(struct err *err);

#endif
