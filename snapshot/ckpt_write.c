// SPDX-License-Identifier: MIT
/*
 * Owns the layout of a checkpoint file and its counts. Never sees what the clusters hold. No locks:
 * one thread.
 */
#include "snapshot/ckpt_write.h"

#include <fcntl.h>
#include <inttypes.h>

enum {
	BLOCK_ENTRIES = CKPT_CLUSTER_LEN / 2, /* counts in a refcount block */
	FLUSH_LEN = 8 << 20,
};

static int fail(int rc, uint64_t off, struct err *err)
{
	return err_sys(err, rc, "cannot write at %" PRIu64, off);
}

int ckpt_writer_open(struct ckpt_writer *w, int fd, const char *path, const struct qcow2_header *h,
		     struct err *err)
{
	uint64_t l1_len;
	int rc;

	*w = (struct ckpt_writer){.fd = fd, .h = *h, .l2_index = UINT64_MAX, .table = SPILL_NONE};
	w->pos = w->flushed = CKPT_CLUSTER_LEN;
	w->h.cluster_bits = CKPT_CLUSTER_BITS;
	w->h.l1_entries = (uint32_t)qcow2_l1_needed(&w->h);
	w->h.refcount_order = 4;
	l1_len = div_up(w->h.l1_entries, CKPT_TABLE_CLUSTERS) * CKPT_CLUSTER_LEN;
	if (qcow2_l1_needed(&w->h) > QCOW2_MAX_L1_LEN / 8)
		return err_set(err, -EFBIG, "an image of %" PRIu64 " bytes is too large for qcow2",
			       h->len);
	w->l1 = calloc(1, MAX(l1_len, 1));
	w->l2 = calloc(1, CKPT_CLUSTER_LEN);
	rc = w->l1 && w->l2 ? sha_new(&w->meta) : -ENOMEM;
	if (rc == 0)
		rc = spill_open(&w->table, path);
	if (rc < 0)
		return err_sys(err, rc, "cannot begin");
	sha_begin(w->meta);
	return 0;
}

void ckpt_writer_close(struct ckpt_writer *w)
{
	free(w->l1);
	free(w->l2);
	free(w->counts);
	sha_free(w->meta);
	spill_close(&w->table);
}

/* The clusters of the file that [off, off + len) touches have one user more. */
static int count(struct ckpt_writer *w, uint64_t off, uint64_t len)
{
	uint64_t last = (off + len - 1) / CKPT_CLUSTER_LEN;

	if (last >= w->counts_len) {
		size_t want = MAX(last + 1, w->counts_len * 2);
		uint16_t *counts = realloc(w->counts, want * sizeof(*counts));

		if (!counts)
			return -ENOMEM;
		memset(counts + w->counts_len, 0, (want - w->counts_len) * sizeof(*counts));
		w->counts = counts;
		w->counts_len = want;
	}
	for (uint64_t i = off / CKPT_CLUSTER_LEN; i <= last; i++)
		w->counts[i]++;
	return 0;
}

/* Writing to the disk goes on beside the work, and the sync at the end is short. */
static void start_flush(struct ckpt_writer *w)
{
	if (w->pos - w->flushed < FLUSH_LEN)
		return;
	sync_file_range(w->fd, (off_t)w->flushed, (off_t)(w->pos - w->flushed),
			SYNC_FILE_RANGE_WRITE);
	w->flushed = w->pos;
}

static int write_meta(struct ckpt_writer *w, const void *bytes, size_t len, struct err *err)
{
	int rc = pwrite_all(w->fd, bytes, len, w->pos);

	if (rc < 0)
		return fail(rc, w->pos, err);
	sha_add(w->meta, bytes, len);
	w->pos += len;
	return 0;
}

/* Whole clusters of tables, which begin at the next cluster and are counted once. */
static int write_table(struct ckpt_writer *w, const uint8_t *table, size_t len, uint64_t *off,
		       struct err *err)
{
	static const uint8_t zeros[CKPT_CLUSTER_LEN];
	size_t gap = div_up(w->pos, CKPT_CLUSTER_LEN) * CKPT_CLUSTER_LEN - w->pos;
	int rc = write_meta(w, zeros, gap, err);

