/* SPDX-License-Identifier: MIT */
/*
 * Long work under the eyes of a user: its progress on the last line of the screen, and a key that
 * ends it. One at a time. The work itself need not know: a task's store, on which an image is
 * opened, counts what is read, and answers -ECANCELED once the user has had enough.
 */
#ifndef CANISTERFS_BROWSE_TASK_H
#define CANISTERFS_BROWSE_TASK_H

#include "memmgr/store.h"

/* `total_len`: about so many bytes are read; 0: unknown. */
void task_begin(const char *what, uint64_t total_len);
/* So much more is done. -ECANCELED: the user ended it. From any thread. */
int task_step(uint64_t len);
/* Returns whether it came to its end. */
bool task_end(void);

/* Reads as `under` does, which it owns from now on, also when this fails. Read-only. */
int MUST_CHECK task_store_open(struct store *under, struct store **out, struct err *err);

#endif
