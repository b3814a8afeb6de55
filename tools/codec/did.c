// SPDX-License-Identifier: MIT
/* Owns finding names by hash. A .did file is not parsed: its words are the names there can be. */
#include "tools/codec/did.h"

#include <ctype.h>
#include <stdio.h>

struct word {
	uint32_t hash;
	char *text;
};

struct did {
	struct word *words; /* by hash */
	size_t count, cap;
};

enum { MAX_FILE_LEN = 1 << 24 };

uint32_t did_hash(const char *name, size_t len)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < len; i++)
		hash = hash * 223 + (uint8_t)name[i];
	return hash;
}

static int add(struct did *did, const char *text, size_t len)
{
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

static char *read_text(const char *path, struct err *err)
{
	FILE *f = fopen(path, "re");
	char *text = f ? calloc(1, MAX_FILE_LEN + 1) : NULL;
	size_t len = text ? fread(text, 1, MAX_FILE_LEN, f) : 0;
	bool bad = !f || ferror(f);
	int error = errno;

	if (f)
		fclose(f);
	if (!bad && text && len < MAX_FILE_LEN)
		return text;
	free(text);
	err_sys(err, bad ? -error : -EFBIG, "cannot read %s", path);
	return NULL;
}

int did_read(const char *path, struct did **out, struct err *err)
{
	auto_free char *text = read_text(path, err);
	struct did *did = calloc(1, sizeof(*did));

	*out = NULL;
	if (!text) {
		free(did);
		return -EINVAL;
	}
	if (!did || add_words(did, text) < 0) {
		did_free(did);
		return err_set(err, -ENOMEM, "no memory for the names in %s", path);
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
