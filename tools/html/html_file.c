// SPDX-License-Identifier: MIT
/*
 * Where a page goes. A file appears with all of the page, or not at all.
 */
#include "snapshot/snapshot.h"
#include "tools/html/html.h"

static int end(FILE *to, struct err *err)
{
	bool failed = ferror(to) != 0;

	if (fclose(to) != 0 || failed)
		return err_sys(err, errno ? -errno : -EIO, "cannot write");
	return 0;
}

int html_write(const char *path, bool force, html_fn *fn, const void *ctx, struct err *err)
{
	auto_new_file struct new_file file = NEW_FILE_NONE;
	auto_close int fd = -1;
	FILE *to;
	int rc;

	if (strcmp(path, "-") == 0) {
		fn(stdout, ctx);
		return 0; /* main sees whether all of stdout was written */
	}
	rc = snap_replace(&file, path, force, err);
	if (rc)
		return rc;
	fd = dup(file.fd);
	to = fd < 0 ? NULL : fdopen(fd, "w");
	if (!to)
		return err_sys(err, -errno, "cannot write");
	steal_fd(&fd);
	errno = 0;
	fn(to, ctx);
	rc = end(to, err);
	return rc ? rc : new_file_commit(&file, err);
}
