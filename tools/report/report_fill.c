// SPDX-License-Identifier: MIT
/*
 * The treemap of a page: what fills the image. A memory is a rectangle as large as its buckets,
 * with a band for its name, and below the band what is in it: payload, what the structure needs for
 * itself, what is free in it, room in the last page, slack.
 */
#include "tools/html/treemap.h"
#include "tools/out/text.h"
#include "tools/report/report.h"

enum { BAND = 18, BAND_MIN_WIDTH = 44, BAND_MIN_HEIGHT = 34, GLYPH_WIDTH = 7 };

enum part_kind { PAYLOAD, OVERHEAD, FREE, ROOM, SLACK, PARTS };

static const struct part_form {
	const char *name, *strength;
} part_forms[PARTS] = {
	[PAYLOAD] = {"keys and values, or data", ""},
	[OVERHEAD] = {"what the structure needs for itself", "s1"},
	[FREE] = {"free or leaked in the structure", "s2"},
	[ROOM] = {"pages behind the structure", "s3"},
	[SLACK] = {"slack", "s3"},
};

/* A memory, or what is no memory's. */
struct block {
	int id; /* -1: see `name` */
	const char *name, *class;
	uint64_t len, part[PARTS];
};

struct blocks_of {
	struct block block[REPORT_ROWS + 3];
	size_t count;
};

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static void fill_parts(const struct report_memory *m, uint64_t part[PARTS])
{
	const struct ss_usage *u = &m->usage;
	uint64_t held;

	part[SLACK] = m->slack_len;
	part[PAYLOAD] = m->len;
	if (!m->measured)
		return;
	held = MIN(u->held_len, m->len);
	part[PAYLOAD] = MIN(u->key_len + u->value_len, held);
	part[FREE] =
		MIN((u->chunks_free + u->chunks_leaked) * m->facts.page_len, held - part[PAYLOAD]);
	part[OVERHEAD] = less(held, part[PAYLOAD] + part[FREE]);
	part[ROOM] = m->len - held;
}

static void add_other(struct blocks_of *b, const char *name, const char *class, uint64_t len)
{
	if (len > 0)
		b->block[b->count++] =
			(struct block){.id = -1, .name = name, .class = class, .len = len};
}

static int by_len(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	if (x->len != y->len)
		return x->len > y->len ? -1 : 1;
	return x->id - y->id;
}

static void collect(const struct report *r, struct blocks_of *b)
{
	const struct report_image *image = report_last(r);

	for (size_t i = 0; i < r->memories; i++) {
		const struct report_memory *m = &r->memory[i];
		struct block *block = &b->block[b->count];

		*block = (struct block){.id = m->id, .len = m->len + m->slack_len};
		if (m->id < 0)
			block->name = "the image";
		fill_parts(m, block->part);
		b->count += block->len > 0;
	}
	if (image->mm) {
		add_other(b, "page 0", "tail", MM_PAGE_LEN);
		add_other(b, "nobody's buckets", "hole",
			  (uint64_t)r->tiles.st.holes * r->tiles.st.bucket_pages * MM_PAGE_LEN);
		add_other(b, "behind the last bucket", "tail", r->tiles.st.tail_bytes);
	}
	qsort(b->block, b->count, sizeof(*b->block), by_len);
}

static void put_name(FILE *to, const struct report *r, const struct block *b)
{
	if (b->id >= 0)
		report_put_memory(to, r, b->id);
	else
		fputs(b->name, to);
}

static void put_rect(FILE *to, const char *attribute, const struct treemap_rect *at)
{
	fprintf(to, "<rect %s x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"", attribute,
		at->x, at->y, at->width, at->height);
}

static void put_part(FILE *to, const struct report *r, const struct block *b, enum part_kind kind,
		     const struct treemap_rect *at)
{
	char class[40];

	snprintf(class, sizeof(class), "class=\"c%d %s\"", b->id < 0 ? 0 : r->colour[b->id],
		 part_forms[kind].strength);
	put_rect(to, class, at);
	fputs("><title>", to);
	put_name(to, r, b);
	fprintf(to, ": %s, %s</title></rect>", part_forms[kind].name, text_size(b->part[kind]).s);
	if (kind == SLACK) {
		put_rect(to, "fill=\"url(#hatch)\" pointer-events=\"none\"", at);
		fputs("/>", to);
	}
	fputs("\n", to);
}

/* Side by side, along the longer side. */
static void put_parts(FILE *to, const struct report *r, const struct block *b,
		      struct treemap_rect at)
{
	bool across = at.width >= at.height;
	double whole = across ? at.width : at.height;

	for (enum part_kind kind = 0; kind < PARTS; kind++) {
		double part = whole * ((double)b->part[kind] / (double)b->len);
		struct treemap_rect piece = at;

		if (b->part[kind] == 0)
			continue;
		if (across)
			piece.width = part;
		else
			piece.height = part;
		put_part(to, r, b, kind, &piece);
		at.x += across ? part : 0;
		at.y += across ? 0 : part;
	}
}

