/* SPDX-License-Identifier: MIT */
/*
 * The scratch files of a mount, told before the mount ends.
 */
#ifndef CANISTERFS_TOOLS_MOUNT_SCRATCH_H
#define CANISTERFS_TOOLS_MOUNT_SCRATCH_H

#include <stdbool.h>

#include "memmgr/util.h"

struct mount_scratch {
	char *lines; /* one for each scratch file with content; for free(), or NULL: none */
	bool half;   /* a database in a memory is not whole without one of them */
};

/* Lists the scratch files with content at `mountpoint`; each line ends with `fate`, such as "is
 * kept". A read-only mount, and one that cannot be looked into, has none. Leaves nothing open. */
void mount_scratch_list(const char *mountpoint, const char *fate, struct mount_scratch *out);
/* Removes all scratch files. */
int MUST_CHECK mount_scratch_remove(const char *mountpoint, struct err *err);

#endif
