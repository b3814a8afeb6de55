// SPDX-License-Identifier: MIT
/*
 * Owns CBOR as JSON and back. What JSON has no word for is an object with one key:
 *
 *   {"$bytes": "hex"}   {"$int": "18446744073709551615"}   {"$tag": [n, item]}   {"$simple": n}
 *   {"$map": [[key, value], ...]}, where keys are not all text, or begin with "$"
 *   {"$f32": 1.5}, {"$f16": 1.5}: narrow floats; {"$f64": "nan"}: in any width, what is no number
 *   {"$endless": [...]} or {...}: an array or a map without its count
 *
 * Other encodings of the same item (longer lengths, text in pieces) do not come back; codec.c
 * notices, and keeps the bytes beside it.
 */
#include <cbor.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "tools/codec.h"

enum { MAX_NESTING = 128 };

enum item_type {
	ITEM_NONE,
	ITEM_UINT,
	ITEM_NEGINT,
	ITEM_BYTES,
	ITEM_TEXT,
	ITEM_ARRAY,
	ITEM_MAP,
	ITEM_TAG,
	ITEM_BOOL,
	ITEM_NULL,
	ITEM_UNDEFINED,
	ITEM_F16,
	ITEM_F32,
	ITEM_F64,
	ITEM_BREAK,
	ITEM_SIMPLE,
};

/* The head of one item, as libcbor's callbacks tell it. */
struct item {
	enum item_type type;
	uint64_t n; /* number, tag, count of an array or map */
	bool endless;
	const uint8_t *data;
	size_t len;
	double real;
};

static void set_number(void *ctx, enum item_type type, uint64_t n)
{
	*(struct item *)ctx = (struct item){.type = type, .n = n};
}

#define NUMBER_CALLBACKS(name, type)                                                               \
	static void on_##name##8(void *ctx, uint8_t n)                                             \
	{                                                                                          \
		set_number(ctx, type, n);                                                          \
	}                                                                                          \
	static void on_##name##16(void *ctx, uint16_t n)                                           \
	{                                                                                          \
		set_number(ctx, type, n);                                                          \
	}                                                                                          \
	static void on_##name##32(void *ctx, uint32_t n)                                           \
	{                                                                                          \
		set_number(ctx, type, n);                                                          \
	}                                                                                          \
	static void on_##name##64(void *ctx, uint64_t n)                                           \
	{                                                                                          \
		set_number(ctx, type, n);                                                          \
	}
NUMBER_CALLBACKS(uint, ITEM_UINT)
NUMBER_CALLBACKS(negint, ITEM_NEGINT)

#define BARE_CALLBACK(name, type_, endless_)                                                       \
	static void on_##name(void *ctx)                                                           \
	{                                                                                          \
		*(struct item *)ctx = (struct item){.type = (type_), .endless = (endless_)};       \
	}
BARE_CALLBACK(bytes_start, ITEM_BYTES, true)
BARE_CALLBACK(text_start, ITEM_TEXT, true)
BARE_CALLBACK(array_start_endless, ITEM_ARRAY, true)
BARE_CALLBACK(map_start_endless, ITEM_MAP, true)
BARE_CALLBACK(null, ITEM_NULL, false)
BARE_CALLBACK(undefined, ITEM_UNDEFINED, false)
BARE_CALLBACK(break, ITEM_BREAK, false)

static void on_bytes(void *ctx, cbor_data data, size_t len)
{
	*(struct item *)ctx = (struct item){.type = ITEM_BYTES, .data = data, .len = len};
}

static void on_text(void *ctx, cbor_data data, size_t len)
{
	*(struct item *)ctx = (struct item){.type = ITEM_TEXT, .data = data, .len = len};
}

static void on_array(void *ctx, size_t count)
{
	set_number(ctx, ITEM_ARRAY, count);
}

static void on_map(void *ctx, size_t count)
{
	set_number(ctx, ITEM_MAP, count);
}

static void on_tag(void *ctx, uint64_t n)
{
	set_number(ctx, ITEM_TAG, n);
}

