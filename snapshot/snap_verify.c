// SPDX-License-Identifier: MIT
/*
 * Owns the order in which a chain is verified, and what is a finding. First what says where things
 * are, then the clusters, then what all of it together should be. One thread, but for the clusters.
 */
#include "snapshot/snap_verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "snapshot/ckpt_table.h"
#include "snapshot/merkle.h"
#include "snapshot/qcow2/qcow2_count.h"

static void PRINTF(4, 5)
	report(struct verify *v, const char *id, bool harmless, const char *fmt, ...)
{
	struct snap_finding finding = {.id = id, .harmless = harmless};
	va_list args;

	va_start(args, fmt);
	vsnprintf(finding.text, sizeof(finding.text), fmt, args);
	va_end(args);
	verify_report(v, &finding);
}

/* Damage is what we are here to find: it is reported, and no failure. */
static int damage(struct verify *v, int rc, const char *id, const struct err *why, struct err *err)
{
	if (rc == 0)
		return 0;
	if (rc != -EBADMSG && rc != -EUCLEAN)
		return err_set(err, rc, "%s", why->text);
	report(v, id, false, "%s", why->text);
	return 0;
}

static int verify_counts(struct verify *v, struct err *err)
{
	struct qcow2_miscounts c;
	struct err why = {""};
	int rc = qcow2_check_counts(v->q, &c, &why);

	if (rc < 0)
		return damage(v, rc, "refcount", &why, err);
	if (c.lost > 0)
		report(v, "refcount", false,
		       "%" PRIu64 " clusters of the file are used more often than it counts, the "
		       "first at %" PRIu64,
		       c.lost, c.first_lost_off);
	if (c.leaked > 0)
		report(v, "leak", true,
		       "%" PRIu64 " clusters of the file are counted and not used, the first at "
		       "%" PRIu64,
		       c.leaked, c.first_leaked_off);
	return 0;
}

/* The content that the tables of this file and of those below it make. */
static int content_of(struct qcow2 *q, uint8_t *hash, struct sha *sha, struct err *err)
{
	struct table_merge *merge = NULL;
	struct ckpt_entry e = {.cluster = 0};
	struct merkle merkle;
	uint64_t least = 0;
	bool found = true;
	int rc = merkle_begin(&merkle, sha);

	if (rc == 0)
		rc = table_merge_open(&q->s, &merge, err);
	while (rc == 0) {
		rc = table_merge_at(merge, least, &e, &found, err);
		if (rc < 0 || !found || e.cluster >= div_up(q->s.len, CKPT_CLUSTER_LEN))
			break;
		least = e.cluster + 1;
		rc = merkle_add(&merkle, e.cluster, e.leaf);
	}
	table_merge_close(merge);
	return rc < 0 ? rc : merkle_end(&merkle, q->s.len, hash);
}

static int verify_content(struct verify *v, struct err *err)
{
	char want[SHA_TEXT_LEN], is[SHA_TEXT_LEN];
	uint8_t hash[SHA_LEN];
	struct err why = {"cannot hash"};
	struct sha *sha;
	int rc = sha_new(&sha);

	if (rc == 0) {
		rc = content_of(v->q, hash, sha, &why);
		sha_free(sha);
	}
	if (rc < 0)
		return damage(v, rc, "content", &why, err);
	if (memcmp(hash, v->q->ckpt.content, SHA_LEN) != 0)
		report(v, "content", false, "the content hash is %s, and the header says %s",
		       sha_text(hash, is), sha_text(v->q->ckpt.content, want));
	return 0;
}

static int verify_checkpoint(struct verify *v, bool chain_proven, struct err *err)
{
	struct err why = {""};
	uint64_t before = v->out->findings;
	bool table_good;
	int rc = damage(v, ckpt_check_table(v->q, &why), "table", &why, err);

	table_good = v->out->findings == before;
	if (rc == 0)
		rc = damage(v, ckpt_check_meta(v->q, &why), "metadata", &why, err);
	if (rc == 0)
		rc = verify_counts(v, err);
	if (rc == 0)
		rc = verify_clusters(v, table_good, err);
	if (rc == 0)
		rc = verify_side(v, err);
	if (rc == 0 && table_good && chain_proven)
		rc = verify_content(v, err);
	return rc;
}

static int verify_file(struct verify *v, bool chain_proven, struct err *err)
{
	int rc;

	if (v->q->has_ckpt)
		return verify_checkpoint(v, chain_proven, err);
	rc = verify_counts(v, err);
	return rc < 0 ? rc : verify_clusters(v, false, err);
}

/* From here down every file has checksums. */
static bool is_proven(struct qcow2 *q)
{
	while (q && q->has_ckpt && q->backing)
		q = qcow2_of(q->backing);
	return q && q->has_ckpt;
}

int snap_verify(struct store *s, const struct snap_work *how,
		void (*fn)(void *ctx, const struct snap_finding *finding), void *ctx,
		struct snap_verified *out, struct err *err)
{
	struct verify v = {.q = qcow2_of(s), .how = how, .fn = fn, .fn_ctx = ctx, .out = out};
	struct qcow2 *q;
	int rc = 0;

	*out = (struct snap_verified){.proven = true};
	if (!v.q)
		return err_set(err, -EINVAL, "a %s has no checksums to verify", s->ops->name);
	out->proven = is_proven(v.q);
	for (q = v.q; q; q = q->backing ? qcow2_of(q->backing) : NULL)
		v.total_len += q->file->len;
	for (; v.q && rc == 0; v.depth++) {
		rc = verify_file(&v, is_proven(v.q), err);
		out->files++;
		v.q = v.q->backing ? qcow2_of(v.q->backing) : NULL;
	}
	return rc;
}
