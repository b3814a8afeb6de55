// SPDX-License-Identifier: MIT
/*
 * Owns making CBOR from the JSON that codec_cbor.c writes, by libcbor's encoders. Each head is as
 * short as it can be.
 */
#include <cbor.h>
#include <math.h>

#include "tools/codec/cbor_item.h"

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
		rc = item_put(json_array_get(pair, 0), out, err);
		if (rc == 0)
			rc = item_put(json_array_get(pair, 1), out, err);
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
	rc = item_put(json_array_get(json, 0), out, err);
	if (rc < 0 || out->failed)
		return rc;
	if ((uint8_t)out->data[begin] >> 5 != 0)
		return err_set(err, -EINVAL, "\"$tag\" needs [number, item]");
	out->data[begin] = (char)((uint8_t)out->data[begin] | 0xc0);
	return item_put(json_array_get(json, 1), out, err);
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
		rc = item_put(json_array_get(json, i), out, err);
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
		rc = item_put(value, out, err);
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

int item_put(const json_t *json, struct buf *out, struct err *err)
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
