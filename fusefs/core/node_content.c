// SPDX-License-Identifier: MIT
/*
 * A file's content, wherever it lies: in a virtual memory or in a scratch file of the host.
 *
 * What always holds of a memory here: its pages are size_len rounded up, and every byte between
 * size_len and its last page's end is zero. So a file can grow without its old tail showing.
 *
 * Where a write failed (node->unwritten.any), a file may be longer than what is stored of it: what
 * is read is what is stored, zeros behind its end, and over that the bytes that are kept.
 */
#include <fcntl.h>

#include "fusefs/core/account.h"

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

uint64_t content_stored_len(struct fs *fs, struct node *node)
{
	struct mm_memory m;
	struct stat st;

	if (node->kind == NODE_SCRATCH)
		return fstat(node->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	mm_memory(fs->mm, node->mm_id, &m);
	return m.pages * MM_PAGE_LEN;
}

/* What is stored of the file, inside its length. */
static int read_stored(struct fs *fs, struct node *node, char *buf, size_t len, uint64_t off,
		       struct err *err)
{
	if (node->unwritten.any) {
		uint64_t stored_len = content_stored_len(fs, node);
		size_t there = off < stored_len ? MIN((uint64_t)len, stored_len - off) : 0;

		memset(buf + there, 0, len - there);
		len = there;
	}
	if (len == 0)
		return 0;
	return node->kind == NODE_MEMORY ? mm_read(fs->mm, node->mm_id, buf, len, off, err)
					 : scratch_read(node, buf, len, off, err);
}

int content_read(struct fs *fs, struct node *node, void *buf, size_t len, uint64_t off, size_t *got,
		 struct err *err)
{
	uint64_t size_len = node->size_len;
	int rc;

	*got = off < size_len ? MIN((uint64_t)len, size_len - off) : 0;
	rc = read_stored(fs, node, buf, *got, off, err);
	return rc || !node->unwritten.any ? rc : unwritten_read(node, buf, *got, off, err);
}

static int memory_write(struct fs *fs, struct node *node, const void *buf, size_t len, uint64_t off,
			struct err *err)
{
	uint64_t end = off + len;
	uint64_t old_len = node->size_len;
	int rc = 0;

	if (node->unwritten.any)
		old_len = MIN(old_len, content_stored_len(fs, node));
	rc = account_write(fs, node->mm_id, buf, len, off, err);
	if (!rc && end > old_len)
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

/* A length that is kept beside the image is that of now. */
static void note_len(struct fs *fs, const struct node *node)
{
	if (node->kind == NODE_MEMORY && fs->cfg->bond && node->name)
		bond_note_len(fs->cfg->bond, node->mm_id, node->size_len);
}

int content_store(struct fs *fs, struct node *node, const void *buf, size_t len, uint64_t off,
		  struct err *err)
{
	return node->kind == NODE_MEMORY ? memory_write(fs, node, buf, len, off, err)
					 : scratch_write(node->fd, buf, len, off, err);
}

int content_write(struct fs *fs, struct node *node, const void *buf, size_t len, uint64_t off,
		  struct err *err)
{
	int rc = content_store(fs, node, buf, len, off, err);

	if (rc)
		return rc;
	unwritten_remove(node, off, len);
	if (off + len > node->size_len) {
		node_raise_size(node, off + len);
		note_len(fs, node);
	}
	return 0;
}

int content_lengthen(struct fs *fs, struct node *node, struct err *err)
{
	uint64_t size_len = node->size_len;

	if (content_stored_len(fs, node) >= size_len)
		return 0;
	if (node->kind == NODE_MEMORY)
		return mm_grow(fs->mm, node->mm_id, pages_of(size_len), err);
	return ftruncate(node->fd, (off_t)size_len) < 0
		       ? err_sys(err, -errno, "a scratch file cannot be made longer")
		       : 0;
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
	if (rc)
		return rc;
	unwritten_remove(node, len, UINT64_MAX);
	node->size_len = len;
	note_len(fs, node);
	return 0;
}

static int zero_stored(struct fs *fs, struct node *node, uint64_t off, uint64_t len,
		       struct err *err)
{
	if (node->kind == NODE_MEMORY) {
		int rc = account_write(fs, node->mm_id, NULL, len, off, err);

		return rc ? rc : mm_zero(fs->mm, node->mm_id, off, len, err);
	}
	if (fallocate(node->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
		      (off_t)len) < 0)
		return err_sys(err, -errno, "a scratch file cannot be punched");
	return 0;
}

int content_zero(struct fs *fs, struct node *node, uint64_t off, uint64_t len, struct err *err)
{
	uint64_t end = node->size_len;
	int rc = 0;

	if (off >= end)
		return 0;
	len = MIN(len, end - off);
	if (node->unwritten.any)
		end = MIN(end, content_stored_len(fs, node));
	if (off < end)
		rc = zero_stored(fs, node, off, MIN(len, end - off), err);
	if (!rc)
		unwritten_remove(node, off, len);
	return rc;
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
		node_raise_size(node, off + len);
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

/* mm_next_data ends where the memory does; the file may go on. */
static int next_stored(struct fs *fs, struct node *node, uint64_t off, uint64_t *start,
		       uint64_t *end, struct err *err)
{
	uint64_t size_len = node->size_len;
	int rc = node->kind == NODE_MEMORY ? mm_next_data(fs->mm, node->mm_id, off, start, end, err)
					   : scratch_next_data(node, off, start, end, err);

	if (rc)
		return rc;
	*start = *start < *end ? MIN(*start, size_len) : size_len;
	*end = *start < *end ? MIN(*end, size_len) : size_len;
	return 0;
}

int content_next_data(struct fs *fs, struct node *node, uint64_t off, uint64_t *start,
		      uint64_t *end, struct err *err)
{
	uint64_t kept, kept_end;
	int rc = next_stored(fs, node, off, start, end, err);

	if (!rc && node->unwritten.any && unwritten_next(node, off, &kept, &kept_end) &&
	    kept < *start) {
		*start = kept;
		*end = MIN(kept_end, node->size_len);
	}
	return rc;
}

int content_sync(struct fs *fs, struct node *node, bool data_only, struct err *err)
{
	if (node->kind == NODE_MEMORY)
		return data_only ? mm_sync_data(fs->mm, err) : mm_sync(fs->mm, err);
	if (fdatasync(node->fd) < 0)
		return err_sys(err, -errno, "a scratch file cannot be synced");
	return 0;
}

/* Copies what is stored of a node into a scratch file; what is zero stays a hole. */
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
		size_t len;
		int rc = next_stored(fs, node, off, &start, &end, err);

		len = rc ? 0 : MIN((uint64_t)STEP_LEN, end - start);
		if (!rc)
			rc = read_stored(fs, node, buf, len, start, err);
		if (!rc)
			rc = scratch_write(fd, buf, len, start, err);
		if (rc)
			return rc;
		off = start == end ? size_len : start + len;
	}
	return 0;
}

/* Takes fd. */
static int detach_to(struct fs *fs, struct node *node, int fd, struct err *err)
{
	auto_close int own = fd;
	int rc = copy_out(fs, node, fd, err);

	if (rc)
		return rc;
	node->fd = steal_fd(&own);
	node->kind = NODE_SCRATCH;
	return 0;
}

int content_detach(struct fs *fs, struct node *node, struct err *err)
{
	int fd, rc;

	if (node->kind != NODE_MEMORY)
		return 0;
	rc = scratch_open(fs, &fd, err);
	return rc ? rc : detach_to(fs, node, fd, err);
}

int content_let_go(struct fs *fs, struct node *node, struct err *err)
{
	int fd;

	if (node->kind != NODE_MEMORY)
		return 0;
	fd = scratch_open_nameless(fs);
	if (fd < 0)
		return err_sys(err, -errno, "no file can be made for who has it open");
	if (node->open_count > 0)
		return detach_to(fs, node, fd, err);
	node->fd = fd;
	node->kind = NODE_SCRATCH;
	node->size_len = 0;
	return 0;
}

struct adoption {
	struct fs *fs;
	struct node *node;
};

static int scratch_source(void *ctx, void *buf, size_t len, uint64_t off, size_t *got,
			  struct err *err)
{
	const struct adoption *a = ctx;

	return content_read(a->fs, a->node, buf, len, off, got, err);
}

int content_adopt(struct fs *fs, struct node *scratch, unsigned mm_id, struct err *err)
{
	struct adoption a = {fs, scratch};
	const struct mm_content new = {mm_id, scratch->size_len, scratch_source, &a};
	int rc = account_replace(fs, &new, err);

	if (!rc)
		rc = mm_replace(fs->mm, mm_id, scratch->size_len, scratch_source, &a, err);

	if (rc)
		return rc;
	unwritten_remove(scratch, 0, UINT64_MAX);
	scratch->unwritten.any = false;
	close(scratch->fd);
	scratch->fd = -1;
	scratch->kind = NODE_MEMORY;
	scratch->mm_id = mm_id;
	return 0;
}
