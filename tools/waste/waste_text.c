// SPDX-License-Identifier: MIT
/*
 * What images waste, for people to read and as the line of JSON that ends the lines of images.
 */
#include <inttypes.h>

#include "tools/facts/cost.h"
#include "tools/out/fields.h"
#include "tools/waste/waste_sum.h"

enum { BAR_LEN = 30 };

static unsigned percent(uint64_t part, uint64_t whole)
{
	return whole ? (unsigned)(((unsigned __int128)part * 100 + whole / 2) / whole) : 0;
}

void waste_text_head(FILE *to)
{
	fprintf(to, "%10s %10s %10s %6s %6s  %s\n", "image", "data", "waste", "share", "pages",
		"path");
}

void waste_text_row(FILE *to, const struct waste_row *row)
{
	if (row->kind == WASTE_MANAGED)
		fprintf(to, "%10s %10s %10s %5u%% %6" PRIu32 "  ", text_size(row->image_len).s,
			text_size(row->data_len).s, text_size(waste_len(row)).s,
			percent(waste_len(row), row->image_len), row->bucket_pages);
	else if (row->kind == WASTE_RAW || row->kind == WASTE_EMPTY)
		fprintf(to, "%10s %10s %10s %6s %6s  ", text_size(row->image_len).s, "-", "-", "-",
			row->kind == WASTE_RAW ? "raw" : "empty");
	else
		return;
	text_put(to, row->path);
	putc('\n', to);
}

static void print_total(FILE *to, const struct waste_sum *sum, uint64_t rate)
{
	const struct {
		const char *what;
		uint64_t len;
	} parts[] = {
		{"data", sum->data_len},
		{"slack, behind the memories' ends", sum->slack_len},
		{"holes, that nobody owns", sum->hole_len},
		{"tail, behind the last bucket", sum->tail_len},
	};
	uint64_t n = sum->count[WASTE_MANAGED];

	fprintf(to, "%s with %s memories: %s, %s a year\n", text_plural(n, "managed image").s,
		text_count(sum->memories).s, text_size(sum->image_len).s,
		cost_text(cost_of_year(sum->image_len, rate)).s);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		fprintf(to, "  %10s %3u%%  %s\n", text_size(parts[i].len).s,
			percent(parts[i].len, sum->image_len), parts[i].what);
	if (sum->count[WASTE_RAW])
		fprintf(to, "%s besides: %s\n", text_plural(sum->count[WASTE_RAW], "raw image").s,
			text_size(sum->other_len).s);
	if (sum->count[WASTE_EMPTY])
		fprintf(to, "%s besides\n", text_plural(sum->count[WASTE_EMPTY], "empty file").s);
	if (sum->count[WASTE_OTHER])
		fprintf(to, "%s that are no images\n",
			text_plural(sum->count[WASTE_OTHER], "file").s);
	if (sum->count[WASTE_ERROR])
		fprintf(to, "%s could not be read\n",
			text_plural(sum->count[WASTE_ERROR], "file").s);
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

/* What all images would be, and what that saves: less than nothing where it is more. */
static void print_size(FILE *to, const char *pages, uint64_t len, uint64_t too_small,
		       const struct waste_sum *sum, uint64_t rate)
{
	bool more = len > sum->image_len;
	uint64_t change = more ? len - sum->image_len : sum->image_len - len;

	fprintf(to, "  %5s  %10s  %s%-10s  %s%s", pages, text_size(len).s, more ? "+" : "-",
		text_size(change).s, more ? "+" : "-", cost_text(cost_of_year(change, rate)).s);
	if (too_small)
		fprintf(to, "  %s too large for it", text_plural(too_small, "image").s);
	putc('\n', to);
}

void waste_text_sum(FILE *to, const struct waste_sum *sum, uint64_t rate)
{
	print_total(to, sum, rate);
	if (sum->count[WASTE_MANAGED] == 0)
		return;
	print_histogram(to, sum);
	if (sum->worst_count > 0)
		print_worst(to, sum);
	fputs("\nWith other buckets\n  pages         all  than now     a year\n", to);
	for (size_t i = 0; i < ADVICE_SIZES; i++)
		print_size(to, text_count(advice_sizes[i]).s, sum->at[i], sum->too_small[i], sum,
			   rate);
	print_size(to, "best", sum->best_len, 0, sum, rate);
	fputs("\n'best' is for each image the size that 'canisterfs advise' gives.\n", to);
}

/* ---- JSON ---- */

static json_t *size_to_json(struct json *doc, uint64_t len, const struct waste_sum *sum,
			    uint64_t rate)
{
	json_t *o = json_object();
	int64_t saved = (int64_t)(sum->image_len - len);
	int64_t cycles =
		(int64_t)cost_of_year(saved < 0 ? -(uint64_t)saved : (uint64_t)saved, rate);

	json_put(doc, o, "image_bytes", json_u64(len));
	json_put(doc, o, "saved_bytes", json_integer(saved));
	json_put(doc, o, "saved_cycles_per_year", json_integer(saved < 0 ? -cycles : cycles));
	return o;
}

static json_t *sizes_to_json(struct json *doc, const struct waste_sum *sum, uint64_t rate)
{
	json_t *array = json_array();

	for (size_t i = 0; i < ADVICE_SIZES; i++) {
		json_t *o = size_to_json(doc, sum->at[i], sum, rate);

		json_put(doc, o, "bucket_pages", json_integer(advice_sizes[i]));
		json_put(doc, o, "images_too_large", json_u64(sum->too_small[i]));
		json_put(doc, o, "images_best_here", json_u64(sum->best_count[i]));
		json_add(doc, array, o);
	}
	return array;
}

static json_t *bins_to_json(struct json *doc, const struct waste_sum *sum)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < WASTE_BINS; i++) {
		json_t *o = json_object();

		json_put(doc, o, "from_percent", json_integer(i * 100 / WASTE_BINS));
		json_put(doc, o, "images", json_u64(sum->bin_count[i]));
		json_put(doc, o, "waste_bytes", json_u64(sum->bin_len[i]));
		json_add(doc, array, o);
	}
	return array;
}

