// SPDX-License-Identifier: MIT
/*
 * Owns the end of a qcow2 file that is written to: which clusters are taken, their counts, new L2
 * tables, and the header. Never touches a cluster's bytes. All under alloc_lock, which is taken
 * here.
 */
#include <inttypes.h>

#include "snapshot/qcow2/boot.h"
#include "snapshot/qcow2/qcow2_write.h"

/* The file is made longer in few, large steps, because all other use of it waits meanwhile. */
enum { GROW_MIN = 4 << 20, GROW_MAX = 64 << 20 };

static int grow_file(struct qcow2 *q, uint64_t len, struct err *err)
{
	int rc = 0;

	if (len <= q->file->len) /* only changed under alloc_lock, which we hold */
		return 0;
	len = MAX(len, q->file->len + MIN(MAX(q->file->len / 8, GROW_MIN), GROW_MAX));
	len = round_down(len, WRITER_CLUSTER_LEN);
	pthread_rwlock_wrlock(&q->file_lock);
	rc = store_resize(q->file, len, err);
	pthread_rwlock_unlock(&q->file_lock);
	return rc;
}

int qcow2_write_header(struct qcow2 *q, struct err *err)
{
	uint8_t buf[WRITER_HEADER_LEN], state[STATE_LEN];
	int rc;

	state_encode(&q->state, state);
	rc = qcow2_header_encode(&q->h, NULL, state, buf, sizeof(buf));
	if (rc < 0)
		return err_sys(err, rc, "the header cannot name the backing file");
	return qcow2_file_write(q, buf, sizeof(buf), 0, 0, err);
}

/* Before the first change: so that whoever opens the file after a crash looks at what was left. */
static int mark_in_use(struct qcow2 *q, struct err *err)
{
	int rc;

	if (q->w->marked)
		return 0;
	q->state.in_use = true;
	boot_id(q->state.boot);
	rc = qcow2_write_header(q, err);
	if (rc == 0)
		rc = store_sync(q->file, err);
	q->w->marked = rc == 0;
	return rc;
}

/* A block counts its own cluster, the first one that it can count. */
static int new_block(struct qcow2 *q, uint64_t block, struct err *err)
{
	struct qcow2_writer *w = q->w;
	uint64_t off = w->reserved;
	uint8_t entry[8], one[2];
	int rc;

	if (block >= WRITER_TABLE_ENTRIES)
		return err_set(err, -EFBIG, "the refcount table of %d entries is full",
			       WRITER_TABLE_ENTRIES);
	rc = grow_file(q, off + WRITER_CLUSTER_LEN, err);
	if (rc < 0)
		return rc;
	put_be16(one, 1);
	rc = qcow2_file_write(q, one, sizeof(one), off, 0, err);
	if (rc < 0)
		return rc;
	put_be64(entry, off);
	rc = qcow2_file_write(q, entry, sizeof(entry), WRITER_REFCOUNT_TABLE + block * 8, 0, err);
	if (rc < 0)
		return rc;
	w->blocks[block] = off;
	w->end = w->reserved = off + WRITER_CLUSTER_LEN;
	return 0;
}

/* Counts the next clusters as used, as many as one block can. end == reserved. */
static int reserve(struct qcow2 *q, struct err *err)
{
	struct qcow2_writer *w = q->w;
	uint64_t first = w->reserved / WRITER_CLUSTER_LEN;
	uint8_t ones[WRITER_RESERVE * 2];
	uint64_t count, in_block;
	int rc;

	if (first % WRITER_BLOCK_ENTRIES == 0) {
		rc = new_block(q, first / WRITER_BLOCK_ENTRIES, err);
		if (rc < 0)
			return rc;
		first++;
	}
	in_block = first % WRITER_BLOCK_ENTRIES;
	count = MIN(WRITER_RESERVE, WRITER_BLOCK_ENTRIES - in_block);
	rc = grow_file(q, w->reserved + count * WRITER_CLUSTER_LEN, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < count; i++)
		put_be16(ones + i * 2, 1);
	rc = qcow2_file_write(q, ones, count * 2,
			      w->blocks[first / WRITER_BLOCK_ENTRIES] + in_block * 2, 0, err);
	if (rc == 0)
		w->reserved += count * WRITER_CLUSTER_LEN;
	return rc;
}

static int take(struct qcow2 *q, uint64_t *off, struct err *err)
{
	struct qcow2_writer *w = q->w;
	int rc = mark_in_use(q, err);

	if (rc == 0 && w->end == w->reserved)
		rc = reserve(q, err);
	if (rc < 0)
		return rc;
	*off = w->end;
	w->end += WRITER_CLUSTER_LEN;
	return 0;
}

int qcow2_take(struct qcow2 *q, uint64_t *off, struct err *err)
{
	int rc;

	pthread_mutex_lock(&q->w->alloc_lock);
	rc = take(q, off, err);
	pthread_mutex_unlock(&q->w->alloc_lock);
	return rc;
}

void qcow2_leak(struct qcow2 *q)
{
	pthread_mutex_lock(&q->w->alloc_lock);
	q->w->leaked = true;
	pthread_mutex_unlock(&q->w->alloc_lock);
}

static int new_table(struct qcow2 *q, uint64_t l1_index, struct err *err)
{
	uint8_t entry[8];
	uint64_t off;
	int rc;

	if (q->l1[l1_index] > 0)
		return 0;
	rc = take(q, &off, err);
	if (rc < 0)
		return rc;
	put_be64(entry, qcow2_l1_encode(off));
	rc = qcow2_file_write(q, entry, sizeof(entry), q->h.l1_off + l1_index * 8, 0, err);
	if (rc < 0) {
		q->w->leaked = true;
		return rc;
	}
	__atomic_store_n(&q->l1[l1_index], off, __ATOMIC_RELEASE);
	return 0;
}

int qcow2_need_table(struct qcow2 *q, uint64_t index, struct err *err)
{
	int rc;

	if (qcow2_entry_off(q, index) > 0)
		return 0;
	pthread_mutex_lock(&q->w->alloc_lock);
	rc = new_table(q, index / WRITER_TABLE_ENTRIES, err);
	pthread_mutex_unlock(&q->w->alloc_lock);
	return rc;
}

int qcow2_read_blocks(struct qcow2 *q, uint8_t *table, struct err *err)
{
	int rc = qcow2_file_read(q, table, WRITER_CLUSTER_LEN, q->h.refcount_off, err);

	for (size_t i = 0; i < WRITER_TABLE_ENTRIES && rc == 0; i++)
		rc = qcow2_refcount_entry_decode(&q->h, get_be64(table + i * 8), &q->w->blocks[i],
						 err);
	return rc;
}
