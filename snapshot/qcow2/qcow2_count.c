// SPDX-License-Identifier: MIT
/*
 * Owns the walk over all that a qcow2 file points to. Reads tables, never data; changes nothing.
 * Takes no lock of its own: the tables must stand still meanwhile.
 */
#include "snapshot/qcow2/qcow2_count.h"

#include <inttypes.h>

/* Tables and refcount blocks are read in pieces of at most this many bytes, whole sectors. */
enum { PIECE_LEN = 65536 };

static int add(struct qcow2 *q, struct qcow2_counts *c, uint64_t off, uint64_t len,
	       const char *what, struct err *err)
{
	uint64_t end, last;

	if (len == 0)
		return 0;
	/* The last cluster of the file may be there in part. */
	if (add_overflows(off, len, &end) || end > qcow2_off(q, c->clusters))
		return err_set(err, -EUCLEAN,
			       "%s at %" PRIu64 " is outside the file of %" PRIu64 " bytes", what,
			       off, q->file->len);
	last = qcow2_index(q, end - 1);
	for (uint64_t i = qcow2_index(q, off); i <= last; i++)
		if (c->count[i] < UINT16_MAX)
			c->count[i]++;
	c->used = MAX(c->used, last + 1);
	return 0;
}

/* Counts what an entry of a table points to. */
typedef int entry_fn(struct qcow2 *q, struct qcow2_counts *c, uint64_t entry, struct err *err);

static int count_cluster(struct qcow2 *q, struct qcow2_counts *c, uint64_t entry, struct err *err)
{
	struct qcow2_cluster at;
	int rc = qcow2_l2_decode(&q->h, entry, &at, err);

	if (rc < 0)
		return rc;
	/* A compressed cluster's last sector may be one that the file ends in. */
	if (at.kind == QCOW2_COMPRESSED && at.off < q->file->len)
		at.len = MIN(at.len, qcow2_off(q, c->clusters) - at.off);
	return add(q, c, at.off, at.len, "a cluster", err);
}

static int count_block(struct qcow2 *q, struct qcow2_counts *c, uint64_t entry, struct err *err)
{
	uint64_t off;
	int rc = qcow2_refcount_entry_decode(&q->h, entry, &off, err);

	if (rc < 0 || off == 0)
		return rc;
	return add(q, c, off, qcow2_cluster_len(&q->h), "a refcount block", err);
}

/* Most entries are zero. */
static int count_piece(struct qcow2 *q, struct qcow2_counts *c, const uint8_t *piece, size_t len,
		       entry_fn *count, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < len && rc == 0; i += QCOW2_SECTOR_LEN) {
		if (is_zero(piece + i, QCOW2_SECTOR_LEN))
			continue;
		for (size_t k = 0; k < QCOW2_SECTOR_LEN && rc == 0; k += 8)
			rc = count(q, c, get_be64(piece + i + k), err);
	}
	return rc;
}

/* `piece` has PIECE_LEN bytes to read into. */
static int count_table(struct qcow2 *q, struct qcow2_counts *c, uint64_t off, uint64_t len,
		       const char *what, uint8_t *piece, entry_fn *count, struct err *err)
{
	int rc = add(q, c, off, len, what, err);

	for (uint64_t at = 0; at < len && rc == 0; at += PIECE_LEN) {
		size_t n = MIN(len - at, (uint64_t)PIECE_LEN);

		rc = qcow2_file_read(q, piece, n, off + at, err);
		if (rc == 0)
			rc = count_piece(q, c, piece, n, count, err);
	}
	return rc;
}

static int count_all(struct qcow2 *q, struct qcow2_counts *c, struct err *err)
{
	uint64_t cluster_len = qcow2_cluster_len(&q->h);
	auto_free uint8_t *piece = malloc(PIECE_LEN);
	int rc;

	if (!piece)
		return err_sys(err, -ENOMEM, "cannot count");
	rc = add(q, c, 0, cluster_len, "the header", err);
	if (rc == 0)
		rc = count_table(q, c, q->h.refcount_off, q->h.refcount_clusters * cluster_len,
				 "the refcount table", piece, count_block, err);
	if (rc == 0)
		rc = add(q, c, q->h.l1_off, (uint64_t)q->h.l1_entries * 8, "the L1 table", err);
	for (uint32_t i = 0; i < q->h.l1_entries && rc == 0; i++)
		if (q->l1[i] > 0)
			rc = count_table(q, c, q->l1[i], cluster_len, "an L2 table", piece,
					 count_cluster, err);
	return rc;
}

