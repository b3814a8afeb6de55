// SPDX-License-Identifier: MIT
/*
 * Has a mount change its image as a whole. A snapshot is the way back. See mounted.h.
 */
#include <stdio.h>

#include "tools/image/mounted.h"

/* Takes a snapshot that is called `kept`, or kept-2 and so on where there is such a one. */
static int keep(int fd, const char *kept, struct fs_request *r, char *name, size_t name_len,
		struct err *err)
{
	enum { TRIES = 1000 };
	int rc = -EEXIST;

	for (int i = 1; rc == -EEXIST && i <= TRIES; i++) {
		if (i == 1)
			snprintf(name, name_len, "%s", kept);
		else
			snprintf(name, name_len, "%s-%d", kept, i);
		rc = mounted_request(r, FS_SNAP_CREATE, name, NULL, err);
		if (!rc)
			rc = mounted_ask(fd, r, err);
	}
	return rc ? err_prefix(err, rc, "no snapshot can be taken of what is there now") : 0;
}

int mounted_change(const char *path, enum fs_verb verb, unsigned number, const char *kept,
		   struct mounted_changed *out, struct err *err)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));
	auto_free char *mountpoint = NULL;
	auto_close int fd = -1;
	int rc = r ? mounted_reach(path, &mountpoint, &fd, err)
		   : err_set(err, -ENOMEM, "out of memory");

	*out = (struct mounted_changed){.stale_len = 0};
	if (!rc && kept)
		rc = keep(fd, kept, r, out->kept, sizeof(out->kept), err);
	if (rc)
		return rc;
	rc = mounted_request(r, verb, "", NULL, err);
	r->number = number;
	if (!rc)
		rc = mounted_ask(fd, r, err);
	out->stale_len = r->stale_len;
	if (rc && kept && mounted_request(r, FS_SNAP_DROP, out->kept, NULL, NULL) == 0)
		(void)!mounted_ask(fd, r, NULL);
	return rc;
}
