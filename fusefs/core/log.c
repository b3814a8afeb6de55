// SPDX-License-Identifier: MIT
/*
 * The log: lines for people.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "fusefs/core/fs.h"

/* A file's name must not be an order to the terminal, nor a line of its own. */
static void blank_controls(char *text)
{
	for (; text && *text; text++)
		if (iscntrl((unsigned char)*text))
			*text = '?';
}

void fs_log(const struct fs *fs, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	blank_controls(text);
	if (fs->in_background)
		syslog(LOG_ERR, "%s", text ? text : "out of memory");
	else
		fprintf(stderr, "canisterfs: %s\n", text ? text : "out of memory");
}
