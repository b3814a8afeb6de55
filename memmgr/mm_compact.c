// SPDX-License-Identifier: MIT
/*
 * Takes out of an image what no memory needs. Each step leaves an image that opens with the same
 * memories: a surplus bucket becomes a hole, holes are filled (fill.c), what lies behind is cut.
 */
#include "memmgr/image.h"
#include "memmgr/plan.h"

static int plan(struct mm *mm, struct mm_compaction *out, struct move *moves, uint8_t *owner,
		struct err *err)
{
	uint64_t end_off = layout_bucket_off(&mm->lay, mm->lay.buckets);
	uint32_t owned = 0;
	int rc;

	*out = (struct mm_compaction){0};
	memcpy(owner, mm->lay.owner, MM_MAX_BUCKETS);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		const struct bucket_list *list = &mm->buckets.of[id];
		uint32_t surplus = bucket_surplus(&mm->buckets, &mm->lay, id);

		for (uint32_t i = list->count - surplus; i < list->count; i++)
			owner[list->index[i]] = LAYOUT_FREE;
		out->surplus += surplus;
		owned += list->count - surplus;
	}
	out->holes = mm->lay.buckets - owned - out->surplus;
	out->tail_len = mm->store->len > end_off ? mm->store->len - end_off : 0;
	out->image_len = layout_bucket_off(&mm->lay, owned);
	rc = plan_moves(owner, mm->lay.buckets, moves, &out->moves, err);
	return rc;
}

int mm_compaction(struct mm *mm, struct mm_compaction *out, struct err *err)
{
	auto_free struct move *moves = malloc(MM_MAX_BUCKETS * sizeof(*moves));
	auto_free uint8_t *owner = malloc(MM_MAX_BUCKETS);
	auto_mm_pin struct mm *held = NULL;

	if (!moves || !owner)
		return err_set(err, -ENOMEM, "no memory to plan moves in");
	mm_pin(mm);
	held = mm;
	return plan(mm, out, moves, owner, err);
}

static int drop_surplus(struct mm *mm, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&mm->lock);

	if (!mm->store->writable)
		return err_set(err, -EROFS, "the image is open for reading only");
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct bucket_list *list = &mm->buckets.of[id];
		uint32_t surplus = bucket_surplus(&mm->buckets, &mm->lay, id);
		int rc = image_set_owner(mm, list->index + (list->count - surplus), surplus,
					 LAYOUT_FREE, STORE_DURABLE, err);

		if (rc)
			return rc;
		list->count -= surplus;
	}
	return image_trim(mm, err);
}

static int cut_tail(struct mm *mm, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&mm->lock);

	/* What another thread is filling lies behind the last bucket that has an owner. */
	if (bucket_any_reserved(&mm->buckets, 0))
		return err_set(err, -EBUSY, "a memory's content is being replaced");
	return store_resize(mm->store, layout_bucket_off(&mm->lay, mm->lay.buckets), err);
}

int mm_compact(struct mm *mm, struct err *err)
{
	int rc = drop_surplus(mm, err);

	if (!rc)
		rc = mm_fill_holes(mm, err);
	if (!rc)
		rc = cut_tail(mm, err);
	return rc ? rc : mm_sync(mm, err);
}

/* Zeroes the data in [off, end), as far as the image goes, and counts what was not zero. */
static int blank(struct mm *mm, uint64_t off, uint64_t end, uint64_t *stale_len, struct err *err)
{
	enum { STEP_LEN = MM_PAGE_LEN };
	auto_free uint8_t *buf = malloc(STEP_LEN);

	if (!buf)
		return err_set(err, -ENOMEM, "no memory to read with");
	end = MIN(end, mm->store->len);
	while (off < end) {
		uint64_t start, stop;
		size_t len;
		int rc = store_next_data(mm->store, off, &start, &stop, err);

		if (rc || start >= end)
			return rc;
		len = (size_t)MIN(MIN(stop, end) - start, (uint64_t)STEP_LEN);
		rc = store_read(mm->store, buf, len, start, err);
		if (!rc && !is_zero(buf, len)) {
			for (size_t i = 0; i < len; i++)
				*stale_len += buf[i] != 0;
			rc = store_zero(mm->store, start, len, err);
		}
		if (rc)
			return rc;
		off = start + len;
	}
	return 0;
}

/* Of a memory's buckets, what lies behind its last page. */
static int blank_slack(struct mm *mm, unsigned mm_id, uint64_t *stale_len, struct err *err)
{
	const struct bucket_list *list = &mm->buckets.of[mm_id];
	uint64_t pages = mm->lay.pages[mm_id];
	int rc = 0;

	for (uint64_t i = pages / mm->lay.bucket_pages; !rc && i < list->count; i++) {
		uint64_t first = i * mm->lay.bucket_pages;
		uint64_t off = layout_bucket_off(&mm->lay, list->index[i]);
		uint64_t kept = pages > first ? (pages - first) * MM_PAGE_LEN : 0;

		rc = blank(mm, off + kept, off + layout_bucket_len(&mm->lay), stale_len, err);
	}
	return rc;
}

int mm_zero_unowned(struct mm *mm, uint64_t *stale_len, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&mm->lock);
	int rc;

	*stale_len = 0;
	if (!mm->store->writable)
		return err_set(err, -EROFS, "the image is open for reading only");
	if (bucket_any_reserved(&mm->buckets, 0))
		return err_set(err, -EBUSY, "a memory's content is being replaced");
	rc = blank(mm, LAYOUT_RESERVED_OFF, LAYOUT_PAGES_OFF, stale_len, err);
	if (!rc)
		rc = blank(mm, LAYOUT_LEN, MM_PAGE_LEN, stale_len, err);
	for (uint32_t i = 0; !rc && i < mm->lay.buckets; i++)
		if (mm->lay.owner[i] == LAYOUT_FREE)
			rc = blank(mm, layout_bucket_off(&mm->lay, i),
				   layout_bucket_off(&mm->lay, i + 1), stale_len, err);
	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++)
		rc = blank_slack(mm, id, stale_len, err);
	if (!rc)
		rc = blank(mm, layout_bucket_off(&mm->lay, mm->lay.buckets), mm->store->len,
			   stale_len, err);
	return rc;
}
