/* SPDX-License-Identifier: MIT */
/* The folder of names, and what the states of memories forbid. See by_name.c. */
#ifndef CANISTERFS_FUSEFS_BY_NAME_H
#define CANISTERFS_FUSEFS_BY_NAME_H

#include "fusefs/core/fs.h"

int MUST_CHECK by_name_init(struct fs *fs, struct err *err);
void by_name_clear(struct fs *fs);
/* The folder, if this name in the root is its name. */
struct node *by_name_folder(const struct fs *fs, const char *name);
/* The link of this name in it, or NULL. */
struct node *by_name_find(struct fs *fs, const char *name);
int MUST_CHECK by_name_list(struct fs *fs, list_add_fn *add, void *list);
/* Why nobody may change a memory (or -1: what is none), or 0. */
int memory_refuses(const struct fs *fs, int mm_id);

#endif
