// SPDX-License-Identifier: MIT
/*
 * Owns finding where a Candid message ends: "DIDL", a type table, argument types, values. Values
 * have no length of their own, so all of them are walked, with bounds on depth and on work.
 * Source: the Candid specification, "Binary Format".
 */
#include "memmgr/structures/ss.h"

enum {
	MAX_TYPES = 65536,
	MAX_FIELDS = 1 << 20, /* of all types together */
	MAX_NESTING = 256,
	MAX_ARGS = 1024,
	FREE_STEPS = 1 << 20, /* values walked over that may take no byte */
};

enum { /* type opcodes */
       T_NULL = -1,
       T_BOOL = -2,
       T_NAT = -3,
       T_INT = -4,
       T_NAT8 = -5,
       T_NAT16 = -6,
       T_NAT32 = -7,
       T_NAT64 = -8,
       T_INT8 = -9,
       T_INT16 = -10,
       T_INT32 = -11,
       T_INT64 = -12,
       T_FLOAT32 = -13,
       T_FLOAT64 = -14,
       T_TEXT = -15,
       T_RESERVED = -16,
       T_EMPTY = -17,
       T_OPT = -18,
       T_VEC = -19,
       T_RECORD = -20,
       T_VARIANT = -21,
       T_FUNC = -22,
       T_SERVICE = -23,
       T_PRINCIPAL = -24,
};

struct type {
	int64_t op;
	uint32_t first, count; /* its parts' types in walk.part */
};

struct walk {
	struct blocks *b;
	uint64_t off, end;
	struct type *type;
	uint32_t types;
	int64_t *part;
	uint32_t parts;
	size_t part_cap;
	uint64_t begin, steps; /* values walked over */
};

static bool take(struct walk *w, void *buf, size_t len)
{
	if (len > w->end - w->off || blocks_read(w->b, buf, len, w->off, NULL) < 0)
		return false;
	w->off += len;
	return true;
}

static bool skip(struct walk *w, uint64_t len)
{
	if (len > w->end - w->off)
		return false;
	w->off += len;
	return true;
}

static bool take_leb(struct walk *w, uint64_t *out)
{
	uint8_t byte;

	*out = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (!take(w, &byte, 1))
			return false;
		*out |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return shift < 63 || byte < 2;
	}
	return false;
}

static bool take_sleb(struct walk *w, int64_t *out)
{
	uint64_t value = 0;
	uint8_t byte;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		if (!take(w, &byte, 1))
			return false;
		value |= (uint64_t)(byte & 127) << shift;
		if (byte < 128) {
			if (byte & 64)
				value |= ~(uint64_t)0 << (shift + 7);
			*out = (int64_t)value;
			return true;
		}
	}
	return false;
}

/* A number of any size, of which only the length matters. */
static bool skip_leb(struct walk *w)
{
	uint8_t byte = 128;

	while (byte >= 128)
		if (!take(w, &byte, 1))
			return false;
	return true;
}

static bool take_type(struct walk *w, int64_t *out)
{
	return take_sleb(w, out) && (*out < 0 ? *out >= T_PRINCIPAL : *out < w->types);
}

static bool add_part(struct walk *w)
{
	int64_t type;

	if (!take_type(w, &type))
		return false;
	if (w->parts == w->part_cap) {
		size_t cap = MAX(64, w->part_cap * 2);
		int64_t *more = cap > MAX_FIELDS ? NULL : reallocarray(w->part, cap, sizeof(*more));

		if (!more)
			return false;
		w->part = more;
		w->part_cap = cap;
	}
	w->part[w->parts++] = type;
	return true;
}

static bool take_fields(struct walk *w)
{
	uint64_t count, id, last = 0;

	if (!take_leb(w, &count))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		if (!take_leb(w, &id) || id > UINT32_MAX || (i > 0 && id <= last) || !add_part(w))
			return false;
		last = id;
	}
	return true;
}

static bool skip_func(struct walk *w)
{
	uint64_t count;
	int64_t type;

	for (int list = 0; list < 2; list++) {
		if (!take_leb(w, &count))
			return false;
		for (uint64_t i = 0; i < count; i++)
			if (!take_type(w, &type))
				return false;
	}
	return take_leb(w, &count) && skip(w, count);
}

static bool skip_service(struct walk *w)
{
	uint64_t count, len;
	int64_t type;

	if (!take_leb(w, &count))
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (!take_leb(w, &len) || !skip(w, len) || !take_type(w, &type))
			return false;
	return true;
}

