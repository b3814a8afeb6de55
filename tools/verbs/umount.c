// SPDX-License-Identifier: MIT
/*
 * umount: ends a mount and waits until all of it is on disk. While it is mounted the daemon can say
 * what it could not write, so it is asked first. Afterwards it keeps the image locked until it has
 * synced everything: the moment to wait for is when that lock can be had. A name that is gone says
 * nothing: the file system lives on while it is mounted elsewhere.
 */
#include <fcntl.h>
#include <grp.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

#include "tools/cmd/cmd.h"
#include "tools/image/canister_dir.h"
#include "tools/image/mount_scratch.h"
#include "tools/image/mounted.h"
#include "tools/image/mounts.h"

enum { POLL_MS = 10, SILENT_MS = 1000, LONGEST_S = 1000000 };

struct umount_args {
	const char *mountpoint;
	uint64_t timeout;
	bool discard;
};

static const struct cmd_option options[] = {
	{"timeout", 't', CMD_NUMBER, WHERE(struct umount_args, timeout), "SECONDS",
	 "wait no longer for the image to be free", .max = LONGEST_S},
	{"discard-scratch", 0, CMD_FLAG, WHERE(struct umount_args, discard), NULL,
	 "drop the scratch files instead of keeping them for the next mount"},
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"MOUNTPOINT", CMD_DIR, WHERE(struct umount_args, mountpoint)},
	{NULL},
};

/* ---- all is on disk ---- */

/* What the daemon says when it is asked to sync everything. */
struct answer {
	int rc;
	pid_t daemon; /* 0: it is dead */
	bool ephemeral;
	struct err err;
};

static void ask(const char *mountpoint, struct answer *a)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));
	auto_free char *name = NULL;
	auto_close int fd = -1;

	a->rc = r ? mounted_request(r, FS_SYNC, "", NULL, &a->err) : -ENOMEM;
	if (!a->rc)
		a->rc = mounted_reach(mountpoint, &name, &fd, &a->err);
	if (a->rc == -ENOTCONN)
		a->rc = 0;
	else if (!a->rc)
		a->rc = mounted_ask(fd, r, &a->err);
	if (!a->rc && fd >= 0) {
		a->daemon = (pid_t)r->number;
		a->ephemeral = r->mm_id == FS_SYNC_EPHEMERAL;
	}
}

/* A mount is its owner's alone, unless it was made with allow_other: not even root is let in. */
static void become(const struct mount_info *m)
{
	if (setgroups(0, NULL) < 0 || setresgid(m->group, m->group, m->group) < 0 ||
	    setresuid(m->owner, m->owner, m->owner) < 0)
		_exit(1);
}

