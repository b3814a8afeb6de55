// SPDX-License-Identifier: MIT
/*
 * Owns showing a Candid message as JSON. A message carries its types but no field names: those
 * come from a .did file where one is given, else a field is "_" and its hash. An option is [] or
 * [value], a record whose fields count from 0 an array, a vec of nat8 {"$bytes": "hex"}. Source:
 * the Candid specification, "Binary Format".
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "tools/codec.h"
#include "tools/did.h"

enum {
	MAX_TYPES = 65536,
	MAX_FIELDS = 1 << 20,
	MAX_NESTING = 128,
	FREE_STEPS = 1 << 20, /* values shown that may take no byte */
};

enum { /* type opcodes */
       T_NULL = -1,
       T_BOOL = -2,
       T_NAT = -3,
       T_INT = -4,
       T_NAT8 = -5,
       T_NAT64 = -8,
       T_INT8 = -9,
       T_INT64 = -12,
       T_FLOAT32 = -13,
       T_FLOAT64 = -14,
       T_TEXT = -15,
       T_RESERVED = -16,
       T_OPT = -18,
       T_VEC = -19,
       T_RECORD = -20,
       T_VARIANT = -21,
       T_FUNC = -22,
       T_SERVICE = -23,
       T_PRINCIPAL = -24,
};

struct field {
	uint32_t id;
	int64_t type;
};

struct type {
	int64_t op;
	uint32_t first, count; /* its fields, in message.field */
};

struct message {
	const uint8_t *at, *begin, *end;
	struct type *type;
	uint32_t types;
	struct field *field;
	uint32_t fields;
	size_t field_cap;
	const struct did *did; /* or NULL */
	struct buf *out;
	unsigned depth;
	uint64_t steps;
};

/* ---- bytes ---- */

static bool take(struct message *m, size_t len, const uint8_t **out)
{
	if (len > (size_t)(m->end - m->at))
		return false;
	*out = m->at;
	m->at += len;
	return true;
}

static bool take_leb(struct message *m, uint64_t *out)
{
	const uint8_t *byte;

	*out = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (!take(m, 1, &byte))
			return false;
		*out |= (uint64_t)(*byte & 127) << shift;
		if (*byte < 128)
			return shift < 63 || *byte < 2;
	}
	return false;
}

/* A length that must fit in what is left. */
static bool take_len(struct message *m, size_t *out)
{
	uint64_t len;

	if (!take_leb(m, &len) || len > (uint64_t)(m->end - m->at))
		return false;
	*out = (size_t)len;
	return true;
}

static bool take_type(struct message *m, int64_t *out)
{
	const uint8_t *byte;
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		if (!take(m, 1, &byte))
			return false;
		value |= (uint64_t)(*byte & 127) << shift;
		if (*byte >= 128)
			continue;
		if (*byte & 64)
			value |= ~UINT64_C(0) << (shift + 7);
		*out = (int64_t)value;
		return *out < 0 ? *out >= T_PRINCIPAL : *out < m->types;
	}
	return false;
}

/* ---- types ---- */

static bool add_field(struct message *m, uint32_t id)
{
	int64_t type;

	if (!take_type(m, &type))
		return false;
	if (m->fields == m->field_cap) {
		size_t cap = MAX(64, m->field_cap * 2);
		struct field *more =
			cap > MAX_FIELDS ? NULL : reallocarray(m->field, cap, sizeof(*more));

		if (!more)
			return false;
		m->field = more;
		m->field_cap = cap;
	}
	m->field[m->fields++] = (struct field){id, type};
	return true;
}

static bool take_fields(struct message *m)
{
	uint64_t count, id, last = 0;

	if (!take_leb(m, &count))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		if (!take_leb(m, &id) || id > UINT32_MAX || (i > 0 && id <= last) ||
		    !add_field(m, (uint32_t)id))
			return false;
		last = id;
	}
	return true;
}

static bool skip_types(struct message *m)
{
	uint64_t count;
	int64_t type;

	if (!take_leb(m, &count))
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (!take_type(m, &type))
			return false;
	return true;
}

