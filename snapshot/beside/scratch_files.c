// SPDX-License-Identifier: MIT
/*
 * The scratch directory of an image as a struct side_files, and the way back: a struct side_files
 * that becomes the scratch directory. See beside.h.
 */
#include "snapshot/beside/bond_parts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

/* Of one scratch file. */
struct host_file {
	int dir_fd; /* borrowed */
	int fd;     /* -1: not opened yet */
	const char *name;
};

struct scratch_files {
	struct side_files files;
	int dir_fd; /* -1: there is no directory */
	struct host_file *host;
};

int side_open_file(int dir_fd, const char *name, bool writable, uid_t owner, uint64_t *len)
{
	auto_close int fd = openat(
		dir_fd, name, (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1 ||
	    (st.st_uid != owner && st.st_uid != geteuid() && st.st_uid != 0))
		return -EPERM;
	*len = (uint64_t)st.st_size;
	return steal_fd(&fd);
}

static int open_host(struct host_file *h)
{
	if (h->fd < 0)
		h->fd = openat(h->dir_fd, h->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return h->fd < 0 ? -errno : 0;
}

static int host_read(void *ctx, void *buf, size_t len, uint64_t off, struct err *err)
{
	struct host_file *h = ctx;
	int rc = open_host(h);

	if (!rc)
		rc = pread_all(h->fd, buf, len, off);
	return rc ? err_sys(err, rc, "scratch file '%s' cannot be read", h->name) : 0;
}

static int host_next_data(void *ctx, uint64_t off, uint64_t *start, uint64_t *end, struct err *err)
{
	struct host_file *h = ctx;
	int rc = open_host(h);
	off_t len = rc ? -1 : lseek(h->fd, 0, SEEK_END);
	off_t data = len < 0 ? -1 : lseek(h->fd, (off_t)off, SEEK_DATA);
	off_t hole = data < 0 ? -1 : lseek(h->fd, data, SEEK_HOLE);

	if (rc || len < 0 || (hole < 0 && errno != ENXIO))
		return err_sys(err, rc ? rc : -errno, "scratch file '%s' cannot be searched",
			       h->name);
	*start = hole < 0 ? (uint64_t)len : (uint64_t)data;
	*end = hole < 0 ? (uint64_t)len : (uint64_t)hole;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct side_file *)a)->name, ((const struct side_file *)b)->name);
}

static int add_file(struct scratch_files *s, const char *name, uint64_t len, struct err *err)
{
	size_t n = s->files.count;
	struct side_file *more;

	if (n == SIDE_MAX_FILES)
		return err_set(err, -E2BIG, "more than %d scratch files lie beside the image",
			       SIDE_MAX_FILES);
	more = n & (n - 1) ? s->files.file
			   : reallocarray(s->files.file, MAX(2 * n, (size_t)1), sizeof(*more));
	if (!more)
		return err_set(err, -ENOMEM, "no memory for a list of scratch files");
	s->files.file = more;
	more[n] = (struct side_file){.len = len, .read = host_read, .next_data = host_next_data};
	snprintf(more[n].name, sizeof(more[n].name), "%s", name);
	s->files.count++;
	return 0;
}

static int read_names(struct scratch_files *s, uid_t owner, struct err *err)
{
	int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int rc = dir ? 0 : err_sys(err, -errno, "the scratch directory cannot be read");

	if (!dir && fd >= 0)
		close(fd);
	while (!rc && (e = readdir(dir))) {
		auto_close int file = -1;
		uint64_t len;

		if (strcmp(e->d_name, SIDE_RECORD_NAME) == 0 || !side_name_ok(e->d_name))
			continue;
		file = side_open_file(s->dir_fd, e->d_name, false, owner, &len);
		if (file >= 0)
			rc = add_file(s, e->d_name, len, err);
	}
	if (dir)
		closedir(dir);
	return rc;
}

/* Once the list does not grow any more. */
static int bind_files(struct scratch_files *s, struct err *err)
{
	if (s->files.count > 0)
		qsort(s->files.file, s->files.count, sizeof(*s->files.file), by_name);
	s->host = calloc(MAX(s->files.count, (size_t)1), sizeof(*s->host));
	if (!s->host)
		return err_set(err, -ENOMEM, "no memory for a list of scratch files");
	for (size_t i = 0; i < s->files.count; i++) {
		s->host[i] = (struct host_file){s->dir_fd, -1, s->files.file[i].name};
		s->files.file[i].ctx = &s->host[i];
	}
	return 0;
}

/* The lengths of files that are named by a memory's id. */
static void read_lengths(struct scratch_files *s)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		char name[8];
		struct stat st;

		snprintf(name, sizeof(name), "%u", id);
		if (fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_size % MM_PAGE_LEN != 0)
			s->files.exact_len[id] = (uint64_t)st.st_size;
	}
}

int scratch_files_in(int dir_fd, struct scratch_files **out, struct err *err)
{
	struct scratch_files *s = calloc(1, sizeof(*s));
	struct stat st;
	int rc = 0;

	if (!s) {
		close(dir_fd);
		return err_set(err, -ENOMEM, "no memory for a list of scratch files");
	}
	side_files_init(&s->files);
	s->dir_fd = dir_fd;
	if (fstat(dir_fd, &st) < 0)
		rc = err_sys(err, -errno, "the directory cannot be examined");
	if (!rc)
		rc = read_names(s, st.st_uid, err);
	if (!rc)
		rc = bind_files(s, err);
	if (rc) {
		scratch_files_close(s);
		return rc;
	}
	read_lengths(s);
	*out = s;
	return 0;
}

