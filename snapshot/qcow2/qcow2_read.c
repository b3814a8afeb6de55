// SPDX-License-Identifier: MIT
/*
 * Owns reading: what the bytes of the disk are, where data lies, and which of it lies plain in a
 * host file. Never changes the file. Unpacked clusters are kept under the cache's lock, decoders
 * under unpackers_lock; deflate itself runs under neither.
 */
#include <inttypes.h>

#include "snapshot/qcow2/qcow2.h"

/* Clusters in a row that are alike: of one kind, and plain ones one behind the other. */
struct run {
	struct qcow2_cluster first;
	uint64_t end; /* in bytes of the disk, at most its length */
};

/* L2 entries: a bound for one look, not for what it finds. */
enum { MAX_RUN = 8192 };

static bool goes_on(struct qcow2 *q, const struct qcow2_cluster *first,
		    const struct qcow2_cluster *next, uint64_t distance)
{
	return next->kind == first->kind &&
	       (next->kind != QCOW2_PLAIN || next->off == first->off + qcow2_off(q, distance));
}

/* A table that does not exist is passed in one step: a disk may have millions of them. */
static int run_at(struct qcow2 *q, uint64_t off, uint64_t want, struct run *out, struct err *err)
{
	uint64_t per_table = qcow2_l2_entries(&q->h);
	uint64_t index = qcow2_index(q, off);
	uint64_t last = qcow2_index(q, off + MIN(want, q->s.len - off) - 1);
	uint64_t at = index;
	unsigned looks = 0;
	int rc = qcow2_lookup(q, index, &out->first, err);

	if (rc < 0)
		return rc;
	while (at <= last && looks < MAX_RUN) {
		struct qcow2_cluster c;

		if (qcow2_entry_off(q, at) == 0) {
			if (out->first.kind != QCOW2_NONE)
				break;
			at = (at / per_table + 1) * per_table;
			continue;
		}
		rc = qcow2_lookup(q, at, &c, err);
		if (rc < 0)
			return rc;
		if (!goes_on(q, &out->first, &c, at - index))
			break;
		at++;
		looks++;
	}
	out->end = MIN(qcow2_off(q, MIN(at, last + 1)), q->s.len);
	return 0;
}

static void unpacker_free(struct unpacker *u)
{
	if (!u)
		return;
	decoder_free(u->decoder);
	free(u->packed);
	free(u->unpacked);
	free(u);
}

static struct unpacker *unpacker_new(const struct qcow2 *q)
{
	struct unpacker *u = calloc(1, sizeof(*u));
	size_t len = qcow2_cluster_len(&q->h);

	if (!u)
		return NULL;
	u->packed = malloc(2 * len);
	u->unpacked = malloc(len);
	if (!u->packed || !u->unpacked || decoder_new(&u->decoder) < 0) {
		unpacker_free(u);
		return NULL;
	}
	return u;
}

static struct unpacker *unpacker_take(struct qcow2 *q)
{
	struct unpacker *u;

	pthread_mutex_lock(&q->unpackers_lock);
	u = q->unpackers;
	if (u)
		q->unpackers = u->next;
	pthread_mutex_unlock(&q->unpackers_lock);
	return u ? u : unpacker_new(q);
}

static void unpacker_give(struct qcow2 *q, struct unpacker *u)
{
	pthread_mutex_lock(&q->unpackers_lock);
	u->next = q->unpackers;
	q->unpackers = u;
	pthread_mutex_unlock(&q->unpackers_lock);
}

void qcow2_free_unpackers(struct qcow2 *q)
{
	while (q->unpackers) {
		struct unpacker *u = q->unpackers;

		q->unpackers = u->next;
		unpacker_free(u);
	}
}

