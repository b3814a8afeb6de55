// SPDX-License-Identifier: MIT
/*
 * Copies a memory into a file of the host. In this order, whatever works first: the file shares the
 * image's blocks (XFS, Btrfs), the host copies, we do. Holes stay holes.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "tools/checkout/checkout.h"

enum { STEP_LEN = 1 << 20 };

struct copying {
	struct store *store;
	struct mm *mm;
	unsigned mm_id;
	int fd;
	uint8_t *buf;
	bool no_clone, no_copy;
};

static bool clone_piece(struct copying *c, const struct store_host *from, uint64_t off,
			uint64_t len)
{
	struct file_clone_range range = {
		.src_fd = from->fd, .src_offset = from->off, .src_length = len, .dest_offset = off};

	if (c->no_clone)
		return false;
	c->no_clone = ioctl(c->fd, FICLONERANGE, &range) < 0;
	return !c->no_clone;
}

/* Within the host; false: perhaps a part. */
static bool copy_piece(struct copying *c, const struct store_host *from, uint64_t off, uint64_t len)
{
	loff_t in = (loff_t)from->off, out = (loff_t)off;

	while (!c->no_copy && len > 0) {
		ssize_t n = copy_file_range(from->fd, &in, c->fd, &out, len, 0);

		c->no_copy = n <= 0;
		len -= n > 0 ? (uint64_t)n : 0;
	}
	return len == 0;
}

static int read_piece(struct copying *c, uint64_t off, uint64_t len, struct err *err)
{
	int rc = 0;

	for (size_t n; !rc && len > 0; off += n, len -= n) {
		n = (size_t)MIN(len, (uint64_t)STEP_LEN);
		rc = mm_read(c->mm, c->mm_id, c->buf, n, off, err);
		if (!rc && !is_zero(c->buf, n)) {
			rc = pwrite_all(c->fd, c->buf, n, off);
			if (rc)
				return err_sys(err, rc, "%u cannot be written", c->mm_id);
		}
	}
	return rc;
}

/* The longest piece from `off` that lies at one stretch in a host file; fd -1: in none. */
static uint64_t next_piece(struct copying *c, uint64_t off, uint64_t len, struct store_host *from)
{
	uint64_t found = 0;

	*from = (struct store_host){.fd = -1};
	while (found < len) {
		struct mm_extent x;
		struct store_host host;

		if (mm_extent_at(c->mm, c->mm_id, off + found, len - found, &x))
			break;
		host = store_host_at(c->store, x.image_off);
		if (found == 0)
			*from = host;
		else if (host.fd != from->fd || host.off != from->off + found)
			break;
		found += MIN(x.len, host.len);
	}
	return found > 0 ? found : len;
}

static int copy_range(struct copying *c, uint64_t off, uint64_t end, bool clone, struct err *err)
{
	int rc = 0;

	for (uint64_t len; !rc && off < end; off += len) {
		struct store_host from;

		len = next_piece(c, off, end - off, &from);
		if (from.fd >= 0 && clone && clone_piece(c, &from, off, len))
			continue;
		if (clone)
			return -EOPNOTSUPP;
		if (from.fd < 0 || !copy_piece(c, &from, off, len))
			rc = read_piece(c, off, len, err);
	}
	return rc;
}

static int copy_data(struct copying *c, uint64_t len, struct err *err)
{
	int rc = 0;

	for (uint64_t off = 0, end = 0; !rc && off < len; off = end) {
		uint64_t start;

		rc = mm_next_data(c->mm, c->mm_id, off, &start, &end, err);
		if (rc || start == end)
			return rc;
		rc = copy_range(c, start, end, false, err);
	}
	return rc;
}

int checkout_copy(const struct checkout *co, struct store *store, struct mm *mm, unsigned mm_id,
		  struct err *err)
{
	auto_free uint8_t *buf = malloc(STEP_LEN);
	auto_close int fd = -1;
	struct copying c = {.store = store, .mm = mm, .mm_id = mm_id, .buf = buf};
	struct mm_memory m;
	uint64_t len;
	char name[8];
	int rc;

	mm_memory(mm, mm_id, &m);
	len = m.pages * MM_PAGE_LEN;
	snprintf(name, sizeof(name), "%u", mm_id);
	fd = openat(co->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600 | co->others);
	if (fd < 0 || !buf || ftruncate(fd, (off_t)len) < 0)
		return err_sys(err, buf ? -errno : -ENOMEM, "%s cannot be made", name);
	c.fd = fd;
	rc = copy_range(&c, 0, len, true, err);
	if (rc == -EOPNOTSUPP)
		rc = copy_data(&c, len, err);
	if (!rc && fsync(fd) < 0)
		rc = err_sys(err, -errno, "%s cannot be synced", name);
	return rc;
}
