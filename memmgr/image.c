// SPDX-License-Identifier: MIT
/*
 * Reads and writes page 0 of an image. See image.h; the order within a change is design.
 */
#include "memmgr/image.h"

int image_load(struct store *s, uint8_t *page, struct layout *lay, enum layout_verdict *verdict,
	       bool *unfinished, struct err *why)
{
	auto_free struct intent *it = malloc(sizeof(*it));
	auto_free uint8_t *applied = malloc(LAYOUT_LEN);
	uint64_t len = MIN(s->len, (uint64_t)MM_PAGE_LEN);
	int rc;

	*unfinished = false;
	if (!it || !applied)
		return err_set(why, -ENOMEM, "no memory to read the first page");
	memset(page, 0, MM_PAGE_LEN);
	rc = store_read(s, page, len, 0, why);
	if (rc)
		return rc;
	*verdict = layout_decode(page, s->len, lay, why);
	if ((*verdict != LAYOUT_OK && *verdict != LAYOUT_DAMAGED) ||
	    !intent_decode(page + INTENT_OFF, it) || !intent_fits(it, lay))
		return 0;
	intent_apply(it, lay);
	layout_encode(lay, applied);
	*verdict = layout_decode(applied, s->len, lay, why);
	*unfinished = true;
	return 0;
}

static int write_layout(struct store *s, const struct layout *lay, struct err *err)
{
	auto_free uint8_t *page = malloc(LAYOUT_LEN);

	if (!page)
		return err_set(err, -ENOMEM, "no memory to write the first page");
	layout_encode(lay, page);
	return store_write(s, page, LAYOUT_LEN, 0, STORE_DURABLE, err);
}

int image_finish(struct store *s, const struct layout *lay, struct err *err)
{
	static const uint8_t nothing[16];
	int rc = write_layout(s, lay, err);

	if (rc)
		return rc;
	return store_write(s, nothing, sizeof(nothing), INTENT_OFF, STORE_DURABLE, err);
}

int image_settle(struct mm *mm, struct err *err)
{
	int rc = mm->unsettled ? image_finish(mm->store, &mm->lay, err) : 0;

	if (!rc)
		mm->unsettled = false;
	return rc;
}

/* What a failed write has changed in the image is not known. */
static void unsettle(struct mm *mm)
{
	mm->unsettled = true;
	(void)!image_settle(mm, NULL);
}

/* mm->lay still is as it was before this change. */
static int write_page(struct mm *mm, const void *bytes, size_t len, uint64_t off, unsigned flags,
		      struct err *err)
{
	int rc = image_settle(mm, err);

	if (rc)
		return rc;
	rc = store_write(mm->store, bytes, len, off, flags, err);
	if (rc)
		unsettle(mm);
	return rc;
}

int image_set_buckets(struct mm *mm, uint32_t buckets, unsigned flags, struct err *err)
{
	uint8_t field[2];
	int rc;

	if (buckets == mm->lay.buckets)
		return 0;
	put_le16(field, (uint16_t)buckets);
	rc = write_page(mm, field, sizeof(field), LAYOUT_BUCKETS_OFF, flags, err);
	if (!rc)
		mm->lay.buckets = buckets;
	return rc;
}

int image_set_pages(struct mm *mm, unsigned mm_id, uint64_t pages, unsigned flags, struct err *err)
{
	uint8_t field[8];
	int rc;

	put_le64(field, pages);
	rc = write_page(mm, field, sizeof(field), LAYOUT_PAGES_OFF + 8 * mm_id, flags, err);
	if (!rc)
		mm->lay.pages[mm_id] = pages;
	return rc;
}

int image_set_owner(struct mm *mm, const uint16_t *index, uint32_t count, uint8_t owner,
		    unsigned flags, struct err *err)
{
	auto_free uint8_t *bytes = NULL;
	uint32_t first, span;
	int rc;

	if (count == 0)
		return 0;
	first = index[0];
	span = index[count - 1] - first + 1;
	bytes = malloc(span);
	if (!bytes)
		return err_set(err, -ENOMEM, "no memory to write the bucket table");
	memcpy(bytes, mm->lay.owner + first, span);
	for (uint32_t i = 0; i < count; i++)
		bytes[index[i] - first] = owner;
	rc = write_page(mm, bytes, span, LAYOUT_OWNER_OFF + first, flags, err);
	if (!rc)
		memcpy(mm->lay.owner + first, bytes, span);
	return rc;
}

