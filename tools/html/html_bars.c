// SPDX-License-Identifier: MIT
/*
 * Bars. A bar is a picture as broad as its place; its words are text of the page, so that they have
 * one size on every screen.
 */
#include "tools/html/html.h"
#include "tools/out/text.h"

/* Of a bar that is 100 units broad. */
static double scaled(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole * 100 : 0;
}

unsigned html_percent(uint64_t part, uint64_t whole)
{
	return whole ? (unsigned)(((unsigned __int128)part * 100 + whole / 2) / whole) : 0;
}

static void begin(FILE *to, const char *class)
{
	fprintf(to,
		"<svg class=\"%s\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" "
		"aria-hidden=\"true\">",
		class);
}

/* Returns where it ends. */
static double put_part(FILE *to, const struct html_part *part, double x, uint64_t most,
		       const char *tip)
{
	double width = scaled(part->n, most);

	if (part->n == 0)
		return x;
	fprintf(to, "<rect class=\"%s\" x=\"%.2f\" width=\"%.2f\" height=\"10\">", part->class, x,
		MAX(width, 0.25));
	if (tip)
		fprintf(to, "<title>%s</title>", tip);
	fputs("</rect>", to);
	return x + width;
}

void html_stack(FILE *to, const struct html_part *parts, size_t count)
{
	uint64_t whole = 0;
	double x = 0;

	for (size_t i = 0; i < count; i++)
		whole += parts[i].n;
	begin(to, "stack");
	for (size_t i = 0; i < count; i++) {
		char tip[160];

		snprintf(tip, sizeof(tip), "%s: %s, %u %%", parts[i].name, text_size(parts[i].n).s,
			 html_percent(parts[i].n, whole));
		x = put_part(to, &parts[i], x, whole, tip);
	}
	fputs("</svg>\n<ul class=\"key\">\n", to);
	for (size_t i = 0; i < count; i++) {
		if (parts[i].n == 0)
			continue;
		fprintf(to, "<li><i class=\"%s\"></i>%s <b>%s</b> %u %%</li>\n", parts[i].class,
			parts[i].name, text_size(parts[i].n).s, html_percent(parts[i].n, whole));
	}
	fputs("</ul>\n", to);
}

void html_bars(FILE *to, bool long_labels)
{
	fprintf(to, "<div class=\"bars%s\">\n", long_labels ? " long" : "");
}

void html_bar(FILE *to, const struct html_bar *bar)
{
	double x = 0;

	fprintf(to, "<div class=\"row %s\" title=\"", bar->class);
	html_text(to, bar->tip, SIZE_MAX);
	fputs("\"><span class=\"label\">", to);
	html_text(to, bar->label, 400);
	fputs("</span>", to);
	begin(to, "bar");
	for (size_t i = 0; i < ARRAY_LEN(bar->parts); i++)
		x = put_part(to, &bar->parts[i], x, bar->most, NULL);
	if (bar->mark > 0)
		fprintf(to, "<line class=\"mark\" x1=\"%.2f\" x2=\"%.2f\" y1=\"0\" y2=\"10\"/>",
			scaled(bar->mark, bar->most), scaled(bar->mark, bar->most));
	fprintf(to, "</svg><span class=\"value\">%s</span></div>\n", bar->value);
}

void html_bars_end(FILE *to)
{
	fputs("</div>\n", to);
}
