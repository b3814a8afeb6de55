/* SPDX-License-Identifier: MIT */
/*
 * What a bucket size means. Wherever one is shown, its two sides are: what it wastes, and the cap.
 */
#ifndef CANISTERFS_BUCKET_SIZE_H
#define CANISTERFS_BUCKET_SIZE_H

#include <stdio.h>

#include "tools/out/fields.h"

struct bucket_size {
	uint64_t bucket_pages, bucket_len;
	uint64_t average_waste;      /* bytes of a memory's last bucket behind its end */
	uint64_t cap_pages, cap_len; /* of all memories together */
};

struct bucket_size bucket_size_of(uint64_t bucket_pages);

/* As JSON: bucket_pages, bucket_bytes, average_waste_bytes, cap_pages, cap_bytes. */
extern const struct field bucket_size_fields[];

/* Two lines, one a side. */
void bucket_size_print(FILE *to, uint64_t bucket_pages);
/* The sizes worth a thought, as a table. */
void bucket_size_table(FILE *to, const char *indent);

#endif
