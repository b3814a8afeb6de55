// SPDX-License-Identifier: MIT
/*
 * Owns reading one record from a line. A line of two members, strings without escapes or whole
 * numbers, is what most dumps consist of: for codecs to which such a string is the same as a word,
 * it is read without a tree of JSON values.
 */
#include "tools/records/record_line.h"

#include <inttypes.h>

#include "tools/input/input.h"

/* ---- any line ---- */

static int read_member(const struct load_rules *rules, struct record_line *line, const char *name,
		       const json_t *json, struct err *err)
{
	int rc = 0;

	if (strcmp(name, "key") == 0) {
		line->has_key = true;
		rc = codec_read(rules->key, json, &line->key, err);
	} else if (strcmp(name, "value") == 0) {
		line->has_value = true;
		if (rules->mode != LOAD_DELETE)
			rc = codec_read(rules->value, json, &line->value, err);
	} else if (strcmp(name, "index") == 0 && json_is_integer(json) &&
		   json_integer_value(json) >= 0) {
		line->has_index = true;
		line->index = (uint64_t)json_integer_value(json);
	} else {
		return err_set(err, -EINVAL, "\"%.40s\" is no part of a record here", name);
	}
	return rc < 0 ? err_prefix(err, rc, "\"%s\"", name) : 0;
}

static void clear(struct record_line *line)
{
	line->key.len = line->value.len = 0;
	line->has_key = line->has_value = line->has_index = false;
}

static int read_any(const struct load_rules *rules, const char *text, size_t len,
		    struct record_line *line, struct err *err)
{
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
	struct err why = {""};
	json_t *json = json_read(text, len, flags, JSON_MAX_DEPTH, &why);
	const char *name;
	json_t *member;
	int rc = 0;

	clear(line);
	if (!json_is_object(json))
		rc = err_set(err, -EINVAL, "not a JSON object: %s",
			     json ? "something else" : why.text);
	json_object_foreach(json, name, member)
	{
		if (rc < 0)
			break;
		rc = read_member(rules, line, name, member, err);
	}
	json_decref(json);
	return rc;
}

/* ---- a plain one ---- */

static bool skip(char **p, const char *what)
{
	size_t len = strlen(what);

	*p += strspn(*p, " \t\r\n");
	if (strncmp(*p, what, len) != 0)
		return false;
	*p += len;
	return true;
}

/* Printable ASCII but for the quote and the backslash. */
static bool is_plain(char c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

/* The end of a string whose first character is at p, or of a whole number; NULL: it is neither. */
static char *value_end(char *p, bool number)
{
	char *end = p;

	if (number) {
		end += *end == '-';
		p = end;
		while (*end >= '0' && *end <= '9')
			end++;
		return end > p && (*p != '0' || end == p + 1) ? end : NULL;
	}
	while (is_plain(*end))
		end++;
	return *end == '"' ? end : NULL;
}

/* False: this is not for here, or wrong; whoever reads any line will know. */
static bool read_plain_value(const struct codec *c, char **p, struct buf *out)
{
	bool number;
	char *end, last;
	int rc;

	*p += strspn(*p, " \t");
	number = **p != '"';
	*p += !number;
	end = value_end(*p, number);
	if (!end || (number ? !c->ops->word_is_number : !c->ops->word_is_string))
		return false;
	last = *end;
	*end = 0;
	rc = c->ops->encode_word(c, *p, out, NULL);
	*end = last;
	*p = end + !number;
	return rc == 0 && !out->failed;
}

static bool read_plain(const struct load_rules *rules, char *text, size_t len,
		       struct record_line *line)
{
	char *p = text;

	clear(line);
	line->has_key = line->has_value = true;
	return rules->mode != LOAD_DELETE && skip(&p, "{") && skip(&p, "\"key\"") &&
	       skip(&p, ":") && read_plain_value(rules->key, &p, &line->key) && skip(&p, ",") &&
	       skip(&p, "\"value\"") && skip(&p, ":") &&
	       read_plain_value(rules->value, &p, &line->value) && skip(&p, "}") && skip(&p, "") &&
	       p == text + len;
}

int record_line_read(const struct load_rules *rules, char *text, size_t len,
		     struct record_line *line, struct err *err)
{
	return read_plain(rules, text, len, line) ? 0 : read_any(rules, text, len, line, err);
}
