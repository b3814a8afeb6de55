// SPDX-License-Identifier: MIT
/*
 * Draws an image's buckets: rows of tiles, each in its owner's colour, the part that the owner does
 * not use hatched. Few buckets get broad tiles with the id in them; many get a column each, and
 * more than fit on a screen share one. Without colours a memory is known by a letter.
 */
#include "tools/facts/picture.h"
#include "tools/facts/tiles.h"
#include "tools/out/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	LEGEND_MAX = 48,
	BAR_ROWS = 2,    /* so many rows of one memory, all full, become a bar */
	LABEL_WIDTH = 3, /* of a tile that has room for any id */
};

/* Of the 256 colours. */
#define GREY  244u
#define BLACK 16u
#define WHITE 231u

/* Colours of the 256 that differ from each other, and from a dark and a light background. */
static const struct {
	uint8_t code;
	bool dark; /* white text stands out on it, else black */
} palette[] = {
	{33, true},  {208, false}, {71, false},  {161, true}, {178, false}, {98, true},
	{37, false}, {210, false}, {130, true},  {24, true},  {149, false}, {169, false},
	{29, true},  {110, false}, {137, false}, {131, true},
};

/* 51: with 16 colours no two of 255 memories share both. */
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/* How broad tiles are, with the gap behind them, and for how many rows they are worth it. */
static const struct tier {
	unsigned width, gap, rows; /* `gap`: columns between tiles, and lines between rows */
} tiers[] = {{8, 1, 3}, {6, 1, 6}, {4, 1, 10}, {2, 0, 16}, {1, 0, 24}};

struct picture {
	const struct term *term;
	const struct pen *pen;
	const struct names *names; /* or NULL */
	int only;
	struct tiles tiles;
	unsigned rank[TILES_OWNERS];  /* in the order of ids: chooses the letter */
	uint8_t colour[TILES_OWNERS]; /* in the palette: neighbours have two */

	struct tier tier;
	uint32_t per_tile;            /* buckets that share a tile */
	uint32_t tile_count, columns; /* in all, and in a row */
	uint32_t rows;
	int margin; /* columns in front of a row */
};

static int load(struct picture *p, struct mm *mm, struct err *err)
{
	unsigned rank = 0;
	int rc = tiles_load(mm, &p->tiles, err);

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		p->rank[id] = rank;
		rank += p->tiles.memory[id].buckets > 0;
	}
	if (!rc)
		tiles_colour(&p->tiles, ARRAY_LEN(palette), p->colour);
	return rc;
}

static uint32_t row_of_buckets(const struct picture *p, uint32_t row, uint32_t *first)
{
	*first = row * p->columns * p->per_tile;
	return MIN(p->columns * p->per_tile, p->tiles.st.buckets - *first);
}

/* Every bucket of a row is this memory's, and full. */
static bool is_plain(const struct picture *p, uint32_t row, uint8_t owner)
{
	uint32_t first, count = row_of_buckets(p, row, &first);

	if (count < p->columns * p->per_tile)
		return false;
	for (uint32_t i = first; i < first + count; i++)
		if (p->tiles.bucket[i].owner != owner ||
		    p->tiles.bucket[i].used_pages < p->tiles.st.bucket_pages)
			return false;
	return true;
}

/* The rows from this one on that are shown on one line: as tiles, or where there are more than one
 * as a bar. */
static uint32_t line_rows(const struct picture *p, uint32_t row)
{
	uint32_t n = 0, first;
	uint8_t owner;

	(void)row_of_buckets(p, row, &first);
	owner = p->tiles.bucket[first].owner;
	while (owner != TILES_NOBODY && row + n < p->rows && is_plain(p, row + n, owner))
		n++;
	return n >= BAR_ROWS ? n : 1;
}

static uint32_t count_lines(const struct picture *p)
{
	uint32_t lines = 0;

	for (uint32_t row = 0; row < p->rows; lines++)
		row += line_rows(p, row);
	return lines;
}

static void set_tier(struct picture *p, const struct tier *tier, unsigned room)
{
	p->tier = *tier;
	p->columns = (room + tier->gap) / (tier->width + tier->gap);
	p->per_tile = 1;
	p->rows = (uint32_t)div_up(p->tiles.st.buckets, p->columns);
}

/* The broadest tiles that fit; and where not even the narrowest do, several buckets in one. */
static void choose_tier(struct picture *p)
{
	char index[16];
	unsigned room;

	p->margin = snprintf(index, sizeof(index), "%" PRIu32, p->tiles.st.buckets) + 3;
	room = MAX(p->term->width, (unsigned)p->margin + 8) - (unsigned)p->margin;
	for (size_t i = 0; i < ARRAY_LEN(tiers); i++) {
		set_tier(p, &tiers[i], room);
		if (count_lines(p) <= p->tier.rows)
			break;
	}
	if (count_lines(p) > p->tier.rows)
		p->per_tile = (uint32_t)div_up(p->tiles.st.buckets, p->columns * p->tier.rows);
	p->tile_count = (uint32_t)div_up(p->tiles.st.buckets, p->per_tile);
	p->rows = (uint32_t)div_up(p->tile_count, p->columns);
}

