// SPDX-License-Identifier: MIT
/*
 * Owns taking CBOR apart, head by head: libcbor's streaming decoder, with its callbacks turned into
 * one struct. Its tree of items would take memory for whatever count a head claims.
 */
#include <cbor.h>

#include "tools/codec/cbor_item.h"

static void set_number(void *ctx, enum item_type type, uint64_t n)
{
	*(struct item *)ctx = (struct item){.type = type, .n = n};
}

#define NUMBER_CALLBACKS(name, type)                                                               \
	static void on_##name##8(void *ctx, uint8_t n)                                             \
	{                                                                                          \
		set_number(ctx, type, n);                                                          \
	}                                                                                          \
	static void on_##name##16(void *ctx, uint16_t n)                                           \
	{                                                                                          \
		set_number(ctx, type, n);                                                          \
	}                                                                                          \
	static void on_##name##32(void *ctx, uint32_t n)                                           \
	{                                                                                          \
		set_number(ctx, type, n);                                                          \
	}                                                                                          \
	static void on_##name##64(void *ctx, uint64_t n)                                           \
	{                                                                                          \
		set_number(ctx, type, n);                                                          \
	}
NUMBER_CALLBACKS(uint, ITEM_UINT)
NUMBER_CALLBACKS(negint, ITEM_NEGINT)

#define BARE_CALLBACK(name, type_, endless_)                                                       \
	static void on_##name(void *ctx)                                                           \
	{                                                                                          \
		*(struct item *)ctx = (struct item){.type = (type_), .endless = (endless_)};       \
	}
BARE_CALLBACK(bytes_start, ITEM_BYTES, true)
BARE_CALLBACK(text_start, ITEM_TEXT, true)
BARE_CALLBACK(array_start_endless, ITEM_ARRAY, true)
BARE_CALLBACK(map_start_endless, ITEM_MAP, true)
BARE_CALLBACK(null, ITEM_NULL, false)
BARE_CALLBACK(undefined, ITEM_UNDEFINED, false)
BARE_CALLBACK(break, ITEM_BREAK, false)

static void on_bytes(void *ctx, cbor_data data, size_t len)
{
	*(struct item *)ctx = (struct item){.type = ITEM_BYTES, .data = data, .len = len};
}

static void on_text(void *ctx, cbor_data data, size_t len)
{
	*(struct item *)ctx = (struct item){.type = ITEM_TEXT, .data = data, .len = len};
}

static void on_array(void *ctx, size_t count)
{
	set_number(ctx, ITEM_ARRAY, count);
}

static void on_map(void *ctx, size_t count)
{
	set_number(ctx, ITEM_MAP, count);
}

static void on_tag(void *ctx, uint64_t n)
{
	set_number(ctx, ITEM_TAG, n);
}

static void on_bool(void *ctx, bool on)
{
	set_number(ctx, ITEM_BOOL, on);
}

static void on_f16(void *ctx, float real)
{
	*(struct item *)ctx = (struct item){.type = ITEM_F16, .real = (double)real};
}

static void on_f32(void *ctx, float real)
{
	*(struct item *)ctx = (struct item){.type = ITEM_F32, .real = (double)real};
}

static void on_f64(void *ctx, double real)
{
	*(struct item *)ctx = (struct item){.type = ITEM_F64, .real = real};
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_uint8,
	.uint16 = on_uint16,
	.uint32 = on_uint32,
	.uint64 = on_uint64,
	.negint8 = on_negint8,
	.negint16 = on_negint16,
	.negint32 = on_negint32,
	.negint64 = on_negint64,
	.byte_string_start = on_bytes_start,
	.byte_string = on_bytes,
	.string_start = on_text_start,
	.string = on_text,
	.indef_array_start = on_array_start_endless,
	.array_start = on_array,
	.indef_map_start = on_map_start_endless,
	.map_start = on_map,
	.tag = on_tag,
	.float2 = on_f16,
	.float4 = on_f32,
	.float8 = on_f64,
	.undefined = on_undefined,
	.null = on_null,
	.boolean = on_bool,
	.indef_break = on_break,
};

/* libcbor knows no simple values but true, false, null and undefined. */
static bool take_simple(struct ss_bytes *left, struct item *item)
{
	const uint8_t *p = left->data;
	size_t len = p[0] == 0xf8 ? 2 : 1;

	if (left->len < len || (p[0] & 0xe0) != 0xe0 || (p[0] > 0xf3 && p[0] != 0xf8) ||
	    (len == 2 && p[1] < 32))
		return false;
	*item = (struct item){.type = ITEM_SIMPLE, .n = len == 2 ? p[1] : p[0] & 31};
	left->data += len;
	left->len -= len;
	return true;
}

bool item_take(struct ss_bytes *left, struct item *item)
{
	struct cbor_decoder_result result;

	*item = (struct item){.type = ITEM_NONE};
	if (left->len == 0)
		return false;
	if (take_simple(left, item))
		return true;
	result = cbor_stream_decode(left->data, left->len, &callbacks, item);
	if (result.status != CBOR_DECODER_FINISHED || item->type == ITEM_NONE)
		return false;
	left->data += result.read;
	left->len -= result.read;
	return true;
}
