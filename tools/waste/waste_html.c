// SPDX-License-Identifier: MIT
/*
 * The page of a fleet. Its frame and its bars are those of tools/html.
 */
#include <inttypes.h>

#include "tools/html/html.h"
#include "tools/out/text.h"
#include "tools/waste/waste_sum.h"

enum { PATHS_SHOWN = 50, PATH_CHARS = 120 };

/* ---- the head ---- */

static void put_paths(FILE *to, const struct waste_page *page)
{
	size_t count = 0;

	fputs(page->merged ? "<p>From the lines in " : "<p>Under ", to);
	for (; page->paths[count]; count++) {
		if (count >= PATHS_SHOWN)
			continue;
		fputs(count ? ", <code>" : "<code>", to);
		html_text(to, page->paths[count], PATH_CHARS);
		fputs("</code>", to);
	}
	if (count > PATHS_SHOWN)
		fprintf(to, " and %s more", text_count(count - PATHS_SHOWN).s);
	fputs(".</p>\n", to);
}

static void put_others(FILE *to, const struct waste_sum *sum)
{
	fprintf(to, "<p>%s virtual %s.", text_count(sum->memories).s,
		sum->memories == 1 ? "memory" : "memories");
	if (sum->count[WASTE_RAW])
		fprintf(to, " Besides, %s of %s, of which nothing says what is waste.",
			text_plural(sum->count[WASTE_RAW], "raw image").s,
			text_size(sum->other_len).s);
	if (sum->count[WASTE_EMPTY])
		fprintf(to, " Besides, %s.", text_plural(sum->count[WASTE_EMPTY], "empty file").s);
	if (sum->count[WASTE_LINK])
		fprintf(to, " %s to what is counted already.",
			text_plural(sum->count[WASTE_LINK], "hard link").s);
	fputs("</p>\n", to);
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
	html_tile(to, "", cost.s, words);
}

static void put_tiles(FILE *to, const struct waste_sum *sum, const struct price *price)
{
	uint64_t saved = sum->image_len > sum->best_len ? sum->image_len - sum->best_len : 0;
	uint64_t left_out = waste_sum_left_out(sum);
	char percent[16], waste[80];

	snprintf(percent, sizeof(percent), "%u %%",
		 html_percent(waste_sum_len(sum), sum->image_len));
	snprintf(waste, sizeof(waste), "waste: %s", text_size(waste_sum_len(sum)).s);
	html_tiles_begin(to);
	html_tile(to, "", text_count(sum->count[WASTE_MANAGED]).s,
		  sum->count[WASTE_MANAGED] == 1 ? "managed image" : "managed images");
	html_tile(to, "", text_size(sum->image_len).s, "in all");
	html_tile(to, "", percent, waste);
	cost_tile(to, price_of_year(price, sum->image_len), "a year, for all");
	cost_tile(to, price_of_year(price, saved), "a year less, with the best bucket sizes");
	if (left_out > 0)
		html_tile(to, "bad", text_count(left_out).s, "files left out of all sums");
	html_tiles_end(to);
}

/* ---- where the bytes are ---- */

static void put_bytes(FILE *to, const struct waste_sum *sum)
{
	const struct html_part parts[] = {
		{"data", "data", sum->data_len},
		{"slack behind the memories' ends", "slack", sum->slack_len},
		{"holes that nobody owns", "hole", sum->hole_len},
		{"tail behind the last bucket", "tail", sum->tail_len},
		{"page 0 of each", "free", sum->count[WASTE_MANAGED] * MM_PAGE_LEN},
	};

	html_section(to, "Where the bytes are", "Of all managed images together.");
	html_stack(to, parts, ARRAY_LEN(parts));
	html_section_end(to);
}

/* ---- other buckets ---- */

static uint64_t most_of(const struct waste_sum *sum)
{
	uint64_t most = MAX(sum->image_len, sum->best_len);

	for (size_t i = 0; i < ADVICE_SIZES; i++)
		most = MAX(most, sum->at[i]);
	return most;
}

