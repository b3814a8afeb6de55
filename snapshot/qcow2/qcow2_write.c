// SPDX-License-Identifier: MIT
/*
 * Owns changes to the disk of a qcow2 file: writing, zeroing, keeping old bytes, resizing, syncing.
 * Takes clusters from qcow2_alloc.c. See qcow2_write.h for the order of changes and the locks.
 */
#include "snapshot/qcow2/qcow2_write.h"

#include <inttypes.h>

/* What a piece of a write returns instead of 0: sync all, then do this piece again. */
enum { SYNC_FIRST = 1 };

static pthread_mutex_t *stripe_of(struct qcow2 *q, uint64_t index)
{
	return &q->w->stripe[index % WRITER_STRIPES];
}

static int refuse_packed(uint64_t index, struct err *err)
{
	return err_set(err, -ENOTSUP,
		       "cluster %" PRIu64 " is compressed: another program put it there, and it "
		       "can only be read",
		       index);
}

static int set_entry(struct qcow2 *q, uint64_t index, const struct qcow2_cluster *c,
		     struct err *err)
{
	__atomic_add_fetch(&q->w->entries, 1, __ATOMIC_SEQ_CST);
	return qcow2_set_entry(q, index, c, err);
}

/* Fills a taken cluster, then makes it reachable. */
static int fill_cluster(struct qcow2 *q, uint64_t index, uint64_t off, const uint8_t *bytes,
			struct err *err)
{
	struct qcow2_cluster c = {.kind = QCOW2_PLAIN, .off = off, .len = WRITER_CLUSTER_LEN};
	int rc = qcow2_file_write(q, bytes, WRITER_CLUSTER_LEN, off, 0, err);

	return rc < 0 ? rc : set_entry(q, index, &c, err);
}

/* The same with a cluster of another store. */
static int fill_from(struct qcow2 *q, uint64_t index, uint64_t off, struct store *from,
		     struct err *err)
{
	struct qcow2_cluster c = {.kind = QCOW2_PLAIN, .off = off, .len = WRITER_CLUSTER_LEN};
	int rc;

	pthread_rwlock_rdlock(&q->file_lock);
	rc = store_copy(q->file, off, from, index * WRITER_CLUSTER_LEN, WRITER_CLUSTER_LEN, err);
	pthread_rwlock_unlock(&q->file_lock);
	return rc < 0 ? rc : set_entry(q, index, &c, err);
}

/* `bytes`, or where that is NULL the same cluster of `from`. */
static int put_new(struct qcow2 *q, uint64_t index, const uint8_t *bytes, struct store *from,
		   struct err *err)
{
	uint64_t off;
	int rc = qcow2_need_table(q, index, err);

	if (rc == 0)
		rc = qcow2_take(q, &off, err);
	if (rc < 0)
		return rc;
	rc = bytes ? fill_cluster(q, index, off, bytes, err) : fill_from(q, index, off, from, err);
	if (rc < 0)
		qcow2_leak(q);
	return rc;
}

/* Reads as zero from now on; `off` is a taken cluster without bytes, or 0. */
static int put_zero(struct qcow2 *q, uint64_t index, uint64_t off, struct err *err)
{
	struct qcow2_cluster c = {.kind = QCOW2_ZERO, .off = off};

	return set_entry(q, index, &c, err);
}

/* Gives a place to a zero cluster that has none. Only other programs make such in a file that is
 * written to. Once this is synced it is like one of ours. */
static int place_zero(struct qcow2 *q, uint64_t index, struct err *err)
{
	uint64_t off;
	int rc = qcow2_take(q, &off, err);

	if (rc == 0)
		rc = put_zero(q, index, off, err);
	return rc < 0 ? rc : SYNC_FIRST;
}

