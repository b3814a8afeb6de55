// SPDX-License-Identifier: MIT
/*
 * browse: an image in the terminal: memories, records, findings, points in time. Reads only.
 */
#include "tools/cmd/cmd.h"
#include "tools/records/records_choice.h"
#ifdef HAVE_CURSES
#include "tools/browse/browse.h"
#endif

struct browse_args {
	struct records_args r;
	struct cmd_list beside;
};

static const struct cmd_option options[] = {
	{"beside", 'b', CMD_LIST, WHERE(struct browse_args, beside), "FILE",
	 "an image or checkpoint to compare with; may be repeated"},
	RECORDS_OPTIONS(struct browse_args),
	{NULL},
};

static const struct cmd_operand operands[] = {
	RECORDS_OPERANDS(struct browse_args),
	{NULL},
};

#ifdef HAVE_CURSES
static int cmd_browse(const void *arguments)
{
	const struct browse_args *args = arguments;
	struct err err = {""};
	int rc;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return cmd_usage(&verb_browse, "needs a terminal, for its keys and its picture");
	rc = browse(&args->r, &args->beside, &err);
	if (rc == -ENOTTY || rc == -ENOTSUP)
		return cmd_usage(&verb_browse, "%s", err.text);
	return rc ? cmd_fail(args->r.image, &err) : CMD_DONE;
}
#else
static int cmd_browse(const void *arguments)
{
	cmd_error("browse", "this canisterfs was built without the browser (ncursesw)");
	return CMD_FAILED;
}
#endif

const struct verb verb_browse = {
	.name = "browse",
	.summary = "look at an image in the terminal",
	.text = "Shows the memories of IMAGE with what they hold; Enter leads into one, to its\n"
		"records and their values. Records are read as they are shown, so that a million\n"
		"take no longer than ten. The keys are on the last line, and '?' lists all of them.\n"
		"\n"
		"With ID: begins in that memory; --key, --value, --key-width, --order and --data-id\n"
		"are for it. Other memories are shown by what --names says of them. Reads only.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct browse_args),
	.run = cmd_browse,
	.reads = true,
};
