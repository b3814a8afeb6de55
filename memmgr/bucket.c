// SPDX-License-Identifier: MIT
/*
 * The bucket allocator's decisions. See bucket.h.
 */
#include "memmgr/bucket.h"

int bucket_list_reserve(struct bucket_list *list, uint32_t more, struct err *err)
{
	uint32_t room = MAX(list->room, 16u);
	uint16_t *index;

	if (list->count + more <= list->room)
		return 0;
	while (room < list->count + more)
		room *= 2;
	index = realloc(list->index, room * sizeof(*index));
	if (!index)
		return err_set(err, -ENOMEM, "no memory for a list of %u buckets", room);
	list->index = index;
	list->room = room;
	return 0;
}

void bucket_append(struct buckets *b, unsigned mm_id, uint16_t index)
{
	b->of[mm_id].index[b->of[mm_id].count++] = index;
}

int buckets_load(struct buckets *b, const uint8_t *owner, struct err *err)
{
	uint32_t owned[256] = {0};

	for (uint32_t i = layout_next_owned(owner, 0); i < MM_MAX_BUCKETS;
	     i = layout_next_owned(owner, i + 1))
		owned[owner[i]]++;
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		uint32_t more = owned[id] > b->of[id].count ? owned[id] - b->of[id].count : 0;
		int rc = bucket_list_reserve(&b->of[id], more, err);

		if (rc)
			return rc;
	}
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		b->of[id].count = 0;
	for (uint32_t i = layout_next_owned(owner, 0); i < MM_MAX_BUCKETS;
	     i = layout_next_owned(owner, i + 1))
		bucket_append(b, owner[i], (uint16_t)i);
	return 0;
}

void buckets_clear(struct buckets *b)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		if (b->of[id].index)
			free(b->of[id].index);
	memset(b, 0, sizeof(*b));
}

static int choose_from(const struct buckets *b, const struct layout *lay, uint32_t first,
		       uint32_t count, uint16_t *out, struct err *err)
{
	uint32_t found = 0;

	for (uint32_t i = first; i < MM_MAX_BUCKETS && found < count; i++)
		if (lay->owner[i] == LAYOUT_FREE && !b->reserved[i])
			out[found++] = (uint16_t)i;
	if (found < count)
		return err_set(err, -ENOSPC,
			       "%u more buckets of %u pages are needed, %u can be had (%u in all)",
			       count, lay->bucket_pages, found, MM_MAX_BUCKETS);
	return 0;
}

int bucket_choose(const struct buckets *b, const struct layout *lay, unsigned mm_id, uint32_t count,
		  uint16_t *out, struct err *err)
{
	const struct bucket_list *list = &b->of[mm_id];
	uint32_t first = list->count > 0 ? list->index[list->count - 1] + 1u : 0;

	return choose_from(b, lay, first, count, out, err);
}

int bucket_choose_any(const struct buckets *b, const struct layout *lay, uint32_t count,
		      uint16_t *out, struct err *err)
{
	return choose_from(b, lay, 0, count, out, err);
}

uint32_t bucket_surplus(const struct buckets *b, const struct layout *lay, unsigned mm_id)
{
	uint64_t need = layout_need(lay, lay->pages[mm_id]);
	uint32_t owned = b->of[mm_id].count;

	return owned > need ? (uint32_t)(owned - need) : 0;
}

uint32_t bucket_free(const struct buckets *b, const struct layout *lay)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < MM_MAX_BUCKETS; i++)
		count += lay->owner[i] == LAYOUT_FREE && !b->reserved[i];
	return count;
}

uint32_t bucket_end(const struct layout *lay)
{
	return layout_owned_end(lay->owner, lay->buckets);
}

bool bucket_any_reserved(const struct buckets *b, uint32_t from)
{
	return from < MM_MAX_BUCKETS && !is_zero(b->reserved + from, MM_MAX_BUCKETS - from);
}
