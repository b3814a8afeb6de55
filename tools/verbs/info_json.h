/* SPDX-License-Identifier: MIT */
/*
 * What `info --json` says of an open image, for whoever wants to show it elsewhere.
 */
#ifndef CANISTERFS_INFO_JSON_H
#define CANISTERFS_INFO_JSON_H

#include "tools/cmd/names.h"

/* `names` may be NULL. For free(); NULL when memory is out, or the first page cannot be read. Other
 * threads may change the image meanwhile: each line is true of the moment it was looked at. */
char *info_json(struct store *store, struct mm *mm, const struct names *names);

#endif
