// SPDX-License-Identifier: MIT
/*
 * Opens what is exported. See source.h.
 */
#include "tools/image/source.h"

int source_open(const char *path, const char *snapshot, struct source *out, struct err *err)
{
	int rc;

	*out = SOURCE_NONE;
	if (mounted_is(path))
		return mounted_open(path, snapshot, FS_SNAP_WITHOUT_HOLES, &out->store, err);
	if (!snapshot)
		return image_open_store(path, false, &out->store, err);
	rc = snapper_open(path, false, &out->snapper, err);
	return rc ? rc : snap_live_view(out->snapper.img.live, snapshot, &out->store, err);
}

void source_close(struct source *s)
{
	store_close(s->store);
	snapper_drop(&s->snapper);
	*s = SOURCE_NONE;
}
