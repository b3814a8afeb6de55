/* SPDX-License-Identifier: MIT */
/*
 * The terminal as a grid of characters, and its keys. screen.c is the one file that knows ncurses.
 * Whatever is put on the screen goes through the printer of tools/out/text.h, so that no byte of an
 * image is an order to the terminal.
 */
#ifndef CANISTERFS_BROWSE_SCREEN_H
#define CANISTERFS_BROWSE_SCREEN_H

#include "tools/out/text.h"

/* -ENOTTY: standard input or output is no terminal. -ENOTSUP: the terminal cannot move its cursor.
 */
int MUST_CHECK screen_open(struct err *err);
/* The terminal is as it was. */
void screen_close(void);

int screen_rows(void);
int screen_columns(void);
/* What term_of says, and whether it has 256 colours. */
struct term screen_term(void);

struct style {
	int fg, bg; /* of the 256 colours; -1: the terminal's own */
	bool bold, dim, reverse;
};
#define STYLE_PLAIN ((struct style){.fg = -1, .bg = -1})
#define STYLE_BOLD  ((struct style){.fg = -1, .bg = -1, .bold = true})
#define STYLE_DIM   ((struct style){.fg = -1, .bg = -1, .dim = true})
#define STYLE_BAR   ((struct style){.fg = -1, .bg = -1, .reverse = true})

void screen_erase(void);
/* Puts text into at most `width` columns; a mark stands at its end where there is more. Returns the
 * columns it took. What lies outside of the screen is left out. */
int screen_put(int row, int column, int width, struct style style, const char *text);
/* The same of what printf would print. */
int screen_print(int row, int column, int width, struct style style, const char *fmt, ...)
	PRINTF(5, 6);
/* As screen_put, and blanks up to the width. */
void screen_put_padded(int row, int column, int width, struct style style, const char *text);
void screen_show(void);
/* The same from nothing, whatever others have put there. */
void screen_show_anew(void);

/* A key is a character (Unicode), or one of these. */
enum {
	SCREEN_NONE = 0x110000, /* nothing within the time */
	SCREEN_GONE,            /* there is no terminal any more */
	SCREEN_RESIZED,
	SCREEN_UP,
	SCREEN_DOWN,
	SCREEN_LEFT,
	SCREEN_RIGHT,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_HOME,
	SCREEN_END,
	SCREEN_BACKSPACE,
	SCREEN_CLICK,
	SCREEN_WHEEL_UP,
	SCREEN_WHEEL_DOWN,
	SCREEN_ENTER = '\n',
	SCREEN_TAB = '\t',
	SCREEN_ESCAPE = 27,
	SCREEN_INTERRUPT = 3, /* Ctrl-C */
	SCREEN_ANEW = 12,     /* Ctrl-L */
};

struct screen_key {
	int code;
	int row, column; /* of a click */
};
/* Waits that long; below 0: until there is one. */
struct screen_key screen_read(int wait_ms);

#endif
