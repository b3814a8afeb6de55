// SPDX-License-Identifier: MIT
/*
 * Owns the opening of a file that another file, or a directory, names: a name that a stranger may
 * have chosen. Such a name must not lead out of its directory. Never waits for a FIFO's other end,
 * and never makes a terminal ours. Keeps nothing.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "memmgr/util.h"

/* For kernels and sandboxes without openat2: one part of the name after the other, no link followed
 * at all. */
static int walk(int dir_fd, const char *name, int flags)
{
	auto_close int at = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
	size_t len = strcspn(name, "/");
	char part[NAME_MAX + 1];

	while (at >= 0) {
		bool last = name[len] == 0;
		int fd;

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(part, name, len);
		part[len] = 0;
		if (strcmp(part, "..") == 0)
			return -EXDEV;
		fd = openat(at, len ? part : ".",
			    (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC, 0666);
		if (fd < 0)
			return errno == ELOOP || errno == ENOTDIR ? -EXDEV : -errno;
		if (last)
			return fd;
		close(at);
		at = fd;
		name += len + 1;
		len = strcspn(name, "/");
	}
	return -errno;
}

int open_beneath(const char *dir, const char *name, int flags)
{
	auto_close int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
		.mode = flags & O_CREAT ? 0666 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	if (dir_fd < 0)
		return -errno;
	if (name[0] == '/')
		return -EXDEV;
	/* EAGAIN: somebody renamed something meanwhile, and the kernel cannot be sure. */
	do
		fd = syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd < 0 && errno == ENOSYS)
		return walk(dir_fd, name, (int)how.flags);
	return fd < 0 ? -errno : (int)fd;
}

int open_file_beneath(const char *dir, const char *name, int flags, struct err *err)
{
	auto_close int fd = open_beneath(dir, name, flags);
	struct stat st, parent;

	if (fd == -EXDEV || fd == -ELOOP)
		return err_set(err, -EPERM, "%s is a link that leads out of the directory", name);
	if (fd < 0)
		return err_sys(err, fd, "%s cannot be opened", name);
	if (fstat(fd, &st) < 0 || stat(dir, &parent) < 0)
		return err_sys(err, -errno, "%s cannot be examined", name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s is no plain file", name);
	if (st.st_nlink > 1 && st.st_uid != parent.st_uid)
		return err_set(err, -EPERM,
			       "%s is a second name of a file of user %u, in a directory of user "
			       "%u",
			       name, st.st_uid, parent.st_uid);
	return steal_fd(&fd);
}