static void on_bool(void *ctx, bool on)
{
	set_number(ctx, ITEM_BOOL, on);
}

static void on_f16(void *ctx, float real)
{
	*(struct item *)ctx = (struct item){.type = ITEM_F16, .real = (double)real};
}

static void on_f32(void *ctx, float real)
{
	*(struct item *)ctx = (struct item){.type = ITEM_F32, .real = (double)real};
}

static void on_f64(void *ctx, double real)
{
	*(struct item *)ctx = (struct item){.type = ITEM_F64, .real = real};
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_uint8,
	.uint16 = on_uint16,
	.uint32 = on_uint32,
	.uint64 = on_uint64,
	.negint8 = on_negint8,
	.negint16 = on_negint16,
	.negint32 = on_negint32,
	.negint64 = on_negint64,
	.byte_string_start = on_bytes_start,
	.byte_string = on_bytes,
	.string_start = on_text_start,
	.string = on_text,
	.indef_array_start = on_array_start_endless,
	.array_start = on_array,
	.indef_map_start = on_map_start_endless,
	.map_start = on_map,
	.tag = on_tag,
	.float2 = on_f16,
	.float4 = on_f32,
	.float8 = on_f64,
	.undefined = on_undefined,
	.null = on_null,
	.boolean = on_bool,
	.indef_break = on_break,
};

/* ---- CBOR to JSON ---- */

struct reader {
	struct ss_bytes left;
	struct buf *out;
	unsigned depth;
};

/* libcbor knows no simple values but true, false, null and undefined. */
static bool take_simple(struct reader *r, struct item *item)
{
	const uint8_t *p = r->left.data;
	size_t len = p[0] == 0xf8 ? 2 : 1;

	if (r->left.len < len || (p[0] & 0xe0) != 0xe0 || (p[0] > 0xf3 && p[0] != 0xf8) ||
	    (len == 2 && p[1] < 32))
		return false;
	*item = (struct item){.type = ITEM_SIMPLE, .n = len == 2 ? p[1] : p[0] & 31};
	r->left.data += len;
	r->left.len -= len;
	return true;
}

static bool take(struct reader *r, struct item *item)
{
	struct cbor_decoder_result result;

	*item = (struct item){.type = ITEM_NONE};
	if (r->left.len == 0)
		return false;
	if (take_simple(r, item))
		return true;
	result = cbor_stream_decode(r->left.data, r->left.len, &callbacks, item);
	if (result.status != CBOR_DECODER_FINISHED || item->type == ITEM_NONE)
		return false;
	r->left.data += result.read;
	r->left.len -= result.read;
	return true;
}

static bool show(struct reader *r);
static bool show_item(struct reader *r, const struct item *item);

/* A string, put together from its pieces where it has no length. */
static bool gather(struct reader *r, const struct item *item, struct buf *whole)
{
	struct item piece;

	if (!item->endless) {
		buf_add(whole, item->data, item->len);
		return true;
	}
	while (take(r, &piece) && piece.type != ITEM_BREAK) {
		if (piece.type != item->type || piece.endless)
			return false;
		buf_add(whole, piece.data, piece.len);
	}
	return piece.type == ITEM_BREAK;
}

static bool show_string(struct reader *r, const struct item *item)
{
	auto_buf struct buf whole = {0};

	if (!gather(r, item, &whole) || whole.failed)
		return false;
	if (item->type == ITEM_TEXT)
		return buf_json_string(r->out, whole.data, whole.len) == 0;
	buf_text(r->out, "{\"$bytes\": \"");
	buf_hex(r->out, whole.data, whole.len);
	buf_text(r->out, "\"}");
	return true;
}

static bool show_array(struct reader *r, const struct item *item)
{
	buf_text(r->out, item->endless ? "{\"$endless\": [" : "[");
	for (uint64_t i = 0; item->endless || i < item->n; i++) {
		struct item next;

		if (!take(r, &next))
			return false;
		if (item->endless && next.type == ITEM_BREAK)
			break;
		buf_text(r->out, i > 0 ? ", " : "");
		if (!show_item(r, &next))
			return false;
	}
	buf_text(r->out, item->endless ? "]}" : "]");
	return true;
}

