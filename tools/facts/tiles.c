// SPDX-License-Identifier: MIT
/* See tiles.h. Holds no state. */
#include "tools/facts/tiles.h"

int tiles_load(struct mm *mm, struct tiles *out, struct err *err)
{
	*out = (struct tiles){.bucket = NULL};
	mm_stat(mm, &out->st);
	out->bucket = calloc(out->st.buckets + 1, sizeof(*out->bucket));
	if (!out->bucket)
		return err_set(err, -ENOMEM, "out of memory");
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		mm_memory(mm, id, &out->memory[id]);
		out->owners += out->memory[id].buckets > 0;
	}
	for (uint32_t i = 0; i < out->st.buckets; i++) {
		int id = mm_bucket_owner(mm, i);
		uint8_t owner = id < 0 ? TILES_NOBODY : (uint8_t)id;
		uint64_t before = (uint64_t)out->buckets[owner]++ * out->st.bucket_pages;
		uint64_t pages = out->memory[owner].pages;

		out->bucket[i].owner = owner;
		if (pages > before)
			out->bucket[i].used_pages =
				(uint32_t)MIN(pages - before, out->st.bucket_pages);
	}
	return 0;
}

void tiles_free(struct tiles *t)
{
	free(t->bucket);
	t->bucket = NULL;
}

struct tile tiles_at(const struct tiles *t, uint32_t first, uint32_t count)
{
	uint32_t end = MIN(first + count, t->st.buckets);
	uint32_t buckets[TILES_OWNERS] = {0};
	uint64_t used[TILES_OWNERS] = {0};
	struct tile tile = {.owner = t->bucket[first].owner};

	for (uint32_t i = first; i < end; i++) {
		buckets[t->bucket[i].owner]++;
		used[t->bucket[i].owner] += t->bucket[i].used_pages;
	}
	for (unsigned i = 0; i < TILES_OWNERS; i++)
		if (buckets[i] > buckets[tile.owner])
			tile.owner = (uint8_t)i;
	tile.used = (double)used[tile.owner] / ((double)buckets[tile.owner] * t->st.bucket_pages);
	return tile;
}

/* ---- colours ---- */

/* The memory with most buckets that has no colour yet, or -1. */
static int largest_left(const struct tiles *t, const bool *done)
{
	int best = -1;

	for (int id = 0; id < MM_MAX_MEMORIES; id++)
		if (!done[id] && t->buckets[id] > 0 &&
		    (best < 0 || t->buckets[id] > t->buckets[best]))
			best = id;
	return best;
}

/* How often each colour is beside the buckets of a memory. */
static void count_beside(const struct tiles *t, int id, const bool *done, const uint8_t *colour,
			 uint32_t *beside)
{
	for (uint32_t i = 1; i < t->st.buckets; i++) {
		uint8_t a = t->bucket[i - 1].owner, b = t->bucket[i].owner;

		if (a == id && done[b])
			beside[colour[b]]++;
		if (b == id && done[a])
			beside[colour[a]]++;
	}
}

void tiles_colour(const struct tiles *t, unsigned colours, uint8_t colour[TILES_OWNERS])
{
	bool done[TILES_OWNERS] = {false};
	unsigned rank = 0;

	memset(colour, 0, TILES_OWNERS);
	for (int id = largest_left(t, done); id >= 0; id = largest_left(t, done)) {
		uint32_t beside[TILES_OWNERS] = {0};
		unsigned best = rank % colours;

		if (rank >= colours)
			count_beside(t, id, done, colour, beside);
		for (unsigned i = 0; i < colours; i++)
			if (beside[i] < beside[best])
				best = i;
		colour[id] = (uint8_t)best;
		done[id] = true;
		rank++;
	}
}