static bool skip_methods(struct message *m)
{
	const uint8_t *name;
	uint64_t count;
	int64_t type;
	size_t len;

	if (!take_leb(m, &count))
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (!take_len(m, &len) || !take(m, len, &name) || !take_type(m, &type))
			return false;
	return true;
}

static bool take_definition(struct message *m, struct type *t)
{
	const uint8_t *byte;
	size_t len;
	bool ok;

	if (!take(m, 1, &byte))
		return false;
	t->op = (int64_t)(*byte & 127) - 128;
	t->first = m->fields;
	switch (t->op) {
	case T_OPT:
	case T_VEC:
		ok = add_field(m, 0);
		break;
	case T_RECORD:
	case T_VARIANT:
		ok = take_fields(m);
		break;
	case T_FUNC:
		ok = skip_types(m) && skip_types(m) && take_len(m, &len) && take(m, len, &byte);
		break;
	case T_SERVICE:
		ok = skip_methods(m);
		break;
	default:
		return false;
	}
	t->count = m->fields - t->first;
	return ok;
}

static bool take_table(struct message *m)
{
	uint64_t count;

	if (!take_leb(m, &count) || count > MAX_TYPES)
		return false;
	m->types = (uint32_t)count;
	m->type = calloc(MAX(count, 1), sizeof(*m->type));
	for (uint32_t i = 0; m->type && i < m->types; i++)
		if (!take_definition(m, &m->type[i]))
			return false;
	return m->type;
}

/* ---- values ---- */

static bool show(struct message *m, int64_t type);

/* A whole number of any length. Above 128 bits its bytes are shown instead. */
static bool show_leb(struct message *m, bool is_signed)
{
	const uint8_t *begin = m->at, *byte;
	unsigned __int128 n = 0;
	char digits[40], *at = digits + sizeof(digits);
	unsigned shift = 0;
	bool negative;

	do {
		if (!take(m, 1, &byte))
			return false;
		if (shift < 126)
			n |= (unsigned __int128)(*byte & 127) << shift;
		shift += 7;
	} while (*byte >= 128);
	if (shift > 126) {
		buf_text(m->out, "{\"$leb128\": \"");
		buf_hex(m->out, begin, (size_t)(m->at - begin));
		buf_text(m->out, "\"}");
		return true;
	}
	negative = is_signed && (*byte & 64);
	if (negative)
		n = ((unsigned __int128)1 << shift) - n;
	do {
		*--at = (char)('0' + (int)(n % 10));
		n /= 10;
	} while (n > 0);
	if (negative)
		*--at = '-';
	buf_printf(m->out, digits + sizeof(digits) - at > 15 ? "\"%.*s\"" : "%.*s",
		   (int)(digits + sizeof(digits) - at), at);
	return true;
}

static bool show_fixed(struct message *m, int64_t type)
{
	bool is_signed = type <= T_INT8;
	unsigned width = 1u << ((is_signed ? T_INT8 : T_NAT8) - type);
	const uint8_t *bytes;
	uint64_t n = 0;

	if (!take(m, width, &bytes))
		return false;
	for (unsigned i = width; i > 0; i--)
		n = n << 8 | bytes[i - 1];
	if (is_signed && width < 8 && n >> (width * 8 - 1))
		n |= ~UINT64_C(0) << width * 8;
	if (is_signed && (int64_t)n < 0) {
		bool quoted = (int64_t)n < -(INT64_C(1) << 53);

		buf_printf(m->out, quoted ? "\"%" PRId64 "\"" : "%" PRId64, (int64_t)n);
	} else {
		json_show_u64(m->out, n);
	}
	return true;
}

