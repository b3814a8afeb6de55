// SPDX-License-Identifier: MIT
/*
 * Reads /proc/self/mounts. See mounts.h. Touches no mount itself: one whose daemon is dead or busy
 * must not stop us.
 */
#include "tools/image/mounts.h"

#include <ctype.h>
#include <libgen.h>
#include <stdio.h>

static const char fs_type[] = "fuse.canisterfs";

static bool is_octal(const char *s)
{
	return s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
	       s[3] >= '0' && s[3] <= '7';
}

/* The kernel writes blanks, backslashes and more as \ooo. In place. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (is_octal(s)) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = 0;
}

struct mount {
	char *line; /* holds the others */
	size_t room;
	char *image, *mountpoint;
};

/* The next mount of ours, or false. */
static bool next_mount(FILE *table, struct mount *m)
{
	while (getline(&m->line, &m->room, table) > 0) {
		char *rest = m->line;
		char *type;

		m->image = strsep(&rest, " ");
		m->mountpoint = strsep(&rest, " ");
		type = strsep(&rest, " ");
		if (!type || strcmp(type, fs_type) != 0)
			continue;
		unescape(m->image);
		unescape(m->mountpoint);
		return true;
	}
	return false;
}

static void cleanup_table(FILE **table)
{
	if (*table)
		fclose(*table);
}

/* realpath asks the mount itself, and a dead one does not answer: then only its parent is asked. */
static char *full_name(const char *path)
{
	char *whole = realpath(path, NULL);
	auto_free char *copy = NULL, *copy2 = NULL, *parent = NULL;

	if (whole || errno == ENOENT)
		return whole;
	copy = strdup(path);
	copy2 = strdup(path);
	parent = copy ? realpath(dirname(copy), NULL) : NULL;
	if (!parent || !copy2 ||
	    asprintf(&whole, "%s/%s", strcmp(parent, "/") ? parent : "", basename(copy2)) < 0)
		return NULL;
	return whole;
}

int mounts_find(const char *path, char **mountpoint, char **image, struct err *err)
{
	__attribute__((cleanup(cleanup_table))) FILE *table = fopen("/proc/self/mounts", "re");
	auto_free char *name = full_name(path);
	auto_free char *found = NULL;
	struct mount m = {NULL};

	if (!name)
		return err_sys(err, -errno, "cannot find");
	if (!table)
		return err_sys(err, -errno, "cannot read /proc/self/mounts");
	/* The last one wins: it covers the others. */
	while (next_mount(table, &m)) {
		if (strcmp(m.mountpoint, name) != 0)
			continue;
		free(found);
		found = strdup(m.image);
	}
	free(m.line);
	if (!found)
		return err_set(err, -ENOENT, "no canisterfs is mounted there");
	*image = found;
	*mountpoint = name;
	found = name = NULL;
	return 0;
}

char *mounts_at(const char *image)
{
	__attribute__((cleanup(cleanup_table))) FILE *table = fopen("/proc/self/mounts", "re");
	auto_free char *name = realpath(image, NULL);
	struct mount m = {NULL};
	char *found = NULL;

	while (table && name && !found && next_mount(table, &m))
		if (strcmp(m.image, name) == 0)
			found = strdup(m.mountpoint);
	free(m.line);
	return found;
}
