// SPDX-License-Identifier: MIT
/*
 * A trial without a mount: the memories are plain files, and what lies beside the image lies beside
 * them. After each command the changes are taken into a new overlay, which is compared with what
 * there was before.
 */
#include <fcntl.h>
#include <stdio.h>

#include "tools/image/sides.h"
#include "tools/run/run.h"

enum { STEP_LEN = 1 << 20 };

/* ---- out of the image ---- */

static int copy_scratch(const struct checkout *co, const struct side_file *f, struct err *err)
{
	auto_close int fd = openat(co->dir_fd, f->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				   0600 | co->others);
	auto_free uint8_t *buf = malloc(STEP_LEN);
	int rc = 0;

	if (fd < 0 || !buf || ftruncate(fd, (off_t)f->len) < 0)
		return err_sys(err, buf ? -errno : -ENOMEM, "%s cannot be made", f->name);
	for (uint64_t off = 0, n; !rc && off < f->len; off += n) {
		n = MIN((uint64_t)STEP_LEN, f->len - off);
		rc = f->read(f->ctx, buf, n, off, err);
		if (!rc && !is_zero(buf, n))
			rc = pwrite_all(fd, buf, n, off);
	}
	return rc;
}

static int cut(const struct checkout *co, unsigned mm_id, uint64_t len, struct err *err)
{
	char name[8];
	auto_close int fd = -1;

	snprintf(name, sizeof(name), "%u", mm_id);
	fd = openat(co->dir_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)len) < 0)
		return err_sys(err, -errno, "%s cannot be cut", name);
	return 0;
}

static int copy_sides(const struct checkout *co, const struct image *img, struct err *err)
{
	auto_sides struct sides sides = SIDES_NONE;
	int rc = sides_open(img->store, img->bond, &sides, err);

	for (size_t i = 0; !rc && sides.files && i < sides.files->count; i++)
		rc = copy_scratch(co, &sides.files->file[i], err);
	for (unsigned id = 0; !rc && sides.files && id < MM_MAX_MEMORIES; id++) {
		uint64_t len = sides.files->exact_len[id];
		struct mm_memory m;

		mm_memory(img->mm, id, &m);
		if (len != SIDE_WHOLE_PAGES && m.pages > 0 && div_up(len, MM_PAGE_LEN) == m.pages)
			rc = cut(co, id, len, err);
	}
	return rc;
}

static int begin(struct run_trial *t, struct err *err)
{
	auto_image struct image img = {NULL};
	int rc = image_open(t->image, false, &img, err);

	if (!rc)
		rc = checkout_make(t->mnt, t->image, &t->co, err);
	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;

		mm_memory(img.mm, id, &m);
		if (m.pages > 0)
			rc = checkout_copy(&t->co, img.store, img.mm, id, err);
	}
	return rc ? rc : copy_sides(&t->co, &img, err);
}

/* ---- and back ---- */

static int mark(struct run_trial *t, const char *name, struct err *err)
{
	free(t->overlay[0]);
	t->overlay[0] = t->overlay[1];
	t->overlay[1] = NULL;
	if (asprintf(&t->overlay[1], "%s/%s.qcow2", t->dir, name) >= 0)
		return 0;
	t->overlay[1] = NULL;
	return err_set(err, -ENOMEM, "out of memory");
}

/* What the files hold, as an overlay of the image. */
static int take(struct run_trial *t, struct err *err)
{
	struct checkout_change change[MM_MAX_MEMORIES];
	auto_image struct image was = {NULL}, to = {NULL};
	size_t count;
	int rc = image_open(t->image, false, &was, err);

	if (!rc)
		rc = image_open_overlay(t->image, t->overlay[1], true, NULL, &to, err);
	if (!rc)
		rc = checkout_changes(&t->co, &was, to.mm, change, &count, err);
	return rc ? rc : image_close(&to, err);
}

static int count_pages(struct mm *a, struct mm *b, unsigned mm_id, uint8_t *buf, uint64_t *pages,
		       struct err *err)
{
	struct mm_memory x, y;
	uint64_t both;
	int rc = 0;

	mm_memory(a, mm_id, &x);
	mm_memory(b, mm_id, &y);
	both = MIN(x.pages, y.pages);
	*pages = MAX(x.pages, y.pages) - both;
	for (uint64_t page = 0; !rc && page < both; page++) {
		rc = mm_read(a, mm_id, buf, MM_PAGE_LEN, page * MM_PAGE_LEN, err);
		if (!rc)
			rc = mm_read(b, mm_id, buf + MM_PAGE_LEN, MM_PAGE_LEN, page * MM_PAGE_LEN,
				     err);
		*pages += !rc && memcmp(buf, buf + MM_PAGE_LEN, MM_PAGE_LEN) != 0;
	}
	return rc;
}

static int open_taken(struct run_trial *t, const char *overlay, struct image *out, struct err *err)
{
	return overlay ? image_open_overlay(t->image, overlay, false, NULL, out, err)
		       : image_open(t->image, false, out, err);
}

static int tell(struct run_trial *t, const char *name, struct run_changes *out, struct err *err)
{
	auto_free uint8_t *buf = malloc(2 * (size_t)MM_PAGE_LEN);
	auto_image struct image was = {NULL}, now = {NULL};
	int rc = buf ? take(t, err) : err_set(err, -ENOMEM, "out of memory");

	if (!rc)
		rc = open_taken(t, t->overlay[0], &was, err);
	if (!rc)
		rc = open_taken(t, t->overlay[1], &now, err);
	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++) {
		uint64_t pages;

		rc = count_pages(was.mm, now.mm, id, buf, &pages, err);
		if (!rc && pages > 0)
			run_add(t, out, id, pages, was.mm, now.mm);
	}
	return rc;
}

/* What was written since, by a check, belongs to it as well. Made where it is to stay, since an
 * overlay names its base by a path relative to itself. */
static int keep_it(struct run_trial *t, bool again, struct err *err)
{
	free(t->overlay[1]);
	t->overlay[1] = strdup(t->keep);
	return t->overlay[1] ? take(t, err) : err_set(err, -ENOMEM, "out of memory");
}

static int end(struct run_trial *t, struct err *err)
{
	checkout_close(&t->co);
	free(t->overlay[0]);
	free(t->overlay[1]);
	return 0;
}

const struct run_ops run_files = {begin, mark, tell, keep_it, end};
