// SPDX-License-Identifier: MIT
/*
 * discard: removes an overlay that is not in use, also that of a checkout.
 */
#include <fcntl.h>

#include "snapshot/snapshot.h"
#include "tools/checkout/checkout.h"
#include "tools/cmd/cmd.h"
#include "tools/image/mount_scratch.h"

struct discard_args {
	const char *overlay;
};

static const struct cmd_operand operands[] = {
	{"OVERLAY|DIR", CMD_FILE, WHERE(struct discard_args, overlay)},
	{NULL},
};

/* The files remain, as those of any directory. */
static int discard_dir(const char *dir, struct err *err)
{
	auto_checkout struct checkout co = CHECKOUT_NONE;
	int rc = checkout_open(dir, &co, err);

	if (!rc && access(co.overlay, F_OK) == 0)
		rc = snap_overlay_discard(co.overlay, err);
	if (rc)
		return rc;
	if (unlinkat(co.dir_fd, CHECKOUT_IMAGE, 0) < 0 ||
	    unlinkat(co.dir_fd, CHECKOUT_SUBDIR, AT_REMOVEDIR) < 0)
		return err_sys(err, -errno, CHECKOUT_SUBDIR " cannot be removed");
	return 0;
}

/* What goes with it is named. */
static int discard_overlay(const char *path, struct err *err)
{
	auto_free char *lines = NULL;
	auto_free char *dir = NULL;
	int rc;

	if (asprintf(&dir, "%s.scratch", path) < 0) {
		dir = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	lines = scratch_lines(dir, "is dropped");
	rc = snap_overlay_discard(path, err);
	if (!rc)
		scratch_tell(path, lines);
	return rc;
}

static int cmd_discard(const void *arguments)
{
	const struct discard_args *args = arguments;
	struct err err = {""};

	int rc = checkout_is_dir(args->overlay) ? discard_dir(args->overlay, &err)
						: discard_overlay(args->overlay, &err);

	return rc ? cmd_fail(args->overlay, &err) : CMD_DONE;
}

const struct verb verb_discard = {
	.name = "discard",
	.summary = "drop an overlay, or a checkout's tie; its image stays as it is",
	.text = "Removes OVERLAY with all that was written to it. One that is mounted, or whose commit\n"
		"has begun, is refused. Of DIR, as made by 'canisterfs checkout', the files stay, and\n"
		"can be committed no more.",
	.operands = operands,
	.args_len = sizeof(struct discard_args),
	.run = cmd_discard,
};
