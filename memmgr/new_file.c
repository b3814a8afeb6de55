// SPDX-License-Identifier: MIT
/*
 * Owns the life of an output file until it has its name: nothing half-written is ever seen under
 * that name, and a killed process leaves at most one hidden file. Never writes content. One thread
 * per struct new_file.
 */
#include "memmgr/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { NAME_TRIES = 100 };

/* The directory a path names something in; "." where it has none. */
static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* A name beside `path` that no one else uses, most likely; NULL without memory. */
static char *hidden_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash + 1 - path) : 0;
	uint64_t random = 0;
	char *name;

	if (getrandom(&random, sizeof(random), 0) < 0)
		random = (uint64_t)getpid();
	if (asprintf(&name, "%.*s.canisterfs-%016" PRIx64, dir_len, path, random) < 0)
		return NULL;
	return name;
}

/* linkat by /proc needs no privilege, linkat with AT_EMPTY_PATH does. */
int link_fd(int fd, int dir_fd, const char *name)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, dir_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static bool can_link_fd(int fd)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return access(self, F_OK) == 0;
}

static int open_hidden(struct new_file *nf)
{
	for (int i = 0; i < NAME_TRIES; i++) {
		auto_free char *name = hidden_name(nf->path);

		if (!name)
			return -ENOMEM;
		nf->fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (nf->fd >= 0) {
			nf->tmp_path = name;
			name = NULL;
			return 0;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int open_nameless(struct new_file *nf)
{
	auto_free char *dir = dir_of(nf->path);

	if (!dir)
		return -ENOMEM;
	nf->fd = open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
	if (nf->fd >= 0 && can_link_fd(nf->fd))
		return 0;
	/* EISDIR: a kernel or file system that takes O_TMPFILE for O_DIRECTORY. */
	if (nf->fd < 0 && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return -errno;
	if (nf->fd >= 0)
		close(nf->fd);
	return open_hidden(nf);
}

/* What replaces a file looks like it: same mode, as far as what it is made from allows that, and
 * same owner where we may give files away. */
static int take_mode(int fd, const struct stat *old)
{
	if (fchown(fd, old->st_uid, old->st_gid) < 0 && errno != EPERM)
		return -errno;
	return fchmod(fd, derived_mode(old->st_mode & 07777)) < 0 ? -errno : 0;
}

/* Sets nf->path; *exists says whether a regular file, described by *st, is there. A symbolic link
 * is followed here, once, so that it is its target that gets replaced. */
static int resolve(struct new_file *nf, const char *path, struct stat *st, bool *exists,
		   struct err *err)
{
	*exists = lstat(path, st) == 0;
	if (!*exists && (errno != ENOENT || !*path))
		return err_sys(err, -errno, "cannot create");
	if (*exists && !nf->force)
		return err_set(err, -EEXIST, "exists already");
	if (*exists && S_ISLNK(st->st_mode)) {
		nf->path = realpath(path, NULL);
		if (!nf->path || lstat(nf->path, st) < 0)
			return err_sys(err, -errno, "cannot follow the symbolic link");
	}
	if (*exists && !S_ISREG(st->st_mode))
		return err_set(err, -EINVAL, "exists and is not a regular file");
	if (!nf->path)
		nf->path = strdup(path);
	return nf->path ? 0 : err_sys(err, -ENOMEM, "cannot create");
}

/* Whoever may not open a file for writing may still replace it in a directory of his own. */
static int hold_old(struct new_file *nf, struct err *err)
{
	int rc = file_store_open(nf->path, true, &nf->old, err);

	return rc == -EWOULDBLOCK ? rc : 0;
}

static int open_new(struct new_file *nf, const char *path, bool force, bool held, struct err *err)
{
	struct stat st;
	bool exists;
	int rc;

	*nf = NEW_FILE_NONE;
	nf->force = force;
	rc = resolve(nf, path, &st, &exists, err);
	if (rc == 0 && exists && !held)
		rc = hold_old(nf, err);
	if (rc == 0) {
		rc = open_nameless(nf);
		if (rc == 0 && exists)
			rc = take_mode(nf->fd, &st);
		if (rc < 0)
			err_sys(err, rc, "cannot create");
	}
	if (rc < 0)
		new_file_drop(nf);
	return rc;
}

int new_file_open(struct new_file *nf, const char *path, bool force, struct err *err)
{
	return open_new(nf, path, force, false, err);
}

int new_file_open_held(struct new_file *nf, const char *path, struct err *err)
{
	return open_new(nf, path, true, true, err);
}

/* Gives a nameless file a hidden name, which a rename can then put over another file. */
static int name_hidden(struct new_file *nf)
{
	for (int i = 0; i < NAME_TRIES; i++) {
		auto_free char *name = hidden_name(nf->path);
		int rc = name ? link_fd(nf->fd, AT_FDCWD, name) : -ENOMEM;

		if (rc == 0) {
			nf->tmp_path = name;
			name = NULL;
		}
		if (rc != -EEXIST)
			return rc;
	}
	return -EEXIST;
}

/* Not every file system knows RENAME_NOREPLACE; link(2) never replaces either. */
static int rename_to_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (link(from, to) < 0 || unlink(from) < 0)
		return -errno;
	return 0;
}

static int give_name(struct new_file *nf)
{
	int rc = 0;

	if (!nf->tmp_path) {
		rc = link_fd(nf->fd, AT_FDCWD, nf->path);
		if (rc != -EEXIST || !nf->force)
			return rc;
		rc = name_hidden(nf);
	}
	if (rc == 0 && nf->force)
		rc = rename(nf->tmp_path, nf->path) < 0 ? -errno : 0;
	else if (rc == 0)
		rc = rename_to_new(nf->tmp_path, nf->path);
	if (rc == 0) {
		free(nf->tmp_path);
		nf->tmp_path = NULL;
	}
	return rc;
}

int sync_dir_of(const char *path)
{
	auto_free char *dir = dir_of(path);
	auto_close int fd = -1;

	if (!dir)
		return -ENOMEM;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* EINVAL: a file system whose directories need no syncing. */
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

int new_file_commit(struct new_file *nf, struct err *err)
{
	int rc;

	if (fsync(nf->fd) < 0)
		return err_sys(err, -errno, "cannot sync");
	rc = give_name(nf);
	if (rc == -EEXIST)
		return err_set(err, rc, "exists already");
	if (rc < 0)
		return err_sys(err, rc, "cannot give the finished file its name");
	rc = sync_dir_of(nf->path);
	if (rc < 0)
		return err_sys(err, rc, "cannot sync the directory");
	new_file_drop(nf);
	return 0;
}

void new_file_drop(struct new_file *nf)
{
	if (nf->tmp_path)
		unlink(nf->tmp_path);
	if (nf->fd >= 0)
		close(nf->fd);
	store_close(nf->old);
	free(nf->tmp_path);
	free(nf->path);
	*nf = NEW_FILE_NONE;
}
