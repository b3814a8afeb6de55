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

/* -EUCLEAN: longer than the longest. */
static int entry(struct ss *ss, uint64_t index, uint64_t *off, uint64_t *len, struct err *err)
{
	struct vec *v = vec_of(ss);
	uint8_t raw[4] = {0};
	int rc;

	*off = VEC_HEADER_LEN + index * v->h.slot_len + v->h.prefix_len;
	*len = v->h.max_len;
	if (v->h.fixed) /* the header was held against the memory's length */
		return 0;
	rc = blocks_read(&v->ss.blocks, raw, v->h.prefix_len, *off - v->h.prefix_len, err);
	if (rc < 0)
		return rc;
	*len = get_le32(raw);
	if (*len > v->h.max_len)
		return err_set(err, -EUCLEAN,
			       "entry %" PRIu64 " has %" PRIu64 " bytes; %" PRIu32
			       " can be at most",
			       index, *len, v->h.max_len);
	if (*len > v->ss.blocks.store->len - *off)
		return err_set(err, -EUCLEAN,
			       "entry %" PRIu64 " of %" PRIu64 " bytes ends behind the memory",
			       index, *len);
	return 0;
}

static void close_vec(struct ss *ss)
{
	blocks_close(&ss->blocks);
	free(ss);
}

/* An entry's bytes, until the buffer is used again. */
struct entry_buf {
	uint8_t *bytes;
	size_t cap;
};

static int read_entry(struct vec *v, uint64_t index, struct entry_buf *buf, struct ss_bytes *out,
		      struct err *err)
{
	uint64_t off, len;
	int rc = entry(&v->ss, index, &off, &len, err);

	if (rc == 0)
		rc = ss_reserve(&buf->bytes, &buf->cap, len, err);
	if (rc == 0)
		rc = blocks_read(&v->ss.blocks, buf->bytes, len, off, err);
	*out = (struct ss_bytes){.data = buf->bytes, .len = rc < 0 ? 0 : len};
	return rc;
}

/* Of a heap: the entry against its parent. An unreadable one was or will be reported itself. */
static void compare_with_parent(struct vec *v, uint64_t i, struct entry_buf buf[2],
				struct order_count *order)
{
	const struct ss_sort *sort = ss_told_sort(&v->ss);
	struct ss_bytes child, parent;

	if (i > 0 && read_entry(v, i, &buf[0], &child, NULL) == 0 &&
	    read_entry(v, (i - 1) / 2, &buf[1], &parent, NULL) == 0 &&
	    ss_sort_compare(&v->ss.facts.sort, parent, child) != 0)
		order_count_pair(order, sort, parent, child, i);
}

static int measure_all(struct vec *v, struct order_count *order, struct ss_usage *out,
		       struct ss_report *r, struct err *err)
{
	struct entry_buf buf[2] = {{NULL, 0}, {NULL, 0}};
	struct err why = {0};
	int rc = 0;

	for (uint64_t i = 0; rc == 0 && i < v->h.count; i++) {
		uint64_t off, len;

		rc = entry(&v->ss, i, &off, &len, &why);
		if (rc == -EUCLEAN) {
			ss_find_fault(r, D_ENTRY, "%s", why.text);
			rc = 0;
			continue;
		}
		out->entries++;
		out->value_len += len;
		out->longest_value_len = MAX(out->longest_value_len, len);
		if (v->h.heap)
			compare_with_parent(v, i, buf, order);
	}
	free(buf[0].bytes);
	free(buf[1].bytes);
	return rc < 0 ? err_set(err, rc, "%s", why.text) : 0;
}

static void judge_order(struct vec *v, const struct order_count *order, struct ss_usage *out,
			struct ss_report *r)
{
	const struct ss_sort *told = ss_told_sort(&v->ss);

	order_judge(order, told, out);
	if (told && order->told_wrong > 0)
		ss_find_fault(r, D_HEAP_ORDER,
			      "%" PRIu64
			      " entries are smaller than their parents (%s order), the first is "
			      "entry %" PRIu64,
			      order->told_wrong, ss_order_name(told->order),
			      order->first_told_wrong);
	else if (!told && out->order == SS_ORDER_OWN)
		ss_find_fault(r, D_HEAP_OWN_ORDER,
			      "its entries are a heap in no order that has a name: only their type "
			      "tells whether that is damage, as the names file does");
}

