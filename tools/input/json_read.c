// SPDX-License-Identifier: MIT
/*
 * Owns the bounds for JSON: how deep, and how many values. Looks only at brackets, commas and
 * strings; whether the text is JSON is for jansson to say. Keeps nothing.
 */
#include "tools/input/input.h"

/* Behind the string that begins at text[at], or the text's end. */
static size_t behind_string(const char *text, size_t len, size_t at)
{
	for (at++; at < len && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return MIN(at + 1, len);
}

static int check_bounds(const char *text, size_t len, unsigned max_depth, struct err *err)
{
	unsigned depth = 0, values = 0;

	for (size_t at = 0; at < len;) {
		char c = text[at];

		at = c == '"' ? behind_string(text, len, at) : at + 1;
		depth += c == '[' || c == '{';
		depth -= depth > 0 && (c == ']' || c == '}');
		values += c == '[' || c == '{' || c == ',' || c == ':';
		if (depth > max_depth)
			return err_set(err, -EINVAL, "JSON nested more than %u deep", max_depth);
		if (values > JSON_MAX_VALUES)
			return err_set(err, -EFBIG, "JSON of more than %d values", JSON_MAX_VALUES);
	}
	return 0;
}

json_t *json_read(const char *text, size_t len, size_t flags, unsigned max_depth, struct err *err)
{
	json_error_t why;
	json_t *json;

	if (check_bounds(text, len, max_depth, err) < 0)
		return NULL;
	json = json_loadb(text, len, flags, &why);
	if (!json)
		err_set(err, -EINVAL, "line %d: %s", why.line, why.text);
	return json;
}
