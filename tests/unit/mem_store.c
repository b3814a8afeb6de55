// SPDX-License-Identifier: MIT
/* Owns the memory store. */
#include "tests/unit/blocks.h"
#include "tests/unit/stores.h"

enum { BLOCK_LEN = 4096 };

struct mem_store {
	struct store s;
	uint8_t *bytes;
	uint64_t max_len;
};

static struct mem_store *mem_of(struct store *s)
{
	return (struct mem_store *)s;
}

static int mem_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	memcpy(buf, mem_of(s)->bytes + off, len);
	return 0;
}

static int mem_write_at(struct store *s, const void *buf, size_t len, uint64_t off, unsigned flags,
			struct err *err)
{
	memcpy(mem_of(s)->bytes + off, buf, len);
	return 0;
}

static int mem_zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err)
{
	memset(mem_of(s)->bytes + off, 0, len);
	return 0;
}

static int mem_resize(struct store *s, uint64_t len, struct err *err)
{
	struct mem_store *ms = mem_of(s);

	if (len > ms->max_len)
		return err_set(err, -ENOSPC, "the test's memory is full");
	ms->bytes = block_resize(ms->bytes, len);
	s->len = len;
	return 0;
}

static int mem_sync(struct store *s, struct err *err)
{
	return 0;
}

static bool block_is_zero(const struct mem_store *ms, uint64_t off)
{
	return is_zero(ms->bytes + off,
		       MIN(ms->s.len, round_down(off, BLOCK_LEN) + BLOCK_LEN) - off);
}

/* Knows data from zeros in whole blocks, as a file system does. */
static int mem_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			 struct err *err)
{
	struct mem_store *ms = mem_of(s);

	while (off < s->len && block_is_zero(ms, off))
		off = round_down(off, BLOCK_LEN) + BLOCK_LEN;
	*start = MIN(off, s->len);
	while (off < s->len && !block_is_zero(ms, off))
		off = round_down(off, BLOCK_LEN) + BLOCK_LEN;
	*end = MIN(off, s->len);
	return 0;
}

static void mem_close(struct store *s)
{
	block_free(mem_of(s)->bytes);
	free(s);
}

static const struct store_ops mem_ops = {
	.name = "memory",
	.read_at = mem_read_at,
	.write_at = mem_write_at,
	.zero_at = mem_zero_at,
	.resize = mem_resize,
	.sync = mem_sync,
	.next_data = mem_next_data,
	.close = mem_close,
};

struct store *mem_store_new(const void *bytes, uint64_t len)
{
	struct mem_store *ms = calloc(1, sizeof(*ms));

	assert_non_null(ms);
	ms->s = (struct store){.ops = &mem_ops, .writable = true};
	ms->max_len = UINT64_C(1) << 30;
	assert_true(len <= ms->max_len);
	ms->bytes = bytes ? block_copy(bytes, len) : block_new(len);
	ms->s.len = len;
	return &ms->s;
}

uint8_t *mem_store_bytes(struct store *s)
{
	return mem_of(s)->bytes;
}

void mem_store_limit(struct store *s, uint64_t max_len)
{
	mem_of(s)->max_len = max_len;
}