/* Walks over one item without showing it. */
static bool skip_item(struct reader *r, const struct item *item)
{
	struct item next;
	bool ok = true;

	if (item->type == ITEM_NONE || item->type == ITEM_BREAK)
		return false;
	if (!item->endless && item->type != ITEM_TAG && item->type != ITEM_ARRAY &&
	    item->type != ITEM_MAP)
		return true;
	if (r->depth == MAX_NESTING)
		return false;
	r->depth++;
	if (item->endless) {
		while ((ok = take(r, &next)) && next.type != ITEM_BREAK &&
		       (ok = skip_item(r, &next)))
			;
	} else {
		uint64_t pairs = item->type == ITEM_MAP ? 2 : 1;
		uint64_t count = item->type == ITEM_TAG ? 1 : item->n;

		for (uint64_t i = 0; ok && i < count; i++)
			for (uint64_t k = 0; ok && k < pairs; k++)
				ok = take(r, &next) && skip_item(r, &next);
	}
	r->depth--;
	return ok;
}

/* Whether all keys of a map are text that JSON can have as its own; leaves the reader in place. */
static bool has_text_keys(struct reader *r, const struct item *map)
{
	struct ss_bytes begin = r->left;
	bool text = true;

	for (uint64_t i = 0; text && (map->endless || i < map->n); i++) {
		struct item key, value;

		text = take(r, &key);
		if (!text || (map->endless && key.type == ITEM_BREAK))
			break;
		text = key.type == ITEM_TEXT && !key.endless &&
		       (key.len == 0 || (key.data[0] != '$' && !memchr(key.data, 0, key.len))) &&
		       take(r, &value) && skip_item(r, &value);
	}
	r->left = begin;
	return text;
}

static bool show_map(struct reader *r, const struct item *map)
{
	bool object = has_text_keys(r, map);

	buf_text(r->out, map->endless ? "{\"$endless\": " : "");
	buf_text(r->out, object ? "{" : "{\"$map\": [");
	for (uint64_t i = 0; map->endless || i < map->n; i++) {
		struct item key;

		if (!take(r, &key))
			return false;
		if (map->endless && key.type == ITEM_BREAK)
			break;
		buf_text(r->out, i > 0 ? ", " : "");
		buf_text(r->out, object ? "" : "[");
		if (!show_item(r, &key))
			return false;
		buf_text(r->out, object ? ": " : ", ");
		if (!show(r))
			return false;
		buf_text(r->out, object ? "" : "]");
	}
	buf_text(r->out, object ? "}" : "]}");
	buf_text(r->out, map->endless ? "}" : "");
	return true;
}

static void show_int(struct reader *r, bool negative, uint64_t n)
{
	char digits[24] = "18446744073709551616";

	/* -1 - n, which n = 2^64 - 1 takes out of 64 bits. */
	if (!negative || n < UINT64_MAX)
		snprintf(digits, sizeof(digits), "%" PRIu64, n + negative);
	if (n + negative < UINT64_C(1) << 53 && n < UINT64_MAX)
		buf_printf(r->out, "%s%s", negative ? "-" : "", digits);
	else
		buf_printf(r->out, "{\"$int\": \"%s%s\"}", negative ? "-" : "", digits);
}

static void show_real(struct reader *r, const struct item *item)
{
	const char *name = item->type == ITEM_F16 ? "$f16" : item->type == ITEM_F32 ? "$f32" : NULL;
	char text[40];

	if (!isfinite(item->real))
		snprintf(text, sizeof(text), "\"%s\"",
			 isnan(item->real) ? "nan"
			 : item->real > 0  ? "inf"
					   : "-inf");
	/* The shortest that leads back. */
	for (int digits = 15; isfinite(item->real) && digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, item->real);
		if (strtod(text, NULL) == item->real)
			break;
	}
	if (isfinite(item->real) && !strpbrk(text, ".e"))
		strcat(text, ".0");
	if (!name && !isfinite(item->real))
		name = "$f64";
	if (name)
		buf_printf(r->out, "{\"%s\": %s}", name, text);
	else
		buf_text(r->out, text);
}

