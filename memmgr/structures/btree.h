/* SPDX-License-Identifier: MIT */
/*
 * The B-tree map and set ("BTR"), private to this folder. In its own memory, all little-endian,
 * addresses are offsets in the memory and 0 is none:
 *
 *     0  28  map header: "BTR", version 1 or 2, u32 a, u32 b, u64 root, u64 count
 *    52  48  allocator: "BTA", 1, 4 zero bytes, u64 page length P, u64 chunks used,
 *            u64 first free chunk, 16 zero bytes
 *   100  C = 16 + P each, the chunks: "CHK", 1, u8 used, 3 zero bytes, u64 next free chunk; then
 *            the page. Nodes and overflow pages are addressed by their page, free chunks by
 *            their header. The last chunk in the free list is the frontier: from it on, nothing.
 *
 *   header version 1: a, b are the longest key and value, P = 191 + 11 (a + b)
 *   header version 2: b is FFFFFFFF and a is P; or the same as version 1
 *
 *   node header: "BTN", version, u8 0 leaf or 1 inner, u16 n (1 to 11 entries)
 *   version 1:  n times (u32 length, key in a bytes, u32 length, value in b bytes), then the n + 1
 *               children of an inner node
 *   version 2:  u64 first overflow page, children, n keys (u32 length before each unless the type
 *               is of fixed size: stored nowhere), n times (u32 length, value). What does not
 *               fit the page goes on in overflow pages: "NOF", u64 next, P - 11 bytes each
 *
 * Both node versions can occur in one map. Source: upstream src/btreemap.rs, btreemap/allocator.rs,
 * node.rs, node/v1.rs, node/v2.rs and node/io.rs at 0.7.2.
 */
#ifndef CANISTERFS_STRUCTURES_BTREE_H
#define CANISTERFS_STRUCTURES_BTREE_H

#include "memmgr/structures/ss.h"

enum {
	BT_HEADER_LEN = 28,
	BT_ALLOCATOR_OFF = 52,
	BT_ALLOCATOR_LEN = 48,
	BT_CHUNKS_OFF = 100,
	BT_CHUNK_HEADER_LEN = 16,
	BT_NODE_HEADER_LEN = 7,
	BT_V2_ENTRIES_OFF = 15,
	BT_OVERFLOW_HEADER_LEN = 11,
	BT_MIN_PAGE_LEN = 128,
	BT_MAX_ENTRIES = 11,
	BT_MIN_ENTRIES = 5,       /* of any node but the root */
	BT_MAX_DEPTH = 32,        /* 26 levels hold more entries than a u64 counts */
	BT_HEAD_LEN = 4096,       /* of a node's first page, read at once */
	BT_MAX_KEY_LEN = 1 << 24, /* longer ones are taken for damage */
	BT_WIDTH_UNKNOWN = -3,    /* not searched for yet */
};

/* The map's and the allocator's header, decoded. */
struct bt_header {
	uint8_t version;
	uint32_t a, b;
	uint64_t root, count;
	uint64_t page_len;  /* P */
	uint64_t chunk_len; /* C */
	uint64_t chunks_used;
	uint64_t free_head;
	uint64_t chunk_limit; /* whole chunks that the memory can hold at most */
	bool derived; /* a and b are lengths of key and value: version 1 nodes can be read */
};

struct bt {
	struct ss ss;
	struct bt_header h;
	int width; /* of keys in version 2 nodes: SS_WIDTH_PREFIXED, bytes, or BT_WIDTH_UNKNOWN */
	int width_hint;
	bool dirty; /* the headers here differ from those in the memory */
};

struct bt_entry {
	uint64_t key_off, value_off; /* logical: as if the overflow pages followed the first one */
	uint32_t key_len, value_len;
};

/* One node in memory. Zeroed, it is empty; used again for other nodes; bt_node_free at the end. */
struct bt_node {
	uint64_t addr;
	uint8_t version;
	bool leaf;
	unsigned n;
	uint64_t child[BT_MAX_ENTRIES + 1];
	struct bt_entry entry[BT_MAX_ENTRIES];
	unsigned whole;     /* entries found so far, also where parsing fails */
	uint64_t len;       /* logical, once parsed */
	uint64_t *overflow; /* addresses of the overflow pages followed so far */
	size_t overflows, overflow_cap;
	uint64_t tortoise; /* an address seen before, to notice a circle */
	size_t tortoise_at;
	size_t head_len;
	const uint8_t *head; /* in the block cache, or the copy */
	uint8_t copy[BT_HEAD_LEN];
};

