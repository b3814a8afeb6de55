// SPDX-License-Identifier: MIT
/*
 * Opens what is exported. See source.h.
 */
#include "tools/source.h"

#include <stdio.h>
#include <sys/stat.h>

static bool is_mount(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && !canister_dir_is(path);
}

static int take(struct source *s, struct err *err)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));
	int rc;

	snprintf(s->temporary, sizeof(s->temporary), "checkpoint-%ld", (long)getpid());
	rc = r ? snapper_request(r, FS_SNAP_CREATE, s->temporary, NULL, err) : -ENOMEM;
	if (!rc) {
		r->number = FS_SNAP_WITHOUT_HOLES;
		rc = snapper_ask(&s->snapper, r, err);
	}
	if (rc)
		s->temporary[0] = 0;
	return rc;
}

/* The mount tells what its folder of snapshots is called, also when there are none. */
static int open_in_mount(struct source *s, const char *name, struct err *err)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));
	auto_free char *path = NULL;
	int rc = r ? snapper_request(r, FS_SNAP_INFO, "", NULL, err) : -ENOMEM;

	if (!rc)
		rc = snapper_ask(&s->snapper, r, err);
	if (rc)
		return rc;
	if (asprintf(&path, "%s/%s/%s/stable", s->snapper.mountpoint, r->other, name) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	rc = file_store_open(path, false, &s->store, err);
	return rc ? err_prefix(err, rc, "snapshot '%s'", name) : 0;
}

/* What is mounted read-only stands still by itself. */
static int open_still(struct source *s, struct err *err)
{
	auto_free char *path = NULL;

	if (asprintf(&path, "%s/.canister/stable", s->snapper.mountpoint) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	return file_store_open(path, false, &s->store, err);
}

int source_open(const char *path, const char *snapshot, struct source *out, struct err *err)
{
	bool mounted = is_mount(path);
	int rc;

	*out = SOURCE_NONE;
	if (!mounted && !snapshot)
		return image_open_store(path, false, &out->store, err);
	rc = snapper_open(path, false, &out->snapper, err);
	if (!rc && !mounted)
		return snap_live_view(out->snapper.img.live, snapshot, &out->store, err);
	if (!rc && !snapshot)
		rc = take(out, err);
	if (rc == -EROFS && mounted && !snapshot)
		return open_still(out, err);
	return rc ? rc : open_in_mount(out, snapshot ? snapshot : out->temporary, err);
}

void source_close(struct source *s)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));

	store_close(s->store);
	if (s->temporary[0] && r && !snapper_request(r, FS_SNAP_DROP, s->temporary, NULL, NULL))
		(void)!snapper_ask(&s->snapper, r, NULL);
	snapper_drop(&s->snapper);
	*s = SOURCE_NONE;
}
