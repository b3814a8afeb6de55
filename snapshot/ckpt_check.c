// SPDX-License-Identifier: MIT
/*
 * Owns the proof that a checkpoint's own bytes, beside those of the clusters, are the ones that
 * were written. Unpacks nothing. No locks: a checkpoint does not change.
 */
#include <inttypes.h>

#include "snapshot/ckpt_table.h"

enum { PIECE_LEN = 65536 };

static int hash_range(struct qcow2 *q, struct sha *sha, uint64_t off, uint64_t end, struct err *err)
{
	auto_free uint8_t *buf = malloc(PIECE_LEN);

	if (!buf)
		return err_sys(err, -ENOMEM, "cannot check");
	while (off < end) {
		size_t n = MIN(PIECE_LEN, end - off);
		int rc = qcow2_file_read(q, buf, n, off, err);

		if (rc < 0)
			return rc;
		sha_add(sha, buf, n);
		off += n;
	}
	return 0;
}

static int compare(struct sha *sha, const uint8_t *hash, const char *what, struct err *err)
{
	uint8_t is[SHA_LEN];
	char want[SHA_TEXT_LEN], have[SHA_TEXT_LEN];
	int rc = sha_end(sha, is);

	if (rc < 0)
		return err_sys(err, rc, "cannot hash");
	if (memcmp(is, hash, SHA_LEN) == 0)
		return 0;
	return err_set(err, -EBADMSG, "the checksum of %s is %s, and was %s when it was written",
		       what, sha_text(is, have), sha_text(hash, want));
}

int ckpt_check_table(struct qcow2 *q, struct err *err)
{
	struct sha *sha;
	int rc = sha_new(&sha);

	if (rc < 0)
		return err_sys(err, rc, "cannot check");
	sha_begin(sha);
	rc = hash_range(q, sha, q->ckpt.table_off, ckpt_side_off(&q->ckpt), err);
	if (rc == 0)
		rc = compare(sha, q->ckpt.table_hash, "the table of checksums", err);
	sha_free(sha);
	return rc;
}

/* Where this entry's bytes are; they follow those before. */
static int place_of(struct qcow2 *q, const struct ckpt_entry *e, uint64_t pos, uint64_t *off,
		    struct err *err)
{
	struct qcow2_cluster c;
	int rc = qcow2_lookup(q, e->cluster, &c, err);

	*off = pos;
	if (rc < 0 || (e->stored_len == 0 && c.kind == QCOW2_ZERO))
		return rc;
	if (e->stored_len == 0 || c.kind != QCOW2_COMPRESSED || c.off < pos ||
	    c.off > q->ckpt.table_off || e->stored_len > q->ckpt.table_off - c.off ||
	    e->stored_len > c.len)
		return err_set(err, -EBADMSG,
			       "the tables do not lead to the %u bytes of cluster %" PRIu64,
			       e->stored_len, e->cluster);
	*off = c.off;
	return 0;
}

/* Everything between the bytes of clusters, from cluster 1 to the table. */
static int hash_between(struct qcow2 *q, struct sha *sha, struct table_reader *r, struct err *err)
{
	uint64_t pos = CKPT_CLUSTER_LEN;
	struct ckpt_entry e;
	uint64_t off;
	int rc;

	while ((rc = table_reader_next(r, &e, err)) > 0) {
		rc = place_of(q, &e, pos, &off, err);
		if (rc == 0)
			rc = hash_range(q, sha, pos, off, err);
		if (rc < 0)
			return rc;
		pos = off + e.stored_len;
	}
	return rc < 0 ? rc : hash_range(q, sha, pos, q->ckpt.table_off, err);
}

static int hash_header(struct qcow2 *q, struct sha *sha, struct err *err)
{
	auto_free uint8_t *buf = malloc(CKPT_CLUSTER_LEN);
	int rc;

	if (!buf)
		return err_sys(err, -ENOMEM, "cannot check");
	rc = qcow2_file_read(q, buf, CKPT_CLUSTER_LEN, 0, err);
	if (rc < 0)
		return rc;
	memset(buf + q->h.checkpoint.off + CKPT_META_HASH_OFF, 0, SHA_LEN);
	sha_add(sha, buf, CKPT_CLUSTER_LEN);
	return 0;
}

static int check_meta(struct qcow2 *q, struct sha *sha, struct err *err)
{
	auto_free struct table_reader *r = malloc(sizeof(*r));
	int rc;

	if (!r)
		return err_sys(err, -ENOMEM, "cannot check");
	table_reader_begin(r, q);
	sha_begin(sha);
	rc = hash_between(q, sha, r, err);
	if (rc == 0)
		rc = hash_header(q, sha, err);
	return rc < 0 ? rc : compare(sha, q->ckpt.meta_hash, "the header and the tables", err);
}

static int check_end(struct qcow2 *q, struct err *err)
{
	uint64_t off = ckpt_trailer_off(&q->ckpt);
	uint8_t trailer[CKPT_TRAILER_LEN];
	int rc;

	if (q->file->len != off + CKPT_TRAILER_LEN)
		return err_set(err, -EBADMSG,
			       "the file has %" PRIu64 " bytes, and had %" PRIu64
			       " when it was written",
			       q->file->len, off + CKPT_TRAILER_LEN);
	rc = qcow2_file_read(q, trailer, sizeof(trailer), off, err);
	if (rc == 0 && memcmp(trailer, ckpt_trailer, sizeof(trailer)) != 0)
		rc = err_set(err, -EBADMSG, "the last %d bytes are not those of a checkpoint",
			     CKPT_TRAILER_LEN);
	return rc;
}

int ckpt_check_meta(struct qcow2 *q, struct err *err)
{
	struct sha *sha;
	int rc = check_end(q, err);

	if (rc < 0)
		return rc;
	rc = sha_new(&sha);
	if (rc < 0)
		return err_sys(err, rc, "cannot check");
	rc = check_meta(q, sha, err);
	sha_free(sha);
	return rc;
}
