// SPDX-License-Identifier: MIT
/*
 * Owns what a qcow2 store tells of itself. Reads nothing that opening has not read. No locks.
 */
#include "snapshot/ckpt_table.h"
#include "snapshot/snapshot.h"

/* A bond shows what is below. */
static struct qcow2 *qcow2_below(struct store *s)
{
	return qcow2_of(bond_of(s) ? bond_image(bond_of(s)) : s);
}

struct store *snap_backing(struct store *s)
{
	struct qcow2 *q = qcow2_below(s);

	return q ? q->backing : NULL;
}

/* Read when somebody asks: it takes the whole table. */
static uint64_t stored_len(struct qcow2 *q)
{
	auto_free struct table_reader *r = malloc(sizeof(*r));
	struct ckpt_entry e;
	uint64_t clusters = 0;

	if (!r)
		return 0;
	table_reader_begin(r, q);
	while (table_reader_next(r, &e, NULL) > 0)
		clusters += e.stored_len > 0;
	return clusters * CKPT_CLUSTER_LEN;
}

static void add_ckpt(struct qcow2 *q, struct snap_info *out)
{
	const struct ckpt_ext *ext = &q->ckpt;

	out->is_checkpoint = true;
	memcpy(out->content, ext->content, SHA_LEN);
	memcpy(out->base, ext->base, SHA_LEN);
	out->has_base = ckpt_has_base(ext);
	out->kind = ext->kind;
	out->image_len = ext->image_len;
	out->data_len = ext->data_clusters * CKPT_CLUSTER_LEN;
	out->stored_len = stored_len(q);
	out->side_len = ext->side_len;
	out->bucket_pages = ext->bucket_pages;
	out->buckets = ext->buckets;
	out->memories = ext->memories;
}

bool snap_info(struct store *s, struct snap_info *out)
{
	struct qcow2 *q = qcow2_below(s);

	if (!q)
		return false;
	*out = (struct snap_info){
		.file_len = q->file->len,
		.cluster_len = qcow2_cluster_len(&q->h),
		.files = 1,
	};
	strcpy(out->backing, q->h.backing);
	for (struct store *below = q->backing; below; below = snap_backing(below))
		out->files++;
	if (q->has_ckpt)
		add_ckpt(q, out);
	return true;
}

const char *snap_hash_text(const uint8_t *hash, char *text)
{
	return sha_text(hash, text);
}

int snap_hash_bytes(const void *buf, size_t len, uint8_t *hash)
{
	struct sha *sha = NULL;
	int rc = sha_new(&sha);

	if (!rc)
		rc = sha_of(sha, buf, len, hash);
	sha_free(sha);
	return rc;
}
