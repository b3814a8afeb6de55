// SPDX-License-Identifier: MIT
/* See points.h. */
#include "tools/browse/points.h"

#include <stdio.h>
#include <time.h>

#include "tools/browse/task.h"
#include "tools/out/text.h"

static struct point *add(struct points *p, const char *name, const char *kind, struct err *err)
{
	struct point *grown = reallocarray(p->point, p->count + 1, sizeof(*grown));
	char *copy = strdup(name);

	if (grown)
		p->point = grown;
	if (!grown || !copy) {
		free(copy);
		(void)err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	grown[p->count] = (struct point){.name = copy, .kind = kind};
	return &grown[p->count++];
}

/* ---- what there is ---- */

static int add_snapshot(struct points *p, const struct snap_live_info *info, struct err *err)
{
	struct point *point = add(p, info->name, "snapshot", err);
	time_t when = (time_t)info->sec;
	char time[32] = "";
	struct tm tm;

	if (!point)
		return -ENOMEM;
	point->is_snapshot = true;
	point->is_stale = info->stale;
	if (gmtime_r(&when, &tm))
		strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(point->facts, sizeof(point->facts), "%s, holds %s", info->stale ? "stale" : time,
		 text_size(info->held_len).s);
	return 0;
}

static int add_snapshots(struct points *p, struct err *err)
{
	auto_free struct fs_request *r = calloc(1, sizeof(*r));
	int rc = r ? 0 : err_set(err, -ENOMEM, "out of memory");

	for (uint32_t n = 0; rc == 0; n++) {
		bool is_image;

		*r = (struct fs_request){.verb = FS_SNAP_INFO, .number = n};
		rc = snapper_ask(&p->snapper, r, err);
		if (rc || !r->info.name[0])
			break;
		is_image = p->instant && strcmp(p->instant, r->info.name) == 0;
		rc = is_image ? 0 : add_snapshot(p, &r->info, err);
	}
	return rc;
}

/* The path of what a file names as its base: relative to the file itself. */
static char *path_beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *out;

	if (name[0] == '/' || !slash)
		return strdup(name);
	if (asprintf(&out, "%.*s/%s", (int)(slash - path), path, name) < 0)
		return NULL;
	return out;
}

static int add_bases(struct points *p, struct subject *image, struct err *err)
{
	auto_free struct snap_info *info = malloc(sizeof(*info));
	auto_free char *at = strdup(p->path);
	struct store *store = image->under;
	struct point *point;

	for (int n = 0; info && at && store && n < SNAP_MAX_CHAIN; n++) {
		char *base;

		if (!snap_info(store, info) || !info->backing[0])
			return 0;
		base = path_beside(at, info->backing);
		free(at);
		at = base;
		point = at ? add(p, at, "base", err) : NULL;
		if (!point)
			return -ENOMEM;
		store = snap_backing(store);
		snprintf(point->facts, sizeof(point->facts), "%s",
			 store ? text_size(store->len).s : "");
	}
	return info && at ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int points_open(const char *path, struct subject *image, struct points **out, struct err *note,
		struct err *err)
{
	struct points *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	p->path = path;
	p->instant = mounted_snapshot(image->under);
	rc = add_bases(p, image, err);
	note->text[0] = 0;
	/* What can have no snapshots has none. */
	if (!rc && snapper_open(path, false, &p->snapper, note) == 0)
		rc = add_snapshots(p, err);
	if (rc) {
		points_close(p);
		return rc;
	}
	*out = p;
	return 0;
}

int points_add(struct points *p, const char *path, struct err *err)
{
	struct subject *image;
	struct point *point;
	int rc = subject_open(path, &image, err);

	if (rc)
		return rc;
	point = add(p, path, "beside", err);
	if (!point) {
		subject_drop(image);
		return -ENOMEM;
	}
	point->image = image;
	snprintf(point->facts, sizeof(point->facts), "%s", text_size(image->store->len).s);
	return 0;
}

void points_close(struct points *p)
{
	for (size_t i = 0; p && i < p->count; i++) {
		subject_drop(p->point[i].image);
		free(p->point[i].name);
	}
	if (!p)
		return;
	snapper_drop(&p->snapper);
	free(p->point);
	free(p);
}

/* ---- one of them ---- */

static int open_snapshot(struct points *p, struct point *point, struct err *err)
{
	struct store *store;
	int rc;

	if (point->is_stale)
		return err_set(err, -ESTALE,
			       "the image was changed by something else since this snapshot");
	rc = p->snapper.fd >= 0 ? mounted_open(p->path, point->name, 0, &store, err)
				: snap_live_view(p->snapper.img.live, point->name, &store, err);
	return rc ? rc : subject_of_store(store, point->name, &point->image, err);
}

int point_open(struct points *p, struct point *point, struct err *err)
{
	if (point->image)
		return 0;
	return point->is_snapshot ? open_snapshot(p, point, err)
				  : subject_open(point->name, &point->image, err);
}

/* The snapshots know themselves which clusters have changed. */
static int ask_changes(struct points *p, struct point *point, struct err *err)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));
	int rc = r ? mounted_request(r, FS_SNAP_DIFF, point->name, p->instant, err) : -ENOMEM;

	if (!rc)
		rc = snapper_ask(&p->snapper, r, err);
	if (!rc)
		memcpy(point->pages, r->pages, sizeof(r->pages));
	return rc;
}

static int compare_one(struct snap_side a, struct snap_side b, uint64_t *pages, struct err *err)
{
	const struct snap_work how = {.jobs = 1};
	struct snap_difference out;
	int rc = snap_compare(&a, &b, &how, NULL, NULL, &out, err);

	*pages = rc ? 0 : out.pages;
	return rc;
}

static int compare(struct point *point, struct subject *image, struct err *err)
{
	struct snap_side a = {.store = point->image->store, .mm = point->image->mm};
	struct snap_side b = {.store = image->store, .mm = image->mm};
	int rc = 0;

	if (!a.mm != !b.mm)
		return err_set(err, -EINVAL, "one of the two has no memories: %s",
			       a.mm ? image->why.text : point->image->why.text);
	if (!a.mm)
		return compare_one(a, b, &point->pages[POINT_RAW], err);
	for (unsigned id = 0; id < MM_MAX_MEMORIES && !rc; id++) {
		struct mm_memory m, n;

		a.mm_id = b.mm_id = id;
		mm_memory(a.mm, id, &m);
		mm_memory(b.mm, id, &n);
		if (m.pages + n.pages > 0)
			rc = compare_one(a, b, &point->pages[id], err);
	}
	return rc;
}

int point_compare(struct points *p, struct point *point, struct subject *image)
{
	struct err err = {""};
	int rc = 0;

	if (point->compared || point->is_stale)
		return 0;
	task_begin("comparing", image->store->len);
	if (point->is_snapshot)
		rc = ask_changes(p, point, &err);
	else
		rc = point_open(p, point, &err);
	if (!rc && !point->is_snapshot)
		rc = compare(point, image, &err);
	if (!task_end())
		return -ECANCELED;
	if (rc)
		point->why = err;
	point->compared = !rc;
	return rc;
}
