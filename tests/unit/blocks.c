// SPDX-License-Identifier: MIT
/* Owns the blocks of blocks.h: of each size, a power of two, a few that nobody uses now. Blocks
 * above the largest such size are not kept. */
#include <pthread.h>
#include <sanitizer/asan_interface.h>

#include "tests/unit/blocks.h"
#include "tests/unit/test.h"

enum { MIN_SHIFT = 12, MAX_SHIFT = 24, KEPT = 6 };

/* What lies in front of a block's bytes. */
struct block {
	size_t room; /* for bytes */
	size_t len;
	uint8_t bytes[] __attribute__((aligned(64)));
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *spare[MAX_SHIFT + 1][KEPT]; /* by the room's power of two */

static struct block *block_of(void *bytes)
{
	return (struct block *)((uint8_t *)bytes - offsetof(struct block, bytes));
}

static unsigned shift_for(size_t len)
{
	unsigned shift = MIN_SHIFT;

	while (((size_t)1 << shift) < len)
		shift++;
	return shift;
}

/* A kept block with this room, or NULL. */
static struct block *take_spare(unsigned shift)
{
	struct block *taken = NULL;

	if (shift > MAX_SHIFT)
		return NULL;
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < KEPT && !taken; i++) {
		taken = spare[shift][i];
		spare[shift][i] = NULL;
	}
	pthread_mutex_unlock(&lock);
	return taken;
}

static bool keep_spare(struct block *b)
{
	unsigned shift = shift_for(b->room);
	bool kept = false;

	if (shift > MAX_SHIFT)
		return false;
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < KEPT && !kept; i++) {
		if (spare[shift][i])
			continue;
		spare[shift][i] = b;
		kept = true;
	}
	pthread_mutex_unlock(&lock);
	return kept;
}

/* What calloc gives costs nothing until it is touched: a large image may be mostly holes. */
static struct block *make(unsigned shift, size_t len)
{
	size_t room = shift > MAX_SHIFT ? len : (size_t)1 << shift;
	struct block *b = calloc(1, sizeof(*b) + room);

	assert_non_null(b);
	b->room = room;
	ASAN_POISON_MEMORY_REGION(b->bytes + len, room - len);
	return b;
}

void *block_new(size_t len)
{
	unsigned shift = shift_for(len);
	struct block *b = take_spare(shift);

	if (b) {
		ASAN_UNPOISON_MEMORY_REGION(b->bytes, len);
		memset(b->bytes, 0, len);
	} else {
		b = make(shift, len);
	}
	b->len = len;
	return b->bytes;
}

static void set_len(struct block *b, size_t len)
{
	ASAN_POISON_MEMORY_REGION(b->bytes, b->room);
	ASAN_UNPOISON_MEMORY_REGION(b->bytes, len);
	if (len > b->len)
		memset(b->bytes + b->len, 0, len - b->len);
	b->len = len;
}

void *block_resize(void *block, size_t len)
{
	struct block *b = block_of(block);
	void *moved;

	if (len <= b->room) {
		set_len(b, len);
		return block;
	}
	moved = block_new(len);
	memcpy(moved, block, b->len);
	block_free(block);
	return moved;
}

void block_free(void *block)
{
	struct block *b;

	if (!block)
		return;
	b = block_of(block);
	ASAN_POISON_MEMORY_REGION(b->bytes, b->room);
	if (keep_spare(b))
		return;
	ASAN_UNPOISON_MEMORY_REGION(b->bytes, b->room);
	free(b);
}

void cleanup_block(void *pointer_to_pointer)
{
	block_free(*(void **)pointer_to_pointer);
}
