// SPDX-License-Identifier: MIT
/*
 * Makes the image what a snapshot was. First everything that will be overwritten is kept and
 * synced, then the record of IMAGE.snap says what is under way, then the image is written: from
 * there on the snapshot can be carried over any number of times, also after a power cut, with the
 * same outcome.
 */
#include "snapshot/live.h"

static struct kept *newest(struct snap_live *live)
{
	return live->chain[live->count - 1];
}

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
	for (size_t i = 0; !rc && i < live->count; i++)
		rc = store_sync(live->chain[i]->file, err);
	if (!rc)
		rc = chain_sync_dir(live, err);
	/* What the image has that has not changed since, the snapshots have only there. */
	return rc ? rc : store_sync(live->image, err);
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

static int finish(struct snap_live *live, size_t at, struct err *err)
{
	int rc = bring_all_back(live, at, err);

	if (rc)
		return err_prefix(err, rc,
				  "the rollback has stopped half-way and goes on when the "
				  "image is opened again");
	rc = live_side_bring_back(live, live->chain[at]->record.seq, err);
	return rc ? err_prefix(err, rc, "the image is back, but not what lay beside it")
		  : bond_set_rollback(live->bond, 0, err);
}

static int roll_back(struct snap_live *live, const char *name, struct err *err)
{
	size_t at;
	int rc = chain_find(live, name, &at, err);

	if (!rc && live->receiver != newest(live))
		rc = err_set(err, -EBUSY, "another snapshot is still being dropped");
	if (!rc)
		rc = keep_all(live, at, err);
	if (!rc)
		rc = bond_set_rollback(live->bond, live->chain[at]->record.seq, err);
	return rc ? rc : finish(live, at, err);
}

int snap_live_rollback(struct snap_live *live, const char *name, struct err *err)
{
	int rc;

	if (!live->s.writable)
		return err_set(err, -EROFS, "the image is open for reading only");
	pthread_mutex_lock(&live->op_lock);
	live->gate.close(live->gate.ctx);
	rc = roll_back(live, name, err);
	/* Also where it stopped half-way: what is there is what is there. */
	if (live->gate.reload && live->gate.reload(live->gate.ctx, rc ? NULL : err) < 0 && !rc)
		rc = -EUCLEAN;
	live->gate.open(live->gate.ctx);
	pthread_mutex_unlock(&live->op_lock);
	return rc;
}

int rollback_finish(struct snap_live *live, struct err *err)
{
	if (!live->s.writable)
		return bond_refuse_broken_off(live->bond, err);
	for (size_t at = 0; at < live->count; at++)
		if (live->chain[at]->record.seq == bond_rollback_seq(live->bond))
			return finish(live, at, err);
	return err_set(err, -EUCLEAN,
		       "a rollback was broken off, and the snapshot it came from is gone");
}
