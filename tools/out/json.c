// SPDX-License-Identifier: MIT
/*
 * The thin layer over jansson: what every document has, and one place for running out of memory.
 */
#include "tools/out/json.h"

#include "tools/out/say.h"
#include "tools/out/text.h"

struct json json_begin(void)
{
	struct json doc = {.root = json_object()};

	json_put(&doc, doc.root, "schema", json_integer(1));
	return doc;
}

void json_put(struct json *doc, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		doc->failed = true;
}

void json_add(struct json *doc, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		doc->failed = true;
}

json_t *json_u64(uint64_t n)
{
	return json_integer((json_int_t)MIN(n, (uint64_t)INT64_MAX));
}

/* The length of the UTF-8 sequence at p, or 0. jansson knows what it accepts: ask it. */
static size_t sequence_len(const char *p)
{
	for (size_t len = 1; len <= strnlen(p, 4); len++) {
		json_t *one = json_stringn(p, len);

		if (one) {
			json_decref(one);
			return len;
		}
	}
	return 0;
}

json_t *json_any(const char *text)
{
	json_t *plain = json_string(text);
	auto_free char *mended = NULL;
	char *to;

	if (plain)
		return plain;
	to = mended = malloc(3 * strlen(text) + 1);
	if (!mended)
		return NULL;
	while (*text) {
		size_t len = sequence_len(text);

		if (len)
			to = mempcpy(to, text, len);
		else
			to = mempcpy(to, "\xef\xbf\xbd", 3);
		text += len ? len : 1;
	}
	*to = 0;
	return json_string(mended);
}

/* Such a character can only stand in a string. */
char *json_plain_text(const json_t *json, size_t flags)
{
	auto_free char *text = json_dumps(json, flags);
	const char *end = text ? text + strlen(text) : NULL;
	char *out = text ? malloc(6 * (size_t)(end - text) + 1) : NULL;
	char *to = out;

	for (const char *p = text; out && p < end;) {
		unsigned c;
		size_t len = text_order(p, (size_t)(end - p), &c);

		if (len > 0)
			to += sprintf(to, "\\u%04x", c);
		else
			*to++ = *p;
		p += MAX(len, (size_t)1);
	}
	if (out)
		*to = 0;
	return out;
}

char *json_text(struct json *doc)
{
	auto_free char *body = doc->failed ? NULL : json_plain_text(doc->root, JSON_INDENT(2));
	char *text = NULL;

	json_decref(doc->root);
	doc->root = NULL;
	if (!body || asprintf(&text, "%s\n", body) < 0)
		return NULL;
	return text;
}

int json_print(struct json *doc)
{
	auto_free char *text = json_text(doc);

	if (!text) {
		cmd_error(NULL, "out of memory");
		return CMD_FAILED;
	}
	fputs(text, stdout);
	return CMD_DONE;
}
