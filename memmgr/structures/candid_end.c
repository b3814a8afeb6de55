// SPDX-License-Identifier: MIT
/*
 * Owns finding where a Candid message ends. Values have no length of their own, so all of them are
 * walked, with bounds on depth and on work.
 */
#include "memmgr/structures/ss.h"

enum { MAX_NESTING = 256 };

static bool skip_value(struct ss_candid *c, int64_t type, unsigned depth);

/* A number of any size, of which only the length matters. */
static bool skip_leb(struct ss_candid *c)
{
	uint8_t byte = 128;

	while (byte >= 128)
		if (!ss_candid_take(c, &byte, 1))
			return false;
	return true;
}

/* A principal, or the service of a func: a mark, and bytes if it is 1. */
static bool skip_reference(struct ss_candid *c)
{
	uint64_t len;
	uint8_t mark;

	return ss_candid_take(c, &mark, 1) && mark == 1 && ss_candid_leb(c, &len) &&
	       ss_candid_skip(c, len);
}

static bool skip_vec(struct ss_candid *c, int64_t type, unsigned depth)
{
	uint64_t count;

	if (!ss_candid_leb(c, &count))
		return false;
	if (type == CANDID_NAT8)
		return ss_candid_skip(c, count);
	for (uint64_t i = 0; i < count; i++)
		if (!skip_value(c, type, depth))
			return false;
	return true;
}

static bool skip_composite(struct ss_candid *c, const struct ss_candid_type *t, unsigned depth)
{
	uint64_t n;
	uint8_t mark;

	switch (t->op) {
	case CANDID_OPT:
		return ss_candid_take(c, &mark, 1) && mark <= 1 &&
		       (mark == 0 || skip_value(c, c->field[t->first].type, depth));
	case CANDID_VEC:
		return skip_vec(c, c->field[t->first].type, depth);
	case CANDID_RECORD:
		for (uint32_t i = 0; i < t->count; i++)
			if (!skip_value(c, c->field[t->first + i].type, depth))
				return false;
		return true;
	case CANDID_VARIANT:
		return ss_candid_leb(c, &n) && n < t->count &&
		       skip_value(c, c->field[t->first + n].type, depth);
	case CANDID_FUNC:
		return ss_candid_take(c, &mark, 1) && mark == 1 && skip_reference(c) &&
		       ss_candid_leb(c, &n) && ss_candid_skip(c, n);
	default: /* CANDID_SERVICE */
		return skip_reference(c);
	}
}

static bool skip_value(struct ss_candid *c, int64_t type, unsigned depth)
{
	static const uint8_t width[] = {
		[-CANDID_BOOL] = 1,    [-CANDID_NAT8] = 1,   [-CANDID_NAT16] = 2,
		[-CANDID_NAT32] = 4,   [-CANDID_NAT64] = 8,  [-CANDID_INT8] = 1,
		[-CANDID_INT16] = 2,   [-CANDID_INT32] = 4,  [-CANDID_INT64] = 8,
		[-CANDID_FLOAT32] = 4, [-CANDID_FLOAT64] = 8};
	uint64_t len;

	if (depth == MAX_NESTING || !ss_candid_step(c))
		return false;
	if (type >= 0)
		return skip_composite(c, &c->type[type], depth + 1);
	switch (type) {
	case CANDID_NULL:
	case CANDID_RESERVED:
		return true;
	case CANDID_NAT:
	case CANDID_INT:
		return skip_leb(c);
	case CANDID_TEXT:
		return ss_candid_leb(c, &len) && ss_candid_skip(c, len);
	case CANDID_PRINCIPAL:
		return skip_reference(c);
	default:
		return (size_t)-type < ARRAY_LEN(width) && width[-type] > 0 &&
		       ss_candid_skip(c, width[-type]);
	}
}

int candid_end(struct blocks *b, uint64_t off, uint64_t end, uint64_t *out)
{
	struct ss_candid c = {.blocks = b, .off = off, .end = end};
	bool ok = ss_candid_begin(&c);

	for (unsigned i = 0; ok && i < c.args; i++)
		ok = skip_value(&c, c.arg[i], 0);
	ss_candid_end(&c);
	*out = c.off;
	return ok ? 0 : -EINVAL;
}
