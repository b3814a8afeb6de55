// SPDX-License-Identifier: MIT
/* See treemap.h. Knows numbers alone. */
#include "tools/html/treemap.h"

#include "memmgr/util.h"

/* How far from square the worst rectangle of a row is, when `count` sizes share a row that lies
 * along a side of that length. `area` is what a size of 1 takes. */
static double worst(const double *size, size_t count, double side, double area)
{
	double sum = 0, most = size[0] * area, least = size[count - 1] * area;

	for (size_t i = 0; i < count; i++)
		sum += size[i] * area;
	return MAX(side * side * most / (sum * sum), sum * sum / (side * side * least));
}

/* Lays a row along the shorter side, and takes its place off the room. */
static void lay_row(const double *size, size_t count, double area, struct treemap_rect *room,
		    struct treemap_rect *out)
{
	bool upright = room->width >= room->height; /* the row is a column */
	double side = upright ? room->height : room->width, sum = 0, at = 0;
	double thick;

	for (size_t i = 0; i < count; i++)
		sum += size[i] * area;
	thick = sum / side;
	for (size_t i = 0; i < count; i++) {
		double along = size[i] * area / thick;

		out[i] = upright ? (struct treemap_rect){room->x, room->y + at, thick, along}
				 : (struct treemap_rect){room->x + at, room->y, along, thick};
		at += along;
	}
	room->x += upright ? thick : 0;
	room->y += upright ? 0 : thick;
	room->width -= upright ? thick : 0;
	room->height -= upright ? 0 : thick;
}

void treemap_lay(const double *size, size_t count, struct treemap_rect room,
		 struct treemap_rect *out)
{
	double whole = 0, area;

	for (size_t i = 0; i < count; i++)
		whole += size[i];
	area = room.width * room.height / whole;
	while (count > 0) {
		double side = MIN(room.width, room.height);
		size_t row = 1;

		while (side > 0 && row < count &&
		       worst(size, row + 1, side, area) <= worst(size, row, side, area))
			row++;
		/* What rounding has left of the room is nothing. */
		if (side <= 0)
			room.width = room.height = 1e-6;
		lay_row(size, row, area, &room, out);
		size += row;
		out += row;
		count -= row;
	}
}
