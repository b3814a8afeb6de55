/* SPDX-License-Identifier: MIT */
/*
 * The intent record: a change of owners that must happen as a whole or not at all.
 *
 * Growing and shrinking are safe at every instruction because of their order (resize.c). Moving,
 * renumbering and replacing are not: they change many owner bytes at once. Such a change is first
 * written as one record into the part of page 0 that the manager never reads or writes, then
 * carried out, then erased. Whoever opens the image and finds a whole record carries it out again;
 * that it may already be carried out, in part or in full, does no harm.
 *
 * A record holds only for the layout that it was made for. If a canister has run on the image
 * since, the record is of the past: then the bucket count or a size in it is neither the one from
 * before nor the one from after, or the page does not come out as recorded.
 *
 *     off     34848   8  "CFSINTNT"
 *             34856   4  length of the record in bytes, from its first byte
 *             34860   4  CRC-32 of all that follows
 *             34864   4  CRC-32 of the page's first 34848 bytes afterwards, reserved bytes zero
 *             34868   2  bucket count before
 *             34870   2  bucket count afterwards
 *             34872   1  number of sizes
 *             34873   1  number of sets
 *             34874      sizes: 1 byte memory id, 8 bytes pages before, 8 bytes pages afterwards
 *               ...      sets: 1 byte owner afterwards (255 nobody), 4096 bytes, a bit per bucket;
 *                        bit i % 8 of byte i / 8; later sets win            all little-endian
 */
#ifndef CANISTERFS_INTENT_H
#define CANISTERFS_INTENT_H

#include "memmgr/layout.h"

enum {
	INTENT_OFF = LAYOUT_LEN,
	INTENT_ROOM = LAYOUT_ID_OFF - LAYOUT_LEN,
	INTENT_MAX_SIZES = 4,
	INTENT_MAX_SETS = 7,
	BUCKET_BITS_LEN = MM_MAX_BUCKETS / 8,
};

struct intent {
	uint32_t buckets; /* afterwards */
	uint32_t buckets_before;
	uint32_t crc_after;
	unsigned size_count;
	unsigned set_count;
	struct intent_size {
		uint8_t mm_id;
		uint64_t pages_before;
		uint64_t pages;
	} sizes[INTENT_MAX_SIZES];
	struct intent_set {
		uint8_t owner;
		uint8_t bits[BUCKET_BITS_LEN];
	} sets[INTENT_MAX_SETS];
};

/* The set for `owner`, a new empty one if there is none; NULL when all are taken. */
struct intent_set *intent_set_of(struct intent *it, uint8_t owner);

static inline void intent_add(struct intent_set *set, uint32_t index)
{
	set->bits[index / 8] |= (uint8_t)(1 << index % 8);
}

/* The first bucket of the set from `from` on, or MM_MAX_BUCKETS. */
uint32_t intent_next(const struct intent_set *set, uint32_t from);

void intent_resize(struct intent *it, unsigned mm_id, uint64_t pages);

/* Fills in what a record says of the layout that it is made for. -ENOMEM. */
int MUST_CHECK intent_seal(struct intent *it, const struct layout *lay, struct err *err);
/* True when the record was made for this layout, carried out not at all, in part or in full. */
bool intent_fits(const struct intent *it, const struct layout *lay);

/* `area` has INTENT_ROOM bytes. Returns the record's length. */
size_t intent_encode(const struct intent *it, uint8_t *area);
/* False: there is no whole record. */
bool intent_decode(const uint8_t *area, struct intent *out);

/* A record begins here, whole or not. */
bool intent_is_marked(const uint8_t *area);

void intent_apply(const struct intent *it, struct layout *lay);

#endif
