// SPDX-License-Identifier: MIT
/*
 * report: one page for a browser about an image, or about several in time. The page is made in
 * tools/report.
 */
#include "tools/report/report.h"
#include "tools/cmd/cmd.h"
#include "tools/out/work.h"
#include "tools/sandbox/sandbox.h"

struct report_args {
	const char *output;
	bool force, shallow;
	struct names *names;
	struct cmd_list images;
};

static const struct cmd_option options[] = {
	{"output", 'o', CMD_FILE, WHERE(struct report_args, output), "FILE",
	 "where the page goes; - is standard output", .required = true},
	{"force", 'f', CMD_FLAG, WHERE(struct report_args, force), NULL,
	 "replace the page where it exists"},
	{"shallow", 0, CMD_FLAG, WHERE(struct report_args, shallow), NULL,
	 "only the manager and its space, not what is inside the memories"},
	CMD_NAMES_FILE(struct report_args, names),
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_REST, WHERE(struct report_args, images)},
	{NULL},
};

static int compare(struct report *r, const char **path, struct err *err)
{
	struct work work;
	const struct snap_work how = {.watch = &work.watch};
	int rc;

	if (r->images < 2)
		return 0;
	work_begin(&work, "comparing");
	rc = report_compare(r, &how, path, err);
	work_end(&work);
	work_die(rc);
	return rc;
}

static int make(struct report *r, const struct report_args *args, const char **path,
		struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < args->images.count && !rc; i++) {
		*path = args->images.item[i];
		rc = report_open(r, *path, err);
	}
	if (!rc && strcmp(args->output, "-") == 0)
		rc = sandbox_inputs_open(err);
	if (!rc)
		rc = report_look(r, err);
	if (!rc)
		rc = compare(r, path, err);
	if (rc)
		return rc;
	*path = args->output;
	return html_write(args->output, args->force, report_page, r, err);
}

static int cmd_report(const void *arguments)
{
	const struct report_args *args = arguments;
	const char *path = NULL;
	struct err err = {"out of memory"};
	struct report *r;
	int rc;

	if (!args->output)
		return cmd_usage(&verb_report, "--output is missing: where is the page to go?");
	if (args->images.count > REPORT_IMAGES)
		return cmd_usage(&verb_report, "%zu images are more than %d", args->images.count,
				 REPORT_IMAGES);
	r = calloc(1, sizeof(*r));
	rc = r ? 0 : -ENOMEM;
	if (r) {
		r->names = args->names;
		r->shallow = args->shallow;
		r->price.rate = COST_RATE_DEFAULT;
		rc = make(r, args, &path, &err);
		report_free(r);
	}
	return rc ? cmd_fail(path, &err) : CMD_DONE;
}

const struct verb verb_report = {
	.name = "report",
	.summary = "make a page for a browser about an image, or several in time",
	.text = "Writes one HTML page that needs nothing else: no network, no script. It shows where\n"
		"the memories of IMAGE lie, what fills them, what is wasted and what other bucket\n"
		"sizes would give, what the structures are made of, and what 'canisterfs check'\n"
		"finds.\n"
		"\n"
		"With several images or checkpoints, named in the order of time, all that is of the\n"
		"last one; and the page shows which pages of 4 KiB of each memory changed from each\n"
		"to the next, as a heat map.\n"
		"\n"
		"All of each structure is read, as by check; --shallow leaves that out.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct report_args),
	.run = cmd_report,
	.reads = true,
};
