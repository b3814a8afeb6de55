// SPDX-License-Identifier: MIT
/*
 * Several images in time, on a page: their sizes, how much changed from each to the next, and where
 * in each memory.
 */
#include <inttypes.h>

#include "tools/out/text.h"
#include "tools/report/report.h"

enum {
	PATH_CHARS = 80,
	HEAT_SHOWN = 40, /* memories with a heat map: those that changed most */
	STEPS_SHOWN = 8, /* columns of the table: the last ones */
	COLUMNS = 64,    /* of a heat map */
	LEVELS = 5,
	RAW_ROW = 255,
};

static uint64_t changed_in(const struct report *r, size_t step, unsigned *memories)
{
	uint64_t sum = 0;

	*memories = 0;
	for (unsigned row = 0; row < REPORT_ROWS; row++) {
		sum += r->change[row].step[step];
		*memories += r->change[row].step[step] > 0;
	}
	return sum;
}

/* ---- the images ---- */

static void put_time_bar(FILE *to, const struct report *r, size_t i, uint64_t most)
{
	const struct report_image *image = &r->image[i];
	uint64_t waste = image->has_sums ? waste_len(&image->sums) : 0;
	struct text value = text_size(image->store->len);
	char tip[200];

	snprintf(tip, sizeof(tip), "%s, of it %s waste", value.s, text_size(waste).s);
	html_bar(to, &(struct html_bar){
			     .label = image->path,
			     .value = value.s,
			     .tip = tip,
			     .parts = {{NULL, "data", image->store->len - waste},
				       {NULL, "slack", waste}},
			     .most = most,
			     .class = "",
		     });
}

static void put_step(FILE *to, const struct report *r, size_t i)
{
	unsigned memories;
	uint64_t changed = changed_in(r, i, &memories);

	fprintf(to, "<tr><td>%zu</td><td class=\"words path\">", i + 2);
	html_text(to, r->image[i + 1].path, PATH_CHARS);
	if (!r->compared[i])
		fputs("</td><td colspan=\"3\">not of the kind of the one before</td></tr>\n", to);
	else
		fprintf(to, "</td><td>%s</td><td class=\"more\">%s</td><td>%u</td></tr>\n",
			text_count(changed).s, text_size(changed * REPORT_UNIT_LEN).s, memories);
}

void report_put_times(FILE *to, const struct report *r)
{
	uint64_t most = 1;

	for (size_t i = 0; i < r->images; i++)
		most = MAX(most, r->image[i].store->len);
	html_section(
		to, "In time",
		"The images in the order in which they were named; the waste of each is at the "
		"end of its bar. The table tells what changed from the one before.");
	html_bars(to, true);
	for (size_t i = 0; i < r->images; i++)
		put_time_bar(to, r, i, most);
	html_bars_end(to);
	html_broad(to);
	fputs("<table>\n<tr><th></th><th class=\"text\">to</th>"
	      "<th>4 KiB pages</th><th class=\"more\">bytes</th><th>memories</th></tr>\n",
	      to);
	for (size_t i = 0; i + 1 < r->images; i++)
		put_step(to, r, i);
	fputs("</table>\n", to);
	html_broad_end(to);
	html_section_end(to);
}

/* ---- what changed in each memory ---- */

/* The rows with the most changes first; of equal ones the lower id. */
static size_t rank(const struct report *r, unsigned *order)
{
	size_t n = 0;

	for (unsigned row = 0; row < REPORT_ROWS; row++) {
		size_t at = n;

		if (r->change[row].total == 0)
			continue;
		for (; at > 0 && r->change[order[at - 1]].total < r->change[row].total; at--)
			order[at] = order[at - 1];
		order[at] = row;
		n++;
	}
	return n;
}

static int id_of(unsigned row)
{
	return row == RAW_ROW ? -1 : (int)row;
}

/* How much of it changed, all steps together: 0 nothing, LEVELS nearly all each time. */
static unsigned level_of(uint64_t changed, uint64_t of)
{
	static const double least[LEVELS] = {0, 0.05, 0.2, 0.45, 0.75};
	unsigned level = LEVELS;

	if (changed == 0 || of == 0)
		return 0;
	while (level > 1 && (double)changed / (double)of <= least[level - 1])
		level--;
	return level;
}

static uint64_t steps_compared(const struct report *r)
{
	uint64_t n = 0;

	for (size_t i = 0; i + 1 < r->images; i++)
		n += r->compared[i];
	return n;
}

