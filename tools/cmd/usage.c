// SPDX-License-Identifier: MIT
/*
 * What a bad command line is answered with.
 */
#include <stdarg.h>

#include "tools/cmd/cmd.h"

static int usage_exit(const struct verb *v)
{
	return v->usage_exit ? v->usage_exit : CMD_USAGE;
}

int cmd_usage(const struct verb *v, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	cmd_error(v->name, "%s (see 'canisterfs %s --help')", text ? text : "out of memory",
		  v->name);
	return usage_exit(v);
}
