// SPDX-License-Identifier: MIT
/*
 * Owns the look at every cluster of one file, side by side: with checksums, in the order of their
 * table; without, in the order of the disk. Findings come in that order too. `next` uses the fields
 * up to at, `done` the rest.
 */
#include <inttypes.h>
#include <stdio.h>

#include "snapshot/ckpt_table.h"
#include "snapshot/pipe.h"
#include "snapshot/snap_verify.h"
#include "snapshot/watch.h"

void verify_report(struct verify *v, struct snap_finding *finding)
{
	finding->depth = v->depth;
	v->out->findings++;
	v->out->harmless += finding->harmless;
	if (v->fn)
		v->fn(v->fn_ctx, finding);
}

enum { RUN = 8 };

struct piece {
	struct ckpt_entry entry; /* with a table */
	uint64_t index;          /* of the cluster, in the file's own unit */
	int rc;
	struct err why;
};

struct job {
	size_t count;
	uint64_t len; /* bytes of the file that were read */
	struct piece piece[RUN];
};

struct worker {
	struct sha *sha;
	struct decoder *decoder;
	uint8_t *packed, *cluster;
};

struct walk {
	struct qcow2 *q;
	bool with_table;
	struct table_reader reader;
	uint64_t at; /* the next cluster, without a table */
	struct verify *v;
};

static void worker_free(void *worker)
{
	struct worker *w = worker;

	if (!w)
		return;
	sha_free(w->sha);
	decoder_free(w->decoder);
	free(w->packed);
	free(w->cluster);
	free(w);
}

static int worker_new(void *ctx, void **out)
{
	const struct walk *x = ctx;
	struct worker *w = calloc(1, sizeof(*w));
	int rc = w ? sha_new(&w->sha) : -ENOMEM;

	if (rc == 0)
		rc = decoder_new(&w->decoder);
	if (rc == 0) {
		w->packed = malloc(codec_bound(CKPT_CLUSTER_LEN));
		w->cluster = malloc(qcow2_cluster_len(&x->q->h));
		rc = w->packed && w->cluster ? 0 : -ENOMEM;
	}
	*out = w;
	return rc;
}

static int next_entry(struct walk *x, struct piece *p, struct err *err)
{
	int rc = table_reader_next(&x->reader, &p->entry, err);

	p->index = p->entry.cluster;
	return rc;
}

/* Skips the clusters of tables that do not exist, and all that is not here. */
static int next_stored(struct walk *x, struct piece *p, struct err *err)
{
	uint64_t clusters = qcow2_clusters(&x->q->h);
	uint64_t per_table = qcow2_l2_entries(&x->q->h);

	while (x->at < clusters) {
		struct qcow2_cluster c;
		int rc;

		if (qcow2_entry_off(x->q, x->at) == 0) {
			x->at = (x->at / per_table + 1) * per_table;
			continue;
		}
		p->index = x->at++;
		rc = qcow2_lookup(x->q, p->index, &c, NULL);
		/* What cannot be looked up is a finding of `work`. */
		if (rc < 0 || c.kind == QCOW2_PLAIN || c.kind == QCOW2_COMPRESSED)
			return 1;
	}
	(void)err;
	return 0;
}

static int next(void *ctx, void *job_, struct err *err)
{
	struct walk *x = ctx;
	struct job *job = job_;

	job->len = 0;
	for (job->count = 0; job->count < RUN; job->count++) {
		struct piece *p = &job->piece[job->count];
		int rc = x->with_table ? next_entry(x, p, err) : next_stored(x, p, err);

		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
	}
	return job->count > 0;
}

static int find_bytes(struct walk *x, const struct ckpt_entry *e, struct qcow2_cluster *c,
		      struct err *err)
{
	int rc = qcow2_lookup(x->q, e->cluster, c, err);

