// SPDX-License-Identifier: MIT
/*
 * Preloaded into a program, kills it just before its nth call that changes a file. $KILL_AT says
 * n, from 1; the program lives where it makes fewer.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

static void count(void)
{
	static atomic_long calls;
	const char *at = getenv("KILL_AT");

	if (at && atomic_fetch_add(&calls, 1) + 1 == atol(at))
		kill(getpid(), SIGKILL);
}

#define CALL(result, name, params, args)                                                           \
	result name params;                                                                        \
	result name params                                                                         \
	{                                                                                          \
		static result(*real) params;                                                       \
                                                                                                   \
		if (!real)                                                                         \
			real = (result(*) params)dlsym(RTLD_NEXT, #name);                          \
		count();                                                                           \
		return real args;                                                                  \
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
CALL(int, linkat, (int d1, const char *from, int d2, const char *to, int flags),
     (d1, from, d2, to, flags))
CALL(int, renameat2, (int d1, const char *from, int d2, const char *to, unsigned flags),
     (d1, from, d2, to, flags))
