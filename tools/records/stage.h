/* SPDX-License-Identifier: MIT */
/*
 * A store on top of another that keeps every change apart, in a nameless file: what is below stays
 * as it is until the caller has the whole of the new content read and put in its place.
 */
#ifndef CANISTERFS_STAGE_H
#define CANISTERFS_STAGE_H

#include "memmgr/store.h"

/* `under` stays the caller's, is only read, and must not change meanwhile. Not for several
 * threads. */
int MUST_CHECK stage_open(struct store *under, struct store **out, struct err *err);
/* Whether anything was written or grew. */
bool stage_is_changed(const struct store *stage);

#endif
