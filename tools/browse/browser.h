/* SPDX-License-Identifier: MIT */
/*
 * The browser: a stack of views, of which the top one is on the screen, with its title above and
 * its keys below.
 */
#ifndef CANISTERFS_BROWSE_BROWSER_H
#define CANISTERFS_BROWSE_BROWSER_H

#include "tools/browse/screen.h"
#include "tools/browse/subject.h"
#include "tools/records/records_choice.h"

struct points;
struct view;

struct browser {
	const struct records_args *args; /* names, codecs, as the command line says */
	struct subject *image;
	struct points *points; /* NULL: not looked for yet */
	struct view *top;
	struct err message; /* shown until the next key */
	char needle[128];   /* what was searched last */
	int errors_fd;      /* what is said on stderr meanwhile; -1: nowhere */
	off_t errors_len;   /* of it, as far as it was shown */
	bool done;
	/* The ways to views that themselves lead on to those below. */
	void (*open_image)(struct browser *b, struct subject *image);
	void (*open_memory)(struct browser *b, struct subject *image, int mm_id);
};

/* A key as the last line and the help tell of it. */
struct key_help {
	const char *key;   /* NULL ends a list */
	const char *brief; /* NULL: not on the last line */
	const char *text;
};

struct view_ops {
	const char *name;
	const struct key_help *keys;
	/* Below the title and above the last line. */
	void (*draw)(struct view *v, int row, int rows);
	/* False: the key is none of this view's. */
	bool (*key)(struct view *v, struct screen_key key);
	/* Goes to the next place behind the chosen one that has the text; -ENOENT: there is none.
	 */
	int (*find)(struct view *v, const char *text, struct err *err);
	void (*close)(struct view *v);
};

/* At the head of each view. */
struct view {
	const struct view_ops *ops;
	struct browser *b;
	struct view *below;
	char *title;
};

/* A view of `len` bytes, zeroed but for the head. NULL: no memory, and the message says so. */
void *view_new(struct browser *b, const struct view_ops *ops, size_t len, const char *fmt, ...)
	PRINTF(4, 5);
/* On top of the others. */
void view_push(struct view *v);
/* Takes the top one away; without any, the browser is done. */
void view_pop(struct browser *b);

/* Says a sentence, or with rc below 0 a failure, on the last line. */
void browser_say(struct browser *b, const char *fmt, ...) PRINTF(2, 3);
void browser_fail(struct browser *b, const struct err *err);
/* Shows the top view until the user ends. */
void browser_run(struct browser *b);

#endif
