// SPDX-License-Identifier: MIT
/*
 * Puts right what mm_check calls repairable. Works on an image that nobody else has open; needs no
 * lock of its own.
 *
 * Every step is safe to be stopped in and leaves an image that this can be run on again: the image
 * is lengthened before page 0 says more; page 0 then says what mend_layout decides, whose fields do
 * not depend on each other, so that a torn page mends the same way; zeros go only to where no
 * memory has a page; holes are filled by the allocator; the image is cut last.
 */
#include "memmgr/image.h"
#include "memmgr/mend.h"

struct repair {
	struct store *s;
	uint8_t *page; /* the first; then what mend_find_nonzero reads */
	struct layout lay, mended;
	struct buckets buckets;
	enum layout_verdict verdict;
	bool unfinished;
};

static void cleanup_repair(struct repair **r)
{
	if (*r) {
		buckets_clear(&(*r)->buckets);
		free((*r)->page);
	}
	free(*r);
}
#define auto_repair __attribute__((cleanup(cleanup_repair)))

static int lengthen(struct repair *r, struct err *err)
{
	uint64_t len = layout_bucket_off(&r->mended, mend_owned_end(&r->mended));

	return r->s->len < len ? store_resize(r->s, len, err) : 0;
}

static int write_first_page(struct repair *r, struct err *err)
{
	auto_free uint8_t *page = malloc(LAYOUT_LEN);

	if (!page)
		return err_set(err, -ENOMEM, "no memory to write the first page");
	layout_encode(&r->mended, page);
	if (r->unfinished || intent_is_marked(r->page + INTENT_OFF))
		return image_finish(r->s, &r->mended, err);
	if (memcmp(page, r->page, LAYOUT_LEN) == 0)
		return 0;
	return store_write(r->s, page, LAYOUT_LEN, 0, STORE_DURABLE, err);
}

static int zero_stale_slack(struct repair *r, struct err *err)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		uint64_t off, end, at;
		int rc;

		mend_slack(&r->mended, &r->buckets.of[id], r->mended.pages[id], &off, &end);
		rc = mend_find_nonzero(r->s, r->page, off, end, &at, err);
		if (!rc && at < end)
			rc = store_zero(r->s, at, MIN(end, r->s->len) - at, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* Zeros behind the last bucket may stay, in whole pages: they do no harm. */
static int cut_tail(struct repair *r, struct mm *mm, struct err *err)
{
	struct store *s = r->s;
	uint64_t end = layout_bucket_off(&mm->lay, mm->lay.buckets), at;
	int rc = mend_find_nonzero(s, r->page, end, s->len, &at, err);

	if (rc)
		return rc;
	if (s->len > end && at < s->len)
		return store_resize(s, end, err);
	return store_resize(s, round_down(s->len, MM_PAGE_LEN), err);
}

static int tidy(struct repair *r, struct err *err)
{
	auto_mm struct mm *mm = NULL;
	int rc = mm_open(r->s, &mm, err);

	if (!rc)
		rc = mm_fill_holes(mm, err);
	if (!rc)
		rc = cut_tail(r, mm, err);
	return rc ? rc : store_sync(r->s, err);
}

int mm_repair(struct store *s, struct err *err)
{
	auto_repair struct repair *r = calloc(1, sizeof(*r));
	struct err why;
	int rc;

	if (r)
		r->page = malloc(MM_PAGE_LEN);
	if (!r || !r->page)
		return err_set(err, -ENOMEM, "no memory to repair an image with");
	if (!s->writable)
		return err_set(err, -EROFS, "the image is open for reading only");
	r->s = s;
	rc = image_load(s, r->page, &r->lay, &r->verdict, &r->unfinished, &why);
	if (rc)
		return err_set(err, rc, "%s", why.text);
	if (r->verdict == LAYOUT_EMPTY || r->verdict == LAYOUT_RAW)
		return err_set(err, -EINVAL, "not a managed image: %s", why.text);
	if (r->verdict == LAYOUT_NEWER)
		return 0;
	rc = buckets_load(&r->buckets, r->lay.owner, err);
	if (rc)
		return rc;
	if (!mend_layout(&r->lay, &r->buckets, s->len, &r->mended))
		return 0;
	rc = lengthen(r, err);
	if (!rc)
		rc = write_first_page(r, err);
	if (!rc)
		rc = zero_stale_slack(r, err);
	return rc ? rc : tidy(r, err);
}
