// SPDX-License-Identifier: MIT
/*
 * Owns an open qcow2 file from its header to its end: what is read at once (the header, the
 * extensions, the L1 table), and what is freed. Opens no other file; chain.c does. Works before
 * anyone else has the store, so it takes no lock.
 */
#include <inttypes.h>

#include "snapshot/qcow2/qcow2.h"
#include "snapshot/qcow2/qcow2_write.h"

static void close_op(struct store *s)
{
	qcow2_close(qcow2_self(s));
}

static const struct store_ops ops = {
	.name = "qcow2 file",
	.read_at = qcow2_read_at,
	.write_at = qcow2_write_at,
	.zero_at = qcow2_zero_at,
	.resize = qcow2_resize,
	.sync = qcow2_sync,
	.sync_data = qcow2_sync_data,
	.next_data = qcow2_next_data,
	.host_at = qcow2_host_at,
	.close = close_op,
};

struct qcow2 *qcow2_of(struct store *s)
{
	return s->ops == &ops ? (struct qcow2 *)s : NULL;
}

/* A length of ours is exact, the header's one counts in sectors. Another program may have changed
 * that one. */
static bool fits(const struct qcow2 *q, uint64_t len)
{
	return div_up(len, QCOW2_SECTOR_LEN) * QCOW2_SECTOR_LEN == q->h.len;
}

/* A checkpoint without its extension would be taken for one that has nothing to prove. */
static int check_trailer(struct qcow2 *q, struct err *err)
{
	uint8_t trailer[CKPT_TRAILER_LEN];
	int rc;

	if (q->has_ckpt || q->file->len < sizeof(trailer))
		return 0;
	rc = store_read(q->file, trailer, sizeof(trailer), q->file->len - sizeof(trailer), err);
	if (rc == 0 && memcmp(trailer, ckpt_trailer, sizeof(trailer)) == 0)
		rc = err_set(err, -EUCLEAN,
			     "the file ends as a checkpoint, and its header is "
			     "without the checkpoint's extension");
	return rc;
}

static int take_ckpt(struct qcow2 *q, const uint8_t *buf, struct err *err)
{
	const struct qcow2_header *h = &q->h;
	int rc = ckpt_ext_decode(buf + h->checkpoint.off, h->checkpoint.len, q->file->len, &q->ckpt,
				 err);

	if (rc < 0)
		return rc;
	if (h->cluster_bits != CKPT_CLUSTER_BITS)
		return err_set(err, -EUCLEAN, "a checkpoint has clusters of 2^%d bytes, not 2^%u",
			       CKPT_CLUSTER_BITS, h->cluster_bits);
	if (!fits(q, q->ckpt.image_len))
		return err_set(err, -EUCLEAN,
			       "the header has a disk of %" PRIu64
			       " bytes, the checkpoint extension %" PRIu64,
			       h->len, q->ckpt.image_len);
	q->has_ckpt = true;
	q->s.len = q->ckpt.image_len;
	return 0;
}

static int take_extensions(struct qcow2 *q, const uint8_t *buf, struct err *err)
{
	const struct qcow2_header *h = &q->h;
	int rc;

	q->s.len = h->len;
	if (h->checkpoint.len > 0) {
		rc = take_ckpt(q, buf, err);
		if (rc < 0)
			return rc;
	}
	if (h->state.len > 0) {
		rc = state_decode(buf + h->state.off, h->state.len, &q->state, err);
		if (rc < 0)
			return rc;
		q->has_state = true;
		if (fits(q, q->state.len))
			q->s.len = q->state.len;
	}
	return 0;
}

static int read_header(struct qcow2 *q, struct err *err)
{
	auto_free uint8_t *buf = malloc(QCOW2_HEADER_MAX_LEN);
	size_t len = MIN(q->file->len, QCOW2_HEADER_MAX_LEN);
	int rc;

	if (!buf)
		return err_sys(err, -ENOMEM, "cannot open");
	rc = store_read(q->file, buf, len, 0, err);
	if (rc == 0)
		rc = qcow2_header_decode(buf, len, q->file->len, &q->h, err);
	if (rc == 0)
		rc = take_extensions(q, buf, err);
	return rc < 0 ? rc : check_trailer(q, err);
}

static int check_l1_entry(struct qcow2 *q, size_t i, uint64_t entry, struct err *err)
{
	uint64_t cluster_len = qcow2_cluster_len(&q->h);
	int rc = qcow2_l1_decode(&q->h, entry, &q->l1[i], err);

	if (rc == 0 && q->l1[i] >= q->trusted_end)
		q->l1[i] = 0;
	if (rc < 0 || q->l1[i] == 0)
		return rc;
	if (cluster_len > q->file->len || q->l1[i] > q->file->len - cluster_len)
		return err_set(err, -EUCLEAN,
			       "L2 table %zu cannot be at %" PRIu64 " in a file of %" PRIu64
			       " bytes",
			       i, q->l1[i], q->file->len);
	return 0;
}

static int read_l1(struct qcow2 *q, struct err *err)
{
	size_t count = q->h.l1_entries;
	auto_free uint8_t *raw = malloc(count * 8 + 1);
	int rc;

	q->l1 = calloc(count + 1, sizeof(*q->l1));
	if (!raw || !q->l1)
		return err_sys(err, -ENOMEM, "cannot open");
	rc = store_read(q->file, raw, count * 8, q->h.l1_off, err);
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = check_l1_entry(q, i, get_be64(raw + i * 8), err);
	return rc;
}

static int init_caches(struct qcow2 *q, struct err *err)
{
	size_t cluster_len = qcow2_cluster_len(&q->h);
	int rc = cache_init(&q->tables, QCOW2_SLICES, MIN(cluster_len, QCOW2_SLICE_LEN));

	if (rc == 0)
		rc = cache_init(&q->clusters, MAX(QCOW2_UNPACKED_LEN / cluster_len, 2),
				cluster_len);
	return rc < 0 ? err_sys(err, rc, "cannot open") : 0;
}

int qcow2_open(struct store *file, struct qcow2 **out, struct err *err)
{
	struct qcow2 *q = calloc(1, sizeof(*q));
	int rc;

	if (!q) {
		store_close(file);
		return err_sys(err, -ENOMEM, "cannot open");
	}
	q->s.ops = &ops;
	q->file = file;
	q->trusted_end = UINT64_MAX;
	pthread_mutex_init(&q->unpackers_lock, NULL);
	pthread_rwlock_init(&q->file_lock, NULL);
	rc = read_header(q, err);
	if (rc == 0 && q->has_state && state_lost_power(&q->state))
		q->trusted_end = q->state.synced_end;
	if (rc == 0)
		rc = read_l1(q, err);
	if (rc == 0)
		rc = init_caches(q, err);
	if (rc < 0) {
		qcow2_close(q);
		return rc;
	}
	*out = q;
	return 0;
}

void qcow2_close(struct qcow2 *q)
{
	if (q->w)
		qcow2_writer_close(q);
	qcow2_free_unpackers(q);
	cache_free(&q->tables);
	cache_free(&q->clusters);
	if (q->owns_backing)
		store_close(q->backing);
	store_close(q->file);
	free(q->l1);
	pthread_rwlock_destroy(&q->file_lock);
	pthread_mutex_destroy(&q->unpackers_lock);
	free(q);
}
