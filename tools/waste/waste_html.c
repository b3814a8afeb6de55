// SPDX-License-Identifier: MIT
/*
 * The fleet page: one file, no script, nothing from elsewhere, light or dark as the reader's
 * system is. The charts are in waste_chart.c.
 */
#include <inttypes.h>

#include "tools/facts/cost.h"
#include "tools/waste/waste_chart.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>Stable memory: what these images waste</title>\n<style>\n"
	":root { color-scheme: light dark; --ground: #f6f7f9; --card: #fff; --ink: #1b2430;\n"
	"  --soft: #5b6776; --line: #d9dee5; --data: #2f7dbd; --slack: #e0762f; --hole: #8a5cc2;\n"
	"  --tail: #98a2b0; --best: #2f9d6b; --mark: #b3261e; }\n"
	"@media (prefers-color-scheme: dark) { :root { --ground: #12161c; --card: #1b212a;\n"
	"  --ink: #e7ecf2; --soft: #9aa7b6; --line: #313b48; --data: #5aa9e6; --slack: #f0924f;\n"
	"  --hole: #b18ae0; --tail: #707c8c; --best: #4fc58e; --mark: #ff8a80; } }\n"
	"* { box-sizing: border-box; }\n"
	"body { margin: 0; background: var(--ground); color: var(--ink);\n"
	"  font: 16px/1.5 system-ui, -apple-system, \"Segoe UI\", Roboto, sans-serif; }\n"
	"main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }\n"
	"h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }\n"
	"h2 { font-size: 1.1rem; margin: 0; }\n"
	"p { margin: .25rem 0 0; color: var(--soft); }\n"
	".tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr));\n"
	"  gap: .75rem; margin: 1.5rem 0 .75rem; }\n"
	".tile, section { background: var(--card); border: 1px solid var(--line);\n"
	"  border-radius: .6rem; padding: 1rem 1.15rem; }\n"
	".tile b { display: block; font-size: 1.45rem; line-height: 1.3; white-space: nowrap; }\n"
	".tile span { color: var(--soft); font-size: .9rem; }\n"
	"section { margin-top: .75rem; }\n"
	"section { overflow-x: auto; }\n"
	"svg { display: block; width: 100%; min-width: 34rem; height: auto; margin-top: .6rem; }\n"
	"svg text { fill: var(--ink); font-size: 12px; }\n"
	"svg .value, svg .label { text-anchor: middle; }\n"
	"svg .value { paint-order: stroke; stroke: var(--card); stroke-width: 5px; }\n"
	"svg .label, svg .worst { fill: var(--soft); }\n"
	"svg .path { font-family: ui-monospace, \"DejaVu Sans Mono\", monospace; }\n"
	"svg .axis { stroke: var(--line); }\n"
	"svg line.mark { stroke: var(--mark); stroke-dasharray: 5 4; }\n"
	"svg text.mark { fill: var(--mark); }\n"
	".data { fill: var(--data); background: var(--data); }\n"
	".slack { fill: var(--slack); background: var(--slack); }\n"
	".hole { fill: var(--hole); background: var(--hole); }\n"
	".tail { fill: var(--tail); background: var(--tail); }\n"
	".best { fill: var(--best); background: var(--best); }\n"
	".key { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin: .5rem 0 0;\n"
	"  padding: 0; font-size: .9rem; color: var(--soft); }\n"
	".key b { color: var(--ink); }\n"
	".key i { display: inline-block; width: .75rem; height: .75rem; border-radius: .15rem;\n"
	"  margin-right: .4rem; }\n"
	"table { border-collapse: collapse; width: 100%; margin-top: .6rem; font-size: .92rem; }\n"
	"th, td { text-align: right; padding: .3rem .6rem; border-top: 1px solid var(--line);\n"
	"  font-variant-numeric: tabular-nums; white-space: nowrap; }\n"
	"th { border: 0; color: var(--soft); font-weight: 600; }\n"
	"tr.now td { font-weight: 600; }\n"
	"footer { margin-top: 1.5rem; color: var(--soft); font-size: .85rem; }\n"
	"</style>\n</head>\n<body>\n<main>\n";

static void tile(FILE *to, const char *value, const char *what)
{
	fprintf(to, "<div class=\"tile\"><b>%s</b><span>%s</span></div>\n", value, what);
}

/* The number large, its unit with the words. */
static void cost_tile(FILE *to, uint64_t cycles, const char *what)
{
	struct text cost = cost_text(cycles);
	char *unit = strstr(cost.s, "cycles");
	char words[80];

	snprintf(words, sizeof(words), "cycles %s", what);
	if (unit && unit > cost.s)
		unit[-1] = 0;
	tile(to, cost.s, words);
}

