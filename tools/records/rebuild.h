/* SPDX-License-Identifier: MIT */
/* A damaged map made anew from what can still be read of it. */
#ifndef CANISTERFS_REBUILD_H
#define CANISTERFS_REBUILD_H

#include "tools/image/image_open.h"
#include "tools/records/records_choice.h"

/* Says in one sentence what a salvage found, and what is lost. */
void rebuild_tell(const struct ss_salvaged *s, struct err *out);
/* Whether anything is lost, as far as can be told. */
bool rebuild_has_lost(const struct ss_salvaged *s);

/* Puts a sound map with all records that can be read in the place of the one in memory `mm_id`.
 * -EDOM: the width or the order of keys is not told. -EALREADY: the map is sound. */
int MUST_CHECK rebuild_map(struct image *img, unsigned mm_id, struct names *names,
			   struct ss_salvaged *out, struct err *err);

#endif
