// SPDX-License-Identifier: MIT
/*
 * Preloaded into a program, kills it just before its nth call that changes a file: $KILL_AT says
 * n, from 1; the program lives where it makes fewer. Or has that call fail, once: $FAIL_AT says n,
 * $FAIL_ERRNO with what; the file $FAIL_MARK is there then.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static bool fails(void)
{
	static atomic_long calls;
	const char *kill_at = getenv("KILL_AT"), *fail_at = getenv("FAIL_AT");
	long call = atomic_fetch_add(&calls, 1) + 1;

	if (kill_at && call == atol(kill_at))
		kill(getpid(), SIGKILL);
	if (!fail_at || call != atol(fail_at))
		return false;
	close(open(getenv("FAIL_MARK"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	errno = atoi(getenv("FAIL_ERRNO"));
	return true;
}

#define CALL(result, name, params, args)                                                           \
	result name params;                                                                        \
	result name params                                                                         \
	{                                                                                          \
		static result(*real) params;                                                       \
                                                                                                   \
		if (!real)                                                                         \
			real = (result(*) params)dlsym(RTLD_NEXT, #name);                          \
		return fails() ? -1 : real args;                                                   \
	}

CALL(ssize_t, pwrite64, (int fd, const void *buf, size_t len, off64_t off), (fd, buf, len, off))
CALL(ssize_t, pwritev64v2, (int fd, const struct iovec *iov, int n, off64_t off, int flags),
     (fd, iov, n, off, flags))
CALL(int, ftruncate64, (int fd, off64_t len), (fd, len))
CALL(int, fallocate64, (int fd, int mode, off64_t off, off64_t len), (fd, mode, off, len))
CALL(int, fsync, (int fd), (fd))
CALL(int, fdatasync, (int fd), (fd))
CALL(int, rename, (const char *from, const char *to), (from, to))
CALL(int, unlink, (const char *path), (path))
CALL(int, unlinkat, (int dir, const char *name, int flags), (dir, name, flags))
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode))
CALL(ssize_t, copy_file_range,
     (int from, off64_t *from_off, int to, off64_t *to_off, size_t len, unsigned flags),
     (from, from_off, to, to_off, len, flags))
CALL(int, linkat, (int d1, const char *from, int d2, const char *to, int flags),
     (d1, from, d2, to, flags))
CALL(int, renameat2, (int d1, const char *from, int d2, const char *to, unsigned flags),
     (d1, from, d2, to, flags))