static int measure(struct ss *ss, struct ss_usage *out, struct ss_report *r, struct err *err)
{
	struct vec *v = vec_of(ss);
	struct order_count order = {0};
	int rc = measure_all(v, &order, out, r, err);

	out->held_len = VEC_HEADER_LEN + v->h.slot_len * v->h.count;
	if (rc == 0 && v->h.heap)
		judge_order(v, &order, out, r);
	return rc;
}

static int write_count(struct ss *ss, uint64_t count, struct err *err)
{
	uint8_t raw[8];
	int rc;

	put_le64(raw, count);
	rc = blocks_write(&ss->blocks, raw, sizeof(raw), VEC_COUNT_OFF, err);
	if (rc == 0)
		vec_of(ss)->h.count = ss->facts.count = count;
	return rc;
}

/* As push and set of the library: the length, the bytes, and then the count. */
static int set(struct ss *ss, uint64_t index, struct ss_bytes value, struct err *err)
{
	struct vec *v = vec_of(ss);
	uint8_t prefix[4];
	uint64_t off;
	int rc;

	if (value.len > v->h.max_len || (v->h.fixed && value.len != v->h.max_len))
		return err_set(err, -EINVAL, "an entry of %zu bytes; it has %s %" PRIu32, value.len,
			       v->h.fixed ? "exactly" : "at most", v->h.max_len);
	if (mul_overflows(index, v->h.slot_len, &off) ||
	    add_overflows(off, (uint64_t)VEC_HEADER_LEN, &off))
		return err_set(err, -EFBIG, "no memory holds %" PRIu64 " entries", index);
	put_le32(prefix, (uint32_t)value.len);
	rc = blocks_write(&ss->blocks, prefix, v->h.prefix_len, off, err);
	if (rc == 0)
		rc = blocks_write(&ss->blocks, value.data, value.len, off + v->h.prefix_len, err);
	return rc < 0 || index < v->h.count ? rc : write_count(ss, index + 1, err);
}

/* One entry up to where its parent is not behind it, as the library's push does. */
static int sift_up(struct vec *v, uint64_t i, struct entry_buf buf[2], struct err *err)
{
	struct ss_bytes child, parent;
	int rc = read_entry(v, i, &buf[0], &child, err);

	while (rc == 0 && i > 0) {
		uint64_t up = (i - 1) / 2;

		rc = read_entry(v, up, &buf[1], &parent, err);
		if (rc < 0 || ss_sort_compare(&v->ss.facts.sort, child, parent) >= 0)
			break;
		rc = set(&v->ss, i, parent, err);
		if (rc == 0)
			rc = set(&v->ss, up, child, err);
		i = up;
	}
	return rc;
}

static int sift(struct ss *ss, struct err *err)
{
	struct vec *v = vec_of(ss);
	struct entry_buf buf[2] = {{NULL, 0}, {NULL, 0}};
	int rc = 0;

	if (!v->h.heap || v->h.count < 2)
		return 0;
	if (!ss->facts.sort_told)
		return err_set(err, -EDOM,
			       "only the type of a heap's entries tells which of them is smaller: "
			       "their order must be given");
	for (uint64_t i = 1; rc == 0 && i < v->h.count; i++)
		rc = sift_up(v, i, buf, err);
	free(buf[0].bytes);
	free(buf[1].bytes);
	return rc;
}

static const struct ss_ops vec_ops = {
	INDEX_CURSOR,       .entry = entry, .measure = measure, .set = set,
	.cut = write_count, .sift = sift,   .close = close_vec,
};

int vec_open(struct store *s, const struct ss_options *opts, struct ss **out, struct err *err)
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
	v->ss.values = &v->ss.blocks;
	v->ss.facts = (struct ss_facts){.kind = v->h.heap ? SS_HEAP : SS_VEC,
					.version = 1,
					.count = v->h.count,
					.key_width = SS_WIDTH_PREFIXED,
					.sort = opts->value_sort,
					.sort_told = ss_is_told(&opts->value_sort),
					.max_value_len = v->h.max_len,
					.fixed = v->h.fixed,
					.slot_len = v->h.slot_len};
	*out = &v->ss;
	return 0;
}
