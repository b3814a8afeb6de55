// SPDX-License-Identifier: MIT
/*
 * Opens what is exported. See source.h.
 */
#include "tools/image/source.h"

static int open_snapshot(const char *path, const char *snapshot, struct source *out,
			 struct err *err)
{
	int rc = snapper_open(path, false, &out->snapper, err);

	if (!rc)
		rc = snap_live_view(out->snapper.img.live, snapshot, &out->store, err);
	return rc ? rc : sides_open_snapshot(out->snapper.img.live, snapshot, &out->sides, err);
}

int source_open(const char *path, const char *snapshot, struct source *out, struct err *err)
{
	struct bond *bond = NULL;
	int rc;

	*out = SOURCE_NONE;
	if (snapshot && !mounted_is(path))
		return open_snapshot(path, snapshot, out, err);
	rc = mounted_is(path)
		     ? mounted_open(path, snapshot, FS_SNAP_WITHOUT_HOLES, &out->store, err)
		     : image_open_whole(path, false, &out->store, &bond, err);
	return rc ? rc : sides_open(out->store, bond, &out->sides, err);
}

void source_close(struct source *s)
{
	sides_close(&s->sides);
	store_close(s->store);
	snapper_drop(&s->snapper);
	*s = SOURCE_NONE;
}
