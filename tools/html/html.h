/* SPDX-License-Identifier: MIT */
/*
 * Pages for a browser: one file, no script, nothing from elsewhere, light or dark as the reader's
 * system is, for a phone, a screen and paper. The policy in the page's head allows its own style
 * sheet and nothing else, so that no name in a page can become more than text. What is written is
 * well-formed XML, too.
 */
#ifndef CANISTERFS_HTML_H
#define CANISTERFS_HTML_H

#include <stdio.h>

#include "memmgr/util.h"

/* Text that may hold anything, made fit for a page: escaped, and U+FFFD where there is no character
 * that can be shown. At most `max` characters; of longer texts the end. */
void html_text(FILE *to, const char *text, size_t max);

/* ---- html_page.c ---- */

/* From the first byte to the heading, which is the title, too. */
void html_begin(FILE *to, const char *title);
/* A line below the heading: which verb made the page, by which version, and when. The variable
 * SOURCE_DATE_EPOCH says when, if it is set. */
void html_made_by(FILE *to, const char *verb);
void html_end(FILE *to, const char *footer);

void html_tiles_begin(FILE *to);
/* `class` colours the value; "" does not. */
void html_tile(FILE *to, const char *class, const char *value, const char *words);
void html_tiles_end(FILE *to);

void html_section(FILE *to, const char *title, const char *text);
void html_section_end(FILE *to);

/* A box that a table, or what else is broad, can be moved in. */
void html_broad(FILE *to);
void html_broad_end(FILE *to);

/* ---- html_bars.c: bars, whose words stand beside them ---- */

struct html_part {
	const char *name, *class;
	uint64_t n;
};
/* In percent, rounded. */
unsigned html_percent(uint64_t part, uint64_t whole);
/* All parts as one bar, and below it a key with the size of each. */
void html_stack(FILE *to, const struct html_part *parts, size_t count);

/* `long_labels`: each label stands above its bar. */
void html_bars(FILE *to, bool long_labels);
struct html_bar {
	const char *label, *value, *tip;
	struct html_part parts[2]; /* from the left; the names are not used */
	uint64_t most;             /* what would fill the row */
	uint64_t mark;             /* a line across at this height; 0: none */
	const char *class;         /* of the row: "now", "best" or "" */
};
void html_bar(FILE *to, const struct html_bar *bar);
void html_bars_end(FILE *to);

/* ---- html_file.c ---- */

typedef void html_fn(FILE *to, const void *ctx);
/* Writes a page whole or not at all; "-" is standard output. */
int MUST_CHECK html_write(const char *path, bool force, html_fn *fn, const void *ctx,
			  struct err *err);

/* ---- html_style.c ---- */

extern const char html_style[];
/* The classes c0, c1, ...: colours of memories. */
enum { HTML_COLOURS = 12 };

#endif
