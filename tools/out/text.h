/* SPDX-License-Identifier: MIT */
/*
 * Numbers as people read them, and what the terminal can show.
 */
#ifndef CANISTERFS_TEXT_H
#define CANISTERFS_TEXT_H

#include <stdio.h>

#include "memmgr/util.h"

/* Room for any text below. */
struct text {
	char s[48];
};

/* "64 KiB", "1.5 GiB": one decimal unless it is exact. */
struct text text_size(uint64_t bytes);
/* "8,388,608" */
struct text text_count(uint64_t n);
/* "626.04 G", by powers of 1000: two decimals from 1000 on. */
struct text text_scaled(uint64_t n);
/* "1 page", "3 pages" with text_count's commas; the plural is the noun and an s. */
struct text text_plural(uint64_t n, const char *noun);

/*
 * The one way for what others have named or said to a terminal: whatever a terminal would not show
 * as a character is an escape then, so that no name is a line of its own, or an order to the
 * terminal.
 */
void text_put(FILE *to, const char *text);
/*
 * If the UTF-8 text at `p` begins with a character that a terminal may take as an order, though
 * JSON allows it in a string as it is: its length and, in *c, its number. 0: it does not.
 */
size_t text_order(const char *p, size_t len, unsigned *c);
/* As printf and fprintf: newlines in `fmt` remain, those in the arguments become escapes. */
void text_print(const char *fmt, ...) PRINTF(1, 2);
void text_print_to(FILE *to, const char *fmt, ...) PRINTF(2, 3);

enum { TERM_WIDTH_DEFAULT = 80 };

struct term {
	bool tty;    /* a terminal */
	bool colour; /* may be coloured: a terminal, no NO_COLOR, no TERM=dumb */
	bool utf8;   /* can show what ASCII lacks */
	unsigned width;
};
/* Of stdout or stderr, by descriptor. */
struct term term_of(int fd);

#endif
