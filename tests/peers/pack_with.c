// SPDX-License-Identifier: MIT
/*
 * usage: pack_with IMAGE DIRECTORY OUT [BASE]. Packs an image, with the files of a directory beside
 * it, as a checkpoint. Memory 9 has 1,234 bytes.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "snapshot/snapshot.h"

static int read_fd(void *ctx, void *buf, size_t len, uint64_t off, struct err *err)
{
	(void)err;
	return pread_all(*(const int *)ctx, buf, len, off);
}

static int add(struct side_files *files, int dir, const char *name, int *fd)
{
	struct side_file *f = &files->file[files->count];
	struct stat st;

	*fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	*f = (struct side_file){.len = (uint64_t)st.st_size, .read = read_fd, .ctx = fd};
	snprintf(f->name, sizeof(f->name), "%s", name);
	files->count++;
	return 0;
}

enum { MOST = 16 };

int main(int argc, char **argv)
{
	struct side_file room[MOST];
	int fds[MOST];
	struct side_files files;
	struct snap_export how = {.side = &files, .force = true, .base = argc > 4 ? argv[4] : NULL};
	struct snap_exported out;
	struct store *image = NULL;
	struct err err = {"usage"};
	DIR *dir = argc > 3 ? opendir(argv[2]) : NULL;
	int rc = dir ? file_store_open(argv[1], false, &image, &err) : -EINVAL;

	side_files_init(&files);
	files.file = room;
	files.exact_len[9] = 1234;
	for (struct dirent *e; rc == 0 && files.count < MOST && (e = readdir(dir));)
		rc = add(&files, dirfd(dir), e->d_name, &fds[files.count]);
	if (dir)
		closedir(dir);
	if (rc == 0)
		rc = snap_export(image, argv[3], &how, &out, &err);
	if (rc < 0)
		fprintf(stderr, "%s\n", err.text);
	store_close(image);
	return rc < 0;
}
