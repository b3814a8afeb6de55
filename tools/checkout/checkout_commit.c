// SPDX-License-Identifier: MIT
/*
 * Takes a checkout's changes into its image, such that a kill at any instruction leaves the image
 * as it was, or a commit that is ended by calling this again:
 *
 * 1. the changes go into the overlay; the image is only read
 * 2. the overlay is merged into the image (snapshot.h), and removed
 * 3. a new overlay binds the directory to the image as it is now
 *
 * Killed in 1, the next call compares with what the overlay has and goes on. Killed between 2 and
 * 3, there is no overlay, and the files are the image's memories.
 */
#include <stdio.h>

#include "tools/checkout/checkout.h"

static int look_at_overlay(const struct checkout *co, bool *fresh, struct err *err)
{
	auto_store struct store *s = NULL;
	uint64_t start = 0, end = 0;
	int rc = snap_overlay_continue(co->overlay, image_snap_flags(), &s, err);

	if (!rc)
		rc = snap_next_held(s, 0, &start, &end, err);
	*fresh = start == end;
	return rc;
}

int checkout_check_image(const struct checkout *co, struct err *err)
{
	bool fresh;
	int rc = look_at_overlay(co, &fresh, err);

	return rc ? err_prefix(err, rc, "the overlay %s", co->overlay) : 0;
}

int checkout_bind(const struct checkout *co, struct err *err)
{
	auto_store struct store *s = NULL;
	int rc = snap_overlay_open(co->overlay, co->image, image_snap_flags() | SNAP_WRITABLE, &s,
				   err);

	return rc ? err_prefix(err, rc, "the overlay %s", co->overlay) : 0;
}

/* Without an overlay only a directory is bound that holds what the image holds. */
static int bind_again(const struct checkout *co, struct err *err)
{
	struct checkout_change change[MM_MAX_MEMORIES];
	auto_image struct image img = {NULL};
	size_t count;
	int rc = image_open(co->image, false, &img, err);

	if (!rc)
		rc = checkout_changes(co, &img, NULL, change, &count, err);
	if (!rc && count > 0)
		rc = err_set(err, -ESTALE,
			     "is bound to its image no more, since there is no %s: check out anew",
			     co->overlay);
	return rc ? rc : checkout_bind(co, err);
}

/* A commit was killed, or went to another image: an empty overlay takes the place of what it left.
 */
static int renew(const struct checkout *co, struct err *err)
{
	struct checkout new = *co;
	auto_free char *path = NULL;
	int rc;

	if (asprintf(&path, "%s.new", co->overlay) < 0) {
		path = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	new.overlay = path;
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, -errno, "%s", path);
	rc = checkout_bind(&new, err);
	if (!rc && rename(path, co->overlay) < 0)
		rc = err_sys(err, -errno, "%s cannot be renewed", co->overlay);
	return rc;
}

/* *merge: there is something to be merged then. */
static int apply(const struct checkout *co, bool *merge, struct checkout_change *change,
		 size_t *count, struct err *err)
{
	auto_image struct image was = {NULL};
	auto_image struct image img = {NULL};
	bool fresh;
	int rc = look_at_overlay(co, &fresh, err);

	*merge = rc == -EBUSY;
	if (*merge)
		return 0;
	if (!rc && !fresh)
		rc = renew(co, err);
	if (!rc)
		rc = image_open(co->image, false, &was, err);
	if (!rc)
		rc = image_open_overlay(co->image, co->overlay, true, NULL, &img, err);
	if (!rc)
		rc = checkout_changes(co, &was, img.mm, change, count, err);
	if (rc || *count == 0)
		return rc;
	*merge = true;
	image_drop(&was);
	return image_close(&img, err);
}

int checkout_commit(const struct checkout *co, checkout_merge_fn *merge, void *ctx,
		    struct checkout_change *change, size_t *count, struct err *err)
{
	bool needed = false;
	int rc;

	*count = 0;
	if (access(co->overlay, F_OK) < 0 && errno == ENOENT)
		return bind_again(co, err);
	rc = apply(co, &needed, change, count, err);
	return rc || !needed ? rc : merge(ctx, co, err);
}

int checkout_merge(void *ctx, const struct checkout *co, struct err *err)
{
	auto_free char *aside = NULL; /* such an overlay has no scratch files of its own */
	int rc = snap_overlay_commit(co->overlay, image_snap_flags(), image_open_base, &aside, err);

	return rc ? rc : checkout_bind(co, err);
}
