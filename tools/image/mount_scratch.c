// SPDX-License-Identifier: MIT
/*
 * Looks at the scratch files of a mount as any program would. See mount_scratch.h.
 */
#include "tools/image/mount_scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "snapshot/snapshot.h"
#include "tools/out/say.h"
#include "tools/out/text.h"

static int open_files(const char *mountpoint, struct scratch_files **out, struct err *err)
{
	int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(err, -errno, "cannot be opened") : scratch_files_in(fd, out, err);
}

static char *lines_of(const struct side_files *files, const char *fate)
{
	char *lines = NULL;
	size_t len;
	FILE *to = files->count ? open_memstream(&lines, &len) : NULL;

	for (size_t i = 0; to && i < files->count; i++)
		if (files->file[i].len > 0) {
			fputs("scratch file '", to);
			text_put(to, files->file[i].name);
			text_print_to(to, "' of %llu bytes %s\n",
				      (unsigned long long)files->file[i].len, fate);
		}
	if (to)
		fclose(to);
	return lines;
}

char *scratch_lines(const char *dir, const char *fate)
{
	auto_scratch_files struct scratch_files *scratch = NULL;

	return open_files(dir, &scratch, NULL) ? NULL : lines_of(scratch_files_list(scratch), fate);
}

void scratch_tell(const char *what, char *lines)
{
	char *rest = NULL;

	for (char *line = lines ? strtok_r(lines, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest))
		cmd_error(what, "note: %s", line);
}

void mount_scratch_list(const char *mountpoint, const char *fate, struct mount_scratch *out)
{
	auto_scratch_files struct scratch_files *scratch = NULL;
	struct err text = {""};
	struct statvfs st;

	*out = (struct mount_scratch){.lines = NULL};
	if (open_files(mountpoint, &scratch, NULL) || statvfs(mountpoint, &st) < 0 ||
	    (st.f_flag & ST_RDONLY))
		return;
	out->lines = lines_of(scratch_files_list(scratch), fate);
	out->half = side_files_warning(scratch_files_list(scratch), &text);
}

int mount_scratch_remove(const char *mountpoint, struct err *err)
{
	auto_scratch_files struct scratch_files *scratch = NULL;
	auto_close int dir = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = dir < 0 ? err_sys(err, -errno, "cannot be opened")
			 : open_files(mountpoint, &scratch, err);
	const struct side_files *files = rc ? NULL : scratch_files_list(scratch);

	for (size_t i = 0; !rc && i < files->count; i++)
		if (unlinkat(dir, files->file[i].name, 0) < 0)
			rc = err_sys(err, -errno, "scratch file '%s' cannot be removed",
				     files->file[i].name);
	return rc;
}
