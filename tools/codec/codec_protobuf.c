// SPDX-License-Identifier: MIT
/*
 * Protocol Buffers, the wire format, without a schema: a message is an array of fields in their
 * order, each an object with the field's number as its only key.
 *
 *     {"1": 150}                   a varint
 *     {"2": "text"}                bytes that are text; "$bytes" and digits where they are not
 *     {"3": [{"1": 7}]}            bytes that are a message themselves
 *     {"4": {"$fixed32": 5}}       four or eight bytes, little-endian; above 2^53 a string
 *     {"5": {"$group": [...]}}     what stands between the marks of a group
 *
 * Whether bytes are text or a message nobody says: either leads back to the same bytes. Source: the
 * encoding's specification, protobuf.dev.
 */
#include "tools/codec/codec.h"
#include "tools/input/input.h"

#include <stdio.h>

enum {
	WIRE_VARINT,
	WIRE_FIXED64,
	WIRE_BYTES,
	WIRE_GROUP,
	WIRE_GROUP_END,
	WIRE_FIXED32,
	FIELD_MAX = (1 << 29) - 1,
	DEPTH_MAX = 24, /* messages in messages; JSON_MAX_DEPTH counts each twice */
};

struct wire {
	const uint8_t *at, *end;
	unsigned depth;
	uint64_t group; /* the field whose group this is; 0: none */
};

static bool take_varint(struct wire *w, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; shift < 64 && w->at < w->end; shift += 7) {
		uint8_t byte = *w->at++;

		*out |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return shift < 63 || byte <= 1;
	}
	return false;
}

static bool show_message(struct wire *w, struct buf *out);

static bool show_fixed(struct wire *w, unsigned len, struct buf *out)
{
	uint64_t n;

	if ((size_t)(w->end - w->at) < len)
		return false;
	n = len == 4 ? get_le32(w->at) : get_le64(w->at);
	w->at += len;
	buf_text(out, len == 4 ? "{\"$fixed32\": " : "{\"$fixed64\": ");
	buf_json_u64(out, n);
	buf_text(out, "}");
	return true;
}

static bool is_text(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((bytes[i] < ' ' && bytes[i] != '\n' && bytes[i] != '\t') || bytes[i] == 127)
			return false;
	return is_utf8(bytes, len);
}

static bool show_bytes(struct wire *w, struct buf *out)
{
	struct wire inner = {.depth = w->depth + 1};
	size_t begin = out->len;
	uint64_t len;

	if (!take_varint(w, &len) || len > (uint64_t)(w->end - w->at))
		return false;
	inner.at = w->at;
	inner.end = w->at += len;
	if (is_text(inner.at, (size_t)len))
		return buf_json_string(out, inner.at, (size_t)len) == 0;
	if (inner.depth < DEPTH_MAX && show_message(&inner, out))
		return true;
	out->len = begin;
	buf_text(out, "{\"$bytes\": \"");
	buf_hex(out, w->at - len, (size_t)len);
	buf_text(out, "\"}");
	return true;
}

static bool show_group(struct wire *w, uint64_t field, struct buf *out)
{
	struct wire inner = {w->at, w->end, w->depth + 1, field};

	if (inner.depth >= DEPTH_MAX)
		return false;
	buf_text(out, "{\"$group\": ");
	if (!show_message(&inner, out))
		return false;
	buf_text(out, "}");
	w->at = inner.at;
	return true;
}

static bool show_varint(struct wire *w, struct buf *out)
{
	uint64_t n;
	bool large;

	if (!take_varint(w, &n))
		return false;
	/* A string would be bytes. */
	large = n >> 53;
	buf_text(out, large ? "{\"$varint\": " : "");
	buf_json_u64(out, n);
	buf_text(out, large ? "}" : "");
	return true;
}

static bool show_value(struct wire *w, unsigned type, uint64_t field, struct buf *out)
{
	switch (type) {
	case WIRE_VARINT:
		return show_varint(w, out);
	case WIRE_FIXED64:
		return show_fixed(w, 8, out);
	case WIRE_BYTES:
		return show_bytes(w, out);
	case WIRE_GROUP:
		return show_group(w, field, out);
	case WIRE_FIXED32:
		return show_fixed(w, 4, out);
	default:
		return false;
	}
}

/* False: it is none. Ends behind a group's end mark, else where the bytes end. */
static bool show_message(struct wire *w, struct buf *out)
{
	const char *gap = "";

	buf_text(out, "[");
	while (w->at < w->end) {
		uint64_t tag;

		if (!take_varint(w, &tag) || tag >> 3 == 0 || tag >> 3 > FIELD_MAX)
			return false;
		if ((tag & 7) == WIRE_GROUP_END) {
			buf_text(out, "]");
			return tag >> 3 == w->group;
		}
		buf_printf(out, "%s{\"%u\": ", gap, (unsigned)(tag >> 3));
		if (!show_value(w, tag & 7, tag >> 3, out))
			return false;
		buf_text(out, "}");
		gap = ", ";
	}
	buf_text(out, "]");
	return w->group == 0;
}

static int protobuf_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
			   struct err *err)
{
	struct wire w = {.at = bytes.data, .end = bytes.data + bytes.len};

	if (bytes.len == 0) {
		buf_text(out, "[]");
		return 0;
	}
	return show_message(&w, out)
		       ? 0
		       : err_set(err, -EILSEQ, "%zu bytes that are no protobuf message", bytes.len);
}

/* ---- back ---- */

static int put_message(const json_t *fields, struct buf *out, struct err *err);

