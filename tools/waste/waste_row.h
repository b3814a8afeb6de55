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
	WASTE_RAW,     /* no manager: nothing says what of it is waste */
	WASTE_EMPTY,   /* no bytes */
	WASTE_LINK,    /* another name of a file that was counted */
	WASTE_OTHER,   /* foreign: no image at all, found in a directory. From here on: `why` */
	WASTE_CUT,     /* an image without its end */
	WASTE_DAMAGED, /* an image whose first page, or whose packing, cannot be true */
	WASTE_ERROR,   /* could not be read */
	WASTE_KINDS,
};

/* One memory's share. */
struct waste_memory {
	uint32_t id;
	uint64_t data_len, slack_len;
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
	struct waste_memory *memory;
	uint32_t memory_count;     /* with buckets; 0: not told, in a line of an older version */
	uint64_t at[ADVICE_SIZES]; /* what the image would be; UINT64_MAX: cannot hold it */
	uint32_t best_pages;
	uint64_t best_len;
};

/* All but page 0 and data. */
static inline uint64_t waste_len(const struct waste_row *row)
{
	return row->slack_len + row->hole_len + row->tail_len;
}

/* "damaged", "cut", "foreign", "unreadable"; NULL: a kind that is counted. */
const char *waste_kind_problem(enum waste_kind kind);

/* `found`: nobody named it, it stood in a directory. Takes `path` over. Thread-safe. */
void waste_measure(char *path, bool found, struct waste_row *row);
/* Of an open image that is `row->image_len` long; the rest of the row is zero at first. -ENODATA:
 * it is cut. -EUCLEAN: it is damaged. */
int MUST_CHECK waste_of(struct mm *mm, struct waste_row *row, struct err *err);
void waste_row_free(struct waste_row *row);

/* ---- waste_json.c ---- */

/* One line without its newline, for free(); NULL when memory is out. */
char *waste_row_to_json(const struct waste_row *row);
/* 1: a line that is no row but a summary. -EINVAL: neither. */
int MUST_CHECK waste_row_from_json(const char *line, size_t len, struct waste_row *row,
				   struct err *err);

#endif
