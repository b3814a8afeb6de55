// SPDX-License-Identifier: MIT
/*
 * commit: merges an overlay into its base, or both into a new image; and takes the changes of a
 * checkout into its image, which is the same once they are in its overlay.
 */
#include "tools/checkout/checkout.h"
#include "tools/cmd/cmd.h"
#include "tools/image/image_open.h"
#include "tools/image/sides.h"

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
	{"OVERLAY|DIR", CMD_FILE, WHERE(struct commit_args, overlay)},
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

static int commit_to(const char *overlay, const struct commit_args *args, const char **at_fault,
		     struct err *err)
{
	auto_store struct store *from = NULL;
	auto_image_new struct image_new new = IMAGE_NEW_NONE;
	auto_sides struct sides sides = SIDES_NONE;
	struct bond *bond;
	int rc = snap_is_overlay(overlay)
			 ? image_open_whole(overlay, false, &from, &bond, err)
			 : err_set(err, -EINVAL, "is not an overlay that canisterfs made");

	*at_fault = overlay;
	if (!rc)
		rc = sides_open(from, bond, &sides, err);
	if (rc)
		return rc;
	*at_fault = args->out;
	rc = image_new_open(args->out, args->force, NULL, &new, err);
	new.side = sides.files;
	if (!rc)
		rc = copy(from, new.store, err);
	return rc ? rc : image_new_commit(&new, err);
}

static int merge_to(void *ctx, const struct checkout *co, struct err *err)
{
	const char *at_fault;
	int rc = commit_to(co->overlay, ctx, &at_fault, err);

	return rc ? err_prefix(err, rc, "%s", at_fault) : 0;
}

static int commit_dir(const struct commit_args *args)
{
	struct checkout_change change[MM_MAX_MEMORIES];
	auto_checkout struct checkout co = CHECKOUT_NONE;
	struct err err = {""};
	size_t count;
	int rc = checkout_open(args->overlay, &co, &err);

	if (!rc)
		rc = checkout_commit(&co, args->out ? merge_to : checkout_merge, (void *)args,
				     change, &count, &err);
	if (rc)
		return cmd_fail(args->overlay, &err);
	checkout_print(args->overlay, change, count);
	return CMD_DONE;
}

static int merge(const char *overlay, struct err *err)
{
	auto_free char *aside = NULL;
	int rc = snap_overlay_commit(overlay, image_snap_flags(), image_open_base, &aside, err);

	if (!rc && aside)
		cmd_error(overlay, "note: the scratch files of its base were set aside as %s",
			  aside);
	return rc;
}

static int cmd_commit(const void *arguments)
{
	const struct commit_args *args = arguments;
	const char *at_fault = args->overlay;
	struct err err = {""};
	int rc;

	if (args->force && !args->out)
		return cmd_usage(&verb_commit, "--force is for --out");
	if (checkout_is_dir(args->overlay))
		return commit_dir(args);
	rc = args->out ? commit_to(args->overlay, args, &at_fault, &err)
		       : merge(args->overlay, &err);
	return rc ? cmd_fail(at_fault, &err) : CMD_DONE;
}

const struct verb verb_commit = {
	.name = "commit",
	.summary = "take an overlay, or a checkout, into its image",
	.text = "What was written to OVERLAY, as made by 'canisterfs mount IMAGE MNT -o\n"
		"overlay=OVERLAY', is written to its base, and OVERLAY is removed. Killed half-way,\n"
		"the base is neither old nor new; run it again and it ends as if nothing had been.\n"
		"The base's live snapshots stay what they are. The overlay's scratch files become\n"
		"those of the base.\n"
		"\n"
		"Of DIR, as made by 'canisterfs checkout', what has changed is taken into its image,\n"
		"by way of an overlay, and DIR remains a checkout of what the image is then. The\n"
		"commit is refused where the image was changed meanwhile, or SQLite has yet to apply\n"
		"a journal.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct commit_args),
	.run = cmd_commit,
};
