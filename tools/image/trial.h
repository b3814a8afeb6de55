/* SPDX-License-Identifier: MIT */
/*
 * A directory for what a trial writes: an overlay that goes away with it.
 */
#ifndef CANISTERFS_TOOLS_TRIAL_H
#define CANISTERFS_TOOLS_TRIAL_H

#include "memmgr/util.h"

/* A new private directory in `in`, or where that is NULL in $TMPDIR or /var/tmp. Its whole path is
 * for free(). What killed trials left there is
 * removed. */
int MUST_CHECK trial_dir_make(const char *in, char **dir, struct err *err);
/* Removes it with all in it. Accepts NULL. */
void trial_dir_remove(const char *dir);

#endif