static bool show_float(struct message *m, bool wide)
{
	const uint8_t *bytes;
	uint32_t narrow_bits;
	uint64_t bits;
	float narrow;
	double real;

	if (!take(m, wide ? 8 : 4, &bytes))
		return false;
	if (wide) {
		bits = get_le64(bytes);
		memcpy(&real, &bits, sizeof(real));
	} else {
		narrow_bits = get_le32(bytes);
		memcpy(&narrow, &narrow_bits, sizeof(narrow));
		real = (double)narrow;
	}
	if (isfinite(real))
		buf_printf(m->out, "%.*g", wide ? 17 : 9, real);
	else
		buf_text(m->out, isnan(real) ? "\"nan\"" : real > 0 ? "\"inf\"" : "\"-inf\"");
	return true;
}

static bool show_text(struct message *m)
{
	const uint8_t *bytes;
	size_t len;

	return take_len(m, &len) && take(m, len, &bytes) &&
	       buf_json_string(m->out, bytes, len) == 0;
}

/* A principal, or a service, which is named by one. */
static bool show_reference(struct message *m)
{
	const uint8_t *bytes;
	size_t len;

	if (!take(m, 1, &bytes) || *bytes != 1 || !take_len(m, &len) || !take(m, len, &bytes))
		return false;
	buf_text(m->out, "\"");
	if (principal_show((struct ss_bytes){bytes, len}, m->out) < 0)
		return false;
	buf_text(m->out, "\"");
	return true;
}

static bool show_func(struct message *m)
{
	const uint8_t *mark;

	if (!take(m, 1, &mark) || *mark != 1)
		return false;
	buf_text(m->out, "{\"$func\": [");
	if (!show_reference(m))
		return false;
	buf_text(m->out, ", ");
	if (!show_text(m))
		return false;
	buf_text(m->out, "]}");
	return true;
}

static bool show_opt(struct message *m, int64_t type)
{
	const uint8_t *mark;

	if (!take(m, 1, &mark) || *mark > 1)
		return false;
	buf_text(m->out, "[");
	if (*mark == 1 && !show(m, type))
		return false;
	buf_text(m->out, "]");
	return true;
}

static bool show_blob(struct message *m)
{
	const uint8_t *bytes;
	size_t len;

	if (!take_len(m, &len) || !take(m, len, &bytes))
		return false;
	buf_text(m->out, "{\"$bytes\": \"");
	buf_hex(m->out, bytes, len);
	buf_text(m->out, "\"}");
	return true;
}

static bool show_vec(struct message *m, int64_t type)
{
	uint64_t count;

	if (type == T_NAT8)
		return show_blob(m);
	if (!take_leb(m, &count))
		return false;
	buf_text(m->out, "[");
	for (uint64_t i = 0; i < count; i++) {
		buf_text(m->out, i > 0 ? ", " : "");
		if (m->out->failed || !show(m, type))
			return false;
	}
	buf_text(m->out, "]");
	return true;
}

static void show_name(struct message *m, uint32_t id)
{
	const char *name = m->did ? did_name(m->did, id) : NULL;

	if (!name || buf_json_string(m->out, name, strlen(name)) < 0)
		buf_printf(m->out, "\"_%" PRIu32 "\"", id);
	buf_text(m->out, ": ");
}

static bool is_tuple(const struct message *m, const struct type *t)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (m->field[t->first + i].id != i)
			return false;
	return t->count > 0;
}

static bool show_record(struct message *m, const struct type *t)
{
	bool tuple = is_tuple(m, t);

	buf_text(m->out, tuple ? "[" : "{");
	for (uint32_t i = 0; i < t->count; i++) {
		const struct field *f = &m->field[t->first + i];

		buf_text(m->out, i > 0 ? ", " : "");
		if (!tuple)
			show_name(m, f->id);
		if (!show(m, f->type))
			return false;
	}
	buf_text(m->out, tuple ? "]" : "}");
	return true;
}

static bool show_variant(struct message *m, const struct type *t)
{
	uint64_t n;

	if (!take_leb(m, &n) || n >= t->count)
		return false;
	buf_text(m->out, "{");
	show_name(m, m->field[t->first + n].id);
	if (!show(m, m->field[t->first + n].type))
		return false;
	buf_text(m->out, "}");
	return true;
}

