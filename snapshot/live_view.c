// SPDX-License-Identifier: MIT
/*
 * Hands live snapshots out as stores, and tells which clusters changed since. See live.h for the
 * locks.
 */
#include "snapshot/live.h"

int snap_live_changed(struct snap_live *live, const char *older, const char *newer, uint64_t off,
		      bool *changed, struct err *err)
{
	size_t at, end = live->count;
	int rc;

	pthread_mutex_lock(&live->op_lock);
	end = live->count;
	rc = chain_find(live, older, &at, err);
	if (!rc && newer)
		rc = chain_find(live, newer, &end, err);
	if (!rc && end <= at)
		rc = err_set(err, -EINVAL, "snapshot '%s' is not older than '%s'", older, newer);
	if (!rc)
		rc = chain_changed(live, at, end, (live->base_off + off) / LIVE_CLUSTER_LEN,
				   changed, err);
	pthread_mutex_unlock(&live->op_lock);
	return rc;
}

/* A snapshot that somebody reads. */
struct view {
	struct store s;
	struct snap_live *live;
	struct kept *kept;
};

static int view_begin(struct view *v, struct err *err)
{
	pthread_rwlock_rdlock(&v->live->chain_lock);
	if (!v->kept->gone)
		return 0;
	pthread_rwlock_unlock(&v->live->chain_lock);
	return err_set(err, -ESTALE, "the snapshot was dropped");
}

static int view_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	struct view *v = (struct view *)s;
	int rc = view_begin(v, err);

	if (rc)
		return rc;
	rc = store_read(v->kept->file, buf, len, off, err);
	pthread_rwlock_unlock(&v->live->chain_lock);
	return rc;
}

static int view_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			  struct err *err)
{
	struct view *v = (struct view *)s;
	int rc = view_begin(v, err);

	if (rc)
		return rc;
	rc = store_next_data(v->kept->file, off, start, end, err);
	pthread_rwlock_unlock(&v->live->chain_lock);
	return rc;
}

static void view_close(struct store *s)
{
	struct view *v = (struct view *)s;

	pthread_mutex_lock(&v->live->op_lock);
	kept_unref(v->kept);
	pthread_mutex_unlock(&v->live->op_lock);
	free(v);
}

static const struct store_ops view_ops = {
	.name = "snapshot",
	.read_at = view_read_at,
	.next_data = view_next_data,
	.close = view_close,
};

/* `name` NULL: of snapshot `at`. */
static int view_new(struct snap_live *live, const char *name, size_t at, struct view **out,
		    struct err *err)
{
	auto_unlock pthread_mutex_t *held = lock(&live->op_lock);
	int rc = name ? chain_find(live, name, &at, err) : 0;
	struct view *v = rc ? NULL : calloc(1, sizeof(*v));

	if (!v)
		return rc ? rc : err_set(err, -ENOMEM, "no memory to open a snapshot");
	*v = (struct view){{&view_ops, live->chain[at]->file->len, false}, live, live->chain[at]};
	v->kept->refs++;
	*out = v;
	return 0;
}

static int open_view(struct snap_live *live, const char *name, size_t at, struct store **out,
		     struct err *err)
{
	struct view *v = NULL;
	int rc = view_new(live, name, at, &v, err);

	if (rc)
		return rc;
	*out = &v->s;
	return live->base_off > 0 ? window_store_open(&v->s, live->base_off, out, err) : 0;
}

int snap_live_view(struct snap_live *live, const char *name, struct store **out, struct err *err)
{
	return open_view(live, name, 0, out, err);
}

int live_view_nth(struct snap_live *live, size_t at, struct store **out, struct err *err)
{
	return open_view(live, NULL, at, out, err);
}
