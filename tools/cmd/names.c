// SPDX-License-Identifier: MIT
/* Owns reading the names file. Strict: a key that is not known is an error, not a hope. */
#include "tools/cmd/names.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "tools/cmd/cmd.h"
#include "tools/input/input.h"
#ifdef HAVE_TOML
#include "tools/cmd/toml.h"
#endif

static const char *const states[] = {
	[STATE_NEW] = "new",       [STATE_ACTIVE] = "active",   [STATE_DEPRECATED] = "deprecated",
	[STATE_UNUSED] = "unused", [STATE_REMOVED] = "removed",
};

const char *name_state_text(enum name_state state)
{
	return states[state];
}

static int read_state(const char *text, enum name_state *out)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (strcmp(text, states[i]) == 0) {
			*out = (enum name_state)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int copy_text(const json_t *value, char **out)
{
	if (!json_is_string(value) || *out)
		return -EINVAL;
	*out = strdup(json_string_value(value));
	return *out ? 0 : -ENOMEM;
}

static int read_number(const json_t *value, json_int_t min, json_int_t max, int64_t *out)
{
	if (!json_is_integer(value) || json_integer_value(value) < min ||
	    json_integer_value(value) > max)
		return -EINVAL;
	*out = json_integer_value(value);
	return 0;
}

static int read_int(const json_t *value, json_int_t min, json_int_t max, int *out)
{
	int64_t n;
	int rc = read_number(value, min, max, &n);

	if (rc == 0)
		*out = (int)n;
	return rc;
}

static int read_bound(const json_t *value, int64_t *out)
{
	if (json_is_string(value) && strcmp(json_string_value(value), "unbounded") == 0) {
		*out = NAME_UNBOUNDED;
		return 0;
	}
	return read_number(value, 0, UINT32_MAX, out);
}

static int read_kind(struct name *n, const json_t *value)
{
	int rc = copy_text(value, &n->kind);

	return rc < 0 ? rc : ss_kind_parse(n->kind, &n->ss_kind);
}

/* -EINVAL: the key is not known, or its value is none for it. */
static int read_fact(struct name *n, const char *key, const json_t *value)
{
	if (strcmp(key, "name") == 0)
		return copy_text(value, &n->name);
	if (strcmp(key, "kind") == 0)
		return read_kind(n, value);
	if (strcmp(key, "key") == 0)
		return copy_text(value, &n->key);
	if (strcmp(key, "value") == 0)
		return copy_text(value, &n->value);
	if (strcmp(key, "order") == 0 && json_is_string(value))
		return ss_order_parse(json_string_value(value), &n->order);
	if (strcmp(key, "key_width") == 0)
		return read_int(value, SS_WIDTH_PREFIXED, SS_WIDTH_MAX, &n->key_width);
	if (strcmp(key, "data") == 0)
		return read_int(value, 0, MM_MAX_MEMORIES - 1, &n->data);
	if (strcmp(key, "max_key") == 0)
		return read_bound(value, &n->max_key);
	if (strcmp(key, "max_value") == 0)
		return read_bound(value, &n->max_value);
	if (strcmp(key, "fixed") == 0 && json_is_boolean(value)) {
		n->fixed = json_is_true(value);
		return 0;
	}
	if (strcmp(key, "state") == 0 && json_is_string(value))
		return read_state(json_string_value(value), &n->state);
	return -EINVAL;
}

/* It becomes a file's name in the mount, and must not be taken for an id. */
static bool is_good_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (iscntrl((unsigned char)*p))
			return false;
	return *name && *name != '.' && !strchr(name, '/') && strlen(name) <= 255 &&
	       strspn(name, "0123456789") < strlen(name);
}

static int read_entry(struct names *names, uint64_t id, const json_t *table, struct err *err)
{
	struct name *n = &names->id[id];
	const char *key;
	json_t *value;

	n->key_width = SS_WIDTH_INFER;
	n->data = n->fixed = -1;
	n->max_key = n->max_value = -1;
	n->state = STATE_ACTIVE;
	json_object_foreach((json_t *)table, key, value)
	{
		int rc = read_fact(n, key, value);

		if (rc == -ENOMEM)
			return err_set(err, rc, "no memory for the names");
		if (rc < 0)
			return err_set(err, rc,
				       "memory %" PRIu64 ": '%s' is not known, or has a "
				       "value it cannot have",
				       id, key);
	}
	if (!n->name)
		return err_set(err, -EINVAL, "memory %" PRIu64 " has no name", id);
	if (!is_good_name(n->name))
		return err_set(err, -EINVAL, "memory %" PRIu64 " cannot be called '%.80s'", id,
			       n->name);
	for (uint64_t i = 0; i < MM_MAX_MEMORIES; i++)
		if (i != id && names->id[i].name && strcmp(names->id[i].name, n->name) == 0)
			return err_set(err, -EINVAL,
				       "memories %" PRIu64 " and %" PRIu64
				       " are both called '%.80s'",
				       MIN(i, id), MAX(i, id), n->name);
	return 0;
}

