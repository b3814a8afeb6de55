// SPDX-License-Identifier: MIT
/*
 * Makes the image, or one memory of it, what a snapshot was. First everything that will be
 * overwritten is kept and synced, then the record of IMAGE.snap says what is under way, then the
 * image is written: from there on the snapshot can be carried over any number of times, also after
 * a power cut, with the same outcome. A rollback that stops half-way lets nobody write to the image
 * until it has gone on.
 */
#include "snapshot/live.h"

static const struct bond_rollback no_rollback = {0, BOND_WHOLE_IMAGE};

static struct kept *newest(struct snap_live *live)
{
	return live->chain[live->count - 1];
}

static int sync_kept(struct snap_live *live, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < live->count; i++)
		rc = store_sync(live->chain[i]->file, err);
	if (!rc)
		rc = chain_sync_dir(live, err);
	/* What the image has that has not changed since, the snapshots have only there. */
	return rc ? rc : store_sync(live->image, err);
}

/* ---- the whole image ---- */

/* All that the rollback will change is kept, also zeros behind the end that come to hold bytes. The
 * receiver is the newest. */
static int keep_all(struct snap_live *live, size_t at, struct err *err)
{
	uint64_t len = live->chain[at]->file->len;
	bool kept; /* all is synced below */
	int rc = 0;

	for (uint64_t c = 0; !rc && c < live_clusters(len); c++) {
		bool changed;

		rc = chain_changed(live, at, live->count, c, &changed, err);
		if (!rc && changed)
			rc = tap_keep(live, c, &kept, err);
	}
	if (!rc && len < live->s.len)
		rc = tap_keep_range(live, len, live->s.len, &kept, err);
	return rc ? rc : sync_kept(live, err);
}

static int bring_back(struct snap_live *live, struct store *from, uint64_t off, uint8_t *buf,
		      struct err *err)
{
	size_t len = MIN((uint64_t)LIVE_CLUSTER_LEN, from->len - off);
	int rc = store_read(from, buf, len, off, err);

	if (rc)
		return rc;
	return is_zero(buf, len) ? store_zero(live->image, off, len, err)
				 : store_write(live->image, buf, len, off, 0, err);
}

static int bring_all_back(struct snap_live *live, size_t at, struct err *err)
{
	auto_free uint8_t *buf = malloc(LIVE_CLUSTER_LEN);
	struct store *from = live->chain[at]->file;
	int rc = buf ? tap_set_len(live, from->len, err) : -ENOMEM;

	for (uint64_t c = 0; !rc && c < live_clusters(from->len); c++) {
		bool changed;

		rc = chain_changed(live, at, live->count, c, &changed, err);
		if (!rc && changed)
			rc = bring_back(live, from, c * LIVE_CLUSTER_LEN, buf, err);
	}
	return rc ? rc : store_sync(live->image, err);
}

static int finish_all(struct snap_live *live, size_t at, struct err *err)
{
	int rc = bring_all_back(live, at, err);

	if (rc)
		return rc;
	rc = live_side_bring_back(live, live->chain[at]->record.seq, err);
	return rc ? err_prefix(err, rc, "the image is back, but not what lay beside it") : 0;
}

/* ---- one memory ---- */

struct one {
	struct live_pages pages;
	struct snap_live *live;
	size_t at;
	unsigned id;
};

static int changed_since(struct live_pages *d, uint64_t off, bool *changed, struct err *err)
{
	struct one *o = (struct one *)d;

	return chain_changed(o->live, o->at, o->live->count,
			     (o->live->base_off + off) / LIVE_CLUSTER_LEN, changed, err);
}

static int keep_page(void *ctx, uint64_t page, const uint8_t *bytes, struct err *err)
{
	struct one *o = ctx;
	struct mm_extent x;
	bool kept; /* all is synced afterwards */
	int rc = mm_extent_at(o->pages.b, o->id, page * MM_PAGE_LEN, MM_PAGE_LEN, &x);

	return rc ? err_set(err, rc, "memory %u lacks a bucket", o->id)
		  : tap_keep(o->live, (o->live->base_off + x.image_off) / LIVE_CLUSTER_LEN, &kept,
			     err);
}

static int write_page(void *ctx, uint64_t page, const uint8_t *bytes, struct err *err)
{
	struct one *o = ctx;
	uint64_t off = page * MM_PAGE_LEN;

	return is_zero(bytes, MM_PAGE_LEN)
		       ? mm_zero(o->pages.b, o->id, off, MM_PAGE_LEN, err)
		       : mm_write(o->pages.b, o->id, bytes, MM_PAGE_LEN, off, err);
}

static int write_pages(struct one *o, struct err *err)
{
	int rc;

	o->live->kept_ahead = true;
	rc = live_pages_each(&o->pages, o->id, write_page, o, err);
	o->live->kept_ahead = false;
	return rc;
}

/* The memory grows first and shrinks last, so that it has all pages that are compared. *begun: some
 * of its bytes may have changed. */
static int bring_one_back(struct one *o, bool *begun, struct err *err)
{
	struct mm_memory then, now;
	int rc;

	*begun = false;
	mm_memory(o->pages.a, o->id, &then);
	mm_memory(o->pages.b, o->id, &now);
	if (then.pages > now.pages) {
		rc = mm_grow(o->pages.b, o->id, then.pages, err);
		if (rc)
			return rc;
	}
	rc = live_pages_each(&o->pages, o->id, keep_page, o, err);
	if (!rc)
		rc = sync_kept(o->live, err);
	if (rc) {
		if (then.pages > now.pages)
			*begun = mm_resize(o->pages.b, o->id, now.pages, NULL) != 0;
		return rc;
	}
	*begun = true;
	rc = write_pages(o, err);
	if (!rc && then.pages < now.pages)
		rc = mm_resize(o->pages.b, o->id, then.pages, err);
	if (!rc)
		rc = mm_sync(o->pages.b, err);
	if (!rc)
		rc = live_side_bring_pair_back(o->live, o->live->chain[o->at]->record.seq, o->id,
					       err);
	return rc;
}

