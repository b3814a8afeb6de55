// SPDX-License-Identifier: MIT
/*
 * Growing and shrinking a memory, each in an order that is safe to be killed in.
 *
 *	grow:	lengthen the image, zero what will become readable,
 *		raise the bucket count and write the owner bytes (durable), write the size
 *	shrink:	write the size, free the owner bytes (both durable), zero and cut off the freed
 *		space
 *
 * Killed or without power anywhere, the memory has its old or its new size, and what may be left is
 * a bucket that somebody owns but needs not, or one below the count that nobody owns. The owners
 * are durable before the size is written, because they may lie in another block of the disk: a size
 * alone would name pages that are not there, or show what an earlier owner left in them. (Where
 * pages were zeroed and no bucket is needed, the old size is written once more, to the same end.)
 *
 * Where no bucket is left behind a memory's last one, but holes in front of it are, all buckets
 * close up first: each such move is a change of its own (image_commit).
 *
 * A freed bucket is given out again only after the table that freed it is on disk: its old owner
 * never shows the new owner's bytes.
 */
#include "memmgr/image.h"

/* Zeroes the memory's pages [from, to), as far as it owns buckets for them and the image holds
 * them. They may have stale bytes, of an earlier owner or of a careless program: *stale, then. */
static int zero_pages(struct mm *mm, unsigned mm_id, uint64_t from_pages, uint64_t to_pages,
		      bool *stale, struct err *err)
{
	const struct bucket_list *list = &mm->buckets.of[mm_id];
	uint32_t bucket_pages = mm->lay.bucket_pages;
	uint64_t end_pages = MIN(to_pages, (uint64_t)list->count * bucket_pages);

	for (uint64_t page = from_pages; page < end_pages;) {
		uint64_t run = MIN(bucket_pages - page % bucket_pages, end_pages - page);
		uint64_t off = layout_bucket_off(&mm->lay, list->index[page / bucket_pages]) +
			       page % bucket_pages * MM_PAGE_LEN;
		uint64_t end = MIN(off + run * MM_PAGE_LEN, mm->store->len);
		uint64_t data, data_end;
		int rc = store_next_data(mm->store, off, &data, &data_end, err);

		if (!rc && data < end) {
			*stale = true;
			rc = store_zero(mm->store, data, end - data, err);
		}
		if (rc)
			return rc;
		page += run;
	}
	return 0;
}

/* Makes bucket_append and the writes that follow need nothing more but the disk. */
static int prepare_buckets(struct mm *mm, unsigned mm_id, const uint16_t *index, uint32_t count,
			   uint32_t end, struct err *err)
{
	int rc = bucket_list_reserve(&mm->buckets.of[mm_id], count, err);

	for (uint32_t i = 0; !rc && i < count; i++)
		rc = image_zero_bucket(mm, index[i], err);
	return rc ? rc : image_extend(mm, end, err);
}

/* -ENOSPC only from choosing, before anything has changed. */
static int add_buckets(struct mm *mm, unsigned mm_id, uint32_t count, struct err *err)
{
	auto_free uint16_t *index = malloc(count * sizeof(*index));
	uint32_t end;
	int rc;

	if (!index)
		return err_set(err, -ENOMEM, "no memory for a list of %u buckets", count);
	rc = bucket_choose(&mm->buckets, &mm->lay, mm_id, count, index, err);
	if (rc)
		return rc;
	end = MAX(mm->lay.buckets, index[count - 1] + 1u);
	rc = prepare_buckets(mm, mm_id, index, count, end, err);
	if (!rc)
		rc = image_hand_out(mm, end, index, count, (uint8_t)mm_id, err);
	for (uint32_t i = 0; !rc && i < count; i++)
		bucket_append(&mm->buckets, mm_id, index[i]);
	return rc;
}

/*
 * Handing out is durable, and a disk takes its time for that. A large memory that is being written
 * to its end therefore gets some buckets more than it needs yet: an eighth, up to AHEAD_LEN.
 */
static uint32_t buckets_ahead(const struct mm *mm, uint64_t need)
{
	enum { AHEAD_LEN = 16 << 20 };
	uint64_t bucket_len = layout_bucket_len(&mm->lay);

	return need * bucket_len < AHEAD_LEN ? 0 : (uint32_t)MIN(need / 8, AHEAD_LEN / bucket_len);
}

/* Buckets behind the memory's last one are used up; the free ones lie in front of it. They come
 * behind it when all others close up. */
static int add_from_holes(struct mm *mm, unsigned mm_id, uint32_t count, struct err *err)
{
	int rc = image_fill_holes(mm, err);

	return rc ? rc : add_buckets(mm, mm_id, count, err);
}