static unsigned colour_of(const struct picture *p, uint8_t owner)
{
	if (owner == TILES_NOBODY || (p->only >= 0 && p->only != owner))
		return GREY;
	return palette[p->colour[owner]].code;
}

static bool is_dark(const struct picture *p, uint8_t owner)
{
	return colour_of(p, owner) != GREY && palette[p->colour[owner]].dark;
}

static char letter_of(const struct picture *p, uint8_t owner)
{
	return letters[p->rank[owner] % (sizeof(letters) - 1)];
}

/* Whether colours alone do not tell the memories apart. */
static bool needs_letters(const struct picture *p)
{
	return p->tier.width < LABEL_WIDTH &&
	       (!p->term->colour || p->tiles.owners > ARRAY_LEN(palette));
}

/* What stands in the middle of a tile. */
static void label_of(const struct picture *p, uint8_t owner, unsigned width, char label[8])
{
	label[0] = 0;
	if (owner == TILES_NOBODY)
		return;
	if (width >= LABEL_WIDTH)
		snprintf(label, 8, "%u", owner);
	else if (needs_letters(p))
		snprintf(label, 8, "%c", letter_of(p, owner));
}

/* Words in the terminal's own colours, on the line that is drawn now. */
static void PRINTF(2, 3) put_words(const struct picture *p, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	p->pen->put(p->pen->ctx, -1, -1, text ? text : "out of memory");
}

static void end_line(const struct picture *p)
{
	p->pen->end_line(p->pen->ctx);
}

/* One column of a tile. `text` is the label's character there, or 0. */
static void put_column(const struct picture *p, uint8_t owner, bool used, char text)
{
	int colour = p->term->colour ? (int)colour_of(p, owner) : -1;
	char label[2] = {text, 0};
	const char *shown = text ? label : NULL;
	int fg = colour, bg = -1;

	if (!p->term->colour)
		shown = shown ? shown : owner == TILES_NOBODY ? "." : used ? "=" : "-";
	else if (owner == TILES_NOBODY)
		shown = p->term->utf8 ? "·" : ".";
	else
		fg = is_dark(p, owner) ? WHITE : BLACK, bg = colour;
	if (!shown)
		shown = used ? " " : p->term->utf8 ? "░" : "-";
	p->pen->put(p->pen->ctx, fg, bg, shown);
}

static void put_tile(const struct picture *p, struct tile tile, unsigned width)
{
	unsigned used = (unsigned)(tile.used * width + 0.5);
	unsigned len, start;
	char label[8];

	if (tile.used > 0 && used == 0 && width > 1)
		used = 1;
	label_of(p, tile.owner, width, label);
	len = (unsigned)strlen(label);
	start = (width - len) / 2;
	for (unsigned i = 0; i < width; i++)
		put_column(p, tile.owner, i < used,
			   i >= start && i < start + len ? label[i - start] : 0);
}

static void put_tiles(const struct picture *p, uint32_t row)
{
	uint32_t first = row * p->columns, end = MIN(first + p->columns, p->tile_count);

	for (uint32_t n = first; n < end; n++) {
		put_tile(p, tiles_at(&p->tiles, n * p->per_tile, p->per_tile), p->tier.width);
		if (n + 1 < first + p->columns && p->tier.gap)
			put_words(p, "%*s", (int)p->tier.gap, "");
	}
}

/* Many buckets that are all alike, as broad as the rows that the bar stands for. */
static void put_bar(const struct picture *p, uint32_t row, uint32_t rows)
{
	unsigned width = p->columns * (p->tier.width + p->tier.gap) - p->tier.gap;
	uint32_t first, count = rows * row_of_buckets(p, row, &first);
	uint8_t owner = p->tiles.bucket[first].owner;
	char label[64];
	unsigned len, start;

	snprintf(label, sizeof(label), " %u: %s ", owner, text_plural(count, "bucket").s);
	len = (unsigned)strlen(label);
	start = len < width ? (width - len) / 2 : width;
	for (unsigned i = 0; i < width; i++)
		put_column(p, owner, true, i >= start && i < start + len ? label[i - start] : 0);
}

static void put_grid(const struct picture *p)
{
	for (uint32_t row = 0, n; row < p->rows; row += n) {
		n = line_rows(p, row);
		if (row > 0 && p->tier.gap)
			end_line(p);
		put_words(p, "%*" PRIu32 "  ", p->margin - 2, row * p->columns * p->per_tile);
		if (n > 1)
			put_bar(p, row, n);
		else
			put_tiles(p, row);
		end_line(p);
	}
}

