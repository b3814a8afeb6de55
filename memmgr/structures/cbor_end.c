// SPDX-License-Identifier: MIT
/*
 * Owns finding where one CBOR item (RFC 8949) ends: well-formedness and nothing of its meaning.
 * Keeps its own bounded stack, so that nesting costs no recursion.
 */
#include "memmgr/structures/ss.h"

enum { MAX_NESTING = 256 };

/* What an open array, map, tag or string of unknown length still takes. */
struct open_item {
	uint64_t left; /* items; with `until_break` not used */
	bool until_break;
	bool pairs;    /* a map: items come in twos */
	bool odd;      /* of a map until break: a value is due */
	int chunks_of; /* strings until break: the major type of their pieces; else -1 */
};

struct walk {
	struct blocks *b;
	uint64_t off, end;
	unsigned depth;
	struct open_item open[MAX_NESTING];
};

static bool take(struct walk *w, uint8_t *buf, size_t len)
{
	if (len > w->end - w->off || blocks_read(w->b, buf, len, w->off, NULL) < 0)
		return false;
	w->off += len;
	return true;
}

/* The argument of an initial byte; *indefinite for 31. */
static bool take_argument(struct walk *w, unsigned info, uint64_t *arg, bool *indefinite)
{
	uint8_t raw[8] = {0};
	unsigned len = info < 24 ? 0 : 1u << (info & 3);

	*arg = info;
	*indefinite = info == 31;
	if (info < 24 || info == 31)
		return true;
	if (info > 27 || !take(w, raw + 8 - len, len))
		return false;
	*arg = get_be64(raw);
	return true;
}

static bool push(struct walk *w, struct open_item item)
{
	if (w->depth == MAX_NESTING)
		return false;
	w->open[w->depth++] = item;
	return true;
}

/* One item has ended: so may have those it was the last part of. */
static void finish(struct walk *w)
{
	while (w->depth > 0) {
		struct open_item *top = &w->open[w->depth - 1];

		if (top->until_break) {
			top->odd = top->pairs && !top->odd;
			return;
		}
		if (--top->left > 0)
			return;
		w->depth--;
	}
}

static bool take_break(struct walk *w)
{
	struct open_item *top = w->depth > 0 ? &w->open[w->depth - 1] : NULL;

	if (!top || !top->until_break || top->odd)
		return false;
	w->depth--;
	finish(w);
	return true;
}

static bool open_container(struct walk *w, uint64_t items, bool until_break, bool pairs)
{
	/* Each item takes a byte at least. */
	if (!until_break && items > w->end - w->off)
		return false;
	if (!until_break && items == 0) {
		finish(w);
		return true;
	}
	return push(w, (struct open_item){.left = items,
					  .until_break = until_break,
					  .pairs = pairs,
					  .chunks_of = -1});
}

static bool take_string(struct walk *w, unsigned major, uint64_t len, bool indefinite)
{
	if (indefinite)
		return push(w, (struct open_item){.until_break = true, .chunks_of = (int)major});
	if (len > w->end - w->off)
		return false;
	w->off += len;
	finish(w);
	return true;
}

static bool take_simple(struct walk *w, unsigned info, uint64_t arg)
{
	if (info == 24 && arg < 32)
		return false;
	finish(w);
	return true;
}

static bool take_item(struct walk *w)
{
	bool indefinite;
	uint64_t arg;
	uint8_t initial;
	unsigned major;
	int chunks_of = w->depth > 0 ? w->open[w->depth - 1].chunks_of : -1;

	if (!take(w, &initial, 1))
		return false;
	if (initial == 0xff)
		return take_break(w);
	major = initial >> 5;
	if (!take_argument(w, initial & 31, &arg, &indefinite))
		return false;
	if (chunks_of >= 0 && ((int)major != chunks_of || indefinite))
		return false;
	switch (major) {
	case 2:
	case 3:
		return take_string(w, major, arg, indefinite);
	case 4:
		return open_container(w, arg, indefinite, false);
	case 5:
		if (!indefinite && mul_overflows(arg, (uint64_t)2, &arg))
			return false;
		return open_container(w, arg, indefinite, true);
	case 6:
		return !indefinite && open_container(w, 1, false, false);
	case 7:
		return !indefinite && take_simple(w, initial & 31, arg);
	default:
		if (indefinite)
			return false;
		finish(w);
		return true;
	}
}

int cbor_end(struct blocks *b, uint64_t off, uint64_t end, uint64_t *out)
{
	auto_free struct walk *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->b = b;
	w->off = off;
	w->end = end;
	do {
		if (!take_item(w))
			return -EINVAL;
	} while (w->depth > 0);
	*out = w->off;
	return 0;
}
