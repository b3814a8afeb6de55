// SPDX-License-Identifier: MIT
/*
 * Fills holes: moves buckets to lower indices so that none below the bucket count is free and
 * every memory keeps its order. The result is an image that the library itself could have written.
 *
 * Order holds when a hole takes the first bucket behind it of any one memory. Of these the
 * farthest is taken: its old place is the next hole, so that the fewest buckets move, each at most
 * once. Release 0.7.1 of the library corrupts images with holes (formats of upstream, 0.7.1 grow).
 */
#include "memmgr/image.h"

struct move {
	uint16_t from;
	uint16_t to;
};

/* The first bucket behind `hole` of each memory; of these the farthest, or -1 if there is none. */
static int32_t farthest_successor(const uint8_t *owner, uint32_t hole, uint32_t end)
{
	bool seen[256] = {[LAYOUT_FREE] = true};
	int32_t farthest = -1;

	for (uint32_t i = hole + 1; i < end; i++) {
		if (seen[owner[i]])
			continue;
		seen[owner[i]] = true;
		farthest = (int32_t)i;
	}
	return farthest;
}

/*
 * Plans moves from *hole on, on a copy of the table, until one would write to a bucket that an
 * earlier move of this batch vacates: its bytes must stay until the record is durable. Returns how
 * many. *hole is where the next batch goes on; the table's end when there is nothing more to do.
 */
static uint32_t plan_batch(uint8_t *owner, uint32_t *hole, uint32_t end, struct intent *it,
			   struct move *moves)
{
	uint8_t vacated[BUCKET_BITS_LEN] = {0};
	struct intent_set *freed = intent_set_of(it, LAYOUT_FREE);
	uint32_t count = 0;

	for (; *hole < end; ++*hole) {
		struct intent_set *set;
		int32_t from;

		if (owner[*hole] != LAYOUT_FREE)
			continue;
		from = farthest_successor(owner, *hole, end);
		if (from < 0) {
			*hole = end;
			break;
		}
		if (vacated[*hole / 8] & 1 << *hole % 8)
			break;
		set = intent_set_of(it, owner[from]);
		if (!set)
			break;
		intent_add(set, *hole);
		intent_add(freed, (uint32_t)from);
		vacated[from / 8] |= (uint8_t)(1 << from % 8);
		moves[count++] = (struct move){.from = (uint16_t)from, .to = (uint16_t)*hole};
		owner[*hole] = owner[from];
		owner[from] = LAYOUT_FREE;
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

static int carry_out(struct mm *mm, const struct intent *it, const struct move *moves,
		     uint32_t count, struct err *err)
{
	enum { STEP_LEN = 1 << 20 };
	auto_free uint8_t *buf = malloc(STEP_LEN);
	int rc = 0;

	if (!buf)
		return err_set(err, -ENOMEM, "no memory to move buckets with");
	for (uint32_t i = 0; !rc && i < count; i++)
		rc = copy_bucket(mm, &moves[i], buf, STEP_LEN, err);
	if (!rc)
		rc = image_commit(mm, it, err);
	for (uint32_t i = 0; !rc && i < count; i++)
		rc = image_zero_bucket(mm, moves[i].from, err);
	return rc;
}

int mm_fill_holes(struct mm *mm, struct err *err)
{
	auto_wrlock pthread_rwlock_t *held = wrlock(&mm->lock);
	auto_free struct intent *it = malloc(sizeof(*it));
	auto_free struct move *moves = malloc(MM_MAX_BUCKETS * sizeof(*moves));
	auto_free uint8_t *owner = malloc(MM_MAX_BUCKETS);
	uint32_t end = bucket_end(&mm->lay);
	uint32_t hole = 0;

	if (!mm->store->writable)
		return err_set(err, -EROFS, "the image is open for reading only");
	if (bucket_any_reserved(&mm->buckets, 0))
		return err_set(err, -EBUSY, "a memory's content is being replaced");
	if (!it || !moves || !owner)
		return err_set(err, -ENOMEM, "no memory to plan moves in");
	memcpy(owner, mm->lay.owner, MM_MAX_BUCKETS);
	while (hole < end) {
		uint32_t count;
		int rc;

		memset(it, 0, sizeof(*it));
		it->buckets = mm->lay.buckets;
		count = plan_batch(owner, &hole, end, it, moves);
		if (count == 0)
			break;
		rc = carry_out(mm, it, moves, count, err);
		if (rc)
			return rc;
	}
	return image_trim(mm, err);
}
