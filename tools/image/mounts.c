// SPDX-License-Identifier: MIT
/*
 * Reads /proc/PID/mountinfo. See mounts.h. Touches no mount itself: one whose daemon is dead or
 * busy must not stop us.
 */
#include "tools/image/mounts.h"

#include <ctype.h>
#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/sysmacros.h>

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

struct table {
	FILE *file;
	char *line;
	size_t room;
};

static bool table_open(struct table *t, const char *pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/mountinfo", pid);
	*t = (struct table){.file = fopen(path, "re")};
	return t->file;
}

static void cleanup_table(struct table *t)
{
	if (t->file)
		fclose(t->file);
	free(t->line);
}
#define auto_table __attribute__((cleanup(cleanup_table)))

/* The number behind "user_id=" in the file system's options. */
static unsigned option_number(const char *options, const char *name)
{
	const char *at = strstr(options, name);

	return at ? (unsigned)strtoul(at + strlen(name), NULL, 10) : 0;
}

/* "36 35 0:52 / /mnt rw,nosuid shared:7 - fuse.canisterfs IMAGE rw,user_id=0,...": the strings of
 * *out lie in the line. False: of another type. */
static bool parse_line(char *line, struct mount_info *out)
{
	char *type = strstr(line, " - ");
	char *fields[5], *image, *options;
	unsigned major, minor;

	if (!type || strncmp(type + 3, fs_type, strlen(fs_type)) != 0)
		return false;
	*type = 0;
	type += 3;
	strsep(&type, " ");
	image = strsep(&type, " ");
	options = type ? type : "";
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		fields[i] = strsep(&line, " ");
	if (!image || !fields[4] || sscanf(fields[2], "%u:%u", &major, &minor) != 2)
		return false;
	unescape(image);
	unescape(fields[4]);
	*out = (struct mount_info){
		.mountpoint = fields[4],
		.image = image,
		.device = makedev(major, minor),
		.owner = option_number(options, "user_id="),
		.group = option_number(options, "group_id="),
	};
	return true;
}

/* The next mount of ours, or false. */
static bool next_mount(struct table *t, struct mount_info *m)
{
	while (getline(&t->line, &t->room, t->file) > 0)
		if (parse_line(t->line, m))
			return true;
	return false;
}

void cleanup_mount_info(struct mount_info *info)
{
	free(info->mountpoint);
	free(info->image);
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

static int copy_info(const struct mount_info *from, struct mount_info *to, struct err *err)
{
	cleanup_mount_info(to);
	*to = *from;
	to->mountpoint = strdup(from->mountpoint);
	to->image = strdup(from->image);
	return to->mountpoint && to->image ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int mounts_find(const char *path, struct mount_info *out, struct err *err)
{
	auto_table struct table t = {NULL};
	auto_free char *name = full_name(path);
	struct mount_info m;
	int rc = 0;

	*out = MOUNT_INFO_NONE;
	if (!name)
		return err_sys(err, -errno, "cannot find");
	if (!table_open(&t, "self"))
		return err_sys(err, -errno, "cannot read /proc/self/mountinfo");
	/* The last one wins: it covers the others. */
	while (!rc && next_mount(&t, &m))
		if (strcmp(m.mountpoint, name) == 0)
			rc = copy_info(&m, out, err);
	if (!rc && !out->image)
		return err_set(err, -ENOENT, "no canisterfs is mounted there");
	return rc;
}

char *mounts_at(const char *image, dev_t but)
{
	auto_table struct table t = {NULL};
	auto_free char *name = realpath(image, NULL);
	struct mount_info m;

	if (!name || !table_open(&t, "self"))
		return NULL;
	while (next_mount(&t, &m))
		if (strcmp(m.image, name) == 0 && m.device != but)
			return strdup(m.mountpoint);
	return NULL;
}

static char *seen_by(dev_t device, const char *pid)
{
	auto_table struct table t = {NULL};
	struct mount_info m;

	if (!table_open(&t, pid))
		return NULL;
	while (next_mount(&t, &m))
		if (m.device == device)
			return strdup(m.mountpoint);
	return NULL;
}

char *mounts_seen_by(dev_t device, pid_t *pid)
{
	char *place = seen_by(device, "self");
	DIR *proc = place ? NULL : opendir("/proc");
	struct dirent *e;

	*pid = getpid();
	while (proc && !place && (e = readdir(proc))) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		place = seen_by(device, e->d_name);
		*pid = (pid_t)atol(e->d_name);
	}
	if (proc)
		closedir(proc);
	return place;
}
