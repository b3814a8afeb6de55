/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a qcow2 file: what a header and a table entry say. Pure functions; whatever bytes
 * come in, they read nothing outside the buffer and answer with values inside the ranges below.
 *
 * A qcow2 file is counted in clusters of 2^cluster_bits bytes. The header at 0 names the L1 table,
 * each L1 entry an L2 table of one cluster, each L2 entry one cluster of the virtual disk:
 *
 *     header --> L1 [i] --> L2 [j] --> plain cluster | bytes of raw deflate | zero | not here
 *            --> refcount table --> refcount blocks: users of each cluster of the file
 *
 * "Not here" is the backing file's, or zero. All numbers are big-endian. Offsets are in the file.
 * Source: qemu's docs/interop/qcow2.txt (facts), and qemu-img 7.2 (tried).
 */
#ifndef CANISTERFS_QCOW2_FORMAT_H
#define CANISTERFS_QCOW2_FORMAT_H

#include "memmgr/util.h"

enum {
	QCOW2_MAGIC = 0x514649fb, /* "QFI", 0xfb */
	QCOW2_MIN_BITS = 9,       /* clusters of 512 bytes */
	QCOW2_MAX_BITS = 21,      /* clusters of 2 MiB, which is also qemu's bound */
	QCOW2_MAX_L1_LEN = 32 << 20,
	QCOW2_MAX_REFCOUNT_LEN = 8 << 20, /* of the refcount table */
	QCOW2_MAX_NAME_LEN = 1023,        /* of the backing file's name */
	QCOW2_FORMAT_LEN = 16,
	QCOW2_SECTOR_LEN = 512, /* compressed clusters are measured in these */
	QCOW2_V2_HEADER_LEN = 72,
	QCOW2_V3_HEADER_LEN = 104,
	QCOW2_LEN_OFF = 24, /* where the header has the length of the disk */

	/* What is read of a header with its extensions, and more than we ever write. */
	QCOW2_HEADER_MAX_LEN = 65536,
};

/* Header extensions. Those of ours are in ckpt_format.h and state.h. */
enum {
	QCOW2_EXT_END = 0,
	QCOW2_EXT_BACKING_FORMAT = (int)0xe2792aca,
	QCOW2_EXT_CHECKPOINT = 0x43466370, /* "CFcp" */
	QCOW2_EXT_STATE = 0x43467374,      /* "CFst" */
};

/* Where an extension's data lie in the header's bytes; len 0: it is not there. */
struct qcow2_ext {
	uint32_t off;
	uint32_t len;
};

struct qcow2_header {
	uint32_t version;      /* 2 or 3 */
	uint32_t cluster_bits; /* QCOW2_MIN_BITS to QCOW2_MAX_BITS */
	uint64_t len;          /* of the virtual disk, in bytes, at most INT64_MAX */
	uint64_t l1_off;       /* on a cluster */
	uint32_t l1_entries;   /* at least what len needs */
	uint64_t refcount_off; /* on a cluster */
	uint32_t refcount_clusters;
	uint32_t refcount_order;               /* a refcount has 2^order bits, 0 to 6 */
	char backing[QCOW2_MAX_NAME_LEN + 1];  /* "": none */
	char backing_format[QCOW2_FORMAT_LEN]; /* "": not said */
	struct qcow2_ext checkpoint, state;
};

static inline uint64_t qcow2_cluster_len(const struct qcow2_header *h)
{
	return UINT64_C(1) << h->cluster_bits;
}

/* Entries of an L2 table. */
static inline uint64_t qcow2_l2_entries(const struct qcow2_header *h)
{
	return UINT64_C(1) << (h->cluster_bits - 3);
}

/* Clusters, and L1 entries, that a disk of h->len bytes has. */
uint64_t qcow2_clusters(const struct qcow2_header *h);
uint64_t qcow2_l1_needed(const struct qcow2_header *h);

/* True: these bytes begin as a qcow2 file of any version. */
bool qcow2_is_magic(const uint8_t *buf, size_t len);

/*
 * Judges the first `len` = min(file_len, QCOW2_HEADER_MAX_LEN) bytes of a file. -EINVAL: no qcow2
 * file. -ENOTSUP: one that asks for what we do not do (encryption, external data, internal
 * snapshots, another compression, unknown features). -EUCLEAN: a field cannot be true.
 */
int MUST_CHECK qcow2_header_decode(const uint8_t *buf, size_t len, uint64_t file_len,
				   struct qcow2_header *out, struct err *err);

/*
 * Writes a version 3 header, zero-padded to `len` bytes, with the backing file's name behind the
 * extensions. `checkpoint` and `state` are the data of our extensions (their lengths from h), and
 * where they came to lie is set in h. -ENAMETOOLONG when `len` bytes do not hold it all.
 */
int MUST_CHECK qcow2_header_encode(struct qcow2_header *h, const uint8_t *checkpoint,
				   const uint8_t *state, uint8_t *buf, size_t len);

/* Sets the backing file's name and format, both NULL for none. -ENAMETOOLONG, -EINVAL. */
int MUST_CHECK qcow2_header_name(struct qcow2_header *h, const char *name, const char *format,
				 struct err *err);

enum qcow2_kind {
	QCOW2_NONE,       /* the backing file's, or zero */
	QCOW2_ZERO,       /* zero; off may name a cluster that is kept ready for it, or be 0 */
	QCOW2_PLAIN,      /* the bytes lie at off, on a cluster */
	QCOW2_COMPRESSED, /* at most len bytes of raw deflate at off */
};

struct qcow2_cluster {
	enum qcow2_kind kind;
	uint64_t off;
	uint64_t len;
};

/* -EUCLEAN: reserved bits, or an offset that is not on a cluster. */
int MUST_CHECK qcow2_l2_decode(const struct qcow2_header *h, uint64_t entry,
			       struct qcow2_cluster *out, struct err *err);
uint64_t qcow2_l2_encode(const struct qcow2_header *h, const struct qcow2_cluster *c);

/* The offset of an L2 table, or of a refcount block; 0: none. */
int MUST_CHECK qcow2_l1_decode(const struct qcow2_header *h, uint64_t entry, uint64_t *off,
			       struct err *err);
uint64_t qcow2_l1_encode(uint64_t off);
int MUST_CHECK qcow2_refcount_entry_decode(const struct qcow2_header *h, uint64_t entry,
					   uint64_t *off, struct err *err);

/* Refcount `index` of a refcount block, whatever the width. */
uint64_t qcow2_refcount_get(const struct qcow2_header *h, const uint8_t *block, uint64_t index);

#endif
