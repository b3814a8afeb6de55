// SPDX-License-Identifier: MIT
/*
 * Owns the arithmetic of paths. Opens nothing, keeps nothing.
 */
#include "snapshot/relative.h"

#include <limits.h>
#include <stdio.h>

/* Bytes of the longest common directory, its last slash included. */
static size_t common_len(const char *a, const char *b)
{
	size_t len = 0;

	for (size_t i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '/')
			len = i + 1;
	return len;
}

/* What stands before a colon would be taken for a protocol, if no slash came first. */
static const char *guard_of(const char *name)
{
	size_t n = strcspn(name, ":/");

	return name[n] == ':' ? "./" : "";
}

char *relative_between(const char *dir, const char *to)
{
	auto_free char *from = NULL;
	size_t common, ups = 0;
	char *out;

	if (asprintf(&from, "%s/", strcmp(dir, "/") == 0 ? "" : dir) < 0) {
		from = NULL;
		return NULL;
	}
	common = common_len(from, to);
	for (const char *p = from + common; *p; p++)
		ups += *p == '/';
	if (ups == 0)
		return asprintf(&out, "%s%s", guard_of(to + common), to + common) < 0 ? NULL : out;
	out = malloc(ups * 3 + strlen(to + common) + 1);
	if (!out)
		return NULL;
	for (size_t i = 0; i < ups; i++)
		memcpy(out + i * 3, "../", 3);
	strcpy(out + ups * 3, to + common);
	return out;
}

int relative_path(const char *from, const char *to, char **out)
{
	const char *slash = strrchr(from, '/');
	auto_free char *parent = slash ? strndup(from, (size_t)(slash + 1 - from)) : strdup(".");
	auto_free char *dir = parent ? realpath(parent, NULL) : NULL;
	auto_free char *file = dir ? realpath(to, NULL) : NULL;

	if (!file)
		return -errno;
	*out = relative_between(dir, file);
	return *out ? 0 : -ENOMEM;
}
