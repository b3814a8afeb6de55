/* SPDX-License-Identifier: MIT */
/*
 * What someone must know who has changed the layout of a canister snapshot.
 */
#ifndef CANISTERFS_SAFE_LOAD_H
#define CANISTERFS_SAFE_LOAD_H

#include <stdio.h>

/* What the heap in the snapshot at `dir` still believes, and how to load it all the same. */
void safe_load_print(FILE *to, const char *dir);

#endif
