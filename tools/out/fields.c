// SPDX-License-Identifier: MIT
/*
 * Rows of facts as JSON and as a table. See fields.h.
 */
#include "tools/out/fields.h"

#include <inttypes.h>

#include "tools/out/text.h"

enum {
	MAX_FIELDS = 16,
	WRAP_MIN = 12, /* columns that are worth it */
};

static json_t *to_json(const struct field *f, const void *row)
{
	const void *at = (const char *)row + f->where;

	switch (f->kind) {
	case FIELD_NUMBER:
	case FIELD_SCALED:
	case FIELD_BYTES:
		return json_u64(*(const uint64_t *)at);
	case FIELD_OFFSET:
		if (*(const uint64_t *)at == UINT64_MAX)
			return json_null();
		return json_u64(*(const uint64_t *)at);
	case FIELD_ID:
		return *(const int *)at < 0 ? json_null() : json_integer(*(const int *)at);
	case FIELD_TEXT:
	case FIELD_NAME:
		return *(const char *const *)at ? json_any(*(const char *const *)at) : json_null();
	case FIELD_FLAG:
		return json_boolean(*(const bool *)at);
	}
	return NULL;
}

/* Into t, unless it is text already. */
static const char *to_text(const struct field *f, const void *row, struct text *t)
{
	const void *at = (const char *)row + f->where;

	strcpy(t->s, "-");
	switch (f->kind) {
	case FIELD_NUMBER:
		*t = text_count(*(const uint64_t *)at);
		break;
	case FIELD_SCALED:
		*t = text_scaled(*(const uint64_t *)at);
		break;
	case FIELD_OFFSET:
		if (*(const uint64_t *)at != UINT64_MAX)
			snprintf(t->s, sizeof(t->s), "%" PRIu64, *(const uint64_t *)at);
		break;
	case FIELD_BYTES:
		*t = text_size(*(const uint64_t *)at);
		break;
	case FIELD_ID:
		if (*(const int *)at >= 0)
			snprintf(t->s, sizeof(t->s), "%d", *(const int *)at);
		break;
	case FIELD_TEXT:
	case FIELD_NAME: {
		const char *text = *(const char *const *)at;

		return text ? text : t->s;
	}
	case FIELD_FLAG:
		strcpy(t->s, *(const bool *)at ? "yes" : "no");
		break;
	}
	return t->s;
}

static bool is_left_out(const struct field *f, const void *row)
{
	return f->kind == FIELD_NAME &&
	       *(const char *const *)((const char *)row + f->where) == NULL;
}

void fields_put(struct json *doc, json_t *object, const struct field *fields, const void *row)
{
	for (; fields->key; fields++)
		if (!is_left_out(fields, row))
			json_put(doc, object, fields->key, to_json(fields, row));
}

json_t *fields_array(struct json *doc, const struct field *fields, const void *rows, size_t count,
		     size_t row_len)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *object = json_object();

		fields_put(doc, object, fields, (const char *)rows + i * row_len);
		json_add(doc, array, object);
	}
	return array;
}

static bool stands_left(const struct field *f)
{
	return f->kind == FIELD_TEXT || f->kind == FIELD_NAME || f->kind == FIELD_FLAG;
}

/* On a terminal that is too narrow, words go on below, where the column begins. */
static void put_wrapped(FILE *to, const char *text, int column, const struct term *term)
{
	int room = (int)term->width - column;

	while (term->tty && room >= WRAP_MIN && strlen(text) > (size_t)room) {
		int len = room;

		while (len > 0 && text[len] != ' ')
			len--;
		if (len == 0)
			break;
		text_print_to(to, "%.*s\n%*s", len, text, column, "");
		text += len + 1;
	}
	text_put(to, text);
}

/* The last column is not padded, so that no line ends with spaces. */
static void put_cell(FILE *to, const struct field *f, const char *s, int width, int column,
		     const struct term *term)
{
	if (!stands_left(f))
		text_print_to(to, "%*s", width, s);
	else if (f[1].key)
		text_print_to(to, "%-*s", width, s);
	else
		put_wrapped(to, s, column, term);
}

static bool has_column(const struct field *f, const void *rows, size_t count, size_t row_len)
{
	bool any = f->kind != FIELD_NAME;

	for (size_t i = 0; i < count && !any; i++)
		any = !is_left_out(f, (const char *)rows + i * row_len);
	return f->label && any;
}

void fields_table(FILE *to, const struct field *fields, const void *rows, size_t count,
		  size_t row_len, const char *indent)
{
	int width[MAX_FIELDS] = {0}; /* 0: no column */
	struct term term = term_of(fileno(to));
	struct text t;

	for (size_t n = 0; fields[n].key; n++) {
		const struct field *f = &fields[n];

		if (!has_column(f, rows, count, row_len))
			continue;
		width[n] = (int)strlen(f->label);
		for (size_t i = 0; i < count; i++)
			width[n] =
				MAX(width[n],
				    (int)strlen(to_text(f, (const char *)rows + i * row_len, &t)));
	}
	for (size_t i = 0; i <= count; i++) {
		const char *gap = indent;
		int column = 0;

		for (size_t n = 0; fields[n].key; n++) {
			const struct field *f = &fields[n];
			const char *text = f->label;

			if (width[n] == 0)
				continue;
			if (i > 0)
				text = to_text(f, (const char *)rows + (i - 1) * row_len, &t);
			fputs(gap, to);
			column += (int)strlen(gap);
			put_cell(to, f, text, width[n], column, &term);
			column += width[n];
			gap = "  ";
		}
		putc('\n', to);
	}
}
