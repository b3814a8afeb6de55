// SPDX-License-Identifier: MIT
/*
 * A file's content, wherever it lies: in a virtual memory or in a scratch file of the host.
 *
 * What always holds of a memory here: its pages are size_len rounded up, and every byte between
 * size_len and its last page's end is zero. So a file can grow without its old tail showing.
 */
#include <fcntl.h>

#include "fusefs/core/fs.h"

static uint64_t pages_of(uint64_t len)
{
	return div_up(len, MM_PAGE_LEN);
}

static int scratch_read(struct node *node, void *buf, size_t len, uint64_t off, struct err *err)
{
	int rc = pread_all(node->fd, buf, len, off);

	return rc ? err_sys(err, rc, "a scratch file cannot be read") : 0;
}

static int scratch_write(int fd, const void *buf, size_t len, uint64_t off, struct err *err)
{
	int rc = pwrite_all(fd, buf, len, off);

	return rc ? err_sys(err, rc, "a scratch file cannot be written") : 0;
}

int content_read(struct fs *fs, struct node *node, void *buf, size_t len, uint64_t off, size_t *got,
		 struct err *err)
{
	uint64_t size_len = node->size_len;

	*got = off < size_len ? MIN((uint64_t)len, size_len - off) : 0;
	if (node->kind == NODE_MEMORY)
		return *got > 0 ? mm_read(fs->mm, node->mm_id, buf, *got, off, err) : 0;
	return scratch_read(node, buf, *got, off, err);
}

static void raise_size(struct node *node, uint64_t end)
{
	uint64_t size_len = node->size_len;

	while (size_len < end && !atomic_compare_exchange_weak(&node->size_len, &size_len, end))
		;
}

static int memory_write(struct fs *fs, struct node *node, const void *buf, size_t len, uint64_t off,
			struct err *err)
{
	uint64_t end = off + len;
	uint64_t old_len = node->size_len;
	int rc = 0;

	if (end > old_len)
		rc = mm_grow_ahead(fs->mm, node->mm_id, pages_of(end), err);
	if (rc)
		return rc;
	rc = mm_write(fs->mm, node->mm_id, buf, len, off, err);
	if (rc && end > old_len) {
		/* What was written behind the end must not show when the file grows later. */
		uint64_t from = MAX(old_len, off);

		(void)!mm_zero(fs->mm, node->mm_id, from, end - from, NULL);
	}
	return rc;
}

int content_write(struct fs *fs, struct node *node, const void *buf, size_t len, uint64_t off,
		  struct err *err)
{
	int rc = node->kind == NODE_MEMORY ? memory_write(fs, node, buf, len, off, err)
					   : scratch_write(node->fd, buf, len, off, err);

	if (!rc)
		raise_size(node, off + len);
	return rc;
}

int content_truncate(struct fs *fs, struct node *node, uint64_t len, struct err *err)
{
	uint64_t pages_len = pages_of(len) * MM_PAGE_LEN;
	uint64_t old_len = node->size_len;
	int rc = 0;

	if (node->kind == NODE_SCRATCH) {
		if (ftruncate(node->fd, (off_t)len) < 0)
			return err_sys(err, -errno, "a scratch file cannot be truncated");
	} else {
		rc = mm_resize(fs->mm, node->mm_id, pages_of(len), err);
		if (!rc && len < old_len && len < pages_len)
			rc = mm_zero(fs->mm, node->mm_id, len, MIN(pages_len, old_len) - len, err);
	}
	if (!rc)
		node->size_len = len;
	return rc;
}

int content_zero(struct fs *fs, struct node *node, uint64_t off, uint64_t len, struct err *err)
{
	uint64_t size_len = node->size_len;

	if (off >= size_len)
		return 0;
	len = MIN(len, size_len - off);
	if (node->kind == NODE_MEMORY)
		return mm_zero(fs->mm, node->mm_id, off, len, err);
	if (fallocate(node->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
		      (off_t)len) < 0)
		return err_sys(err, -errno, "a scratch file cannot be punched");
	return 0;
}

/* Asks the host for space piece by piece. A piece that lies in no host file has none to ask for. */
static int memory_reserve(struct fs *fs, struct node *node, uint64_t off, uint64_t len,
			  struct err *err)
{
	auto_mm_pin struct mm *mm = fs->mm;

