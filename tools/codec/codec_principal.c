// SPDX-License-Identifier: MIT
/*
 * Owns the text form of principals: CRC-32 big-endian before the bytes, base32 of RFC 4648 in lower
 * case without padding, a dash after every five characters.
 */
#include "tools/codec/codec.h"

enum { MAX_LEN = 29, CRC_LEN = 4, GROUP = 5 };

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

int principal_show(struct ss_bytes bytes, struct buf *out)
{
	uint8_t raw[CRC_LEN + MAX_LEN];
	size_t len = CRC_LEN + bytes.len, shown = 0;
	unsigned bits = 0;
	uint32_t acc = 0;

	if (bytes.len > MAX_LEN)
		return -EILSEQ;
	put_be32(raw, crc32_of(0, bytes.data, bytes.len));
	if (bytes.len > 0)
		memcpy(raw + CRC_LEN, bytes.data, bytes.len);
	for (size_t i = 0; i < len || bits > 0;) {
		if (bits < 5 && i < len) {
			acc = acc << 8 | raw[i++];
			bits += 8;
		} else if (bits < 5) {
			acc <<= 5 - bits;
			bits = 5;
		}
		while (bits >= 5) {
			if (shown > 0 && shown % GROUP == 0)
				buf_add(out, "-", 1);
			buf_add(out, &alphabet[acc >> (bits - 5) & 31], 1);
			shown++;
			bits -= 5;
		}
	}
	return 0;
}

static int decode(const struct codec *c, struct ss_bytes bytes, struct buf *out, struct err *err)
{
	buf_add(out, "\"", 1);
	if (principal_show(bytes, out) < 0)
		return err_set(err, -EILSEQ, "%zu bytes are no principal: it has at most %d",
			       bytes.len, MAX_LEN);
	buf_add(out, "\"", 1);
	return 0;
}

/* Strict: exactly the text that principal_show makes of the bytes. */
static int encode_word(const struct codec *c, const char *word, struct buf *out, struct err *err)
{
	uint8_t raw[CRC_LEN + MAX_LEN + 1];
	size_t len = 0;
	unsigned bits = 0;
	uint32_t acc = 0;
	auto_buf struct buf again = {0};

	for (const char *p = word; *p && len < sizeof(raw); p++) {
		const char *at = strchr(alphabet, *p);

		if (*p == '-')
			continue;
		if (!at)
			break;
		acc = acc << 5 | (uint32_t)(at - alphabet);
		bits += 5;
		if (bits >= 8) {
			raw[len++] = (uint8_t)(acc >> (bits - 8));
			bits -= 8;
		}
	}
	if (len < CRC_LEN || len > CRC_LEN + MAX_LEN ||
	    principal_show((struct ss_bytes){raw + CRC_LEN, len - CRC_LEN}, &again) < 0 ||
	    again.failed || again.len != strlen(word) || memcmp(again.data, word, again.len) != 0)
		return err_set(err, -EINVAL, "'%.80s' is no principal, or has a wrong checksum",
			       word);
	buf_add(out, raw + CRC_LEN, len - CRC_LEN);
	return 0;
}

static int encode(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	if (!json_is_string(json))
		return err_set(err, -EINVAL, "a principal's text is needed");
	return encode_word(c, json_string_value(json), out, err);
}

const struct codec_ops codec_principal = {
	.name = "principal",
	.help = "the text form, with its checksum",
	.decode = decode,
	.encode = encode,
	.encode_word = encode_word,
	.word_is_string = true,
	.same = true,
	.order = SS_ORDER_LENGTH,
	.prefixed = true,
	.max_len = MAX_LEN,
};
