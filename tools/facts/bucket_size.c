// SPDX-License-Identifier: MIT
/*
 * See bucket_size.h. Everything follows from the pages in a bucket and from the 32,768 buckets that
 * the manager's table has room for.
 */
#include "tools/facts/bucket_size.h"

#include "memmgr/memmgr.h"
#include "tools/out/text.h"

const struct field bucket_size_fields[] = {
	{"bucket_pages", "pages a bucket", FIELD_NUMBER,
	 offsetof(struct bucket_size, bucket_pages)},
	{"bucket_bytes", "least a memory takes", FIELD_BYTES,
	 offsetof(struct bucket_size, bucket_len)},
	{"average_waste_bytes", "waste per memory", FIELD_BYTES,
	 offsetof(struct bucket_size, average_waste)},
	{"cap_pages", NULL, FIELD_NUMBER, offsetof(struct bucket_size, cap_pages)},
	{"cap_bytes", "cap of all memories", FIELD_BYTES, offsetof(struct bucket_size, cap_len)},
	{NULL},
};

struct bucket_size bucket_size_of(uint64_t bucket_pages)
{
	uint64_t len = bucket_pages * MM_PAGE_LEN;

	return (struct bucket_size){
		.bucket_pages = bucket_pages,
		.bucket_len = len,
		.average_waste = len / 2,
		.cap_pages = bucket_pages * MM_MAX_BUCKETS,
		.cap_len = len * MM_MAX_BUCKETS,
	};
}

void bucket_size_print(FILE *to, uint64_t bucket_pages)
{
	struct bucket_size b = bucket_size_of(bucket_pages);

	text_print_to(to, "  %-9s %s a memory on average; the least that one takes is %s\n",
		      "waste", text_size(b.average_waste).s, text_size(b.bucket_len).s);
	text_print_to(to, "  %-9s %s for all memories together (%s buckets)\n", "cap",
		      text_size(b.cap_len).s, text_count(MM_MAX_BUCKETS).s);
}

void bucket_size_table(FILE *to, const char *indent)
{
	static const unsigned worth[] = {1, 2, 16, 128};
	struct bucket_size rows[ARRAY_LEN(worth)];

	for (size_t i = 0; i < ARRAY_LEN(worth); i++)
		rows[i] = bucket_size_of(worth[i]);
	fields_table(to, bucket_size_fields, rows, ARRAY_LEN(rows), sizeof(*rows), indent);
}
