/* SPDX-License-Identifier: MIT */
/*
 * Text that others wrote, such as names files, records and metadata. Its length and its depth are
 * bounded here, before a library sees it: a library may need memory or stack by either.
 */
#ifndef CANISTERFS_INPUT_H
#define CANISTERFS_INPUT_H

#include <jansson.h>
#include <stdio.h>

#include "memmgr/util.h"

enum {
	LINE_MAX_LEN = 1 << 28,
	JSON_MAX_DEPTH = 1024,
	/* A value may be part of a line that is read again. */
	JSON_VALUE_MAX_DEPTH = JSON_MAX_DEPTH - 8,
	JSON_MAX_VALUES = 1 << 22,
	TEXT_WAIT_SECONDS = 10,
	TOML_MAX_LEN = 1 << 20,
};

/*
 * All of a file, with a zero byte behind it, for free(). A pipe is read as well; -ETIMEDOUT: nobody
 * writes to it. -EFBIG: longer than max_len. -EINVAL: a directory or a device.
 */
int MUST_CHECK text_file_read(const char *path, size_t max_len, char **text, size_t *len,
			      struct err *err);

/* As getline(3), for lines of at most LINE_MAX_LEN bytes. *len is 0 behind the last line. */
int MUST_CHECK line_read(FILE *from, char **line, size_t *cap, size_t *len, struct err *err);

/* As json_loadb. NULL with a sentence: no JSON, deeper than max_depth, or more than
 * JSON_MAX_VALUES values. */
json_t *json_read(const char *text, size_t len, size_t flags, unsigned max_depth, struct err *err);

/* -EINVAL: a line of this TOML is too long for toml++, or has too many dots. */
int MUST_CHECK toml_bounds(const char *text, size_t len, struct err *err);

#endif