/* The memories of the legend: those with the most buckets, in the order of ids. */
static unsigned choose_legend(const struct picture *p, uint8_t *ids)
{
	uint32_t least = 0;
	unsigned n;

	do {
		n = 0;
		for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
			if (p->tiles.buckets[id] <= least || (p->only >= 0 && p->only != (int)id))
				continue;
			if (n < LEGEND_MAX)
				ids[n] = (uint8_t)id;
			n++;
		}
		least++;
	} while (n > LEGEND_MAX && least < p->tiles.st.buckets);
	return MIN(n, LEGEND_MAX);
}

static int legend_words(const struct picture *p, uint8_t id, char *words, size_t room)
{
	const char *name = names_of(p->names, id);

	return snprintf(words, room, "%-3u %.40s%s%s, %s", id, name ? name : "", name ? ": " : "",
			text_size(p->tiles.memory[id].pages * MM_PAGE_LEN).s,
			text_plural(p->tiles.buckets[id], "bucket").s);
}

static void put_legend(const struct picture *p)
{
	uint8_t ids[LEGEND_MAX];
	unsigned n = choose_legend(p, ids);
	int width = 0;
	unsigned columns, rows;
	char words[112];

	for (unsigned i = 0; i < n; i++)
		width = MAX(width, legend_words(p, ids[i], words, sizeof(words)));
	columns = MAX(p->term->width / (unsigned)(width + 8), 1u);
	rows = (unsigned)div_up(n, columns);
	for (unsigned row = 0; row < rows; row++) {
		for (unsigned i = row; i < n; i += rows) {
			struct tile all = {.owner = ids[i], .used = 1};
			bool last = i + rows >= n;

			legend_words(p, ids[i], words, sizeof(words));
			put_words(p, "  ");
			put_tile(p, all, 2);
			put_words(p, "  %-*s%s", last ? 0 : width, words, last ? "" : "  ");
		}
		end_line(p);
	}
	if (p->only < 0 && n < p->tiles.owners) {
		put_words(p, "      and %u more, with fewer buckets", p->tiles.owners - n);
		end_line(p);
	}
}

/* What is not a memory's colour. */
static void put_signs(const struct picture *p)
{
	uint64_t slack = 0;

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		slack += p->tiles.memory[id].slack_len;
	if (slack > 0) {
		put_words(p, "  %s  slack: %s behind the memories' ends",
			  !p->term->colour || !p->term->utf8 ? "--" : "░░", text_size(slack).s);
		end_line(p);
	}
	if (p->tiles.st.holes > 0) {
		put_words(p, "  ");
		put_tile(p, (struct tile){.owner = TILES_NOBODY}, 2);
		put_words(p, "  %s: owned by nobody", text_plural(p->tiles.st.holes, "hole").s);
		end_line(p);
	}
	if (p->tiles.st.tail_bytes > 0) {
		put_words(p, "      %s behind the last bucket",
			  text_size(p->tiles.st.tail_bytes).s);
		end_line(p);
	}
}

static void put_picture(struct picture *p, const char *name)
{
	const char *gap = name ? ": " : "";

	put_words(p, "%s%s%s of %s (%s)", name ? name : "", gap,
		  text_plural(p->tiles.st.buckets, "bucket").s,
		  text_plural(p->tiles.st.bucket_pages, "page").s,
		  text_size((uint64_t)p->tiles.st.bucket_pages * MM_PAGE_LEN).s);
	if (p->tiles.st.buckets > 0)
		choose_tier(p);
	if (p->per_tile > 1)
		put_words(p, ", %" PRIu32 " in a column", p->per_tile);
	end_line(p);
	if (p->tiles.st.buckets == 0)
		return;
	end_line(p);
	put_grid(p);
	end_line(p);
	put_legend(p);
	put_signs(p);
}

int picture_draw(const char *name, struct mm *mm, int only, const struct names *names,
		 const struct term *term, const struct pen *pen, struct err *err)
{
	auto_free struct picture *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	p->term = term;
	p->pen = pen;
	p->only = only;
	p->names = names;
	rc = load(p, mm, err);
	if (!rc)
		put_picture(p, name);
	tiles_free(&p->tiles);
	return rc;
}

static void print_coloured(void *ctx, int fg, int bg, const char *text)
{
	if (bg >= 0)
		printf("\033[48;5;%dm", bg);
	if (fg >= 0)
		printf("\033[38;5;%dm", fg);
	text_put(stdout, text);
	if (bg >= 0 || fg >= 0)
		fputs("\033[0m", stdout);
}

static void print_end(void *ctx)
{
	putchar('\n');
}

int picture_print(const char *name, struct mm *mm, int only, const struct names *names,
		  const struct term *term, struct err *err)
{
	static const struct pen pen = {.put = print_coloured, .end_line = print_end};

	return picture_draw(name, mm, only, names, term, &pen, err);
}
