// SPDX-License-Identifier: MIT
/*
 * Owns the orders of keys. A map is sorted by its key type's own order, which the bytes do not
 * tell; these are the ones of the encodings in common use.
 */
#include "memmgr/structures/ss.h"

static const char *const names[] = {
	[SS_ORDER_INFER] = "infer",   [SS_ORDER_BYTES] = "bytes",
	[SS_ORDER_LENGTH] = "length", [SS_ORDER_LITTLE] = "little-endian",
	[SS_ORDER_SIGNED] = "signed", [SS_ORDER_REVERSED] = "reversed",
	[SS_ORDER_OWN] = "own",       [SS_ORDER_TYPE] = "the codec's",
};

const char *ss_order_name(enum ss_order order)
{
	return names[order];
}

int ss_order_parse(const char *name, enum ss_order *out)
{
	for (size_t i = SS_ORDER_BYTES; i < SS_ORDER_TYPE; i++) {
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

/* Of one length, negative numbers come first: their first bit is set. */
static int compare_signed(struct ss_bytes a, struct ss_bytes b)
{
	if (a.len != b.len || a.len == 0)
		return compare_numbers(a.len, b.len);
	if ((a.data[0] ^ b.data[0]) & 0x80)
		return a.data[0] & 0x80 ? -1 : 1;
	return compare_bytes(a, b);
}

int ss_compare(enum ss_order order, struct ss_bytes a, struct ss_bytes b)
{
	switch (order) {
	case SS_ORDER_LENGTH:
		return a.len != b.len ? compare_numbers(a.len, b.len) : compare_bytes(a, b);
	case SS_ORDER_LITTLE:
		return compare_little(a, b);
	case SS_ORDER_SIGNED:
		return compare_signed(a, b);
	case SS_ORDER_REVERSED:
		return compare_bytes(b, a);
	case SS_ORDER_INFER:
	case SS_ORDER_BYTES:
	case SS_ORDER_OWN:
	case SS_ORDER_TYPE:
		break;
	}
	return compare_bytes(a, b);
}

int ss_sort_compare(const struct ss_sort *sort, struct ss_bytes a, struct ss_bytes b)
{
	return sort->order == SS_ORDER_TYPE ? sort->type->compare(sort->type, a, b)
					    : ss_compare(sort->order, a, b);
}

void order_count_pair(struct order_count *o, const struct ss_sort *told, struct ss_bytes a,
		      struct ss_bytes b, uint64_t place)
{
	o->pairs++;
	o->equal += compare_bytes(a, b) == 0;
	if (told && ss_sort_compare(told, a, b) >= 0 && o->told_wrong++ == 0)
		o->first_told_wrong = place;
	for (enum ss_order order = SS_ORDER_BYTES; !told && order < SS_ORDER_OWN; order++)
		if (ss_compare(order, a, b) >= 0 && o->wrong[order]++ == 0)
			o->first_wrong[order] = place;
}

static unsigned unbroken(const struct order_count *o)
{
	unsigned orders = 0;

	for (enum ss_order order = SS_ORDER_BYTES; order < SS_ORDER_OWN; order++)
		if (o->wrong[order] <= o->equal)
			orders |= 1u << order;
	return orders;
}

void order_judge(const struct order_count *o, const struct ss_sort *told, struct ss_usage *out)
{
	out->orders = told ? 0 : unbroken(o);
	out->order = told          ? told->order
		     : out->orders ? (enum ss_order)__builtin_ctz(out->orders)
				   : SS_ORDER_OWN;
}

/* ---- several at once ---- */

static int compare_all(const struct ss_type *type, struct ss_bytes a, struct ss_bytes b)
{
	const struct ss_agreement *all = (const struct ss_agreement *)type;
	int first = ss_compare((enum ss_order)__builtin_ctz(all->orders), a, b);

	for (enum ss_order order = SS_ORDER_BYTES; order < SS_ORDER_OWN; order++) {
		int other = all->orders & 1u << order ? ss_compare(order, a, b) : first;

		*all->differs |= (first < 0) != (other < 0) || (first > 0) != (other > 0);
	}
	return first;
}

struct ss_agreement ss_agreement(unsigned orders, bool *differs)
{
	return (struct ss_agreement){{compare_all}, orders, differs};
}
