// SPDX-License-Identifier: MIT
/*
 * Owns the orders of keys. A map is sorted by its key type's own order, which the bytes do not
 * tell; these are the ones of the encodings in common use.
 */
#include "memmgr/structures/ss.h"

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

void order_count_pair(struct order_count *o, struct ss_bytes a, struct ss_bytes b, uint64_t place)
{
	o->pairs++;
	o->equal += ss_compare(SS_ORDER_BYTES, a, b) == 0;
	for (enum ss_order order = SS_ORDER_BYTES; order < SS_ORDER_OWN; order++) {
		if (ss_compare(order, a, b) < 0)
			continue;
		if (o->wrong[order]++ == 0)
			o->first_wrong[order] = place;
	}
}

/* An order broken by less than a quarter of the pairs is kept to but for damage: keys that follow
 * an order of their own break any other one in about half of them. */
enum ss_order order_choose(const struct order_count *o, enum ss_order asked, uint64_t *wrong)
{
	enum ss_order best = SS_ORDER_BYTES;

	if (asked != SS_ORDER_INFER) {
		*wrong = asked == SS_ORDER_OWN ? 0 : o->wrong[asked];
		return asked;
	}
	for (enum ss_order order = best; order < SS_ORDER_OWN; order++)
		if (o->wrong[order] < o->wrong[best])
			best = order;
	*wrong = o->wrong[best];
	return *wrong - MIN(*wrong, o->equal) <= o->pairs / 4 ? best : SS_ORDER_OWN;
}
