// SPDX-License-Identifier: MIT
/*
 * The order of a page, its head, and its tables.
 */
#include <inttypes.h>

#include "tools/out/text.h"
#include "tools/report/report.h"

enum { NAME_CHARS = 80, PATH_CHARS = 200 };

static const char *last_part(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len > 0 && path[len - 1] != '/')
		len--;
	return path + len;
}

/* ---- the head ---- */

static void put_path(FILE *to, const struct report *r)
{
	const struct report_image *image = report_last(r);
	static const char *const kinds[] = {
		[MM_EMPTY] = "an empty image",
		[MM_RAW] = "a raw image: it has no manager",
		[MM_MANAGED] = "a managed image",
	};

	fputs("<p><code>", to);
	html_text(to, image->path, PATH_CHARS);
	fprintf(to, "</code>, %s%s.</p>\n", kinds[image->kind],
		r->images > 1 ? ", the last one of several in time" : "");
	if (image->kind == MM_MANAGED && !image->has_sums) {
		fputs("<p class=\"error\">", to);
		html_text(to, image->why.text, SIZE_MAX);
		fputs("</p>\n", to);
	}
}

static void put_findings_tile(FILE *to, const struct report *r)
{
	unsigned defects = r->result.errors + r->result.warnings;

	if (report_last(r)->kind == MM_EMPTY)
		return;
	if (defects > 0)
		html_tile(to, "bad", text_count(defects).s,
			  defects == 1 ? "finding of check" : "findings of check");
	else
		html_tile(to, "good", "clean",
			  r->shallow ? "check, not inside of memories" : "check finds nothing");
}

static void put_sums_tiles(FILE *to, const struct report *r)
{
	const struct waste_row *sums = &report_last(r)->sums;
	struct text cost = cost_text(price_of_year(&r->price, sums->image_len));
	char percent[16], waste[80], buckets[96];
	char *unit = strstr(cost.s, " cycles");

	snprintf(percent, sizeof(percent), "%u %%", html_percent(waste_len(sums), sums->image_len));
	snprintf(waste, sizeof(waste), "waste: %s", text_size(waste_len(sums)).s);
	snprintf(buckets, sizeof(buckets), "%s of %s",
		 r->tiles.st.buckets == 1 ? "bucket" : "buckets",
		 text_plural(sums->bucket_pages, "page").s);
	html_tile(to, "", text_size(sums->data_len).s, "data");
	html_tile(to, "", percent, waste);
	html_tile(to, "", text_count(sums->memories).s,
		  sums->memories == 1 ? "memory" : "memories");
	html_tile(to, "", text_count(r->tiles.st.buckets).s, buckets);
	if (unit)
		*unit = 0;
	html_tile(to, "", cost.s, "cycles a year");
}

static void put_tiles(FILE *to, const struct report *r)
{
	const struct report_image *image = report_last(r);

	html_tiles_begin(to);
	html_tile(to, "", text_size(image->store->len).s, "in all");
	if (image->has_sums)
		put_sums_tiles(to, r);
	put_findings_tile(to, r);
	html_tiles_end(to);
}

static void put_bytes(FILE *to, const struct report *r)
{
	const struct waste_row *sums = &report_last(r)->sums;
	const struct html_part parts[] = {
		{"data", "data", sums->data_len},
		{"slack behind the memories' ends", "slack", sums->slack_len},
		{"holes that nobody owns", "hole", sums->hole_len},
		{"tail behind the last bucket", "tail", sums->tail_len},
		{"page 0", "free", MM_PAGE_LEN},
	};

	if (!report_last(r)->has_sums)
		return;
	html_section(
		to, "Where the bytes are",
		"Data is what the memories have asked for. Slack is in their buckets, too, and "
		"is paid for.");
	html_stack(to, parts, ARRAY_LEN(parts));
	html_section_end(to);
}

/* ---- memories ---- */

static void put_memory_row(FILE *to, const struct report *r, const struct report_memory *m)
{
	if (m->id < 0)
		fputs("<tr><td></td><td class=\"text\">the image", to);
	else
		fprintf(to, "<tr><td><i class=\"c%u\"></i>%d</td><td class=\"text\">",
			r->colour[m->id], m->id);
	html_text(to, m->name ? m->name : "", NAME_CHARS);
	fprintf(to, "</td><td>%s</td><td>%s</td><td>%s</td><td class=\"words\">",
		text_size(m->len).s, text_count(m->buckets).s, text_size(m->slack_len).s);
	html_text(to, m->content.text, 300);
	fputs("</td></tr>\n", to);
}

void report_put_memories(FILE *to, const struct report *r)
{
	if (r->memories == 0)
		return;
	html_section(to, "Memories", "What each of them holds, as far as its bytes prove that.");
	html_broad(to);
	fputs("<table>\n<tr><th>id</th><th class=\"text\">name</th><th>size</th><th>buckets</th>"
	      "<th>slack</th><th class=\"text\">holds</th></tr>\n",
	      to);
	for (size_t i = 0; i < r->memories; i++)
		put_memory_row(to, r, &r->memory[i]);
	fputs("</table>\n", to);
	html_broad_end(to);
	html_section_end(to);
}

