// SPDX-License-Identifier: MIT
/*
 * Makes and removes the directories of trials. See trial.h.
 */
#include "tools/trial.h"

#include <ftw.h>
#include <stdio.h>

int trial_dir_make(const char *in, char **dir, struct err *err)
{
	const char *where = in ? in : getenv("TMPDIR");
	char *name;

	if (!where || !*where)
		where = "/var/tmp";
	if (asprintf(&name, "%s/canisterfs-XXXXXX", where) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (!mkdtemp(name)) {
		int rc = err_sys(err, -errno, "cannot make a directory in %s", where);

		free(name);
		return rc;
	}
	/* Going to the background changes the current directory. */
	*dir = realpath(name, NULL);
	free(name);
	return *dir ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)!remove(path);
	return 0;
}

void trial_dir_remove(const char *dir)
{
	enum { OPEN_DIRS = 8 };

	if (dir)
		nftw(dir, remove_one, OPEN_DIRS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
