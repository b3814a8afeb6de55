// SPDX-License-Identifier: MIT
/*
 * Where scratch files lie on the host: beside the image, in IMAGE.scratch, under their own names,
 * from the first one to the end of the mount. They end with the mount; but after a crash they are
 * what an editor had not saved and the journal that makes a database whole again, so the next mount
 * finds them and shows them.
 *
 * Names are kept as well as the host allows. Where it does not (a directory that cannot be written
 * to, an image that is a block device), scratch files have no names and end with the daemon.
 * tree_lock guards the directory and its names.
 */
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>

#include "fusefs/core/fs.h"

/* Where nameless ones lie when the image's own directory will not do. */
#define ELSEWHERE "/var/tmp"

static char *dir_path(const struct fs_config *cfg)
{
	auto_free char *image = strdup(cfg->image_path);
	auto_free char *parent = strdup(cfg->image_path);
	char *path;

	if (!image || !parent ||
	    asprintf(&path, "%s/%s.scratch",
		     cfg->opts->scratch_dir ? cfg->opts->scratch_dir : dirname(parent),
		     basename(image)) < 0)
		return NULL;
	return path;
}

static bool is_plain_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The directory, made if it is not there; -1 where it cannot be. */
static int dir_fd(struct fs *fs)
{
	auto_free char *path = NULL;

	if (fs->scratch_dir_fd >= 0 || fs->scratch_nameless)
		return fs->scratch_dir_fd;
	path = dir_path(fs->cfg);
	if (path && is_plain_file(fs->cfg->image_path) &&
	    (mkdir(path, 0700) == 0 || errno == EEXIST))
		fs->scratch_dir_fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	fs->scratch_nameless = fs->scratch_dir_fd < 0;
	return fs->scratch_dir_fd;
}

int scratch_open(struct fs *fs, int *fd, struct err *err)
{
	const char *elsewhere = fs->cfg->opts->scratch_dir ? fs->cfg->opts->scratch_dir : ELSEWHERE;
	int dir = dir_fd(fs);

	*fd = dir < 0 ? -1 : openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (*fd < 0)
		*fd = open(elsewhere, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return *fd < 0 ? err_sys(err, -errno, "%s: no scratch file can be made", elsewhere) : 0;
}

void scratch_name(struct fs *fs, int fd, const char *name)
{
	char self[32];
	int dir = dir_fd(fs);

	if (dir < 0)
		return;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	scratch_unname(fs, name);
	(void)!linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW);
}

void scratch_unname(struct fs *fs, const char *name)
{
	if (fs->scratch_dir_fd >= 0)
		unlinkat(fs->scratch_dir_fd, name, 0);
}

void scratch_rename(struct fs *fs, const char *name, const char *new_name, unsigned flags)
{
	if (fs->scratch_dir_fd >= 0)
		(void)!renameat2(fs->scratch_dir_fd, name, fs->scratch_dir_fd, new_name, flags);
}

int scratch_sync_names(struct fs *fs)
{
	return fs->scratch_dir_fd >= 0 && fsync(fs->scratch_dir_fd) < 0 ? -errno : 0;
}

static int find_one(struct fs *fs, const char *name, struct err *err)
{
	auto_close int fd = openat(fs->scratch_dir_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct node *node;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || name_to_id(name) >= 0 ||
	    name_is_reserved(fs, name))
		return 0;
	node = node_new(fs, NODE_SCRATCH, name, S_IFREG | 0644);
	if (!node)
		return err_set(err, -ENOMEM, "no memory for scratch file '%s'", name);
	node->fd = steal_fd(&fd);
	node->size_len = (uint64_t)st.st_size;
	fs_log(fs, "%s: scratch file '%s' of a mount that broke off is back", fs->cfg->image_path,
	       name);
	return 0;
}

int scratch_recover(struct fs *fs, struct err *err)
{
	auto_free char *path = dir_path(fs->cfg);
	struct dirent *entry;
	DIR *dir;
	int rc = 0;

	fs->scratch_dir_fd = path ? open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC) : -1;
	dir = fs->scratch_dir_fd < 0 ? NULL : fdopendir(dup(fs->scratch_dir_fd));
	while (!rc && dir && (entry = readdir(dir)))
		rc = find_one(fs, entry->d_name, err);
	if (dir)
		closedir(dir);
	return rc;
}

void scratch_end(struct fs *fs)
{
	auto_free char *path = dir_path(fs->cfg);

	for (struct node *node = fs->root.next; node != &fs->root; node = node->next) {
		if (node->kind != NODE_SCRATCH)
			continue;
		fs_log(fs, "%s: scratch file '%s' of %llu bytes ends with the mount",
		       fs->cfg->image_path, node->name, (unsigned long long)node->size_len);
		scratch_unname(fs, node->name);
	}
	if (fs->scratch_dir_fd < 0)
		return;
	close(fs->scratch_dir_fd);
	if (path)
		rmdir(path);
}
