// SPDX-License-Identifier: MIT
/*
 * Answers requests about live snapshots, by asking the mount or by doing it here. See snapper.h.
 */
#include "tools/image/snapper.h"

#include <stdio.h>

int snapper_open(const char *path, bool writable, struct snapper *out, struct err *err)
{
	int rc;

	*out = SNAPPER_NONE;
	if (mounted_is(path))
		return mounted_reach(path, &out->mountpoint, &out->fd, err);
	rc = image_open_live(path, writable, NULL, &out->img, err);
	if (!rc && !out->img.live) {
		image_drop(&out->img);
		rc = err_set(err, -EOPNOTSUPP,
			     "cannot have snapshots: only a plain file, or the directory of a "
			     "canister snapshot, can");
	}
	return rc;
}

/* ---- here ---- */

struct open_snap {
	struct store *view;
	struct mm *mm;
};

static void close_snap(struct open_snap *s)
{
	mm_drop(s->mm);
	store_close(s->view);
}
#define auto_snap __attribute__((cleanup(close_snap)))

static int open_snap(struct snap_live *live, const char *name, struct open_snap *out,
		     struct err *err)
{
	int rc = snap_live_view(live, name, &out->view, err);

	return rc ? rc : mm_open(out->view, &out->mm, err);
}

static int diff(struct image *img, struct fs_request *r, struct err *err)
{
	auto_snap struct open_snap a = {NULL, NULL}, b = {NULL, NULL};
	bool two = r->other[0];
	int rc = open_snap(img->live, r->name, &a, err);

	if (!rc && two)
		rc = open_snap(img->live, r->other, &b, err);
	return rc ? rc
		  : snap_live_diff(img->live, r->name, a.mm, two ? r->other : NULL,
				   two ? b.mm : img->mm, r->number & FS_SNAP_WHETHER, r->pages,
				   err);
}

static int roll_back_one(struct image *img, struct fs_request *r, struct err *err)
{
	auto_snap struct open_snap s = {NULL, NULL};
	int rc = open_snap(img->live, r->name, &s, err);

	if (rc)
		return rc;
	return snap_live_rollback_memory(img->live, r->name, (unsigned)r->mm_id, img->mm, s.mm,
					 err);
}

static int roll_back_all(struct image *img, struct fs_request *r, struct err *err)
{
	int rc, reload;

	mm_freeze(img->mm);
	rc = snap_live_rollback(img->live, r->name, err);
	reload = mm_reload(img->mm, rc ? NULL : err);
	mm_thaw(img->mm);
	if (reload) { /* nothing of the old layout may be written any more */
		mm_drop(img->mm);
		img->mm = NULL;
	}
	return rc ? rc : reload;
}

static int act(struct image *img, struct fs_request *r, struct err *err)
{
	switch (r->verb) {
	case FS_SNAP_CREATE:
		return snap_live_create(img->live, r->name, err);
	case FS_SNAP_DROP:
		return snap_live_drop(img->live, r->name, err);
	case FS_SNAP_RENAME:
		return snap_live_rename(img->live, r->name, r->other, err);
	case FS_SNAP_ROLLBACK:
		return r->mm_id == FS_SNAP_ALL ? roll_back_all(img, r, err)
					       : roll_back_one(img, r, err);
	case FS_SNAP_INFO:
		return snap_live_nth(img->live, r->number, &r->info, err);
	case FS_SNAP_DIFF:
		return diff(img, r, err);
	default:
		return err_set(err, -EINVAL, "an unknown request");
	}
}

int snapper_ask(struct snapper *s, struct fs_request *r, struct err *err)
{
	return s->fd < 0 ? act(&s->img, r, err) : mounted_ask(s->fd, r, err);
}

int snapper_close(struct snapper *s, struct err *err)
{
	int rc = s->fd < 0 && s->img.mm ? image_close(&s->img, err) : 0;

	snapper_drop(s);
	return rc;
}

void snapper_drop(struct snapper *s)
{
	image_drop(&s->img);
	if (s->fd >= 0)
		close(s->fd);
	free(s->mountpoint);
	*s = SNAPPER_NONE;
}
