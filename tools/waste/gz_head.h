/* SPDX-License-Identifier: MIT */
/*
 * A gzip'ed image, of which only page 0 and the length are wanted.
 */
#ifndef CANISTERFS_GZ_HEAD_H
#define CANISTERFS_GZ_HEAD_H

#include "memmgr/store.h"

/* Unpacks all of it once, and keeps the first page: the result has the image's length, and reading
 * behind the first page fails. -ENODATA: the packed file is cut off. -EBADMSG: it is damaged. */
int MUST_CHECK gz_head_open(const char *path, struct store **out, struct err *err);

#endif
