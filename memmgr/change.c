// SPDX-License-Identifier: MIT
/*
 * Changes of owner that happen as a whole: renumber, exchange, replace. Each is one intent record.
 */
#include "memmgr/image.h"

static int check_change(struct mm *mm, unsigned a, unsigned b, struct err *err)
{
	if (a >= MM_MAX_MEMORIES || b >= MM_MAX_MEMORIES)
		return err_set(err, -EINVAL, "there is no memory %u; ids are 0 to %u", MAX(a, b),
			       MM_MAX_MEMORIES - 1);
	if (!mm->store->writable)
		return err_set(err, -EROFS, "the image is open for reading only");
	return 0;
}

static struct intent *new_intent(const struct layout *lay, struct err *err)
{
	struct intent *it = calloc(1, sizeof(*it));

	if (it)
		it->buckets = lay->buckets;
	else
		err_set(err, -ENOMEM, "no memory for a change of layout");
	return it;
}

/* All that `from` owns goes to `owner`. */
static void add_list(struct intent *it, const struct bucket_list *from, uint8_t owner)
{
	struct intent_set *set = intent_set_of(it, owner);

	for (uint32_t i = 0; i < from->count; i++)
		intent_add(set, from->index[i]);
}

/* Zeroes and cuts off what a committed change has freed: all free buckets among index[0..count). */
static int reclaim(struct mm *mm, const uint16_t *index, uint32_t count, struct err *err)
{
	for (uint32_t i = 0; i < count; i++) {
		int rc = mm->lay.owner[index[i]] == LAYOUT_FREE
				 ? image_zero_bucket(mm, index[i], err)
				 : 0;
		if (rc)
			return rc;
	}
	return image_trim(mm, err);
}

/* A copy of a memory's list, for use after the lists have changed; at least one entry long. */
static uint16_t *copy_list(const struct bucket_list *list, struct err *err)
{
	uint16_t *copy = malloc(MAX(list->count, 1u) * sizeof(*copy));

	if (!copy)
		err_set(err, -ENOMEM, "no memory for a list of %u buckets", list->count);
	else if (list->count > 0)
		memcpy(copy, list->index, list->count * sizeof(*copy));
	return copy;
}

int mm_renumber(struct mm *mm, unsigned from, unsigned to, struct err *err)
{
	auto_wrlock pthread_rwlock_t *held = wrlock(&mm->lock);
	auto_free struct intent *it = NULL;
	auto_free uint16_t *freed = NULL;
	uint32_t freed_count;
	int rc = check_change(mm, from, to, err);

	if (rc || from == to)
		return rc;
	mm->changes[from]++;
	mm->changes[to]++;
	it = new_intent(&mm->lay, err);
	freed = copy_list(&mm->buckets.of[to], err);
	if (!it || !freed)
		return -ENOMEM;
	freed_count = mm->buckets.of[to].count;
	add_list(it, &mm->buckets.of[to], LAYOUT_FREE);
	add_list(it, &mm->buckets.of[from], (uint8_t)to);
	intent_resize(it, to, mm->lay.pages[from]);
	intent_resize(it, from, 0);
	rc = image_commit(mm, it, err);
	return rc ? rc : reclaim(mm, freed, freed_count, err);
}

int mm_exchange(struct mm *mm, unsigned a, unsigned b, struct err *err)
{
	auto_wrlock pthread_rwlock_t *held = wrlock(&mm->lock);
	auto_free struct intent *it = NULL;
	int rc = check_change(mm, a, b, err);

	if (rc || a == b)
		return rc;
	mm->changes[a]++;
	mm->changes[b]++;
	it = new_intent(&mm->lay, err);
	if (!it)
		return -ENOMEM;
	add_list(it, &mm->buckets.of[a], (uint8_t)b);
	add_list(it, &mm->buckets.of[b], (uint8_t)a);
	intent_resize(it, a, mm->lay.pages[b]);
	intent_resize(it, b, mm->lay.pages[a]);
	return image_commit(mm, it, err);
}

/*
 * Replacing: the new content is written into buckets that nobody owns, while everyone else goes on
 * reading and writing; one record then gives them to the memory and frees its old ones.
 */
struct replacement {
	uint16_t *index;
	uint32_t count;
};

static int reserve(struct mm *mm, struct replacement *r, struct err *err)
{
	auto_wrlock pthread_rwlock_t *held = wrlock(&mm->lock);
	int rc = bucket_choose_any(&mm->buckets, &mm->lay, r->count, r->index, err);

	for (uint32_t i = 0; !rc && i < r->count; i++)
		rc = image_zero_bucket(mm, r->index[i], err);
	if (!rc && r->count > 0)
		rc = image_extend(mm, r->index[r->count - 1] + 1u, err);
	for (uint32_t i = 0; !rc && i < r->count; i++)
		mm->buckets.reserved[r->index[i]] = 1;
	return rc;
}

