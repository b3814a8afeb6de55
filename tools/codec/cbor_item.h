/* SPDX-License-Identifier: MIT */
/* CBOR between the codec's two ways: the head of one item, and items from JSON. */
#ifndef CANISTERFS_CBOR_ITEM_H
#define CANISTERFS_CBOR_ITEM_H

#include "tools/codec/codec.h"

enum item_type {
	ITEM_NONE,
	ITEM_UINT,
	ITEM_NEGINT,
	ITEM_BYTES,
	ITEM_TEXT,
	ITEM_ARRAY,
	ITEM_MAP,
	ITEM_TAG,
	ITEM_BOOL,
	ITEM_NULL,
	ITEM_UNDEFINED,
	ITEM_F16,
	ITEM_F32,
	ITEM_F64,
	ITEM_BREAK,
	ITEM_SIMPLE,
};

/* The head of one item; of a string that has its length, all of it. */
struct item {
	enum item_type type;
	uint64_t n; /* number, tag, count of an array or map */
	bool endless;
	const uint8_t *data;
	size_t len;
	double real;
};

/* Takes one head, or string, off the front. False, and `left` as it was: there is none. */
bool MUST_CHECK item_take(struct ss_bytes *left, struct item *out);

/* Appends the item that this JSON, as the codec writes it, stands for. */
int MUST_CHECK item_put(const json_t *json, struct buf *out, struct err *err);

#endif