static int ask_as_owner(const struct mount_info *m, struct answer *a, struct err *err)
{
	int ends[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, -errno, "cannot ask its daemon");
	pid = fork();
	if (pid == 0) {
		become(m);
		ask(m->mountpoint, a);
		_exit(write(ends[1], a, sizeof(*a)) != sizeof(*a));
	}
	close(ends[1]);
	n = pid < 0 ? -1 : read(ends[0], a, sizeof(*a));
	close(ends[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return n == sizeof(*a) ? 0 : err_set(err, -EPERM, "cannot ask its daemon as its owner");
}

static int sync_mount(const struct mount_info *m, pid_t *daemon, bool *ephemeral, struct err *err)
{
	struct answer a = {0};
	int rc = 0;

	if (geteuid() == 0 && m->owner != 0)
		rc = ask_as_owner(m, &a, err);
	else
		ask(m->mountpoint, &a);
	*daemon = a.daemon;
	*ephemeral = a.ephemeral;
	if (rc || a.rc == 0)
		return rc;
	return err_set(err, a.rc, "left mounted, because not all of it is on disk: %s",
		       a.err.text[0] ? a.err.text : strerror(-a.rc));
}

/* ---- the mount goes ---- */

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

/* ---- the image is free ---- */

struct waiting {
	const struct mount_info *mount;
	pid_t daemon;
	uint64_t timeout_ms;
	char told[512]; /* the last thing said; "" at first */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* What still keeps the image. */
static void describe(const struct waiting *w, char *text, size_t len)
{
	pid_t pid;
	auto_free char *place = mounts_seen_by(w->mount->device, &pid);

	if (place && pid == getpid())
		snprintf(text, len, "the same mount is also at %s", place);
	else if (place)
		snprintf(text, len,
			 "process %ld has the same mount at %s, in a mount namespace of its own",
			 (long)pid, place);
	else if (w->daemon > 0)
		snprintf(text, len, "its daemon, process %ld, still has %s", (long)w->daemon,
			 w->mount->image);
	else
		snprintf(text, len, "another process still has %s", w->mount->image);
}

/* Says once what it waits for, and again when that is something else. */
static void tell(struct waiting *w)
{
	char text[sizeof(w->told)];

	describe(w, text, sizeof(text));
	if (strcmp(text, w->told) != 0)
		cmd_error(w->mount->mountpoint, "unmounted; waiting, because %s", text);
	strcpy(w->told, text);
}

/* Ends also when the image is mounted anew, by someone who was quicker with the lock. */
static int wait_for_lock(int fd, struct waiting *w, struct err *err)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	uint64_t start = now_ms(), next = SILENT_MS;

	while (fcntl(fd, F_OFD_SETLK, &whole) < 0) {
		auto_free char *elsewhere = NULL;
		uint64_t waited = now_ms() - start;

		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return err_sys(err, -errno, "unmounted, but cannot wait for its end");
		elsewhere = mounts_at(w->mount->image, w->mount->device);
		if (elsewhere)
			return 0;
		if (waited >= w->timeout_ms) {
			describe(w, w->told, sizeof(w->told));
			return err_set(err, -ETIMEDOUT, "unmounted, but the image is in use: %s",
				       w->told);
		}
		if (waited >= next) {
			tell(w);
			next = waited + SILENT_MS;
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* What the daemon locks: of a directory, the stable memory in it. */
static int open_locked(const char *image)
{
	auto_free char *inside = NULL;

	if (canister_dir_is(image) && asprintf(&inside, "%s/%s", image, CANISTER_STABLE) < 0)
		return -ENOMEM;
	return open(inside ? inside : image, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* Also what is to go is named: nothing disappears without a word. */
static int see_to_scratch(const struct umount_args *args, const struct mount_info *m,
			  bool ephemeral, struct mount_scratch *scratch, struct err *err)
{
	const char *fate = args->discard ? "is dropped"
			   : ephemeral   ? "is dropped, with all of the ephemeral mount"
					 : "is kept for the next mount";

	mount_scratch_list(m->mountpoint, fate, scratch);
	if (args->discard || ephemeral)
		scratch->half = false;
	return args->discard ? mount_scratch_remove(m->mountpoint, err) : 0;
}

static int unmount_and_wait(const struct umount_args *args, const struct mount_info *m,
			    struct mount_scratch *scratch, struct err *err)
{
	uint64_t timeout_ms = args->timeout == CMD_UNSET ? UINT64_MAX : args->timeout * 1000;
	auto_close int fd = open_locked(m->image);
	int open_rc = fd < 0 ? -errno : 0;
	struct waiting w = {.mount = m, .timeout_ms = timeout_ms};
	bool ephemeral = false;
	int rc = sync_mount(m, &w.daemon, &ephemeral, err);

	if (!rc)
		rc = see_to_scratch(args, m, ephemeral, scratch, err);
	if (!rc)
		rc = unmount(m->mountpoint, err);
	if (rc)
		return rc;
	if (fd < 0)
		return err_sys(err, open_rc, "unmounted, but cannot wait for the end of %s",
			       m->image);
	return wait_for_lock(fd, &w, err);
}

static int cmd_umount(const void *arguments)
{
	const struct umount_args *args = arguments;
	auto_mount_info struct mount_info m = MOUNT_INFO_NONE;
	struct mount_scratch scratch = {.lines = NULL};
	struct err err = {""};
	int rc = mounts_find(args->mountpoint, &m, &err);

	if (!rc)
		rc = unmount_and_wait(args, &m, &scratch, &err);
	if (!rc)
		scratch_tell(m.image, scratch.lines);
	free(scratch.lines);
	if (rc)
		return cmd_fail(args->mountpoint, &err);
	return scratch.half ? UMOUNT_HALF : CMD_DONE;
}

const struct verb verb_umount = {
	.name = "umount",
	.summary = "end a mount; returns when all is on disk",
	.text = "Ends the mount at MOUNTPOINT and returns when all of it is on disk and the image is\n"
		"free for others. Where something could not be written it stays mounted. Where the\n"
		"same file system is mounted elsewhere, too, the image is free when that ends.\n"
		"\n"
		"Scratch files with content are kept beside the image, for the next mount, and named.\n"
		"The exit status is 3 where one of them is a journal without which a database in a\n"
		"memory is not whole: then the image alone is not all.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct umount_args),
	.run = cmd_umount,
};
