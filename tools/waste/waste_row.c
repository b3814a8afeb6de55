// SPDX-License-Identifier: MIT
/*
 * See waste_row.h. Reads page 0 of an image and knows its length; of a packed one it has to unpack
 * all for that. Holds no state: many threads measure side by side.
 */
#include "tools/waste/waste_row.h"

#include <inttypes.h>

#include "tools/image/image_open.h"
#include "tools/input/input.h"
#include "tools/waste/gz_head.h"

static const char *const kinds[WASTE_KINDS] = {
	[WASTE_MANAGED] = "managed", [WASTE_RAW] = "raw",     [WASTE_EMPTY] = "empty",
	[WASTE_ERROR] = "error",     [WASTE_OTHER] = "other",
};

static bool ends_in(const char *path, const char *end)
{
	size_t len = strlen(path), end_len = strlen(end);

	return len > end_len && strcmp(path + len - end_len, end) == 0;
}

static void fill_managed(struct mm *mm, struct waste_row *row)
{
	struct mm_sizing size;
	struct advice advice;
	struct mm_stat st;
	uint64_t waste;

	mm_stat(mm, &st);
	row->bucket_pages = st.bucket_pages;
	row->memories = st.memories;
	mm_sizing(mm, 1, &size);
	row->data_len = size.buckets * MM_PAGE_LEN;
	waste = row->image_len > MM_PAGE_LEN + row->data_len
			? row->image_len - MM_PAGE_LEN - row->data_len
			: 0;
	row->tail_len = MIN(waste, st.tail_bytes);
	row->hole_len =
		MIN(waste - row->tail_len, (uint64_t)st.holes * st.bucket_pages * MM_PAGE_LEN);
	row->slack_len = waste - row->tail_len - row->hole_len;
	for (size_t i = 0; i < ADVICE_SIZES; i++) {
		mm_sizing(mm, advice_sizes[i], &size);
		row->at[i] = size.fits ? size.image_len : UINT64_MAX;
	}
	row->best_pages = st.bucket_pages;
	if (advice_of(mm, 0, &advice, NULL) == 0)
		row->best_pages = advice.best_pages;
	mm_sizing(mm, row->best_pages, &size);
	row->best_len = size.image_len;
}

static int measure(struct waste_row *row, bool found, struct err *err)
{
	auto_store struct store *s = NULL;
	auto_mm struct mm *mm = NULL;
	enum mm_kind kind;
	int rc = ends_in(row->path, ".gz") ? gz_head_open(row->path, &s, err)
					   : image_open_store(row->path, false, &s, err);

	if (!rc)
		rc = mm_probe(s, &kind, err);
	if (rc)
		return rc;
	row->image_len = s->len;
	row->kind = kind == MM_EMPTY ? WASTE_EMPTY : kind == MM_RAW ? WASTE_RAW : WASTE_MANAGED;
	if (row->kind != WASTE_MANAGED) {
		if (found && (s->len == 0 || s->len % MM_PAGE_LEN != 0))
			row->kind = WASTE_OTHER;
		return 0;
	}
	rc = mm_open(s, &mm, err);
	if (!rc)
		fill_managed(mm, row);
	return rc;
}

void waste_measure(char *path, bool found, struct waste_row *row)
{
	*row = (struct waste_row){.path = path};
	if (measure(row, found, &row->why) != 0)
		row->kind = WASTE_ERROR;
}

void waste_row_free(struct waste_row *row)
{
	free(row->path);
	row->path = NULL;
}

/* ---- lines of JSON ---- */

static const struct number {
	const char *key;
	size_t where;
} numbers[] = {
	{"image_bytes", offsetof(struct waste_row, image_len)},
	{"data_bytes", offsetof(struct waste_row, data_len)},
	{"slack_bytes", offsetof(struct waste_row, slack_len)},
	{"hole_bytes", offsetof(struct waste_row, hole_len)},
	{"tail_bytes", offsetof(struct waste_row, tail_len)},
	{"best_image_bytes", offsetof(struct waste_row, best_len)},
};

static uint64_t *number_at(const struct waste_row *row, const struct number *n)
{
	return (uint64_t *)((char *)row + n->where);
}

