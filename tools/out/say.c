// SPDX-License-Identifier: MIT
/*
 * The one printer of errors. See say.h.
 */
#include "tools/out/say.h"

#include <stdarg.h>

#include "tools/out/text.h"

static void PRINTF(2, 0) error_line(const char *path, const char *fmt, va_list ap)
{
	auto_free char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	/* One line at a time, whichever thread it is of. */
	flockfile(stderr);
	fputs("canisterfs: ", stderr);
	if (path) {
		text_put(stderr, path);
		fputs(": ", stderr);
	}
	text_put(stderr, text ? text : "out of memory");
	putc('\n', stderr);
	funlockfile(stderr);
}

void cmd_error(const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_line(path, fmt, ap);
	va_end(ap);
}

int cmd_fail(const char *path, const struct err *err)
{
	cmd_error(path, "%s", err->text);
	return CMD_FAILED;
}
