/* SPDX-License-Identifier: MIT */
/* Which of many rows is chosen, and which of them are on the screen. */
#ifndef CANISTERFS_BROWSE_LIST_H
#define CANISTERFS_BROWSE_LIST_H

#include "tools/browse/screen.h"

struct list {
	size_t count;
	size_t at;     /* the chosen one */
	size_t top;    /* the first one on the screen */
	int row, rows; /* where on the screen, and how many */
};

/* To be called before drawing: `at` is on the screen. */
void list_place(struct list *l, int row, int rows);
/* Moves; returns false for a key that moves nothing. A click on the chosen row becomes
 * SCREEN_ENTER in *key. */
bool list_key(struct list *l, struct screen_key *key);

#endif