static int unpack(struct qcow2 *q, struct unpacker *u, uint64_t index,
		  const struct qcow2_cluster *c, uint8_t *buf, struct err *err)
{
	uint64_t file_len = qcow2_file_len(q);
	uint64_t len;
	int rc;

	/* An L2 entry counts in sectors, of which the file may lack the end. */
	if (c->off >= file_len)
		return err_set(err, -EUCLEAN,
			       "cluster %" PRIu64 " lies at %" PRIu64
			       ", behind the end of the file at %" PRIu64,
			       index, c->off, file_len);
	len = MIN(c->len, file_len - c->off);
	rc = qcow2_file_read(q, u->packed, len, c->off, err);
	if (rc < 0)
		return rc;
	if (decoder_run(u->decoder, u->packed, len, buf, qcow2_cluster_len(&q->h)) < 0)
		return err_set(err, -EUCLEAN,
			       "the compressed bytes of cluster %" PRIu64 " at %" PRIu64
			       " are damaged",
			       index, c->off);
	return 0;
}

/* Without memory nothing is kept. */
static void keep(struct qcow2 *q, uint64_t key, const uint8_t *cluster)
{
	uint8_t *kept;

	cache_lock(&q->clusters);
	kept = cache_put(&q->clusters, key);
	if (kept)
		memcpy(kept, cluster, qcow2_cluster_len(&q->h));
	cache_unlock(&q->clusters);
}

static bool copy_kept(struct qcow2 *q, uint64_t key, void *buf, size_t len, uint64_t in_off)
{
	const uint8_t *kept;

	cache_lock(&q->clusters);
	kept = cache_find(&q->clusters, key);
	if (kept)
		memcpy(buf, kept + in_off, len);
	cache_unlock(&q->clusters);
	return kept;
}

/* A whole cluster goes where it is wanted; of others the rest is kept, since it will be wanted. */
static int read_compressed(struct qcow2 *q, const struct qcow2_cluster *c, void *buf, size_t len,
			   uint64_t off, struct err *err)
{
	uint64_t cluster_len = qcow2_cluster_len(&q->h);
	uint64_t in_off = off % cluster_len;
	struct unpacker *u;
	int rc;

	/* The key is where the cluster lies: one that is written anew lies elsewhere. */
	if (len < cluster_len && copy_kept(q, c->off, buf, len, in_off))
		return 0;
	u = unpacker_take(q);
	if (!u)
		return err_sys(err, -ENOMEM, "cannot unpack");
	if (len == cluster_len) {
		rc = unpack(q, u, qcow2_index(q, off), c, buf, err);
	} else {
		rc = unpack(q, u, qcow2_index(q, off), c, u->unpacked, err);
		if (rc == 0) {
			memcpy(buf, u->unpacked + in_off, len);
			keep(q, c->off, u->unpacked);
		}
	}
	unpacker_give(q, u);
	return rc;
}

static int read_plain(struct qcow2 *q, const struct qcow2_cluster *c, void *buf, size_t len,
		      uint64_t off, struct err *err)
{
	uint64_t at = c->off + off % qcow2_cluster_len(&q->h);
	uint64_t file_len = qcow2_file_len(q);

	if (at > file_len || len > file_len - at)
		return err_set(err, -EUCLEAN,
			       "cluster %" PRIu64 " lies at %" PRIu64
			       ", where the file ends at %" PRIu64,
			       qcow2_index(q, off), c->off, file_len);
	return qcow2_file_read(q, buf, len, at, err);
}

/* Behind the backing store's end all is zero. */
static int read_backing(struct qcow2 *q, uint8_t *buf, size_t len, uint64_t off, struct err *err)
{
	uint64_t end = q->backing ? q->backing->len : 0;
	size_t there = off < end ? MIN(len, end - off) : 0;

	memset(buf + there, 0, len - there);
	return there > 0 ? store_read(q->backing, buf, there, off, err) : 0;
}

/* The store below may have been written to while it was read; but then its old bytes were kept
 * here first, so that what is not here now was read in time. */
static int is_still_none(struct qcow2 *q, uint64_t off, uint64_t len, bool *none, struct err *err)
{
	struct run run;
	int rc;

	*none = true;
	if (!q->live_backing)
		return 0;
	rc = run_at(q, off, len, &run, err);
	if (rc == 0)
		*none = run.first.kind == QCOW2_NONE && run.end >= off + len;
	return rc;
}

