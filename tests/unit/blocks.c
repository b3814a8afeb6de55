// SPDX-License-Identifier: MIT
/* Owns the blocks of blocks.h: of each size, a power of two, a few that nobody uses now. Blocks
 * above the largest such size are not kept. */
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

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

/* Of a large block only so much behind its length, and of one that nobody uses only so much, is
 * poisoned: that has its price, too. */
enum { GUARD_LEN = 1 << 16 };

static void guard(struct block *b, size_t from)
{
	ASAN_POISON_MEMORY_REGION(b->bytes + from, MIN(b->room - from, (size_t)GUARD_LEN));
}

static void unguard(struct block *b, size_t from)
{
	ASAN_UNPOISON_MEMORY_REGION(b->bytes + from, MIN(b->room - from, (size_t)GUARD_LEN));
}

/* Much of a large block was never touched since it was zero: the system is asked for new pages. */
static void make_zero(uint8_t *bytes, size_t len)
{
	enum { SYSTEM_PAGE_LEN = 4096, LARGE_LEN = 1 << 20 };
	uintptr_t at = (uintptr_t)bytes;
	size_t head = div_up(at, SYSTEM_PAGE_LEN) * SYSTEM_PAGE_LEN - at;
	size_t middle;

	if (len >= LARGE_LEN) {
		middle = round_down(len - head, SYSTEM_PAGE_LEN);
		if (madvise(bytes + head, middle, MADV_DONTNEED) == 0) {
			memset(bytes, 0, head);
			bytes += head + middle;
			len -= head + middle;
		}
	}
	memset(bytes, 0, len);
}

/* What calloc gives costs nothing until it is touched: a large image may be mostly holes. */
static struct block *make(unsigned shift, size_t len)
{
	size_t room = shift > MAX_SHIFT ? len : (size_t)1 << shift;
	struct block *b = calloc(1, sizeof(*b) + room);

	assert_non_null(b);
	b->room = room;
	b->len = len;
	guard(b, len);
	return b;
}

/* With any bytes. */
static struct block *reuse(unsigned shift, size_t len)
{
	struct block *b = take_spare(shift);

	if (!b)
		return NULL;
	unguard(b, 0);
	guard(b, len);
	b->len = len;
	return b;
}

void *block_new(size_t len)
{
	unsigned shift = shift_for(len);
	struct block *b = reuse(shift, len);

	if (b)
		make_zero(b->bytes, len);
	else
		b = make(shift, len);
	return b->bytes;
}

void *block_copy(const void *bytes, size_t len)
{
	unsigned shift = shift_for(len);
	struct block *b = reuse(shift, len);

	if (!b)
		b = make(shift, len);
	memcpy(b->bytes, bytes, len);
	return b->bytes;
}

static void set_len(struct block *b, size_t len)
{
	unguard(b, b->len);
	if (len > b->len)
		make_zero(b->bytes + b->len, len - b->len);
	guard(b, len);
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
	unguard(b, b->len);
	guard(b, 0);
	if (keep_spare(b))
		return;
	unguard(b, 0);
	free(b);
}

void cleanup_block(void *pointer_to_pointer)
{
	block_free(*(void **)pointer_to_pointer);
}