static bool show_tag(struct reader *r, uint64_t n)
{
	buf_text(r->out, "{\"$tag\": [");
	show_int(r, false, n);
	buf_text(r->out, ", ");
	if (!show(r))
		return false;
	buf_text(r->out, "]}");
	return true;
}

static bool show_nested(struct reader *r, const struct item *item)
{
	bool ok;

	if (r->depth == MAX_NESTING)
		return false;
	r->depth++;
	ok = item->type == ITEM_ARRAY ? show_array(r, item)
	     : item->type == ITEM_MAP ? show_map(r, item)
				      : show_tag(r, item->n);
	r->depth--;
	return ok;
}

static bool show_item(struct reader *r, const struct item *item)
{
	switch (item->type) {
	case ITEM_UINT:
	case ITEM_NEGINT:
		show_int(r, item->type == ITEM_NEGINT, item->n);
		return true;
	case ITEM_BYTES:
	case ITEM_TEXT:
		return show_string(r, item);
	case ITEM_ARRAY:
	case ITEM_MAP:
	case ITEM_TAG:
		return show_nested(r, item);
	case ITEM_BOOL:
		buf_text(r->out, item->n ? "true" : "false");
		return true;
	case ITEM_NULL:
		buf_text(r->out, "null");
		return true;
	case ITEM_UNDEFINED:
		buf_text(r->out, "{\"$simple\": 23}");
		return true;
	case ITEM_SIMPLE:
		buf_printf(r->out, "{\"$simple\": %" PRIu64 "}", item->n);
		return true;
	case ITEM_F16:
	case ITEM_F32:
	case ITEM_F64:
		show_real(r, item);
		return true;
	case ITEM_NONE:
	case ITEM_BREAK:
		break;
	}
	return false;
}

static bool show(struct reader *r)
{
	struct item item;

	return take(r, &item) && show_item(r, &item);
}

static int decode(const struct codec *c, struct ss_bytes bytes, struct buf *out, struct err *err)
{
	struct reader r = {.left = bytes, .out = out};

	if (!show(&r))
		return err_set(err, -EILSEQ,
			       "%zu bytes that are no CBOR item, or one nested too deep (at byte "
			       "%zu)",
			       bytes.len, bytes.len - r.left.len);
	if (r.left.len > 0)
		return err_set(err, -EILSEQ, "%zu bytes follow the CBOR item of %zu", r.left.len,
			       bytes.len - r.left.len);
	return 0;
}

/* ---- JSON to CBOR ---- */

static int put(const json_t *json, struct buf *out, struct err *err);

#define PUT(out, encoder, ...)                                                                     \
	do {                                                                                       \
		unsigned char *room_ = (unsigned char *)buf_room((out), 16);                       \
		if (room_)                                                                         \
			(out)->len += encoder(__VA_ARGS__, room_, 16);                             \
	} while (0)

static int put_int_text(const char *text, struct buf *out, struct err *err)
{
	bool negative = text[0] == '-';
	unsigned __int128 n = 0;
	const char *p = text + negative;

	for (; *p >= '0' && *p <= '9' && n >> 64 == 0; p++)
		n = n * 10 + (unsigned)(*p - '0');
	if (negative)
		n--;
	if (*p || p == text + negative || n >> 64 != 0)
		return err_set(err, -EINVAL, "'%.40s' is no number that CBOR has", text);
	if (negative)
		PUT(out, cbor_encode_negint, (uint64_t)n);
	else
		PUT(out, cbor_encode_uint, (uint64_t)n);
	return 0;
}

static int put_integer(const json_t *json, struct buf *out)
{
	json_int_t n = json_integer_value(json);

	if (n < 0)
		PUT(out, cbor_encode_negint, (uint64_t) - (n + 1));
	else
		PUT(out, cbor_encode_uint, (uint64_t)n);
	return 0;
}