int scratch_files_open(const struct bond *b, struct scratch_files **out, struct err *err)
{
	struct scratch_files *s = calloc(1, sizeof(*s));
	int rc = 0;

	if (!s)
		return err_set(err, -ENOMEM, "no memory for a list of scratch files");
	side_files_init(&s->files);
	s->dir_fd = -1;
	if (b && bond_fits(b, SIDE_SCRATCH)) {
		s->dir_fd = fcntl(bond_dir_fd(b, SIDE_SCRATCH), F_DUPFD_CLOEXEC, 3);
		rc = s->dir_fd < 0 ? err_sys(err, -errno, "the scratch directory") : 0;
		if (!rc)
			rc = read_names(s, b->owner, err);
		for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++)
			(void)!side_dir_get_len(&b->dir[SIDE_SCRATCH], id, &s->files.exact_len[id]);
	}
	if (!rc)
		rc = bind_files(s, err);
	if (rc)
		scratch_files_close(s);
	else
		*out = s;
	return rc;
}

struct side_files *scratch_files_list(struct scratch_files *s)
{
	return &s->files;
}

void scratch_files_close(struct scratch_files *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->host && i < s->files.count; i++)
		if (s->host[i].fd >= 0)
			close(s->host[i].fd);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	free(s->host);
	free(s->files.file);
	free(s);
}

void cleanup_scratch_files(struct scratch_files **s)
{
	scratch_files_close(*s);
}

/* ---- the way back ---- */

int side_file_copy(const struct side_file *file, int fd, struct err *err)
{
	enum { STEP_LEN = 1 << 20 };
	auto_free uint8_t *buf = malloc(STEP_LEN);
	int rc = buf ? 0 : err_set(err, -ENOMEM, "no memory to copy with");

	if (!rc && ftruncate(fd, (off_t)file->len) < 0)
		rc = err_sys(err, -errno, "scratch file '%s' cannot be made", file->name);
	for (uint64_t off = 0, start = 0, end = file->len; !rc && off < file->len; off = start) {
		size_t n;

		start = off;
		end = file->len;
		if (file->next_data)
			rc = file->next_data(file->ctx, off, &start, &end, err);
		n = (size_t)MIN(end - start, (uint64_t)STEP_LEN);
		if (rc || n == 0)
			return rc;
		rc = file->read(file->ctx, buf, n, start, err);
		if (!rc)
			rc = pwrite_all(fd, buf, n, start);
		if (rc)
			return err_sys(err, rc, "scratch file '%s' cannot be copied", file->name);
		start += n;
	}
	return rc;
}

static int put_file(int dir_fd, const struct side_file *file, mode_t mode, struct err *err)
{
	auto_close int fd =
		openat(dir_fd, file->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       (mode & 0666) | 0600);
	int rc;

	if (fd < 0)
		return err_sys(err, -errno, "scratch file '%s' cannot be made", file->name);
	rc = side_file_copy(file, fd, err);
	if (!rc && fsync(fd) < 0)
		rc = err_sys(err, -errno, "scratch file '%s' cannot be synced", file->name);
	return rc;
}

/* A directory of ours that an earlier call has left. */
static int clear_new(const char *path, uid_t owner, struct err *err)
{
	__attribute__((cleanup(side_dir_close))) struct side_dir dir = SIDE_DIR_NONE;
	struct dirent *e;
	DIR *list;
	int rc = side_dir_open(path, owner, true, &dir, err);

	if (rc || dir.fd < 0)
		return rc;
	list = fdopendir(dup(dir.fd));
	while (list && (e = readdir(list)))
		if (strcmp(e->d_name, SIDE_RECORD_NAME) != 0)
			unlinkat(dir.fd, e->d_name, 0);
	if (list)
		closedir(list);
	if (dir.record_fd >= 0) {
		side_dir_remove(&dir);
		return 0;
	}
	/* After a power cut, a record without bytes. */
	unlinkat(dir.fd, SIDE_RECORD_NAME, 0);
	rmdir(path);
	return 0;
}

static int fill(struct side_dir *dir, const struct side_files *files, mode_t mode, struct err *err)
{
	int rc = side_dir_set_lens(dir, 0, files->exact_len, MM_MAX_MEMORIES);

	for (size_t i = 0; !rc && i < files->count; i++)
		rc = put_file(dir->fd, &files->file[i], mode, err);
	if (!rc && (fsync(dir->record_fd) < 0 || fsync(dir->fd) < 0))
		rc = -errno;
	return rc ? err_sys(err, rc, "cannot fill %s", dir->path) : 0;
}

int side_build(const char *scratch, uid_t owner, mode_t mode, const struct side_files *files,
	       const struct side_record *record, struct side_dir *dir, struct err *err)
{
	struct side_record unfinished = *record;
	auto_free char *path = NULL;
	int rc;

	unfinished.image.tick = unfinished.durable_tick = UINT64_MAX;
	if (asprintf(&path, "%s" SIDE_NEW, scratch) < 0) {
		path = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	rc = clear_new(path, owner, err);
	if (!rc)
		rc = side_dir_make(dir, path, mode, &unfinished, err);
	if (!rc)
		rc = fill(dir, files, mode, err);
	if (rc)
		return rc;
	/* Until now the directory fits no image: see adopt_new in bond_judge.c. */
	dir->record = *record;
	return side_dir_store(dir, true, err);
}
