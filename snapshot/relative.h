/* SPDX-License-Identifier: MIT */
/* How one file names another that lies beside it, or elsewhere. */
#ifndef CANISTERFS_RELATIVE_H
#define CANISTERFS_RELATIVE_H

#include "memmgr/util.h"

/* The path of the existing file `to`, as seen from the directory that `from` names a file in. For
 * free(). -errno where one of them cannot be found. */
int MUST_CHECK relative_path(const char *from, const char *to, char **out);

/* The same of two absolute paths without links or dots: a directory, and a file. NULL without
 * memory. */
char *relative_between(const char *dir, const char *to);

#endif
