// SPDX-License-Identifier: MIT
/*
 * Owns the way from a cluster's number to its L2 entry: the L1 table in memory, L2 tables in
 * bounded pieces. Never touches what the entries point to. The pieces are guarded by the cache's
 * lock, which is held while one is read, so that no one sees half of a change.
 */
#include <inttypes.h>

#include "snapshot/qcow2/qcow2.h"

int qcow2_file_read(struct qcow2 *q, void *buf, size_t len, uint64_t off, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_shared(&q->file_lock);

	return store_read(q->file, buf, len, off, err);
}

int qcow2_file_write(struct qcow2 *q, const void *buf, size_t len, uint64_t off, unsigned flags,
		     struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_shared(&q->file_lock);

	return store_write(q->file, buf, len, off, flags, err);
}

uint64_t qcow2_file_len(struct qcow2 *q)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_shared(&q->file_lock);

	return q->file->len;
}

uint64_t qcow2_entry_off(const struct qcow2 *q, uint64_t index)
{
	uint64_t in_table = index & (qcow2_l2_entries(&q->h) - 1);
	uint64_t table =
		__atomic_load_n(&q->l1[index >> (q->h.cluster_bits - 3)], __ATOMIC_ACQUIRE);

	return table > 0 ? table + in_table * 8 : 0;
}

/* Under the cache's lock: the piece with this entry. */
static int slice_at(struct qcow2 *q, uint64_t entry_off, uint8_t **slice, struct err *err)
{
	uint64_t off = round_down(entry_off, q->tables.block_len);
	int rc;

	*slice = cache_find(&q->tables, off);
	if (*slice)
		return 0;
	*slice = cache_put(&q->tables, off);
	if (!*slice)
		return err_set(err, -ENOMEM, "no memory for a table");
	rc = qcow2_file_read(q, *slice, q->tables.block_len, off, err);
	if (rc < 0)
		cache_drop(&q->tables, off);
	return rc;
}

int qcow2_lookup(struct qcow2 *q, uint64_t index, struct qcow2_cluster *out, struct err *err)
{
	uint64_t entry_off = qcow2_entry_off(q, index);
	uint64_t entry = 0;
	uint8_t *slice;
	int rc;

	*out = (struct qcow2_cluster){.kind = QCOW2_NONE};
	if (entry_off == 0)
		return 0;
	cache_lock(&q->tables);
	rc = slice_at(q, entry_off, &slice, err);
	if (rc == 0)
		entry = get_be64(slice + entry_off % q->tables.block_len);
	cache_unlock(&q->tables);
	if (rc == 0)
		rc = qcow2_l2_decode(&q->h, entry, out, err);
	if (rc < 0)
		return err_prefix(err, rc, "in the L2 table at %" PRIu64,
				  round_down(entry_off, qcow2_cluster_len(&q->h)));
	if (out->kind != QCOW2_COMPRESSED && out->off >= q->trusted_end)
		*out = (struct qcow2_cluster){.kind = QCOW2_NONE};
	return 0;
}

int qcow2_set_entry(struct qcow2 *q, uint64_t index, const struct qcow2_cluster *c, struct err *err)
{
	uint64_t entry_off = qcow2_entry_off(q, index);
	uint8_t entry[8];
	uint8_t *slice;
	int rc;

	put_be64(entry, qcow2_l2_encode(&q->h, c));
	cache_lock(&q->tables);
	rc = slice_at(q, entry_off, &slice, err);
	if (rc == 0)
		rc = qcow2_file_write(q, entry, sizeof(entry), entry_off, 0, err);
	if (rc == 0)
		memcpy(slice + entry_off % q->tables.block_len, entry, sizeof(entry));
	cache_unlock(&q->tables);
	return rc;
}
