// SPDX-License-Identifier: MIT
/*
 * Owns what comes before the values of a Candid message: "DIDL", the table of types, the types of
 * the arguments; and the bytes that all of it is made of. Source: the Candid specification, "Binary
 * Format".
 */
#include "memmgr/structures/ss.h"

enum {
	MAX_TYPES = 65536,
	MAX_FIELDS = 1 << 20, /* of all types together */
	FREE_STEPS = 1 << 20, /* values walked over that may take no byte */
};

bool ss_candid_take(struct ss_candid *c, void *buf, size_t len)
{
	if (len > c->end - c->off)
		return false;
	if (c->bytes)
		memcpy(buf, c->bytes + c->off, len);
	else if (blocks_read(c->blocks, buf, len, c->off, NULL) < 0)
		return false;
	c->off += len;
	return true;
}

bool ss_candid_skip(struct ss_candid *c, uint64_t len)
{
	if (len > c->end - c->off)
		return false;
	c->off += len;
	return true;
}

bool ss_candid_leb(struct ss_candid *c, uint64_t *out)
{
	uint8_t byte;

	*out = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (!ss_candid_take(c, &byte, 1))
			return false;
		*out |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return shift < 63 || byte < 2;
	}
	return false;
}

static bool take_sleb(struct ss_candid *c, int64_t *out)
{
	uint64_t value = 0;
	uint8_t byte;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		if (!ss_candid_take(c, &byte, 1))
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

static bool take_type(struct ss_candid *c, int64_t *out)
{
	return take_sleb(c, out) && (*out < 0 ? *out >= CANDID_PRINCIPAL : *out < c->types);
}

static bool add_field(struct ss_candid *c, uint32_t id)
{
	int64_t type;

	if (!take_type(c, &type))
		return false;
	if (c->fields == c->field_cap) {
		size_t cap = MAX(64, c->field_cap * 2);
		struct ss_candid_field *more =
			cap > MAX_FIELDS ? NULL : reallocarray(c->field, cap, sizeof(*more));

		if (!more)
			return false;
		c->field = more;
		c->field_cap = cap;
	}
	c->field[c->fields++] = (struct ss_candid_field){id, type};
	return true;
}

static bool take_fields(struct ss_candid *c)
{
	uint64_t count, id, last = 0;

	if (!ss_candid_leb(c, &count))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		if (!ss_candid_leb(c, &id) || id > UINT32_MAX || (i > 0 && id <= last) ||
		    !add_field(c, (uint32_t)id))
			return false;
		last = id;
	}
	return true;
}

static bool skip_func(struct ss_candid *c)
{
	uint64_t count;
	int64_t type;

	for (int list = 0; list < 2; list++) {
		if (!ss_candid_leb(c, &count))
			return false;
		for (uint64_t i = 0; i < count; i++)
			if (!take_type(c, &type))
				return false;
	}
	return ss_candid_leb(c, &count) && ss_candid_skip(c, count);
}

static bool skip_service(struct ss_candid *c)
{
	uint64_t count, len;
	int64_t type;

	if (!ss_candid_leb(c, &count))
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (!ss_candid_leb(c, &len) || !ss_candid_skip(c, len) || !take_type(c, &type))
			return false;
	return true;
}

static bool take_definition(struct ss_candid *c, struct ss_candid_type *t)
{
	bool ok = take_sleb(c, &t->op);

	t->first = c->fields;
	if (!ok)
		return false;
	switch (t->op) {
	case CANDID_OPT:
	case CANDID_VEC:
		ok = add_field(c, 0);
		break;
	case CANDID_RECORD:
	case CANDID_VARIANT:
		ok = take_fields(c);
		break;
	case CANDID_FUNC:
		ok = skip_func(c);
		break;
	case CANDID_SERVICE:
		ok = skip_service(c);
		break;
	default:
		return false;
	}
	t->count = c->fields - t->first;
	return ok;
}

static bool take_table(struct ss_candid *c)
{
	uint64_t count;

	if (!ss_candid_leb(c, &count) || count > MAX_TYPES)
		return false;
	c->types = (uint32_t)count;
	c->type = calloc(MAX(count, 1), sizeof(*c->type));
	for (uint32_t i = 0; c->type && i < c->types; i++)
		if (!take_definition(c, &c->type[i]))
			return false;
	return c->type;
}

bool ss_candid_begin(struct ss_candid *c)
{
	uint64_t count;
	char magic[4];

	c->begin = c->off;
	if (!ss_candid_take(c, magic, 4) || memcmp(magic, "DIDL", 4) != 0 || !take_table(c) ||
	    !ss_candid_leb(c, &count) || count > ARRAY_LEN(c->arg))
		return false;
	for (c->args = 0; c->args < count; c->args++)
		if (!take_type(c, &c->arg[c->args]))
			return false;
	return true;
}

void ss_candid_end(struct ss_candid *c)
{
	free(c->type);
	free(c->field);
}

bool ss_candid_step(struct ss_candid *c)
{
	return ++c->steps <= FREE_STEPS || c->steps / 16 <= c->off - c->begin;
}
