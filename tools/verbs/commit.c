// SPDX-License-Identifier: MIT
/*
 * commit: merges an overlay into its base, or both into a new image.
 */
#include "tools/cmd/cmd.h"
#include "tools/image/image_open.h"

struct commit_args {
	const char *overlay, *out;
	bool force;
};

static const struct cmd_option options[] = {
	{"out", 'o', CMD_FILE, WHERE(struct commit_args, out), "IMAGE",
	 "make a new image, and leave overlay and base as they are"},
	{"force", 'f', CMD_FLAG, WHERE(struct commit_args, force), NULL,
	 "with --out: replace an existing file"},
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"OVERLAY", CMD_FILE, WHERE(struct commit_args, overlay)},
	{NULL},
};

static int copy(struct store *from, struct store *to, struct err *err)
{
	enum { STEP_LEN = 1 << 20 };
	auto_free uint8_t *buf = malloc(STEP_LEN);
	int rc = buf ? store_resize(to, from->len, err) : err_set(err, -ENOMEM, "out of memory");

	for (uint64_t off = 0; !rc && off < from->len;) {
		uint64_t start, end;
		size_t len;

		rc = store_next_data(from, off, &start, &end, err);
		if (rc || start == end)
			break;
		len = (size_t)MIN((uint64_t)STEP_LEN, end - start);
		rc = store_read(from, buf, len, start, err);
		if (!rc && !is_zero(buf, len))
			rc = store_write(to, buf, len, start, 0, err);
		off = start + len;
	}
	return rc;
}

static int commit_to(const struct commit_args *args, const char **at_fault, struct err *err)
{
	auto_store struct store *from = NULL;
	auto_image_new struct image_new new = IMAGE_NEW_NONE;
	int rc = snap_overlay_read(args->overlay, image_snap_flags(), &from, err);

	*at_fault = args->overlay;
	if (rc)
		return rc;
	*at_fault = args->out;
	rc = image_new_open(args->out, args->force, NULL, &new, err);
	if (!rc)
		rc = copy(from, new.store, err);
	return rc ? rc : image_new_commit(&new, err);
}

static int cmd_commit(const void *arguments)
{
	const struct commit_args *args = arguments;
	const char *at_fault = args->overlay;
	struct err err = {""};
	int rc;

	if (args->force && !args->out)
		return cmd_usage(&verb_commit, "--force is for --out");
	rc = args->out ? commit_to(args, &at_fault, &err)
		       : snap_overlay_commit(args->overlay, image_snap_flags(), image_open_base,
					     &err);
	return rc ? cmd_fail(at_fault, &err) : CMD_DONE;
}

const struct verb verb_commit = {
	.name = "commit",
	.summary = "merge an overlay into its base",
	.text = "What was written to OVERLAY, as made by 'canisterfs mount IMAGE MNT -o\n"
		"overlay=OVERLAY', is written to its base, and OVERLAY is removed. Killed half-way,\n"
		"the base is neither old nor new; run it again and it ends as if nothing had been.\n"
		"The base's live snapshots stay what they are.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct commit_args),
	.run = cmd_commit,
};