/* Under the cluster's stripe: it is not plain, and becomes so, with `len` bytes at in_off new. */
static int write_first(struct qcow2 *q, uint64_t index, struct qcow2_cluster *c, const void *buf,
		       size_t len, size_t in_off, struct err *err)
{
	auto_free uint8_t *bytes = malloc(WRITER_CLUSTER_LEN);
	int rc = 0;

	if (!bytes)
		return err_sys(err, -ENOMEM, "cannot write");
	if (c->kind == QCOW2_COMPRESSED)
		return refuse_packed(index, err);
	if (c->kind == QCOW2_ZERO && c->off == 0)
		return place_zero(q, index, err);
	if (len < WRITER_CLUSTER_LEN)
		rc = qcow2_read_cluster(q, index, c, bytes, err);
	if (rc < 0)
		return rc;
	memcpy(bytes + in_off, buf, len);
	if (c->kind == QCOW2_NONE)
		return put_new(q, index, bytes, NULL, err);
	return fill_cluster(q, index, c->off, bytes, err);
}

/* Inside one cluster. */
static int write_piece(struct qcow2 *q, const void *buf, size_t len, uint64_t off, unsigned flags,
		       struct err *err)
{
	uint64_t index = qcow2_index(q, off);
	size_t in_off = off % WRITER_CLUSTER_LEN;
	struct qcow2_cluster c;
	int rc = qcow2_lookup(q, index, &c, err);

	if (rc == 0 && c.kind != QCOW2_PLAIN) {
		pthread_mutex_lock(stripe_of(q, index));
		rc = qcow2_lookup(q, index, &c, err);
		if (rc == 0 && c.kind != QCOW2_PLAIN) {
			rc = write_first(q, index, &c, buf, len, in_off, err);
			len = 0;
		}
		pthread_mutex_unlock(stripe_of(q, index));
	}
	if (rc < 0 || len == 0)
		return rc;
	return qcow2_file_write(q, buf, len, c.off + in_off, flags, err);
}

static int write_range(struct qcow2 *q, const uint8_t *buf, size_t len, uint64_t off,
		       unsigned flags, struct err *err)
{
	int rc = 0;

	pthread_rwlock_rdlock(&q->w->changing);
	while (len > 0 && rc >= 0) {
		size_t n = MIN(len, WRITER_CLUSTER_LEN - off % WRITER_CLUSTER_LEN);

		rc = write_piece(q, buf, n, off, flags, err);
		if (rc == SYNC_FIRST) {
			pthread_rwlock_unlock(&q->w->changing);
			rc = qcow2_sync(&q->s, err);
			pthread_rwlock_rdlock(&q->w->changing);
			continue;
		}
		len -= n;
		off += n;
		buf += n;
	}
	pthread_rwlock_unlock(&q->w->changing);
	return rc;
}

/* Where no entry waits for a sync, bytes in place are all that has to be durable. */
static bool entries_are_synced(struct qcow2 *q)
{
	return __atomic_load_n(&q->w->entries, __ATOMIC_SEQ_CST) ==
	       __atomic_load_n(&q->w->entries_synced, __ATOMIC_SEQ_CST);
}

int qcow2_write_at(struct store *s, const void *buf, size_t len, uint64_t off, unsigned flags,
		   struct err *err)
{
	struct qcow2 *q = qcow2_self(s);
	int rc = write_range(q, buf, len, off, flags, err);

	if (rc == 0 && flags & STORE_DURABLE && !entries_are_synced(q))
		rc = qcow2_sync(s, err);
	return rc;
}

/* A whole cluster, under its stripe. */
static int zero_cluster(struct qcow2 *q, uint64_t index, struct err *err)
{
	struct qcow2_cluster c;
	int rc = qcow2_lookup(q, index, &c, err);

	if (rc < 0 || c.kind == QCOW2_ZERO)
		return rc;
	if (c.kind == QCOW2_COMPRESSED)
		return refuse_packed(index, err);
	if (c.kind == QCOW2_NONE) {
		rc = qcow2_need_table(q, index, err);
		if (rc == 0)
			rc = qcow2_take(q, &c.off, err);
		return rc < 0 ? rc : put_zero(q, index, c.off, err);
	}
	rc = put_zero(q, index, c.off, err);
	if (rc < 0)
		return rc;
	pthread_rwlock_rdlock(&q->file_lock);
	rc = store_zero(q->file, c.off, WRITER_CLUSTER_LEN, err);
	pthread_rwlock_unlock(&q->file_lock);
	return rc;
}

