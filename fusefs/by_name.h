/* SPDX-License-Identifier: MIT */
/* The folder of names. See by_name.c. */
#ifndef CANISTERFS_FUSEFS_BY_NAME_H
#define CANISTERFS_FUSEFS_BY_NAME_H

#include "fusefs/core/fs.h"

int MUST_CHECK by_name_init(struct fs *fs, struct err *err);
void by_name_clear(struct fs *fs);
/* The folder, if this name in the root is its name. */
struct node *by_name_folder(const struct fs *fs, const char *name);

#endif
