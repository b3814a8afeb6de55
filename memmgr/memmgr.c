// SPDX-License-Identifier: MIT
/*
 * Opening and closing an image, the facts about it, and reading and writing its memories: each
 * range is split at bucket boundaries and handed to the store. Never changes the layout.
 */
#include "memmgr/memmgr.h"

#include "memmgr/image.h"

int mm_probe(struct store *s, enum mm_kind *kind, struct err *why)
{
	auto_free uint8_t *page = malloc(MM_PAGE_LEN);
	auto_free struct layout *lay = malloc(sizeof(*lay));
	enum layout_verdict verdict;
	bool unfinished;
	int rc;

	if (!page || !lay)
		return err_set(why, -ENOMEM, "no memory to read the first page");
	rc = image_load(s, page, lay, &verdict, &unfinished, why);
	if (rc)
		return rc;
	*kind = verdict == LAYOUT_EMPTY ? MM_EMPTY : verdict == LAYOUT_RAW ? MM_RAW : MM_MANAGED;
	return 0;
}

int mm_create(struct store *s, uint32_t bucket_pages, struct err *err)
{
	auto_free struct layout *lay = calloc(1, sizeof(*lay));
	auto_free uint8_t *page = malloc(LAYOUT_LEN);
	int rc;

	if (!lay || !page)
		return err_set(err, -ENOMEM, "no memory to write the first page");
	if (bucket_pages < 1 || bucket_pages > MM_MAX_BUCKET_PAGES)
		return err_set(err, -EINVAL, "a bucket of %u pages; 1 to %u are possible",
			       bucket_pages, MM_MAX_BUCKET_PAGES);
	if (s->len != 0)
		return err_set(err, -EEXIST, "the image has %llu bytes already",
			       (unsigned long long)s->len);
	lay->bucket_pages = bucket_pages;
	memset(lay->owner, LAYOUT_FREE, sizeof(lay->owner));
	layout_encode(lay, page);
	rc = store_resize(s, MM_PAGE_LEN, err);
	return rc ? rc : store_write(s, page, LAYOUT_LEN, 0, 0, err);
}

int image_check_complete(const struct mm *mm, struct err *err)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		const struct bucket_list *list = &mm->buckets.of[id];
		uint64_t pages = mm->lay.pages[id];
		uint64_t need = layout_need(&mm->lay, pages);
		uint64_t end;

		if (pages == 0)
			continue;
		if (need > list->count)
			return err_set(
				err, -EUCLEAN,
				"memory %u has %llu pages and needs %llu buckets, but owns %u", id,
				(unsigned long long)pages, (unsigned long long)need, list->count);
		end = layout_bucket_off(&mm->lay, list->index[need - 1]) +
		      (pages - (need - 1) * mm->lay.bucket_pages) * MM_PAGE_LEN;
		if (end > mm->store->len)
			return err_set(err, -EUCLEAN,
				       "memory %u ends at byte %llu of the image, which has %llu",
				       id, (unsigned long long)end,
				       (unsigned long long)mm->store->len);
	}
	return 0;
}

static int refuse(enum layout_verdict verdict, struct err *err)
{
	switch (verdict) {
	case LAYOUT_EMPTY:
		return err_prefix(err, -EINVAL, "not a managed image");
	case LAYOUT_RAW:
		return err_prefix(err, -EINVAL, "not a managed image but a raw one");
	case LAYOUT_NEWER:
		return err_prefix(err, -ENOTSUP, "not supported");
	case LAYOUT_DAMAGED:
		return err_prefix(err, -EUCLEAN, "damaged");
	case LAYOUT_OK:
		break;
	}
	return 0;
}

static int load(struct mm *mm, struct err *err)
{
	auto_free uint8_t *page = malloc(MM_PAGE_LEN);
	enum layout_verdict verdict;
	bool unfinished;
	int rc;

	if (!page)
		return err_set(err, -ENOMEM, "no memory to read the first page");
	rc = image_load(mm->store, page, &mm->lay, &verdict, &unfinished, err);
	if (!rc)
		rc = refuse(verdict, err);
	if (!rc)
		rc = buckets_load(&mm->buckets, mm->lay.owner, err);
	if (rc || !mm->store->writable)
		return rc;
	rc = image_check_complete(mm, err);
	if (rc)
		return err_prefix(err, rc, "damaged");
	return unfinished ? image_finish(mm->store, &mm->lay, err) : 0;
}

