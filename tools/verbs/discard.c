// SPDX-License-Identifier: MIT
/*
 * discard: removes an overlay that is not in use.
 */
#include "snapshot/snapshot.h"
#include "tools/cmd/cmd.h"

struct discard_args {
	const char *overlay;
};

static const struct cmd_operand operands[] = {
	{"OVERLAY", CMD_FILE, WHERE(struct discard_args, overlay)},
	{NULL},
};

static int cmd_discard(const void *arguments)
{
	const struct discard_args *args = arguments;
	struct err err = {""};

	return snap_overlay_discard(args->overlay, &err) ? cmd_fail(args->overlay, &err) : CMD_DONE;
}

const struct verb verb_discard = {
	.name = "discard",
	.summary = "drop an overlay; its base stays as it is",
	.text = "Removes OVERLAY with all that was written to it. One that is mounted, or whose commit\n"
		"has begun, is refused.",
	.operands = operands,
	.args_len = sizeof(struct discard_args),
	.run = cmd_discard,
};