static int real_of(const json_t *json, double *out)
{
	static const struct {
		const char *name;
		double real;
	} names[] = {{"nan", NAN}, {"inf", INFINITY}, {"-inf", -INFINITY}};

	if (json_is_number(json)) {
		*out = json_number_value(json);
		return 0;
	}
	for (size_t i = 0; json_is_string(json) && i < ARRAY_LEN(names); i++) {
		if (strcmp(json_string_value(json), names[i].name) == 0) {
			*out = names[i].real;
			return 0;
		}
	}
	return -EINVAL;
}

static int put_real(const char *key, const json_t *json, struct buf *out, struct err *err)
{
	double real;

	if (real_of(json, &real) < 0)
		return err_set(err, -EINVAL, "\"%s\" needs a number, \"nan\", \"inf\" or \"-inf\"",
			       key);
	if (strcmp(key, "$f16") == 0)
		PUT(out, cbor_encode_half, (float)real);
	else if (strcmp(key, "$f32") == 0)
		PUT(out, cbor_encode_single, (float)real);
	else
		PUT(out, cbor_encode_double, real);
	return 0;
}

/* Of an array or a map: how many there are, or that an end will come. */
static void put_head(enum item_type type, size_t count, bool endless, struct buf *out)
{
	if (endless)
		buf_add(out, type == ITEM_MAP ? "\xbf" : "\x9f", 1);
	else if (type == ITEM_MAP)
		PUT(out, cbor_encode_map_start, count);
	else
		PUT(out, cbor_encode_array_start, count);
}

static int put_bytes(const json_t *json, struct buf *out, struct err *err)
{
	const char *hex = json_string_value(json);

	if (!hex || strlen(hex) % 2)
		return err_set(err, -EINVAL, "\"$bytes\" needs an even number of hex digits");
	PUT(out, cbor_encode_bytestring_start, strlen(hex) / 2);
	if (buf_from_hex(out, hex, strlen(hex)) < 0)
		return err_set(err, -EINVAL, "\"$bytes\" needs an even number of hex digits");
	return 0;
}

static int put_map_pairs(const json_t *pairs, bool endless, struct buf *out, struct err *err)
{
	int rc = 0;

	if (!json_is_array(pairs))
		return err_set(err, -EINVAL, "\"$map\" needs an array of pairs");
	put_head(ITEM_MAP, json_array_size(pairs), endless, out);
	for (size_t i = 0; rc == 0 && i < json_array_size(pairs); i++) {
		const json_t *pair = json_array_get(pairs, i);

		if (json_array_size(pair) != 2)
			return err_set(err, -EINVAL, "\"$map\" needs an array of pairs");
		rc = put(json_array_get(pair, 0), out, err);
		if (rc == 0)
			rc = put(json_array_get(pair, 1), out, err);
	}
	return rc;
}

static int put_tag(const json_t *json, struct buf *out, struct err *err)
{
	size_t begin = out->len;
	int rc;

	if (json_array_size(json) != 2)
		return err_set(err, -EINVAL, "\"$tag\" needs [number, item]");
	/* A tag's head is a number's with another major type. */
	rc = put(json_array_get(json, 0), out, err);
	if (rc < 0 || out->failed)
		return rc;
	if ((uint8_t)out->data[begin] >> 5 != 0)
		return err_set(err, -EINVAL, "\"$tag\" needs [number, item]");
	out->data[begin] = (char)((uint8_t)out->data[begin] | 0xc0);
	return put(json_array_get(json, 1), out, err);
}

static int put_simple(const json_t *json, struct buf *out, struct err *err)
{
	json_int_t n = json_integer_value(json);
	uint8_t bytes[2] = {(uint8_t)(0xe0 | n), 0};

	if (!json_is_integer(json) || n < 0 || n > 255 || (n > 23 && n < 32))
		return err_set(err, -EINVAL, "\"$simple\" needs a number, 0 to 23 or 32 to 255");
	if (n > 23) {
		bytes[0] = 0xf8;
		bytes[1] = (uint8_t)n;
	}
	buf_add(out, bytes, n > 23 ? 2 : 1);
	return 0;
}

