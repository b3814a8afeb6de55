// SPDX-License-Identifier: MIT
/*
 * Side directories and their records. See side_dir.h. Takes no lock.
 */
#include "snapshot/beside/side_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "snapshot/beside/beside.h"

enum {
	RECORD_LEN = 512,
	LENGTHS_OFF = RECORD_LEN,
	LENGTHS_LEN = 8 * MM_MAX_MEMORIES,
	MAX_SET_ASIDE = 10000,
};

static const char magic[8] = "CFBESIDE";

static void encode(const struct side_record *r, uint8_t *buf)
{
	memset(buf, 0, RECORD_LEN);
	memcpy(buf, magic, sizeof(magic));
	put_le32(buf + 8, 1);
	memcpy(buf + 16, r->image.id, MM_ID_LEN);
	memcpy(buf + 32, r->boot, sizeof(r->boot));
	put_le32(buf + 48, r->open);
	put_le32(buf + 52, r->ordered);
	put_le64(buf + 56, r->reached_tick);
	put_le64(buf + 64, r->image.tick);
	put_le64(buf + 72, r->durable_tick);
	put_le64(buf + 80, r->image_len);
	put_le64(buf + 88, (uint64_t)r->sec);
	put_le32(buf + 96, r->nsec);
	put_le32(buf + 100, r->rollback_memory);
	put_le64(buf + 104, r->rollback_seq);
	put_le32(buf + 12, crc32_of(0, buf + 16, RECORD_LEN - 16));
}

static bool decode(const uint8_t *buf, struct side_record *r)
{
	if (memcmp(buf, magic, sizeof(magic)) != 0 || get_le32(buf + 8) != 1 ||
	    get_le32(buf + 12) != crc32_of(0, buf + 16, RECORD_LEN - 16))
		return false;
	memcpy(r->image.id, buf + 16, MM_ID_LEN);
	memcpy(r->boot, buf + 32, sizeof(r->boot));
	r->open = get_le32(buf + 48) != 0;
	r->ordered = get_le32(buf + 52) != 0;
	r->reached_tick = get_le64(buf + 56);
	r->image.tick = get_le64(buf + 64);
	r->durable_tick = get_le64(buf + 72);
	r->image_len = get_le64(buf + 80);
	r->sec = (int64_t)get_le64(buf + 88);
	r->nsec = get_le32(buf + 96);
	r->rollback_memory = get_le32(buf + 100);
	r->rollback_seq = get_le64(buf + 104);
	return true;
}

/* ---- opening ---- */

static bool has_only_record(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	bool only = dir != NULL;

	if (!dir && fd >= 0)
		close(fd);
	while (only && (e = readdir(dir)))
		only = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		       strcmp(e->d_name, SIDE_RECORD_NAME) == 0;
	if (dir)
		closedir(dir);
	return only;
}

bool side_dir_is_empty(const struct side_dir *dir)
{
	return has_only_record(dir->fd);
}

static int check_owner(const struct stat *st, uid_t owner, const char *path, struct err *err)
{
	if (st->st_uid == owner || st->st_uid == geteuid() || st->st_uid == 0)
		return 0;
	return err_set(err, -EPERM,
		       "%s belongs to user %u, who is neither the image's owner nor the caller: "
		       "move it away",
		       path, st->st_uid);
}

static int open_dir(const char *path, uid_t owner, int *out, struct err *err)
{
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int rc;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return err_set(err, -errno,
			       "%s is a link or a file, and no directory: move it away", path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "cannot open %s", path);
	rc = check_owner(&st, owner, path, err);
	if (!rc)
		*out = steal_fd(&fd);
	return rc;
}

static bool is_blank(int fd)
{
	uint8_t buf[RECORD_LEN];
	ssize_t n = pread(fd, buf, sizeof(buf), 0);

	return n >= 0 && is_zero(buf, (size_t)n);
}

