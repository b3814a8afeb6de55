// SPDX-License-Identifier: MIT
/*
 * Owns the rule for what may be replaced: no file that somebody uses. Keeps nothing.
 */
#include "snapshot/snapshot.h"

static int check_snapshots(const char *path, struct err *err)
{
	if (!snap_live_exists(path))
		return 0;
	return err_set(err, -EBUSY,
		       "has snapshots, which hold what differs from the image that is there; "
		       "'canisterfs snapshot remove' them first");
}

int snap_replace(struct new_file *nf, const char *path, bool force, struct err *err)
{
	int rc = force ? check_snapshots(path, err) : 0;

	return rc ? rc : new_file_open(nf, path, force, err);
}

int snap_replace_held(struct new_file *nf, const char *path, struct err *err)
{
	int rc = check_snapshots(path, err);

	return rc ? rc : new_file_open_held(nf, path, err);
}
