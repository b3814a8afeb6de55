// SPDX-License-Identifier: MIT
/*
 * Says which side directory belongs to an image. See beside.h for the rule. What does not fit is
 * renamed where the image is open for writing, and left alone where it is open for reading.
 */
#include "snapshot/beside/bond_parts.h"

#include <stdio.h>

#include "snapshot/qcow2/boot.h"

/* A change is noted at most one second before it; clocks of file systems are coarse. */
#define GRACE_NSEC INT64_C(2000000000)

enum { MAX_SHARED_NAMES = 10000 };

static int64_t nsec_of(int64_t sec, int64_t nsec)
{
	return sec * 1000000000 + nsec;
}

/* Returns NULL where the record fits, else why not. */
static const char *judge(const struct bond *b, enum side_kind side, const struct side_record *r,
			 const struct stat *st)
{
	int64_t written = nsec_of(st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	int64_t noted = nsec_of(r->sec, r->nsec);

	if (!b->has_id || memcmp(b->id.id, r->image.id, MM_ID_LEN) != 0)
		return "belongs to another image, or to this one at another time";
	if (b->id_suffices)
		return NULL;
	if (!r->open)
		return b->id.tick == r->image.tick && b->image->len == r->image_len &&
				       written == noted
			       ? NULL
			       : "the image was changed by something else since";
	if (r->rollback_seq > 0)
		return NULL;
	if (!boot_is_this(r->boot) && side == SIDE_SNAP && !r->ordered)
		return "power was lost while the image was changed, and with it perhaps what had "
		       "been kept";
	if (!boot_is_this(r->boot))
		return b->id.tick >= r->durable_tick ? NULL
						     : "belongs to a later state of the image";
	if (b->id.tick < r->reached_tick || b->id.tick > r->image.tick)
		return "belongs to the image at another time";
	return written <= noted + GRACE_NSEC ? NULL
					     : "the image was changed by something else since";
}

static int set_note(struct bond *b, enum side_kind side, const char *why, const char *to)
{
	free(b->note[side]);
	if ((to ? asprintf(&b->note[side], "%s: %s; set aside as %s", b->path[side], why, to)
		: asprintf(&b->note[side], "%s: %s; left alone", b->path[side], why)) >= 0)
		return 0;
	b->note[side] = NULL;
	return -ENOMEM;
}

/* Snapshots are not moved: live_chain.c names each of them stale, so that they stay in the list. */
static int put_aside(struct bond *b, enum side_kind side, const char *why, struct err *err)
{
	auto_free char *to = NULL;
	int rc = 0;

	if (!b->s.writable || side == SIDE_SNAP) {
		rc = set_note(b, side, why, NULL);
	} else if (side_dir_is_empty(&b->dir[side])) {
		side_dir_remove(&b->dir[side]);
	} else {
		rc = side_dir_set_aside(&b->dir[side], &to, err);
		if (!rc)
			rc = set_note(b, side, why, to);
	}
	if (side == SIDE_SNAP)
		side_dir_forget_record(&b->dir[side]);
	else
		side_dir_close(&b->dir[side]);
	return rc == -ENOMEM ? err_set(err, rc, "out of memory") : rc;
}

/* In a directory that several images share, each takes the first name that is free or its own. */
static int find_shared(struct bond *b, const struct stat *image, struct err *err)
{
	auto_free char *name = b->path[SIDE_SCRATCH];

	b->path[SIDE_SCRATCH] = NULL;
	for (int n = 1; n <= MAX_SHARED_NAMES; n++) {
		struct side_dir *dir = &b->dir[SIDE_SCRATCH];
		int rc;

		free(b->path[SIDE_SCRATCH]);
		if ((n == 1 ? asprintf(&b->path[SIDE_SCRATCH], "%s", name)
			    : asprintf(&b->path[SIDE_SCRATCH], "%s-%d", name, n)) < 0) {
			b->path[SIDE_SCRATCH] = NULL;
			return err_set(err, -ENOMEM, "out of memory");
		}
		rc = side_dir_open(b->path[SIDE_SCRATCH], image->st_uid, b->s.writable, dir, err);
		if (rc == -ENOMEM)
			return rc;
		if (!rc && (dir->fd < 0 ||
			    (dir->record_fd >= 0 && !judge(b, SIDE_SCRATCH, &dir->record, image))))
			return 0;
		side_dir_close(dir);
	}
	return err_set(err, -EEXIST, "%s: too many directories of this name", name);
}

/* A directory that was built for this image, whose builder was stopped before it could exchange the
 * old one for it. *adopted: it is the scratch directory now. */
static int adopt_new(struct bond *b, const struct stat *image, bool *adopted, struct err *err)
{
	__attribute__((cleanup(side_dir_close))) struct side_dir built = SIDE_DIR_NONE;
	auto_free char *path = NULL;
	auto_free char *aside = NULL;
	struct side_dir *old = &b->dir[SIDE_SCRATCH];
	int rc;

	*adopted = false;
	if (!b->has_id || asprintf(&path, "%s" SIDE_NEW, b->path[SIDE_SCRATCH]) < 0)
		return 0;
	rc = side_dir_open(path, image->st_uid, b->s.writable, &built, NULL);
	if (rc || built.record_fd < 0 || judge(b, SIDE_SCRATCH, &built.record, image))
		return 0;
	if (b->s.writable) {
		rc = side_dir_open(b->path[SIDE_SCRATCH], image->st_uid, true, old, err);
		if (!rc && old->fd >= 0 && !side_dir_is_empty(old))
			rc = side_dir_set_aside(old, &aside, err);
		else if (!rc && old->fd >= 0)
			side_dir_remove(old);
		if (!rc)
			rc = side_dir_rename(&built, b->path[SIDE_SCRATCH], err);
	}
	if (!rc && aside)
		rc = set_note(b, SIDE_SCRATCH, "belongs to what was replaced", aside);
	if (rc)
		return rc;
	*old = built;
	built = SIDE_DIR_NONE;
	*adopted = true;
	return 0;
}

int bond_find(struct bond *b, enum side_kind side, const struct stat *image, struct err *err)
{
	struct side_dir *dir = &b->dir[side];
	const char *why;
	int rc;

	if (side == SIDE_SCRATCH && b->shared_place)
		return find_shared(b, image, err);
	if (side == SIDE_SCRATCH) {
		bool adopted;

		rc = adopt_new(b, image, &adopted, err);
		if (rc || adopted)
			return rc;
	}
	rc = side_dir_open(b->path[side], image->st_uid, b->s.writable, dir, err);
	/* A reader needs none of it. */
	if (rc && rc != -ENOMEM && !b->s.writable)
		return 0;
	if (rc || dir->fd < 0 || dir->record_fd < 0)
		return rc;
	why = judge(b, side, &dir->record, image);
	return why ? put_aside(b, side, why, err) : 0;
}

int bond_check_whole(struct store *image, const char *path, struct err *err)
{
	__attribute__((cleanup(side_dir_close))) struct side_dir dir = SIDE_DIR_NONE;
	auto_free char *whole = realpath(path, NULL), *snap = NULL;
	uint8_t sector[MM_ID_SECTOR_LEN];
	struct mm_image_id id;
	struct stat st;

	if (!whole || stat(whole, &st) < 0 || asprintf(&snap, "%s.snap", whole) < 0)
		return err_sys(err, -ENOMEM, "cannot find its snapshots");
	if (image->len < MM_PAGE_LEN || side_dir_open(snap, st.st_uid, false, &dir, NULL) != 0 ||
	    dir.record_fd < 0 || dir.record.rollback_seq == 0 ||
	    store_read(image, sector, sizeof(sector), MM_ID_SECTOR_OFF, NULL) != 0 ||
	    !mm_image_id_decode(sector, &id) || memcmp(id.id, dir.record.image.id, MM_ID_LEN) != 0)
		return 0;
	return bond_say_broken_off(err);
}

int bond_say_broken_off(struct err *err)
{
	return err_set(err, -EUCLEAN,
		       "a rollback was broken off, and goes on when the image is opened for "
		       "writing, as by 'check --repair'");
}

int bond_dir_fd(const struct bond *b, enum side_kind side)
{
	return b->dir[side].fd;
}

bool bond_fits(const struct bond *b, enum side_kind side)
{
	return b->dir[side].record_fd >= 0;
}
