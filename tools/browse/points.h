/* SPDX-License-Identifier: MIT */
/*
 * Points in time of an image: what it is based on, its live snapshots, and the images and
 * checkpoints that the user sets beside it; and in how many pages each differs from the image.
 */
#ifndef CANISTERFS_BROWSE_POINTS_H
#define CANISTERFS_BROWSE_POINTS_H

#include "tools/browse/subject.h"
#include "tools/image/snapper.h"

enum { POINT_PLACES = MM_MAX_MEMORIES + 1, POINT_RAW = MM_MAX_MEMORIES };

struct point {
	char *name;
	const char *kind;           /* "base", "snapshot", "beside" */
	bool is_snapshot, is_stale; /* stale: the image was changed by something else */
	char facts[96];             /* when it was taken, how large it is */
	struct subject *image;      /* NULL: not opened yet */
	bool compared;
	struct err why;               /* it cannot be opened or compared */
	uint64_t pages[POINT_PLACES]; /* that differ, by memory; POINT_RAW: of raw images */
};

struct points {
	const char *path;
	const char *instant; /* of a mount: the snapshot that stands for the image; or NULL */
	struct snapper snapper;
	struct point *point;
	size_t count;
};

/* `path` is the image's name. What cannot be found is not there; *note says why, or is empty. */
int MUST_CHECK points_open(const char *path, struct subject *image, struct points **out,
			   struct err *note, struct err *err);
int MUST_CHECK points_add(struct points *p, const char *path, struct err *err);
/* Opens it, if it is not open. */
int MUST_CHECK point_open(struct points *p, struct point *point, struct err *err);
/* Fills pages; a failure stays in `why`. -ECANCELED: the user ended it. */
int MUST_CHECK point_compare(struct points *p, struct point *point, struct subject *image);
/* Accepts NULL. No view shows any of them any more. */
void points_close(struct points *p);

#endif
