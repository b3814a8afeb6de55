/* SPDX-License-Identifier: MIT */
/* Lines of styled text, in memory. */
#ifndef CANISTERFS_BROWSE_SHEET_H
#define CANISTERFS_BROWSE_SHEET_H

#include "tools/browse/screen.h"
#include "tools/codec/buf.h"
#include "tools/facts/picture.h"

struct sheet_line;

/* Zeroed: empty. */
struct sheet {
	struct sheet_line *line;
	size_t count, room;
	bool open;   /* the last line is not ended */
	bool failed; /* memory was out */
};

/* On the last line. */
void sheet_put(struct sheet *s, struct style style, const char *text);
void sheet_end_line(struct sheet *s);
/* Whole lines; each newline ends one. Words that do not fit into `width` go on in the next line,
 * behind `indent`. */
void sheet_add(struct sheet *s, struct style style, int width, int indent, const char *text);
/* A pen that draws on the sheet. */
struct pen sheet_pen(struct sheet *s);

void sheet_draw(const struct sheet *s, size_t n, int row, int column, int width);
/* Whether line n holds the text, in upper or lower case. */
bool sheet_has(const struct sheet *s, size_t n, const char *text);
void sheet_free(struct sheet *s);

#endif