int qcow2_count(struct qcow2 *q, struct qcow2_counts *out, struct err *err)
{
	struct qcow2_counts c = {.clusters = div_up(q->file->len, qcow2_cluster_len(&q->h))};
	int rc;

	if (c.clusters > QCOW2_MAX_COUNTS)
		return err_set(err, -EFBIG,
			       "the file has %" PRIu64 " clusters, of which %d can be counted",
			       c.clusters, QCOW2_MAX_COUNTS);
	c.count = calloc(c.clusters + 1, sizeof(*c.count));
	if (!c.count)
		return err_sys(err, -ENOMEM, "cannot count");
	rc = count_all(q, &c, err);
	if (rc < 0)
		qcow2_counts_free(&c);
	else
		*out = c;
	return rc;
}

void qcow2_counts_free(struct qcow2_counts *c)
{
	free(c->count);
	c->count = NULL;
}

/* The piece that counts clusters from `first` on; zeros where there is none. */
static int read_piece(struct qcow2 *q, uint64_t first, uint8_t *piece, size_t len, struct err *err)
{
	uint64_t per_block = (qcow2_cluster_len(&q->h) * 8) >> q->h.refcount_order;
	uint64_t entries = (uint64_t)q->h.refcount_clusters << (q->h.cluster_bits - 3);
	uint64_t block = first / per_block;
	uint8_t entry[8];
	uint64_t off;
	int rc;

	memset(piece, 0, len);
	if (block >= entries)
		return 0;
	rc = qcow2_file_read(q, entry, sizeof(entry), q->h.refcount_off + block * 8, err);
	if (rc == 0)
		rc = qcow2_refcount_entry_decode(&q->h, get_be64(entry), &off, err);
	if (rc < 0 || off == 0)
		return rc;
	if (off > q->file->len || qcow2_cluster_len(&q->h) > q->file->len - off)
		return err_set(err, -EUCLEAN,
			       "the refcount block at %" PRIu64 " is cut off at %" PRIu64, off,
			       q->file->len);
	off += ((first % per_block) << q->h.refcount_order) / 8;
	return qcow2_file_read(q, piece, len, off, err);
}

static void compare(struct qcow2 *q, uint64_t cluster, uint64_t stored, uint64_t counted,
		    struct qcow2_miscounts *out)
{
	uint64_t off = qcow2_off(q, cluster);

	if (stored > counted && out->leaked++ == 0)
		out->first_leaked_off = off;
	if (stored < counted && out->lost++ == 0)
		out->first_lost_off = off;
}

static int compare_all(struct qcow2 *q, const struct qcow2_counts *c, uint8_t *piece,
		       struct qcow2_miscounts *out, struct err *err)
{
	size_t len = MIN(qcow2_cluster_len(&q->h), (uint64_t)PIECE_LEN);
	uint64_t per_piece = (len * 8) >> q->h.refcount_order;

	for (uint64_t i = 0; i < c->clusters; i++) {
		int rc = i % per_piece == 0 ? read_piece(q, i, piece, len, err) : 0;

		if (rc < 0)
			return rc;
		compare(q, i, qcow2_refcount_get(&q->h, piece, i % per_piece), c->count[i], out);
	}
	return 0;
}

int qcow2_check_counts(struct qcow2 *q, struct qcow2_miscounts *out, struct err *err)
{
	auto_free uint8_t *piece = malloc(PIECE_LEN);
	auto_counts struct qcow2_counts c = {.count = NULL};
	int rc;

	*out = (struct qcow2_miscounts){.leaked = 0};
	if (!piece)
		return err_sys(err, -ENOMEM, "cannot count");
	rc = qcow2_count(q, &c, err);
	return rc < 0 ? rc : compare_all(q, &c, piece, out, err);
}
