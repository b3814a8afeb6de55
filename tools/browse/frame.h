/* SPDX-License-Identifier: MIT */
/* The line above a view and the one below it. */
#ifndef CANISTERFS_BROWSE_FRAME_H
#define CANISTERFS_BROWSE_FRAME_H

#include "tools/browse/browser.h"

/* Keys of all views. */
extern const struct key_help common_keys[];

/* Title, view, and what was said or the keys. */
void frame_draw(const struct browser *b);
/* Asks on the last line; false: the user has thought better of it. `answer` holds what is there at
 * first. */
bool browser_ask(struct browser *b, const char *question, char *answer, size_t room);

#endif