	if (rc < 0)
		return rc;
	if ((c->kind == QCOW2_COMPRESSED) != (e->stored_len > 0) || e->stored_len > c->len ||
	    c->off + e->stored_len > x->q->ckpt.table_off)
		return err_set(err, -EUCLEAN, "the tables do not lead to its %u bytes",
			       e->stored_len);
	return 0;
}

/* Against its checksum as it is stored, then as it is. */
static int check_entry(struct walk *x, struct worker *w, const struct ckpt_entry *e,
		       struct err *err)
{
	struct qcow2_cluster c;
	uint8_t leaf[SHA_LEN];
	uint32_t crc;
	int rc = find_bytes(x, e, &c, err);

	if (rc < 0 || e->stored_len == 0)
		return rc;
	rc = qcow2_file_read(x->q, w->packed, e->stored_len, c.off, err);
	if (rc < 0)
		return rc;
	crc = codec_crc32(w->packed, e->stored_len);
	if (crc != e->crc)
		return err_set(err, -EBADMSG,
			       "its %u bytes at %" PRIu64 " have CRC-32 %08x, and had %08x",
			       e->stored_len, c.off, crc, e->crc);
	if (decoder_run(w->decoder, w->packed, e->stored_len, w->cluster, CKPT_CLUSTER_LEN) < 0)
		return err_set(err, -EUCLEAN, "its %u bytes at %" PRIu64 " cannot be unpacked",
			       e->stored_len, c.off);
	rc = sha_of(w->sha, w->cluster, CKPT_CLUSTER_LEN, leaf);
	if (rc < 0)
		return err_sys(err, rc, "cannot hash");
	if (memcmp(leaf, e->leaf, SHA_LEN) != 0)
		return err_set(err, -EBADMSG, "its content is not the one whose hash is recorded");
	return 0;
}

static int check_stored(struct walk *x, struct worker *w, uint64_t index, struct err *err)
{
	struct qcow2_cluster c;
	int rc = qcow2_lookup(x->q, index, &c, err);

	return rc < 0 ? rc : qcow2_read_cluster(x->q, index, &c, w->cluster, err);
}

static int work(void *ctx, void *worker, void *job_, struct err *err)
{
	struct walk *x = ctx;
	struct job *job = job_;

	(void)err;
	for (size_t i = 0; i < job->count; i++) {
		struct piece *p = &job->piece[i];

		p->rc = x->with_table ? check_entry(x, worker, &p->entry, &p->why)
				      : check_stored(x, worker, p->index, &p->why);
		job->len += x->with_table ? p->entry.stored_len : qcow2_cluster_len(&x->q->h);
	}
	return 0;
}

static int report(struct walk *x, const struct piece *p, struct err *err)
{
	struct snap_finding finding = {
		.id = "cluster",
		.has_cluster = true,
		.cluster = qcow2_off(x->q, p->index) / CKPT_CLUSTER_LEN,
	};

	if (p->rc != -EBADMSG && p->rc != -EUCLEAN)
		return err_set(err, p->rc, "%s", p->why.text);
	snprintf(finding.text, sizeof(finding.text), "%.255s", p->why.text);
	verify_report(x->v, &finding);
	return 0;
}

static int done(void *ctx, void *job_, struct err *err)
{
	struct walk *x = ctx;
	struct job *job = job_;

	for (size_t i = 0; i < job->count; i++) {
		int rc = job->piece[i].rc < 0 ? report(x, &job->piece[i], err) : 0;

		if (rc < 0)
			return rc;
	}
	x->v->out->clusters += job->count;
	x->v->done_len += job->len;
	if (snap_watch_step(x->v->how->watch, x->v->done_len, x->v->total_len))
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

int verify_clusters(struct verify *v, bool with_table, struct err *err)
{
	auto_free struct walk *x = calloc(1, sizeof(*x));

	if (!x)
		return err_sys(err, -ENOMEM, "cannot verify");
	x->q = v->q;
	x->v = v;
	x->with_table = with_table;
	table_reader_begin(&x->reader, v->q);
	return pipe_run(&pipe_ops, x, v->how->jobs, err);
}
