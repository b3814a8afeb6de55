// SPDX-License-Identifier: MIT
/*
 * Encodes, decodes and applies intent records. Pure: image.c does the writing, in the right order.
 */
#include "memmgr/intent.h"

enum {
	MAGIC_LEN = 8,
	RECORD_LEN_OFF = 8,
	CRC_OFF = 12,
	BODY_OFF = 16,
	SIZES_OFF = 26,
	SIZE_LEN = 17,
	SET_LEN = 1 + BUCKET_BITS_LEN,
};
static const char magic[MAGIC_LEN + 1] = "CFSINTNT";

_Static_assert(SIZES_OFF + INTENT_MAX_SIZES * SIZE_LEN + INTENT_MAX_SETS * SET_LEN <= INTENT_ROOM,
	       "the largest record fits behind the manager's table");

struct intent_set *intent_set_of(struct intent *it, uint8_t owner)
{
	for (unsigned i = 0; i < it->set_count; i++)
		if (it->sets[i].owner == owner)
			return &it->sets[i];
	if (it->set_count == INTENT_MAX_SETS)
		return NULL;
	it->sets[it->set_count].owner = owner;
	memset(it->sets[it->set_count].bits, 0, BUCKET_BITS_LEN);
	return &it->sets[it->set_count++];
}

void intent_resize(struct intent *it, unsigned mm_id, uint64_t pages)
{
	it->sizes[it->size_count++] = (struct intent_size){.mm_id = (uint8_t)mm_id, .pages = pages};
}

/* Of the page as it will be. -ENOMEM. */
static int crc_after(const struct intent *it, const struct layout *lay, uint32_t *crc)
{
	auto_free struct layout *after = malloc(sizeof(*after));
	auto_free uint8_t *page = malloc(LAYOUT_LEN);

	if (!after || !page)
		return -ENOMEM;
	*after = *lay;
	intent_apply(it, after);
	layout_encode(after, page);
	*crc = crc32_of(0, page, LAYOUT_LEN);
	return 0;
}

int intent_seal(struct intent *it, const struct layout *lay, struct err *err)
{
	it->buckets_before = lay->buckets;
	for (unsigned i = 0; i < it->size_count; i++)
		it->sizes[i].pages_before = lay->pages[it->sizes[i].mm_id];
	if (crc_after(it, lay, &it->crc_after))
		return err_set(err, -ENOMEM, "no memory for a change of layout");
	return 0;
}

bool intent_fits(const struct intent *it, const struct layout *lay)
{
	uint32_t crc;

	if (lay->buckets != it->buckets && lay->buckets != it->buckets_before)
		return false;
	for (unsigned i = 0; i < it->size_count; i++) {
		uint64_t pages = lay->pages[it->sizes[i].mm_id];

		if (pages != it->sizes[i].pages && pages != it->sizes[i].pages_before)
			return false;
	}
	return crc_after(it, lay, &crc) == 0 && crc == it->crc_after;
}

size_t intent_encode(const struct intent *it, uint8_t *area)
{
	uint8_t *p = area + SIZES_OFF;
	size_t len;

	memcpy(area, magic, MAGIC_LEN);
	put_le32(area + BODY_OFF, it->crc_after);
	put_le16(area + BODY_OFF + 4, (uint16_t)it->buckets_before);
	put_le16(area + BODY_OFF + 6, (uint16_t)it->buckets);
	area[BODY_OFF + 8] = (uint8_t)it->size_count;
	area[BODY_OFF + 9] = (uint8_t)it->set_count;
	for (unsigned i = 0; i < it->size_count; i++, p += SIZE_LEN) {
		p[0] = it->sizes[i].mm_id;
		put_le64(p + 1, it->sizes[i].pages_before);
		put_le64(p + 9, it->sizes[i].pages);
	}
	for (unsigned i = 0; i < it->set_count; i++, p += SET_LEN) {
		p[0] = it->sets[i].owner;
		memcpy(p + 1, it->sets[i].bits, BUCKET_BITS_LEN);
	}
	len = (size_t)(p - area);
	put_le32(area + RECORD_LEN_OFF, (uint32_t)len);
	put_le32(area + CRC_OFF, crc32_of(0, area + BODY_OFF, len - BODY_OFF));
	return len;
}

bool intent_is_marked(const uint8_t *area)
{
	return memcmp(area, magic, MAGIC_LEN) == 0;
}

bool intent_decode(const uint8_t *area, struct intent *out)
{
	const uint8_t *p = area + SIZES_OFF;
	uint32_t len = get_le32(area + RECORD_LEN_OFF);

	if (!intent_is_marked(area) || len < SIZES_OFF || len > INTENT_ROOM)
		return false;
	if (get_le32(area + CRC_OFF) != crc32_of(0, area + BODY_OFF, len - BODY_OFF))
		return false;
	out->crc_after = get_le32(area + BODY_OFF);
	out->buckets_before = get_le16(area + BODY_OFF + 4);
	out->buckets = get_le16(area + BODY_OFF + 6);
	out->size_count = area[BODY_OFF + 8];
	out->set_count = area[BODY_OFF + 9];
	if (out->size_count > INTENT_MAX_SIZES || out->set_count > INTENT_MAX_SETS ||
	    len != SIZES_OFF + out->size_count * SIZE_LEN + out->set_count * SET_LEN)
		return false;
	for (unsigned i = 0; i < out->size_count; i++, p += SIZE_LEN) {
		out->sizes[i].mm_id = p[0];
		out->sizes[i].pages_before = get_le64(p + 1);
		out->sizes[i].pages = get_le64(p + 9);
		if (p[0] >= MM_MAX_MEMORIES)
			return false;
	}
	for (unsigned i = 0; i < out->set_count; i++, p += SET_LEN) {
		out->sets[i].owner = p[0];
		memcpy(out->sets[i].bits, p + 1, BUCKET_BITS_LEN);
	}
	return true;
}

uint32_t intent_next(const struct intent_set *set, uint32_t from)
{
	while (from < MM_MAX_BUCKETS && !(set->bits[from / 8] & 1 << from % 8)) {
		if (from % 64 == 0 && get_le64(set->bits + from / 8) == 0)
			from += 64;
		else
			from += set->bits[from / 8] >> from % 8 == 0 ? 8 - from % 8 : 1;
	}
	return from;
}

void intent_apply(const struct intent *it, struct layout *lay)
{
	lay->buckets = it->buckets;
	for (unsigned i = 0; i < it->size_count; i++)
		lay->pages[it->sizes[i].mm_id] = it->sizes[i].pages;
	for (unsigned i = 0; i < it->set_count; i++) {
		const struct intent_set *set = &it->sets[i];

		for (uint32_t b = intent_next(set, 0); b < MM_MAX_BUCKETS;
		     b = intent_next(set, b + 1))
			lay->owner[b] = set->owner;
	}
}
