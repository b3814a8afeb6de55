// SPDX-License-Identifier: MIT
/*
 * waste: what all images of a fleet waste together, and what other buckets would save. Looks at
 * page 0 of each; holds sums, not images.
 */
#include "tools/cmd/cmd.h"
#include "tools/facts/cost.h"
#include "tools/html/html.h"
#include "tools/input/input.h"
#include "tools/out/text.h"
#include "tools/waste/waste_sum.h"
#include "tools/waste/waste_walk.h"

struct waste_args {
	bool json, summary, merge, force, cloud_engine;
	uint64_t rate, nodes, snapshots, jobs;
	const char *html;
	struct cmd_list paths;
};

static const struct cmd_option options[] = {
	{"json", 0, CMD_FLAG, WHERE(struct waste_args, json), NULL,
	 "print a line of JSON an image, and one of all"},
	{"summary", 's', CMD_FLAG, WHERE(struct waste_args, summary), NULL,
	 "print of all images together alone"},
	{"html", 0, CMD_FILE, WHERE(struct waste_args, html), "FILE",
	 "write a page with charts as well"},
	{"force", 'f', CMD_FLAG, WHERE(struct waste_args, force), NULL,
	 "replace the page where it exists"},
	{"merge", 'm', CMD_FLAG, WHERE(struct waste_args, merge), NULL,
	 "each PATH, or - for standard input, has lines of --json"},
	{"rate", 0, CMD_NUMBER, WHERE(struct waste_args, rate), "CYCLES",
	 "price of a GiB and second (" COST_RATE_DEFAULT_TEXT ")", 0, UINT64_C(1) << 40},
	{"nodes", 0, CMD_NUMBER, WHERE(struct waste_args, nodes), "N",
	 "the price on a subnet of N nodes", 1, 1000},
	{"cloud-engine", 0, CMD_FLAG, WHERE(struct waste_args, cloud_engine), NULL,
	 "the price on a cloud engine: storage is free"},
	{"snapshots", 0, CMD_NUMBER, WHERE(struct waste_args, snapshots), "N",
	 "each canister keeps N snapshots, which are billed like memory", 0, 10},
	{"jobs", 'j', CMD_NUMBER, WHERE(struct waste_args, jobs), "N",
	 "look at so many at a time (one per core)", 1, 64},
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"PATH", CMD_REST, WHERE(struct waste_args, paths)},
	{NULL},
};

struct waste {
	const struct waste_args *args;
	struct waste_sum sum;
	bool failed; /* something could not be read */
	bool out_of_memory;
	bool headed;
};

static void print_json_line(struct waste *w, char *line)
{
	if (line)
		text_print("%s\n", line);
	else
		w->out_of_memory = true;
	free(line);
}

static void take_row(void *ctx, struct waste_row *row)
{
	struct waste *w = ctx;

	if (waste_kind_problem(row->kind)) {
		cmd_error(row->path, "%s%s%s",
			  row->kind == WASTE_ERROR ? "" : waste_kind_problem(row->kind),
			  row->kind == WASTE_ERROR ? "" : ": ", row->why.text);
		w->failed = true;
	}
	if (w->args->summary) {
		/* Counted, and no line. */
	} else if (w->args->json) {
		print_json_line(w, waste_row_to_json(row));
	} else {
		if (!w->headed)
			waste_text_head(stdout);
		w->headed = true;
		waste_text_row(stdout, row);
	}
	waste_sum_add(&w->sum, row);
}

/* Lines of one file; a bad one is told and left out. */
static void merge_lines(struct waste *w, FILE *from, const char *name)
{
	auto_free char *line = NULL;
	size_t room = 0, len = 1;

	for (unsigned long n = 1; len > 0; n++) {
		struct waste_row row = {NULL};
		struct err err = {""};
		int rc = line_read(from, &line, &room, &len, &err);

		if (rc < 0)
			len = 0;
		else if (len == 0 || (len == 1 && line[0] == '\n'))
			continue;
		else
			rc = waste_row_from_json(line, len, &row, &err);
		if (rc < 0) {
			cmd_error(name, "line %lu: %s", n, err.text);
			w->failed = true;
		}
		if (rc == 0)
			take_row(w, &row);
		waste_row_free(&row);
	}
}

static void merge(struct waste *w)
{
	for (size_t i = 0; i < w->args->paths.count; i++) {
		const char *path = w->args->paths.item[i];
		FILE *from = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");

		if (!from) {
			cmd_error(path, "cannot open: %s", strerror(errno));
			w->failed = true;
			continue;
		}
		merge_lines(w, from, from == stdin ? "standard input" : path);
		if (from != stdin)
			fclose(from);
	}
}

static struct price price_of(const struct waste_args *args)
{
	struct price price = {.rate = COST_RATE_DEFAULT};

	if (args->rate != CMD_UNSET)
		price.rate = args->rate;
	if (args->nodes != CMD_UNSET)
		price.rate = cost_rate_of_nodes(args->nodes);
	if (args->cloud_engine)
		price.rate = 0;
	if (args->snapshots != CMD_UNSET)
		price.snapshots = args->snapshots;
	return price;
}

static int report(struct waste *w)
{
	struct waste_page page = {&w->sum, price_of(w->args), w->args->paths.item, w->args->merge};
	struct err err = {""};

	if (w->args->html &&
	    html_write(w->args->html, w->args->force, waste_html, &page, &err) != 0)
		return cmd_fail(w->args->html, &err);
	if (w->args->json) {
		print_json_line(w, waste_sum_to_json(&w->sum, &page.price));
	} else {
		if (w->headed)
			putchar('\n');
		waste_text_sum(stdout, &w->sum, &page.price);
	}
	if (w->out_of_memory)
		cmd_error(NULL, "out of memory");
	return w->failed || w->out_of_memory ? CMD_FAILED : CMD_DONE;
}

static int cmd_waste(const void *arguments)
{
	struct waste w = {.args = arguments};
	unsigned jobs = w.args->jobs == CMD_UNSET ? 0 : (unsigned)w.args->jobs;
	struct err err = {""};
	int rc;

	if ((w.args->rate != CMD_UNSET) + (w.args->nodes != CMD_UNSET) + w.args->cloud_engine > 1)
		return cmd_usage(&verb_waste,
				 "--rate, --nodes and --cloud-engine each say what storage costs");
	if (w.args->force && !w.args->html)
		return cmd_usage(&verb_waste, "--force is for --html");
	if (w.args->merge)
		merge(&w);
	else if (waste_walk(&w.args->paths, jobs, take_row, &w, &err) != 0) {
		waste_sum_free(&w.sum);
		return cmd_fail(NULL, &err);
	}
	rc = report(&w);
	waste_sum_free(&w.sum);
	return rc;
}

const struct verb verb_waste = {
	.name = "waste",
	.summary = "add up what many images waste, and what would save it",
	.text = "Looks at every image under every PATH: plain files, directories of them, canister\n"
		"snapshots, checkpoints, and images packed with gzip (NAME.gz). Prints a row for\n"
		"each: what it is long, what of it is data, and what is waste. Then of all: where\n"
		"the waste lies, which images have most, and what all would be with other buckets.\n"
		"\n"
		"Cut, damaged and foreign files, and those that cannot be read, are named and\n"
		"left out of all sums; the exit status is 1 then. A file with several names counts\n"
		"once.\n"
		"\n"
		"Where the images are on many machines, --json there and --merge here make one of\n"
		"it; --merge leaves out the sums of its input and makes its own.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct waste_args),
	.run = cmd_waste,
	.reads = true,
};
