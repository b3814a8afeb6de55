/* SPDX-License-Identifier: MIT */
/*
 * A store that begins some pages into another one: for managers that do not start at page 0.
 */
#ifndef CANISTERFS_WINDOW_H
#define CANISTERFS_WINDOW_H

#include "memmgr/store.h"

/*
 * What lies in `under` from base_len on. It reaches to the end, and moves it when it is resized;
 * what lies before is never touched. Owns `under` from now on, also when this fails: -EINVAL for a
 * store that ends before.
 */
int MUST_CHECK window_store_open(struct store *under, uint64_t base_len, struct store **out,
				 struct err *err);

#endif
