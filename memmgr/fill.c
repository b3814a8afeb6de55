// SPDX-License-Identifier: MIT
/*
 * Fills holes: moves buckets to lower indices so that none below the bucket count is free and
 * every memory keeps its order. The result is an image that the library itself could have written.
 * Release 0.7.1 of the library corrupts images with holes (formats of upstream, 0.7.1 grow).
 */
#include "memmgr/image.h"
#include "memmgr/plan.h"

/*
 * How many of the moves can be carried out as one change: until one would write to a bucket that an
 * earlier move vacates, whose bytes must stay until the record is durable, or until the record has
 * no room for one more owner.
 */
static uint32_t next_batch(const struct layout *lay, const struct move *moves, uint32_t left,
			   struct intent *it)
{
	uint8_t vacated[BUCKET_BITS_LEN] = {0};
	struct intent_set *freed;
	uint32_t count = 0;

	memset(it, 0, sizeof(*it));
	it->buckets = lay->buckets;
	freed = intent_set_of(it, LAYOUT_FREE);
	for (; count < left; count++) {
		const struct move *m = &moves[count];
		struct intent_set *set;

		if (vacated[m->to / 8] & 1 << m->to % 8)
			break;
		set = intent_set_of(it, lay->owner[m->from]);
		if (!set)
			break;
		intent_add(set, m->to);
		intent_add(freed, m->from);
		vacated[m->from / 8] |= (uint8_t)(1 << m->from % 8);
	}
	return count;
}

/* Copies a bucket's data; what is zero stays a hole in the host's file. The target is free. */
static int copy_bucket(struct mm *mm, const struct move *m, uint8_t *buf, size_t buf_len,
		       struct err *err)
{
	uint64_t from_off = layout_bucket_off(&mm->lay, m->from);
	uint64_t to_off = layout_bucket_off(&mm->lay, m->to);
	uint64_t end = MIN(from_off + layout_bucket_len(&mm->lay), mm->store->len);
	int rc = image_zero_bucket(mm, m->to, err);

	for (uint64_t off = from_off; !rc && off < end;) {
		uint64_t start, stop;
		size_t len;

		rc = store_next_data(mm->store, off, &start, &stop, err);
		if (rc || start >= end)
			return rc;
		len = MIN(MIN(stop, end) - start, (uint64_t)buf_len);
		rc = store_read(mm->store, buf, len, start, err);
		if (!rc)
			rc = store_write(mm->store, buf, len, to_off + (start - from_off), 0, err);
		off = start + len;
	}
	return rc;
}

static int carry_out(struct mm *mm, struct intent *it, const struct move *moves, uint32_t count,
		     struct err *err)
{
	enum { STEP_LEN = 1 << 20 };
	size_t buf_len = (size_t)MIN(layout_bucket_len(&mm->lay), (uint64_t)STEP_LEN);
	auto_free uint8_t *buf = malloc(buf_len);
	int rc = 0;

	if (!buf)
		return err_set(err, -ENOMEM, "no memory to move buckets with");
	for (uint32_t i = 0; !rc && i < count; i++)
		rc = copy_bucket(mm, &moves[i], buf, buf_len, err);
	if (!rc)
		rc = image_commit(mm, it, err);
	for (uint32_t i = 0; !rc && i < count; i++)
		rc = image_zero_bucket(mm, moves[i].from, err);
	return rc;
}

int image_fill_holes(struct mm *mm, struct err *err)
{
	auto_free struct intent *it = malloc(sizeof(*it));
	auto_free struct move *moves = malloc(MM_MAX_BUCKETS * sizeof(*moves));
	uint32_t count;
	int rc;

	if (bucket_any_reserved(&mm->buckets, 0))
		return err_set(err, -EBUSY, "a memory's content is being replaced");
	if (!it || !moves)
		return err_set(err, -ENOMEM, "no memory to plan moves in");
	rc = image_recall_ahead(mm, err);
	if (rc)
		return rc;
	rc = plan_moves(mm->lay.owner, bucket_end(&mm->lay), moves, &count, err);
	for (uint32_t done = 0; !rc && done < count;) {
		uint32_t batch = next_batch(&mm->lay, moves + done, count - done, it);

		rc = carry_out(mm, it, moves + done, batch, err);
		done += batch;
	}
	return rc ? rc : image_trim(mm, err);
}

int mm_fill_holes(struct mm *mm, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&mm->lock);

	if (!mm->store->writable)
		return err_set(err, -EROFS, "the image is open for reading only");
	return image_fill_holes(mm, err);
}
