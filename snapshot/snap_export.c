// SPDX-License-Identifier: MIT
/*
 * Owns the way from an image to a checkpoint: which clusters are looked at, what of them is stored,
 * and in which order. Hashing and packing run side by side; all else happens in the image's order,
 * so that the result does not depend on who was faster. The pipe's rules are the only locks: `next`
 * uses scan, base and at, `done` all that is below them.
 */
#include <inttypes.h>
#include <sys/stat.h>

#include "snapshot/ckpt_table.h"
#include "snapshot/ckpt_write.h"
#include "snapshot/merkle.h"
#include "snapshot/pipe.h"
#include "snapshot/relative.h"
#include "snapshot/scan.h"
#include "snapshot/snapshot.h"
#include "snapshot/watch.h"

enum { RUN = 8 }; /* clusters of a job, which begin at a multiple of it */

/* One cluster on its way. */
struct piece {
	bool in_base;
	uint8_t base_leaf[SHA_LEN];
	bool zero;
	bool store; /* it differs from the base */
	struct ckpt_entry entry;
};

struct job {
	size_t count;
	struct piece piece[RUN];
	size_t packed_len;
	uint8_t packed[RUN * (CKPT_CLUSTER_LEN + 16)];
};

struct worker {
	struct sha *sha;
	struct encoder *encoder;
	uint8_t cluster[CKPT_CLUSTER_LEN];
};

struct export
{
	struct store *src;
	const struct snap_export *how;
	uint64_t clusters;

	struct scan scan;
	struct table_merge *base; /* NULL: none */
	uint64_t at;              /* the next cluster to look at */

	struct sha *sha;
	struct merkle merkle;
	struct ckpt_writer writer;
	uint64_t data_clusters, stored_clusters;
	uint64_t done_len, total_len;
};

static unsigned level_of(const struct snap_export *how)
{
	return how->level ? how->level : CODEC_DEFAULT_LEVEL;
}

static int worker_new(void *ctx, void **out)
{
	const struct export *x = ctx;
	struct worker *w = calloc(1, sizeof(*w));
	int rc = w ? sha_new(&w->sha) : -ENOMEM;

	if (rc == 0)
		rc = encoder_new(level_of(x->how), &w->encoder);
	*out = w;
	return rc;
}

static void worker_free(void *worker)
{
	struct worker *w = worker;

	if (!w)
		return;
	sha_free(w->sha);
	encoder_free(w->encoder);
	free(w);
}

/* The first cluster from x->at on that the image or the base has; *in_base says whether `entry` is
 * of it. */
static int next_cluster(struct export *x, uint64_t *cluster, bool *found, struct ckpt_entry *entry,
			bool *in_base, struct err *err)
{
	bool base_found = false;
	int rc = scan_next(&x->scan, x->at, cluster, found, err);

	if (rc == 0 && x->base)
		rc = table_merge_at(x->base, x->at, entry, &base_found, err);
	if (rc < 0)
		return rc;
	if (base_found && entry->cluster >= x->clusters)
		base_found = false;
	*in_base = base_found && (!*found || entry->cluster <= *cluster);
	if (*in_base)
		*cluster = entry->cluster;
	*found |= *in_base;
	return 0;
}

/* A job has what is to be looked at of RUN clusters. Where one ends does not depend on whether
 * zeros are holes, since how a cluster is packed depends on those before it. */
static int next(void *ctx, void *job_, struct err *err)
{
	struct export *x = ctx;
	struct job *job = job_;

	for (job->count = 0; job->count < RUN; job->count++) {
		struct piece *p = &job->piece[job->count];
		struct ckpt_entry entry;
		uint64_t cluster;
		bool found;
		int rc = next_cluster(x, &cluster, &found, &entry, &p->in_base, err);

		if (rc < 0)
			return rc;
		if (!found)
			break;
		if (job->count > 0 && cluster / RUN != job->piece[0].entry.cluster / RUN)
			break;
		if (p->in_base)
			memcpy(p->base_leaf, entry.leaf, SHA_LEN);
		p->entry = (struct ckpt_entry){.cluster = cluster};
		x->at = cluster + 1;
	}
	return job->count > 0;
}