/* ---- structures ---- */

static void put_number(FILE *to, bool has, uint64_t n, bool bad)
{
	if (has)
		fprintf(to, "<td class=\"%s\">%s</td>", bad && n > 0 ? "warning" : "",
			text_count(n).s);
	else
		fputs("<td>&#x2013;</td>", to);
}

static void put_structure_row(FILE *to, const struct report *r, const struct report_memory *m)
{
	const struct ss_usage *u = &m->usage;
	bool tree = m->facts.kind == SS_BTREE;
	uint64_t nodes = u->nodes_v1 + u->nodes_v2;
	char filled[32] = "&#x2013;";

	if (tree && nodes > 0)
		snprintf(filled, sizeof(filled), "%" PRIu64 " %%", u->entries * 100 / (nodes * 11));
	fputs("<tr><td class=\"words\">", to);
	report_put_memory(to, r, m->id);
	fprintf(to, "</td><td class=\"text\">%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td>",
		ss_kind_name(m->facts.kind), text_count(u->entries).s,
		text_size(u->key_len + u->value_len).s, text_size(u->held_len).s, filled);
	put_number(to, tree, u->overflow_pages, false);
	put_number(to, tree, u->chunks_free, false);
	put_number(to, tree, u->chunks_leaked, true);
	fputs("</tr>\n", to);
}

void report_put_structures(FILE *to, const struct report *r)
{
	size_t count = 0;

	for (size_t i = 0; i < r->memories; i++)
		count += r->memory[i].measured;
	if (count == 0)
		return;
	html_section(
		to, "Structures",
		"How much of each is keys and values, how full the nodes of a map are, and how "
		"many chunks of it are for overflow, in the free list, or leaked.");
	html_broad(to);
	fputs("<table>\n<tr><th class=\"text\">in</th><th class=\"text\">kind</th><th>entries</th>"
	      "<th>payload</th><th>of held</th><th>nodes full</th><th>overflow</th><th>free</th>"
	      "<th>leaked</th></tr>\n",
	      to);
	for (size_t i = 0; i < r->memories; i++)
		if (r->memory[i].measured)
			put_structure_row(to, r, &r->memory[i]);
	fputs("</table>\n", to);
	html_broad_end(to);
	html_section_end(to);
}

/* ---- findings ---- */

static void put_finding(FILE *to, const struct report *r, const struct mm_finding *f)
{
	static const char *const words[] = {"note", "warning", "error"};
	const char *name = f->mm_id < 0 ? NULL : names_of(r->names, (unsigned)f->mm_id);

	fprintf(to, "<tr><td class=\"text %s\">%s</td><td class=\"text\"><code>%s</code></td>",
		words[f->severity], words[f->severity], f->id);
	fputs("<td class=\"words\">", to);
	html_text(to, f->text, SIZE_MAX);
	if (name) {
		fputs(" (", to);
		html_text(to, name, NAME_CHARS);
		fputs(")", to);
	}
	fprintf(to, "%s</td></tr>\n", f->repairable ? "; can be repaired" : "");
}

void report_put_findings(FILE *to, const struct report *r)
{
	uint64_t all = (uint64_t)r->result.notes + r->result.warnings + r->result.errors;

	if (all == 0 && !r->inside.text[0])
		return;
	html_section(to, "Findings of check",
		     "<code>canisterfs check --repair</code> puts right what can be repaired.");
	html_broad(to);
	fputs("<table class=\"stacked\">\n", to);
	for (size_t i = 0; i < r->findings; i++)
		put_finding(to, r, &r->finding[i]);
	fputs("</table>\n", to);
	html_broad_end(to);
	if (r->inside.text[0]) {
		fputs("<p class=\"error\">Not all was looked at: ", to);
		html_text(to, r->inside.text, SIZE_MAX);
		fputs("</p>\n", to);
	}
	if (all > r->findings)
		fprintf(to, "<p>And %s more.</p>\n", text_count(all - r->findings).s);
	html_section_end(to);
}

static void put_footer(FILE *to, const struct report *r)
{
	char words[256];

	snprintf(words, sizeof(words),
		 "%sThe price is for storage alone, at %s cycles a GiB and second.",
		 r->shallow ? "What is inside of the memories was not looked at. " : "",
		 text_count(r->price.rate).s);
	html_end(to, words);
}

void report_page(FILE *to, const void *report)
{
	const struct report *r = report;

	html_begin(to, last_part(report_last(r)->path));
	html_made_by(to, "report");
	put_path(to, r);
	put_tiles(to, r);
	if (r->images > 1) {
		report_put_times(to, r);
		report_put_heat(to, r);
	}
	put_bytes(to, r);
	report_put_map(to, r);
	report_put_fill(to, r);
	report_put_findings(to, r);
	report_put_memories(to, r);
	report_put_structures(to, r);
	report_put_sizes(to, r);
	put_footer(to, r);
}
