// SPDX-License-Identifier: MIT
/*
 * Owns the list of codecs and the simple ones: hex, text, numbers, JSON itself. Keeps no state.
 */
#include "tools/codec/codec.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/input/input.h"

enum { MAX_NUMBER_LEN = 16 };

/* ---- hex ---- */

static int hex_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
		      struct err *err)
{
	buf_add(out, "\"", 1);
	buf_hex(out, bytes.data, bytes.len);
	buf_add(out, "\"", 1);
	return 0;
}

static int no_hex(const char *text, struct err *err)
{
	return err_set(err, -EINVAL, "'%.64s' is not an even number of hex digits", text);
}

static int hex_encode_word(const struct codec *c, const char *word, struct buf *out,
			   struct err *err)
{
	return buf_from_hex(out, word, strlen(word)) < 0 ? no_hex(word, err) : 0;
}

static int hex_encode(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	if (!json_is_string(json))
		return err_set(err, -EINVAL, "a string of hex digits is needed");
	return buf_from_hex(out, json_string_value(json), json_string_length(json)) < 0
		       ? no_hex(json_string_value(json), err)
		       : 0;
}

static const struct codec_ops codec_hex = {
	.name = "hex",
	.help = "two digits for each byte",
	.decode = hex_decode,
	.encode = hex_encode,
	.encode_word = hex_encode_word,
	.same = true,
};

/* ---- text ---- */

static int utf8_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
		       struct err *err)
{
	if (buf_json_string(out, bytes.data, bytes.len) < 0)
		return err_set(err, -EILSEQ, "%zu bytes that are not UTF-8", bytes.len);
	return 0;
}

static int utf8_encode(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	if (!json_is_string(json))
		return err_set(err, -EINVAL, "a string is needed");
	buf_add(out, json_string_value(json), json_string_length(json));
	return 0;
}

static int utf8_encode_word(const struct codec *c, const char *word, struct buf *out,
			    struct err *err)
{
	buf_text(out, word);
	return 0;
}

static const struct codec_ops codec_utf8 = {
	.name = "utf8",
	.help = "text",
	.decode = utf8_decode,
	.encode = utf8_encode,
	.encode_word = utf8_encode_word,
	.same = true,
	.order = SS_ORDER_BYTES,
};

/* ---- numbers ---- */

static unsigned __int128 number_of(const struct codec *c, const uint8_t *bytes)
{
	unsigned __int128 n = 0;

	if (c->width == 8)
		return c->little ? get_le64(bytes) : get_be64(bytes);
	for (unsigned i = 0; i < c->width; i++)
		n = n << 8 | bytes[c->little ? c->width - 1 - i : i];
	return n;
}

static int number_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
			 struct err *err)
{
	char digits[40], *at = digits + sizeof(digits);
	unsigned __int128 n;

	if (bytes.len != c->width)
		return err_set(err, -EILSEQ, "%zu bytes are no number of %u", bytes.len, c->width);
	n = number_of(c, bytes.data);
	if (n >> 64 == 0) {
		buf_json_u64(out, (uint64_t)n);
		return 0;
	}
	do {
		*--at = (char)('0' + (int)(n % 10));
		n /= 10;
	} while (n > 0);
	buf_printf(out, "\"%.*s\"", (int)(digits + sizeof(digits) - at), at);
	return 0;
}

static int number_put(const struct codec *c, unsigned __int128 n, struct buf *out)
{
	uint8_t bytes[MAX_NUMBER_LEN];

	for (unsigned i = 0; i < c->width; i++, n >>= 8)
		bytes[c->little ? i : c->width - 1 - i] = (uint8_t)n;
	buf_add(out, bytes, c->width);
	return n > 0 ? -EINVAL : 0;
}

static int number_encode_word(const struct codec *c, const char *word, struct buf *out,
			      struct err *err)
{
	unsigned __int128 n = 0;
	const char *p = word;

