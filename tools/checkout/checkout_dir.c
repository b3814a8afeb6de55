// SPDX-License-Identifier: MIT
/*
 * Owns what makes a directory a checkout. Follows no link inside it, and waits for no FIFO.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tools/checkout/checkout.h"

void checkout_close(struct checkout *co)
{
	if (co->dir_fd >= 0)
		close(co->dir_fd);
	free(co->image);
	free(co->overlay);
	*co = CHECKOUT_NONE;
}

static int name_overlay(struct checkout *co, struct err *err)
{
	struct stat st;

	if (fstat(co->dir_fd, &st) < 0)
		return err_sys(err, -errno, "cannot be examined");
	if (asprintf(&co->overlay, "%s.checkout-%" PRIu64, co->image, (uint64_t)st.st_ino) < 0) {
		co->overlay = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

static int open_dir(const char *dir, struct checkout *out, struct err *err)
{
	*out = CHECKOUT_NONE;
	out->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return out->dir_fd < 0 ? err_sys(err, -errno, "cannot be opened") : 0;
}

static int read_image_path(struct checkout *co, struct err *err)
{
	auto_close int fd =
		openat(co->dir_fd, CHECKOUT_IMAGE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char path[PATH_MAX + 1] = "";
	ssize_t len = fd < 0 ? -1 : pread(fd, path, PATH_MAX, 0);

	if (len <= 1 || path[len - 1] != '\n' || path[0] != '/' || strlen(path) != (size_t)len)
		return err_set(err, -EINVAL, "is not what 'canisterfs checkout' has made");
	path[len - 1] = '\0';
	co->image = strdup(path);
	return co->image ? 0 : err_set(err, -ENOMEM, "out of memory");
}

bool checkout_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int checkout_open(const char *dir, struct checkout *out, struct err *err)
{
	int rc = open_dir(dir, out, err);

	if (!rc)
		rc = read_image_path(out, err);
	return rc ? rc : name_overlay(out, err);
}

/* Calls fn for each name but "." and "..", until it returns other than 0. */
static int each_name(const struct checkout *co, int (*fn)(void *ctx, const char *name), void *ctx)
{
	int fd = openat(co->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int rc = 0;

	if (!d) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (!rc && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = fn(ctx, e->d_name);
	closedir(d);
	return rc;
}

static int refuse_any(void *ctx, const char *name)
{
	return -ENOTEMPTY;
}

/* Who may read or write the image may do so here, and nobody else. */
static mode_t dir_mode(mode_t others)
{
	return 0700 | others | (others & 0044) >> 2;
}

int checkout_make(const char *dir, const char *image, struct checkout *out, struct err *err)
{
	struct stat st;
	int rc;

	*out = CHECKOUT_NONE;
	if (stat(image, &st) < 0)
		return err_sys(err, -errno, "the image %s", image);
	if (mkdir(dir, dir_mode(st.st_mode & 0066)) < 0 && errno != EEXIST)
		return err_sys(err, -errno, "cannot be made");
	rc = open_dir(dir, out, err);
	out->others = st.st_mode & 0066;
	if (!rc && each_name(out, refuse_any, NULL) != 0)
		rc = err_set(err, -ENOTEMPTY, "is not empty");
	if (rc)
		return rc;
	out->image = realpath(image, NULL);
	if (!out->image)
		return err_sys(err, -errno, "the image %s", image);
	return name_overlay(out, err);
}

static int write_image_path(struct checkout *co, struct err *err)
{
	auto_close int fd = -1;
	size_t len = strlen(co->image);

	if (mkdirat(co->dir_fd, CHECKOUT_SUBDIR, dir_mode(co->others)) < 0 && errno != EEXIST)
		return err_sys(err, -errno, CHECKOUT_SUBDIR " cannot be made");
	fd = openat(co->dir_fd, CHECKOUT_IMAGE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0600 | co->others);
	if (fd < 0 || pwrite_all(fd, co->image, len, 0) != 0 || pwrite_all(fd, "\n", 1, len) != 0 ||
	    fsync(fd) < 0)
		return err_sys(err, -errno, CHECKOUT_IMAGE " cannot be written");
	return 0;
}

static int sync_dirs(struct checkout *co, struct err *err)
{
	auto_close int sub = openat(co->dir_fd, CHECKOUT_SUBDIR, O_RDONLY | O_CLOEXEC);

	if (sub < 0 || fsync(sub) < 0 || fsync(co->dir_fd) < 0)
		return err_sys(err, -errno, "cannot be synced");
	return 0;
}

int checkout_finish(struct checkout *co, struct err *err)
{
	int rc = write_image_path(co, err);

	return rc ? rc : sync_dirs(co, err);
}

int checkout_open_file(const struct checkout *co, unsigned mm_id, int *fd, uint64_t *len,
		       struct err *err)
{
	struct stat st;
	char name[8];

	snprintf(name, sizeof(name), "%u", mm_id);
	*len = 0;
	*fd = openat(co->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, -errno, "%s cannot be opened", name);
	if (fstat(*fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(*fd);
		*fd = -1;
		return err_set(err, -EINVAL, "%s is not a plain file", name);
	}
	*len = (uint64_t)st.st_size;
	return 0;
}

/* ---- journals ---- */

struct beside_list {
	const struct checkout *co;
	struct side_files files; /* `ctx` of each is its descriptor */
	int rc;
};

static int read_side(void *ctx, void *buf, size_t len, uint64_t off, struct err *err)
{
	return pread_all((int)(intptr_t)ctx, buf, len, off);
}

static int add_side(void *ctx, const char *name)
{
	struct beside_list *list = ctx;
	struct side_file *f = &list->files.file[list->files.count];
	struct stat st;
	int fd;

	if (!side_name_ok(name) || list->files.count == SIDE_MAX_FILES)
		return 0;
	if (!strstr(name, "-journal") && !strstr(name, "-wal"))
		return 0;
	fd = openat(list->co->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return 0;
	}
	*f = (struct side_file){
		.len = (uint64_t)st.st_size, .read = read_side, .ctx = (void *)(intptr_t)fd};
	strcpy(f->name, name);
	list->files.count++;
	return 0;
}

int checkout_check_journals(const struct checkout *co, struct err *err)
{
	struct beside_list list = {.co = co};
	auto_free struct side_file *room = calloc(SIDE_MAX_FILES, sizeof(*room));
	struct err text;
	int rc;

	if (!room)
		return err_set(err, -ENOMEM, "out of memory");
	side_files_init(&list.files);
	list.files.file = room;
	rc = each_name(co, add_side, &list);
	if (rc)
		rc = err_sys(err, rc, "a journal cannot be read");
	else if (side_files_warning(&list.files, &text))
		rc = err_set(err, -EBUSY,
			     "%s: open the database, so that SQLite applies what lies there",
			     text.text);
	for (size_t i = 0; i < list.files.count; i++)
		close((int)(intptr_t)list.files.file[i].ctx);
	return rc;
}