static void tiles(FILE *to, const struct waste_sum *sum, uint64_t rate)
{
	uint64_t saved = sum->image_len > sum->best_len ? sum->image_len - sum->best_len : 0;
	double share = sum->image_len ? (double)waste_sum_len(sum) / (double)sum->image_len : 0;
	char percent[16], waste[80];

	snprintf(percent, sizeof(percent), "%.0f %%", share * 100);
	snprintf(waste, sizeof(waste), "waste: %s", text_size(waste_sum_len(sum)).s);
	fputs("<div class=\"tiles\">\n", to);
	tile(to, text_count(sum->count[WASTE_MANAGED]).s, "managed images");
	tile(to, text_size(sum->image_len).s, "in all");
	tile(to, percent, waste);
	cost_tile(to, cost_of_year(sum->image_len, rate), "a year, for all");
	cost_tile(to, cost_of_year(saved, rate), "a year less, with the best bucket sizes");
	fputs("</div>\n", to);
}

static void others(FILE *to, const struct waste_sum *sum)
{
	fprintf(to, "<p>%s virtual memories.", text_count(sum->memories).s);
	if (sum->count[WASTE_RAW])
		fprintf(to, " Besides, %s of %s, of which nothing says what is waste.",
			text_plural(sum->count[WASTE_RAW], "raw image").s,
			text_size(sum->other_len).s);
	if (sum->count[WASTE_ERROR])
		fprintf(to, " %s could not be read.",
			text_plural(sum->count[WASTE_ERROR], "file").s);
	fputs("</p>\n", to);
}

static void size_row(FILE *to, const char *name, uint64_t len, uint64_t too_small, uint64_t best,
		     const struct waste_sum *sum, uint64_t rate)
{
	bool more = len > sum->image_len;
	uint64_t change = more ? len - sum->image_len : sum->image_len - len;
	const char *sign = change == 0 ? "" : more ? "+" : "&#x2212;";

	fprintf(to,
		"<tr><td>%s</td><td>%s</td><td>%s%s</td><td>%s%s</td><td>%s</td><td>%s</td></tr>\n",
		name, text_size(len).s, sign, text_size(change).s, sign,
		cost_text(cost_of_year(change, rate)).s, too_small ? text_count(too_small).s : "",
		best ? text_count(best).s : "");
}

static void sizes_table(FILE *to, const struct waste_sum *sum, uint64_t rate)
{
	fputs("<table>\n<tr><th>pages in a bucket</th><th>all images</th>"
	      "<th>than now</th><th>a year</th><th>images too large for it</th>"
	      "<th>images best here</th></tr>\n",
	      to);
	for (size_t i = 0; i < ADVICE_SIZES; i++)
		size_row(to, text_count(advice_sizes[i]).s, sum->at[i], sum->too_small[i],
			 sum->best_count[i], sum, rate);
	size_row(to, "each its best", sum->best_len, 0, 0, sum, rate);
	fputs("</table>\n", to);
}

static void section(FILE *to, const char *title, const char *text)
{
	fprintf(to, "<section>\n<h2>%s</h2>\n<p>%s</p>\n", title, text);
}

void waste_html(FILE *to, const struct waste_sum *sum, uint64_t rate)
{
	fputs(head, to);
	fputs("<h1>Stable memory: what these images waste</h1>\n", to);
	others(to, sum);
	tiles(to, sum, rate);
	section(to, "Where the bytes are", "Of all managed images together.");
	chart_parts(to, sum);
	fputs("</section>\n", to);
	section(to, "With other buckets",
		"What all images would be at each number of pages in a bucket. Images that a size "
		"cannot hold stay as they are; &#x201c;best&#x201d; takes for each image the smallest "
		"that leaves room for ten times its data.");
	chart_sizes(to, sum);
	sizes_table(to, sum, rate);
	fputs("</section>\n", to);
	section(to, "How much of an image is waste",
		"Number of images, by the share that is waste.");
	chart_shares(to, sum);
	fputs("</section>\n", to);
	if (sum->worst_count > 0) {
		section(to, "The images that waste most",
			"The whole bar is the image; its waste comes first.");
		chart_worst(to, sum);
		fputs("</section>\n", to);
	}
	fprintf(to,
		"<footer>Made by canisterfs waste. Prices are for storage alone, at %s cycles a GiB "
		"and second.</footer>\n</main>\n</body>\n</html>\n",
		text_count(rate).s);
}