static int read_run(struct qcow2 *q, const struct run *run, uint8_t *buf, size_t len, uint64_t off,
		    bool *again, struct err *err)
{
	bool none;
	int rc = 0;

	switch (run->first.kind) {
	case QCOW2_PLAIN:
		return read_plain(q, &run->first, buf, len, off, err);
	case QCOW2_ZERO:
		memset(buf, 0, len);
		return 0;
	case QCOW2_COMPRESSED:
		return read_compressed(q, &run->first, buf, len, off, err);
	case QCOW2_NONE:
		rc = read_backing(q, buf, len, off, err);
		if (rc == 0)
			rc = is_still_none(q, off, len, &none, err);
		if (rc == 0)
			*again = !none;
		break;
	}
	return rc;
}

int qcow2_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	struct qcow2 *q = qcow2_self(s);

	while (len > 0) {
		struct run run;
		bool again = false;
		size_t n;
		int rc = run_at(q, off, len, &run, err);

		if (rc < 0)
			return rc;
		if (run.first.kind == QCOW2_COMPRESSED)
			run.end = MIN(run.end, qcow2_off(q, qcow2_index(q, off) + 1));
		n = MIN(len, run.end - off);
		rc = read_run(q, &run, buf, n, off, &again, err);
		if (rc < 0)
			return rc;
		if (again)
			continue;
		buf = (uint8_t *)buf + n;
		len -= n;
		off += n;
	}
	return 0;
}

int qcow2_read_cluster(struct qcow2 *q, uint64_t index, const struct qcow2_cluster *c, uint8_t *buf,
		       struct err *err)
{
	struct run run = {.first = *c};
	uint64_t off = qcow2_off(q, index);
	uint64_t cluster_len = qcow2_cluster_len(&q->h);
	size_t len = MIN(cluster_len, q->s.len - off);
	bool again;

	memset(buf + len, 0, cluster_len - len);
	return read_run(q, &run, buf, len, off, &again, err);
}

/* In clusters that are not here: the first data of the backing store. *start == end: none. */
static int next_below(struct qcow2 *q, uint64_t off, uint64_t end, uint64_t *start, uint64_t *stop,
		      struct err *err)
{
	int rc = 0;

	*start = *stop = end;
	if (q->backing && off < q->backing->len)
		rc = store_next_data(q->backing, off, start, stop, err);
	if (rc < 0)
		return rc;
	if (*start >= end || *start == *stop)
		*start = end;
	*stop = MIN(*stop, end);
	return 0;
}

int qcow2_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end, struct err *err)
{
	struct qcow2 *q = qcow2_self(s);

	while (off < s->len) {
		struct run run;
		bool none = true;
		int rc = run_at(q, off, s->len - off, &run, err);

		if (rc < 0)
			return rc;
		*start = off;
		*end = run.end;
		if (run.first.kind == QCOW2_PLAIN || run.first.kind == QCOW2_COMPRESSED)
			return 0;
		if (run.first.kind == QCOW2_NONE) {
			rc = next_below(q, off, run.end, start, end, err);
			if (rc == 0)
				rc = is_still_none(q, off, run.end - off, &none, err);
			if (rc < 0)
				return rc;
		}
		if (!none)
			continue;
		if (run.first.kind == QCOW2_NONE && *start < run.end)
			return 0;
		off = run.end;
	}
	*start = *end = s->len;
	return 0;
}

void qcow2_host_at(struct store *s, uint64_t off, struct store_host *out)
{
	struct qcow2 *q = qcow2_self(s);
	struct run run;

	*out = (struct store_host){.fd = -1, .off = off, .len = 1};
	if (run_at(q, off, s->len - off, &run, NULL) < 0)
		return;
	out->len = run.end - off;
	if (run.first.kind == QCOW2_PLAIN) {
		pthread_rwlock_rdlock(&q->file_lock);
		*out = store_host_at(q->file, run.first.off + off % qcow2_cluster_len(&q->h));
		pthread_rwlock_unlock(&q->file_lock);
	} else if (run.first.kind == QCOW2_NONE && !q->live_backing && q->backing &&
		   off < q->backing->len) {
		*out = store_host_at(q->backing, off);
	}
	out->len = MIN(out->len, run.end - off);
}
