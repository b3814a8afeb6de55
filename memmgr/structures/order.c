// SPDX-License-Identifier: MIT
/*
 * Owns the orders of keys. A map is sorted by its key type's own order, which the bytes do not
 * tell; these are the ones of the encodings in common use.
 */
#include "memmgr/structures/structures.h"

static const char *const names[] = {
	[SS_ORDER_INFER] = "infer",       [SS_ORDER_BYTES] = "bytes",
	[SS_ORDER_LENGTH] = "length",     [SS_ORDER_LITTLE] = "little-endian",
	[SS_ORDER_REVERSED] = "reversed", [SS_ORDER_OWN] = "own",
};

const char *ss_order_name(enum ss_order order)
{
	return names[order];
}

int ss_order_parse(const char *name, enum ss_order *out)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = (enum ss_order)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int compare_numbers(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int compare_bytes(struct ss_bytes a, struct ss_bytes b)
{
	size_t len = MIN(a.len, b.len);
	int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

	return order ? order : compare_numbers(a.len, b.len);
}

static int compare_little(struct ss_bytes a, struct ss_bytes b)
{
	if (a.len != b.len)
		return compare_numbers(a.len, b.len);
	for (size_t i = a.len; i > 0; i--)
		if (a.data[i - 1] != b.data[i - 1])
			return a.data[i - 1] < b.data[i - 1] ? -1 : 1;
	return 0;
}

int ss_compare(enum ss_order order, struct ss_bytes a, struct ss_bytes b)
{
	switch (order) {
	case SS_ORDER_LENGTH:
		return a.len != b.len ? compare_numbers(a.len, b.len) : compare_bytes(a, b);
	case SS_ORDER_LITTLE:
		return compare_little(a, b);
	case SS_ORDER_REVERSED:
		return compare_bytes(b, a);
	case SS_ORDER_INFER:
	case SS_ORDER_BYTES:
	case SS_ORDER_OWN:
		break;
	}
	return compare_bytes(a, b);
}
