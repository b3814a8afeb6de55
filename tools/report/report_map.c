// SPDX-License-Identifier: MIT
/*
 * The bucket map of a page: a tile for each bucket in the order of the image, or for several where
 * there are very many. Drawn twice, for a screen and for a phone; the style sheet shows one.
 */
#include <inttypes.h>

#include "tools/out/text.h"
#include "tools/report/report.h"

enum { KEY_MAX = 16, LABEL_WIDTH = 26 };

struct tier {
	unsigned columns, height, rows;
};

static const struct form {
	const char *class;
	unsigned width;
	struct tier tier[4];
} forms[] = {
	{"wide", 720, {{12, 40, 2}, {24, 30, 6}, {36, 20, 12}, {48, 15, 24}}},
	{"narrow", 360, {{6, 40, 4}, {12, 30, 8}, {18, 20, 14}, {24, 15, 36}}},
};

struct map {
	const struct report *r;
	const struct form *form;
	struct tier tier;
	double tile_width;
	uint32_t per_tile, count; /* buckets in a tile, tiles */
};

/* Tiles that are drawn as one: a run of one memory's full buckets in a row, or a single one. */
struct run {
	uint32_t first, count;
	struct tile tile;
};

static struct map map_of(const struct report *r, const struct form *form)
{
	uint32_t buckets = r->tiles.st.buckets;
	struct map m = {.r = r, .form = form, .per_tile = 1};

	for (size_t i = 0; i < ARRAY_LEN(form->tier); i++) {
		m.tier = form->tier[i];
		if (m.tier.columns * m.tier.rows >= buckets)
			break;
	}
	m.per_tile = (uint32_t)MAX(div_up(buckets, m.tier.columns * m.tier.rows), 1u);
	m.count = (uint32_t)div_up(buckets, m.per_tile);
	m.tile_width = (double)form->width / m.tier.columns;
	return m;
}

static struct run run_at(const struct map *m, uint32_t first)
{
	struct run run = {first, 1, tiles_at(&m->r->tiles, first * m->per_tile, m->per_tile)};

	if (run.tile.used < 1 || m->tile_width >= LABEL_WIDTH)
		return run;
	while (first + run.count < m->count && (first + run.count) % m->tier.columns != 0) {
		struct tile next =
			tiles_at(&m->r->tiles, (first + run.count) * m->per_tile, m->per_tile);

		if (next.owner != run.tile.owner || next.used < 1)
			break;
		run.count++;
	}
	return run;
}

static void put_title(FILE *to, const struct map *m, const struct run *run)
{
	const struct tiles *t = &m->r->tiles;
	uint32_t first = run->first * m->per_tile;
	uint32_t end = MIN((run->first + run->count) * m->per_tile, t->st.buckets);

	if (end - first == 1)
		fprintf(to, "<title>bucket %" PRIu32 ": ", first);
	else
		fprintf(to, "<title>buckets %" PRIu32 " to %" PRIu32 ": %s", first, end - 1,
			m->per_tile > 1 ? "mostly " : "");
	if (run->tile.owner == TILES_NOBODY)
		fputs("nobody's", to);
	else
		report_put_memory(to, m->r, run->tile.owner);
	if (end - first == 1 && run->tile.owner != TILES_NOBODY)
		fprintf(to, ", %" PRIu32 " of %s used", t->bucket[first].used_pages,
			text_plural(t->st.bucket_pages, "page").s);
	fputs("</title>", to);
}

static void put_rect(FILE *to, const char *class, double x, double y, double width, double height)
{
	if (width > 0)
		fprintf(to, "<rect %s x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
			class, x, y, width, height);
}

static void put_run(FILE *to, const struct map *m, const struct run *run)
{
	double x = run->first % m->tier.columns * m->tile_width;
	double y = (double)(run->first / m->tier.columns) * m->tier.height;
	double width = run->count * m->tile_width - 1, height = m->tier.height - 1;
	double used = run->tile.used * width;
	char class[32];

	if (run->tile.used > 0)
		used = MAX(used, 1.5);
	fputs("<g>", to);
	put_title(to, m, run);
	snprintf(class, sizeof(class), "class=\"c%u\"", m->r->colour[run->tile.owner]);
	if (run->tile.owner == TILES_NOBODY) {
		put_rect(to, "class=\"hole\"", x, y, width, height);
	} else if (run->tile.used >= 1) {
		put_rect(to, class, x, y, width, height);
	} else {
		put_rect(to, class, x, y, used, height);
		snprintf(class, sizeof(class), "class=\"c%u s3\"", m->r->colour[run->tile.owner]);
		put_rect(to, class, x + used, y, width - used, height);
		put_rect(to, "fill=\"url(#hatch)\"", x + used, y, width - used, height);
	}
	if (m->tile_width >= LABEL_WIDTH && run->tile.owner != TILES_NOBODY)
		fprintf(to,
			"<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%u</text>",
			run->tile.used < 0.55 ? "ink" : "on", x + width / 2, y + height / 2 + 4.5,
			run->tile.owner);
	fputs("</g>\n", to);
}

static void put_picture(FILE *to, const struct map *m)
{
	uint32_t rows = (uint32_t)div_up(m->count, m->tier.columns);

	fprintf(to,
		"<svg class=\"picture %s\" viewBox=\"0 0 %u %u\" role=\"img\" "
		"aria-label=\"the buckets of the image and their owners\">\n",
		m->form->class, m->form->width, rows * m->tier.height);
	for (uint32_t n = 0; n < m->count;) {
		struct run run = run_at(m, n);

		put_run(to, m, &run);
		n += run.count;
	}
	fputs("</svg>\n", to);
}

/* The memories with the most buckets. */
static void put_key(FILE *to, const struct report *r)
{
	bool told[TILES_OWNERS] = {false};
	unsigned shown = 0;

	fputs("<ul class=\"key\">\n", to);
	for (; shown < MIN(r->tiles.owners, (unsigned)KEY_MAX); shown++) {
		int best = -1;

		for (int id = 0; id < MM_MAX_MEMORIES; id++)
			if (!told[id] && r->tiles.buckets[id] > 0 &&
			    (best < 0 || r->tiles.buckets[id] > r->tiles.buckets[best]))
				best = id;
		told[best] = true;
		fprintf(to, "<li><i class=\"c%u\"></i>", r->colour[best]);
		report_put_memory(to, r, best);
		fprintf(to, " <b>%s</b></li>\n", text_count(r->tiles.buckets[best]).s);
	}
	if (shown < r->tiles.owners)
		fprintf(to, "<li>and %u more</li>\n", r->tiles.owners - shown);
	if (r->tiles.st.holes)
		fprintf(to, "<li><i class=\"hole\"></i>owned by nobody <b>%s</b></li>\n",
			text_count(r->tiles.st.holes).s);
	fputs("</ul>\n", to);
}

void report_put_map(FILE *to, const struct report *r)
{
	struct map m;
	char words[320];

	if (r->tiles.st.buckets == 0)
		return;
	m = map_of(r, &forms[0]);
	snprintf(
		words, sizeof(words),
		"%s of %s in the order of the image%s. What is hatched is slack, behind the end of "
		"its memory.",
		text_plural(r->tiles.st.buckets, "bucket").s,
		text_size((uint64_t)r->tiles.st.bucket_pages * MM_PAGE_LEN).s,
		m.per_tile > 1 ? ", several in a tile" : "");
	html_section(to, "Bucket map", words);
	put_picture(to, &m);
	m = map_of(r, &forms[1]);
	put_picture(to, &m);
	put_key(to, r);
	html_section_end(to);
}
