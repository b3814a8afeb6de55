// SPDX-License-Identifier: MIT
/*
 * Owns the way from a checkpoint, or any store, back to a plain one: sparse, side by side, and
 * proven by the content hash. Writes only to `dst`, which nobody else uses. `next` uses scan and
 * at, `done` all that is below them.
 */
#include <fcntl.h>
#include <inttypes.h>

#include "snapshot/merkle.h"
#include "snapshot/pipe.h"
#include "snapshot/qcow2/qcow2.h"
#include "snapshot/scan.h"
#include "snapshot/snapshot.h"
#include "snapshot/watch.h"

enum { RUN = 8, FLUSH_LEN = 8 << 20 };

struct job {
	uint64_t first;
	size_t count;
	bool zero[RUN];
	uint8_t leaf[RUN][SHA_LEN];
};

struct worker {
	struct sha *sha;
	uint8_t clusters[RUN * CKPT_CLUSTER_LEN];
};

struct restore {
	struct store *src, *dst;
	bool fresh;
	const struct snap_work *how;

	struct scan scan;
	uint64_t at;

	struct sha *sha;
	struct merkle merkle;
	uint64_t written;   /* clusters of dst that are as they should be, from the front */
	uint64_t flush_off; /* all before it is on its way to the disk */
	uint64_t data_clusters;
	uint64_t done_len, total_len;
};

static int worker_new(void *ctx, void **out)
{
	struct worker *w = calloc(1, sizeof(*w));

	(void)ctx;
	*out = w;
	return w ? sha_new(&w->sha) : -ENOMEM;
}

static void worker_free(void *worker)
{
	struct worker *w = worker;

	if (!w)
		return;
	sha_free(w->sha);
	free(w);
}

static int next(void *ctx, void *job_, struct err *err)
{
	struct restore *x = ctx;
	struct job *job = job_;

	for (job->count = 0; job->count < RUN; job->count++) {
		uint64_t cluster;
		bool found;
		int rc = scan_next(&x->scan, x->at, &cluster, &found, err);

		if (rc < 0)
			return rc;
		if (!found || (job->count > 0 && cluster != x->at))
			break;
		if (job->count == 0)
			job->first = cluster;
		x->at = cluster + 1;
	}
	return job->count > 0;
}

static int look(struct restore *x, struct worker *w, struct job *job, size_t i, struct err *err)
{
	uint8_t *cluster = w->clusters + i * CKPT_CLUSTER_LEN;
	int rc = scan_read(x->src, job->first + i, cluster, err);

	if (rc < 0)
		return rc;
	job->zero[i] = is_zero(cluster, CKPT_CLUSTER_LEN);
	if (job->zero[i])
		return 0;
	rc = sha_of(w->sha, cluster, CKPT_CLUSTER_LEN, job->leaf[i]);
	return rc < 0 ? err_sys(err, rc, "cannot hash") : 0;
}

/* Clusters i to end of the job, all zero or all not. */
static int put(struct restore *x, struct worker *w, struct job *job, size_t i, size_t end,
	       struct err *err)
{
	uint64_t off = (job->first + i) * CKPT_CLUSTER_LEN;
	uint64_t len = MIN((job->first + end) * CKPT_CLUSTER_LEN, x->src->len) - off;

	if (!job->zero[i])
		return store_write(x->dst, w->clusters + i * CKPT_CLUSTER_LEN, len, off, 0, err);
	return x->fresh ? 0 : store_zero(x->dst, off, len, err);
}

static int work(void *ctx, void *worker, void *job_, struct err *err)
{
	struct restore *x = ctx;
	struct job *job = job_;
	size_t end;
	int rc = 0;

	for (size_t i = 0; i < job->count && rc == 0; i++)
		rc = look(x, worker, job, i, err);
	for (size_t i = 0; i < job->count && rc == 0; i = end) {
		for (end = i + 1; end < job->count && job->zero[end] == job->zero[i]; end++)
			;
		rc = put(x, worker, job, i, end, err);
	}
	return rc;
}

