/* SPDX-License-Identifier: MIT */
/*
 * What one image wastes: measured, or read again from a line of JSON.
 */
#ifndef CANISTERFS_WASTE_ROW_H
#define CANISTERFS_WASTE_ROW_H

#include "tools/facts/advice.h"
#include "tools/out/json.h"

enum waste_kind {
	WASTE_MANAGED,
	WASTE_RAW,   /* no manager: nothing says what of it is waste */
	WASTE_EMPTY, /* no bytes */
	WASTE_ERROR, /* could not be read; `why` says it */
	WASTE_OTHER, /* no image at all, found in a directory */
	WASTE_KINDS,
};

/* Bytes, but for what says pages. All below `image_len` are of a managed image alone. */
struct waste_row {
	char *path;
	enum waste_kind kind;
	struct err why;
	uint64_t image_len;
	uint64_t data_len;  /* the memories' pages */
	uint64_t slack_len; /* in the memories' buckets behind their ends */
	uint64_t hole_len;  /* in buckets that nobody owns */
	uint64_t tail_len;  /* behind the last bucket */
	uint32_t bucket_pages, memories;
	uint64_t at[ADVICE_SIZES]; /* what the image would be; UINT64_MAX: cannot hold it */
	uint32_t best_pages;
	uint64_t best_len;
};

/* All but page 0 and data. */
static inline uint64_t waste_len(const struct waste_row *row)
{
	return row->slack_len + row->hole_len + row->tail_len;
}

/* `found`: nobody named it, it stood in a directory. Takes `path` over. Thread-safe. */
void waste_measure(char *path, bool found, struct waste_row *row);
void waste_row_free(struct waste_row *row);

/* One line without its newline, for free(); NULL when memory is out. */
char *waste_row_to_json(const struct waste_row *row);
/* 1: a line that is no row but a summary. -EINVAL: neither. */
int MUST_CHECK waste_row_from_json(const char *line, size_t len, struct waste_row *row,
				   struct err *err);

#endif
