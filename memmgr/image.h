/* SPDX-License-Identifier: MIT */
/*
 * An open image, and the only code that writes its first page. The callers (resize.c, release.c,
 * change.c, fill.c) decide what changes in which order; they hold the layout lock exclusively.
 */
#ifndef CANISTERFS_IMAGE_H
#define CANISTERFS_IMAGE_H

#include <stdatomic.h>

#include "memmgr/bucket.h"
#include "memmgr/intent.h"
#include "memmgr/lock.h"

struct mm {
	struct store *store;
	/* Shared: the layout and the store's length stay as they are. Exclusive: they change. */
	pthread_rwlock_t lock;
	struct layout lay; /* always as stored, but for a change that has not returned yet */
	struct buckets buckets;
	/* mm_grow_ahead has given the memory buckets: those that it does not need are ours. */
	bool ahead[MM_MAX_MEMORIES];
	/* Writing page 0 failed: the image's may differ from `lay`, or hold a record that is over.
	 */
	atomic_bool unsettled;
	/* Raised after bytes were written side by side with readers; before whatever excludes them.
	 */
	_Atomic uint64_t changes[MM_MAX_MEMORIES];
};

/*
 * Reads page 0 and decodes it. A whole intent record is applied to *lay, not to the store;
 * *unfinished says so. `page` has MM_PAGE_LEN bytes, zero behind the image's end.
 */
int MUST_CHECK image_load(struct store *s, uint8_t *page, struct layout *lay,
			  enum layout_verdict *verdict, bool *unfinished, struct err *why);

/* -EUCLEAN: a memory has not the buckets that it needs, or its pages do not lie in the image. */
int MUST_CHECK image_check_complete(const struct mm *mm, struct err *err);

/* Carries out on the store what image_load applied to *lay, and erases the record. */
int MUST_CHECK image_finish(struct store *s, const struct layout *lay, struct err *err);

/* Brings page 0 into step with mm->lay after a write to it has failed; does nothing else. All that
 * write page 0 do this first, and once more when they fail. */
int MUST_CHECK image_settle(struct mm *mm, struct err *err);

/* Sets the field in the image, then in mm->lay. `flags` as store_write. */
int MUST_CHECK image_set_buckets(struct mm *mm, uint32_t buckets, unsigned flags, struct err *err);
int MUST_CHECK image_set_pages(struct mm *mm, unsigned mm_id, uint64_t pages, unsigned flags,
			       struct err *err);
/*
 * The bucket count, and the owner of the buckets index[0..count), which ascend and nobody owns:
 * durably, in one write, which a kill can only cut short behind the count. With them all that
 * lengthened the image and zeroed it before. The lists are the caller's to update.
 */
int MUST_CHECK image_hand_out(struct mm *mm, uint32_t buckets, const uint16_t *index,
			      uint32_t count, uint8_t owner, struct err *err);
/* The same owner for the buckets index[0..count), which ascend; in one write, with the bytes that
 * lie between them as they are. The lists are the caller's to update. */
int MUST_CHECK image_set_owner(struct mm *mm, const uint16_t *index, uint32_t count, uint8_t owner,
			       unsigned flags, struct err *err);

/*
 * Carries out `it` as a whole, durably: the data of all buckets first, then the record, then the
 * page, then the record is erased. Table, sizes and lists in *mm are the new ones then. On failure
 * before the record is durable nothing has changed; after that the change stands, and the next
 * change, or the next opening, finishes it.
 */
int MUST_CHECK image_commit(struct mm *mm, struct intent *it, struct err *err);

/* The image is long enough for `buckets` buckets. */
int MUST_CHECK image_extend(struct mm *mm, uint32_t buckets, struct err *err);

/* Zeroes the part of a bucket that lies inside the image. */
int MUST_CHECK image_zero_bucket(struct mm *mm, uint32_t index, struct err *err);

/* Lowers the bucket count to the highest owned one, and cuts off of the image what that frees. What
 * lies behind the last bucket already, from before, stays. */
int MUST_CHECK image_trim(struct mm *mm, struct err *err);

/* fill.c: moves buckets so that none below the bucket count is free, then trims. -EBUSY while a
 * memory is being replaced. */
int MUST_CHECK image_fill_holes(struct mm *mm, struct err *err);

/* release.c: frees all buckets of a memory but the first `keep`, then trims. */
int MUST_CHECK image_release(struct mm *mm, unsigned mm_id, uint32_t keep, struct err *err);
/* Frees the buckets that mm_grow_ahead has given memories and they do not need. Surplus
 * buckets of another origin stay: where a size is damaged, they are the memory's content. */
int MUST_CHECK image_recall_ahead(struct mm *mm, struct err *err);

#endif