/* Writing to the disk goes on beside the work, and the sync at the end is short. */
static void start_flush(struct restore *x, uint64_t off)
{
	struct store_host host = store_host_at(x->dst, x->flush_off);

	if (off - x->flush_off < FLUSH_LEN || host.fd < 0)
		return;
	sync_file_range(host.fd, (off_t)host.off, (off_t)(off - x->flush_off),
			SYNC_FILE_RANGE_WRITE);
	x->flush_off = off;
}

/* What holds no data is zero, which a file that is not fresh has to be told. */
static int zero_until(struct restore *x, uint64_t cluster, struct err *err)
{
	uint64_t off = x->written * CKPT_CLUSTER_LEN;
	uint64_t end = MIN(cluster * CKPT_CLUSTER_LEN, x->dst->len);

	if (x->fresh || off >= end)
		return 0;
	return store_zero(x->dst, off, end - off, err);
}

static int done(void *ctx, void *job_, struct err *err)
{
	struct restore *x = ctx;
	struct job *job = job_;
	int rc = zero_until(x, job->first, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < job->count && rc == 0; i++)
		if (!job->zero[i]) {
			rc = merkle_add(&x->merkle, job->first + i, job->leaf[i]);
			x->data_clusters++;
		}
	if (rc < 0)
		return err_sys(err, rc, "cannot hash");
	x->written = job->first + job->count;
	start_flush(x, x->written * CKPT_CLUSTER_LEN);
	x->done_len += job->count * CKPT_CLUSTER_LEN;
	if (snap_watch_step(x->how->watch, x->done_len, x->total_len))
		return err_set(err, -ECANCELED, "interrupted");
	return 0;
}

static const struct pipe_ops pipe_ops = {
	.job_len = sizeof(struct job),
	.worker_new = worker_new,
	.worker_free = worker_free,
	.next = next,
	.work = work,
	.done = done,
};

static int copy(struct restore *x, struct err *err)
{
	int rc = store_resize(x->dst, x->src->len, err);

	if (rc == 0 && x->how->watch)
		rc = scan_total(x->src, &x->total_len, err);
	scan_begin(&x->scan, x->src);
	if (rc == 0)
		rc = pipe_run(&pipe_ops, x, x->how->jobs, err);
	return rc < 0 ? rc : zero_until(x, div_up(x->dst->len, CKPT_CLUSTER_LEN), err);
}

static int prove(struct store *src, struct snap_restored *out, struct err *err)
{
	struct qcow2 *q = qcow2_of(src);
	char want[SHA_TEXT_LEN], is[SHA_TEXT_LEN];

	if (!q || !q->has_ckpt)
		return 0;
	out->proven = memcmp(out->content, q->ckpt.content, SHA_LEN) == 0;
	if (out->proven)
		return 0;
	return err_set(err, -EBADMSG, "the content hash is %s, and the checkpoint says %s",
		       sha_text(out->content, is), sha_text(q->ckpt.content, want));
}

int snap_restore(struct store *src, struct store *dst, bool fresh, const struct snap_work *how,
		 struct snap_restored *out, struct err *err)
{
	struct restore x = {.src = src, .dst = dst, .fresh = fresh, .how = how};
	int rc = sha_new(&x.sha);

	*out = (struct snap_restored){.proven = false};
	if (rc == 0)
		rc = merkle_begin(&x.merkle, x.sha);
	if (rc < 0) {
		sha_free(x.sha);
		return err_sys(err, rc, "cannot begin");
	}
	rc = copy(&x, err);
	if (rc == 0 && merkle_end(&x.merkle, src->len, out->content) < 0)
		rc = err_set(err, -EIO, "cannot hash");
	sha_free(x.sha);
	out->data_len = x.data_clusters * CKPT_CLUSTER_LEN;
	return rc < 0 ? rc : prove(src, out, err);
}
