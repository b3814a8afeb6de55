/* SPDX-License-Identifier: MIT */
/*
 * What is exported: an image, one of its live snapshots, or what is mounted right now. A mount is
 * exported from a snapshot that is taken for it, so that whoever writes there goes on.
 */
#ifndef CANISTERFS_TOOLS_SOURCE_H
#define CANISTERFS_TOOLS_SOURCE_H

#include "tools/snapper.h"

struct source {
	struct store *store; /* read-only */
	struct snapper snapper;
	char temporary[32]; /* the snapshot to drop in the end; "": none */
};
#define SOURCE_NONE ((struct source){.snapper = SNAPPER_NONE})

/* `snapshot` NULL: all as it is now. */
int MUST_CHECK source_open(const char *path, const char *snapshot, struct source *out,
			   struct err *err);
void source_close(struct source *s);
#define auto_source __attribute__((cleanup(source_close)))

#endif