static json_t *worst_to_json(struct json *doc, const struct waste_sum *sum)
{
	json_t *array = json_array();

	for (size_t i = 0; i < sum->worst_count; i++) {
		json_t *o = json_object();

		json_put(doc, o, "path", json_any(sum->worst[i].path));
		json_put(doc, o, "waste_bytes", json_u64(waste_len(&sum->worst[i])));
		json_put(doc, o, "image_bytes", json_u64(sum->worst[i].image_len));
		json_add(doc, array, o);
	}
	return array;
}

char *waste_sum_to_json(const struct waste_sum *sum, uint64_t rate)
{
	const struct {
		const char *key;
		uint64_t n;
	} numbers[] = {
		{"managed", sum->count[WASTE_MANAGED]},
		{"raw", sum->count[WASTE_RAW]},
		{"empty", sum->count[WASTE_EMPTY]},
		{"other_files", sum->count[WASTE_OTHER]},
		{"unreadable", sum->count[WASTE_ERROR]},
		{"memories", sum->memories},
		{"image_bytes", sum->image_len},
		{"data_bytes", sum->data_len},
		{"waste_bytes", waste_sum_len(sum)},
		{"slack_bytes", sum->slack_len},
		{"hole_bytes", sum->hole_len},
		{"tail_bytes", sum->tail_len},
		{"raw_bytes", sum->other_len},
		{"rate", rate},
		{"cycles_per_year", cost_of_year(sum->image_len, rate)},
	};
	struct json doc = json_begin();
	json_t *o = json_object();
	char *text;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		json_put(&doc, o, numbers[i].key, json_u64(numbers[i].n));
	json_put(&doc, o, "histogram", bins_to_json(&doc, sum));
	json_put(&doc, o, "worst", worst_to_json(&doc, sum));
	json_put(&doc, o, "sizes", sizes_to_json(&doc, sum, rate));
	json_put(&doc, o, "best", size_to_json(&doc, sum->best_len, sum, rate));
	json_put(&doc, doc.root, "summary", o);
	text = doc.failed ? NULL : json_dumps(doc.root, JSON_COMPACT);
	json_decref(doc.root);
	return text;
}