/* Inside one cluster, which holds data. The disk's last cluster is whole when it is zeroed to the
 * disk's end: what lies behind that reads as zero anyway. */
static int zero_piece(struct qcow2 *q, uint64_t off, size_t len, struct err *err)
{
	uint64_t index = qcow2_index(q, off);
	int rc;

	if (off % WRITER_CLUSTER_LEN != 0 || (len < WRITER_CLUSTER_LEN && off + len < q->s.len)) {
		auto_free uint8_t *zeros = calloc(1, len);

		if (!zeros)
			return err_sys(err, -ENOMEM, "cannot zero");
		rc = write_piece(q, zeros, len, off, 0, err);
		return MIN(rc, 0); /* SYNC_FIRST: it is zero already */
	}
	pthread_mutex_lock(stripe_of(q, index));
	rc = zero_cluster(q, index, err);
	pthread_mutex_unlock(stripe_of(q, index));
	return rc;
}

static int zero_range(struct qcow2 *q, uint64_t off, uint64_t last, struct err *err)
{
	while (off < last) {
		uint64_t start, end;
		int rc = qcow2_next_data(&q->s, off, &start, &end, err);

		if (rc < 0)
			return rc;
		/* Whole clusters where they can be: their rest is zero already. */
		start = MAX(round_down(start, WRITER_CLUSTER_LEN), off);
		end = MIN(div_up(end, WRITER_CLUSTER_LEN) * WRITER_CLUSTER_LEN, last);
		for (size_t n; start < end && rc == 0; start += n) {
			n = MIN(end - start, WRITER_CLUSTER_LEN - start % WRITER_CLUSTER_LEN);
			rc = zero_piece(q, start, n, err);
		}
		if (rc < 0)
			return rc;
		off = MAX(start, end);
	}
	return 0;
}

int qcow2_zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err)
{
	struct qcow2 *q = qcow2_self(s);
	int rc;

	pthread_rwlock_rdlock(&q->w->changing);
	rc = zero_range(q, off, off + len, err);
	pthread_rwlock_unlock(&q->w->changing);
	return rc;
}

/* What holds data nearly always shows it at once; only what does not has to be looked at whole. */
static int begins_with_data(struct store *s, uint64_t off, bool *data, struct err *err)
{
	uint8_t first[512];
	int rc = store_read(s, first, sizeof(first), off, err);

	*data = rc == 0 && !is_zero(first, sizeof(first));
	return rc;
}

/* Under the cluster's stripe. Zeros need no place here: nobody writes to what was kept. */
static int keep(struct qcow2 *q, uint64_t index, struct store *image, struct err *err)
{
	static _Thread_local uint8_t buf[WRITER_CLUSTER_LEN];
	uint64_t off = index * WRITER_CLUSTER_LEN;
	size_t len = off < image->len ? MIN((uint64_t)WRITER_CLUSTER_LEN, image->len - off) : 0;
	bool data = false;
	struct qcow2_cluster c;
	int rc = qcow2_lookup(q, index, &c, err);

	if (rc < 0 || c.kind != QCOW2_NONE)
		return rc;
	if (len == WRITER_CLUSTER_LEN)
		rc = begins_with_data(image, off, &data, err);
	if (rc < 0 || data)
		return rc < 0 ? rc : put_new(q, index, NULL, image, err);
	memset(buf + len, 0, WRITER_CLUSTER_LEN - len);
	rc = store_read(image, buf, len, MIN(off, image->len), err);
	if (rc < 0)
		return rc;
	if (!is_zero(buf, WRITER_CLUSTER_LEN))
		return put_new(q, index, buf, NULL, err);
	rc = qcow2_need_table(q, index, err);
	return rc < 0 ? rc : put_zero(q, index, 0, err);
}

