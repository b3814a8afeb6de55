/* SPDX-License-Identifier: MIT */
/*
 * What lies beside an image, in whatever form a user names the image: scratch files and exact
 * lengths of a file on the host, of a checkpoint, of a mount or of a live snapshot.
 */
#ifndef CANISTERFS_TOOLS_SIDES_H
#define CANISTERFS_TOOLS_SIDES_H

#include "snapshot/snapshot.h"

struct sides {
	const struct side_files *files; /* NULL: nothing */
	struct bundle *bundle;
	struct scratch_files *scratch;
	struct snap_live_side *snap;
};
#define SIDES_NONE ((struct sides){.files = NULL})

/* Of an image that is open for reading as `store`; `bond`: as in struct image. */
int MUST_CHECK sides_open(struct store *store, struct bond *bond, struct sides *out,
			  struct err *err);
/* Of a live snapshot of an image that is not mounted. */
int MUST_CHECK sides_open_snapshot(struct snap_live *live, const char *name, struct sides *out,
				   struct err *err);
void sides_close(struct sides *s);
#define auto_sides __attribute__((cleanup(sides_close), unused))

#endif
