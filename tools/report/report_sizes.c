// SPDX-License-Identifier: MIT
/*
 * What the image would be with other buckets, on a page.
 */
#include "tools/out/text.h"
#include "tools/report/report.h"

enum { ROWS = ADVICE_SIZES + 1 };

struct sizes {
	struct mm_sizing row[ROWS];
	size_t count;
	uint64_t now_len, most;
	uint32_t now_pages, best_pages;
};

static void add(struct sizes *s, struct mm *mm, uint32_t pages)
{
	struct mm_sizing *row = &s->row[s->count++];

	mm_sizing(mm, pages, row);
	if (row->fits)
		s->most = MAX(s->most, row->image_len);
}

/* The sizes that advise goes through, and today's in its place among them. */
static void collect(const struct report *r, struct sizes *s)
{
	const struct report_image *image = report_last(r);
	bool now_added = false;

	s->now_pages = image->sums.bucket_pages;
	s->best_pages = image->sums.best_pages;
	s->now_len = s->most = image->sums.image_len;
	for (size_t i = 0; i < ADVICE_SIZES; i++) {
		if (!now_added && s->now_pages < advice_sizes[i])
			add(s, image->mm, s->now_pages);
		now_added |= s->now_pages <= advice_sizes[i];
		add(s, image->mm, advice_sizes[i]);
	}
	if (!now_added)
		add(s, image->mm, s->now_pages);
}

static const char *word_of(const struct sizes *s, const struct mm_sizing *row)
{
	if (row->bucket_pages == s->best_pages)
		return row->bucket_pages == s->now_pages ? "now, best" : "best";
	return row->bucket_pages == s->now_pages ? "now" : row->fits ? "" : "too small";
}

static void put_bar(FILE *to, const struct sizes *s, const struct mm_sizing *row)
{
	const char *word = word_of(s, row);
	struct text len = text_size(row->image_len);
	char label[64], tip[320], value[64];

	snprintf(label, sizeof(label), "%s%s%s", word, word[0] ? " " : "",
		 text_count(row->bucket_pages).s);
	snprintf(tip, sizeof(tip), "buckets of %s: the image is %s, of it %s slack; cap %s",
		 text_plural(row->bucket_pages, "page").s, len.s, text_size(row->slack_len).s,
		 text_size(row->cap_pages * MM_PAGE_LEN).s);
	snprintf(value, sizeof(value), "%s", row->fits ? len.s : "too small");
	html_bar(to,
		 &(struct html_bar){
			 .label = label,
			 .value = value,
			 .tip = tip,
			 .parts = {{NULL, "data", row->fits ? row->image_len - row->slack_len : 0},
				   {NULL, "slack", row->fits ? row->slack_len : 0}},
			 .most = s->most,
			 .mark = s->now_len,
			 .class = row->bucket_pages == s->best_pages  ? "best"
				  : row->bucket_pages == s->now_pages ? "now"
								      : "",
		 });
}

static void put_row(FILE *to, const struct report *r, const struct sizes *s,
		    const struct mm_sizing *row)
{
	bool more = row->image_len > s->now_len;
	uint64_t change = more ? row->image_len - s->now_len : s->now_len - row->image_len;
	const char *sign = change == 0 ? "" : more ? "+" : "&#x2212;";

	fprintf(to, "<tr class=\"%s\"><td>%s</td><td class=\"text\">%s</td><td>%s</td>",
		row->bucket_pages == s->best_pages || row->bucket_pages == s->now_pages ? "now"
											: "",
		text_count(row->bucket_pages).s, word_of(s, row), text_size(row->image_len).s);
	fprintf(to, "<td>%s%s</td><td>%s</td><td class=\"more\">%s</td></tr>\n", sign,
		text_size(change).s, text_size(row->cap_pages * MM_PAGE_LEN).s,
		cost_text(price_of_year(&r->price, row->image_len)).s);
}

void report_put_sizes(FILE *to, const struct report *r)
{
	struct sizes s = {.count = 0};

	if (!report_last(r)->has_sums)
		return;
	collect(r, &s);
	html_section(
		to, "With other buckets",
		"What the image would be at each number of pages in a bucket, and how much all "
		"memories could hold then. The line is today's length. "
		"&#x201c;best&#x201d; is the smallest that leaves room for ten times the data.");
	html_bars(to, false);
	for (size_t i = 0; i < s.count; i++)
		put_bar(to, &s, &s.row[i]);
	html_bars_end(to);
	html_broad(to);
	fputs("<table>\n<tr><th>pages</th><th></th><th>image</th><th>than now</th><th>cap</th>"
	      "<th class=\"more\">a year</th></tr>\n",
	      to);
	for (size_t i = 0; i < s.count; i++)
		put_row(to, r, &s, &s.row[i]);
	fputs("</table>\n", to);
	html_broad_end(to);
	html_section_end(to);
}