	for (; *p >= '0' && *p <= '9'; p++)
		if (mul_overflows(n, (unsigned __int128)10, &n) ||
		    add_overflows(n, (unsigned __int128)(*p - '0'), &n))
			break;
	if (*p || p == word || number_put(c, n, out) < 0)
		return err_set(err, -EINVAL, "'%.64s' is not a number that fits %u bytes", word,
			       c->width);
	return 0;
}

static int number_encode(const struct codec *c, const json_t *json, struct buf *out,
			 struct err *err)
{
	char digits[24];

	if (json_is_string(json))
		return number_encode_word(c, json_string_value(json), out, err);
	if (!json_is_integer(json) || json_integer_value(json) < 0)
		return err_set(err, -EINVAL, "a whole number is needed, not below 0");
	snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(json));
	return number_encode_word(c, digits, out, err);
}

static const struct codec_ops codec_number = {
	.name = "number",
	.decode = number_decode,
	.encode = number_encode,
	.encode_word = number_encode_word,
	.same = true,
};

/* ---- JSON ---- */

static int json_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
		       struct err *err)
{
	const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
	struct err why = {""};
	json_t *json =
		json_read((const char *)bytes.data, bytes.len, flags, JSON_VALUE_MAX_DEPTH, &why);
	auto_free char *text = NULL;

	if (!json)
		return err_set(err, -EILSEQ, "%zu bytes that are not JSON: %s", bytes.len,
			       why.text);
	text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(json);
	if (!text)
		return err_set(err, -ENOMEM, "no memory for %zu bytes of JSON", bytes.len);
	buf_text(out, text);
	return 0;
}

static int json_encode(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	auto_free char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!text)
		return err_set(err, -ENOMEM, "no memory for a JSON value");
	buf_text(out, text);
	return 0;
}

static int json_encode_word(const struct codec *c, const char *word, struct buf *out,
			    struct err *err)
{
	buf_text(out, word);
	return 0;
}

static const struct codec_ops codec_json = {
	.name = "json",
	.help = "JSON text, as it is",
	.decode = json_decode,
	.encode = json_encode,
	.encode_word = json_encode_word,
};

/* ---- all of them ---- */

static const struct codec_ops *const codecs[] = {
	&codec_hex,  &codec_utf8,   &codec_principal, &codec_cbor,
	&codec_json, &codec_candid, &codec_exec,
};

/* "u8" to "u128", "be" or "le" behind; big-endian is how the library's own types are stored. */
static bool parse_number_spec(const char *spec, struct codec *out)
{
	unsigned bits;
	int used = 0;

	if (sscanf(spec, "u%3u%n", &bits, &used) != 1 || spec[1] == '0' || bits < 8 || bits > 128 ||
	    (bits & (bits - 1)))
		return false;
	spec += used;
	*out = (struct codec){
		.ops = &codec_number, .width = bits / 8, .little = strcmp(spec, "le") == 0};
	out->sort.order = out->little ? SS_ORDER_LITTLE : SS_ORDER_BYTES;
	return *spec == '\0' || strcmp(spec, "le") == 0 || strcmp(spec, "be") == 0;
}

int codec_parse(const char *spec, struct codec *out, struct err *err)
{
	const char *colon = strchr(spec, ':');
	size_t len = colon ? (size_t)(colon - spec) : strlen(spec);

	if (parse_number_spec(spec, out))
		return 0;
	*out = (struct codec){.arg = colon ? colon + 1 : NULL};
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		if (strlen(codecs[i]->name) != len || memcmp(codecs[i]->name, spec, len) != 0)
			continue;
		if (colon && !codecs[i]->set_arg)
			return err_set(err, -EINVAL, "codec %s takes nothing behind a colon",
				       codecs[i]->name);
		out->ops = codecs[i];
		out->sort.order = out->ops->order;
		return out->ops->set_arg ? out->ops->set_arg(out, out->arg, err) : 0;
	}
	return err_set(err, -EINVAL,
		       "there is no codec '%s': hex, utf8, u8 to u128 with be or le behind, "
		       "principal, cbor, candid, json, exec:CMD",
		       spec);
}

