// SPDX-License-Identifier: MIT
/*
 * Owns the block cache: direct-mapped, so that a look-up is one comparison and the memory it takes
 * is bounded. Keeps no state outside struct blocks but that bound, takes no lock.
 */
#include "memmgr/structures/blocks.h"

#include <inttypes.h>
#include <sys/mman.h>

#include "memmgr/structures/structures.h"

enum {
	BLOCK_LEN = 4096,
	MAX_SLOTS = 65536, /* 256 MiB: a million records of 200 bytes, read once each */
	RUN_BLOCKS = 16,   /* loaded at once when blocks are read one after the other */
	MANY_MISSES = 64,  /* who has missed so often will want the rest as well */
	BYPASS_LEN = 65536,
};

static size_t max_slots = MAX_SLOTS;

void ss_limit_cache(size_t len)
{
	max_slots = MIN(len / BLOCK_LEN, (size_t)MAX_SLOTS);
}

/* What is not touched takes no memory, so that room for 256 MiB costs nothing by itself. */
static uint8_t *map_blocks(uint8_t *bytes, size_t old, size_t slots)
{
	void *more = bytes ? mremap(bytes, old * BLOCK_LEN, slots * BLOCK_LEN, MREMAP_MAYMOVE)
			   : mmap(NULL, slots * BLOCK_LEN, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return more == MAP_FAILED ? NULL : more;
}

/*
 * A slot for each block of `len` bytes, up to the bound. What is in the slots stays: they are more
 * only where there was one for each block before. False: there is no memory for more.
 */
static bool add_slots(struct blocks *b, uint64_t len)
{
	uint64_t want = div_up(len, BLOCK_LEN);
	size_t slots = MAX(b->slots, (size_t)RUN_BLOCKS);
	uint64_t *tag = b->tag;
	uint8_t *bytes = b->bytes;

	while (slots < want && slots < max_slots)
		slots *= 2;
	if (slots > b->slots) {
		tag = realloc(b->tag, slots * sizeof(*tag));
		b->tag = tag ? tag : b->tag;
		bytes = tag ? map_blocks(b->bytes, b->slots, slots) : NULL;
		b->bytes = bytes ? bytes : b->bytes;
	}
	for (; tag && bytes && b->slots < slots; b->slots++)
		tag[b->slots] = 0;
	b->whole = b->slots >= want;
	return tag && bytes;
}

int blocks_open(struct store *store, struct blocks *b, struct err *err)
{
	*b = (struct blocks){.store = store, .expect = UINT64_MAX};
	if (add_slots(b, store->len))
		return 0;
	blocks_close(b);
	return err_set(err, -ENOMEM, "no memory for a cache of blocks");
}

void blocks_close(struct blocks *b)
{
	free(b->tag);
	if (b->bytes)
		munmap(b->bytes, b->slots * BLOCK_LEN);
	*b = (struct blocks){0};
}

/* Loads block `n` into its slot, and those around it that will be wanted. */
static int load(struct blocks *b, uint64_t n, struct err *err)
{
	bool many = b->whole && b->misses >= MANY_MISSES;
	uint64_t first = many ? round_down(n, RUN_BLOCKS) : n;
	size_t slot = first & (b->slots - 1);
	size_t run = many || n == b->expect ? MIN(RUN_BLOCKS, b->slots - slot) : 1;
	uint64_t off = first * BLOCK_LEN;
	uint64_t len = MIN(run * BLOCK_LEN, b->store->len - off);
	int rc;

	run = div_up(len, BLOCK_LEN);
	for (size_t i = 0; i < run; i++)
		b->tag[slot + i] = 0;
	rc = store_read(b->store, b->bytes + slot * BLOCK_LEN, len, off, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < run; i++)
		b->tag[slot + i] = first + i + 1;
	b->expect = first + run;
	b->misses += b->misses < MANY_MISSES;
	/* Only a hint: most of the rest will be touched, so fewer and larger pages cost less. */
	if (b->misses == MANY_MISSES - 1)
		(void)madvise(b->bytes, b->slots * BLOCK_LEN, MADV_HUGEPAGE);
	return 0;
}

int blocks_read(struct blocks *b, void *buf, size_t len, uint64_t off, struct err *err)
{
	uint8_t *to = buf;

	if (off > b->store->len || len > b->store->len - off)
		return err_set(err, -EUCLEAN,
			       "%zu bytes at %" PRIu64 " would end behind the memory's %" PRIu64
			       " bytes",
			       len, off, b->store->len);
	if (len >= BYPASS_LEN)
		return store_read(b->store, buf, len, off, err);
	while (len > 0) {
		uint64_t n = off / BLOCK_LEN;
		size_t slot = n & (b->slots - 1), in = off % BLOCK_LEN;
		size_t part = MIN(len, BLOCK_LEN - in);

		if (b->tag[slot] != n + 1) {
			int rc = load(b, n, err);

			if (rc < 0)
				return rc;
		}
		memcpy(to, b->bytes + slot * BLOCK_LEN + in, part);
		to += part;
		off += part;
		len -= part;
	}
	return 0;
}

/* With a slot for every block, neighbours in the store are neighbours here. */
const uint8_t *blocks_peek(struct blocks *b, size_t len, uint64_t off)
{
	if (!b->whole || len == 0 || off > b->store->len || len > b->store->len - off)
		return NULL;
	for (uint64_t n = off / BLOCK_LEN; n <= (off + len - 1) / BLOCK_LEN; n++)
		if (b->tag[n] != n + 1 && load(b, n, NULL) < 0)
			return NULL;
	return b->bytes + off;
}

void blocks_prefetch(const struct blocks *b, size_t len, uint64_t off)
{
	enum { LINE_LEN = 64 };

	if (!b->whole || off > b->store->len || len > b->store->len - off)
		return;
	for (size_t i = 0; i < len; i += LINE_LEN)
		__builtin_prefetch(b->bytes + off + i);
}

static int grow_to(struct blocks *b, uint64_t end, struct err *err)
{
	uint64_t last = b->store->len / BLOCK_LEN;
	uint64_t len;

	if (end <= b->store->len)
		return 0;
	if (mul_overflows(div_up(end, MM_PAGE_LEN), (uint64_t)MM_PAGE_LEN, &len))
		return err_set(err, -EFBIG, "no memory can hold %" PRIu64 " bytes", end);
	/* The block that the store ended in was loaded short. */
	b->tag[last & (b->slots - 1)] = 0;
	/* Without memory for more slots, blocks share those that there are. */
	(void)add_slots(b, len);
	return store_resize(b->store, len, err);
}

int blocks_write(struct blocks *b, const void *buf, size_t len, uint64_t off, struct err *err)
{
	const uint8_t *from = buf;
	uint64_t end;
	int rc;

	if (len == 0)
		return 0;
	if (add_overflows(off, len, &end))
		return err_set(err, -EFBIG, "no memory reaches to offset %" PRIu64, off);
	rc = grow_to(b, end, err);
	if (rc < 0)
		return rc;
	rc = store_write(b->store, buf, len, off, 0, err);
	if (rc < 0)
		return rc;
	while (len > 0) {
		uint64_t n = off / BLOCK_LEN;
		size_t slot = n & (b->slots - 1), in = off % BLOCK_LEN;
		size_t part = MIN(len, BLOCK_LEN - in);

		if (b->tag[slot] == n + 1)
			memcpy(b->bytes + slot * BLOCK_LEN + in, from, part);
		from += part;
		off += part;
		len -= part;
	}
	return 0;
}

int ss_reserve(uint8_t **buf, size_t *cap, size_t want, struct err *err)
{
	size_t room = MAX(want, 256);
	uint8_t *more;

	if (want <= *cap)
		return 0;
	more = malloc(room);
	if (!more)
		return err_set(err, -ENOMEM, "no memory for %zu bytes", room);
	free(*buf);
	*buf = more;
	*cap = room;
	return 0;
}
