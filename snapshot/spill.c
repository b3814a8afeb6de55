// SPDX-License-Identifier: MIT
/*
 * Owns a file that nobody else can see, and that is gone when it is closed. No locks.
 */
#include "snapshot/spill.h"

#include <fcntl.h>
#include <stdio.h>

static int open_named(const char *path, int dir_len)
{
	auto_free char *name = NULL;
	int fd;

	if (asprintf(&name, "%.*s.canisterfs-XXXXXX", dir_len, path) < 0)
		return -ENOMEM;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(name);
	return fd;
}

static int open_nameless(const char *path)
{
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash + 1 - path) : 0;
	auto_free char *dir = dir_len ? strndup(path, (size_t)dir_len) : strdup(".");
	int fd;

	if (!dir)
		return -ENOMEM;
	fd = open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	return fd >= 0 ? fd : open_named(path, dir_len);
}

int spill_open(struct spill *s, const char *path)
{
	*s = SPILL_NONE;
	s->buf = malloc(SPILL_BUF_LEN);
	if (!s->buf)
		return -ENOMEM;
	s->fd = open_nameless(path);
	return s->fd < 0 ? s->fd : 0;
}

static int flush(struct spill *s)
{
	int rc = pwrite_all(s->fd, s->buf, s->used, s->len - s->used);

	s->used = 0;
	return rc;
}

int spill_add(struct spill *s, const void *bytes, size_t len)
{
	int rc = 0;

	if (len > SPILL_BUF_LEN - s->used)
		rc = flush(s);
	if (rc < 0)
		return rc;
	memcpy(s->buf + s->used, bytes, len);
	s->used += len;
	s->len += len;
	return 0;
}

int spill_end(struct spill *s)
{
	return flush(s);
}

int spill_read(struct spill *s, void *bytes, size_t len, uint64_t off)
{
	return pread_all(s->fd, bytes, len, off);
}

void spill_close(struct spill *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->buf);
	*s = SPILL_NONE;
}
