// SPDX-License-Identifier: MIT
/*
 * What images waste, for people to read.
 */
#include <inttypes.h>

#include "tools/out/text.h"
#include "tools/waste/waste_sum.h"

enum { BAR_LEN = 30 };

static unsigned percent(uint64_t part, uint64_t whole)
{
	return whole ? (unsigned)(((unsigned __int128)part * 100 + whole / 2) / whole) : 0;
}

void waste_text_head(FILE *to)
{
	fprintf(to, "%10s %10s %10s %6s %7s  %s\n", "image", "data", "waste", "share", "pages",
		"path");
}

static const char *kind_word(enum waste_kind kind)
{
	if (kind == WASTE_RAW)
		return "raw";
	if (kind == WASTE_EMPTY)
		return "empty";
	return kind == WASTE_LINK ? "link" : waste_kind_problem(kind);
}

void waste_text_row(FILE *to, const struct waste_row *row)
{
	if (row->kind == WASTE_MANAGED)
		fprintf(to, "%10s %10s %10s %5u%% %7" PRIu32 "  ", text_size(row->image_len).s,
			text_size(row->data_len).s, text_size(waste_len(row)).s,
			percent(waste_len(row), row->image_len), row->bucket_pages);
	else if (row->kind == WASTE_ERROR)
		return;
	else
		fprintf(to, "%10s %10s %10s %6s %7s  ", text_size(row->image_len).s, "-", "-", "-",
			kind_word(row->kind));
	text_put(to, row->path);
	putc('\n', to);
}

/* What stands beside the managed images, and what no sum has in it. */
static void print_others(FILE *to, const struct waste_sum *sum)
{
	if (sum->count[WASTE_RAW])
		fprintf(to, "%s besides: %s\n", text_plural(sum->count[WASTE_RAW], "raw image").s,
			text_size(sum->other_len).s);
	if (sum->count[WASTE_EMPTY])
		fprintf(to, "%s besides\n", text_plural(sum->count[WASTE_EMPTY], "empty file").s);
	if (sum->count[WASTE_LINK])
		fprintf(to, "%s to what is counted already: %s\n",
			text_plural(sum->count[WASTE_LINK], "hard link").s,
			text_size(sum->link_len).s);
	if (waste_sum_left_out(sum) == 0)
		return;
	fprintf(to, "left out of all sums: %s cut, %s damaged, %s foreign, %s unreadable\n",
		text_count(sum->count[WASTE_CUT]).s, text_count(sum->count[WASTE_DAMAGED]).s,
		text_count(sum->count[WASTE_OTHER]).s, text_count(sum->count[WASTE_ERROR]).s);
}

static void print_total(FILE *to, const struct waste_sum *sum, const struct price *price)
{
	const struct {
		const char *what;
		uint64_t len;
	} parts[] = {
		{"data", sum->data_len},
		{"slack, behind the memories' ends", sum->slack_len},
		{"holes, that nobody owns", sum->hole_len},
		{"tail, behind the last bucket", sum->tail_len},
		{"page 0 of each", sum->count[WASTE_MANAGED] * MM_PAGE_LEN},
	};

	fprintf(to, "%s with %s %s: %s, %s a year\n",
		text_plural(sum->count[WASTE_MANAGED], "managed image").s,
		text_count(sum->memories).s, sum->memories == 1 ? "memory" : "memories",
		text_size(sum->image_len).s, cost_text(price_of_year(price, sum->image_len)).s);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		fprintf(to, "  %10s %3u%%  %s\n", text_size(parts[i].len).s,
			percent(parts[i].len, sum->image_len), parts[i].what);
	if (price->rate == 0)
		fputs("storage is free at this price\n", to);
	else if (price->snapshots > 0)
		fprintf(to, "with %s of each, which are billed like memory\n",
			text_plural(price->snapshots, "snapshot").s);
	print_others(to, sum);
}

static void print_histogram(FILE *to, const struct waste_sum *sum)
{
	uint64_t most = 1;

	for (unsigned i = 0; i < WASTE_BINS; i++)
		most = MAX(most, sum->bin_count[i]);
	fputs("\nHow much of an image is waste\n", to);
	for (unsigned i = 0; i < WASTE_BINS; i++) {
		int bar = (int)div_up(sum->bin_count[i] * BAR_LEN, most);

		fprintf(to, "  %3u-%3u%%  %9s  %-*.*s  %s\n", i * 10, i * 10 + 10,
			text_count(sum->bin_count[i]).s, BAR_LEN, bar,
			"##############################", text_size(sum->bin_len[i]).s);
	}
}

static void print_worst(FILE *to, const struct waste_sum *sum)
{
	fputs("\nThe images that waste most\n", to);
	for (size_t i = 0; i < sum->worst_count; i++) {
		fprintf(to, "  %10s %3u%%  ", text_size(waste_len(&sum->worst[i])).s,
			percent(waste_len(&sum->worst[i]), sum->worst[i].image_len));
		text_put(to, sum->worst[i].path);
		putc('\n', to);
	}
}

/* What each id has in all images. */
static void print_memories(FILE *to, const struct waste_sum *sum)
{
	fprintf(to, "\nMemories by id\n  %4s %9s %10s %10s %6s\n", "id", "images", "data", "slack",
		"share");
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		uint64_t data = sum->by_id[id].data_len, slack = sum->by_id[id].slack_len;

		if (sum->by_id[id].images > 0)
			fprintf(to, "  %4u %9s %10s %10s %5u%%\n", id,
				text_count(sum->by_id[id].images).s, text_size(data).s,
				text_size(slack).s, percent(slack, data + slack));
	}
}

/* What all images would be, and how much more or less than now. */
static void print_size(FILE *to, const char *pages, uint64_t len, uint64_t too_small,
		       const struct waste_sum *sum, const struct price *price)
{
	bool more = len > sum->image_len;
	uint64_t change = more ? len - sum->image_len : sum->image_len - len;
	const char *sign = change == 0 ? "" : more ? "+" : "-";
	char than_now[64], cost[64];

	snprintf(than_now, sizeof(than_now), "%s%s", sign, text_size(change).s);
	snprintf(cost, sizeof(cost), "%s%s", price->rate ? sign : "",
		 cost_text(price_of_year(price, change)).s);
	fprintf(to, "  %5s %10s %11s %17s", pages, text_size(len).s, than_now, cost);
	if (too_small)
		fprintf(to, "  %s too large for it", text_plural(too_small, "image").s);
	putc('\n', to);
}

void waste_text_sum(FILE *to, const struct waste_sum *sum, const struct price *price)
{
	print_total(to, sum, price);
	if (sum->count[WASTE_MANAGED] == 0)
		return;
	print_histogram(to, sum);
	if (sum->worst_count > 0)
		print_worst(to, sum);
	if (sum->memories > 0)
		print_memories(to, sum);
	fprintf(to, "\nWith other buckets\n  %5s %10s %11s %17s\n", "pages", "all", "than now",
		"a year");
	for (size_t i = 0; i < ADVICE_SIZES; i++)
		print_size(to, text_count(advice_sizes[i]).s, sum->at[i], sum->too_small[i], sum,
			   price);
	print_size(to, "best", sum->best_len, 0, sum, price);
	fputs("\n'best' is for each image the size that 'canisterfs advise' gives.\n", to);
}
