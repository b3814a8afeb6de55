// SPDX-License-Identifier: MIT
/*
 * Decodes and encodes a managed image's first page, and tells it from a raw image. Pure: no I/O.
 */
#include "memmgr/layout.h"

/*
 * "MGR" and the version byte prove nothing: a raw dump of 22,169,421 bytes begins with the same
 * four. What proves a manager is a table and sizes that agree with each other, or with the bucket
 * count: a few damaged bytes break one of the two agreements, a few bytes of each at the most. This
 * many disagreements are damage, more are another kind of data.
 */
enum { DAMAGE_MAX = 16 };

enum { RUN_LEN = 1024 };
static const uint8_t free_run[RUN_LEN] = {[0 ... RUN_LEN - 1] = LAYOUT_FREE};

uint32_t layout_next_owned(const uint8_t *owner, uint32_t from)
{
	while (from + RUN_LEN <= MM_MAX_BUCKETS && owner[from] == LAYOUT_FREE &&
	       memcmp(owner + from, free_run, RUN_LEN) == 0)
		from += RUN_LEN;
	while (from < MM_MAX_BUCKETS && owner[from] == LAYOUT_FREE)
		from++;
	return MIN(from, (uint32_t)MM_MAX_BUCKETS);
}

uint32_t layout_owned_end(const uint8_t *owner, uint32_t end)
{
	while (end >= RUN_LEN && memcmp(owner + end - RUN_LEN, free_run, RUN_LEN) == 0)
		end -= RUN_LEN;
	while (end > 0 && owner[end - 1] == LAYOUT_FREE)
		end--;
	return end;
}

/* Disagreements between table and bucket count. */
static unsigned count_owned_past(const struct layout *lay)
{
	unsigned n = 0;

	for (uint32_t i = layout_next_owned(lay->owner, MIN(lay->buckets, MM_MAX_BUCKETS));
	     i < MM_MAX_BUCKETS; i = layout_next_owned(lay->owner, i + 1))
		n++;
	return n;
}

/* Disagreements between table and sizes; *last is the highest owned index + 1. */
static unsigned count_size_mismatches(const struct layout *lay, uint32_t *last)
{
	uint32_t owned[256] = {0};
	unsigned n = 0;

	*last = layout_owned_end(lay->owner, MM_MAX_BUCKETS);
	for (uint32_t i = layout_next_owned(lay->owner, 0); i < *last;
	     i = layout_next_owned(lay->owner, i + 1))
		owned[lay->owner[i]]++;
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		n += layout_need(lay, lay->pages[id]) != owned[id];
	return n;
}

static bool is_plausible(const struct layout *lay, uint64_t image_len)
{
	uint32_t last;
	unsigned mismatches;

	if (lay->buckets <= MM_MAX_BUCKETS && count_owned_past(lay) <= DAMAGE_MAX)
		return true;
	if (lay->bucket_pages == 0)
		return false;
	mismatches = count_size_mismatches(lay, &last);
	return mismatches <= DAMAGE_MAX &&
	       (last == 0 || layout_bucket_off(lay, last - 1) <= image_len);
}

static enum layout_verdict find_damage(const struct layout *lay, uint64_t image_len,
				       struct err *why)
{
	uint64_t cap_pages = (uint64_t)lay->bucket_pages * MM_MAX_BUCKETS;
	uint32_t past;

	if (image_len < MM_PAGE_LEN) {
		err_set(why, 0, "the image is %llu bytes, less than the manager's page of %u",
			(unsigned long long)image_len, MM_PAGE_LEN);
		return LAYOUT_DAMAGED;
	}
	if (lay->bucket_pages == 0) {
		err_set(why, 0, "the bucket size is 0 pages; 1 to %u are possible",
			MM_MAX_BUCKET_PAGES);
		return LAYOUT_DAMAGED;
	}
	if (lay->buckets > MM_MAX_BUCKETS) {
		err_set(why, 0, "the bucket count is %u; %u is the most there can be", lay->buckets,
			MM_MAX_BUCKETS);
		return LAYOUT_DAMAGED;
	}
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		if (lay->pages[id] <= cap_pages)
			continue;
		err_set(why, 0,
			"memory %u claims %llu pages; %llu is the most at %u pages a bucket", id,
			(unsigned long long)lay->pages[id], (unsigned long long)cap_pages,
			lay->bucket_pages);
		return LAYOUT_DAMAGED;
	}
	past = layout_next_owned(lay->owner, lay->buckets);
	if (past < MM_MAX_BUCKETS) {
		err_set(why, 0,
			"bucket %u belongs to memory %u, but only %u buckets are handed out", past,
			lay->owner[past], lay->buckets);
		return LAYOUT_DAMAGED;
	}
	err_set(why, 0, "a manager's page: %u buckets of %u pages", lay->buckets,
		lay->bucket_pages);
	return LAYOUT_OK;
}

enum layout_verdict layout_decode(const uint8_t *page, uint64_t image_len, struct layout *out,
				  struct err *why)
{
	if (image_len == 0) {
		err_set(why, 0, "the image has no bytes");
		return LAYOUT_EMPTY;
	}
	if (image_len < LAYOUT_LEN || memcmp(page, "MGR", LAYOUT_MAGIC_LEN) != 0) {
		err_set(why, 0,
			image_len < LAYOUT_LEN ? "too short for a manager's page"
					       : "the first three bytes are not \"MGR\"");
		return LAYOUT_RAW;
	}
	out->buckets = get_le16(page + LAYOUT_BUCKETS_OFF);
	out->bucket_pages = get_le16(page + LAYOUT_BUCKET_PAGES_OFF);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		out->pages[id] = get_le64(page + LAYOUT_PAGES_OFF + 8 * id);
	memcpy(out->owner, page + LAYOUT_OWNER_OFF, MM_MAX_BUCKETS);

	if (page[LAYOUT_VERSION_OFF] != 1) {
		/* The drafts of version 2 keep the header and put something else in the table. */
		for (unsigned i = 0; i < LAYOUT_RESERVED_LEN; i++) {
			if (page[LAYOUT_RESERVED_OFF + i] == 0)
				continue;
			err_set(why, 0, "it begins with \"MGR\", but no manager's header follows");
			return LAYOUT_RAW;
		}
		err_set(why, 0, "version %u of the manager's layout; only 1 is known",
			page[LAYOUT_VERSION_OFF]);
		return LAYOUT_NEWER;
	}
	if (!is_plausible(out, image_len)) {
		err_set(why, 0, "it begins with \"MGR\" and 1, but no bucket table follows");
		return LAYOUT_RAW;
	}
	return find_damage(out, image_len, why);
}

void layout_encode(const struct layout *lay, uint8_t *page)
{
	memset(page, 0, LAYOUT_OWNER_OFF);
	memcpy(page, "MGR\1", LAYOUT_MAGIC_LEN + 1);
	put_le16(page + LAYOUT_BUCKETS_OFF, (uint16_t)lay->buckets);
	put_le16(page + LAYOUT_BUCKET_PAGES_OFF, (uint16_t)lay->bucket_pages);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		put_le64(page + LAYOUT_PAGES_OFF + 8 * id, lay->pages[id]);
	memcpy(page + LAYOUT_OWNER_OFF, lay->owner, MM_MAX_BUCKETS);
}
