/* SPDX-License-Identifier: MIT */
/*
 * The buckets of an image as a picture for a terminal.
 */
#ifndef CANISTERFS_PICTURE_H
#define CANISTERFS_PICTURE_H

#include "memmgr/memmgr.h"
#include "tools/cmd/names.h"
#include "tools/out/text.h"

/* What draws a piece of a line: in the terminal's own colours, -1, or in two of the 256. */
struct pen {
	void (*put)(void *ctx, int fg, int bg, const char *text);
	void (*end_line)(void *ctx);
	void *ctx;
};

/* Draws the buckets and a legend, as wide as the terminal. With `only` >= 0 all memories but that
 * one are grey. `name` and `names` may be NULL. */
int MUST_CHECK picture_draw(const char *name, struct mm *mm, int only, const struct names *names,
			    const struct term *term, const struct pen *pen, struct err *err);

/* The same on stdout. */
int MUST_CHECK picture_print(const char *name, struct mm *mm, int only, const struct names *names,
			     const struct term *term, struct err *err);

#endif