void codec_end(struct codec *c)
{
	if (c->ops && c->ops->end)
		c->ops->end(c);
	*c = (struct codec){0};
}

/* Whether what was shown, text[0] to text[len - 1], leads back to the bytes. */
static bool leads_back(const struct codec *c, const char *text, size_t len, struct ss_bytes bytes)
{
	const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	json_t *json = c->ops->encode ? json_read(text, len, flags, JSON_MAX_DEPTH, NULL) : NULL;
	auto_buf struct buf again = {0};
	bool same = json && c->ops->encode(c, json, &again, NULL) == 0 && !again.failed &&
		    again.len == bytes.len &&
		    (again.len == 0 || memcmp(again.data, bytes.data, again.len) == 0);

	json_decref(json);
	return same;
}

int codec_show(const struct codec *c, struct ss_bytes bytes, struct buf *out, struct err *err)
{
	size_t begin = out->len;
	auto_buf struct buf shown = {0};
	int rc = c->ops->decode(c, bytes, out, err);

	if (rc < 0 || out->failed)
		return rc < 0 ? rc : err_set(err, -ENOMEM, "no memory for %zu bytes", bytes.len);
	if (c->ops->same || c->plain || leads_back(c, out->data + begin, out->len - begin, bytes))
		return 0;
	buf_add(&shown, out->data + begin, out->len - begin);
	out->len = begin;
	buf_printf(out, "{\"$%s\": ", c->ops->name);
	buf_add(out, shown.data, shown.len);
	buf_text(out, ", \"$hex\": \"");
	buf_hex(out, bytes.data, bytes.len);
	buf_text(out, "\"}");
	return out->failed || shown.failed
		       ? err_set(err, -ENOMEM, "no memory for %zu bytes", bytes.len)
		       : 0;
}

/* {"$NAME": shown, "$hex": bytes}: the bytes count, and must still be what is shown. */
static int read_wrapped(const struct codec *c, const json_t *json, const char *hex, struct buf *out,
			struct err *err)
{
	const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	size_t begin = out->len;
	auto_buf struct buf shown = {0};
	char key[32];
	json_t *said, *again;
	bool same;
	int rc;

	if (buf_from_hex(out, hex, strlen(hex)) < 0)
		return no_hex(hex, err);
	snprintf(key, sizeof(key), "$%s", c->ops->name);
	said = json_object_get(json, key);
	if (!said || out->failed)
		return 0;
	rc = c->ops->decode(c, (struct ss_bytes){(uint8_t *)out->data + begin, out->len - begin},
			    &shown, err);
	if (rc < 0)
		return rc;
	again = json_read(shown.data, shown.len, flags, JSON_MAX_DEPTH, NULL);
	same = json_equal(said, again);
	json_decref(again);
	return same ? 0
		    : err_set(err, -EINVAL,
			      "\"%s\" was changed, but only \"$hex\" can be read back: change that, "
			      "and leave \"%s\" out",
			      key, key);
}

int codec_read(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	const char *hex = json_string_value(json_object_get(json, "$hex"));
	int rc;

	if (hex)
		rc = read_wrapped(c, json, hex, out, err);
	else if (c->ops->encode)
		rc = c->ops->encode(c, json, out, err);
	else
		rc = err_set(err, -ENOTSUP, "codec %s cannot read back; {\"$hex\": \"...\"} can",
			     c->ops->name);
	return rc == 0 && out->failed ? err_set(err, -ENOMEM, "no memory for a value") : rc;
}

int codec_read_word(const struct codec *c, const char *word, struct buf *out, struct err *err)
{
	int rc = c->ops->encode_word ? c->ops->encode_word(c, word, out, err)
				     : hex_encode_word(c, word, out, err);

	return rc == 0 && out->failed ? err_set(err, -ENOMEM, "no memory for a key") : rc;
}