int mm_open(struct store *s, struct mm **out, struct err *err)
{
	struct mm *mm = calloc(1, sizeof(*mm));
	pthread_rwlockattr_t attr;
	int rc;

	if (!mm)
		return err_set(err, -ENOMEM, "no memory to open an image");
	mm->store = s;
	/* Readers come in a stream that never ends; a change of layout must not wait for ever. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&mm->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	rc = load(mm, err);
	if (rc)
		mm_drop(mm);
	else
		*out = mm;
	return rc;
}

void mm_drop(struct mm *mm)
{
	if (!mm)
		return;
	buckets_clear(&mm->buckets);
	pthread_rwlock_destroy(&mm->lock);
	free(mm);
}

void cleanup_mm(struct mm **mm)
{
	mm_drop(*mm);
}

int mm_close(struct mm *mm, struct err *err)
{
	int rc = 0;

	if (mm && mm->store->writable) {
		int synced;

		rc = mm_fill_holes(mm, err);
		/* Holes that could not be filled are no reason to lose what was written. */
		synced = mm_sync(mm, rc ? NULL : err);
		rc = rc ? rc : synced;
	}
	mm_drop(mm);
	return rc;
}

void mm_pin(struct mm *mm)
{
	pthread_rwlock_rdlock(&mm->lock);
}

void mm_unpin(struct mm *mm)
{
	pthread_rwlock_unlock(&mm->lock);
}

void mm_freeze(struct mm *mm)
{
	pthread_rwlock_wrlock(&mm->lock);
}

void mm_thaw(struct mm *mm)
{
	pthread_rwlock_unlock(&mm->lock);
}

int mm_reload(struct mm *mm, struct err *err)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		mm->changes[id]++;
	window_follow(mm->store);
	return load(mm, err);
}

void cleanup_mm_pin(struct mm **mm)
{
	if (*mm)
		mm_unpin(*mm);
}

static struct mm *pinned(struct mm *mm)
{
	mm_pin(mm);
	return mm;
}

void mm_stat(struct mm *mm, struct mm_stat *out)
{
	auto_mm_pin struct mm *held = pinned(mm);
	const struct layout *lay = &mm->lay;
	uint64_t end = layout_bucket_off(lay, lay->buckets);
	uint32_t owned = 0;

	*out = (struct mm_stat){
		.bucket_pages = lay->bucket_pages,
		.buckets = lay->buckets,
		.image_pages = mm->store->len / MM_PAGE_LEN,
		.cap_pages = (uint64_t)lay->bucket_pages * MM_MAX_BUCKETS,
		.tail_bytes = mm->store->len > end ? mm->store->len - end : 0,
	};
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		owned += mm->buckets.of[id].count;
		out->memories += lay->pages[id] > 0 || mm->buckets.of[id].count > 0;
	}
	out->holes = lay->buckets - MIN(owned, lay->buckets);
	out->spare_pages = (uint64_t)(MM_MAX_BUCKETS - owned) * lay->bucket_pages;
}

void mm_memory(struct mm *mm, unsigned mm_id, struct mm_memory *out)
{
	auto_mm_pin struct mm *held = pinned(mm);
	uint32_t count = mm->buckets.of[mm_id].count;
	uint64_t held_pages = (uint64_t)count * mm->lay.bucket_pages;
	uint64_t pages = mm->lay.pages[mm_id];

	*out = (struct mm_memory){
		.pages = pages,
		.buckets = count,
		.slack_len = held_pages > pages ? (held_pages - pages) * MM_PAGE_LEN : 0,
	};
}

uint64_t mm_change_count(struct mm *mm, unsigned mm_id)
{
	return mm->changes[mm_id];
}

uint64_t mm_base_off(struct mm *mm)
{
	uint64_t base_off;

	(void)window_whole(mm->store, &base_off);
	return base_off;
}

int mm_bucket_owner(struct mm *mm, uint32_t index)
{
	auto_mm_pin struct mm *held = pinned(mm);

	if (index >= MM_MAX_BUCKETS || mm->lay.owner[index] == LAYOUT_FREE)
		return -1;
	return mm->lay.owner[index];
}

int mm_extent_at(struct mm *mm, unsigned mm_id, uint64_t off, uint64_t len, struct mm_extent *out)
{
	const struct bucket_list *list = &mm->buckets.of[mm_id];
	uint64_t bucket_len = layout_bucket_len(&mm->lay);
	uint64_t nth = off / bucket_len;
	uint64_t in_bucket = off % bucket_len;

	if (nth >= list->count)
		return -ERANGE;
	*out = (struct mm_extent){
		.off = off,
		.image_off = layout_bucket_off(&mm->lay, list->index[nth]) + in_bucket,
		.len = MIN(len, bucket_len - in_bucket),
		.bucket = list->index[nth],
	};
	return 0;
}

/* The range lies inside the memory's pages. */
static int check_range(const struct mm *mm, unsigned mm_id, uint64_t off, uint64_t len,
		       struct err *err)
{
	uint64_t size_len = mm->lay.pages[mm_id] * MM_PAGE_LEN;

	if (off <= size_len && len <= size_len - off)
		return 0;
	return err_set(err, -EIO, "bytes %llu to %llu of memory %u, which has %llu",
		       (unsigned long long)off, (unsigned long long)(off + len), mm_id,
		       (unsigned long long)size_len);
}