	*off = w->pos;
	if (rc < 0 || len == 0)
		return rc;
	rc = count(w, w->pos, len);
	return rc < 0 ? fail(rc, w->pos, err) : write_meta(w, table, len, err);
}

static int end_l2(struct ckpt_writer *w, struct err *err)
{
	uint64_t off;
	int rc;

	if (w->l2_index == UINT64_MAX)
		return 0;
	rc = write_table(w, w->l2, CKPT_CLUSTER_LEN, &off, err);
	if (rc < 0)
		return rc;
	put_be64(w->l1 + w->l2_index * 8, qcow2_l1_encode(off));
	memset(w->l2, 0, CKPT_CLUSTER_LEN);
	w->l2_index = UINT64_MAX;
	return 0;
}

static int add_entry(struct ckpt_writer *w, const struct ckpt_entry *e, uint64_t off)
{
	struct qcow2_cluster c = {.kind = e->stored_len > 0 ? QCOW2_COMPRESSED : QCOW2_ZERO};
	uint8_t raw[CKPT_ENTRY_LEN];
	int rc = 0;

	if (e->stored_len > 0) {
		/* What is counted ends with the sector: no cluster ends within one. */
		c.off = off;
		c.len = e->stored_len;
		rc = count(w, off, e->stored_len);
	}
	if (rc < 0)
		return rc;
	put_be64(w->l2 + e->cluster % CKPT_TABLE_CLUSTERS * 8, qcow2_l2_encode(&w->h, &c));
	ckpt_entry_encode(e, raw);
	w->entries++;
	return spill_add(&w->table, raw, sizeof(raw));
}

int ckpt_writer_add(struct ckpt_writer *w, const struct ckpt_entry *entries, size_t n,
		    const uint8_t *bytes, struct err *err)
{
	uint64_t off;
	int rc = 0;

	if (n == 0)
		return 0;
	if (w->l2_index != entries[0].cluster / CKPT_TABLE_CLUSTERS)
		rc = end_l2(w, err);
	if (rc < 0)
		return rc;
	w->l2_index = entries[0].cluster / CKPT_TABLE_CLUSTERS;
	off = w->pos;
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = add_entry(w, &entries[i], off);
		off += entries[i].stored_len;
	}
	if (rc == 0)
		rc = pwrite_all(w->fd, bytes, off - w->pos, w->pos);
	if (rc < 0)
		return fail(rc, w->pos, err);
	w->pos = off;
	start_flush(w);
	return 0;
}

/* The blocks count themselves and the table: as many as that takes. */
static uint64_t blocks_needed(uint64_t clusters, uint64_t *tables)
{
	uint64_t blocks = 0, before;

	do {
		before = blocks;
		*tables = div_up(blocks, CKPT_TABLE_CLUSTERS);
		blocks = div_up(clusters + blocks + *tables, BLOCK_ENTRIES);
	} while (blocks != before);
	return blocks;
}

static int write_block(struct ckpt_writer *w, uint64_t block, uint8_t *buf, uint8_t *entry,
		       struct err *err)
{
	uint64_t first = block * BLOCK_ENTRIES;

	memset(buf, 0, CKPT_CLUSTER_LEN);
	for (uint64_t i = 0; i < BLOCK_ENTRIES && first + i < w->counts_len; i++)
		put_be16(buf + i * 2, w->counts[first + i]);
	put_be64(entry, w->pos);
	return write_meta(w, buf, CKPT_CLUSTER_LEN, err);
}

