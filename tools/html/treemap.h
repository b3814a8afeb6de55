/* SPDX-License-Identifier: MIT */
/*
 * A treemap: rectangles whose areas are as sizes to each other, and that are as square as can be.
 * After Bruls, Huizing and van Wijk, "Squarified Treemaps", 2000.
 */
#ifndef CANISTERFS_TREEMAP_H
#define CANISTERFS_TREEMAP_H

#include <stddef.h>

struct treemap_rect {
	double x, y, width, height;
};

/* `size` descends, and all of them are above 0. Fills all of `room`. */
void treemap_lay(const double *size, size_t count, struct treemap_rect room,
		 struct treemap_rect *out);

#endif
