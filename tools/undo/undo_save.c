// SPDX-License-Identifier: MIT
/*
 * Writes undo files: a store that saves each block just before it changes for the first time. See
 * undo.h. One thread.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>

#include "tools/undo/undo.h"
#include "tools/undo/undo_format.h"

struct undo_store {
	struct store s;
	struct store *under;
	char *path;
	int fd;
	uint64_t end;        /* of the file */
	uint64_t before_len; /* of the image */
	uint8_t image_id[MM_ID_LEN];
	uint64_t *blocks; /* offsets of those saved, in order */
	uint32_t count;
	uint8_t *saved; /* a bit for each block of the image as it was */
	uint8_t *buf;   /* a record */
};

static struct undo_store *undo_of(struct store *s)
{
	return (struct undo_store *)s;
}

static int append(struct undo_store *u, uint32_t kind, uint64_t off, uint32_t len, size_t payload,
		  struct err *err)
{
	size_t record_len = UNDO_RECORD_LEN + payload;
	int rc;

	undo_seal(u->buf, kind, off, len, payload);
	rc = pwrite_all(u->fd, u->buf, record_len, u->end);
	if (rc)
		return err_sys(err, rc, "cannot write the undo file");
	u->end += record_len;
	return 0;
}

/* What was cut off without having been saved was zero, and is zero when it comes back. */
static int save_block(struct undo_store *u, uint64_t n, struct err *err)
{
	uint64_t off = n * UNDO_BLOCK_LEN;
	uint32_t len = (uint32_t)MIN(UNDO_BLOCK_LEN, u->before_len - off);
	uint8_t *bytes = u->buf + UNDO_RECORD_LEN;
	uint64_t *blocks;
	bool zero;
	int rc = undo_read_block(u->under, bytes, off, len, err);

	if (rc)
		return rc;
	blocks = reallocarray(u->blocks, u->count + 1, sizeof(*blocks));
	if (!blocks)
		return err_set(err, -ENOMEM, "out of memory");
	u->blocks = blocks;
	zero = is_zero(bytes, len);
	rc = append(u, zero ? UNDO_ZERO : UNDO_BLOCK, off, len, zero ? 0 : len, err);
	if (rc)
		return rc;
	blocks[u->count++] = off;
	u->saved[n / 8] |= (uint8_t)(1 << n % 8);
	return 0;
}

/* All blocks of the image as it was that [off, off + len) touches are on disk in the file. */
static int save(struct undo_store *u, uint64_t off, uint64_t len, struct err *err)
{
	uint64_t end = MIN(off + len, u->before_len);
	uint64_t file_end = u->end;
	int rc = 0;

	for (uint64_t n = off / UNDO_BLOCK_LEN; !rc && n * UNDO_BLOCK_LEN < end; n++)
		if (!(u->saved[n / 8] & 1 << n % 8))
			rc = save_block(u, n, err);
	if (!rc && u->end != file_end && fdatasync(u->fd) < 0)
		rc = err_sys(err, -errno, "cannot write the undo file");
	return rc;
}

/* As save, for bytes that become zero or go: where they are zero there is nothing to save. */
static int save_data(struct undo_store *u, uint64_t off, uint64_t end, struct err *err)
{
	end = MIN(end, u->under->len);
	while (off < end) {
		uint64_t data, data_end;
		int rc = store_next_data(u->under, off, &data, &data_end, err);

		if (!rc && data < end)
			rc = save(u, data, MIN(data_end, end) - data, err);
		if (rc || data >= end)
			return rc;
		off = data_end;
	}
	return 0;
}

static int undo_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	return store_read(undo_of(s)->under, buf, len, off, err);
}

static int undo_write_at(struct store *s, const void *buf, size_t len, uint64_t off, unsigned flags,
			 struct err *err)
{
	int rc = save(undo_of(s), off, len, err);

	return rc ? rc : store_write(undo_of(s)->under, buf, len, off, flags, err);
}

static int undo_zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err)
{
	int rc = save_data(undo_of(s), off, off + len, err);

	return rc ? rc : store_zero(undo_of(s)->under, off, len, err);
}

static int undo_resize(struct store *s, uint64_t len, struct err *err)
{
	struct undo_store *u = undo_of(s);
	int rc = len < s->len ? save_data(u, len, s->len, err) : 0;

	if (!rc)
		rc = store_resize(u->under, len, err);
	s->len = u->under->len;
	return rc;
}

