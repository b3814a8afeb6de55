/* SPDX-License-Identifier: MIT */
/*
 * What is exported: an image, or one of its live snapshots, mounted or not.
 */
#ifndef CANISTERFS_TOOLS_SOURCE_H
#define CANISTERFS_TOOLS_SOURCE_H

#include "tools/image/sides.h"
#include "tools/image/snapper.h"

struct source {
	struct store *store;    /* read-only; perhaps a window of the whole image (store.h) */
	struct sides sides;     /* what lies beside it */
	struct snapper snapper; /* of an image that is not mounted */
};
#define SOURCE_NONE ((struct source){.snapper = SNAPPER_NONE})

/* `snapshot` NULL: all as it is now. */
int MUST_CHECK source_open(const char *path, const char *snapshot, struct source *out,
			   struct err *err);
void source_close(struct source *s);
#define auto_source __attribute__((cleanup(source_close)))

#endif