static void size_bar(FILE *to, const struct waste_sum *sum, const char *label, uint64_t len,
		     const char *class)
{
	struct text value = text_size(len);
	const struct html_bar bar = {
		.label = label,
		.value = value.s,
		.tip = class[0] ? "each image at the size that is best for it"
				: "pages in a bucket",
		.parts = {{NULL,
			   class[0]               ? "best"
			   : len > sum->image_len ? "slack"
						  : "data",
			   len}},
		.most = most_of(sum),
		.mark = sum->image_len,
		.class = class,
	};

	html_bar(to, &bar);
}

static void size_row(FILE *to, const struct waste_page *page, const char *name, uint64_t len,
		     uint64_t too_small, uint64_t best)
{
	const struct waste_sum *sum = page->sum;
	bool more = len > sum->image_len;
	uint64_t change = more ? len - sum->image_len : sum->image_len - len;
	const char *sign = change == 0 ? "" : more ? "+" : "&#x2212;";

	fprintf(to,
		"<tr><td>%s</td><td>%s</td><td>%s%s</td><td>%s%s</td><td>%s</td><td>%s</td></tr>\n",
		name, text_size(len).s, sign, text_size(change).s, page->price.rate ? sign : "",
		cost_text(price_of_year(&page->price, change)).s,
		too_small ? text_count(too_small).s : "", best ? text_count(best).s : "");
}

static void put_sizes(FILE *to, const struct waste_page *page)
{
	const struct waste_sum *sum = page->sum;

	html_section(
		to, "With other buckets",
		"What all images would be at each number of pages in a bucket; the line is what "
		"they are now. Images that a size cannot hold stay as they are. &#x201c;best&#x201d; "
		"takes for each image the smallest that leaves room for ten times its data.");
	html_bars(to, false);
	for (size_t i = 0; i < ADVICE_SIZES; i++)
		size_bar(to, sum, text_count(advice_sizes[i]).s, sum->at[i], "");
	size_bar(to, sum, "best", sum->best_len, "best");
	html_bars_end(to);
	html_broad(to);
	fputs("<table>\n<tr><th>pages in a bucket</th><th>all images</th><th>than now</th>"
	      "<th>a year</th><th>too large for it</th><th>best here</th></tr>\n",
	      to);
	for (size_t i = 0; i < ADVICE_SIZES; i++)
		size_row(to, page, text_count(advice_sizes[i]).s, sum->at[i], sum->too_small[i],
			 sum->best_count[i]);
	size_row(to, page, "each its best", sum->best_len, 0, 0);
	fputs("</table>\n", to);
	html_broad_end(to);
	html_section_end(to);
}

/* ---- shares, the worst, memories ---- */

static void put_shares(FILE *to, const struct waste_sum *sum)
{
	uint64_t most = 1;

	for (unsigned i = 0; i < WASTE_BINS; i++)
		most = MAX(most, sum->bin_count[i]);
	html_section(to, "How much of an image is waste",
		     "Number of images, by the share of them that is waste.");
	html_bars(to, false);
	for (unsigned i = 0; i < WASTE_BINS; i++) {
		struct text value = text_count(sum->bin_count[i]);
		unsigned from = i * 100 / WASTE_BINS;
		struct html_bar bar = {.value = value.s, .most = most, .class = ""};
		char label[32], tip[128];

		snprintf(label, sizeof(label), "%u\xe2\x80\x93%u %%", from,
			 from + 100 / WASTE_BINS);
		snprintf(tip, sizeof(tip), "%s, %s wasted",
			 text_plural(sum->bin_count[i], "image").s, text_size(sum->bin_len[i]).s);
		bar.label = label;
		bar.tip = tip;
		bar.parts[0] =
			(struct html_part){NULL, from >= 50 ? "slack" : "data", sum->bin_count[i]};
		html_bar(to, &bar);
	}
	html_bars_end(to);
	html_section_end(to);
}

