/* SPDX-License-Identifier: MIT */
/*
 * What makes a qcow2 file a checkpoint: a header extension, and a table of checksums behind the
 * last cluster that the file's refcounts count. docs/checkpoint-format.md says what a reader must
 * hold to. Pure functions; all numbers big-endian, as everywhere in qcow2.
 *
 *     extension "CFcp"                                   table entry, 48 bytes
 *     off   0   4  version, 1 or 2                       0   8  number of the 64 KiB cluster
 *           4   4  kind of the image (enum mm_kind)      8  32  its leaf (merkle.h)
 *           8   8  length of the image in bytes         40   4  stored bytes; 0: stored as zero
 *          16  32  content hash (merkle.h)              44   4  their CRC-32
 *          48  32  the base's; zero: no base
 *          80   8  offset of the table                  Entries ascend by cluster. One for each
 *          88   8  entries in it                        cluster that this file stores; in a delta
 *          96  32  SHA-256 of the table                 also for those that became zero.
 *         128  32  SHA-256 of all other bytes, see below
 *         160   8  clusters of the image with data, base included
 *         168   4  pages of a bucket    \
 *         172   4  buckets handed out    } zero but for a managed image
 *         176   4  memories             /
 *         180   4  zero
 *     version 2, whose image has side files, goes on:
 *         184   8  length of the bundle that holds them (snapshot/beside/bundle.h)
 *         192  32  its hash
 *
 * "All other bytes": of the file from cluster 1 to the table, in order, but for the stored bytes of
 * the clusters; then cluster 0 with that hash itself as zero. Behind the table lies the bundle,
 * where there is one, which has checksums of its own; and behind that the file ends with
 * 16 bytes of ASCII, "canisterfs ckpt\n": so a checkpoint whose extension is damaged beyond knowing
 * is not taken for another program's file. With these each byte of a checkpoint is proven.
 */
#ifndef CANISTERFS_CKPT_FORMAT_H
#define CANISTERFS_CKPT_FORMAT_H

#include "snapshot/qcow2/sha.h"

enum {
	CKPT_VERSION = 1,
	CKPT_SIDE_VERSION = 2, /* with side files */
	CKPT_EXT_LEN = 184,
	CKPT_SIDE_EXT_LEN = 224,
	CKPT_META_HASH_OFF = 128, /* in the extension */
	CKPT_ENTRY_LEN = 48,
	CKPT_TRAILER_LEN = 16,
	CKPT_CLUSTER_BITS = 16,
	CKPT_CLUSTER_LEN = 1 << CKPT_CLUSTER_BITS,
};

struct ckpt_ext {
	uint32_t kind; /* an enum mm_kind */
	uint64_t image_len;
	uint8_t content[SHA_LEN];
	uint8_t base[SHA_LEN];
	uint64_t table_off;
	uint64_t entries;
	uint8_t table_hash[SHA_LEN];
	uint8_t meta_hash[SHA_LEN];
	uint64_t data_clusters;
	uint32_t bucket_pages, buckets, memories;
	uint64_t side_len; /* of the bundle; 0: there are no side files */
	uint8_t side_hash[SHA_LEN];
};

/* Returns its length; `buf` has CKPT_SIDE_EXT_LEN bytes. */
size_t ckpt_ext_encode(const struct ckpt_ext *ext, uint8_t *buf);
/* -ENOTSUP: a newer version. -EUCLEAN: a field cannot be true in a file of file_len bytes. */
int MUST_CHECK ckpt_ext_decode(const uint8_t *buf, size_t len, uint64_t file_len,
			       struct ckpt_ext *out, struct err *err);
bool ckpt_has_base(const struct ckpt_ext *ext);

extern const char ckpt_trailer[CKPT_TRAILER_LEN + 1];
/* Where the bundle lies, behind the table. */
uint64_t ckpt_side_off(const struct ckpt_ext *ext);
/* Where the trailer lies, and the file ends behind it. */
uint64_t ckpt_trailer_off(const struct ckpt_ext *ext);

struct ckpt_entry {
	uint64_t cluster;
	uint8_t leaf[SHA_LEN];
	uint32_t stored_len; /* 0: reads as zero */
	uint32_t crc;
};

void ckpt_entry_encode(const struct ckpt_entry *e, uint8_t *buf);
/* `least` is the lowest cluster it may be of, image_len the bound. */
int MUST_CHECK ckpt_entry_decode(const uint8_t *buf, uint64_t least, uint64_t image_len,
				 struct ckpt_entry *out, struct err *err);

#endif
