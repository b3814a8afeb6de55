// SPDX-License-Identifier: MIT
/*
 * Owns the life of what a qcow2 file needs to be written to: from a look at what was left by
 * whoever had it last, to a file that is exact again. Runs alone, before and after all others.
 */
#include <inttypes.h>

#include "snapshot/qcow2/qcow2_write.h"

/* Only what snap_create makes. Others may be laid out in any way that qemu knows. */
static int check_ours(const struct qcow2 *q, struct err *err)
{
	const struct qcow2_header *h = &q->h;

	if (q->has_ckpt)
		return err_set(err, -EROFS,
			       "a checkpoint is never changed: restore it, or mount "
			       "it with an overlay");
	if (!q->has_state || h->cluster_bits != CKPT_CLUSTER_BITS || h->version != 3 ||
	    h->refcount_order != 4 || h->refcount_clusters != 1 ||
	    h->refcount_off != WRITER_REFCOUNT_TABLE || h->l1_entries != WRITER_TABLE_ENTRIES)
		return err_set(err, -ENOTSUP,
			       "another program made this qcow2 file: it can only be read");
	return 0;
}

static void init_lock(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;

	/* Else a steady stream of readers would keep a sync waiting for ever. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

static void init_locks(struct qcow2 *q)
{
	pthread_rwlock_destroy(&q->file_lock);
	init_lock(&q->file_lock);
	init_lock(&q->w->changing);
	pthread_mutex_init(&q->w->sync_lock, NULL);
	pthread_mutex_init(&q->w->alloc_lock, NULL);
	for (size_t i = 0; i < WRITER_STRIPES; i++)
		pthread_mutex_init(&q->w->stripe[i], NULL);
}

static void free_writer(struct qcow2 *q)
{
	pthread_rwlock_destroy(&q->w->changing);
	pthread_mutex_destroy(&q->w->sync_lock);
	pthread_mutex_destroy(&q->w->alloc_lock);
	for (size_t i = 0; i < WRITER_STRIPES; i++)
		pthread_mutex_destroy(&q->w->stripe[i]);
	free(q->w);
	q->w = NULL;
}

/* Closed as it should be, and not touched since: the file ends where the state says it does. */
static bool is_whole(const struct qcow2 *q)
{
	return !q->state.in_use && q->state.synced_end == q->file->len;
}

static int load(struct qcow2 *q, struct err *err)
{
	auto_free uint8_t *table = malloc(WRITER_CLUSTER_LEN);

	if (!table)
		return err_sys(err, -ENOMEM, "cannot open");
	q->w->end = q->w->reserved = q->file->len;
	return is_whole(q) ? qcow2_read_blocks(q, table, err) : qcow2_mend(q, err);
}

int qcow2_writer_open(struct qcow2 *q, struct err *err)
{
	int rc = check_ours(q, err);

	if (rc == 0 && !q->file->writable)
		rc = err_set(err, -EROFS, "the file is open for reading only");
	if (rc < 0)
		return rc;
	q->w = calloc(1, sizeof(*q->w));
	if (!q->w)
		return err_sys(err, -ENOMEM, "cannot open");
	init_locks(q);
	rc = load(q, err);
	if (rc < 0)
		free_writer(q);
	else
		q->s.writable = true;
	return rc;
}

/* Counts of clusters that were reserved and never taken. They all are in one block. */
static int unreserve(struct qcow2 *q)
{
	struct qcow2_writer *w = q->w;
	uint8_t zeros[WRITER_RESERVE * 2] = {0};
	uint64_t first = w->end / WRITER_CLUSTER_LEN;
	size_t count = (w->reserved - w->end) / WRITER_CLUSTER_LEN;
	int rc = 0;

	if (count > 0)
		rc = qcow2_file_write(q, zeros, count * 2,
				      w->blocks[first / WRITER_BLOCK_ENTRIES] +
					      first % WRITER_BLOCK_ENTRIES * 2,
				      0, NULL);
	return rc < 0 ? rc : store_resize(q->file, w->end, NULL);
}

/* Where this fails, or not all is synced, the file goes on saying that it is in use, and the next
 * opening mends it. */
static int make_whole(struct qcow2 *q)
{
	struct qcow2_writer *w = q->w;
	int rc = w->leaked ? qcow2_mend(q, NULL) : unreserve(q);

	if (rc < 0 || w->entries != w->entries_synced || q->state.synced_end != w->end)
		return rc;
	q->state.in_use = false;
	return qcow2_write_header(q, NULL);
}

void qcow2_writer_close(struct qcow2 *q)
{
	int rc = q->w->marked ? make_whole(q) : 0;

	(void)rc;
	free_writer(q);
}
