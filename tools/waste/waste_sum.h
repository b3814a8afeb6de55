/* SPDX-License-Identifier: MIT */
/*
 * What many images waste together. As large for a million as for one.
 */
#ifndef CANISTERFS_WASTE_SUM_H
#define CANISTERFS_WASTE_SUM_H

#include "tools/facts/cost.h"
#include "tools/waste/waste_row.h"

enum {
	WASTE_BINS = 10,   /* by the share of an image that is waste: 0 to 10 %, ... */
	WASTE_WORST = 10,  /* images that waste most */
	WASTE_NAMED = 100, /* files left out whose names are kept, of each kind */
};

/* A file that no sum has in it. */
struct waste_left_out {
	char *path, *why;
};

/* Bytes and counts of managed images, but for what says otherwise. */
struct waste_sum {
	uint64_t count[WASTE_KINDS]; /* of images of any kind */
	uint64_t other_len;          /* raw images, all of them */
	uint64_t image_len, data_len, slack_len, hole_len, tail_len;
	uint64_t memories;
	uint64_t at[ADVICE_SIZES];             /* what cannot be held at a size stays as it is */
	uint64_t too_small[ADVICE_SIZES];      /* how many those are */
	uint64_t best_len;                     /* each image at the size that is best for it */
	uint64_t best_count[ADVICE_SIZES + 1]; /* how many are best at a size; last: at another */
	uint64_t bin_count[WASTE_BINS], bin_len[WASTE_BINS]; /* bytes: of waste */
	struct waste_row worst[WASTE_WORST];                 /* most waste first */
	size_t worst_count;
	struct {
		uint64_t images, data_len, slack_len;
	} by_id[MM_MAX_MEMORIES];
	uint64_t link_len;                                     /* counted under another name */
	uint64_t left_out_len;                                 /* cut, damaged, foreign */
	struct waste_left_out named[WASTE_KINDS][WASTE_NAMED]; /* the first ones */
};

/* Takes the row's path over where it is among the worst, and NULLs it. */
void waste_sum_add(struct waste_sum *sum, struct waste_row *row);
void waste_sum_free(struct waste_sum *sum);

static inline uint64_t waste_sum_len(const struct waste_sum *sum)
{
	return sum->slack_len + sum->hole_len + sum->tail_len;
}

/* Files that are in none of the sums: foreign, cut, damaged, unreadable. */
static inline uint64_t waste_sum_left_out(const struct waste_sum *sum)
{
	return sum->count[WASTE_OTHER] + sum->count[WASTE_CUT] + sum->count[WASTE_DAMAGED] +
	       sum->count[WASTE_ERROR];
}

/* ---- how it is told ---- */

/* waste_text.c */
void waste_text_head(FILE *to);
void waste_text_row(FILE *to, const struct waste_row *row);
void waste_text_sum(FILE *to, const struct waste_sum *sum, const struct price *price);

/* waste_sum_json.c: one line of JSON without its newline, for free(). */
char *waste_sum_to_json(const struct waste_sum *sum, const struct price *price);

/* waste_html.c: a page that needs nothing else. `paths`, ended by NULL, are what was looked at. */
struct waste_page {
	const struct waste_sum *sum;
	struct price price;
	const char *const *paths;
	bool merged; /* the paths have lines of JSON */
};
void waste_html(FILE *to, const void *page);

#endif