/* As much of the name as there is room for. */
static void put_band(FILE *to, const struct report *r, const struct block *b,
		     const struct treemap_rect *at)
{
	const char *name = b->id < 0 ? b->name : names_of(r->names, (unsigned)b->id);
	size_t room = (size_t)(at->width / GLYPH_WIDTH);
	char id[16] = "", size[64];
	size_t taken;

	if (b->id >= 0)
		snprintf(id, sizeof(id), name ? "%d " : "%d", b->id);
	fprintf(to, "<text x=\"%.1f\" y=\"%.1f\">%s", at->x + 5, at->y + 13.5, id);
	taken = strlen(id) + (name ? MIN(strlen(name), room - MIN(strlen(id), room)) : 0);
	if (name && room > strlen(id) + 2)
		html_text(to, name, room - strlen(id) - 1);
	fputs("</text>", to);
	snprintf(size, sizeof(size), "%s", text_size(b->len).s);
	if (taken + strlen(size) + 2 < room)
		fprintf(to,
			"<text class=\"small\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
			at->x + at->width - 5, at->y + 13.5, size);
	fputs("\n", to);
}

/* The band of a memory, or all of what is no memory's: in the full colour. */
static void put_ground(FILE *to, const struct report *r, const struct block *b,
		       const struct treemap_rect *at)
{
	char class[40];

	if (b->class)
		snprintf(class, sizeof(class), "class=\"%s\"", b->class);
	else
		snprintf(class, sizeof(class), "class=\"c%d\"", b->id < 0 ? 0 : r->colour[b->id]);
	put_rect(to, class, at);
	fputs("><title>", to);
	put_name(to, r, b);
	fprintf(to, ": %s</title></rect>\n", text_size(b->len).s);
}

static void put_block(FILE *to, const struct report *r, const struct block *b,
		      const struct treemap_rect *at)
{
	bool band = at->width >= BAND_MIN_WIDTH && at->height >= BAND_MIN_HEIGHT;
	struct treemap_rect top = *at, inner = *at;

	if (band && !b->class) {
		top.height = BAND;
		inner.y += BAND;
		inner.height -= BAND;
	}
	fputs("<g>", to);
	if (band || b->class)
		put_ground(to, r, b, &top);
	if (band)
		put_band(to, r, b, &top);
	put_parts(to, r, b, inner);
	put_rect(to, "class=\"frame\"", at);
	fputs("/></g>\n", to);
}

static void put_picture(FILE *to, const struct report *r, const struct blocks_of *b,
			const char *class, double width, double height)
{
	auto_free struct treemap_rect *at = calloc(b->count + 1, sizeof(*at));
	auto_free double *size = calloc(b->count + 1, sizeof(*size));

	for (size_t i = 0; at && size && i < b->count; i++)
		size[i] = (double)b->block[i].len;
	if (!at || !size)
		return;
	treemap_lay(size, b->count, (struct treemap_rect){0, 0, width, height}, at);
	fprintf(to,
		"<svg class=\"picture %s\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
		"aria-label=\"the memories by size, and what fills them\">\n",
		class, width, height);
	for (size_t i = 0; i < b->count; i++)
		put_block(to, r, &b->block[i], &at[i]);
	fputs("</svg>\n", to);
}

static void put_key(FILE *to, const struct blocks_of *b)
{
	uint64_t sum[PARTS] = {0}, whole = 0;

	for (size_t i = 0; i < b->count; i++)
		for (enum part_kind kind = 0; kind < PARTS; kind++) {
			sum[kind] += b->block[i].part[kind];
			whole += b->block[i].part[kind];
		}
	fputs("<ul class=\"key\">\n", to);
	for (enum part_kind kind = 0; kind < PARTS; kind++) {
		if (sum[kind] == 0)
			continue;
		fputs("<li><svg class=\"sign\" viewBox=\"0 0 10 10\" aria-hidden=\"true\">", to);
		fprintf(to, "<rect class=\"c0 %s\" width=\"10\" height=\"10\"/>%s</svg>",
			part_forms[kind].strength,
			kind == SLACK ? "<rect fill=\"url(#hatch)\" width=\"10\" height=\"10\"/>"
				      : "");
		fprintf(to, "%s <b>%s</b> %u %%</li>\n", part_forms[kind].name,
			text_size(sum[kind]).s, html_percent(sum[kind], whole));
	}
	fputs("</ul>\n", to);
}

void report_put_fill(FILE *to, const struct report *r)
{
	auto_free struct blocks_of *b = calloc(1, sizeof(*b));

	if (!b)
		return;
	collect(r, b);
	if (b->count == 0)
		return;
	html_section(to, "What fills it",
		     "Each memory is as large as its buckets, and in it lies what fills them.");
	put_picture(to, r, b, "wide", 720, 380);
	put_picture(to, r, b, "narrow", 360, 460);
	put_key(to, b);
	html_section_end(to);
}
