/* SPDX-License-Identifier: MIT */
/*
 * What the program says beside its answer: errors, and exit codes.
 */
#ifndef CANISTERFS_SAY_H
#define CANISTERFS_SAY_H

#include "memmgr/util.h"

/* What main returns. A verb returns one of these, or those of its own kind. */
enum cmd_exit {
	CMD_DONE = 0,
	CMD_FAILED = 1,
	CMD_USAGE = 2,
};

/* compare: as cmp(1). */
enum compare_exit { COMPARE_SAME = 0, COMPARE_DIFFER = 1, COMPARE_TROUBLE = 2 };

/* check: the bits of fsck(8). */
enum check_exit {
	CHECK_CLEAN = 0,
	CHECK_REPAIRED = 1,
	CHECK_LEFT = 4,   /* findings that are still there */
	CHECK_FAILED = 8, /* could not look, or could not repair */
	CHECK_USAGE = 16,
};

/* mount: as mount(8). */
enum mount_exit { MOUNT_DONE = 0, MOUNT_USAGE = 1, MOUNT_SYSTEM = 2, MOUNT_FAILED = 32 };

/*
 * One line on stderr: "canisterfs: PATH: what: why". `path` is NULL where no file is concerned.
 * Control characters are shown as escapes, so that it stays one line whatever a name holds.
 */
void cmd_error(const char *path, const char *fmt, ...) PRINTF(2, 3);
/* As cmd_error, with a library's sentence as it is. Returns CMD_FAILED. */
int cmd_fail(const char *path, const struct err *err);

#endif
