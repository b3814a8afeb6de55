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
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "tools/codec/cbor_item.h"
#include "tools/codec/cbor_plain.h"
#include "tools/input/input.h"

enum { MAX_NESTING = 128 };

struct reader {
	struct ss_bytes left;
	struct buf *out;
	unsigned depth;
};

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
	while (item_take(&r->left, &piece) && piece.type != ITEM_BREAK) {
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

		if (!item_take(&r->left, &next))
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
		while ((ok = item_take(&r->left, &next)) && next.type != ITEM_BREAK &&
		       (ok = skip_item(r, &next)))
			;
	} else {
		uint64_t pairs = item->type == ITEM_MAP ? 2 : 1;
		uint64_t count = item->type == ITEM_TAG ? 1 : item->n;

		for (uint64_t i = 0; ok && i < count; i++)
			for (uint64_t k = 0; ok && k < pairs; k++)
				ok = item_take(&r->left, &next) && skip_item(r, &next);
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

		text = item_take(&r->left, &key);
		if (!text || (map->endless && key.type == ITEM_BREAK))
			break;
		text = key.type == ITEM_TEXT && !key.endless &&
		       (key.len == 0 || (key.data[0] != '$' && !memchr(key.data, 0, key.len))) &&
		       item_take(&r->left, &value) && skip_item(r, &value);
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

		if (!item_take(&r->left, &key))
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

	return item_take(&r->left, &item) && show_item(r, &item);
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

/* ---- the way back ---- */

static int encode(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	return item_put(json, out, err);
}

static int encode_word(const struct codec *c, const char *word, struct buf *out, struct err *err)
{
	json_t *json = json_read(word, strlen(word), JSON_DECODE_ANY | JSON_ALLOW_NUL,
				 JSON_MAX_DEPTH, NULL);
	int rc;

	if (!json)
		return err_set(err, -EINVAL, "'%.80s' is not JSON", word);
	rc = item_put(json, out, err);
	json_decref(json);
	return rc;
}

const struct codec_ops codec_cbor = {
	.name = "cbor",
	.help = "CBOR as JSON",
	.decode = decode,
	.encode = encode,
	.encode_word = encode_word,
	.is_same = cbor_is_plain,
};
