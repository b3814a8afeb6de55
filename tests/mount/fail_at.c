// SPDX-License-Identifier: MIT
/*
 * Preloaded into `canisterfs mount`, makes the calls that set up passthrough fail with EIO: the nth
 * of them, as $FAIL_AT says, from 1, and with $FAIL_ON also all that follow. Each failure is told
 * in a line on stderr.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* FUSE_DEV_IOC_BACKING_OPEN */
#define BACKING_OPEN 0x4010e501ul

static bool fails(const char *name)
{
	static atomic_long calls;
	const char *at = getenv("FAIL_AT");
	long n = atomic_fetch_add(&calls, 1) + 1;

	if (!at || n < atol(at) || (n > atol(at) && !getenv("FAIL_ON")))
		return false;
	fprintf(stderr, "fail_at: %s\n", name);
	errno = EIO;
	return true;
}

#define REAL(result, name, params) ((result(*) params)dlsym(RTLD_NEXT, #name))
#define CALL(result, name, params, args, counts)                                                   \
	result name params;                                                                        \
	result name params                                                                         \
	{                                                                                          \
		return (counts) && fails(#name) ? -1 : REAL(result, name, params) args;            \
	}

CALL(int, fsopen, (const char *fs, unsigned flags), (fs, flags), true)
CALL(int, fsconfig, (int fd, unsigned cmd, const char *key, const void *value, int aux),
     (fd, cmd, key, value, aux), true)
CALL(int, fsmount, (int fd, unsigned flags, unsigned attrs), (fd, flags, attrs), true)
CALL(ssize_t, pwrite64, (int fd, const void *buf, size_t len, off64_t off), (fd, buf, len, off),
     true)

#define VARIADIC(name, params, args, last, type, counts)                                           \
	int name params;                                                                           \
	int name params                                                                            \
	{                                                                                          \
		va_list list;                                                                      \
		type value;                                                                        \
                                                                                                   \
		va_start(list, last);                                                              \
		value = va_arg(list, type);                                                        \
		va_end(list);                                                                      \
		return (counts) && fails(#name) ? -1 : REAL(int, name, params) args;               \
	}

VARIADIC(ioctl, (int fd, unsigned long request, ...), (fd, request, value), request, void *,
	 request == BACKING_OPEN)
VARIADIC(open64, (const char *path, int flags, ...), (path, flags, value), flags, mode_t,
	 (flags & O_TMPFILE) == O_TMPFILE)
/* Of the view: the file of a memory. */
VARIADIC(openat64, (int dir, const char *path, int flags, ...), (dir, path, flags, value), flags,
	 mode_t, path[0] >= '0' && path[0] <= '9')
