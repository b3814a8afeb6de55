/* SPDX-License-Identifier: MIT */
/*
 * A fact is declared once, with its JSON key, its words for people and its kind; both answers are
 * made from that, so that they tell the same.
 */
#ifndef CANISTERFS_FIELDS_H
#define CANISTERFS_FIELDS_H

#include <stdio.h>

#include "tools/out/json.h"

enum field_kind {
	FIELD_NUMBER, /* uint64_t; with commas */
	FIELD_SCALED, /* uint64_t; in a table "626.04 G" */
	FIELD_ID,     /* int; below 0: "-", and null in JSON */
	FIELD_BYTES,  /* uint64_t; in a table "1.5 MiB" */
	FIELD_OFFSET, /* uint64_t in bytes; exact, no commas; UINT64_MAX: "-", and null in JSON */
	FIELD_TEXT,   /* const char *; NULL: "-", and null in JSON */
	FIELD_NAME,   /* const char *; NULL: no such key, and no column where no row has one */
	FIELD_FLAG,   /* bool; "yes" or "no" */
};

struct field {
	const char *key;   /* in JSON */
	const char *label; /* heads a column; NULL: only in JSON */
	enum field_kind kind;
	size_t where; /* in the row */
};

/* Puts every field of a row into an object; fields end with a NULL key. */
void fields_put(struct json *doc, json_t *object, const struct field *fields, const void *row);
/* The rows as an array of objects. */
json_t *fields_array(struct json *doc, const struct field *fields, const void *rows, size_t count,
		     size_t row_len);
/* The rows as a table with a heading, each line behind `indent`. Numbers stand right. */
void fields_table(FILE *to, const struct field *fields, const void *rows, size_t count,
		  size_t row_len, const char *indent);

#endif