static inline struct bt *bt_of(struct ss *ss)
{
	return (struct bt *)ss;
}

/* ---- btree_header.c ---- */

/* Reads and judges both headers. -EINVAL: no map at all; -EUCLEAN, -ENOTSUP: begins like one. */
int MUST_CHECK bt_header_read(struct blocks *b, struct bt_header *out, struct err *err);
/* The same, with root 0 where that is no page. */
int MUST_CHECK bt_header_salvage(struct blocks *b, struct bt_header *out, struct err *err);
/* Longest key and value together, from a page length that the library chose; -1: cannot be told. */
int64_t bt_sum_from_page_len(uint64_t page_len);
/* Whether a page can begin here. */
bool bt_is_page(const struct bt_header *h, uint64_t addr);
static inline uint64_t bt_chunk_index(const struct bt_header *h, uint64_t page_addr)
{
	return (page_addr - BT_CHUNKS_OFF - BT_CHUNK_HEADER_LEN) / h->chunk_len;
}
static inline uint64_t bt_chunk_page(const struct bt_header *h, uint64_t index)
{
	return BT_CHUNKS_OFF + index * h->chunk_len + BT_CHUNK_HEADER_LEN;
}

/* ---- btree_node.c ---- */

/* Header, children and the first bytes; entries are not looked at. */
int MUST_CHECK bt_node_load(struct bt *t, uint64_t addr, struct bt_node *node, struct err *err);
/* Finds the entries' places; `width` as in struct bt, known. */
int MUST_CHECK bt_node_parse(struct bt *t, struct bt_node *node, int width, struct err *err);
void bt_node_free(struct bt_node *node);

/* Bytes at a logical offset. */
int MUST_CHECK bt_node_read(struct bt *t, struct bt_node *node, void *buf, size_t len, uint64_t off,
			    struct err *err);
/* The same where they lie in memory already, else NULL. */
static inline const uint8_t *bt_node_peek(const struct bt_node *node, uint64_t off, uint64_t len)
{
	return off <= node->head_len && len <= node->head_len - off ? node->head + off : NULL;
}
/* The key of an entry, where it lies or in *buf. */
int MUST_CHECK bt_node_key(struct bt *t, struct bt_node *node, unsigned i, uint8_t **buf,
			   size_t *cap, struct ss_bytes *key, struct err *err);
/* The first entry whose key is not before `key`; n when all are. *equal: it is that key. */
int MUST_CHECK bt_node_search(struct bt *t, struct bt_node *node, struct ss_bytes key,
			      uint8_t **buf, size_t *cap, unsigned *index, bool *equal,
			      struct err *err);

/* Overflow pages that a node of this logical length has. */
static inline uint64_t bt_overflow_count(const struct bt_header *h, uint64_t len)
{
	return len <= h->page_len ? 0
				  : div_up(len - h->page_len, h->page_len - BT_OVERFLOW_HEADER_LEN);
}
/* Follows the chain to its end: as many pages as the node's length needs, no fewer, no more. */
int MUST_CHECK bt_node_whole_chain(struct bt *t, struct bt_node *node, struct err *err);

/* ---- btree_cursor.c ---- */

/* Whether a node is entered before the next record, or passed over: at *addr, *depth levels below
 * the root's. */
bool bt_cursor_ahead(struct ss_cursor *c, uint64_t *addr, unsigned *depth);
int MUST_CHECK bt_cursor_enter(struct ss_cursor *c, struct err *err);
void bt_cursor_pass(struct ss_cursor *c);

/* ---- btree_width.c ---- */

/* Sets t->width. `node`, loaded and of version 2, or NULL, is looked at first; then as many nodes
 * from the root on as it takes. Where several widths fit all of them, the likeliest is taken, and
 * facts.key_width_guessed is set; -EDOM: none is the likeliest. */
int MUST_CHECK bt_infer_width(struct bt *t, struct bt_node *node, struct err *err);
/* bt_node_load and bt_node_parse, finding out the width of keys first where that is needed. */
int MUST_CHECK bt_node_open(struct bt *t, uint64_t addr, struct bt_node *node, struct err *err);

/* ---- btree_measure.c ---- */

int MUST_CHECK bt_measure(struct ss *ss, struct ss_usage *out, struct ss_report *r,
			  struct err *err);

#endif