static int undo_sync(struct store *s, struct err *err)
{
	return store_sync(undo_of(s)->under, err);
}

static int undo_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			  struct err *err)
{
	return store_next_data(undo_of(s)->under, off, start, end, err);
}

static void undo_close(struct store *s)
{
	struct undo_store *u = undo_of(s);

	cleanup_close(&u->fd);
	free(u->path);
	free(u->blocks);
	free(u->saved);
	free(u->buf);
	free(u);
}

static const struct store_ops undo_ops = {
	.name = "undo",
	.read_at = undo_read_at,
	.write_at = undo_write_at,
	.zero_at = undo_zero_at,
	.resize = undo_resize,
	.sync = undo_sync,
	.next_data = undo_next_data,
	.close = undo_close,
};

/* The name is on disk too before the first change. */
static int sync_parent(const char *path)
{
	auto_free char *copy = strdup(path);
	auto_close int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int begin_file(struct undo_store *u, const char *path, struct err *err)
{
	uint8_t head[UNDO_HEAD_LEN];
	int rc;

	u->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (u->fd < 0)
		return err_sys(err, -errno, "cannot make the undo file %s", path);
	undo_make_head(head, u->before_len, 0, u->image_id);
	rc = pwrite_all(u->fd, head, sizeof(head), 0);
	if (!rc)
		rc = sync_parent(path);
	if (rc) {
		unlink(path);
		return err_sys(err, rc, "cannot write the undo file %s", path);
	}
	u->end = sizeof(head);
	return 0;
}

int undo_begin(struct store *under, const uint8_t image_id[MM_ID_LEN], const char *path,
	       struct store **out, struct err *err)
{
	struct undo_store *u = calloc(1, sizeof(*u));
	auto_store struct store *s = u ? &u->s : NULL;
	int rc;

	if (!u)
		return err_set(err, -ENOMEM, "out of memory");
	u->s = (struct store){.ops = &undo_ops, .len = under->len, .writable = under->writable};
	u->under = under;
	u->fd = -1;
	u->before_len = under->len;
	memcpy(u->image_id, image_id, MM_ID_LEN);
	u->path = strdup(path);
	u->saved = calloc(1, under->len / UNDO_BLOCK_LEN / 8 + 1);
	u->buf = malloc(UNDO_RECORD_LEN + UNDO_BLOCK_LEN);
	if (!u->path || !u->saved || !u->buf)
		return err_set(err, -ENOMEM, "out of memory");
	rc = begin_file(u, path, err);
	if (rc)
		return rc;
	*out = s;
	s = NULL;
	return 0;
}

static int append_end(struct undo_store *u, struct err *err)
{
	size_t payload = 4 * (size_t)u->count;
	auto_free uint8_t *record = malloc(UNDO_RECORD_LEN + payload);
	auto_free uint8_t *block = malloc(UNDO_BLOCK_LEN);
	int rc = 0;

	if (!record || !block)
		return err_set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; !rc && i < u->count; i++) {
		uint64_t off = u->blocks[i];
		uint32_t len = (uint32_t)MIN(UNDO_BLOCK_LEN, u->before_len - off);
		uint32_t crc = 0;

		rc = undo_block_crc(u->under, block, off, len, &crc, err);
		put_le32(record + UNDO_RECORD_LEN + 4 * (size_t)i, crc);
	}
	if (rc)
		return rc;
	free(u->buf);
	u->buf = record;
	record = NULL;
	return append(u, UNDO_END, u->under->len, u->count, payload, err);
}

/* Everything is on disk before the head says so. */
static int complete(struct undo_store *u, struct err *err)
{
	uint8_t head[UNDO_HEAD_LEN];
	int rc = append_end(u, err);

	if (rc)
		return rc;
	undo_make_head(head, u->before_len, u->end, u->image_id);
	if (fsync(u->fd) < 0)
		rc = -errno;
	if (!rc)
		rc = pwrite_all(u->fd, head, sizeof(head), 0);
	if (!rc && fsync(u->fd) < 0)
		rc = -errno;
	return rc ? err_sys(err, rc, "cannot write the undo file") : 0;
}

int undo_end(struct store *undo, bool *changed, struct err *err)
{
	auto_store struct store *s = undo;
	struct undo_store *u = undo_of(s);

	*changed = u->count > 0 || s->len != u->before_len;
	if (*changed)
		return complete(u, err);
	return unlink(u->path) < 0 ? err_sys(err, -errno, "cannot remove %s", u->path) : 0;
}
