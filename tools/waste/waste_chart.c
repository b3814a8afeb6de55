// SPDX-License-Identifier: MIT
/*
 * See waste_chart.h. A chart is drawn in units of its view box, 720 wide, and scales with the page.
 */
#include "tools/waste/waste_chart.h"

#include <inttypes.h>

#include "tools/out/text.h"

enum {
	WIDTH = 720,
	LEFT = 8, /* margin of what is drawn */
	PLOT_WIDTH = WIDTH - 2 * LEFT,
	PATH_CHARS = 58,
};

/* How many bytes the UTF-8 character at `p` has; 0: it is none, or a control character. */
static size_t char_len(const unsigned char *p)
{
	size_t len = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;

	if (*p < 0x20 || *p == 0x7f || (*p >= 0x80 && *p < 0xc2) || *p > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Too long for its number, a surrogate, or above U+10FFFF. */
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static void put_char(FILE *to, const char *p, size_t len)
{
	switch (len == 1 ? *p : 0) {
	case '&':
		fputs("&amp;", to);
		break;
	case '<':
		fputs("&lt;", to);
		break;
	case '>':
		fputs("&gt;", to);
		break;
	case '"':
		fputs("&quot;", to);
		break;
	default:
		if (len > 0)
			fwrite(p, 1, len, to);
		else
			fputs("&#xfffd;", to);
	}
}

void html_text(FILE *to, const char *text, size_t max)
{
	size_t count = 0, shown;

	for (const char *p = text; *p; count++)
		p += MAX(char_len((const unsigned char *)p), (size_t)1);
	shown = count > max ? max - 1 : count;
	if (count > max)
		fputs("&#x2026;", to);
	for (const char *p = text; *p; count--) {
		size_t len = char_len((const unsigned char *)p);

		if (count <= shown)
			put_char(to, p, len);
		p += MAX(len, (size_t)1);
	}
}

static void begin(FILE *to, unsigned height, const char *what)
{
	fprintf(to,
		"<svg viewBox=\"0 0 %d %u\" role=\"img\" aria-label=\"%s\">"
		"<title>%s</title>\n",
		WIDTH, height, what, what);
}

/* In the view box's units, with one decimal. */
static double scaled(uint64_t part, uint64_t whole, double width)
{
	return whole ? (double)part / (double)whole * width : 0;
}

static unsigned percent(uint64_t part, uint64_t whole)
{
	return whole ? (unsigned)((double)part / (double)whole * 100 + 0.5) : 0;
}

/* ---- all bytes ---- */

void chart_parts(FILE *to, const struct waste_sum *sum)
{
	const struct {
		const char *name, *class;
		uint64_t len;
	} parts[] = {
		{"data", "data", sum->data_len},
		{"slack behind the memories' ends", "slack", sum->slack_len},
		{"holes that nobody owns", "hole", sum->hole_len},
		{"tail behind the last bucket", "tail", sum->tail_len},
	};
	uint64_t whole = sum->data_len + waste_sum_len(sum);
	double x = LEFT;

	begin(to, 56, "All bytes of all managed images, by what they are");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		double width = scaled(parts[i].len, whole, PLOT_WIDTH);

		if (parts[i].len == 0)
			continue;
		fprintf(to,
			"<rect class=\"%s\" x=\"%.1f\" y=\"8\" width=\"%.1f\" height=\"40\">"
			"<title>%s: %s, %u %%</title></rect>\n",
			parts[i].class, x, MAX(width, 1.0), parts[i].name,
			text_size(parts[i].len).s, percent(parts[i].len, whole));
		x += width;
	}
	fputs("</svg>\n<ul class=\"key\">\n", to);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		fprintf(to, "<li><i class=\"%s\"></i>%s <b>%s</b> %u %%</li>\n", parts[i].class,
			parts[i].name, text_size(parts[i].len).s, percent(parts[i].len, whole));
	fputs("</ul>\n", to);
}

/* ---- standing bars ---- */

struct bar {
	char label[24], value[48], tip[256];
	uint64_t n;
	const char *class;
};

/* `mark` draws a line across at that height, with a word to it; 0: none. */
static void standing_bars(FILE *to, const char *what, const struct bar *bars, size_t count,
			  uint64_t mark, const char *mark_text)
{
	enum { TOP = 34, PLOT = 180, BOTTOM = 28 };
	double step = (double)PLOT_WIDTH / (double)count;
	uint64_t most = MAX(mark, (uint64_t)1);

	for (size_t i = 0; i < count; i++)
		most = MAX(most, bars[i].n);
	begin(to, TOP + PLOT + BOTTOM, what);
	if (mark > 0) {
		double y = TOP + PLOT - scaled(mark, most, PLOT);

		fprintf(to,
			"<line class=\"mark\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text class=\"mark\" x=\"%d\" y=\"%.1f\">%s</text>\n",
			LEFT, WIDTH - LEFT, y, y, LEFT, y - 5, mark_text);
	}
	for (size_t i = 0; i < count; i++) {
		double height = scaled(bars[i].n, most, PLOT);
		double x = LEFT + (double)i * step, mid = x + step / 2;

		if (bars[i].n > 0)
			height = MAX(height, 1.0);
		fprintf(to,
			"<g><title>%s</title><rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
			"height=\"%.1f\" rx=\"2\"/><text class=\"value\" x=\"%.1f\" y=\"%.1f\">%s</text>"
			"<text class=\"label\" x=\"%.1f\" y=\"%d\">%s</text></g>\n",
			bars[i].tip, bars[i].class, x + step * 0.14, TOP + PLOT - height,
			step * 0.72, height, mid, TOP + PLOT - height - 6, bars[i].value, mid,
			TOP + PLOT + 19, bars[i].label);
	}
	fprintf(to, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n", LEFT,
		WIDTH - LEFT, TOP + PLOT, TOP + PLOT);
	fputs("</svg>\n", to);
}

void chart_sizes(FILE *to, const struct waste_sum *sum)
{
	struct bar bars[ADVICE_SIZES + 1];
	char now[64];

	for (size_t i = 0; i <= ADVICE_SIZES; i++) {
		bool best = i == ADVICE_SIZES;
		uint64_t len = best ? sum->best_len : sum->at[i];

		bars[i].n = len;
		bars[i].class = best ? "best" : len > sum->image_len ? "slack" : "data";
		snprintf(bars[i].value, sizeof(bars[i].value), "%s", text_size(len).s);
		snprintf(bars[i].label, sizeof(bars[i].label), best ? "best" : "%" PRIu32,
			 best ? 0 : advice_sizes[i]);
		if (best)
			snprintf(bars[i].tip, sizeof(bars[i].tip),
				 "each image at the size that is best for it: %s",
				 text_size(len).s);
		else
			snprintf(bars[i].tip, sizeof(bars[i].tip),
				 "buckets of %s: %s in all; %s too large for it",
				 text_plural(advice_sizes[i], "page").s, text_size(len).s,
				 text_plural(sum->too_small[i], "image").s);
	}
	snprintf(now, sizeof(now), "now %s", text_size(sum->image_len).s);
	standing_bars(to, "All managed images, by pages in a bucket", bars, ARRAY_LEN(bars),
		      sum->image_len, now);
}

void chart_shares(FILE *to, const struct waste_sum *sum)
{
	struct bar bars[WASTE_BINS];

	for (unsigned i = 0; i < WASTE_BINS; i++) {
		unsigned from = i * 100 / WASTE_BINS;

		bars[i].n = sum->bin_count[i];
		bars[i].class = from >= 50 ? "slack" : "data";
		snprintf(bars[i].value, sizeof(bars[i].value), "%s",
			 sum->bin_count[i] ? text_count(sum->bin_count[i]).s : "");
		snprintf(bars[i].label, sizeof(bars[i].label), "%u&#x2013;%u %%", from,
			 from + 100 / WASTE_BINS);
		snprintf(bars[i].tip, sizeof(bars[i].tip), "%s, %s wasted",
			 text_plural(sum->bin_count[i], "image").s, text_size(sum->bin_len[i]).s);
	}
	standing_bars(to, "Images by the share of them that is waste", bars, ARRAY_LEN(bars), 0,
		      NULL);
}

/* ---- the worst ---- */

void chart_worst(FILE *to, const struct waste_sum *sum)
{
	enum { ROW = 38, VALUE = 96 };
	uint64_t most = sum->worst_count > 0 ? sum->worst[0].image_len : 1;

	for (size_t i = 1; i < sum->worst_count; i++)
		most = MAX(most, sum->worst[i].image_len);
	begin(to, (unsigned)(sum->worst_count * ROW + 4), "The images that waste most");
	for (size_t i = 0; i < sum->worst_count; i++) {
		const struct waste_row *row = &sum->worst[i];
		double width = scaled(row->image_len, most, PLOT_WIDTH - VALUE);
		double waste = scaled(waste_len(row), row->image_len, width);
		double y = (double)i * ROW;

		fputs("<g><title>", to);
		html_text(to, row->path, SIZE_MAX);
		fprintf(to,
			": %s, of it %s waste; buckets of %" PRIu32
			" pages</title><text class=\"path\" x=\"%d\" y=\"%.1f\">",
			text_size(row->image_len).s, text_size(waste_len(row)).s, row->bucket_pages,
			LEFT, y + 14);
		html_text(to, row->path, PATH_CHARS);
		fprintf(to,
			"</text><rect class=\"slack\" x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"12\"/>"
			"<rect class=\"data\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"12\"/>"
			"<text class=\"worst\" x=\"%.1f\" y=\"%.1f\">%s</text></g>\n",
			LEFT, y + 20, MAX(waste, 1.0), LEFT + waste, y + 20,
			MAX(width - waste, 0.0), LEFT + MAX(width, 1.0) + 8, y + 30.5,
			text_size(waste_len(row)).s);
	}
	fputs("</svg>\n", to);
}