/* What others were given ahead comes back before a memory goes without. */
static int add_needed(struct mm *mm, unsigned mm_id, uint64_t need, bool ahead, struct err *err)
{
	uint32_t count = (uint32_t)(need - mm->buckets.of[mm_id].count);
	uint32_t more = ahead ? buckets_ahead(mm, need) : 0;
	int rc = add_buckets(mm, mm_id, count + more, err);

	if (!rc)
		mm->ahead[mm_id] = mm->ahead[mm_id] || more > 0;
	if (rc != -ENOSPC)
		return rc;
	rc = image_recall_ahead(mm, err);
	if (rc)
		return rc;
	count = (uint32_t)(need - mm->buckets.of[mm_id].count);
	rc = add_buckets(mm, mm_id, count, err);
	if (rc == -ENOSPC && bucket_free(&mm->buckets, &mm->lay) >= count &&
	    !bucket_any_reserved(&mm->buckets, 0))
		rc = add_from_holes(mm, mm_id, count, err);
	return rc;
}

static int grow(struct mm *mm, unsigned mm_id, uint64_t pages, bool ahead, struct err *err)
{
	uint64_t cap_pages = (uint64_t)mm->lay.bucket_pages * MM_MAX_BUCKETS;
	uint32_t owned = mm->buckets.of[mm_id].count;
	bool stale = false;
	uint64_t need;
	int rc;

	if (pages > cap_pages)
		return err_set(err, -EFBIG, "%llu pages are more than %u buckets of %u can hold",
			       (unsigned long long)pages, MM_MAX_BUCKETS, mm->lay.bucket_pages);
	need = layout_need(&mm->lay, pages);
	rc = zero_pages(mm, mm_id, mm->lay.pages[mm_id], pages, &stale, err);
	if (!rc && need > owned)
		rc = add_needed(mm, mm_id, need, ahead, err);
	else if (!rc && stale)
		rc = image_set_pages(mm, mm_id, mm->lay.pages[mm_id], STORE_DURABLE, err);
	if (!rc)
		rc = image_set_pages(mm, mm_id, pages, 0, err);
	/* Where this fails too, the memory owns more than it needs: what a crash leaves. */
	if (rc && mm->buckets.of[mm_id].count > owned)
		(void)!image_release(mm, mm_id, owned, NULL);
	return rc;
}

static int shrink(struct mm *mm, unsigned mm_id, uint64_t pages, struct err *err)
{
	uint64_t old_pages = mm->lay.pages[mm_id];
	uint32_t keep = (uint32_t)layout_need(&mm->lay, pages);
	uint32_t owned = mm->buckets.of[mm_id].count;
	bool stale;
	int rc = image_set_pages(mm, mm_id, pages, STORE_DURABLE, err);

	if (rc)
		return rc;
	/* The memory has its new size now. Where the rest fails, the memory owns more than it
	 * needs. */
	if (keep < owned)
		(void)!image_release(mm, mm_id, keep, NULL);
	(void)!zero_pages(mm, mm_id, pages, old_pages, &stale, NULL);
	return 0;
}

static int check_id(struct mm *mm, unsigned mm_id, struct err *err)
{
	if (mm_id >= MM_MAX_MEMORIES)
		return err_set(err, -EINVAL, "there is no memory %u; ids are 0 to %u", mm_id,
			       MM_MAX_MEMORIES - 1);
	if (!mm->store->writable)
		return err_set(err, -EROFS, "the image is open for reading only");
	return 0;
}

int mm_resize(struct mm *mm, unsigned mm_id, uint64_t pages, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&mm->lock);
	int rc = check_id(mm, mm_id, err);

	if (rc || pages == mm->lay.pages[mm_id])
		return rc;
	mm->changes[mm_id]++;
	return pages > mm->lay.pages[mm_id] ? grow(mm, mm_id, pages, false, err)
					    : shrink(mm, mm_id, pages, err);
}

static int grow_to(struct mm *mm, unsigned mm_id, uint64_t pages, bool ahead, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&mm->lock);
	int rc = check_id(mm, mm_id, err);

	if (rc || pages <= mm->lay.pages[mm_id])
		return rc;
	mm->changes[mm_id]++;
	return grow(mm, mm_id, pages, ahead, err);
}

int mm_grow(struct mm *mm, unsigned mm_id, uint64_t pages, struct err *err)
{
	return grow_to(mm, mm_id, pages, false, err);
}

int mm_grow_ahead(struct mm *mm, unsigned mm_id, uint64_t pages, struct err *err)
{
	return grow_to(mm, mm_id, pages, true, err);
}
