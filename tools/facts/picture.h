/* SPDX-License-Identifier: MIT */
/*
 * The buckets of an image as a picture for a terminal.
 */
#ifndef CANISTERFS_PICTURE_H
#define CANISTERFS_PICTURE_H

#include "memmgr/memmgr.h"
#include "tools/cmd/names.h"
#include "tools/out/text.h"

/* Draws the buckets and a legend on stdout, as wide as the terminal. With `only` >= 0 all memories
 * but that one are grey. `names` may be NULL. */
int MUST_CHECK picture_print(const char *name, struct mm *mm, int only, const struct names *names,
			     const struct term *term, struct err *err);

#endif