static void put_managed(struct json *doc, const struct waste_row *row)
{
	json_t *at = json_object();

	for (size_t i = 1; i < ARRAY_LEN(numbers); i++)
		json_put(doc, doc->root, numbers[i].key, json_u64(*number_at(row, &numbers[i])));
	json_put(doc, doc->root, "waste_bytes", json_u64(waste_len(row)));
	json_put(doc, doc->root, "bucket_pages", json_integer(row->bucket_pages));
	json_put(doc, doc->root, "best_bucket_pages", json_integer(row->best_pages));
	json_put(doc, doc->root, "memories", json_integer(row->memories));
	for (size_t i = 0; i < ADVICE_SIZES; i++) {
		char pages[16];

		snprintf(pages, sizeof(pages), "%" PRIu32, advice_sizes[i]);
		json_put(doc, at, pages,
			 row->at[i] == UINT64_MAX ? json_null() : json_u64(row->at[i]));
	}
	json_put(doc, doc->root, "image_bytes_at", at);
}

char *waste_row_to_json(const struct waste_row *row)
{
	struct json doc = json_begin();
	char *text;

	json_put(&doc, doc.root, "path", json_any(row->path));
	json_put(&doc, doc.root, "kind", json_string(kinds[row->kind]));
	if (row->kind == WASTE_ERROR)
		json_put(&doc, doc.root, "error", json_any(row->why.text));
	else
		json_put(&doc, doc.root, numbers[0].key, json_u64(row->image_len));
	if (row->kind == WASTE_MANAGED)
		put_managed(&doc, row);
	text = doc.failed ? NULL : json_dumps(doc.root, JSON_COMPACT);
	json_decref(doc.root);
	return text;
}

static bool get_u64(const json_t *object, const char *key, uint64_t max, uint64_t *out)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (uint64_t)json_integer_value(value) > max)
		return false;
	*out = (uint64_t)json_integer_value(value);
	return true;
}

static bool get_managed(const json_t *object, struct waste_row *row)
{
	/* So that no sum over very many lines overflows: more than any image can have. */
	const uint64_t max = UINT64_C(1) << 44;
	const json_t *at = json_object_get(object, "image_bytes_at");
	uint64_t bucket_pages, best_pages, memories;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (!get_u64(object, numbers[i].key, max, number_at(row, &numbers[i])))
			return false;
	if (!get_u64(object, "bucket_pages", MM_MAX_BUCKET_PAGES, &bucket_pages) ||
	    !get_u64(object, "best_bucket_pages", MM_MAX_BUCKET_PAGES, &best_pages) ||
	    !get_u64(object, "memories", MM_MAX_MEMORIES, &memories))
		return false;
	row->bucket_pages = (uint32_t)bucket_pages;
	row->best_pages = (uint32_t)best_pages;
	row->memories = (uint32_t)memories;
	for (size_t i = 0; i < ADVICE_SIZES; i++) {
		char pages[16];

		snprintf(pages, sizeof(pages), "%" PRIu32, advice_sizes[i]);
		row->at[i] = UINT64_MAX;
		if (!json_is_null(json_object_get(at, pages)) &&
		    !get_u64(at, pages, max, &row->at[i]))
			return false;
	}
	return true;
}

static bool get_row(const json_t *object, struct waste_row *row)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));
	const char *why = json_string_value(json_object_get(object, "error"));

	for (row->kind = 0; row->kind < WASTE_KINDS; row->kind++)
		if (kind && strcmp(kind, kinds[row->kind]) == 0)
			break;
	switch (row->kind) {
	case WASTE_MANAGED:
		return get_managed(object, row);
	case WASTE_RAW:
	case WASTE_EMPTY:
	case WASTE_OTHER:
		return get_u64(object, "image_bytes", UINT64_C(1) << 44, &row->image_len);
	case WASTE_ERROR:
		err_set(&row->why, 0, "%.400s", why ? why : "unknown");
		return why != NULL;
	case WASTE_KINDS:
		break;
	}
	return false;
}

int waste_row_from_json(const char *line, size_t len, struct waste_row *row, struct err *err)
{
	json_t *object = json_read(line, len, 0, JSON_MAX_DEPTH, NULL);
	const char *path = json_string_value(json_object_get(object, "path"));
	uint64_t schema;
	int rc = -EINVAL;

	*row = (struct waste_row){NULL};
	if (!get_u64(object, "schema", 1, &schema) || schema != 1)
		err_set(err, rc, "no line of 'canisterfs waste --json'");
	else if (json_object_get(object, "summary"))
		rc = 1;
	else if (path && get_row(object, row))
		rc = 0;
	else
		err_set(err, rc, "a line of 'canisterfs waste --json', but not a whole one");
	if (rc == 0) {
		row->path = strdup(path);
		rc = row->path ? 0 : err_set(err, -ENOMEM, "out of memory");
	}
	json_decref(object);
	return rc;
}