static int pack(struct worker *w, struct job *job, struct piece *p, struct err *err)
{
	uint8_t *to = job->packed + job->packed_len;
	int rc = sha_of(w->sha, w->cluster, CKPT_CLUSTER_LEN, p->entry.leaf);

	if (rc < 0)
		return err_sys(err, rc, "cannot hash");
	p->store = !p->in_base || memcmp(p->entry.leaf, p->base_leaf, SHA_LEN) != 0;
	if (!p->store || p->zero)
		return 0;
	p->entry.stored_len = (uint32_t)encoder_run(w->encoder, w->cluster, CKPT_CLUSTER_LEN, to);
	p->entry.crc = codec_crc32(to, p->entry.stored_len);
	job->packed_len += p->entry.stored_len;
	return 0;
}

static int work(void *ctx, void *worker, void *job_, struct err *err)
{
	struct export *x = ctx;
	struct worker *w = worker;
	struct job *job = job_;
	int rc = 0;

	job->packed_len = 0;
	encoder_next_run(w->encoder);
	for (size_t i = 0; i < job->count && rc == 0; i++) {
		struct piece *p = &job->piece[i];

		p->store = false;
		rc = scan_read(x->src, p->entry.cluster, w->cluster, err);
		if (rc < 0)
			break;
		p->zero = is_zero(w->cluster, CKPT_CLUSTER_LEN);
		if (!p->zero || p->in_base)
			rc = pack(w, job, p, err);
	}
	return rc;
}

static int done(void *ctx, void *job_, struct err *err)
{
	struct export *x = ctx;
	struct job *job = job_;
	struct ckpt_entry entries[RUN];
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < job->count && rc == 0; i++) {
		struct piece *p = &job->piece[i];

		if (!p->zero) {
			rc = merkle_add(&x->merkle, p->entry.cluster, p->entry.leaf);
			x->data_clusters++;
		}
		if (p->store)
			entries[n++] = p->entry;
		x->stored_clusters += p->store && !p->zero;
	}
	if (rc < 0)
		return err_sys(err, rc, "cannot hash");
	rc = ckpt_writer_add(&x->writer, entries, n, job->packed, err);
	x->done_len += job->count * CKPT_CLUSTER_LEN;
	if (rc == 0 && snap_watch_step(x->how->watch, x->done_len, x->total_len))
		rc = err_set(err, -ECANCELED, "interrupted");
	return rc;
}

static const struct pipe_ops pipe_ops = {
	.job_len = sizeof(struct job),
	.worker_new = worker_new,
	.worker_free = worker_free,
	.next = next,
	.work = work,
	.done = done,
};

/* What `info` says of the image without unpacking it. A damaged manager is just a kind. */
static int summarize(struct store *src, struct ckpt_ext *ext, struct err *err)
{
	auto_mm struct mm *mm = NULL;
	struct err why = {""};
	struct mm_stat st;
	enum mm_kind kind;
	int rc = mm_probe(src, &kind, &why);

	if (rc < 0)
		return err_set(err, rc, "%s", why.text);
	ext->kind = kind;
	if (kind != MM_MANAGED || src->writable || mm_open(src, &mm, &why) < 0)
		return 0;
	mm_stat(mm, &st);
	ext->bucket_pages = st.bucket_pages;
	ext->buckets = st.buckets;
	ext->memories = st.memories;
	return 0;
}

/* What lies beside the image comes last, and is not counted. */
static int step_beside(void *ctx, uint64_t len)
{
	struct export *x = ctx;

	(void)len;
	return snap_watch_step(x->how->watch, x->total_len, x->total_len);
}

static int run(struct export *x, struct ckpt_ext *ext, struct err *err)
{
	struct bundle_watch watch = {.step = step_beside, .ctx = x};
	struct ckpt_side side = {x->how->side, level_of(x->how), &watch};
	int rc = sha_new(&x->sha);

	if (rc == 0)
		rc = merkle_begin(&x->merkle, x->sha);
	if (rc < 0)
		return err_sys(err, rc, "cannot begin");
	if (x->how->watch)
		rc = scan_total(x->src, &x->total_len, err);
	if (rc == 0)
		rc = summarize(x->src, ext, err);
	scan_begin(&x->scan, x->src);
	if (rc == 0)
		rc = pipe_run(&pipe_ops, x, x->how->jobs, err);
	if (rc < 0)
		return rc;
	rc = merkle_end(&x->merkle, x->src->len, ext->content);
	if (rc < 0)
		return err_sys(err, rc, "cannot hash");
	ext->image_len = x->src->len;
	ext->data_clusters = x->data_clusters;
	return ckpt_writer_end(&x->writer, ext, &side, err);
}