	mm_pin(mm);
	for (uint64_t done = 0; done < len;) {
		struct mm_extent x;
		struct store_host host;
		uint64_t run;

		if (mm_extent_at(mm, node->mm_id, off + done, len - done, &x))
			return err_set(err, -EUCLEAN, "memory %u is short of buckets", node->mm_id);
		host = store_host_at(fs->store, x.image_off);
		run = host.fd >= 0 ? MIN(x.len, host.len) : x.len;
		/* EBADF: it lies in an overlay's base, which is only read. */
		if (host.fd >= 0 &&
		    fallocate(host.fd, FALLOC_FL_KEEP_SIZE, (off_t)host.off, (off_t)run) < 0 &&
		    errno != EBADF)
			return err_sys(err, -errno, "no space can be reserved");
		done += run;
	}
	return 0;
}

int content_reserve(struct fs *fs, struct node *node, uint64_t off, uint64_t len, struct err *err)
{
	int rc = 0;

	if (node->kind == NODE_MEMORY) {
		rc = mm_grow(fs->mm, node->mm_id, pages_of(off + len), err);
		if (!rc)
			rc = memory_reserve(fs, node, off, len, err);
	} else if (fallocate(node->fd, 0, (off_t)off, (off_t)len) < 0) {
		rc = err_sys(err, -errno, "no space can be reserved");
	}
	if (!rc)
		raise_size(node, off + len);
	return rc;
}

static int scratch_next_data(struct node *node, uint64_t off, uint64_t *start, uint64_t *end,
			     struct err *err)
{
	off_t data = lseek(node->fd, (off_t)off, SEEK_DATA);
	off_t hole = data < 0 ? -1 : lseek(node->fd, data, SEEK_HOLE);

	if (hole < 0 && errno != ENXIO)
		return err_sys(err, -errno, "a scratch file cannot be searched");
	*start = hole < 0 ? node->size_len : (uint64_t)data;
	*end = hole < 0 ? node->size_len : (uint64_t)hole;
	return 0;
}

int content_next_data(struct fs *fs, struct node *node, uint64_t off, uint64_t *start,
		      uint64_t *end, struct err *err)
{
	uint64_t size_len = node->size_len;
	int rc = node->kind == NODE_MEMORY ? mm_next_data(fs->mm, node->mm_id, off, start, end, err)
					   : scratch_next_data(node, off, start, end, err);

	if (rc)
		return rc;
	*start = MIN(*start, size_len);
	*end = MIN(*end, size_len);
	return 0;
}

int content_sync(struct fs *fs, struct node *node, bool data_only, struct err *err)
{
	if (node->kind == NODE_MEMORY)
		return data_only ? mm_sync_data(fs->mm, err) : mm_sync(fs->mm, err);
	if (fdatasync(node->fd) < 0)
		return err_sys(err, -errno, "a scratch file cannot be synced");
	return 0;
}

/* Copies a node's content into a scratch file; what is zero stays a hole. */
static int copy_out(struct fs *fs, struct node *node, int fd, struct err *err)
{
	enum { STEP_LEN = 1 << 20 };
	auto_free char *buf = malloc(STEP_LEN);
	uint64_t size_len = node->size_len;

	if (!buf)
		return err_set(err, -ENOMEM, "no memory to copy with");
	if (ftruncate(fd, (off_t)size_len) < 0)
		return err_sys(err, -errno, "a scratch file cannot be made long enough");
	for (uint64_t off = 0; off < size_len;) {
		uint64_t start, end;
		size_t got = 0;
		int rc = content_next_data(fs, node, off, &start, &end, err);

		if (!rc)
			rc = content_read(fs, node, buf, MIN((uint64_t)STEP_LEN, end - start),
					  start, &got, err);
		if (!rc)
			rc = scratch_write(fd, buf, got, start, err);
		if (rc)
			return rc;
		off = start == end ? size_len : start + got;
	}
	return 0;
}

int content_detach(struct fs *fs, struct node *node, struct err *err)
{
	auto_close int fd = -1;
	int rc;

	if (node->kind != NODE_MEMORY)
		return 0;
	rc = scratch_open(fs, &fd, err);
	if (!rc)
		rc = copy_out(fs, node, fd, err);
	if (rc)
		return rc;
	node->fd = steal_fd(&fd);
	node->kind = NODE_SCRATCH;
	return 0;
}

static int scratch_source(void *ctx, void *buf, size_t len, uint64_t off, size_t *got,
			  struct err *err)
{
	*got = len;
	return scratch_read(ctx, buf, len, off, err);
}

int content_adopt(struct fs *fs, struct node *scratch, unsigned mm_id, struct err *err)
{
	int rc = mm_replace(fs->mm, mm_id, scratch->size_len, scratch_source, scratch, err);

	if (rc)
		return rc;
	close(scratch->fd);
	scratch->fd = -1;
	scratch->kind = NODE_MEMORY;
	scratch->mm_id = mm_id;
	return 0;
}
