// SPDX-License-Identifier: MIT
/*
 * Opens packed images and standard input. See unpack.h; unpack.c has the formats.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "snapshot/snapshot.h"
#include "tools/cmd/cmd.h"
#include "tools/image/unpack.h"
#include "tools/out/spool.h"

#define LEN_MAX_DEFAULT (UINT64_C(64) << 30)
#define DATA_MAX_MEMORY (UINT64_C(1) << 30) /* where no file can be made, as in the sandbox */

static const char stdin_path[] = "/proc/self/fd/0";

bool unpack_is_stdin(const char *path)
{
	return strcmp(path, "-") == 0;
}

static bool is_seekable_stdin(void)
{
	struct stat st;

	return fstat(STDIN_FILENO, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

const char *unpack_path(const char *path)
{
	return unpack_is_stdin(path) && is_seekable_stdin() ? stdin_path : path;
}

bool unpack_is_needed(const char *path)
{
	auto_close int fd = -1;
	uint8_t head[4];
	struct stat st;

	path = unpack_path(path);
	if (unpack_is_stdin(path))
		return true;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd >= 0 && pread_all(fd, head, sizeof(head), 0) == 0 &&
	       (memcmp(head, "\x1f\x8b", 2) == 0 || memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0);
}

static int bound_of(int spool, bool in_memory, struct unpack_bound *out, struct err *err)
{
	const char *max = getenv("CANISTERFS_UNPACK_MAX");
	struct statvfs disk;

	*out = (struct unpack_bound){LEN_MAX_DEFAULT, DATA_MAX_MEMORY};
	if (max && parse_size(max, 1, UINT64_MAX - 1, &out->len, err) != 0)
		return err_prefix(err, -EINVAL, "CANISTERFS_UNPACK_MAX");
	if (in_memory)
		return 0;
	if (fstatvfs(spool, &disk) < 0)
		return err_sys(err, -errno, "cannot look at the space for a temporary file");
	out->data_len = (uint64_t)disk.f_bavail * disk.f_frsize / 2;
	return 0;
}

static int open_spool(bool *in_memory, struct err *err)
{
	int fd = spool_open(err);

	*in_memory = fd == -EACCES || fd == -EPERM || fd == -EROFS;
	if (!*in_memory)
		return fd;
	fd = memfd_create("canisterfs", MFD_CLOEXEC);
	return fd < 0 ? err_sys(err, -errno, "cannot be unpacked") : fd;
}

/* A checkpoint may be packed, too. Owns `file` from now on. */
static int open_unpacked(struct store *file, struct store **out, struct err *err)
{
	uint8_t magic[4] = {0};

	if (file->len < sizeof(magic) || store_read(file, magic, sizeof(magic), 0, NULL) ||
	    memcmp(magic, "QFI\xfb", sizeof(magic)) != 0) {
		*out = file;
		return 0;
	}
	file->writable = false;
	return snap_open_on(file, NULL, 0, out, err);
}

static int open_input(const char *path, struct err *err)
{
	static bool was_read;
	int fd;

	if (!unpack_is_stdin(path)) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? err_sys(err, -errno, "cannot be opened") : fd;
	}
	if (was_read)
		return err_set(err, -EINVAL, "standard input was read already");
	was_read = true;
	fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? err_sys(err, -errno, "cannot be opened") : fd;
}

int unpack_image(const char *path, struct store **out, struct err *err)
{
	auto_close int from = open_input(unpack_path(path), err);
	auto_close int spool = -1;
	struct unpack_bound bound;
	struct store *file;
	bool in_memory = false;
	uint64_t len;
	int rc = MIN(from, 0);

	if (!rc) {
		spool = open_spool(&in_memory, err);
		rc = MIN(spool, 0);
	}
	if (!rc)
		rc = bound_of(spool, in_memory, &bound, err);
	if (!rc)
		rc = unpack_file(from, spool, &bound, &len, err);
	if (!rc)
		rc = file_store_from_fd(steal_fd(&spool), true, &file, err);
	return rc ? rc : open_unpacked(file, out, err);
}
