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

/* Zeroes and cuts off what a committed change has freed. The change stands, whatever becomes of
 * that space: whoever grows into it makes it zero first. */
static void reclaim(struct mm *mm, const struct intent_set *freed)
{
	for (uint32_t b = intent_next(freed, 0); b < MM_MAX_BUCKETS; b = intent_next(freed, b + 1))
		if (mm->lay.owner[b] == LAYOUT_FREE)
			(void)!image_zero_bucket(mm, b, NULL);
	(void)!image_trim(mm, NULL);
}

int mm_renumber(struct mm *mm, unsigned from, unsigned to, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&mm->lock);
	auto_free struct intent *it = NULL;
	int rc = check_change(mm, from, to, err);

	if (rc || from == to)
		return rc;
	mm->changes[from]++;
	mm->changes[to]++;
	it = new_intent(&mm->lay, err);
	if (!it)
		return -ENOMEM;
	add_list(it, &mm->buckets.of[to], LAYOUT_FREE);
	add_list(it, &mm->buckets.of[from], (uint8_t)to);
	intent_resize(it, to, mm->lay.pages[from]);
	intent_resize(it, from, 0);
	rc = image_commit(mm, it, err);
	if (!rc)
		reclaim(mm, intent_set_of(it, LAYOUT_FREE));
	return rc;
}

int mm_exchange(struct mm *mm, unsigned a, unsigned b, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&mm->lock);
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
 * reading and writing; one record then gives them to the memories and frees their old ones.
 */
struct replacement {
	const struct mm_content *content;
	unsigned contents;
	uint32_t need[MM_MAX_CONTENTS]; /* buckets for each content */
	uint16_t *index;                /* ascending: those of the first content, of the next */
	uint32_t count;
};

_Static_assert((int)MM_MAX_CONTENTS <= (int)INTENT_MAX_SIZES &&
		       MM_MAX_CONTENTS + 1 <= (int)INTENT_MAX_SETS,
	       "one record holds all contents, and what is freed");

static int reserve(struct mm *mm, struct replacement *r, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&mm->lock);
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
	bool at_end;

	if (r->count == 0 || mm->lay.owner[r->index[0]] != LAYOUT_FREE)
		return;
	at_end = mm->store->len == layout_bucket_off(&mm->lay, r->index[r->count - 1] + 1u);
	for (uint32_t i = 0; i < r->count; i++) {
		mm->buckets.reserved[r->index[i]] = 0;
		(void)!image_zero_bucket(mm, r->index[i], NULL);
	}
	if (at_end && r->index[r->count - 1] >= mm->lay.buckets)
		(void)!store_resize(mm->store, layout_bucket_off(&mm->lay, mm->lay.buckets), NULL);
}

/* `index` has the buckets for this content. */
static int fill_reserved(struct mm *mm, const uint16_t *index, const struct mm_content *c,
			 struct err *err)
{
	enum { STEP_LEN = 1 << 20 };
	auto_free uint8_t *buf = malloc(STEP_LEN);
	uint64_t bucket_len = layout_bucket_len(&mm->lay);
	uint64_t off = 0;

	if (!buf)
		return err_set(err, -ENOMEM, "no memory to copy with");
	while (off < c->len) {
		auto_mm_pin struct mm *pinned = NULL;
		uint64_t in_bucket = off % bucket_len;
		size_t step = MIN(MIN((uint64_t)STEP_LEN, c->len - off), bucket_len - in_bucket);
		size_t got = 0;
		int rc = c->source(c->ctx, buf, step, off, &got, err);

		if (rc)
			return rc;
		if (got < step)
			return err_set(err, -EIO,
				       "the new content ends at %llu bytes, %llu expected",
				       (unsigned long long)(off + got), (unsigned long long)c->len);
		mm_pin(mm);
		pinned = mm;
		if (!is_zero(buf, step))
			rc = store_write(mm->store, buf, step,
					 layout_bucket_off(&mm->lay, index[off / bucket_len]) +
						 in_bucket,
					 0, err);
		if (rc)
			return rc;
		off += step;
	}
	return 0;
}

static int fill_all(struct mm *mm, const struct replacement *r, struct err *err)
{
	const uint16_t *index = r->index;
	int rc = 0;

	for (unsigned k = 0; !rc && k < r->contents; index += r->need[k++])
		rc = fill_reserved(mm, index, &r->content[k], err);
	return rc;
}

static int install(struct mm *mm, const struct replacement *r, struct err *err)
{
	auto_free struct intent *it = new_intent(&mm->lay, err);
	const uint16_t *index = r->index;
	int rc;

	if (!it)
		return -ENOMEM;
	for (unsigned k = 0; k < r->contents; k++) {
		mm->changes[r->content[k].mm_id]++;
		add_list(it, &mm->buckets.of[r->content[k].mm_id], LAYOUT_FREE);
	}
	for (unsigned k = 0; k < r->contents; index += r->need[k++]) {
		struct intent_set *set = intent_set_of(it, (uint8_t)r->content[k].mm_id);

		for (uint32_t i = 0; i < r->need[k]; i++)
			intent_add(set, index[i]);
		intent_resize(it, r->content[k].mm_id, div_up(r->content[k].len, MM_PAGE_LEN));
	}
	if (r->count > 0)
		it->buckets = MAX(it->buckets, r->index[r->count - 1] + 1u);
	rc = image_commit(mm, it, err);
	for (uint32_t i = 0; i < r->count && mm->lay.owner[r->index[i]] != LAYOUT_FREE; i++)
		mm->buckets.reserved[r->index[i]] = 0;
	if (!rc)
		reclaim(mm, intent_set_of(it, LAYOUT_FREE));
	return rc;
}

/* How many buckets it takes, and a list for them, to be freed. */
static int size_up(struct mm *mm, struct replacement *r, struct err *err)
{
	for (unsigned k = 0; k < r->contents; k++) {
		const struct mm_content *c = &r->content[k];
		uint64_t pages = div_up(c->len, MM_PAGE_LEN), need = layout_need(&mm->lay, pages);
		int rc = check_change(mm, c->mm_id, c->mm_id, err);

		if (rc)
			return rc;
		if (need > MM_MAX_BUCKETS - r->count)
			return err_set(
				err, -EFBIG, "%llu pages are more than %u buckets of %u can hold",
				(unsigned long long)pages, MM_MAX_BUCKETS, mm->lay.bucket_pages);
		r->need[k] = (uint32_t)need;
		r->count += r->need[k];
	}
	r->index = malloc(MAX(r->count, 1u) * sizeof(*r->index));
	return r->index ? 0 : err_set(err, -ENOMEM, "no memory for a list of %u buckets", r->count);
}

int mm_replace_all(struct mm *mm, const struct mm_content *content, unsigned count, struct err *err)
{
	struct replacement r = {.content = content, .contents = count};
	auto_free uint16_t *index = NULL;
	int rc = size_up(mm, &r, err);

	index = r.index;
	if (!rc)
		rc = reserve(mm, &r, err);
	if (rc)
		return rc;
	rc = fill_all(mm, &r, err);
	{
		auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&mm->lock);

		if (!rc)
			rc = install(mm, &r, err);
		if (rc)
			unreserve(mm, &r);
	}
	return rc;
}

int mm_replace(struct mm *mm, unsigned mm_id, uint64_t len, mm_source_fn *source, void *ctx,
	       struct err *err)
{
	const struct mm_content content = {mm_id, len, source, ctx};

	return len == 0 ? mm_resize(mm, mm_id, 0, err) : mm_replace_all(mm, &content, 1, err);
}
