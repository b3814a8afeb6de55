// SPDX-License-Identifier: MIT
/*
 * umount: ends a mount and waits until all of it is on disk. The daemon keeps the image locked
 * until it has synced everything; so the moment to wait for is when that lock can be had.
 */
#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

#include "tools/cmd/cmd.h"
#include "tools/image/mounts.h"

enum { POLL_MS = 10 };

struct umount_args {
	const char *mountpoint;
};

static const struct cmd_operand operands[] = {
	{"MOUNTPOINT", CMD_DIR, WHERE(struct umount_args, mountpoint)},
	{NULL},
};

/* While it is mounted an error still reaches us; the daemon has nobody to tell any more. */
static int sync_mount(const char *mountpoint, struct err *err)
{
	auto_close int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOTCONN)
		return 0;
	if (fd < 0)
		return err_sys(err, -errno, "cannot open");
	if (syncfs(fd) < 0 || fsync(fd) < 0)
		return err_sys(err, -errno,
			       "left mounted, because not all of it could be written to the image");
	return 0;
}

static int run_fusermount(const char *mountpoint, struct err *err)
{
	char *argv[] = {"fusermount3", "-u", "--", (char *)mountpoint, NULL};
	int status = 0;
	pid_t pid;
	int rc = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);

	if (rc)
		return err_sys(err, -rc, "cannot run fusermount3");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, -EBUSY, "not unmounted: fusermount3 says why");
	return 0;
}

static int unmount(const char *mountpoint, struct err *err)
{
	if (geteuid() != 0)
		return run_fusermount(mountpoint, err);
	if (umount2(mountpoint, UMOUNT_NOFOLLOW) == 0)
		return 0;
	if (errno == EBUSY)
		return err_set(err, -EBUSY,
			       "in use: a program has a file open there, or its current directory");
	return err_sys(err, -errno, "cannot unmount");
}

/* Ends also when the image is mounted anew, by someone who was quicker with the lock. */
static int wait_for_daemon(int fd, const char *image, struct err *err)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	auto_free char *elsewhere = NULL;

	while (fcntl(fd, F_OFD_SETLK, &whole) < 0) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return err_sys(err, -errno, "unmounted, but cannot wait for its end");
		elsewhere = mounts_at(image);
		if (elsewhere)
			return 0;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int unmount_and_wait(const char *mountpoint, const char *image, struct err *err)
{
	auto_close int fd = open(image, O_RDONLY | O_CLOEXEC);
	int open_rc = fd < 0 ? -errno : 0;
	int rc = sync_mount(mountpoint, err);

	if (!rc)
		rc = unmount(mountpoint, err);
	if (rc)
		return rc;
	if (fd < 0)
		return err_sys(err, open_rc, "unmounted, but cannot wait for the end of %s", image);
	return wait_for_daemon(fd, image, err);
}

static int cmd_umount(const void *arguments)
{
	const struct umount_args *args = arguments;
	auto_free char *mountpoint = NULL, *image = NULL;
	struct err err = {""};

	if (mounts_find(args->mountpoint, &mountpoint, &image, &err) != 0 ||
	    unmount_and_wait(mountpoint, image, &err) != 0)
		return cmd_fail(args->mountpoint, &err);
	return CMD_DONE;
}

const struct verb verb_umount = {
	.name = "umount",
	.summary = "end a mount; returns when all is on disk",
	.text = "Ends the mount at MOUNTPOINT and returns when all of it is on disk and the image is\n"
		"free for others. Where something could not be written it stays mounted.",
	.operands = operands,
	.args_len = sizeof(struct umount_args),
	.run = cmd_umount,
};
