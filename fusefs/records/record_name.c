// SPDX-License-Identifier: MIT
/*
 * What a record is called. Within one style two records never have the same name, and a name leads
 * back to its record:
 *
 * - hexadecimal: two lower-case digits a byte. The empty key, which has none, is "empty". A key of
 *   more than MAX_KEY_LEN bytes, whose digits are too many for a name, is its first PREFIX_LEN
 *   bytes, "~", and the SHA-256 of all of it.
 * - text: the key itself. The empty key is none.
 */
#include <inttypes.h>
#include <stdio.h>

#include "fusefs/records/records.h"
#include "snapshot/snapshot.h"

enum {
	MAX_KEY_LEN = RECORD_NAME_MAX / 2,
	PREFIX_LEN = (RECORD_NAME_MAX - 1 - 2 * SNAP_HASH_LEN) / 2,
};

static const char empty_name[] = "empty", only_name[] = "value";

/* The length of the character that begins here, or 0: it is none, or no one could read it. */
static size_t char_len(const uint8_t *p, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = *p < 0x80   ? 1
		   : *p < 0xc0 ? 0
		   : *p < 0xe0 ? 2
		   : *p < 0xf0 ? 3
		   : *p < 0xf8 ? 4
			       : 0;
	uint32_t code = n == 1 ? *p : *p & (0x7f >> n);

	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return code < 0x20 || (code >= 0x7f && code < 0xa0) ? 0 : n;
}

bool record_key_is_text(struct ss_bytes key)
{
	if (key.len == 0 || key.len > RECORD_NAME_MAX || memchr(key.data, '/', key.len))
		return false;
	if (key.data[0] == '.' && (key.len == 1 || (key.len == 2 && key.data[1] == '.')))
		return false;
	for (size_t i = 0; i < key.len;) {
		size_t n = char_len(key.data + i, key.len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

static char *put_hex(char *to, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*to++ = digits[bytes[i] >> 4];
		*to++ = digits[bytes[i] & 15];
	}
	*to = '\0';
	return to;
}

static int spell_hex(struct ss_bytes key, char *name, struct err *err)
{
	uint8_t hash[SNAP_HASH_LEN];
	char *end;
	int rc;

	if (key.len == 0)
		strcpy(name, empty_name);
	else
		put_hex(name, key.data, MIN(key.len, (size_t)MAX_KEY_LEN));
	if (key.len <= MAX_KEY_LEN)
		return 0;
	rc = snap_hash_bytes(key.data, key.len, hash);
	if (rc)
		return err_sys(err, rc, "a key of %zu bytes cannot be hashed", key.len);
	end = put_hex(name, key.data, PREFIX_LEN);
	*end = '~';
	put_hex(end + 1, hash, sizeof(hash));
	return 0;
}

int record_spell(enum record_style style, const struct ss_record *rec, char *name, struct err *err)
{
	switch (style) {
	case RECORD_HEX:
		return spell_hex(rec->key, name, err);
	case RECORD_TEXT:
		if (!record_key_is_text(rec->key))
			return err_set(err, -EUCLEAN, "a key is no text any more");
		memcpy(name, rec->key.data, rec->key.len);
		name[rec->key.len] = '\0';
		return 0;
	case RECORD_INDEX:
		snprintf(name, RECORD_NAME_MAX + 1, "%" PRIu64, rec->index);
		return 0;
	case RECORD_VALUE:
		strcpy(name, only_name);
		return 0;
	}
	return -EINVAL;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_hex(const char *name, struct record_wanted *out)
{
	size_t len = strlen(name);

	out->search = len == 2 * (PREFIX_LEN + SNAP_HASH_LEN) + 1 && name[2 * PREFIX_LEN] == '~';
	if (out->search || strcmp(name, empty_name) == 0)
		return 0;
	if (len == 0 || len % 2 != 0)
		return -ENOENT;
	for (size_t i = 0; i < len; i += 2) {
		int high = digit(name[i]), low = digit(name[i + 1]);

		if (high < 0 || low < 0)
			return -ENOENT;
		out->key[out->key_len++] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static int parse_index(const char *name, struct record_wanted *out)
{
	enum { MAX_DIGITS = 19 }; /* fit */
	size_t len = strlen(name);

	if (len == 0 || len > MAX_DIGITS || (name[0] == '0' && len > 1))
		return -ENOENT;
	for (const char *p = name; *p; p++) {
		if (*p < '0' || *p > '9')
			return -ENOENT;
		out->index = out->index * 10 + (uint64_t)(*p - '0');
	}
	return 0;
}

int record_parse(enum record_style style, const char *name, struct record_wanted *out)
{
	*out = (struct record_wanted){.key_len = 0};
	switch (style) {
	case RECORD_HEX:
		return parse_hex(name, out);
	case RECORD_TEXT:
		out->key_len = strlen(name);
		memcpy(out->key, name, out->key_len);
		return 0;
	case RECORD_INDEX:
		return parse_index(name, out);
	case RECORD_VALUE:
		return strcmp(name, only_name) == 0 ? 0 : -ENOENT;
	}
	return -ENOENT;
}