static int write_all(struct store *src, struct store *base, const char *base_name,
		     struct new_file *nf, const struct snap_export *how, struct snap_exported *out,
		     struct err *err)
{
	struct qcow2_header h = {.len = div_up(src->len, QCOW2_SECTOR_LEN) * QCOW2_SECTOR_LEN};
	struct export x = {.src = src, .how = how, .clusters = div_up(src->len, CKPT_CLUSTER_LEN)};
	struct ckpt_ext ext = {0};
	int rc = qcow2_header_name(&h, base_name, "qcow2", err);

	x.writer.table = SPILL_NONE;
	if (rc == 0 && base) {
		memcpy(ext.base, qcow2_of(base)->ckpt.content, SHA_LEN);
		rc = table_merge_open(base, &x.base, err);
	}
	if (rc == 0)
		rc = ckpt_writer_open(&x.writer, nf->fd, nf->path, &h, err);
	if (rc == 0)
		rc = run(&x, &ext, err);
	*out = (struct snap_exported){
		.data_len = ext.data_clusters * CKPT_CLUSTER_LEN,
		.stored_len = x.stored_clusters * CKPT_CLUSTER_LEN,
		.side_len = ext.side_len,
		.file_len = ckpt_trailer_off(&ext) + CKPT_TRAILER_LEN,
	};
	memcpy(out->content, ext.content, SHA_LEN);
	ckpt_writer_close(&x.writer);
	table_merge_close(x.base);
	sha_free(x.sha);
	return rc;
}

/* A base whose checksums are not to be trusted would make a delta that is wrong. */
static int check_chain(struct store *base, struct err *err)
{
	for (struct store *s = base; s;) {
		struct qcow2 *q = qcow2_of(s);
		int rc;

		if (!q || !q->has_ckpt)
			return err_set(err, -EINVAL,
				       "is not a checkpoint: a delta needs its checksums");
		rc = ckpt_check_table(q, err);
		if (rc == 0)
			rc = ckpt_check_meta(q, err);
		if (rc < 0)
			return rc;
		s = q->backing;
	}
	return 0;
}

static int open_base(const char *path, unsigned flags, const char *out_path, struct store **base,
		     char **name, struct err *err)
{
	int rc = snap_open(path, flags, base, err);

	if (rc == 0)
		rc = check_chain(*base, err);
	if (rc < 0)
		return err_prefix(err, rc, "the base '%s'", path);
	rc = relative_path(out_path, path, name);
	return rc < 0 ? err_sys(err, rc, "cannot name the base '%s'", path) : 0;
}

static bool is_same_file(struct store *s, const struct stat *st)
{
	struct store_host host = store_host_at(s, 0);
	struct stat other;

	return host.fd >= 0 && fstat(host.fd, &other) == 0 && other.st_dev == st->st_dev &&
	       other.st_ino == st->st_ino;
}

/* What is read must not be replaced by what comes of it. */
static int check_apart(struct store *s, const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	while (s) {
		struct qcow2 *q = qcow2_of(s);

		if (is_same_file(q ? q->file : s, &st))
			return err_set(err, -EINVAL, "is also what the checkpoint is made from");
		s = q ? q->backing : NULL;
	}
	return 0;
}

int snap_export(struct store *src, const char *path, const struct snap_export *how,
		struct snap_exported *out, struct err *err)
{
	auto_new_file struct new_file nf = NEW_FILE_NONE;
	auto_store struct store *base = NULL;
	auto_free char *base_name = NULL;
	int rc = 0;

	if (how->base)
		rc = open_base(how->base, how->trust_backing ? SNAP_TRUST_BACKING : 0, path, &base,
			       &base_name, err);
	if (rc == 0)
		rc = check_apart(src, path, err);
	if (rc == 0)
		rc = check_apart(base, path, err);
	if (rc == 0)
		rc = snap_replace(&nf, path, how->force, err);
	if (rc == 0)
		rc = write_all(src, base, base_name, &nf, how, out, err);
	return rc < 0 ? rc : new_file_commit(&nf, err);
}
