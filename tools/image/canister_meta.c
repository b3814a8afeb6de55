// SPDX-License-Identifier: MIT
/*
 * See canister_meta.h. The document is never parsed and written again: floats would be rounded
 * another way, and what the writer could not express would be lost. jansson says whether it is
 * JSON; the digits are then found in the text itself. Source: formats, canister snapshot
 * directories, "Editing rule".
 */
#include "tools/image/canister_meta.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd/cmd.h"
#include "tools/input/input.h"

enum { MAX_DIGITS = 20 };

/* Behind the string that begins at `p`, which the document's validity says there is. */
static size_t string_end(const char *text, size_t len, size_t p)
{
	for (p++; p < len && text[p] != '"'; p++)
		if (text[p] == '\\')
			p++;
	return p + 1;
}

static size_t skip_space(const char *text, size_t len, size_t p)
{
	while (p < len && isspace((unsigned char)text[p]))
		p++;
	return p;
}

/* Where the value of a key of the outermost object begins; false: there is no such key. */
static bool value_of(const char *text, size_t len, const char *key, size_t *out)
{
	size_t key_len = strlen(key);
	unsigned depth = 0;

	for (size_t p = 0; p < len;) {
		size_t end;

		if (text[p] != '"') {
			depth += text[p] == '{' || text[p] == '[';
			depth -= text[p] == '}' || text[p] == ']';
			p++;
			continue;
		}
		end = string_end(text, len, p);
		*out = skip_space(text, len, end);
		if (depth == 1 && end - p == key_len + 2 && *out < len && text[*out] == ':' &&
		    memcmp(text + p + 1, key, key_len) == 0) {
			*out = skip_space(text, len, *out + 1);
			return true;
		}
		p = end;
	}
	return false;
}

static int size_of(const char *text, size_t len, const char *key, uint64_t *out, size_t *off,
		   size_t *digits, struct err *err)
{
	char number[MAX_DIGITS + 1] = "";
	struct err why = {""};

	if (!value_of(text, len, key, off))
		return err_set(err, -EINVAL, "metadata.json has no \"%s\"", key);
	for (*digits = 0; *digits < MAX_DIGITS && *off + *digits < len; ++*digits) {
		char c = text[*off + *digits];

		if (c == ',' || c == '}' || isspace((unsigned char)c))
			break;
		number[*digits] = c;
	}
	if (parse_number(number, 0, INT64_MAX, out, &why) != 0)
		return err_set(err, -EINVAL, "metadata.json: \"%s\": %s", key, why.text);
	return 0;
}

int canister_meta_parse(const char *text, size_t len, struct canister_meta *out, struct err *err)
{
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL;
	struct err why = {""};
	json_t *doc = json_read(text, len, flags, JSON_MAX_DEPTH, &why);
	bool object = json_is_object(doc);
	size_t off, digits;
	int rc;

	json_decref(doc);
	if (!doc)
		return err_set(err, -EINVAL, "metadata.json is no JSON: %s", why.text);
	if (!object)
		return err_set(err, -EINVAL, "metadata.json holds no object");
	rc = size_of(text, len, "wasm_module_size", &out->module_len, &off, &digits, err);
	if (!rc)
		rc = size_of(text, len, "wasm_memory_size", &out->heap_len, &off, &digits, err);
	if (!rc)
		rc = size_of(text, len, "stable_memory_size", &out->stable_len, &out->stable_off,
			     &out->stable_digits, err);
	return rc;
}

int canister_meta_with(const char *text, size_t len, const struct canister_meta *meta,
		       uint64_t stable_len, char **out, size_t *out_len, struct err *err)
{
	size_t behind = meta->stable_off + meta->stable_digits;
	char number[MAX_DIGITS + 1];
	size_t digits = (size_t)snprintf(number, sizeof(number), "%" PRIu64, stable_len);
	char *p;

	*out_len = len - meta->stable_digits + digits;
	*out = p = malloc(*out_len);
	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	p = mempcpy(p, text, meta->stable_off);
	p = mempcpy(p, number, digits);
	memcpy(p, text + behind, len - behind);
	return 0;
}
