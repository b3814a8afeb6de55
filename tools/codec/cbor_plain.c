// SPDX-License-Identifier: MIT
/*
 * See cbor_plain.h. To make CBOR of the JSON again, and to see whether both are the same, takes
 * longer than to show the item.
 */
#include "tools/codec/cbor_plain.h"

enum {
	MAX_LEN = 1 << 16, /* so that JSON can have as many values */
	MAX_NESTING = 16,
	MAX_PAIRS = 32, /* keys are compared each with each */
};

/* Major types of RFC 8949. */
enum { UINT, NEGINT, BYTES, TEXT, ARRAY, MAP, TAG, OTHER };

/* Takes an item's major type and the number behind it. False: the head could be shorter, or has no
 * number. */
static bool take_head(struct ss_bytes *left, unsigned *major, uint64_t *n)
{
	static const uint64_t least[] = {24, 1 << 8, 1 << 16, UINT64_C(1) << 32};
	unsigned info, wide;

	if (left->len == 0)
		return false;
	*major = left->data[0] >> 5;
	info = left->data[0] & 31;
	if (info > 27)
		return false;
	wide = info < 24 ? 0 : 1u << (info - 24);
	if (left->len - 1 < wide)
		return false;
	*n = wide ? 0 : info;
	for (unsigned i = 1; i <= wide; i++)
		*n = *n << 8 | left->data[i];
	left->data += 1 + wide;
	left->len -= 1 + wide;
	return wide == 0 || *n >= least[info - 24];
}

static bool take_string(struct ss_bytes *left, uint64_t len, struct ss_bytes *out)
{
	if (len > left->len)
		return false;
	*out = (struct ss_bytes){left->data, (size_t)len};
	left->data += len;
	left->len -= (size_t)len;
	return true;
}

static bool is_plain_text(struct ss_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < ' ' || text.data[i] > '~')
			return false;
	return true;
}

static bool take_key(struct ss_bytes *left, struct ss_bytes *key)
{
	unsigned major;
	uint64_t len;

	return take_head(left, &major, &len) && major == TEXT && take_string(left, len, key) &&
	       is_plain_text(*key) && (key->len == 0 || key->data[0] != '$');
}

static bool is_one_of(const struct ss_bytes *keys, uint64_t count, struct ss_bytes key)
{
	for (uint64_t i = 0; i < count; i++)
		if (keys[i].len == key.len && memcmp(keys[i].data, key.data, key.len) == 0)
			return true;
	return false;
}

static bool take_plain(struct ss_bytes *left, unsigned depth);

static bool take_map(struct ss_bytes *left, uint64_t pairs, unsigned depth)
{
	struct ss_bytes keys[MAX_PAIRS];

	if (pairs > MAX_PAIRS)
		return false;
	for (uint64_t i = 0; i < pairs; i++)
		if (!take_key(left, &keys[i]) || is_one_of(keys, i, keys[i]) ||
		    !take_plain(left, depth))
			return false;
	return true;
}

static bool take_array(struct ss_bytes *left, uint64_t count, unsigned depth)
{
	for (uint64_t i = 0; i < count; i++)
		if (!take_plain(left, depth))
			return false;
	return true;
}

static bool take_plain(struct ss_bytes *left, unsigned depth)
{
	struct ss_bytes string;
	unsigned major;
	uint64_t n;

	if (depth == MAX_NESTING || !take_head(left, &major, &n))
		return false;
	switch (major) {
	case UINT:
	case NEGINT:
		return n < (UINT64_C(1) << 53) - 1;
	case BYTES:
		return take_string(left, n, &string);
	case TEXT:
		return take_string(left, n, &string) && is_plain_text(string);
	case ARRAY:
		return take_array(left, n, depth + 1);
	case MAP:
		return take_map(left, n, depth + 1);
	default:
		return major == OTHER && n >= 20 && n <= 22; /* false, true, null */
	}
}

bool cbor_is_plain(struct ss_bytes bytes)
{
	return bytes.len <= MAX_LEN && take_plain(&bytes, 0) && bytes.len == 0;
}
