/* SPDX-License-Identifier: MIT */
/*
 * What `info --json` says of an open image, for whoever wants to show it elsewhere.
 */
#ifndef CANISTERFS_INFO_JSON_H
#define CANISTERFS_INFO_JSON_H

#include "tools/cmd/names.h"

/* What an image's mount adds. */
struct info_mount {
	bool read_only;
	bool passthrough;
	const char *passthrough_why; /* it is not; else NULL */
};

/* `names` may be NULL. For free(); NULL when memory is out, or the first page cannot be read. Other
 * threads may change the image meanwhile: each line is true of the moment it was looked at. */
char *info_json(struct store *store, struct mm *mm, const struct names *names,
		const struct info_mount *mount);

#endif
