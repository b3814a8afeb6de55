// SPDX-License-Identifier: MIT
/*
 * Opens what lies beside an image. See sides.h.
 */
#include "tools/image/sides.h"

#include <fcntl.h>

#include "tools/image/mounted.h"

static int open_mounted(int dir_fd, struct sides *out, struct err *err)
{
	int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);

	return fd < 0 ? err_sys(err, -errno, "cannot look beside the image")
		      : scratch_files_in(fd, &out->scratch, err);
}

int sides_open(struct store *store, struct bond *bond, struct sides *out, struct err *err)
{
	struct store *whole = window_whole(store, NULL);
	int dir_fd = mounted_dir_fd(whole);
	int rc;

	*out = SIDES_NONE;
	rc = dir_fd >= 0 ? open_mounted(dir_fd, out, err)
			 : snap_side_open(bond ? bond_image(bond) : whole, &out->bundle, err);
	if (!rc && dir_fd < 0 && !out->bundle && bond)
		rc = scratch_files_open(bond, &out->scratch, err);
	if (rc)
		return rc;
	out->files = out->bundle    ? bundle_files(out->bundle)
		     : out->scratch ? scratch_files_list(out->scratch)
				    : NULL;
	return 0;
}

int sides_open_snapshot(struct snap_live *live, const char *name, struct sides *out,
			struct err *err)
{
	int rc;

	*out = SIDES_NONE;
	rc = snap_live_side(live, name, &out->snap, err);
	if (!rc)
		out->files = snap_live_side_files(out->snap);
	return rc;
}

void sides_close(struct sides *s)
{
	bundle_close(s->bundle);
	scratch_files_close(s->scratch);
	snap_live_side_close(s->snap);
	*s = SIDES_NONE;
}