/* The next piece of a range that check_range has accepted, inside the image too. */
static int next_piece(struct mm *mm, unsigned mm_id, uint64_t off, uint64_t len,
		      struct mm_extent *x, struct err *err)
{
	if (mm_extent_at(mm, mm_id, off, len, x))
		return err_set(err, -EUCLEAN, "memory %u has no bucket for byte %llu", mm_id,
			       (unsigned long long)off);
	if (x->image_off + x->len > mm->store->len)
		return err_set(err, -EUCLEAN,
			       "byte %llu of memory %u lies behind the end of the image",
			       (unsigned long long)(off + x->len), mm_id);
	return 0;
}

/* Buckets that follow each other in the image, too, are one piece of it: up to its end. */
static void join_neighbours(const struct mm *mm, unsigned mm_id, uint64_t len, struct mm_extent *x)
{
	const struct bucket_list *list = &mm->buckets.of[mm_id];
	uint64_t bucket_len = layout_bucket_len(&mm->lay);

	len = MIN(len, mm->store->len - x->image_off);
	while (x->len < len) {
		uint64_t nth = (x->off + x->len) / bucket_len;

		if (nth >= list->count || list->index[nth] != list->index[nth - 1] + 1)
			break;
		x->len = MIN(len, x->len + bucket_len);
	}
}

/* Does `act` to each piece of a range; `done` bytes lie in front of it. */
typedef int piece_fn(struct store *s, const struct mm_extent *x, size_t done, void *ctx,
		     struct err *err);

static int each_piece(struct mm *mm, unsigned mm_id, uint64_t off, uint64_t len, piece_fn *act,
		      void *ctx, struct err *err)
{
	auto_mm_pin struct mm *held = pinned(mm);
	int rc = check_range(mm, mm_id, off, len, err);

	for (uint64_t done = 0; !rc && done < len;) {
		struct mm_extent x;

		rc = next_piece(mm, mm_id, off + done, len - done, &x, err);
		if (rc)
			break;
		join_neighbours(mm, mm_id, len - done, &x);
		rc = act(mm->store, &x, done, ctx, err);
		done += x.len;
	}
	return rc;
}

static int read_piece(struct store *s, const struct mm_extent *x, size_t done, void *ctx,
		      struct err *err)
{
	return store_read(s, (char *)ctx + done, x->len, x->image_off, err);
}

static int write_piece(struct store *s, const struct mm_extent *x, size_t done, void *ctx,
		       struct err *err)
{
	return store_write(s, (const char *)ctx + done, x->len, x->image_off, 0, err);
}

static int zero_piece(struct store *s, const struct mm_extent *x, size_t done, void *ctx,
		      struct err *err)
{
	return store_zero(s, x->image_off, x->len, err);
}

int mm_read(struct mm *mm, unsigned mm_id, void *buf, size_t len, uint64_t off, struct err *err)
{
	return each_piece(mm, mm_id, off, len, read_piece, buf, err);
}

int mm_write(struct mm *mm, unsigned mm_id, const void *buf, size_t len, uint64_t off,
	     struct err *err)
{
	int rc = each_piece(mm, mm_id, off, len, write_piece, (void *)buf, err);

	mm->changes[mm_id]++;
	return rc;
}

int mm_zero(struct mm *mm, unsigned mm_id, uint64_t off, uint64_t len, struct err *err)
{
	int rc = each_piece(mm, mm_id, off, len, zero_piece, NULL, err);

	mm->changes[mm_id]++;
	return rc;
}

int mm_next_data(struct mm *mm, unsigned mm_id, uint64_t off, uint64_t *start, uint64_t *end,
		 struct err *err)
{
	auto_mm_pin struct mm *held = pinned(mm);
	uint64_t size_len = mm->lay.pages[mm_id] * MM_PAGE_LEN;

	while (off < size_len) {
		struct mm_extent x;
		uint64_t from, to;
		int rc = next_piece(mm, mm_id, off, size_len - off, &x, err);

		if (!rc) {
			join_neighbours(mm, mm_id, size_len - off, &x);
			rc = store_next_data(mm->store, x.image_off, &from, &to, err);
		}
		if (rc)
			return rc;
		if (from < x.image_off + x.len) {
			*start = off + (from - x.image_off);
			*end = off + (MIN(to, x.image_off + x.len) - x.image_off);
			return 0;
		}
		off += x.len;
	}
	*start = *end = size_len;
	return 0;
}

static int settle(struct mm *mm, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&mm->lock);

	return image_settle(mm, err);
}

static int sync_by(struct mm *mm, int (*sync)(struct store *s, struct err *err), struct err *err)
{
	int rc = mm->unsettled ? settle(mm, err) : 0;
	auto_mm_pin struct mm *held = pinned(mm);

	if (!rc)
		rc = sync(mm->store, err);
	/* Page 0 may be among what is not on disk: only we can write it again. */
	if (rc)
		mm->unsettled = true;
	return rc;
}

int mm_sync(struct mm *mm, struct err *err)
{
	return sync_by(mm, store_sync, err);
}

int mm_sync_data(struct mm *mm, struct err *err)
{
	return sync_by(mm, store_sync_data, err);
}