/* What is counted has to be counted before the first block is written, themselves included. */
static int write_counts(struct ckpt_writer *w, struct err *err)
{
	uint64_t tables, blocks = blocks_needed(w->pos / CKPT_CLUSTER_LEN, &tables);
	auto_free uint8_t *table = calloc(tables, CKPT_CLUSTER_LEN);
	auto_free uint8_t *block = malloc(CKPT_CLUSTER_LEN);
	int rc = count(w, w->pos, (blocks + tables) * CKPT_CLUSTER_LEN);

	if (!table || !block)
		rc = -ENOMEM;
	if (rc == 0)
		rc = count(w, 0, CKPT_CLUSTER_LEN);
	if (rc < 0)
		return fail(rc, w->pos, err);
	for (uint64_t b = 0; b < blocks && rc == 0; b++)
		rc = write_block(w, b, block, table + b * 8, err);
	w->h.refcount_off = w->pos;
	w->h.refcount_clusters = (uint32_t)tables;
	return rc < 0 ? rc : write_meta(w, table, tables * CKPT_CLUSTER_LEN, err);
}

static int copy_table(struct ckpt_writer *w, struct ckpt_ext *ext, struct sha *sha)
{
	auto_free uint8_t *buf = malloc(SPILL_BUF_LEN);
	int rc = buf ? spill_end(&w->table) : -ENOMEM;

	sha_begin(sha);
	for (uint64_t off = 0, n; off < w->table.len && rc == 0; off += n) {
		n = MIN(SPILL_BUF_LEN, w->table.len - off);
		rc = spill_read(&w->table, buf, n, off);
		if (rc == 0)
			rc = pwrite_all(w->fd, buf, n, w->pos + off);
		if (rc == 0)
			sha_add(sha, buf, n);
	}
	ext->table_off = w->pos;
	ext->entries = w->entries;
	return rc < 0 ? rc : sha_end(sha, ext->table_hash);
}

static int write_uncounted(struct ckpt_writer *w, struct ckpt_ext *ext,
			   const struct ckpt_side *side, struct err *err)
{
	struct sha *sha;
	int rc = sha_new(&sha);

	if (rc < 0)
		return fail(rc, w->pos, err);
	rc = copy_table(w, ext, sha);
	sha_free(sha);
	if (rc < 0)
		return fail(rc, w->pos, err);
	if (side_files_any(side->files))
		rc = bundle_write_watched(w->fd, ckpt_side_off(ext), side->files, side->level,
					  side->watch, &ext->side_len, ext->side_hash, err);
	if (rc < 0)
		return rc;
	rc = pwrite_all(w->fd, ckpt_trailer, CKPT_TRAILER_LEN, ckpt_trailer_off(ext));
	return rc < 0 ? fail(rc, ckpt_trailer_off(ext), err) : 0;
}

static int write_header(struct ckpt_writer *w, struct ckpt_ext *ext, struct err *err)
{
	auto_free uint8_t *buf = malloc(CKPT_CLUSTER_LEN);
	uint8_t raw[CKPT_SIDE_EXT_LEN];
	int rc;

	if (!buf)
		return fail(-ENOMEM, 0, err);
	memset(ext->meta_hash, 0, SHA_LEN);
	w->h.checkpoint.len = (uint32_t)ckpt_ext_encode(ext, raw);
	rc = qcow2_header_encode(&w->h, raw, NULL, buf, CKPT_CLUSTER_LEN);
	if (rc < 0)
		return err_sys(err, rc, "cannot name the base");
	sha_add(w->meta, buf, CKPT_CLUSTER_LEN);
	rc = sha_end(w->meta, ext->meta_hash);
	memcpy(buf + w->h.checkpoint.off + CKPT_META_HASH_OFF, ext->meta_hash, SHA_LEN);
	if (rc == 0)
		rc = pwrite_all(w->fd, buf, CKPT_CLUSTER_LEN, 0);
	return rc < 0 ? fail(rc, 0, err) : 0;
}

int ckpt_writer_end(struct ckpt_writer *w, struct ckpt_ext *ext, const struct ckpt_side *side,
		    struct err *err)
{
	uint64_t l1_len = div_up(w->h.l1_entries, CKPT_TABLE_CLUSTERS) * CKPT_CLUSTER_LEN;
	int rc = end_l2(w, err);

	if (rc == 0)
		rc = write_table(w, w->l1, l1_len, &w->h.l1_off, err);
	if (rc == 0)
		rc = write_counts(w, err);
	if (rc == 0)
		rc = write_uncounted(w, ext, side, err);
	return rc < 0 ? rc : write_header(w, ext, err);
}
