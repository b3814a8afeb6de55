// SPDX-License-Identifier: MIT
/* Feeds every file of the directory that is its argument to a fuzzer: the corpus as a test. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "memmgr/util.h"
#include "tests/fuzz/fuzz.h"

static int replay(int dir, const char *name)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	auto_free uint8_t *data = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	/* Exactly as long as the file: a sanitizer sees the first byte read too many. */
	data = malloc((size_t)st.st_size);
	if (!data && st.st_size > 0)
		return -ENOMEM;
	if (pread_all(fd, data, (size_t)st.st_size, 0) < 0)
		return -EIO;
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	return 1;
}

int main(int argc, char **argv)
{
	int replayed = 0;
	DIR *dir;

	if (argc != 2) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	dir = opendir(argv[1]);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		int rc = replay(dirfd(dir), entry->d_name);

		if (rc < 0) {
			fprintf(stderr, "%s: %s\n", entry->d_name, strerrordesc_np(-rc));
			return 1;
		}
		replayed += rc;
	}
	if (dir)
		closedir(dir);
	printf("%d inputs replayed\n", replayed);
	return replayed > 0 ? 0 : 1;
}
