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

#include "tools/codec/codec.h"
#include "tools/codec/did.h"

enum { MAX_NESTING = 128 };

struct message {
	struct ss_candid c;
	const struct did *did; /* or NULL */
	struct buf *out;
	unsigned depth;
};

/* ---- bytes ---- */

static bool take(struct message *m, size_t len, const uint8_t **out)
{
	*out = m->c.bytes + m->c.off;
	return ss_candid_skip(&m->c, len);
}

/* Bytes behind their length. */
static bool take_bytes(struct message *m, struct ss_bytes *out)
{
	uint64_t len;

	if (!ss_candid_leb(&m->c, &len) || len > m->c.end - m->c.off)
		return false;
	out->len = (size_t)len;
	return take(m, out->len, &out->data);
}

/* ---- values ---- */

static bool show(struct message *m, int64_t type);

/* A whole number of any length. Above 128 bits its bytes are shown instead. */
static bool show_leb(struct message *m, bool is_signed)
{
	const uint8_t *begin = m->c.bytes + m->c.off, *byte;
	unsigned __int128 n = 0;
	char digits[40], *at = digits + sizeof(digits);
	unsigned shift = 0;
	bool negative, quoted;

	do {
		if (!take(m, 1, &byte))
			return false;
		if (shift < 126)
			n |= (unsigned __int128)(*byte & 127) << shift;
		shift += 7;
	} while (*byte >= 128);
	if (shift > 126) {
		buf_text(m->out, "{\"$leb128\": \"");
		buf_hex(m->out, begin, (size_t)(m->c.bytes + m->c.off - begin));
		buf_text(m->out, "\"}");
		return true;
	}
	negative = is_signed && (*byte & 64);
	if (negative)
		n = ((unsigned __int128)1 << shift) - n;
	quoted = n >> 53 != 0;
	do {
		*--at = (char)('0' + (int)(n % 10));
		n /= 10;
	} while (n > 0);
	if (negative)
		*--at = '-';
	buf_printf(m->out, quoted ? "\"%.*s\"" : "%.*s", (int)(digits + sizeof(digits) - at), at);
	return true;
}

static bool show_fixed(struct message *m, int64_t type)
{
	bool is_signed = type <= CANDID_INT8;
	unsigned width = 1u << ((is_signed ? CANDID_INT8 : CANDID_NAT8) - type);
	const uint8_t *bytes;
	uint64_t n = 0;

	if (!take(m, width, &bytes))
		return false;
	for (unsigned i = width; i > 0; i--)
		n = n << 8 | bytes[i - 1];
	if (is_signed && width < 8 && n >> (width * 8 - 1))
		n |= ~UINT64_C(0) << width * 8;
	if (is_signed && (int64_t)n < 0) {
		bool quoted = (int64_t)n <= -(INT64_C(1) << 53);

		buf_printf(m->out, quoted ? "\"%" PRId64 "\"" : "%" PRId64, (int64_t)n);
	} else {
		buf_json_u64(m->out, n);
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
	struct ss_bytes text;

	return take_bytes(m, &text) && buf_json_string(m->out, text.data, text.len) == 0;
}

/* A principal, or a service, which is named by one. */
static bool show_reference(struct message *m)
{
	const uint8_t *mark;
	struct ss_bytes id;

	if (!take(m, 1, &mark) || *mark != 1 || !take_bytes(m, &id))
		return false;
	buf_text(m->out, "\"");
	if (principal_show(id, m->out) < 0)
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
	struct ss_bytes blob;

	if (!take_bytes(m, &blob))
		return false;
	buf_text(m->out, "{\"$bytes\": \"");
	buf_hex(m->out, blob.data, blob.len);
	buf_text(m->out, "\"}");
	return true;
}

static bool show_vec(struct message *m, int64_t type)
{
	uint64_t count;

	if (type == CANDID_NAT8)
		return show_blob(m);
	if (!ss_candid_leb(&m->c, &count))
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

static bool is_tuple(const struct message *m, const struct ss_candid_type *t)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (m->c.field[t->first + i].id != i)
			return false;
	return t->count > 0;
}

static bool show_record(struct message *m, const struct ss_candid_type *t)
{
	bool tuple = is_tuple(m, t);

	buf_text(m->out, tuple ? "[" : "{");
	for (uint32_t i = 0; i < t->count; i++) {
		const struct ss_candid_field *f = &m->c.field[t->first + i];

		buf_text(m->out, i > 0 ? ", " : "");
		if (!tuple)
			show_name(m, f->id);
		if (!show(m, f->type))
			return false;
	}
	buf_text(m->out, tuple ? "]" : "}");
	return true;
}

static bool show_variant(struct message *m, const struct ss_candid_type *t)
{
	uint64_t n;

	if (!ss_candid_leb(&m->c, &n) || n >= t->count)
		return false;
	buf_text(m->out, "{");
	show_name(m, m->c.field[t->first + n].id);
	if (!show(m, m->c.field[t->first + n].type))
		return false;
	buf_text(m->out, "}");
	return true;
}

static bool show_composite(struct message *m, const struct ss_candid_type *t)
{
	bool ok = false;

	if (m->depth == MAX_NESTING)
		return false;
	m->depth++;
	switch (t->op) {
	case CANDID_OPT:
		ok = show_opt(m, m->c.field[t->first].type);
		break;
	case CANDID_VEC:
		ok = show_vec(m, m->c.field[t->first].type);
		break;
	case CANDID_RECORD:
		ok = show_record(m, t);
		break;
	case CANDID_VARIANT:
		ok = show_variant(m, t);
		break;
	case CANDID_FUNC:
		ok = show_func(m);
		break;
	case CANDID_SERVICE:
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
	if (!ss_candid_step(&m->c))
		return false;
	if (type >= 0)
		return show_composite(m, &m->c.type[type]);
	switch (type) {
	case CANDID_NULL:
	case CANDID_RESERVED:
		buf_text(m->out, "null");
		return true;
	case CANDID_BOOL:
		return show_bool(m);
	case CANDID_NAT:
	case CANDID_INT:
		return show_leb(m, type == CANDID_INT);
	case CANDID_FLOAT32:
	case CANDID_FLOAT64:
		return show_float(m, type == CANDID_FLOAT64);
	case CANDID_TEXT:
		return show_text(m);
	case CANDID_PRINCIPAL:
		return show_reference(m);
	default:
		return type <= CANDID_NAT8 && type >= CANDID_INT64 && show_fixed(m, type);
	}
}

/* ---- the message: an array of its arguments ---- */

static bool show_message(struct message *m)
{
	if (!ss_candid_begin(&m->c))
		return false;
	buf_text(m->out, "[");
	for (unsigned i = 0; i < m->c.args; i++) {
		buf_text(m->out, i > 0 ? ", " : "");
		if (!show(m, m->c.arg[i]))
			return false;
	}
	buf_text(m->out, "]");
	return true;
}

static int decode(const struct codec *c, struct ss_bytes bytes, struct buf *out, struct err *err)
{
	struct message m = {
		.c = {.bytes = bytes.data, .end = bytes.len}, .did = c->state, .out = out};
	bool ok = show_message(&m);

	ss_candid_end(&m.c);
	if (!ok)
		return err_set(err, -EILSEQ,
			       "%zu bytes that are no Candid message (as far as byte %" PRIu64 ")",
			       bytes.len, m.c.off);
	if (m.c.off < m.c.end)
		return err_set(err, -EILSEQ,
			       "%" PRIu64 " bytes follow the Candid message of %" PRIu64,
			       m.c.end - m.c.off, m.c.off);
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