static void put_worst(FILE *to, const struct waste_sum *sum)
{
	uint64_t most = 1;

	for (size_t i = 0; i < sum->worst_count; i++)
		most = MAX(most, sum->worst[i].image_len);
	html_section(to, "The images that waste most",
		     "The whole bar is the image; its waste comes first.");
	html_bars(to, true);
	for (size_t i = 0; i < sum->worst_count; i++) {
		const struct waste_row *row = &sum->worst[i];
		struct text value = text_size(waste_len(row));
		char tip[192];

		snprintf(tip, sizeof(tip), "%s, of it %s waste; buckets of %s",
			 text_size(row->image_len).s, value.s,
			 text_plural(row->bucket_pages, "page").s);
		html_bar(to, &(struct html_bar){
				     .label = row->path,
				     .value = value.s,
				     .tip = tip,
				     .parts = {{NULL, "slack", waste_len(row)},
					       {NULL, "data", row->image_len - waste_len(row)}},
				     .most = most,
				     .class = "",
			     });
	}
	html_bars_end(to);
	html_section_end(to);
}

static void put_memories(FILE *to, const struct waste_sum *sum)
{
	html_section(to, "Memories by id", "What each id has in all images together.");
	html_broad(to);
	fputs("<table>\n<tr><th>id</th><th>images</th><th>data</th><th>slack</th>"
	      "<th>share</th></tr>\n",
	      to);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		uint64_t data = sum->by_id[id].data_len, slack = sum->by_id[id].slack_len;

		if (sum->by_id[id].images > 0)
			fprintf(to,
				"<tr><td>%u</td><td>%s</td><td>%s</td><td>%s</td><td>%u %%</td></tr>\n",
				id, text_count(sum->by_id[id].images).s, text_size(data).s,
				text_size(slack).s, html_percent(slack, data + slack));
	}
	fputs("</table>\n", to);
	html_broad_end(to);
	html_section_end(to);
}

/* ---- what is left out ---- */

static void left_out_row(FILE *to, enum waste_kind kind, const struct waste_left_out *file)
{
	fprintf(to, "<tr><td class=\"text %s\">%s</td><td class=\"words path\">",
		kind == WASTE_OTHER ? "note" : "error", waste_kind_problem(kind));
	html_text(to, file->path ? file->path : "?", PATH_CHARS);
	fputs("</td><td class=\"words\">", to);
	html_text(to, file->why ? file->why : "?", SIZE_MAX);
	fputs("</td></tr>\n", to);
}

static void put_left_out(FILE *to, const struct waste_sum *sum)
{
	html_section(to, "Left out",
		     "These files are in none of the sums. What is foreign is no image.");
	html_broad(to);
	fputs("<table class=\"stacked\">\n", to);
	for (enum waste_kind kind = WASTE_KINDS; kind-- > WASTE_OTHER;) {
		uint64_t shown = MIN(sum->count[kind], (uint64_t)WASTE_NAMED);

		for (uint64_t i = 0; i < shown; i++)
			left_out_row(to, kind, &sum->named[kind][i]);
		if (sum->count[kind] > shown)
			fprintf(to,
				"<tr><td class=\"text\">%s</td><td class=\"words\" "
				"colspan=\"2\">and %s more</td></tr>\n",
				waste_kind_problem(kind), text_count(sum->count[kind] - shown).s);
	}
	fputs("</table>\n", to);
	html_broad_end(to);
	html_section_end(to);
}

static void put_footer(FILE *to, const struct price *price)
{
	char words[256];

	if (price->rate == 0)
		snprintf(words, sizeof(words), "At this price storage is free.");
	else
		snprintf(words, sizeof(words),
			 "Prices are for storage alone, at %s cycles a GiB and second%s%s%s.",
			 text_count(price->rate).s,
			 price->snapshots ? ", for each canister and " : "",
			 price->snapshots ? text_plural(price->snapshots, "snapshot").s : "",
			 price->snapshots ? " of it" : "");
	html_end(to, words);
}

void waste_html(FILE *to, const void *ctx)
{
	const struct waste_page *page = ctx;
	const struct waste_sum *sum = page->sum;

	html_begin(to, "Stable memory: what these images waste");
	html_made_by(to, "waste");
	put_paths(to, page);
	put_others(to, sum);
	put_tiles(to, sum, &page->price);
	if (waste_sum_left_out(sum) > 0)
		put_left_out(to, sum);
	put_bytes(to, sum);
	put_sizes(to, page);
	put_shares(to, sum);
	if (sum->worst_count > 0)
		put_worst(to, sum);
	if (sum->memories > 0)
		put_memories(to, sum);
	put_footer(to, &page->price);
}
