/* SPDX-License-Identifier: MIT */
/*
 * Where the manager of an image begins: at its first page, where the user says, or at a page that
 * is found by looking. What lies before that page is the front.
 */
#ifndef CANISTERFS_TOOLS_BASE_H
#define CANISTERFS_TOOLS_BASE_H

#include "memmgr/store.h"

/*
 * The length of the front of the image `whole`, and of none 0. A front that was found is told on
 * stderr, unless `path` is NULL. -EINVAL: the image is to be written to, and where its manager
 * begins is not beyond doubt: two pages could be it, or the image is something else as a whole.
 */
int MUST_CHECK base_of(const char *path, struct store *whole, bool writable, uint64_t *base_len,
		       struct err *err);

#endif
