// SPDX-License-Identifier: MIT
/* Opens what is shown, and puts it on the screen. See browse.h. */
#include "tools/browse/browse.h"

#include <sys/mman.h>

#include "tools/browse/points.h"
#include "tools/browse/views.h"
#include "tools/out/say.h"
#include "tools/sandbox/sandbox.h"

/* What is said on stderr would stand in the midst of the screen: it is kept. Returns where stderr
 * led before, or -1. */
static int keep_errors(struct browser *b)
{
	int before = dup(STDERR_FILENO);

	b->errors_fd = before < 0 ? -1 : memfd_create("errors", MFD_CLOEXEC);
	if (b->errors_fd >= 0)
		(void)dup2(b->errors_fd, STDERR_FILENO);
	return before;
}

/* ... and told at the end. */
static void tell_errors(struct browser *b, int before)
{
	char piece[4096];
	ssize_t n;

	if (before < 0)
		return;
	(void)dup2(before, STDERR_FILENO);
	close(before);
	if (b->errors_fd < 0)
		return;
	for (off_t off = 0; (n = pread(b->errors_fd, piece, sizeof(piece), off)) > 0; off += n)
		if (write(STDERR_FILENO, piece, (size_t)n) < 0)
			break;
	close(b->errors_fd);
}

/* Before the screen is there: what cannot be opened is told as any verb tells it. */
static int open_beside(struct browser *b, const struct cmd_list *beside, struct err *err)
{
	struct err note = {""}, why = {""};
	int rc = 0;

	if (beside->count == 0)
		return 0;
	rc = points_open(b->args->image, b->image, &b->points, &note, err);
	for (size_t i = 0; !rc && i < beside->count; i++) {
		rc = points_add(b->points, beside->item[i], &why);
		if (rc)
			(void)err_set(err, rc, "--beside %s: %s", beside->item[i], why.text);
	}
	return rc;
}

static int check_memory(const struct browser *b, struct err *err)
{
	struct mm_memory m;

	if (b->args->id == CMD_UNSET)
		return 0;
	if (!b->image->mm)
		return err_set(err, -EINVAL, "%s", b->image->why.text);
	return image_find(b->image->mm, (unsigned)b->args->id, &m, err);
}

static int show(struct browser *b, struct err *err)
{
	int before, rc = screen_open(err);

	if (!rc)
		rc = sandbox_inputs_open(err);
	if (rc) {
		screen_close();
		return rc;
	}
	before = keep_errors(b);
	view_image_open(b, b->image);
	if (b->args->id != CMD_UNSET)
		view_memory_open(b, b->image, (int)b->args->id);
	browser_run(b);
	screen_close();
	tell_errors(b, before);
	return 0;
}

int browse(const struct records_args *args, const struct cmd_list *beside, struct err *err)
{
	struct browser b = {.args = args,
			    .errors_fd = -1,
			    .open_image = view_image_open,
			    .open_memory = view_memory_open};
	int rc = subject_open(args->image, &b.image, err);

	if (!rc)
		rc = check_memory(&b, err);
	if (!rc)
		rc = open_beside(&b, beside, err);
	if (!rc)
		rc = show(&b, err);
	points_close(b.points);
	subject_drop(b.image);
	return rc;
}
