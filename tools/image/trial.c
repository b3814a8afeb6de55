// SPDX-License-Identifier: MIT
/*
 * Makes and removes the directories of trials. See trial.h.
 */
#include "tools/image/trial.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

static const char prefix[] = "canisterfs-trial-";

/* -1: it is gone, or somebody else's, or in use. The lock ends with the process and its forks. */
static int lock_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A mount whose daemon is dead is taken away; with one that lives all is left as it is. */
static bool has_mount(const char *dir)
{
	auto_free char *mnt = NULL;
	struct stat st, above;

	if (asprintf(&mnt, "%s/mnt", dir) < 0)
		return true;
	if (stat(mnt, &st) < 0)
		return errno == ENOTCONN && umount2(mnt, MNT_DETACH | UMOUNT_NOFOLLOW) < 0;
	return stat(dir, &above) < 0 || above.st_dev != st.st_dev;
}

static void remove_if_dead(const char *path)
{
	auto_close int fd = lock_dir(path);

	if (fd >= 0 && !has_mount(path))
		trial_dir_remove(path);
}

/* What trials left that were killed. */
static void remove_dead(const char *where)
{
	DIR *dir = opendir(where);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		auto_free char *path = NULL;

		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 &&
		    asprintf(&path, "%s/%s", where, e->d_name) >= 0)
			remove_if_dead(path);
	}
	if (dir)
		closedir(dir);
}

/* NULL: `name` is taken away already, by somebody who clears up and saw no lock on it. */
static char *lock_new(const char *name)
{
	/* Kept until the process ends: that is what it says. */
	return lock_dir(name) >= 0 ? realpath(name, NULL) : NULL;
}

int trial_dir_make(const char *in, char **dir, struct err *err)
{
	const char *where = in ? in : getenv("TMPDIR");
	char *name;

	*dir = NULL;
	if (!where || !*where)
		where = "/var/tmp";
	remove_dead(where);
	for (int tries = 0; !*dir && tries < 8; tries++) {
		if (asprintf(&name, "%s/%sXXXXXX", where, prefix) < 0)
			return err_set(err, -ENOMEM, "out of memory");
		if (!mkdtemp(name)) {
			int rc = err_sys(err, -errno, "cannot make a directory in %s", where);

			free(name);
			return rc;
		}
		/* Going to the background changes the current directory. */
		*dir = lock_new(name);
		free(name);
	}
	return *dir ? 0 : err_set(err, -EAGAIN, "cannot lock a directory in %s", where);
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