static bool show_composite(struct message *m, const struct type *t)
{
	bool ok = false;

	if (m->depth == MAX_NESTING)
		return false;
	m->depth++;
	switch (t->op) {
	case T_OPT:
		ok = show_opt(m, m->field[t->first].type);
		break;
	case T_VEC:
		ok = show_vec(m, m->field[t->first].type);
		break;
	case T_RECORD:
		ok = show_record(m, t);
		break;
	case T_VARIANT:
		ok = show_variant(m, t);
		break;
	case T_FUNC:
		ok = show_func(m);
		break;
	case T_SERVICE:
		ok = show_reference(m);
		break;
	}
	m->depth--;
	return ok;
}

static bool show_bool(struct message *m)
{
	const uint8_t *byte;

	if (!take(m, 1, &byte) || *byte > 1)
		return false;
	buf_text(m->out, *byte ? "true" : "false");
	return true;
}

static bool show(struct message *m, int64_t type)
{
	/* Types can make 2^64 values of no bytes at all. */
	if (++m->steps > FREE_STEPS && m->steps / 16 > (uint64_t)(m->at - m->begin))
		return false;
	if (type >= 0)
		return show_composite(m, &m->type[type]);
	switch (type) {
	case T_NULL:
	case T_RESERVED:
		buf_text(m->out, "null");
		return true;
	case T_BOOL:
		return show_bool(m);
	case T_NAT:
	case T_INT:
		return show_leb(m, type == T_INT);
	case T_FLOAT32:
	case T_FLOAT64:
		return show_float(m, type == T_FLOAT64);
	case T_TEXT:
		return show_text(m);
	case T_PRINCIPAL:
		return show_reference(m);
	default:
		return type <= T_NAT8 && type >= T_INT64 && show_fixed(m, type);
	}
}

/* ---- the message: an array of its arguments ---- */

static bool show_message(struct message *m)
{
	const uint8_t *args;
	uint64_t count;
	int64_t type;

	if (!take(m, 4, &args) || memcmp(args, "DIDL", 4) != 0 || !take_table(m) ||
	    !take_leb(m, &count) || count > (uint64_t)(m->end - m->at))
		return false;
	args = m->at;
	for (uint64_t i = 0; i < count; i++)
		if (!take_type(m, &type))
			return false;
	buf_text(m->out, "[");
	for (uint64_t i = 0; i < count; i++) {
		const uint8_t *values = m->at;

		/* The types again, one by one: they lie before all values. */
		m->at = args;
		if (!take_type(m, &type))
			return false;
		args = m->at;
		m->at = values;
		buf_text(m->out, i > 0 ? ", " : "");
		if (!show(m, type))
			return false;
	}
	buf_text(m->out, "]");
	return true;
}

static int decode(const struct codec *c, struct ss_bytes bytes, struct buf *out, struct err *err)
{
	struct message m = {.at = bytes.data,
			    .begin = bytes.data,
			    .end = bytes.data + bytes.len,
			    .did = c->state,
			    .out = out};
	bool ok = show_message(&m);

	free(m.type);
	free(m.field);
	if (!ok)
		return err_set(err, -EILSEQ,
			       "%zu bytes that are no Candid message (as far as byte %zu)",
			       bytes.len, (size_t)(m.at - m.begin));
	if (m.at < m.end)
		return err_set(err, -EILSEQ, "%zu bytes follow the Candid message of %zu",
			       (size_t)(m.end - m.at), (size_t)(m.at - m.begin));
	return 0;
}

static int set_arg(struct codec *c, const char *arg, struct err *err)
{
	struct did *did;
	int rc = arg ? did_read(arg, &did, err) : 0;

	if (arg && rc == 0)
		c->state = did;
	return rc;
}

static void end(struct codec *c)
{
	did_free(c->state);
}

const struct codec_ops codec_candid = {
	.name = "candid",
	.help = "a Candid message as JSON; candid:FILE.did has the names of its fields",
	.decode = decode,
	.set_arg = set_arg,
	.end = end,
};
