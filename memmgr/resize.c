// SPDX-License-Identifier: MIT
/*
 * Growing and shrinking a memory, each in an order that is safe to be killed in.
 *
 *	grow:	lengthen the image, zero what will become readable,
 *		raise the bucket count, write the owner bytes, sync, write the size
 *	shrink:	write the size, free the owner bytes (both durable), zero and cut off the freed
 *		space
 *
 * Killed or without power anywhere, the memory has its old or its new size, and what may be left is
 * a bucket that somebody owns but needs not, or one below the count that nobody owns. Growing syncs
 * because its parts lie in different blocks of the disk: a size alone would name pages that are not
 * there, or show what an earlier owner left in them. A freed bucket is given out again only after
 * the table that freed it is on disk: its old owner never shows the new owner's bytes.
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

/* Owners must not reach the disk before a count that covers them. Those of the first buckets lie in
 * the count's own block and reach it together with the count. */
static unsigned count_flags(uint32_t last_index)
{
	enum { BLOCK_LEN = 4096 };

	return LAYOUT_OWNER_OFF + last_index < BLOCK_LEN ? 0 : STORE_DURABLE;
}

static int add_buckets(struct mm *mm, unsigned mm_id, uint32_t count, struct err *err)
{
	auto_free uint16_t *index = malloc(MAX(count, 1u) * sizeof(*index));
	uint32_t end = mm->lay.buckets;
	int rc;

	if (!index)
		return err_set(err, -ENOMEM, "no memory for a list of %u buckets", count);
	rc = bucket_choose(&mm->buckets, &mm->lay, mm_id, count, index, err);
	if (rc)
		return rc;
	if (count > 0)
		end = MAX(end, index[count - 1] + 1u);
	rc = prepare_buckets(mm, mm_id, index, count, end, err);
	if (!rc)
		rc = image_set_buckets(mm, end, count_flags(end - 1), err);
	if (rc)
		return rc;
	rc = image_set_owner(mm, index, count, (uint8_t)mm_id, 0, err);
	for (uint32_t i = 0; !rc && i < count; i++)
		bucket_append(&mm->buckets, mm_id, index[i]);
	return rc;
}

static int release_buckets(struct mm *mm, unsigned mm_id, uint32_t keep, struct err *err)
{
	struct bucket_list *list = &mm->buckets.of[mm_id];
	uint32_t freed = list->count - keep;
	const uint16_t *index = list->index + keep;
	int rc = image_set_owner(mm, index, freed, LAYOUT_FREE, STORE_DURABLE, err);

	if (rc)
		return rc;
	list->count = keep;
	for (uint32_t i = 0; i < freed; i++) {
		rc = image_zero_bucket(mm, index[i], err);
		if (rc)
			return rc;
	}
	return image_trim(mm, err);
}

static int grow(struct mm *mm, unsigned mm_id, uint64_t pages, struct err *err)
{
	uint64_t cap_pages = (uint64_t)mm->lay.bucket_pages * MM_MAX_BUCKETS;
	uint32_t owned = mm->buckets.of[mm_id].count;
	bool must_sync = false;
	uint64_t need;
	int rc;

	if (pages > cap_pages)
		return err_set(err, -EFBIG, "%llu pages are more than %u buckets of %u can hold",
			       (unsigned long long)pages, MM_MAX_BUCKETS, mm->lay.bucket_pages);
	need = layout_need(&mm->lay, pages);
	rc = zero_pages(mm, mm_id, mm->lay.pages[mm_id], pages, &must_sync, err);
	if (!rc)
		rc = add_buckets(mm, mm_id, need > owned ? (uint32_t)(need - owned) : 0, err);
	if (!rc && (must_sync || need > owned))
		rc = store_sync(mm->store, err);
	if (!rc)
		rc = image_set_pages(mm, mm_id, pages, 0, err);
	/* Where this fails too, the memory owns more than it needs: what a crash leaves. */
	if (rc && mm->buckets.of[mm_id].count > owned)
		(void)!release_buckets(mm, mm_id, owned, NULL);
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
	if (keep < owned) {
		rc = release_buckets(mm, mm_id, keep, err);
		if (rc)
			return rc;
	}
	return zero_pages(mm, mm_id, pages, old_pages, &stale, err);
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
	auto_wrlock pthread_rwlock_t *held = wrlock(&mm->lock);
	int rc = check_id(mm, mm_id, err);

	if (rc || pages == mm->lay.pages[mm_id])
		return rc;
	return pages > mm->lay.pages[mm_id] ? grow(mm, mm_id, pages, err)
					    : shrink(mm, mm_id, pages, err);
}

int mm_grow(struct mm *mm, unsigned mm_id, uint64_t pages, struct err *err)
{
	auto_wrlock pthread_rwlock_t *held = wrlock(&mm->lock);
	int rc = check_id(mm, mm_id, err);

	if (rc || pages <= mm->lay.pages[mm_id])
		return rc;
	return grow(mm, mm_id, pages, err);
}