static int finish_one(struct snap_live *live, size_t at, unsigned id, struct mm *now,
		      struct mm *then, bool *begun, struct err *err)
{
	struct one o = {{then, now, changed_since, NULL}, live, at, id};
	int rc = live_pages_init(&o.pages, err);

	*begun = false;
	if (!rc)
		rc = bring_one_back(&o, begun, err);
	live_pages_end(&o.pages);
	return rc;
}

/* ---- what both share ---- */

static int stopped(struct snap_live *live, int rc, struct err *err)
{
	live->half_way = true;
	return err_prefix(err, rc,
			  "the rollback has stopped half-way and goes on when the image is opened "
			  "again");
}

/* Finds the snapshot in the chain. Refuses while another one is being dropped: that one may lie
 * between the receiver and the image. */
static int begin(struct snap_live *live, const char *name, size_t *at, struct err *err)
{
	int rc = live->s.writable ? tap_check_whole(live, err)
				  : err_set(err, -EROFS, "the image is open for reading only");

	if (!rc)
		rc = chain_find(live, name, at, err);
	if (!rc && live->receiver != newest(live))
		rc = err_set(err, -EBUSY, "another snapshot is still being dropped");
	return rc;
}

static int roll_back_all(struct snap_live *live, const char *name, struct err *err)
{
	size_t at;
	int rc = begin(live, name, &at, err);

	if (!rc)
		rc = keep_all(live, at, err);
	if (!rc)
		rc = bond_set_rollback(
			live->bond,
			(struct bond_rollback){live->chain[at]->record.seq, BOND_WHOLE_IMAGE}, err);
	if (rc)
		return rc;
	rc = finish_all(live, at, err);
	if (!rc)
		rc = bond_set_rollback(live->bond, no_rollback, err);
	return rc ? stopped(live, rc, err) : 0;
}

int snap_live_rollback(struct snap_live *live, const char *name, struct err *err)
{
	auto_unlock pthread_mutex_t *held = lock(&live->op_lock);
	int rc;

	live->gate.close(live->gate.ctx);
	rc = roll_back_all(live, name, err);
	/* Also after a failure: some of the layout may be the snapshot's already. */
	if (live->gate.reload && live->gate.reload(live->gate.ctx, rc ? NULL : err) < 0 && !rc)
		rc = -EUCLEAN;
	live->gate.open(live->gate.ctx);
	return rc;
}

int snap_live_rollback_memory(struct snap_live *live, const char *name, unsigned mm_id,
			      struct mm *now, struct mm *then, struct err *err)
{
	auto_unlock pthread_mutex_t *held = lock(&live->op_lock);
	bool begun = false;
	size_t at;
	int rc = begin(live, name, &at, err);

	if (!rc)
		rc = bond_set_rollback(
			live->bond, (struct bond_rollback){live->chain[at]->record.seq, (int)mm_id},
			err);
	if (rc)
		return rc;
	rc = finish_one(live, at, mm_id, now, then, &begun, err);
	if (rc && begun)
		return stopped(live, rc, err);
	if (bond_set_rollback(live->bond, no_rollback, rc ? NULL : err) && !rc)
		rc = stopped(live, -EIO, err);
	return rc;
}

/* ---- after a kill ---- */

/* The managers of the image and of a snapshot, for as long as the rollback takes. */
struct managers {
	struct store *now_store, *then_store;
	struct mm *now, *then;
};

static void managers_close(struct managers *m)
{
	mm_drop(m->now);
	mm_drop(m->then);
	store_close(m->now_store);
	store_close(m->then_store);
}

static int managers_open(struct snap_live *live, size_t at, struct managers *m, struct err *err)
{
	int rc = window_store_over(&live->s, live->base_off, &m->now_store, err);

	if (!rc)
		rc = live_view_nth(live, at, &m->then_store, err);
	if (!rc)
		rc = mm_open(m->now_store, &m->now, err);
	return rc ? rc : mm_open(m->then_store, &m->then, err);
}

static int redo_one(struct snap_live *live, size_t at, unsigned id, struct err *err)
{
	__attribute__((cleanup(managers_close))) struct managers m = {NULL, NULL, NULL, NULL};
	bool begun;
	int rc = managers_open(live, at, &m, err);

	return rc ? rc : finish_one(live, at, id, m.now, m.then, &begun, err);
}

int rollback_finish(struct snap_live *live, struct err *err)
{
	struct bond_rollback what = bond_rollback(live->bond);
	size_t at = 0;
	int rc;

	if (!live->s.writable)
		return bond_refuse_broken_off(live->bond, err);
	while (at < live->count && live->chain[at]->record.seq != what.seq)
		at++;
	if (at == live->count)
		return err_set(err, -EUCLEAN,
			       "a rollback was broken off, and the snapshot it came from is gone");
	rc = what.mm_id == BOND_WHOLE_IMAGE ? finish_all(live, at, err)
					    : redo_one(live, at, (unsigned)what.mm_id, err);
	return rc ? err_prefix(err, rc, "a rollback that was broken off cannot go on")
		  : bond_set_rollback(live->bond, no_rollback, err);
}