/* Gives reserved buckets that got no owner back, with the space they took. */
static void unreserve(struct mm *mm, const struct replacement *r)
{
	bool at_end = mm->store->len == layout_bucket_off(&mm->lay, r->index[r->count - 1] + 1u);

	for (uint32_t i = 0; i < r->count; i++) {
		mm->buckets.reserved[r->index[i]] = 0;
		(void)!image_zero_bucket(mm, r->index[i], NULL);
	}
	if (at_end && r->index[r->count - 1] >= mm->lay.buckets)
		(void)!store_resize(mm->store, layout_bucket_off(&mm->lay, mm->lay.buckets), NULL);
}

static int fill_reserved(struct mm *mm, const struct replacement *r, uint64_t len,
			 mm_source_fn *source, void *ctx, struct err *err)
{
	enum { STEP_LEN = 1 << 20 };
	auto_free uint8_t *buf = malloc(STEP_LEN);
	uint64_t bucket_len = layout_bucket_len(&mm->lay);
	uint64_t off = 0;

	if (!buf)
		return err_set(err, -ENOMEM, "no memory to copy with");
	while (off < len) {
		auto_mm_pin struct mm *pinned = NULL;
		uint64_t in_bucket = off % bucket_len;
		size_t step = MIN(MIN((uint64_t)STEP_LEN, len - off), bucket_len - in_bucket);
		size_t got = 0;
		int rc = source(ctx, buf, step, off, &got, err);

		if (rc)
			return rc;
		if (got < step)
			return err_set(err, -EIO,
				       "the new content ends at %llu bytes, %llu expected",
				       (unsigned long long)(off + got), (unsigned long long)len);
		mm_pin(mm);
		pinned = mm;
		if (!is_zero(buf, step))
			rc = store_write(mm->store, buf, step,
					 layout_bucket_off(&mm->lay, r->index[off / bucket_len]) +
						 in_bucket,
					 0, err);
		if (rc)
			return rc;
		off += step;
	}
	return 0;
}

static int install(struct mm *mm, unsigned mm_id, const struct replacement *r, uint64_t pages,
		   struct err *err)
{
	auto_free struct intent *it = new_intent(&mm->lay, err);
	auto_free uint16_t *freed = copy_list(&mm->buckets.of[mm_id], err);
	uint32_t freed_count = mm->buckets.of[mm_id].count;
	struct intent_set *set;
	int rc;

	if (!it || !freed)
		return -ENOMEM;
	add_list(it, &mm->buckets.of[mm_id], LAYOUT_FREE);
	set = intent_set_of(it, (uint8_t)mm_id);
	for (uint32_t i = 0; i < r->count; i++)
		intent_add(set, r->index[i]);
	if (r->count > 0)
		it->buckets = MAX(it->buckets, r->index[r->count - 1] + 1u);
	intent_resize(it, mm_id, pages);
	rc = image_commit(mm, it, err);
	for (uint32_t i = 0; i < r->count && mm->lay.owner[r->index[i]] == mm_id; i++)
		mm->buckets.reserved[r->index[i]] = 0;
	return rc ? rc : reclaim(mm, freed, freed_count, err);
}

int mm_replace(struct mm *mm, unsigned mm_id, uint64_t len, mm_source_fn *source, void *ctx,
	       struct err *err)
{
	uint64_t pages = div_up(len, MM_PAGE_LEN);
	uint64_t need = layout_need(&mm->lay, pages);
	auto_free uint16_t *index = NULL;
	struct replacement r;
	int rc = check_change(mm, mm_id, mm_id, err);

	if (rc)
		return rc;
	if (need > MM_MAX_BUCKETS)
		return err_set(err, -EFBIG, "%llu pages are more than %u buckets of %u can hold",
			       (unsigned long long)pages, MM_MAX_BUCKETS, mm->lay.bucket_pages);
	if (need == 0)
		return mm_resize(mm, mm_id, 0, err);
	index = malloc(need * sizeof(*index));
	if (!index)
		return err_set(err, -ENOMEM, "no memory for a list of %llu buckets",
			       (unsigned long long)need);
	r = (struct replacement){.index = index, .count = (uint32_t)need};
	rc = reserve(mm, &r, err);
	if (rc)
		return rc;
	rc = fill_reserved(mm, &r, len, source, ctx, err);
	{
		auto_wrlock pthread_rwlock_t *held = wrlock(&mm->lock);

		mm->changes[mm_id]++;
		if (!rc)
			rc = install(mm, mm_id, &r, pages, err);
		if (rc && mm->lay.owner[index[0]] != mm_id)
			unreserve(mm, &r);
	}
	return rc;
}
