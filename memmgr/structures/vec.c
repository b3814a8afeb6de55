// SPDX-License-Identifier: MIT
/*
 * Owns reading the vector ("SVC") and the min-heap ("SMH"), which share their bytes:
 *
 *     0  3 magic    3  1 version, 1    4  8 u64 count    12  4 u32 longest entry
 *    16  1 fixed: no lengths          17 47 reserved     64 entry i at 64 + i * slot
 *
 * A slot is the longest entry and, unless fixed, its length in 1, 2 or 4 bytes before it. Source:
 * upstream src/base_vec.rs at 0.7.2.
 */
#include <inttypes.h>
#include <stdio.h>

#include "memmgr/structures/vec.h"

enum { MAX_EMPTY_ENTRIES = 1 << 20 };

static unsigned prefix_len(uint32_t max_len, bool fixed)
{
	if (fixed)
		return 0;
	return max_len <= UINT8_MAX ? 1 : max_len <= UINT16_MAX ? 2 : 4;
}

int vec_header_read(struct blocks *b, struct vec_header *h, struct err *err)
{
	uint8_t raw[VEC_HEADER_LEN];
	uint64_t end;
	int rc;

	if (b->store->len < sizeof(raw))
		return err_set(err, -EINVAL, "a vector does not fit in %" PRIu64 " bytes",
			       b->store->len);
	rc = blocks_read(b, raw, sizeof(raw), 0, err);
	if (rc < 0)
		return rc;
	if (memcmp(raw, "SVC", 3) != 0 && memcmp(raw, "SMH", 3) != 0)
		return err_set(err, -EINVAL, "the memory does not begin with a vector's header");
	if (raw[3] != 1)
		return err_set(err, -ENOTSUP, "the vector's header is of version %u; 1 is known",
			       raw[3]);
	*h = (struct vec_header){.heap = raw[2] == 'H',
				 .count = get_le64(raw + 4),
				 .max_len = get_le32(raw + 12),
				 .fixed = raw[16] != 0};
	h->prefix_len = prefix_len(h->max_len, h->fixed);
	h->slot_len = (uint64_t)h->max_len + h->prefix_len;
	/* The last slot may be cut off behind its entry, so only its length must be there. */
	if (h->count > 0 &&
	    (mul_overflows(h->count - 1, h->slot_len, &end) ||
	     add_overflows(end, (uint64_t)VEC_HEADER_LEN, &end) || end > b->store->len ||
	     (h->fixed ? h->max_len : h->prefix_len) > b->store->len - end))
		return err_set(err, -EUCLEAN,
			       "%" PRIu64 " entries of %" PRIu64
			       " bytes do not fit in a memory of %" PRIu64,
			       h->count, h->slot_len, b->store->len);
	if (raw[16] > 1)
		return err_set(err, -EUCLEAN,
			       "the vector's mark for fixed size is %u; 0 or 1 can be", raw[16]);
	/* Nothing else bounds the count of entries that take no room. */
	if (h->slot_len == 0 && h->count > MAX_EMPTY_ENTRIES)
		return err_set(err, -EUCLEAN, "%" PRIu64 " entries of no length", h->count);
	return 0;
}

bool vec_plausible(struct blocks *b, struct ss_content *out)
{
	struct vec_header h;
	struct err why = {0};

	if (vec_header_read(b, &h, &why) < 0) {
		memcpy(out->text, why.text, sizeof(out->text) - 1);
		return false;
	}
	out->version = 1;
	out->count = h.count;
	snprintf(out->text, sizeof(out->text), "%s, %" PRIu64 " entries of %s %" PRIu32 " bytes",
		 h.heap ? "min-heap" : "vector", h.count, h.fixed ? "exactly" : "at most",
		 h.max_len);
	return true;
}

int vec_entry(struct vec *v, uint64_t index, uint64_t *off, uint32_t *len, struct err *err)
{
	uint8_t raw[4] = {0};
	int rc;

	*off = VEC_HEADER_LEN + index * v->h.slot_len + v->h.prefix_len;
	*len = v->h.max_len;
	if (v->h.fixed)
		return 0;
	rc = blocks_read(&v->ss.blocks, raw, v->h.prefix_len, *off - v->h.prefix_len, err);
	if (rc < 0)
		return rc;
	*len = get_le32(raw);
	if (*len > v->h.max_len)
		return err_set(err, -EUCLEAN,
			       "entry %" PRIu64 " has %" PRIu32 " bytes; %" PRIu32
			       " can be at most",
			       index, *len, v->h.max_len);
	return 0;
}

struct vec_cursor {
	struct ss_cursor c;
	uint64_t index;     /* of the next entry */
	uint64_t value_off; /* of the entry delivered last */
};

static struct vec_cursor *cursor_of(struct ss_cursor *c)
{
	return (struct vec_cursor *)c;
}

static int seek_index(struct ss *ss, uint64_t index, struct ss_cursor **out, struct err *err)
{
	struct vec_cursor *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (!c)
		return err_set(err, -ENOMEM, "no memory for a cursor");
	c->c.ss = ss;
	c->index = index;
	*out = &c->c;
	return 0;
}

static int first(struct ss *ss, struct ss_cursor **out, struct err *err)
{
	return seek_index(ss, 0, out, err);
}

static int next(struct ss_cursor *base, struct ss_record *rec, bool *more, struct err *err)
{
	struct vec_cursor *c = cursor_of(base);
	struct vec *v = vec_of(base->ss);
	uint32_t len;
	int rc;

	if (c->index >= v->h.count)
		return 0;
	rc = vec_entry(v, c->index, &c->value_off, &len, err);
	rec->index = c->index++;
	rec->value_len = base->value_len = len;
	*more = true;
	return rc;
}

static int value_read(struct ss_cursor *base, void *buf, size_t len, uint64_t off, struct err *err)
{
	return blocks_read(&base->ss->blocks, buf, len, cursor_of(base)->value_off + off, err);
}

static void close_cursor(struct ss_cursor *c)
{
	free(cursor_of(c));
}

static void close_vec(struct ss *ss)
{
	blocks_close(&ss->blocks);
	free(ss);
}

static const struct ss_ops vec_ops = {
	.first = first,
	.seek_index = seek_index,
	.next = next,
	.value_read = value_read,
	.cursor_close = close_cursor,
	.close = close_vec,
};

int vec_open(struct store *s, struct ss **out, struct err *err)
{
	struct vec *v = calloc(1, sizeof(*v));
	int rc;

	*out = NULL;
	if (!v)
		return err_set(err, -ENOMEM, "no memory for a vector");
	rc = blocks_open(s, &v->ss.blocks, err);
	if (rc == 0)
		rc = vec_header_read(&v->ss.blocks, &v->h, err);
	if (rc < 0) {
		close_vec(&v->ss);
		return rc;
	}
	v->ss.ops = &vec_ops;
	v->ss.facts = (struct ss_facts){.kind = v->h.heap ? SS_HEAP : SS_VEC,
					.version = 1,
					.count = v->h.count,
					.key_width = SS_WIDTH_PREFIXED,
					.max_value_len = v->h.max_len,
					.fixed = v->h.fixed,
					.slot_len = v->h.slot_len};
	*out = &v->ss;
	return 0;
}
