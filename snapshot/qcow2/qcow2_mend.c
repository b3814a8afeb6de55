// SPDX-License-Identifier: MIT
/*
 * Owns what follows a crash: a file of ours comes back to where every cluster that is counted is
 * used, and every one that is used is counted. Works before anyone uses the store, or after; takes
 * no lock. Can itself be killed anywhere and begin again.
 */
#include <inttypes.h>

#include "snapshot/qcow2/qcow2_count.h"
#include "snapshot/qcow2/qcow2_write.h"

static int drop_in_table(struct qcow2 *q, uint64_t off, uint8_t *table, struct err *err)
{
	bool changed = false;
	int rc = qcow2_file_read(q, table, WRITER_CLUSTER_LEN, off, err);

	for (size_t i = 0; i < WRITER_CLUSTER_LEN && rc == 0; i += 8) {
		struct qcow2_cluster c;

		rc = qcow2_l2_decode(&q->h, get_be64(table + i), &c, err);
		if (rc == 0 && c.off >= q->trusted_end) {
			memset(table + i, 0, 8);
			changed = true;
		}
	}
	if (rc == 0 && changed)
		rc = qcow2_file_write(q, table, WRITER_CLUSTER_LEN, off, 0, err);
	return rc;
}

/* The L1 table in memory is without such entries already. */
static int rewrite_l1(struct qcow2 *q, uint8_t *table, struct err *err)
{
	for (size_t i = 0; i < WRITER_TABLE_ENTRIES; i++)
		put_be64(table + i * 8, q->l1[i] > 0 ? qcow2_l1_encode(q->l1[i]) : 0);
	return qcow2_file_write(q, table, WRITER_CLUSTER_LEN, q->h.l1_off, 0, err);
}

static int drop_blocks(struct qcow2 *q, uint8_t *table, struct err *err)
{
	int rc = qcow2_file_read(q, table, WRITER_CLUSTER_LEN, q->h.refcount_off, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < WRITER_CLUSTER_LEN; i += 8)
		if (get_be64(table + i) >= q->trusted_end)
			memset(table + i, 0, 8);
	return qcow2_file_write(q, table, WRITER_CLUSTER_LEN, q->h.refcount_off, 0, err);
}

static int drop_untrusted(struct qcow2 *q, uint8_t *table, struct err *err)
{
	int rc = 0;

	if (q->trusted_end == UINT64_MAX)
		return 0;
	for (size_t i = 0; i < WRITER_TABLE_ENTRIES && rc == 0; i++)
		if (q->l1[i] > 0)
			rc = drop_in_table(q, q->l1[i], table, err);
	if (rc == 0)
		rc = rewrite_l1(q, table, err);
	return rc < 0 ? rc : drop_blocks(q, table, err);
}

/* Every block that exists says how often each of its clusters is used. */
static int rewrite_blocks(struct qcow2 *q, const struct qcow2_counts *c, uint8_t *table,
			  struct err *err)
{
	for (uint64_t b = 0; b < WRITER_TABLE_ENTRIES; b++) {
		uint64_t first = b * WRITER_BLOCK_ENTRIES;
		int rc;

		if (q->w->blocks[b] == 0 && first < c->used)
			return err_set(err, -EUCLEAN,
				       "no refcount block counts cluster %" PRIu64
				       " of the file: qemu-img check can repair it",
				       first);
		if (q->w->blocks[b] == 0)
			continue;
		memset(table, 0, WRITER_CLUSTER_LEN);
		for (uint64_t i = 0; i < WRITER_BLOCK_ENTRIES && first + i < c->clusters; i++)
			put_be16(table + i * 2, c->count[first + i]);
		rc = qcow2_file_write(q, table, WRITER_CLUSTER_LEN, q->w->blocks[b], 0, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int cut(struct qcow2 *q, uint64_t end, struct err *err)
{
	int rc = store_resize(q->file, end, err);

	if (rc == 0)
		rc = store_sync(q->file, err);
	if (rc < 0)
		return rc;
	q->w->end = q->w->reserved = end;
	q->w->marked = false;
	q->trusted_end = UINT64_MAX;
	q->state.in_use = false;
	q->state.synced_end = end;
	rc = qcow2_write_header(q, err);
	return rc < 0 ? rc : store_sync(q->file, err);
}

int qcow2_mend(struct qcow2 *q, struct err *err)
{
	auto_free uint8_t *table = malloc(WRITER_CLUSTER_LEN);
	auto_counts struct qcow2_counts c = {.count = NULL};
	int rc;

	if (!table)
		return err_sys(err, -ENOMEM, "cannot open");
	rc = drop_untrusted(q, table, err);
	if (rc == 0)
		rc = qcow2_read_blocks(q, table, err);
	if (rc == 0)
		rc = qcow2_count(q, &c, err);
	if (rc == 0)
		rc = rewrite_blocks(q, &c, table, err);
	return rc < 0 ? rc : cut(q, c.used * WRITER_CLUSTER_LEN, err);
}
