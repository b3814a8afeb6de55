// SPDX-License-Identifier: MIT
/* Owns growing text and bytes, hex and JSON strings. Keeps no state. */
#include "tools/codec/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "tools/out/text.h"

char *buf_grow(struct buf *b, size_t len)
{
	size_t cap = MAX(b->cap, 256), need;
	char *more;

	if (b->failed || add_overflows(b->len, len, &need)) {
		b->failed = true;
		return NULL;
	}
	if (need <= b->cap && b->data)
		return b->data + b->len;
	while (cap < need)
		cap += cap / 2;
	more = realloc(b->data, cap);
	if (!more) {
		b->failed = true;
		return NULL;
	}
	b->data = more;
	b->cap = cap;
	return b->data + b->len;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[128];
	va_list args;
	char *to;
	int len;

	va_start(args, fmt);
	len = vsnprintf(small, sizeof(small), fmt, args);
	va_end(args);
	to = buf_room(b, (size_t)len + 1);
	if (!to)
		return;
	if ((size_t)len < sizeof(small)) {
		memcpy(to, small, (size_t)len + 1);
	} else {
		va_start(args, fmt);
		vsnprintf(to, (size_t)len + 1, fmt, args);
		va_end(args);
	}
	b->len += (size_t)len;
}

/* Eight decimal digits, the first in the lowest byte: halves, quarters, then each digit, all at
 * once; the factors divide by 100 and by 10 what is below 10,000 and 100. */
static uint64_t eight_decimals(uint32_t n)
{
	uint64_t x = n / 10000 | (uint64_t)(n % 10000) << 32;
	uint64_t high = x * 10486 >> 20 & UINT64_C(0x0000007f0000007f);

	x = high | (x - 100 * high) << 16;
	high = x * 103 >> 10 & UINT64_C(0x000f000f000f000f);
	x = high | (x - 10 * high) << 8;
	return x + '0' * UINT64_C(0x0101010101010101);
}

/* Many a record is nothing but numbers, and printf takes ten times as long. */
void buf_number(struct buf *b, uint64_t n)
{
	char digits[24], *end = digits + sizeof(digits), *at = end;

	do {
		at -= 8;
		put_le64((uint8_t *)at, eight_decimals((uint32_t)(n % 100000000)));
		n /= 100000000;
	} while (n > 0);
	while (*at == '0' && at < end - 1)
		at++;
	buf_add(b, at, (size_t)(end - at));
}

void buf_json_u64(struct buf *b, uint64_t n)
{
	bool quoted = n >> 53 != 0;

	if (quoted)
		buf_add(b, "\"", 1);
	buf_number(b, n);
	if (quoted)
		buf_add(b, "\"", 1);
}

/* Eight digits of four bytes at once: the nibbles are spread, then each becomes a digit. */
static uint64_t eight_digits(uint32_t bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t x = bytes;
	uint64_t letters;

	x = (x << 16 | x) & UINT64_C(0x0000ffff0000ffff);
	x = (x << 8 | x) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x << 4 | x) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	letters = (x + 6 * ones) >> 4 & ones;
	return x + '0' * ones + ('a' - '0' - 10) * letters;
}

void buf_hex(struct buf *b, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	uint8_t last[4] = {0}, digits[8];
	size_t chars;
	char *to;

	if (mul_overflows(len, (size_t)2, &chars)) {
		b->failed = true;
		return;
	}
	to = buf_room(b, chars);
	if (!to)
		return;
	b->len += chars;
	for (; len >= 4; len -= 4, from += 4, to += 8)
		put_be64((uint8_t *)to, eight_digits(get_be32(from)));
	if (len > 0) {
		memcpy(last, from, len);
		put_be64(digits, eight_digits(get_be32(last)));
		memcpy(to, digits, 2 * len);
	}
}

/* What each digit is worth, and 1 more, so that 0 says that it is none. */
static const uint8_t digit_values[256] = {
	['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

int buf_from_hex(struct buf *b, const char *digits, size_t len)
{
	char *to = buf_room(b, len / 2);

	if (len % 2 != 0)
		return -EINVAL;
	for (size_t i = 0; to && i < len; i += 2) {
		unsigned high = digit_values[(uint8_t)digits[i]];
		unsigned low = digit_values[(uint8_t)digits[i + 1]];

		if (high == 0 || low == 0)
			return -EINVAL;
		to[i / 2] = (char)((high - 1) << 4 | (low - 1));
	}
	b->len += to ? len / 2 : 0;
	return 0;
}

/* The length of the sequence at p, 0 where there is none. */
static size_t sequence_len(const uint8_t *p, size_t left)
{
	uint32_t code;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len > left)
		return 0;
	code = p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if ((len == 3 && code < 0x800) || (len == 4 && code < 0x10000) || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return len;
}

bool is_utf8(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0, step; i < len; i += step) {
		step = sequence_len(p + i, len - i);
		if (step == 0)
			return false;
	}
	return true;
}

int buf_json_string(struct buf *b, const void *bytes, size_t len)
{
	const char *p = bytes;
	size_t plain = 0;

	if (!is_utf8(bytes, len))
		return -EILSEQ;
	buf_add(b, "\"", 1);
	for (size_t i = 0, step; i < len; i += step) {
		unsigned c = (unsigned char)p[i];
		size_t order = text_order(p + i, len - i, &c);

		step = MAX(order, (size_t)1);
		if (order == 0 && c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(b, p + plain, i - plain);
		plain = i + step;
		if (c == '\n')
			buf_text(b, "\\n");
		else if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else
			buf_printf(b, "\\u%04x", c);
	}
	buf_add(b, p + plain, len - plain);
	buf_add(b, "\"", 1);
	return 0;
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}
