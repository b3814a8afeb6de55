// SPDX-License-Identifier: MIT
/*
 * The log: lines for people.
 */
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "fusefs/core/fs.h"

void fs_log(const struct fs *fs, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (fs->in_background) {
		vsyslog(LOG_ERR, fmt, args);
	} else {
		flockfile(stderr);
		fprintf(stderr, "canisterfs: ");
		vfprintf(stderr, fmt, args);
		fprintf(stderr, "\n");
		funlockfile(stderr);
	}
	va_end(args);
}