static int read_table(struct names *names, json_t *table, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(table, key, value)
	{
		int64_t pages;
		uint64_t id;
		int rc;

		if (strcmp(key, "bucket_pages") == 0) {
			rc = read_number(value, 1, MM_MAX_BUCKET_PAGES, &pages);
			names->bucket_pages = rc < 0 ? 0 : (uint32_t)pages;
			if (rc < 0)
				return err_set(err, rc, "bucket_pages goes from 1 to %d",
					       MM_MAX_BUCKET_PAGES);
			continue;
		}
		rc = parse_id(key, &id, err);
		if (rc == 0 && !json_is_object(value))
			rc = err_set(err, -EINVAL, "memory %s needs a table: { name = \"...\" }",
				     key);
		if (rc == 0)
			rc = read_entry(names, id, value, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

#ifdef HAVE_TOML
static json_t *load(const char *path, struct err *err)
{
	auto_free char *toml = NULL, *text = NULL;
	char why[256] = "";
	size_t len;

	if (text_file_read(path, TOML_MAX_LEN, &toml, &len, err) || toml_bounds(toml, len, err))
		return NULL;
	text = toml_to_json(toml, len, why, sizeof(why));
	if (text)
		return json_read(text, strlen(text), 0, JSON_MAX_DEPTH, err);
	err_set(err, -EINVAL, "%s", why[0] ? why : "cannot be read");
	return NULL;
}
#else
static json_t *load(const char *path, struct err *err)
{
	err_set(err, -ENOTSUP, "this canisterfs was built without TOML");
	return NULL;
}
#endif

int names_read(const char *path, struct names **out, struct err *err)
{
	struct err why = {""};
	json_t *table = load(path, &why);
	struct names *names = calloc(1, sizeof(*names));
	int rc = -EINVAL;

	*out = NULL;
	if (!names)
		rc = err_set(&why, -ENOMEM, "no memory for the names");
	else if (table)
		rc = read_table(names, table, &why);
	json_decref(table);
	if (rc < 0) {
		names_free(names);
		return err_set(err, rc, "names file %s: %s", path, why.text);
	}
	*out = names;
	return 0;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	for (unsigned i = 0; i < MM_MAX_MEMORIES; i++) {
		free(names->id[i].name);
		free(names->id[i].kind);
		free(names->id[i].key);
		free(names->id[i].value);
		if (names->id[i].drop)
			names->id[i].drop(names->id[i].kept);
	}
	free(names);
}

void cleanup_names(struct names **names)
{
	names_free(*names);
}

const char *names_of(const struct names *names, unsigned mm_id)
{
	return names ? names->id[mm_id].name : NULL;
}

int names_allow(const struct names *names, unsigned mm_id, bool writes, struct err *err)
{
	const struct name *n = names ? &names->id[mm_id] : NULL;
	int rc = 0;

	if (!n || !n->name)
		return 0;
	if (writes && n->state > STATE_ACTIVE)
		rc = -EROFS;
	if (n->state == STATE_REMOVED)
		rc = -ECANCELED;
	return rc ? err_set(err, rc, "memory %u ('%s') is %s by the names file", mm_id, n->name,
			    name_state_text(n->state))
		  : 0;
}

int names_find(const struct names *names, const char *word, bool writes, uint64_t *mm_id,
	       struct err *err)
{
	int rc;

	*mm_id = 0;
	while (names && *mm_id < MM_MAX_MEMORIES &&
	       (!names->id[*mm_id].name || strcmp(names->id[*mm_id].name, word) != 0))
		++*mm_id;
	rc = names && *mm_id < MM_MAX_MEMORIES ? 0 : parse_id(word, mm_id, err);
	if (rc < 0 && names)
		return err_set(err, rc, "'%s' is neither a memory id nor a name in the names file",
			       word);
	return rc < 0 ? rc : names_allow(names, (unsigned)*mm_id, writes, err);
}