/* A count must not come to the disk after owners that it does not cover. In the first block of the
 * page both come at once. */
static bool lies_behind_first_block(uint32_t index)
{
	enum { BLOCK_LEN = 4096 };

	return LAYOUT_OWNER_OFF + index >= BLOCK_LEN;
}

int image_hand_out(struct mm *mm, uint32_t buckets, const uint16_t *index, uint32_t count,
		   uint8_t owner, struct err *err)
{
	auto_free struct layout *lay = malloc(sizeof(*lay));
	auto_free uint8_t *page = malloc(LAYOUT_LEN);
	int rc;

	if (!lay || !page)
		return err_set(err, -ENOMEM, "no memory to write the bucket table");
	if (lies_behind_first_block(buckets - 1)) {
		rc = image_set_buckets(mm, buckets, STORE_DURABLE, err);
		if (rc)
			return rc;
	}
	*lay = mm->lay;
	lay->buckets = buckets;
	for (uint32_t i = 0; i < count; i++)
		lay->owner[index[i]] = owner;
	layout_encode(lay, page);
	rc = write_page(mm, page, LAYOUT_OWNER_OFF + index[count - 1] + 1u, 0, STORE_DURABLE, err);
	if (rc)
		return rc;
	/* Readers are excluded from the owners, but not from the size of the buckets. */
	mm->lay.buckets = buckets;
	for (uint32_t i = 0; i < count; i++)
		mm->lay.owner[index[i]] = owner;
	return 0;
}

/* Everything that `it` stands on is durable, then the record is. */
static int write_record(struct mm *mm, const uint8_t *record, size_t len, struct err *err)
{
	int rc = store_sync(mm->store, err);

	return rc ? rc : write_page(mm, record, len, INTENT_OFF, STORE_DURABLE, err);
}

/* From here on the change stands: what fails now is tried again, here and before the next change.
 */
static int carry_out(struct mm *mm, const uint8_t *before, size_t len, struct err *err)
{
	int rc = write_layout(mm->store, &mm->lay, err);

	if (!rc)
		rc = store_write(mm->store, before, len, INTENT_OFF, STORE_DURABLE, err);
	if (!rc)
		return 0;
	mm->unsettled = true;
	return image_settle(mm, err);
}

int image_commit(struct mm *mm, struct intent *it, struct err *err)
{
	auto_free uint8_t *record = calloc(1, INTENT_ROOM);
	/* Where the record goes may be bytes of nobody, from before the manager; they come back. */
	auto_free uint8_t *before = malloc(INTENT_ROOM);
	auto_free struct layout *old = malloc(sizeof(*old));
	size_t len;
	int rc;

	if (!record || !before || !old)
		return err_set(err, -ENOMEM, "no memory for a change of layout");
	*old = mm->lay;
	rc = intent_seal(it, &mm->lay, err);
	if (rc)
		return rc;
	len = intent_encode(it, record);
	rc = store_read(mm->store, before, len, INTENT_OFF, err);
	if (!rc)
		rc = write_record(mm, record, len, err);
	if (rc)
		return rc;
	intent_apply(it, &mm->lay);
	rc = buckets_load(&mm->buckets, mm->lay.owner, err);
	if (rc) {
		mm->lay = *old;
		unsettle(mm);
		return rc;
	}
	return carry_out(mm, before, len, err);
}

int image_extend(struct mm *mm, uint32_t buckets, struct err *err)
{
	uint64_t len = layout_bucket_off(&mm->lay, buckets);

	return len > mm->store->len ? store_resize(mm->store, len, err) : 0;
}

int image_zero_bucket(struct mm *mm, uint32_t index, struct err *err)
{
	uint64_t off = layout_bucket_off(&mm->lay, index);
	uint64_t end = MIN(layout_bucket_off(&mm->lay, index + 1), mm->store->len);

	return off < end ? store_zero(mm->store, off, end - off, err) : 0;
}

int image_trim(struct mm *mm, struct err *err)
{
	uint64_t old_end = layout_bucket_off(&mm->lay, mm->lay.buckets);
	uint32_t buckets = bucket_end(&mm->lay);
	int rc;

	if (buckets == mm->lay.buckets)
		return 0;
	rc = image_set_buckets(mm, buckets, 0, err);
	if (rc || mm->store->len > old_end || bucket_any_reserved(&mm->buckets, buckets))
		return rc;
	return store_resize(mm->store, MIN(mm->store->len, layout_bucket_off(&mm->lay, buckets)),
			    err);
}
