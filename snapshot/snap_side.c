// SPDX-License-Identifier: MIT
/*
 * Owns the way from a checkpoint to what lay beside its image, and the proof of that. Holds no
 * state.
 */
#include <stdio.h>

#include "snapshot/snap_verify.h"
#include "snapshot/watch.h"

int snap_side_open(struct store *s, struct bundle **out, struct err *err)
{
	struct qcow2 *q = qcow2_of(bond_of(s) ? bond_image(bond_of(s)) : s);
	auto_bundle struct bundle *b = NULL;
	int rc;

	*out = NULL;
	if (!q || !q->has_ckpt || q->ckpt.side_len == 0)
		return 0;
	rc = bundle_open(q->file, ckpt_side_off(&q->ckpt), q->ckpt.side_len, &b, err);
	if (rc < 0)
		return rc;
	if (memcmp(bundle_hash(b), q->ckpt.side_hash, SHA_LEN) != 0)
		return err_set(err, -EUCLEAN, "the side files are not those of this checkpoint");
	*out = b;
	b = NULL;
	return 0;
}

static void report(void *ctx, const char *name, const char *text)
{
	struct snap_finding finding = {.id = "side"};

	(void)name; /* the sentence names the file */
	snprintf(finding.text, sizeof(finding.text), "%s", text);
	verify_report(ctx, &finding);
}

static int step(void *ctx, uint64_t len)
{
	struct verify *v = ctx;

	v->done_len += len;
	return snap_watch_step(v->how->watch, v->done_len, v->total_len);
}

int verify_side(struct verify *v, struct err *err)
{
	struct bundle_watch watch = {report, step, v};
	auto_bundle struct bundle *b = NULL;
	struct err why = {""};
	int rc = snap_side_open(&v->q->s, &b, &why);

	if (rc == -EUCLEAN || rc == -ENOTSUP) {
		report(v, NULL, why.text);
		return 0;
	}
	if (rc < 0)
		return err_set(err, rc, "%s", why.text);
	return b ? bundle_verify(b, &watch, err) : 0;
}
