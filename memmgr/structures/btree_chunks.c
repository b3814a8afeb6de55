// SPDX-License-Identifier: MIT
/*
 * Owns a map's chunk allocator: handing out and taking back in the very order of the library, so
 * that what it would do next does not depend on who did what came before. Source: upstream
 * src/btreemap/allocator.rs at 0.7.2.
 */
#include <inttypes.h>

#include "memmgr/structures/btree_edit.h"

static int read_chunk(struct bt *t, uint64_t addr, bool used, uint64_t *next, struct err *err)
{
	uint8_t raw[BT_CHUNK_HEADER_LEN];
	int rc = blocks_read(&t->ss.blocks, raw, sizeof(raw), addr, err);

	if (rc < 0)
		return rc;
	if (memcmp(raw, "CHK\1", 4) != 0 || raw[4] != used)
		return err_set(err, -EUCLEAN, "the chunk at %" PRIu64 " is not one %s", addr,
			       used ? "in use" : "that is free");
	*next = get_le64(raw + 8);
	return 0;
}

static int write_chunk(struct bt *t, uint64_t addr, bool used, uint64_t next, struct err *err)
{
	uint8_t raw[BT_CHUNK_HEADER_LEN] = "CHK\1";
	int rc;

	raw[4] = used;
	put_le64(raw + 8, next);
	rc = blocks_write(&t->ss.blocks, raw, sizeof(raw), addr, err);
	t->h.chunk_limit = (t->ss.blocks.store->len - BT_CHUNKS_OFF) / t->h.chunk_len;
	return rc;
}

/* An allocated chunk keeps the `next` it had when it was free; so does upstream's. */
int bt_chunk_take(struct bt *t, uint64_t *page, struct err *err)
{
	uint64_t addr = t->h.free_head, next = 0, head;
	int rc = read_chunk(t, addr, false, &next, err);

	if (rc == 0)
		rc = write_chunk(t, addr, true, next, err);
	if (rc < 0)
		return rc;
	head = next;
	if (next == 0) {
		if (add_overflows(addr, t->h.chunk_len, &head))
			return err_set(err, -EFBIG, "no memory reaches behind %" PRIu64, addr);
		rc = write_chunk(t, head, false, 0, err);
	}
	t->h.free_head = head;
	t->h.chunks_used++;
	t->dirty = true;
	*page = addr + BT_CHUNK_HEADER_LEN;
	return rc;
}

int bt_chunk_give(struct bt *t, uint64_t page, struct err *err)
{
	uint64_t addr = page - BT_CHUNK_HEADER_LEN, next;
	int rc = read_chunk(t, addr, true, &next, err);

	if (rc == 0)
		rc = write_chunk(t, addr, false, t->h.free_head, err);
	if (rc < 0)
		return rc;
	t->h.free_head = addr;
	t->h.chunks_used--;
	t->dirty = true;
	return 0;
}

int bt_chunk_clear(struct bt *t, struct err *err)
{
	t->h.free_head = BT_CHUNKS_OFF;
	t->h.chunks_used = 0;
	t->dirty = true;
	return write_chunk(t, BT_CHUNKS_OFF, false, 0, err);
}

/* Both headers. The reserved bytes are zero, as upstream writes them. */
int bt_flush(struct bt *t, struct err *err)
{
	uint8_t head[16], alloc[BT_ALLOCATOR_LEN] = "BTA\1";
	int rc;

	if (!t->dirty)
		return 0;
	put_le64(head, t->h.root);
	put_le64(head + 8, t->h.count);
	put_le64(alloc + 8, t->h.page_len);
	put_le64(alloc + 16, t->h.chunks_used);
	put_le64(alloc + 24, t->h.free_head);
	rc = blocks_write(&t->ss.blocks, head, sizeof(head), 12, err);
	if (rc == 0)
		rc = blocks_write(&t->ss.blocks, alloc, sizeof(alloc), BT_ALLOCATOR_OFF, err);
	t->dirty = rc < 0;
	t->ss.facts.count = t->h.count;
	t->ss.facts.chunks_used = t->h.chunks_used;
	return rc;
}