static void put_varint(struct buf *out, uint64_t n)
{
	uint8_t raw[10];
	size_t len = 0;

	do {
		raw[len++] = (uint8_t)((n & 0x7f) | (n >> 7 ? 0x80 : 0));
		n >>= 7;
	} while (n);
	buf_add(out, raw, len);
}

static void put_tag(struct buf *out, uint64_t field, unsigned type)
{
	put_varint(out, field << 3 | type);
}

static void put_bytes(struct buf *out, uint64_t field, const void *bytes, size_t len)
{
	put_tag(out, field, WIRE_BYTES);
	put_varint(out, len);
	buf_add(out, bytes, len);
}

/* A whole number, or a string of digits; below 0 it is what 64 bits make of it. */
static bool number_of(const json_t *json, uint64_t *out)
{
	const char *text = json_string_value(json);
	char *end;

	if (json_is_integer(json)) {
		*out = (uint64_t)json_integer_value(json);
		return true;
	}
	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == 0;
}

static int put_fixed(uint64_t field, unsigned len, const json_t *json, struct buf *out,
		     struct err *err)
{
	uint8_t raw[8];
	uint64_t n;

	if (!number_of(json, &n) || (len == 4 && n > UINT32_MAX))
		return err_set(err, -EINVAL, "field %llu: a number of %u bytes is needed",
			       (unsigned long long)field, len);
	put_le64(raw, n);
	put_tag(out, field, len == 4 ? WIRE_FIXED32 : WIRE_FIXED64);
	buf_add(out, raw, len);
	return 0;
}

static int put_nested(uint64_t field, const json_t *json, struct buf *out, struct err *err)
{
	auto_buf struct buf inner = {0};
	int rc = put_message(json, &inner, err);

	if (rc == 0 && inner.failed)
		rc = err_set(err, -ENOMEM, "no memory for a message");
	if (rc == 0)
		put_bytes(out, field, inner.data, inner.len);
	return rc;
}

static int put_group(uint64_t field, const json_t *json, struct buf *out, struct err *err)
{
	int rc;

	put_tag(out, field, WIRE_GROUP);
	rc = put_message(json, out, err);
	put_tag(out, field, WIRE_GROUP_END);
	return rc;
}

static int put_hex(uint64_t field, const json_t *json, struct buf *out, struct err *err)
{
	const char *digits = json_string_value(json);
	auto_buf struct buf bytes = {0};

	if (!digits || buf_from_hex(&bytes, digits, strlen(digits)) < 0)
		return codec_no_hex(digits ? digits : "", err);
	put_bytes(out, field, bytes.data, bytes.len);
	return bytes.failed ? err_set(err, -ENOMEM, "no memory for bytes") : 0;
}

/* {"$fixed32": 5} and its like. */
static int put_special(uint64_t field, const json_t *json, struct buf *out, struct err *err)
{
	const char *kind = json_object_iter_key(json_object_iter((json_t *)json));
	const json_t *inner = kind ? json_object_get(json, kind) : NULL;
	uint64_t n;

	if (!kind || json_object_size(json) != 1)
		kind = "";
	if (strcmp(kind, "$fixed32") == 0 || strcmp(kind, "$fixed64") == 0)
		return put_fixed(field, kind[6] == '3' ? 4 : 8, inner, out, err);
	if (strcmp(kind, "$bytes") == 0)
		return put_hex(field, inner, out, err);
	if (strcmp(kind, "$group") == 0)
		return put_group(field, inner, out, err);
	if (strcmp(kind, "$varint") != 0 || !number_of(inner, &n))
		return err_set(err, -EINVAL,
			       "field %llu: an object is one of $varint, $fixed32, $fixed64, "
			       "$bytes and $group",
			       (unsigned long long)field);
	put_tag(out, field, WIRE_VARINT);
	put_varint(out, n);
	return 0;
}

static int put_field(uint64_t field, const json_t *json, struct buf *out, struct err *err)
{
	if (json_is_string(json)) {
		put_bytes(out, field, json_string_value(json), json_string_length(json));
		return 0;
	}
	if (json_is_array(json))
		return put_nested(field, json, out, err);
	if (json_is_object(json))
		return put_special(field, json, out, err);
	if (!json_is_integer(json))
		return err_set(
			err, -EINVAL,
			"field %llu: a whole number, a string, a list or an object is needed",
			(unsigned long long)field);
	put_tag(out, field, WIRE_VARINT);
	put_varint(out, (uint64_t)json_integer_value(json));
	return 0;
}

static bool field_of(const char *key, uint64_t *out)
{
	char *end;

	if (!key || *key < '1' || *key > '9')
		return false;
	errno = 0;
	*out = strtoull(key, &end, 10);
	return errno == 0 && *end == 0 && *out <= FIELD_MAX;
}

static int put_message(const json_t *fields, struct buf *out, struct err *err)
{
	if (!json_is_array(fields))
		return err_set(err, -EINVAL, "a protobuf message is a list of fields");
	for (size_t i = 0; i < json_array_size(fields); i++) {
		json_t *one = json_array_get(fields, i);
		const char *key = json_object_iter_key(json_object_iter(one));
		uint64_t field;
		int rc;

		if (json_object_size(one) != 1 || !field_of(key, &field))
			return err_set(err, -EINVAL,
				       "a protobuf field is an object with its number, 1 to %d, as "
				       "the only key",
				       FIELD_MAX);
		rc = put_field(field, json_object_get(one, key), out, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int protobuf_encode(const struct codec *c, const json_t *json, struct buf *out,
			   struct err *err)
{
	return put_message(json, out, err);
}

const struct codec_ops codec_protobuf = {
	.name = "protobuf",
	.help = "a protobuf message, by its wire format",
	.decode = protobuf_decode,
	.encode = protobuf_encode,
};
