// SPDX-License-Identifier: MIT
/*
 * What the kernel thinks of a mount's speed: its "backing device" in /sys/class/bdi.
 */
#include <fcntl.h>
#include <stdio.h>

#include "fusefs/core/fs.h"

/* The mount's device number, "MAJOR:MINOR", from mountinfo: a stat would ask ourselves. The last
 * line with this mountpoint is the mount on top. */
static bool find_device(const char *mountpoint, char *device, size_t len)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	auto_free char *line = NULL;
	size_t room = 0;
	bool found = false;

	while (f && getline(&line, &room, f) >= 0) {
		char *save;
		char *word = strtok_r(line, " ", &save);
		char *dev;

		for (int i = 0; word && i < 2; i++)
			word = strtok_r(NULL, " ", &save);
		dev = word;
		for (int i = 0; word && i < 2; i++)
			word = strtok_r(NULL, " ", &save);
		if (word && strcmp(word, mountpoint) == 0) {
			snprintf(device, len, "%s", dev);
			found = true;
		}
	}
	if (f)
		fclose(f);
	return found;
}

static void set(const char *device, const char *name, const char *value)
{
	char path[128];
	auto_close int fd = -1;

	snprintf(path, sizeof(path), "/sys/class/bdi/%s/%s", device, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, value, strlen(value));
}

void fs_tune(const char *mountpoint)
{
	char device[32];

	if (!find_device(mountpoint, device, sizeof(device)))
		return;
	set(device, "read_ahead_kb", "4096");
	set(device, "max_ratio", "100");
}