/* A run of equal cells in one line, from `first` on. */
static uint32_t put_run(FILE *to, const struct report_change *c, uint32_t first, uint64_t steps)
{
	unsigned level = level_of(c->heat[first], c->cell_units * steps);
	uint64_t changed = c->heat[first], begin = first * c->cell_units;
	uint32_t end = first + 1;
	uint64_t units;

	for (; end < c->cells && end % COLUMNS != 0 && c->heat[end] == c->heat[first]; end++)
		changed += c->heat[end];
	units = MIN(end * c->cell_units, c->units) - begin;
	fprintf(to,
		"<rect class=\"h%u\" x=\"%u\" y=\"%u\" width=\"%.1f\" height=\"13\"><title>"
		"4 KiB pages %" PRIu64 " to %" PRIu64 ": ",
		level, first % COLUMNS * 10, first / COLUMNS * 14, (end - first) * 10 - 0.6, begin,
		begin + units - 1);
	if (changed == 0)
		fputs("never changed", to);
	else
		fprintf(to, "%s in %s", text_plural(changed, "change").s,
			text_plural(steps, "step").s);
	fputs("</title></rect>\n", to);
	return end;
}

static void put_heat_map(FILE *to, const struct report *r, unsigned row, uint64_t steps)
{
	const struct report_change *c = &r->change[row];
	uint64_t lines = div_up(c->cells, COLUMNS);

	fputs("<h3>", to);
	report_put_memory(to, r, id_of(row));
	fprintf(to, "</h3>\n<p>%s in %s of 4 KiB</p>\n", text_plural(c->total, "change").s,
		text_plural(c->units, "page").s);
	fprintf(to,
		"<svg class=\"heat\" viewBox=\"0 0 640 %" PRIu64
		"\" role=\"img\" aria-label=\"pages that changed\">\n",
		lines * 14);
	for (uint32_t n = 0; n < c->cells;)
		n = put_run(to, c, n, steps);
	fputs("</svg>\n", to);
}

static void put_step_cells(FILE *to, const struct report *r, unsigned row, size_t first_step)
{
	const struct report_change *c = &r->change[row];

	fputs("<tr><td class=\"words\">", to);
	report_put_memory(to, r, id_of(row));
	fprintf(to, "</td><td>%s</td>", text_count(c->units).s);
	for (size_t i = first_step; i + 1 < r->images; i++) {
		uint64_t of = MAX(c->before[i], c->before[i + 1]);

		fprintf(to, "<td><i class=\"h%u\"></i>%s</td>", level_of(c->step[i], of),
			text_count(c->step[i]).s);
	}
	fprintf(to, "<td class=\"more\">%s</td></tr>\n", text_count(c->total).s);
}

static void put_table(FILE *to, const struct report *r, const unsigned *order, size_t count)
{
	size_t steps = r->images - 1;
	size_t first = steps > STEPS_SHOWN ? steps - STEPS_SHOWN : 0;

	html_broad(to);
	fputs("<table>\n<tr><th class=\"text\">in</th><th>pages</th>", to);
	for (size_t i = first; i < steps; i++)
		fprintf(to, "<th>to %zu</th>", i + 2);
	fputs("<th class=\"more\">all</th></tr>\n", to);
	for (size_t i = 0; i < count; i++)
		put_step_cells(to, r, order[i], first);
	fputs("</table>\n", to);
	html_broad_end(to);
}

static void put_still(FILE *to, const struct report *r)
{
	const char *gap = "<p>Never changed: ";

	for (unsigned row = 0; row < REPORT_ROWS; row++) {
		if (r->change[row].total > 0 || r->change[row].units == 0)
			continue;
		fputs(gap, to);
		report_put_memory(to, r, id_of(row));
		gap = ", ";
	}
	if (gap[0] == ',')
		fputs(".</p>\n", to);
}

static void put_key(FILE *to)
{
	static const char *const words[LEVELS + 1] = {
		"never", "up to 5 %", "to 20 %", "to 45 %", "to 75 %", "nearly all, each time",
	};

	fputs("<ul class=\"key\">\n", to);
	for (unsigned i = 0; i <= LEVELS; i++)
		fprintf(to, "<li><i class=\"h%u\"></i>%s</li>\n", i, words[i]);
	fputs("</ul>\n", to);
}

void report_put_heat(FILE *to, const struct report *r)
{
	unsigned order[REPORT_ROWS];
	size_t count = rank(r, order);
	uint64_t steps = steps_compared(r);

	if (steps == 0)
		return;
	html_section(
		to, "What changed",
		"Pages of 4 KiB, the platform's own. A tile is a page, or some pages side by side "
		"in a large memory; the hotter, the more of them changed, all steps together.");
	if (count > 0) {
		put_key(to);
		put_table(to, r, order, count);
	}
	for (size_t i = 0; i < MIN(count, (size_t)HEAT_SHOWN); i++)
		put_heat_map(to, r, order[i], steps);
	if (count > HEAT_SHOWN)
		fprintf(to, "<p>%zu more, with fewer changes, are in the table alone.</p>\n",
			count - HEAT_SHOWN);
	put_still(to, r);
	html_section_end(to);
}
