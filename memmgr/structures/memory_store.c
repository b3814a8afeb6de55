// SPDX-License-Identifier: MIT
/*
 * Owns the view of one virtual memory as a store. Holds no bytes; the locks are memmgr's.
 */
#include "memmgr/structures/structures.h"

struct memory_store {
	struct store s;
	struct mm *mm;
	unsigned mm_id;
};

static struct memory_store *memory_of(struct store *s)
{
	return (struct memory_store *)s;
}

static int read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	return mm_read(memory_of(s)->mm, memory_of(s)->mm_id, buf, len, off, err);
}

static int write_at(struct store *s, const void *buf, size_t len, uint64_t off, unsigned flags,
		    struct err *err)
{
	int rc = mm_write(memory_of(s)->mm, memory_of(s)->mm_id, buf, len, off, err);

	return rc == 0 && (flags & STORE_DURABLE) ? mm_sync(memory_of(s)->mm, err) : rc;
}

static int zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err)
{
	return mm_zero(memory_of(s)->mm, memory_of(s)->mm_id, off, len, err);
}

static int resize(struct store *s, uint64_t len, struct err *err)
{
	int rc;

	if (len < s->len)
		return err_set(err, -EINVAL, "memory %u does not shrink here", memory_of(s)->mm_id);
	rc = mm_grow(memory_of(s)->mm, memory_of(s)->mm_id, div_up(len, MM_PAGE_LEN), err);
	if (rc == 0)
		s->len = div_up(len, MM_PAGE_LEN) * MM_PAGE_LEN;
	return rc;
}

static int sync_all(struct store *s, struct err *err)
{
	return mm_sync(memory_of(s)->mm, err);
}

static int next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end, struct err *err)
{
	return mm_next_data(memory_of(s)->mm, memory_of(s)->mm_id, off, start, end, err);
}

static void close_store(struct store *s)
{
	free(memory_of(s));
}

static const struct store_ops memory_ops = {
	.name = "memory",
	.read_at = read_at,
	.write_at = write_at,
	.zero_at = zero_at,
	.resize = resize,
	.sync = sync_all,
	.next_data = next_data,
	.close = close_store,
};

int ss_memory_store(struct mm *mm, unsigned mm_id, bool writable, struct store **out,
		    struct err *err)
{
	struct memory_store *m;
	struct mm_memory facts;

	*out = NULL;
	if (mm_id >= MM_MAX_MEMORIES)
		return err_set(err, -EINVAL, "%u is no memory's id", mm_id);
	m = calloc(1, sizeof(*m));
	if (!m)
		return err_set(err, -ENOMEM, "no memory for a view of memory %u", mm_id);
	mm_memory(mm, mm_id, &facts);
	m->s = (struct store){
		.ops = &memory_ops, .len = facts.pages * MM_PAGE_LEN, .writable = writable};
	m->mm = mm;
	m->mm_id = mm_id;
	*out = &m->s;
	return 0;
}
