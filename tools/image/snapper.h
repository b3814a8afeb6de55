/* SPDX-License-Identifier: MIT */
/*
 * An image's live snapshots, whether it is mounted or not: the same requests, answered by the
 * mount or by this process.
 */
#ifndef CANISTERFS_TOOLS_SNAPPER_H
#define CANISTERFS_TOOLS_SNAPPER_H

#include "tools/image/image_open.h"
#include "tools/image/mounted.h"

struct snapper {
	int fd; /* of the mount's .canister/stable; -1: the image is open here */
	struct image img;
	char *mountpoint;
};
#define SNAPPER_NONE ((struct snapper){.fd = -1})

/* `path` is a mountpoint or an image. An unmounted one is opened as `writable` says. */
int MUST_CHECK snapper_open(const char *path, bool writable, struct snapper *out, struct err *err);
/* Returns 0 or -errno with the sentence; r has the answer. */
int MUST_CHECK snapper_ask(struct snapper *s, struct fs_request *r, struct err *err);
/* Ends writing. */
int MUST_CHECK snapper_close(struct snapper *s, struct err *err);
void snapper_drop(struct snapper *s);
#define auto_snapper __attribute__((cleanup(snapper_drop)))

#endif