int qcow2_keep(struct qcow2 *q, uint64_t index, struct store *image, struct err *err)
{
	int rc;

	pthread_rwlock_rdlock(&q->w->changing);
	pthread_mutex_lock(stripe_of(q, index));
	rc = keep(q, index, image, err);
	pthread_mutex_unlock(stripe_of(q, index));
	pthread_rwlock_unlock(&q->w->changing);
	return rc;
}

/* The caller excludes every other call. */
static int set_len(struct qcow2 *q, uint64_t len, struct err *err)
{
	uint64_t old = q->s.len;
	int rc;

	q->state.len = q->s.len = len;
	q->h.len = div_up(len, QCOW2_SECTOR_LEN) * QCOW2_SECTOR_LEN;
	rc = qcow2_write_header(q, err);
	if (rc < 0) {
		q->state.len = q->s.len = old;
		q->h.len = div_up(old, QCOW2_SECTOR_LEN) * QCOW2_SECTOR_LEN;
	}
	return rc;
}

/* What the backing file has behind the old end must not come to light. The longer disk is known to
 * the file only when that is done. */
static int cover_backing(struct qcow2 *q, uint64_t len, struct err *err)
{
	uint64_t old = q->s.len;
	int rc;

	if (!q->backing || q->backing->len <= old)
		return 0;
	q->s.len = len;
	rc = zero_range(q, old, MIN(len, q->backing->len), err);
	q->s.len = old;
	return rc;
}

int qcow2_resize(struct store *s, uint64_t len, struct err *err)
{
	struct qcow2 *q = qcow2_self(s);
	int rc;

	if (len > WRITER_MAX_LEN)
		return err_set(err, -EFBIG,
			       "a qcow2 file of ours holds at most %" PRIu64 " bytes, not %" PRIu64,
			       WRITER_MAX_LEN, len);
	rc = len < s->len ? zero_range(q, len, s->len, err) : cover_backing(q, len, err);
	return rc < 0 ? rc : set_len(q, len, err);
}

/* All clusters below the answer have their bytes and their entries in the file. */
static uint64_t settled_end(struct qcow2 *q)
{
	uint64_t end;

	pthread_rwlock_wrlock(&q->w->changing);
	end = q->w->end;
	pthread_rwlock_unlock(&q->w->changing);
	return end;
}

typedef int sync_fn(struct store *s, struct err *err);

static int note_synced(struct qcow2 *q, uint64_t end, sync_fn *sync, struct err *err)
{
	uint64_t before;
	int rc = 0;

	pthread_mutex_lock(&q->w->alloc_lock);
	before = q->state.synced_end;
	if (end > before) {
		__atomic_store_n(&q->state.synced_end, end, __ATOMIC_RELAXED);
		rc = qcow2_write_header(q, err);
		if (rc == 0)
			rc = sync(q->file, err);
		if (rc < 0)
			__atomic_store_n(&q->state.synced_end, before, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&q->w->alloc_lock);
	return rc;
}

static int sync_all(struct qcow2 *q, sync_fn *sync, struct err *err)
{
	uint64_t entries = __atomic_load_n(&q->w->entries, __ATOMIC_SEQ_CST);
	uint64_t end = settled_end(q);
	int rc = sync(q->file, err);

	if (rc == 0)
		rc = note_synced(q, end, sync, err);
	if (rc == 0)
		__atomic_store_n(&q->w->entries_synced, entries, __ATOMIC_SEQ_CST);
	return rc;
}

static int sync_by(struct store *s, sync_fn *sync, struct err *err)
{
	struct qcow2 *q = qcow2_self(s);
	int rc;

	pthread_mutex_lock(&q->w->sync_lock);
	rc = sync_all(q, sync, err);
	pthread_mutex_unlock(&q->w->sync_lock);
	return rc;
}

int qcow2_sync(struct store *s, struct err *err)
{
	return sync_by(s, store_sync, err);
}

int qcow2_sync_data(struct store *s, struct err *err)
{
	return sync_by(s, store_sync_data, err);
}
