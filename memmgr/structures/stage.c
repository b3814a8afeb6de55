// SPDX-License-Identifier: MIT
/*
 * Owns the staged bytes: a sparse temporary file with each changed block at its own offset, and a
 * bit for each block that says which of the two has it. Below may be nothing at all.
 */
#include "memmgr/structures/structures.h"

enum { BLOCK_LEN = 4096 };

struct stage {
	struct store s;
	struct store *under;
	int fd;
	uint8_t *changed; /* a bit for each block */
	size_t changed_len;
	bool any;
};

static struct stage *stage_of(struct store *s)
{
	return (struct stage *)s;
}

static bool is_changed(const struct stage *st, uint64_t block)
{
	return st->changed[block / 8] & 1u << block % 8;
}

static size_t bits_len(uint64_t len)
{
	return div_up(len, BLOCK_LEN) / 8 + 1;
}

/* Bytes of blocks that are all changed, or all not. What is behind the end of `under` is zero. */
static int read_part(struct stage *st, uint8_t *to, size_t len, uint64_t off, struct err *err)
{
	uint64_t under_len = st->under ? st->under->len : 0;
	uint64_t have = MIN(under_len - MIN(under_len, off), (uint64_t)len);
	int rc;

	if (is_changed(st, off / BLOCK_LEN)) {
		rc = pread_all(st->fd, to, len, off);
		return rc < 0 ? err_sys(err, rc, "cannot read what was changed") : 0;
	}
	memset(to + have, 0, len - have);
	return have > 0 ? store_read(st->under, to, have, off, err) : 0;
}

/* How many of the bytes lie in blocks of the first one's kind: fewer and longer reads. */
static size_t alike(const struct stage *st, uint64_t off, size_t len)
{
	uint64_t block = off / BLOCK_LEN;
	size_t part = MIN(len, BLOCK_LEN - off % BLOCK_LEN);

	for (bool changed = is_changed(st, block); part < len; part += BLOCK_LEN)
		if (is_changed(st, ++block) != changed)
			break;
	return MIN(part, len);
}

static int read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	uint8_t *to = buf;
	int rc = 0;

	while (rc == 0 && len > 0) {
		size_t part = alike(stage_of(s), off, len);

		rc = read_part(stage_of(s), to, part, off, err);
		to += part;
		off += part;
		len -= part;
	}
	return rc;
}

static void set_changed(struct stage *st, uint64_t block)
{
	st->changed[block / 8] = (uint8_t)(st->changed[block / 8] | 1u << block % 8);
}

/* Takes a block over, whole, before a part of it changes. */
static int take_block(struct stage *st, uint64_t block, struct err *err)
{
	uint8_t bytes[BLOCK_LEN];
	int rc;

	if (is_changed(st, block))
		return 0;
	rc = read_part(st, bytes, sizeof(bytes), block * BLOCK_LEN, err);
	if (rc < 0)
		return rc;
	rc = pwrite_all(st->fd, bytes, sizeof(bytes), block * BLOCK_LEN);
	if (rc < 0)
		return err_sys(err, rc, "cannot keep what was changed");
	set_changed(st, block);
	return 0;
}

static int write_at(struct store *s, const void *buf, size_t len, uint64_t off, unsigned flags,
		    struct err *err)
{
	struct stage *st = stage_of(s);
	uint64_t end = off + len, last = (end - 1) / BLOCK_LEN;
	int rc = 0;

	st->any = true;
	if (off % BLOCK_LEN)
		rc = take_block(st, off / BLOCK_LEN, err);
	if (rc == 0 && end % BLOCK_LEN)
		rc = take_block(st, last, err);
	if (rc < 0)
		return rc;
	rc = pwrite_all(st->fd, buf, len, off);
	if (rc < 0)
		return err_sys(err, rc, "cannot keep what was changed");
	for (uint64_t block = off / BLOCK_LEN; block <= last; block++)
		set_changed(st, block);
	return 0;
}

static int zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err)
{
	static const uint8_t zeros[BLOCK_LEN];
	int rc = 0;

	for (uint64_t part; rc == 0 && len > 0; off += part, len -= part) {
		part = MIN(len, (uint64_t)BLOCK_LEN);
		rc = write_at(s, zeros, part, off, 0, err);
	}
	return rc;
}

static int resize(struct store *s, uint64_t len, struct err *err)
{
	struct stage *st = stage_of(s);
	size_t bits = bits_len(len);
	uint8_t *more;

	if (len < s->len)
		return err_set(err, -EINVAL, "what is staged does not shrink");
	if (bits > st->changed_len) {
		more = realloc(st->changed, bits);
		if (!more)
			return err_set(err, -ENOMEM, "no memory for a map of %zu bytes", bits);
		memset(more + st->changed_len, 0, bits - st->changed_len);
		st->changed = more;
		st->changed_len = bits;
	}
	s->len = len;
	st->any = true;
	return 0;
}

static int sync_nothing(struct store *s, struct err *err)
{
	return 0;
}

static int next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end, struct err *err)
{
	*start = off;
	*end = s->len;
	return 0;
}

static void close_stage(struct store *s)
{
	struct stage *st = stage_of(s);

	cleanup_close(&st->fd);
	free(st->changed);
	free(st);
}

static const struct store_ops stage_ops = {
	.name = "staged change",
	.read_at = read_at,
	.write_at = write_at,
	.zero_at = zero_at,
	.resize = resize,
	.sync = sync_nothing,
	.next_data = next_data,
	.close = close_stage,
};

int ss_stage_open(struct store *under, int fd, struct store **out, struct err *err)
{
	struct stage *st = calloc(1, sizeof(*st));

	*out = NULL;
	if (!st) {
		close(fd);
		return err_set(err, -ENOMEM, "no memory to stage a change");
	}
	st->s = (struct store){.ops = &stage_ops, .len = under ? under->len : 0, .writable = true};
	st->under = under;
	st->fd = fd;
	st->changed_len = bits_len(st->s.len);
	st->changed = calloc(st->changed_len, 1);
	if (!st->changed) {
		close_stage(&st->s);
		return err_set(err, -ENOMEM, "no memory for a map");
	}
	*out = &st->s;
	return 0;
}

bool ss_stage_is_changed(const struct store *stage)
{
	return ((const struct stage *)stage)->any;
}

bool ss_stage_next(const struct store *stage, uint64_t off, uint64_t *start, uint64_t *end)
{
	const struct stage *st = (const struct stage *)stage;
	uint64_t block = off / BLOCK_LEN, blocks = div_up(stage->len, BLOCK_LEN);

	while (block < blocks && !is_changed(st, block))
		block++;
	*start = block * BLOCK_LEN;
	while (block < blocks && is_changed(st, block))
		block++;
	*end = MIN(block * BLOCK_LEN, stage->len);
	return *start < *end;
}
