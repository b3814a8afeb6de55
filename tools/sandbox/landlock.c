// SPDX-License-Identifier: MIT
/*
 * Landlock: rights over files that this process, and all that comes of it, gives up. libc has no
 * functions for it. What this kernel's version does not know is left to seccomp.
 */
#include <linux/landlock.h>
#include <sys/syscall.h>

#include "tools/sandbox/layers.h"

/* As of <linux/landlock.h> version 6: older headers lack the end. */
struct rules {
	uint64_t fs, net, scoped;
};

enum {
	READ_FILE = 1 << 2,
	READ_DIR = 1 << 3,
	NET_TCP = 3,       /* bind, connect */
	SCOPED_ALL = 3,    /* abstract sockets, signals */
	LAST_RIGHT_1 = 12, /* version 1: execute to make a symbolic link */
};

/* Versions 2, 3 and 5 each know one right more: to link elsewhere, to truncate, ioctl on devices.
 */
static uint64_t rights_of(long version)
{
	unsigned last = LAST_RIGHT_1 + (version >= 2) + (version >= 3) + (version >= 5);

	return (UINT64_C(2) << last) - 1;
}

static size_t len_of(long version)
{
	return version >= 6 ? sizeof(struct rules) : version >= 4 ? 16 : 8;
}

static int restrict_to(const struct rules *rules, long version)
{
	auto_close int fd = (int)syscall(SYS_landlock_create_ruleset, rules, len_of(version), 0);

	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return -errno;
	return 0;
}

/* 0: none. */
static long version_of_kernel(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version < 0 ? 0 : version;
}

int landlock_no_changes(bool *active)
{
	long version = version_of_kernel();
	struct rules rules = {
		.fs = rights_of(version) & ~(uint64_t)(READ_FILE | READ_DIR),
		.net = NET_TCP,
		.scoped = SCOPED_ALL,
	};

	*active = version > 0;
	return version > 0 ? restrict_to(&rules, version) : 0;
}

int landlock_no_opening(void)
{
	const struct rules rules = {.fs = READ_FILE | READ_DIR};

	return version_of_kernel() > 0 ? restrict_to(&rules, 1) : 0;
}
