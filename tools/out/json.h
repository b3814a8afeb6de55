/* SPDX-License-Identifier: MIT */
/*
 * JSON for scripts: one document with "schema": 1, full words, plain numbers in bytes or pages.
 */
#ifndef CANISTERFS_JSON_H
#define CANISTERFS_JSON_H

#include <jansson.h>

#include "memmgr/util.h"

/* A document that is being built. What could not be added makes the whole fail at its end, so that
 * only the end need be checked. */
struct json {
	json_t *root; /* an object */
	bool failed;
};

/* Holds "schema": 1 and nothing else. */
struct json json_begin(void);
/* Puts a value, which it owns from now on and which may be NULL for a failure, into an object or an
 * array of the document. */
void json_put(struct json *doc, json_t *object, const char *key, json_t *value);
void json_add(struct json *doc, json_t *array, json_t *value);
/* Numbers above 2^63 - 1, which only a damaged image can hold, are written as that. */
json_t *json_u64(uint64_t n);
/* Text of any bytes: what is not UTF-8 becomes U+FFFD. */
json_t *json_any(const char *text);
/* Both end the document. Printing goes to stdout and returns CMD_DONE or CMD_FAILED; the text ends
 * with a newline and is for free(), NULL when memory is out. */
int json_print(struct json *doc);
char *json_text(struct json *doc);
/*
 * As json_dumps, but for characters of strings that a terminal may take as an order: they are
 * escapes, also where the text goes into a file, since it may be shown later. For free(), NULL when
 * memory is out.
 */
char *json_plain_text(const json_t *json, size_t flags);

#endif
