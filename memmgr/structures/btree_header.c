// SPDX-License-Identifier: MIT
/*
 * Owns the headers of a B-tree map: reading, judging and writing them. Follows no address.
 */
#include "memmgr/structures/btree.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	CHUNK_FREE_LEN = 16,
	PAGE_LEN_MARKER = 0xffffffff,
};

static uint64_t derived_page_len(uint32_t key_len, uint32_t value_len)
{
	return 191 + 11 * ((uint64_t)key_len + value_len);
}

int64_t bt_sum_from_page_len(uint64_t page_len)
{
	uint64_t low;

	if (page_len > UINT32_MAX || page_len == 1024)
		return -1;
	low = page_len * 4 / 3 < 191 ? 0 : (page_len * 4 / 3 - 191) / 11;
	for (uint64_t sum = low; sum <= low + 1; sum++)
		if ((191 + 11 * sum) * 3 / 4 == page_len)
			return (int64_t)sum;
	return -1;
}

bool bt_is_page(const struct bt_header *h, uint64_t addr)
{
	uint64_t first = BT_CHUNKS_OFF + BT_CHUNK_HEADER_LEN;

	return addr >= first && (addr - first) % h->chunk_len == 0 &&
	       (addr - first) / h->chunk_len < h->chunk_limit;
}

/* The frontier has a header, though not always a page, so a free chunk may lie further up. */
static bool is_free_chunk(const struct bt_header *h, uint64_t addr, uint64_t memory_len)
{
	return addr >= BT_CHUNKS_OFF && (addr - BT_CHUNKS_OFF) % h->chunk_len == 0 &&
	       addr <= memory_len - CHUNK_FREE_LEN;
}

/* Which page length the map's header means, and whether a and b are bounds of key and value. */
static int settle_page_len(struct bt_header *h, uint64_t allocator_len, struct err *err)
{
	uint64_t derived = derived_page_len(h->a, h->b);

	h->derived = h->version == 1 || (h->b != PAGE_LEN_MARKER && derived == allocator_len);
	if (h->derived)
		h->page_len = derived;
	else if (h->b == PAGE_LEN_MARKER || h->b == 0)
		h->page_len = h->a; /* b is 0 in maps that 0.6.0-beta.0 and beta.1 wrote */
	else
		return err_set(err, -EUCLEAN,
			       "the map's header means pages of %" PRIu64
			       " bytes, its allocator has chunks of %" PRIu64,
			       derived, allocator_len);
	if (h->page_len != allocator_len)
		return err_set(err, -EUCLEAN,
			       "the map's header means pages of %" PRIu64
			       " bytes, its allocator has chunks of %" PRIu64,
			       h->page_len, allocator_len);
	if (h->page_len < BT_MIN_PAGE_LEN || h->page_len > UINT64_MAX / 4)
		return err_set(err, -EUCLEAN, "no map has pages of %" PRIu64 " bytes", h->page_len);
	return 0;
}

static int decode(const uint8_t *raw, uint64_t memory_len, struct bt_header *h, struct err *err)
{
	const uint8_t *alloc = raw + BT_ALLOCATOR_OFF;
	int rc;

	if (memcmp(raw, "BTR", 3) != 0)
		return err_set(err, -EINVAL, "the memory does not begin with a map's header");
	*h = (struct bt_header){.version = raw[3],
				.a = get_le32(raw + 4),
				.b = get_le32(raw + 8),
				.root = get_le64(raw + 12),
				.count = get_le64(raw + 20)};
	if (h->version < 1 || h->version > 2)
		return err_set(err, -ENOTSUP,
			       "the map's header is of version %u; 1 and 2 are known", h->version);
	if (memcmp(alloc, "BTA", 3) != 0 || alloc[3] != 1)
		return err_set(err, -EUCLEAN,
			       "the map's header is not followed by its allocator's at byte %d",
			       BT_ALLOCATOR_OFF);
	rc = settle_page_len(h, get_le64(alloc + 8), err);
	if (rc < 0)
		return rc;
	h->chunk_len = h->page_len + BT_CHUNK_HEADER_LEN;
	h->chunks_used = get_le64(alloc + 16);
	h->free_head = get_le64(alloc + 24);
	h->chunk_limit = (memory_len - BT_CHUNKS_OFF) / h->chunk_len;
	return 0;
}

static int check_addresses(const struct bt_header *h, uint64_t memory_len, struct err *err)
{
	if (h->root != 0 && !bt_is_page(h, h->root))
		return err_set(err, -EUCLEAN,
			       "the map's root at %" PRIu64 " is no page of %" PRIu64
			       " bytes in a memory of %" PRIu64,
			       h->root, h->page_len, memory_len);
	if (h->chunks_used > h->chunk_limit)
		return err_set(err, -EUCLEAN,
			       "the map's allocator counts %" PRIu64
			       " chunks in use, the memory has room for %" PRIu64,
			       h->chunks_used, h->chunk_limit);
	if (!is_free_chunk(h, h->free_head, memory_len))
		return err_set(err, -EUCLEAN,
			       "the map's first free chunk at %" PRIu64
			       " is none in a memory of %" PRIu64 " bytes",
			       h->free_head, memory_len);
	return 0;
}

/* Does not look at where root and allocator lead to. */
static int read_fields(struct blocks *b, struct bt_header *out, struct err *err)
{
	uint8_t raw[BT_CHUNKS_OFF];
	int rc;

	if (b->store->len < BT_CHUNKS_OFF + CHUNK_FREE_LEN)
		return err_set(err, -EINVAL, "a map does not fit in %" PRIu64 " bytes",
			       b->store->len);
	rc = blocks_read(b, raw, sizeof(raw), 0, err);
	return rc < 0 ? rc : decode(raw, b->store->len, out, err);
}

int bt_header_read(struct blocks *b, struct bt_header *out, struct err *err)
{
	int rc = read_fields(b, out, err);

	return rc < 0 ? rc : check_addresses(out, b->store->len, err);
}

int bt_header_salvage(struct blocks *b, struct bt_header *out, struct err *err)
{
	int rc = read_fields(b, out, err);

	if (rc == 0 && check_addresses(out, b->store->len, NULL) < 0 && !bt_is_page(out, out->root))
		out->root = 0;
	return rc;
}

bool bt_plausible(struct blocks *b, struct ss_content *out)
{
	struct bt_header h;
	struct err why = {0};

	if (bt_header_read(b, &h, &why) < 0) {
		memcpy(out->text, why.text, sizeof(out->text) - 1);
		return false;
	}
	out->version = h.version;
	out->count = h.count;
	snprintf(out->text, sizeof(out->text),
		 "B-tree map or set, header version %u, %" PRIu64 " entries, pages of %" PRIu64
		 " bytes",
		 h.version, h.count, h.page_len);
	return true;
}
