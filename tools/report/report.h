/* SPDX-License-Identifier: MIT */
/*
 * What a page tells of one image, or of several in time. Of each image the sums; of the last one
 * all that lies in it; between each image and the next the pages that changed. As large for an
 * image of 500 GiB as for a small one.
 */
#ifndef CANISTERFS_REPORT_H
#define CANISTERFS_REPORT_H

#include "memmgr/structures/structures.h"
#include "snapshot/snapshot.h"
#include "tools/cmd/names.h"
#include "tools/facts/content.h"
#include "tools/facts/cost.h"
#include "tools/facts/tiles.h"
#include "tools/html/html.h"
#include "tools/waste/waste_row.h"

enum {
	REPORT_IMAGES = 64,
	REPORT_FINDINGS = 200,  /* that are kept with their words */
	REPORT_ROWS = 256,      /* memories, or the raw image */
	REPORT_CELLS = 256,     /* of a memory's heat map */
	REPORT_UNIT_LEN = 4096, /* what changes is counted in these: the platform's own pages */
};

/* One image at one point in time. */
struct report_image {
	const char *path;
	struct store *store;
	enum mm_kind kind;
	struct mm *mm;         /* NULL: raw, empty, or too damaged to open */
	struct err why;        /* why it is NULL, or has no sums */
	bool has_sums;         /* `sums` is filled in */
	struct waste_row sums; /* of a managed image that is whole */
};

/* A memory of the last image, or that image itself where it is raw. */
struct report_memory {
	int id; /* -1: the raw image */
	const char *name;
	uint64_t len, slack_len;
	uint32_t buckets;
	struct content content;
	bool measured; /* the two below are filled in */
	struct ss_facts facts;
	struct ss_usage usage;
};

/* How one memory, or raw images as a whole, changed. */
struct report_change {
	uint64_t units;                   /* of the largest one of all images */
	uint64_t cell_units;              /* that a cell stands for */
	uint32_t cells;                   /* 0: it never had bytes */
	uint64_t heat[REPORT_CELLS];      /* changed units, all steps together */
	uint64_t step[REPORT_IMAGES - 1]; /* changed units in each step */
	uint64_t before[REPORT_IMAGES];   /* units in each image */
	uint64_t total;
};

struct report {
	const struct names *names; /* or NULL */
	struct price price;
	bool shallow; /* do not look into the memories */

	struct report_image image[REPORT_IMAGES];
	size_t images;

	/* of the last image */
	struct tiles tiles; /* of a managed one */
	uint8_t colour[TILES_OWNERS];
	struct report_memory memory[REPORT_ROWS];
	size_t memories;
	struct mm_finding finding[REPORT_FINDINGS];
	size_t findings;
	struct mm_check_result result;
	struct err inside; /* why a damaged one was not looked into; or empty */

	/* over all images; row 255: raw images */
	struct report_change change[REPORT_ROWS];
	bool compared[REPORT_IMAGES - 1]; /* the step from image i to i + 1 could be compared */
};

/* report_look.c: opens an image as the last one. The report stays where it is from then on. */
int MUST_CHECK report_open(struct report *r, const char *path, struct err *err);
/* Looks at all of the last one. */
int MUST_CHECK report_look(struct report *r, struct err *err);
void report_free(struct report *r);

/* report_change.c: compares each image with the next. `path` is the one that failed. */
int MUST_CHECK report_compare(struct report *r, const struct snap_work *how, const char **path,
			      struct err *err);

/* report_page.c */
void report_page(FILE *to, const void *report);

/* ---- parts of the page ---- */

static inline const struct report_image *report_last(const struct report *r)
{
	return &r->image[r->images - 1];
}

/* report_name.c: "memory 5 (users)", escaped; -1: "the image". */
void report_put_memory(FILE *to, const struct report *r, int id);

void report_put_map(FILE *to, const struct report *r);
void report_put_fill(FILE *to, const struct report *r);
void report_put_sizes(FILE *to, const struct report *r);
void report_put_memories(FILE *to, const struct report *r);
void report_put_structures(FILE *to, const struct report *r);
void report_put_findings(FILE *to, const struct report *r);
void report_put_times(FILE *to, const struct report *r);
void report_put_heat(FILE *to, const struct report *r);

#endif