static int put_array(const json_t *json, bool endless, struct buf *out, struct err *err)
{
	int rc = 0;

	put_head(ITEM_ARRAY, json_array_size(json), endless, out);
	for (size_t i = 0; rc == 0 && i < json_array_size(json); i++)
		rc = put(json_array_get(json, i), out, err);
	return rc;
}

static void put_text(const char *text, size_t len, struct buf *out)
{
	PUT(out, cbor_encode_string_start, len);
	buf_add(out, text, len);
}

static int put_object(const json_t *json, bool endless, struct buf *out, struct err *err)
{
	const char *key;
	json_t *value;
	int rc = 0;

	put_head(ITEM_MAP, json_object_size(json), endless, out);
	json_object_foreach((json_t *)json, key, value)
	{
		if (rc < 0)
			return rc;
		put_text(key, strlen(key), out);
		rc = put(value, out, err);
	}
	return rc;
}

static int put_endless(const json_t *json, struct buf *out, struct err *err)
{
	const json_t *pairs = json_object_get(json, "$map");
	int rc;

	if (pairs)
		rc = put_map_pairs(pairs, true, out, err);
	else if (json_is_object(json))
		rc = put_object(json, true, out, err);
	else if (json_is_array(json))
		rc = put_array(json, true, out, err);
	else
		rc = err_set(err, -EINVAL, "\"$endless\" needs an array or a map");
	buf_add(out, "\xff", 1);
	return rc;
}

static int put_special(const char *key, const json_t *json, struct buf *out, struct err *err)
{
	if (strcmp(key, "$bytes") == 0)
		return put_bytes(json, out, err);
	if (strcmp(key, "$int") == 0 && json_is_string(json))
		return put_int_text(json_string_value(json), out, err);
	if (strcmp(key, "$map") == 0)
		return put_map_pairs(json, false, out, err);
	if (strcmp(key, "$endless") == 0)
		return put_endless(json, out, err);
	if (strcmp(key, "$tag") == 0)
		return put_tag(json, out, err);
	if (strcmp(key, "$simple") == 0)
		return put_simple(json, out, err);
	if (strcmp(key, "$f16") == 0 || strcmp(key, "$f32") == 0 || strcmp(key, "$f64") == 0)
		return put_real(key, json, out, err);
	return err_set(err, -EINVAL, "\"%.40s\" is no CBOR", key);
}

static int put(const json_t *json, struct buf *out, struct err *err)
{
	void *only = json_object_iter((json_t *)json);

	switch (json_typeof(json)) {
	case JSON_OBJECT:
		if (only && json_object_iter_key(only)[0] == '$')
			return json_object_size(json) == 1
				       ? put_special(json_object_iter_key(only),
						     json_object_iter_value(only), out, err)
				       : err_set(err, -EINVAL, "\"%.40s\" must stand alone",
						 json_object_iter_key(only));
		return put_object(json, false, out, err);
	case JSON_ARRAY:
		return put_array(json, false, out, err);
	case JSON_STRING:
		put_text(json_string_value(json), json_string_length(json), out);
		return 0;
	case JSON_INTEGER:
		return put_integer(json, out);
	case JSON_REAL:
		PUT(out, cbor_encode_double, json_real_value(json));
		return 0;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_add(out, json_is_true(json) ? "\xf5" : "\xf4", 1);
		return 0;
	case JSON_NULL:
		buf_add(out, "\xf6", 1);
		return 0;
	}
	return -EINVAL;
}

static int encode(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	return put(json, out, err);
}

static int encode_word(const struct codec *c, const char *word, struct buf *out, struct err *err)
{
	json_t *json = json_loads(word, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	int rc;

	if (!json)
		return err_set(err, -EINVAL, "'%.80s' is not JSON", word);
	rc = put(json, out, err);
	json_decref(json);
	return rc;
}

const struct codec_ops codec_cbor = {
	.name = "cbor",
	.help = "CBOR as JSON",
	.decode = decode,
	.encode = encode,
	.encode_word = encode_word,
};
