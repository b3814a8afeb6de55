// SPDX-License-Identifier: MIT
/*
 * checkout: an image's memories as plain files of a directory. See checkout.h.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "tools/checkout/checkout.h"
#include "tools/cmd/cmd.h"

struct checkout_args {
	const char *image, *dir;
};

static const struct cmd_option options[] = {
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct checkout_args, image)},
	{"DIR", CMD_DIR, WHERE(struct checkout_args, dir)},
	{NULL},
};

/* An overlay can stand on it, so that there can be a commit. */
static int check_image(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(err, -errno, "cannot be opened");
	if (S_ISDIR(st.st_mode))
		return err_set(err, -EISDIR, "is a directory: name the image's file");
	return S_ISREG(st.st_mode) ? 0 : err_set(err, -EINVAL, "is not a plain file");
}

/* The overlay comes before what makes the directory a checkout, and is gone if that fails. */
static int bind(struct checkout *co, struct err *err)
{
	int rc = checkout_bind(co, err);

	if (!rc)
		rc = checkout_finish(co, err);
	if (rc)
		(void)!snap_overlay_discard(co->overlay, NULL);
	return rc;
}

static int fill(struct checkout *co, struct err *err)
{
	auto_image struct image img = {NULL};
	int rc = image_open(co->image, false, &img, err);

	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;

		mm_memory(img.mm, id, &m);
		if (m.pages > 0)
			rc = checkout_copy(co, img.store, img.mm, id, err);
	}
	/* While the image is still open, so that nobody can have changed it. */
	return rc ? rc : bind(co, err);
}

/* Everything in the directory is ours: it was empty. */
static void take_back(struct checkout *co)
{
	char name[8];

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		snprintf(name, sizeof(name), "%u", id);
		unlinkat(co->dir_fd, name, 0);
	}
	unlinkat(co->dir_fd, CHECKOUT_IMAGE, 0);
	unlinkat(co->dir_fd, CHECKOUT_SUBDIR, AT_REMOVEDIR);
}

static int cmd_checkout(const void *arguments)
{
	const struct checkout_args *args = arguments;
	auto_checkout struct checkout co = CHECKOUT_NONE;
	struct err err = {""};

	if (check_image(args->image, &err) != 0)
		return cmd_fail(args->image, &err);
	if (checkout_make(args->dir, args->image, &co, &err) != 0)
		return cmd_fail(args->dir, &err);
	if (fill(&co, &err) == 0)
		return CMD_DONE;
	take_back(&co);
	return cmd_fail(args->image, &err);
}

const struct verb verb_checkout = {
	.name = "checkout",
	.summary = "an image's memories as plain files of a directory",
	.text = "Makes the directory DIR, or fills an empty one, with a file for each memory of\n"
		"IMAGE, named by its id. Where the host can, the files share the image's blocks.\n"
		"Any program can change, grow, cut, make or remove files there, at its own speed and\n"
		"without a mount. 'canisterfs status DIR' tells what has changed, and 'canisterfs\n"
		"commit DIR' takes it back into IMAGE.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct checkout_args),
	.run = cmd_checkout,
};