static bool take_table_entry(struct walk *w, struct type *t)
{
	bool ok = take_sleb(w, &t->op);

	t->first = w->parts;
	if (!ok)
		return false;
	switch (t->op) {
	case T_OPT:
	case T_VEC:
		ok = add_part(w);
		break;
	case T_RECORD:
	case T_VARIANT:
		ok = take_fields(w);
		break;
	case T_FUNC:
		ok = skip_func(w);
		break;
	case T_SERVICE:
		ok = skip_service(w);
		break;
	default:
		return false;
	}
	t->count = w->parts - t->first;
	return ok;
}

static bool skip_value(struct walk *w, int64_t type, unsigned depth);

/* A principal, or the service of a func: a mark, and bytes if it is 1. */
static bool skip_reference(struct walk *w)
{
	uint64_t len;
	uint8_t mark;

	return take(w, &mark, 1) && mark == 1 && take_leb(w, &len) && skip(w, len);
}

static bool skip_vec(struct walk *w, int64_t type, unsigned depth)
{
	uint64_t count;

	if (!take_leb(w, &count))
		return false;
	if (type == T_NAT8)
		return skip(w, count);
	for (uint64_t i = 0; i < count; i++)
		if (!skip_value(w, type, depth))
			return false;
	return true;
}

static bool skip_composite(struct walk *w, const struct type *t, unsigned depth)
{
	uint64_t n;
	uint8_t mark;

	switch (t->op) {
	case T_OPT:
		return take(w, &mark, 1) && mark <= 1 &&
		       (mark == 0 || skip_value(w, w->part[t->first], depth));
	case T_VEC:
		return skip_vec(w, w->part[t->first], depth);
	case T_RECORD:
		for (uint32_t i = 0; i < t->count; i++)
			if (!skip_value(w, w->part[t->first + i], depth))
				return false;
		return true;
	case T_VARIANT:
		return take_leb(w, &n) && n < t->count &&
		       skip_value(w, w->part[t->first + n], depth);
	case T_FUNC:
		return take(w, &mark, 1) && mark == 1 && skip_reference(w) && take_leb(w, &n) &&
		       skip(w, n);
	default: /* T_SERVICE */
		return skip_reference(w);
	}
}

static bool skip_value(struct walk *w, int64_t type, unsigned depth)
{
	static const uint8_t width[] = {[-T_BOOL] = 1,    [-T_NAT8] = 1,   [-T_NAT16] = 2,
					[-T_NAT32] = 4,   [-T_NAT64] = 8,  [-T_INT8] = 1,
					[-T_INT16] = 2,   [-T_INT32] = 4,  [-T_INT64] = 8,
					[-T_FLOAT32] = 4, [-T_FLOAT64] = 8};
	uint64_t len;

	/* Types can make 2^64 values of no bytes at all. */
	if (depth == MAX_NESTING || (++w->steps > FREE_STEPS && w->steps / 16 > w->off - w->begin))
		return false;
	if (type >= 0)
		return skip_composite(w, &w->type[type], depth + 1);
	switch (type) {
	case T_NULL:
	case T_RESERVED:
		return true;
	case T_NAT:
	case T_INT:
		return skip_leb(w);
	case T_TEXT:
		return take_leb(w, &len) && skip(w, len);
	case T_PRINCIPAL:
		return skip_reference(w);
	default:
		return (size_t)-type < ARRAY_LEN(width) && width[-type] > 0 &&
		       skip(w, width[-type]);
	}
}

static bool walk_message(struct walk *w)
{
	int64_t arg[MAX_ARGS];
	uint64_t count;
	char magic[4];

	if (!take(w, magic, 4) || memcmp(magic, "DIDL", 4) != 0 || !take_leb(w, &count) ||
	    count > MAX_TYPES)
		return false;
	w->types = (uint32_t)count;
	w->type = calloc(MAX(count, 1), sizeof(*w->type));
	if (!w->type)
		return false;
	for (uint32_t i = 0; i < w->types; i++)
		if (!take_table_entry(w, &w->type[i]))
			return false;
	if (!take_leb(w, &count) || count > MAX_ARGS)
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (!take_type(w, &arg[i]))
			return false;
	for (uint64_t i = 0; i < count; i++)
		if (!skip_value(w, arg[i], 0))
			return false;
	return true;
}

int candid_end(struct blocks *b, uint64_t off, uint64_t end, uint64_t *out)
{
	struct walk w = {.b = b, .off = off, .begin = off, .end = end};
	bool ok = walk_message(&w);

	free(w.type);
	free(w.part);
	*out = w.off;
	return ok ? 0 : -EINVAL;
}
