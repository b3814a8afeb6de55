// SPDX-License-Identifier: MIT
/*
 * See place.h. Turns the manager's question round: not where a memory's byte lies, but whose byte
 * lies there.
 */
#include "tools/facts/place.h"

const char *const place_names[PLACE_KINDS] = {
	[PLACE_RAW] = "raw",     [PLACE_PAGE_0] = "page 0", [PLACE_MEMORY] = "memory",
	[PLACE_SLACK] = "slack", [PLACE_HOLE] = "hole",     [PLACE_TAIL] = "tail",
	[PLACE_FRONT] = "front",
};

struct places {
	bool raw;
	uint64_t image_len, bucket_len, base_off;
	uint32_t buckets;
	uint64_t memory_len[MM_MAX_MEMORIES];
	int16_t owner[MM_MAX_BUCKETS]; /* -1: nobody */
	uint16_t nth[MM_MAX_BUCKETS];  /* of its owner's buckets */
};

int places_new(struct mm *mm, uint64_t image_len, struct places **out, struct err *err)
{
	struct places *p = calloc(1, sizeof(*p));
	uint16_t owned[MM_MAX_MEMORIES] = {0};
	struct mm_stat st;

	if (!p)
		return err_set(err, -ENOMEM, "no memory for a map of the image");
	*out = p;
	p->image_len = image_len;
	p->raw = !mm;
	if (!mm)
		return 0;
	mm_stat(mm, &st);
	p->base_off = mm_base_off(mm);
	p->buckets = st.buckets;
	p->bucket_len = (uint64_t)st.bucket_pages * MM_PAGE_LEN;
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;

		mm_memory(mm, id, &m);
		p->memory_len[id] = m.pages * MM_PAGE_LEN;
	}
	for (uint32_t i = 0; i < st.buckets; i++) {
		p->owner[i] = (int16_t)mm_bucket_owner(mm, i);
		if (p->owner[i] >= 0)
			p->nth[i] = owned[p->owner[i]]++;
	}
	return 0;
}

void places_free(struct places *p)
{
	free(p);
}

void cleanup_places(struct places **p)
{
	places_free(*p);
}

static struct place in_bucket(const struct places *p, uint64_t image_off)
{
	uint64_t behind = image_off - p->base_off - MM_PAGE_LEN;
	uint32_t bucket = (uint32_t)(behind / p->bucket_len);
	uint64_t at = behind % p->bucket_len;
	struct place place = {.kind = PLACE_HOLE,
			      .mm_id = p->owner[bucket],
			      .off = image_off,
			      .bucket = (int)bucket,
			      .len = p->bucket_len - at};

	if (place.mm_id < 0)
		return place;
	place.off = p->nth[bucket] * p->bucket_len + at;
	place.kind = PLACE_SLACK;
	if (place.off < p->memory_len[place.mm_id]) {
		place.kind = PLACE_MEMORY;
		place.len = MIN(place.len, p->memory_len[place.mm_id] - place.off);
	}
	return place;
}

struct place place_at(const struct places *p, uint64_t image_off)
{
	struct place place = {.mm_id = -1, .off = image_off, .bucket = -1};
	uint64_t buckets_off = p->base_off + MM_PAGE_LEN;

	if (p->raw) {
		place.kind = PLACE_RAW;
		place.len = p->image_len - image_off;
	} else if (image_off < p->base_off) {
		place.kind = PLACE_FRONT;
		place.len = p->base_off - image_off;
	} else if (image_off < buckets_off) {
		place.kind = PLACE_PAGE_0;
		place.len = buckets_off - image_off;
	} else if ((image_off - buckets_off) / p->bucket_len < p->buckets) {
		place = in_bucket(p, image_off);
	} else {
		place.kind = PLACE_TAIL;
		place.len = p->image_len - image_off;
	}
	return place;
}
