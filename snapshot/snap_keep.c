// SPDX-License-Identifier: MIT
/*
 * Owns what live snapshots need of a qcow2 store beyond reading and writing: which clusters it
 * holds, putting old bytes there, its record and its backing file. Locks as qcow2_write.h has them.
 */
#include <inttypes.h>

#include "snapshot/qcow2/qcow2_write.h"
#include "snapshot/snapshot.h"

static int writable_qcow2(struct store *s, struct qcow2 **q, struct err *err)
{
	*q = qcow2_of(s);
	if (!*q || !(*q)->w)
		return err_set(err, -EINVAL, "the %s is no qcow2 file that can be written to",
			       s->ops->name);
	return 0;
}

int snap_holds(struct store *s, uint64_t off, bool *held, struct err *err)
{
	struct qcow2 *q = qcow2_of(s);
	struct qcow2_cluster c;
	int rc;

	*held = false;
	if (!q)
		return err_set(err, -EINVAL, "the %s is no qcow2 file", s->ops->name);
	if (off >= s->len)
		return 0;
	rc = qcow2_lookup(q, qcow2_index(q, off), &c, err);
	*held = rc == 0 && c.kind != QCOW2_NONE;
	return rc;
}

int snap_next_held(struct store *s, uint64_t off, uint64_t *start, uint64_t *end, struct err *err)
{
	struct qcow2 *q = qcow2_of(s);
	uint64_t cluster_len;
	bool held;
	int rc;

	*start = *end = s->len;
	if (!q)
		return err_set(err, -EINVAL, "the %s is no qcow2 file", s->ops->name);
	cluster_len = qcow2_cluster_len(&q->h);
	for (off = round_down(off, cluster_len); off < s->len; off += cluster_len) {
		rc = snap_holds(s, off, &held, err);
		if (rc < 0)
			return rc;
		if (held && *start == s->len)
			*start = off;
		if (!held && *start < s->len) {
			*end = off;
			break;
		}
	}
	return 0;
}

int snap_keep(struct store *s, uint64_t off, struct store *image, struct err *err)
{
	struct qcow2 *q;
	int rc = writable_qcow2(s, &q, err);

	if (rc < 0 || off >= s->len)
		return rc;
	return qcow2_keep(q, qcow2_index(q, off), image, err);
}

size_t snap_record(struct store *s, void *buf)
{
	struct qcow2 *q = qcow2_of(s);

	if (!q || !q->has_state)
		return 0;
	memcpy(buf, q->state.record, q->state.record_len);
	return q->state.record_len;
}

int snap_set_record(struct store *s, const void *record, size_t len, struct err *err)
{
	struct qcow2 *q;
	int rc = writable_qcow2(s, &q, err);

	if (rc < 0)
		return rc;
	if (len > STATE_RECORD_MAX)
		return err_set(err, -EINVAL, "a record has at most %d bytes, not %zu",
			       STATE_RECORD_MAX, len);
	pthread_mutex_lock(&q->w->alloc_lock);
	q->state.record_len = (uint32_t)len;
	if (len > 0)
		memcpy(q->state.record, record, len);
	rc = qcow2_write_header(q, err);
	pthread_mutex_unlock(&q->w->alloc_lock);
	return rc;
}

int snap_set_backing(struct store *s, const char *name, const char *format, struct store *backing,
		     struct err *err)
{
	struct qcow2_header old;
	struct qcow2 *q;
	int rc = writable_qcow2(s, &q, err);

	if (rc < 0)
		return rc;
	old = q->h;
	rc = qcow2_header_name(&q->h, name, format, err);
	if (rc == 0)
		rc = qcow2_write_header(q, err);
	if (rc < 0) {
		q->h = old;
		return rc;
	}
	if (q->owns_backing)
		store_close(q->backing);
	q->owns_backing = false;
	q->backing = backing;
	return 0;
}
