// SPDX-License-Identifier: MIT
/*
 * Rows as lines of JSON, and back. Nothing of a line is believed: each number has a bound, so that
 * no sum over very many lines overflows.
 */
#include <inttypes.h>

#include "tools/input/input.h"
#include "tools/waste/waste_row.h"

static const char *const kinds[WASTE_KINDS] = {
	[WASTE_MANAGED] = "managed", [WASTE_RAW] = "raw",     [WASTE_EMPTY] = "empty",
	[WASTE_LINK] = "link",       [WASTE_OTHER] = "other", [WASTE_CUT] = "cut",
	[WASTE_DAMAGED] = "damaged", [WASTE_ERROR] = "error",
};

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

static json_t *memories_to_json(struct json *doc, const struct waste_row *row)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < row->memory_count; i++) {
		json_t *o = json_object();

		json_put(doc, o, "memory", json_integer(row->memory[i].id));
		json_put(doc, o, "data_bytes", json_u64(row->memory[i].data_len));
		json_put(doc, o, "slack_bytes", json_u64(row->memory[i].slack_len));
		json_add(doc, array, o);
	}
	return array;
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
	json_put(doc, doc->root, "by_memory", memories_to_json(doc, row));
}

char *waste_row_to_json(const struct waste_row *row)
{
	struct json doc = json_begin();
	char *text;

	json_put(&doc, doc.root, "path", json_any(row->path));
	json_put(&doc, doc.root, "kind", json_string(kinds[row->kind]));
	if (waste_kind_problem(row->kind))
		json_put(&doc, doc.root, "error", json_any(row->why.text));
	if (row->kind != WASTE_ERROR)
		json_put(&doc, doc.root, numbers[0].key, json_u64(row->image_len));
	if (row->kind == WASTE_MANAGED)
		put_managed(&doc, row);
	text = doc.failed ? NULL : json_plain_text(doc.root, JSON_COMPACT);
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

/* More than any image can have. */
static const uint64_t max_len = UINT64_C(1) << 44;

static bool get_memories(const json_t *array, struct waste_row *row)
{
	size_t count = json_array_size(array);

	if (!array)
		return true; /* a line of an older version */
	if (count > MM_MAX_MEMORIES)
		return false;
	row->memory = calloc(count + 1, sizeof(*row->memory));
	for (size_t i = 0; row->memory && i < count; i++) {
		const json_t *o = json_array_get(array, i);
		uint64_t id;

		if (!get_u64(o, "memory", MM_MAX_MEMORIES - 1, &id) ||
		    !get_u64(o, "data_bytes", max_len, &row->memory[i].data_len) ||
		    !get_u64(o, "slack_bytes", max_len, &row->memory[i].slack_len))
			return false;
		row->memory[i].id = (uint32_t)id;
		row->memory_count++;
	}
	return row->memory != NULL;
}

static bool get_managed(const json_t *object, struct waste_row *row)
{
	const json_t *at = json_object_get(object, "image_bytes_at");
	uint64_t bucket_pages, best_pages, memories;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (!get_u64(object, numbers[i].key, max_len, number_at(row, &numbers[i])))
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
		    !get_u64(at, pages, max_len, &row->at[i]))
			return false;
	}
	return get_memories(json_object_get(object, "by_memory"), row);
}

static bool get_row(const json_t *object, struct waste_row *row)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));
	const char *why = json_string_value(json_object_get(object, "error"));

	for (row->kind = 0; row->kind < WASTE_KINDS; row->kind++)
		if (kind && strcmp(kind, kinds[row->kind]) == 0)
			break;
	if (row->kind == WASTE_KINDS)
		return false;
	if (waste_kind_problem(row->kind))
		err_set(&row->why, 0, "%.400s", why ? why : "unknown");
	if (row->kind == WASTE_ERROR)
		return why != NULL;
	if (row->kind == WASTE_MANAGED)
		return get_managed(object, row);
	return get_u64(object, "image_bytes", max_len, &row->image_len);
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
	if (rc != 0)
		waste_row_free(row);
	return rc;
}
