// SPDX-License-Identifier: MIT
/*
 * Owns the bounds for TOML. toml++ recurses once for each part of a dotted key, and takes time that
 * grows with the square of their number; a key cannot go on in the next line. Keeps nothing.
 */
#include "tools/input/input.h"

enum { LINE_MAX = 1 << 16, DOTS_MAX = 32 };

int toml_bounds(const char *text, size_t len, struct err *err)
{
	size_t line = 1, line_len = 0, dots = 0;

	for (size_t at = 0; at < len; at++) {
		line_len++;
		dots += text[at] == '.';
		if (line_len > LINE_MAX)
			return err_set(err, -EINVAL, "line %zu: longer than %d bytes", line,
				       LINE_MAX);
		if (dots > DOTS_MAX)
			return err_set(err, -EINVAL, "line %zu: more than %d dots", line, DOTS_MAX);
		if (text[at] == '\n') {
			line++;
			line_len = dots = 0;
		}
	}
	return 0;
}
