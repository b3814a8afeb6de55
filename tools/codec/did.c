// SPDX-License-Identifier: MIT
/* Owns finding names by hash. A .did file is not parsed: its words are the names there can be. */
#include "tools/codec/did.h"

#include <ctype.h>

#include "tools/input/input.h"

struct word {
	uint32_t hash;
	char *text;
};

struct did {
	struct word *words; /* by hash */
	size_t count, cap;
};

enum { MAX_FILE_LEN = 1 << 24, MAX_WORDS = 1 << 20 };

uint32_t did_hash(const char *name, size_t len)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < len; i++)
		hash = hash * 223 + (uint8_t)name[i];
	return hash;
}

static int add(struct did *did, const char *text, size_t len)
{
	if (did->count == MAX_WORDS)
		return -E2BIG;
	if (did->count == did->cap) {
		size_t cap = MAX(64, did->cap * 2);
		struct word *more = reallocarray(did->words, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		did->words = more;
		did->cap = cap;
	}
	did->words[did->count] = (struct word){did_hash(text, len), strndup(text, len)};
	return did->words[did->count++].text ? 0 : -ENOMEM;
}

static int compare(const void *a, const void *b)
{
	const struct word *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return strcmp(x->text, y->text);
}

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static int add_words(struct did *did, const char *text)
{
	int rc = 0;

	while (*text && rc == 0) {
		size_t len = 0;

		if (*text == '"') {
			len = strcspn(++text, "\"");
			rc = add(did, text, len);
			text += len + (text[len] == '"');
		} else if (in_word(*text)) {
			while (in_word(text[len]))
				len++;
			rc = add(did, text, len);
			text += len;
		} else {
			text++;
		}
	}
	return rc;
}

int did_read(const char *path, struct did **out, struct err *err)
{
	struct did *did = calloc(1, sizeof(*did));
	auto_free char *text = NULL;
	size_t len;
	int rc = did ? text_file_read(path, MAX_FILE_LEN, &text, &len, err) : -ENOMEM;

	if (!rc)
		rc = add_words(did, text);
	if (rc == -ENOMEM)
		err_set(err, rc, "no memory for the words");
	if (rc == -E2BIG)
		err_set(err, rc, "more than %d words", MAX_WORDS);
	if (rc) {
		did_free(did);
		return err_prefix(err, rc, "cannot read %s", path);
	}
	if (did->count > 0)
		qsort(did->words, did->count, sizeof(*did->words), compare);
	*out = did;
	return 0;
}

void did_free(struct did *did)
{
	if (!did)
		return;
	for (size_t i = 0; i < did->count; i++)
		free(did->words[i].text);
	free(did->words);
	free(did);
}

const char *did_name(const struct did *did, uint32_t hash)
{
	size_t low = 0, high = did->count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (did->words[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == did->count || did->words[low].hash != hash)
		return NULL;
	for (size_t i = low + 1; i < did->count && did->words[i].hash == hash; i++)
		if (strcmp(did->words[i].text, did->words[low].text) != 0)
			return NULL;
	return did->words[low].text;
}
