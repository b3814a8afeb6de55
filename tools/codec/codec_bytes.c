// SPDX-License-Identifier: MIT
/* Owns the codecs of plain bytes and of text: hex, blob(N), bytes(N), utf8, cbor-text. */
#include "tools/codec/codec.h"

/* ---- hex ---- */

static int hex_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
		      struct err *err)
{
	buf_add(out, "\"", 1);
	buf_hex(out, bytes.data, bytes.len);
	buf_add(out, "\"", 1);
	return 0;
}

int codec_no_hex(const char *text, struct err *err)
{
	return err_set(err, -EINVAL, "'%.64s' is not an even number of hex digits", text);
}

static int hex_encode_word(const struct codec *c, const char *word, struct buf *out,
			   struct err *err)
{
	return buf_from_hex(out, word, strlen(word)) < 0 ? codec_no_hex(word, err) : 0;
}

static int hex_encode(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	if (!json_is_string(json))
		return err_set(err, -EINVAL, "a string of hex digits is needed");
	return buf_from_hex(out, json_string_value(json), json_string_length(json)) < 0
		       ? codec_no_hex(json_string_value(json), err)
		       : 0;
}

const struct codec_ops codec_hex = {
	.name = "hex",
	.help = "two digits for each byte",
	.decode = hex_decode,
	.encode = hex_encode,
	.encode_word = hex_encode_word,
	.word_is_string = true,
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

const struct codec_ops codec_utf8 = {
	.name = "utf8",
	.help = "text",
	.decode = utf8_decode,
	.encode = utf8_encode,
	.encode_word = utf8_encode_word,
	.word_is_string = true,
	.same = true,
	.prefixed = true,
	.order = SS_ORDER_BYTES,
};

/* ---- bytes whose length the type tells ---- */

static int check_len(const struct codec *c, size_t len, struct err *err)
{
	if (c->width > 0 ? len == c->width : len <= (size_t)c->max_len)
		return 0;
	return err_set(err, -EILSEQ, "%zu bytes; it has %s %zu", len,
		       c->width > 0 ? "exactly" : "at most", (size_t)c->max_len);
}

static int sized_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
			struct err *err)
{
	int rc = check_len(c, bytes.len, err);

	return rc < 0 ? rc : hex_decode(c, bytes, out, err);
}

static int sized_encode(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	size_t begin = out->len;
	int rc = hex_encode(c, json, out, err);

	return rc < 0 || out->failed ? rc : check_len(c, out->len - begin, err);
}

static int sized_word(const struct codec *c, const char *word, struct buf *out, struct err *err)
{
	size_t begin = out->len;
	int rc = hex_encode_word(c, word, out, err);

	return rc < 0 || out->failed ? rc : check_len(c, out->len - begin, err);
}

const struct codec_ops codec_blob = {
	.name = "blob",
	.help = "two digits for each of at most N bytes: blob(N)",
	.decode = sized_decode,
	.encode = sized_encode,
	.encode_word = sized_word,
	.word_is_string = true,
	.same = true,
	.prefixed = true,
	.order = SS_ORDER_BYTES,
	.max_size = CODEC_MAX_SIZE,
};

const struct codec_ops codec_bytes = {
	.name = "bytes",
	.help = "two digits for each of exactly N bytes: bytes(N)",
	.decode = sized_decode,
	.encode = sized_encode,
	.encode_word = sized_word,
	.word_is_string = true,
	.same = true,
	.order = SS_ORDER_BYTES,
	.max_size = SS_WIDTH_MAX,
};

/* ---- text as a CBOR item ---- */

enum { CBOR_TEXT = 3 << 5 };

/* The text, without what CBOR puts before it. */
static bool cbor_text_of(struct ss_bytes bytes, struct ss_bytes *out)
{
	unsigned info = bytes.len > 0 ? bytes.data[0] & 31 : 31, width;
	uint64_t len = info;

	if (info > 27 || (bytes.data[0] & 0xe0) != CBOR_TEXT)
		return false;
	width = info < 24 ? 0 : 1u << (info - 24);
	if (bytes.len < 1 + (size_t)width)
		return false;
	for (unsigned i = 0; i < width; i++)
		len = (i == 0 ? 0 : len << 8) | bytes.data[1 + i];
	*out = (struct ss_bytes){bytes.data + 1 + width, bytes.len - 1 - width};
	return len == out->len;
}

static int compare_cbor_texts(const struct ss_type *type, struct ss_bytes a, struct ss_bytes b)
{
	struct ss_bytes x, y;

	if (!cbor_text_of(a, &x) || !cbor_text_of(b, &y))
		return ss_compare(SS_ORDER_BYTES, a, b);
	return ss_compare(SS_ORDER_BYTES, x, y);
}

static int cbor_text_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
			    struct err *err)
{
	struct ss_bytes text;

	if (!cbor_text_of(bytes, &text))
		return err_set(err, -EILSEQ, "%zu bytes that are no CBOR text", bytes.len);
	return utf8_decode(c, text, out, err);
}

static void add_cbor_text(const char *text, size_t len, struct buf *out)
{
	unsigned width = len < 24 ? 0 : len <= UINT8_MAX ? 1 : len <= UINT16_MAX ? 2 : 4;
	uint8_t head[5] = {(uint8_t)(CBOR_TEXT | len)};

	if (width > 0)
		head[0] = (uint8_t)(CBOR_TEXT | (width == 1 ? 24 : width == 2 ? 25 : 26));
	for (unsigned i = 0; i < width; i++)
		head[width - i] = (uint8_t)(len >> 8 * i);
	buf_add(out, head, 1 + width);
	buf_add(out, text, len);
}

static int cbor_text_encode(const struct codec *c, const json_t *json, struct buf *out,
			    struct err *err)
{
	if (!json_is_string(json))
		return err_set(err, -EINVAL, "a string is needed");
	add_cbor_text(json_string_value(json), json_string_length(json), out);
	return 0;
}

static int cbor_text_word(const struct codec *c, const char *word, struct buf *out, struct err *err)
{
	add_cbor_text(word, strlen(word), out);
	return 0;
}

static const struct ss_type cbor_text_type = {compare_cbor_texts};

const struct codec_ops codec_cbor_text = {
	.name = "cbor-text",
	.help = "text, as one CBOR item, in the order of texts",
	.decode = cbor_text_decode,
	.encode = cbor_text_encode,
	.encode_word = cbor_text_word,
	.prefixed = true,
	.type = &cbor_text_type,
};