/* -ENOENT: there is none, or a blank one. -EUCLEAN: what stands there is no record. */
static int open_record(struct side_dir *dir, bool writable)
{
	auto_close int fd =
		openat(dir->fd, SIDE_RECORD_NAME,
		       (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint8_t buf[RECORD_LEN];
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : -EUCLEAN;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		return -EUCLEAN;
	/* It had its name before a power cut, and not yet its bytes. */
	if (is_blank(fd))
		return -ENOENT;
	if (pread_all(fd, buf, sizeof(buf), 0) != 0 || !decode(buf, &dir->record))
		return -EUCLEAN;
	dir->record_fd = steal_fd(&fd);
	return 0;
}

int side_dir_open(const char *path, uid_t owner, bool writable, struct side_dir *out,
		  struct err *err)
{
	int rc;

	*out = SIDE_DIR_NONE;
	rc = open_dir(path, owner, &out->fd, err);
	if (rc || out->fd < 0)
		return rc;
	out->path = strdup(path);
	rc = out->path ? open_record(out, writable) : -ENOMEM;
	if (rc == -ENOENT && has_only_record(out->fd))
		return 0;
	if (rc) {
		side_dir_close(out);
		return rc == -ENOMEM
			       ? err_set(err, rc, "out of memory")
			       : err_set(err, -EUCLEAN,
					 "%s has no record that canisterfs made: move it away",
					 path);
	}
	return 0;
}

/* ---- making ---- */

/* Whoever may read the image may look into the directory, as far as the umask allows. */
static mode_t dir_mode(mode_t mode)
{
	mode &= 0777;
	return mode | (mode & 0444) >> 2 | 0700;
}

static int write_record(int dir_fd, mode_t mode, const struct side_record *record, int *out)
{
	auto_close int fd = openat(dir_fd, SIDE_RECORD_NAME,
				   O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, (mode & 0666) | 0600);
	uint8_t buf[RECORD_LEN + LENGTHS_LEN];
	int rc;

	memset(buf, 0xff, sizeof(buf));
	encode(record, buf);
	rc = fd < 0 ? -errno : pwrite_all(fd, buf, sizeof(buf), 0);
	if (!rc && (fsync(fd) < 0 || fsync(dir_fd) < 0))
		rc = -errno;
	if (!rc)
		*out = steal_fd(&fd);
	return rc;
}

int side_dir_make(struct side_dir *dir, const char *path, mode_t mode,
		  const struct side_record *record, struct err *err)
{
	int rc;

	if (dir->fd < 0) {
		*dir = SIDE_DIR_NONE;
		if (mkdir(path, dir_mode(mode)) < 0)
			return err_sys(err, -errno, "cannot make %s", path);
		dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		dir->path = strdup(path);
		if (dir->fd < 0 || !dir->path)
			return err_sys(err, -errno, "cannot make %s", path);
	}
	dir->record = *record;
	rc = write_record(dir->fd, mode, record, &dir->record_fd);
	if (!rc)
		rc = sync_dir_of(path);
	return rc ? err_sys(err, rc, "cannot make the record in %s", path) : 0;
}

int side_dir_store(struct side_dir *dir, bool durable, struct err *err)
{
	uint8_t buf[RECORD_LEN];
	int rc;

	encode(&dir->record, buf);
	rc = pwrite_all(dir->record_fd, buf, sizeof(buf), 0);
	if (!rc && durable && fdatasync(dir->record_fd) < 0)
		rc = -errno;
	return rc ? err_sys(err, rc, "cannot write the record in %s", dir->path) : 0;
}

int side_dir_set_lens(struct side_dir *dir, unsigned first_id, const uint64_t *len, unsigned count)
{
	uint8_t buf[LENGTHS_LEN];

	for (unsigned i = 0; i < count; i++)
		put_le64(buf + 8 * i, len[i]);
	return pwrite_all(dir->record_fd, buf, 8 * count, LENGTHS_OFF + 8 * first_id);
}

int side_dir_get_len(const struct side_dir *dir, unsigned mm_id, uint64_t *len)
{
	uint8_t buf[8];
	int rc = pread_all(dir->record_fd, buf, sizeof(buf), LENGTHS_OFF + 8 * mm_id);

	*len = rc ? UINT64_MAX : get_le64(buf);
	return rc;
}

/* ---- its end ---- */

static char *nth_name(const char *path, int n)
{
	char *name;

	if (n == 1)
		return asprintf(&name, "%s.set-aside", path) < 0 ? NULL : name;
	return asprintf(&name, "%s.set-aside-%d", path, n) < 0 ? NULL : name;
}

int side_rename_aside(int dir_fd, const char *name, char **to)
{
	int rc = -EEXIST;

	for (int n = 1; rc == -EEXIST && n <= MAX_SET_ASIDE; n++) {
		auto_free char *aside = nth_name(name, n);

		if (!aside)
			return -ENOMEM;
		rc = renameat2(dir_fd, name, dir_fd, aside, RENAME_NOREPLACE) < 0 ? -errno : 0;
		if (!rc) {
			*to = aside;
			aside = NULL;
		}
	}
	return rc;
}

int side_dir_set_aside(struct side_dir *dir, char **to, struct err *err)
{
	int rc = side_rename_aside(AT_FDCWD, dir->path, to);

	if (!rc)
		rc = sync_dir_of(dir->path);
	if (rc)
		return err_sys(err, rc, "cannot set %s aside", dir->path);
	side_dir_close(dir);
	return 0;
}

int side_dir_rename(struct side_dir *dir, const char *path, struct err *err)
{
	char *copy = strdup(path);

	if (!copy || renameat2(AT_FDCWD, dir->path, AT_FDCWD, path, RENAME_NOREPLACE) < 0) {
		int rc = copy ? -errno : -ENOMEM;

		free(copy);
		return err_sys(err, rc, "cannot rename %s to %s", dir->path, path);
	}
	free(dir->path);
	dir->path = copy;
	return sync_dir_of(path);
}

void side_dir_remove(struct side_dir *dir)
{
	if (dir->record_fd >= 0 && has_only_record(dir->fd)) {
		unlinkat(dir->fd, SIDE_RECORD_NAME, 0);
		rmdir(dir->path);
	}
	side_dir_close(dir);
}

void side_dir_forget_record(struct side_dir *dir)
{
	cleanup_close(&dir->record_fd);
	dir->record_fd = -1;
}

void side_dir_close(struct side_dir *dir)
{
	cleanup_close(&dir->fd);
	cleanup_close(&dir->record_fd);
	free(dir->path);
	*dir = SIDE_DIR_NONE;
}

int side_remove_files(const char *image, uid_t owner, enum side_kind side,
		      bool (*is_ours)(const char *), struct err *err)
{
	__attribute__((cleanup(side_dir_close))) struct side_dir dir = SIDE_DIR_NONE;
	auto_free char *path = NULL;
	struct dirent *e;
	DIR *list;
	int rc;

	if (asprintf(&path, "%s.%s", image, side == SIDE_SNAP ? "snap" : "scratch") < 0)
		return err_set(err, -ENOMEM, "out of memory");
	rc = side_dir_open(path, owner, true, &dir, err);
	if (rc || dir.record_fd < 0)
		return rc;
	list = fdopendir(dup(dir.fd));
	while (!rc && list && (e = readdir(list)))
		if (is_ours(e->d_name) && unlinkat(dir.fd, e->d_name, 0) < 0)
			rc = err_sys(err, -errno, "cannot remove %s/%s", path, e->d_name);
	if (list)
		closedir(list);
	if (!rc && !side_dir_is_empty(&dir))
		rc = err_set(err, -ENOTEMPTY, "%s has other files in it, and stays", path);
	if (!rc)
		side_dir_remove(&dir);
	return rc;
}
