// SPDX-License-Identifier: MIT
/* The stack of views, and what is said on the last line. See browser.h. */
#include <stdarg.h>
#include <stdio.h>

#include "tools/browse/browser.h"

void *view_new(struct browser *b, const struct view_ops *ops, size_t len, const char *fmt, ...)
{
	struct view *v = calloc(1, len);
	va_list args;

	if (!v) {
		browser_say(b, "out of memory");
		return NULL;
	}
	v->ops = ops;
	v->b = b;
	va_start(args, fmt);
	if (vasprintf(&v->title, fmt, args) < 0)
		v->title = NULL;
	va_end(args);
	return v;
}

void view_push(struct view *v)
{
	v->below = v->b->top;
	v->b->top = v;
}

static void view_free(struct view *v)
{
	if (v->ops->close)
		v->ops->close(v);
	free(v->title);
	free(v);
}

void view_pop(struct browser *b)
{
	struct view *v = b->top;

	b->top = v->below;
	view_free(v);
	b->done = b->done || !b->top;
}

void browser_say(struct browser *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(b->message.text, sizeof(b->message.text), fmt, args);
	va_end(args);
}

void browser_fail(struct browser *b, const struct err *err)
{
	browser_say(b, "%s", err->text[0] ? err->text : "it failed");
}
