// SPDX-License-Identifier: MIT
/*
 * Owns numbers of a fixed width, with and without a sign, big- and little-endian, and booleans. A
 * number is shown as one in JSON where every reader takes it exactly, else as a string of digits.
 */
#include "tools/codec/codec.h"

#include <inttypes.h>
#include <stdio.h>

enum { MAX_NUMBER_LEN = 16 };

/* The bits of a number, from the highest. */
static unsigned __int128 bits_of(const struct codec *c, const uint8_t *bytes)
{
	unsigned __int128 n = 0;

	if (c->width == 8)
		return c->little ? get_le64(bytes) : get_be64(bytes);
	for (unsigned i = 0; i < c->width; i++)
		n = n << 8 | bytes[c->little ? c->width - 1 - i : i];
	return n;
}

static bool is_negative(const struct codec *c, unsigned __int128 n)
{
	return c->is_signed && n >> (8 * c->width - 1) & 1;
}

static void show(struct buf *out, bool negative, unsigned __int128 n)
{
	char digits[48], *at = digits + sizeof(digits);
	bool quoted = n >> 53 != 0;

	do {
		*--at = (char)('0' + (int)(n % 10));
		n /= 10;
	} while (n > 0);
	buf_printf(out, "%s%s%.*s%s", quoted ? "\"" : "", negative ? "-" : "",
		   (int)(digits + sizeof(digits) - at), at, quoted ? "\"" : "");
}

static int decode(const struct codec *c, struct ss_bytes bytes, struct buf *out, struct err *err)
{
	unsigned __int128 n;

	if (bytes.len != c->width)
		return err_set(err, -EILSEQ, "%zu bytes are no number of %u", bytes.len, c->width);
	n = bits_of(c, bytes.data);
	if (is_negative(c, n))
		/* What lies above the number's own bits is lost in both steps. */
		show(out, true, -n << (128 - 8 * c->width) >> (128 - 8 * c->width));
	else if (n >> 64 == 0)
		buf_json_u64(out, (uint64_t)n);
	else
		show(out, false, n);
	return 0;
}

/* False: it has more bits than the number. */
static bool fits(const struct codec *c, bool negative, unsigned __int128 n)
{
	unsigned bits = 8 * c->width - c->is_signed;
	unsigned __int128 most =
		bits == 128 ? ~(unsigned __int128)0 : ((unsigned __int128)1 << bits) - 1;

	return negative ? c->is_signed && n <= most + 1 : n <= most;
}

static void put(const struct codec *c, unsigned __int128 n, struct buf *out)
{
	uint8_t bytes[MAX_NUMBER_LEN];

	for (unsigned i = 0; i < c->width; i++, n >>= 8)
		bytes[c->little ? i : c->width - 1 - i] = (uint8_t)n;
	buf_add(out, bytes, c->width);
}

static int encode_word(const struct codec *c, const char *word, struct buf *out, struct err *err)
{
	unsigned __int128 n = 0;
	bool negative = *word == '-';
	const char *digits = word + negative, *p = digits;

	for (; *p >= '0' && *p <= '9'; p++)
		if (mul_overflows(n, (unsigned __int128)10, &n) ||
		    add_overflows(n, (unsigned __int128)(*p - '0'), &n))
			break;
	if (*p || p == digits || !fits(c, negative, n))
		return err_set(err, -EINVAL, "'%.64s' is not a number that fits %u bytes", word,
			       c->width);
	put(c, negative ? -n : n, out);
	return 0;
}

static int encode(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	char digits[24];

	if (json_is_string(json))
		return encode_word(c, json_string_value(json), out, err);
	if (!json_is_integer(json))
		return err_set(err, -EINVAL, "a whole number is needed");
	snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(json));
	return encode_word(c, digits, out, err);
}

static const struct codec_ops codec_number = {
	.name = "number",
	.decode = decode,
	.encode = encode,
	.encode_word = encode_word,
	.word_is_string = true,
	.word_is_number = true,
	.same = true,
};

/* ---- the order of signed numbers from their last byte on ---- */

static int compare_little_signed(const struct ss_type *type, struct ss_bytes a, struct ss_bytes b)
{
	if (a.len == b.len && a.len > 0 && (a.data[a.len - 1] ^ b.data[b.len - 1]) & 0x80)
		return a.data[a.len - 1] & 0x80 ? -1 : 1;
	return ss_compare(SS_ORDER_LITTLE, a, b);
}

static const struct ss_type little_signed = {compare_little_signed};

/* "u8" to "u128", "i8" to "i128", "be" or "le" behind; big-endian is how the library's own types
 * are stored. */
bool codec_parse_number(const char *spec, struct codec *out)
{
	unsigned bits;
	int used = 0;
	bool is_signed = spec[0] == 'i';

	if ((spec[0] != 'u' && spec[0] != 'i') || spec[1] < '1' || spec[1] > '9' ||
	    sscanf(spec + 1, "%3u%n", &bits, &used) != 1 || bits < 8 || bits > 128 ||
	    (bits & (bits - 1)))
		return false;
	spec += 1 + used;
	*out = (struct codec){.ops = &codec_number,
			      .width = bits / 8,
			      .max_len = bits / 8,
			      .is_signed = is_signed,
			      .little = strcmp(spec, "le") == 0};
	out->sort.order = is_signed     ? SS_ORDER_SIGNED
			  : out->little ? SS_ORDER_LITTLE
					: SS_ORDER_BYTES;
	if (is_signed && out->little)
		out->sort = (struct ss_sort){SS_ORDER_TYPE, &little_signed};
	return *spec == '\0' || strcmp(spec, "le") == 0 || strcmp(spec, "be") == 0;
}

/* ---- booleans ---- */

static int bool_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
		       struct err *err)
{
	if (bytes.len != 1 || bytes.data[0] > 1)
		return err_set(err, -EILSEQ, "%zu bytes that are neither true nor false",
			       bytes.len);
	buf_text(out, bytes.data[0] ? "true" : "false");
	return 0;
}

static int bool_encode(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	if (!json_is_boolean(json))
		return err_set(err, -EINVAL, "true or false is needed");
	buf_add(out, json_is_true(json) ? "\1" : "\0", 1);
	return 0;
}

static int bool_encode_word(const struct codec *c, const char *word, struct buf *out,
			    struct err *err)
{
	bool is_true = strcmp(word, "true") == 0;

	if (!is_true && strcmp(word, "false") != 0)
		return err_set(err, -EINVAL, "'%.64s' is neither true nor false", word);
	buf_add(out, is_true ? "\1" : "\0", 1);
	return 0;
}

const struct codec_ops codec_bool = {
	.name = "bool",
	.help = "true or false, in one byte",
	.decode = bool_decode,
	.encode = bool_encode,
	.encode_word = bool_encode_word,
	.same = true,
	.order = SS_ORDER_BYTES,
	.width = 1,
};
