// SPDX-License-Identifier: MIT
/*
 * status: what a commit of a checkout would do.
 */
#include "tools/checkout/checkout.h"
#include "tools/cmd/cmd.h"

struct status_args {
	bool json;
	const char *dir;
};

static const struct cmd_option options[] = {
	{"json", 0, CMD_FLAG, WHERE(struct status_args, json), NULL, "print one JSON document"},
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"DIR", CMD_DIR, WHERE(struct status_args, dir)},
	{NULL},
};

/* Against the image, and not the overlay: that may have part of a commit that was killed. */
static int look(const char *dir, struct checkout_change *change, size_t *count, struct err *err)
{
	auto_checkout struct checkout co = CHECKOUT_NONE;
	auto_image struct image img = {NULL};
	int rc = checkout_open(dir, &co, err);

	if (!rc)
		rc = checkout_check_image(&co, err);
	if (!rc)
		rc = image_open(co.image, false, &img, err);
	return rc ? rc : checkout_changes(&co, &img, NULL, change, count, err);
}

static int cmd_status(const void *arguments)
{
	const struct status_args *args = arguments;
	struct checkout_change change[MM_MAX_MEMORIES];
	struct err err = {""};
	size_t count;

	if (look(args->dir, change, &count, &err) != 0)
		return cmd_fail(args->dir, &err);
	if (args->json)
		return checkout_print_json(change, count);
	checkout_print(args->dir, change, count);
	return CMD_DONE;
}

const struct verb verb_status = {
	.name = "status",
	.summary = "what a commit of a checkout would do",
	.text = "Compares the files of DIR, which 'canisterfs checkout' has made, with the image, and\n"
		"lists the memories that 'canisterfs commit DIR' would change. Where it would refuse,\n"
		"so does this: the image was changed meanwhile, or SQLite has yet to apply a journal.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct status_args),
	.run = cmd_status,
};
