// SPDX-License-Identifier: MIT
/*
 * Owns the meaning of a qcow2 file's header and table entries. Keeps no state, reads no file,
 * allocates nothing. What it hands out has been checked as far as the bytes alone allow; whether an
 * offset lies inside the file is for whoever reads there.
 */
#include "snapshot/qcow2/qcow2_format.h"

#include <inttypes.h>

enum {
	INCOMPATIBLE_DIRTY = 1 << 0, /* refcounts may be wrong; reading needs none */
	INCOMPATIBLE_CORRUPT = 1 << 1,
	INCOMPATIBLE_DATA_FILE = 1 << 2,
	INCOMPATIBLE_COMPRESSION = 1 << 3,
	INCOMPATIBLE_EXTENDED_L2 = 1 << 4,
};

static const uint64_t entry_copied = UINT64_C(1) << 63;     /* its refcount is exactly 1 */
static const uint64_t entry_compressed = UINT64_C(1) << 62; /* L2 only */
static const uint64_t entry_zero = 1;                       /* L2 only, version 3 */
static const uint64_t entry_off_mask = UINT64_C(0x00fffffffffffe00);

uint64_t qcow2_clusters(const struct qcow2_header *h)
{
	return div_up(h->len, qcow2_cluster_len(h));
}

uint64_t qcow2_l1_needed(const struct qcow2_header *h)
{
	return div_up(qcow2_clusters(h), qcow2_l2_entries(h));
}

bool qcow2_is_magic(const uint8_t *buf, size_t len)
{
	return len >= 4 && get_be32(buf) == QCOW2_MAGIC;
}

/* Features that change how the file is to be read. */
static int check_features(const uint8_t *buf, uint32_t header_len, struct err *err)
{
	uint64_t incompatible = get_be64(buf + 72);
	uint8_t compression = header_len > 104 ? buf[104] : 0;
	uint64_t known = INCOMPATIBLE_DIRTY | INCOMPATIBLE_CORRUPT | INCOMPATIBLE_DATA_FILE |
			 INCOMPATIBLE_COMPRESSION | INCOMPATIBLE_EXTENDED_L2;

	if (incompatible & ~known)
		return err_set(err, -ENOTSUP,
			       "needs qcow2 features 0x%" PRIx64 ", which are not known",
			       incompatible & ~known);
	if (incompatible & INCOMPATIBLE_DATA_FILE)
		return err_set(err, -ENOTSUP, "keeps its data in an external file");
	if (incompatible & INCOMPATIBLE_EXTENDED_L2)
		return err_set(err, -ENOTSUP, "has extended L2 entries (subclusters)");
	if (incompatible & INCOMPATIBLE_COMPRESSION || compression != 0)
		return err_set(err, -ENOTSUP,
			       "is compressed by method %u, where only deflate (0) is known",
			       compression);
	if (incompatible & INCOMPATIBLE_CORRUPT)
		return err_set(err, -EUCLEAN, "is marked as corrupt: qemu-img check can repair it");
	return 0;
}

/* Sets *header_len. */
static int decode_version(const uint8_t *buf, size_t len, struct qcow2_header *h,
			  uint32_t *header_len, struct err *err)
{
	h->version = get_be32(buf + 4);
	*header_len = QCOW2_V2_HEADER_LEN;
	h->refcount_order = 4;
	if (h->version < 2)
		return err_set(err, -ENOTSUP, "is qcow version %u, where 2 and 3 are known",
			       h->version);
	if (h->version == 2)
		return 0;
	if (h->version > 3)
		return err_set(err, -ENOTSUP, "is qcow2 version %u, where 2 and 3 are known",
			       h->version);
	if (len < QCOW2_V3_HEADER_LEN)
		return err_set(err, -EUCLEAN, "the header of %d bytes is cut off at %zu",
			       QCOW2_V3_HEADER_LEN, len);
	*header_len = get_be32(buf + 100);
	h->refcount_order = get_be32(buf + 96);
	if (*header_len < QCOW2_V3_HEADER_LEN || *header_len > len || *header_len % 8 != 0)
		return err_set(err, -EUCLEAN,
			       "the header says that it is %u bytes long, of %zu that can be",
			       *header_len, len);
	if (h->refcount_order > 6)
		return err_set(err, -EUCLEAN, "refcounts of 2^%u bits cannot be",
			       h->refcount_order);
	return check_features(buf, *header_len, err);
}

/* A table of `bytes` at `off` that must lie on clusters inside the file. */
static int check_table(const struct qcow2_header *h, const char *what, uint64_t off, uint64_t bytes,
		       uint64_t max, uint64_t file_len, struct err *err)
{
	uint64_t end;

	if (bytes > max)
		return err_set(err, -EUCLEAN, "the %s of %" PRIu64 " bytes is larger than %" PRIu64,
			       what, bytes, max);
	if (off % qcow2_cluster_len(h) != 0 || add_overflows(off, bytes, &end) || end > file_len)
		return err_set(err, -EUCLEAN,
			       "the %s cannot be at %" PRIu64 ", %" PRIu64
			       " bytes long, in a file of %" PRIu64 " bytes",
			       what, off, bytes, file_len);
	return 0;
}

static int decode_tables(const uint8_t *buf, uint64_t file_len, struct qcow2_header *h,
			 struct err *err)
{
	int rc;

	h->l1_entries = get_be32(buf + 36);
	h->l1_off = get_be64(buf + 40);
	h->refcount_off = get_be64(buf + 48);
	h->refcount_clusters = get_be32(buf + 56);
	if (h->l1_entries < qcow2_l1_needed(h))
		return err_set(err, -EUCLEAN,
			       "the L1 table has %u entries, where a disk of %" PRIu64
			       " bytes needs %" PRIu64,
			       h->l1_entries, h->len, qcow2_l1_needed(h));
	rc = check_table(h, "L1 table", h->l1_off, (uint64_t)h->l1_entries * 8, QCOW2_MAX_L1_LEN,
			 file_len, err);
	if (rc < 0)
		return rc;
	return check_table(h, "refcount table", h->refcount_off,
			   (uint64_t)h->refcount_clusters << h->cluster_bits,
			   QCOW2_MAX_REFCOUNT_LEN, file_len, err);
}

/*
 * The extensions are known. A power cut while one of our files that are written to gets another
 * backing file can leave the new length and the old, shorter name, with zeros behind it: that file
 * is opened by whoever knows its backing file, and then named anew.
 */
static int decode_backing(const uint8_t *buf, size_t len, uint64_t off, struct qcow2_header *h,
			  struct err *err)
{
	uint32_t name_len = get_be32(buf + 16);

	if (off == 0)
		return 0;
	if (name_len == 0 || name_len > QCOW2_MAX_NAME_LEN || off > len || name_len > len - off)
		return err_set(err, -EUCLEAN,
			       "the backing file's name cannot be at %" PRIu64 ", %u bytes long",
			       off, name_len);
	if (memchr(buf + off, 0, name_len) && (h->state.len == 0 || buf[off] == 0))
		return err_set(err, -EUCLEAN, "the backing file's name has a zero byte in it");
	memcpy(h->backing, buf + off, strnlen((const char *)buf + off, name_len));
	return 0;
}

static int take_ext(const uint8_t *buf, uint32_t type, struct qcow2_ext at, struct qcow2_header *h,
		    struct err *err)
{
	if (type == (uint32_t)QCOW2_EXT_BACKING_FORMAT) {
		if (at.len >= QCOW2_FORMAT_LEN || memchr(buf + at.off, 0, at.len))
			return err_set(err, -EUCLEAN,
				       "the backing file's format has a name of %u bytes", at.len);
		memcpy(h->backing_format, buf + at.off, at.len);
	} else if (type == QCOW2_EXT_CHECKPOINT) {
		h->checkpoint = at;
	} else if (type == QCOW2_EXT_STATE) {
		h->state = at;
	}
	return 0;
}

/* Between the header and `end`. Those we do not know are somebody else's. */
static int decode_extensions(const uint8_t *buf, uint32_t off, size_t end, struct qcow2_header *h,
			     struct err *err)
{
	while (end - off >= 8) {
		uint32_t type = get_be32(buf + off);
		uint32_t len = get_be32(buf + off + 4);
		int rc;

		off += 8;
		if (type == QCOW2_EXT_END)
			return 0;
		if (len > end - off)
			return err_set(err, -EUCLEAN,
				       "header extension 0x%08x of %u bytes goes past %zu", type,
				       len, end);
		rc = take_ext(buf, type, (struct qcow2_ext){off, len}, h, err);
		if (rc < 0)
			return rc;
		off += (uint32_t)MIN(div_up(len, 8) * 8, end - off);
	}
	return 0;
}

static int decode(const uint8_t *buf, size_t len, uint64_t file_len, struct qcow2_header *h,
		  struct err *err)
{
	uint64_t backing_off = get_be64(buf + 8);
	uint32_t header_len;
	int rc = decode_version(buf, len, h, &header_len, err);

	if (rc < 0)
		return rc;
	h->cluster_bits = get_be32(buf + 20);
	h->len = get_be64(buf + 24);
	if (h->cluster_bits < QCOW2_MIN_BITS || h->cluster_bits > QCOW2_MAX_BITS)
		return err_set(err, -EUCLEAN, "clusters of 2^%u bytes cannot be", h->cluster_bits);
	if (h->len > INT64_MAX - qcow2_cluster_len(h))
		return err_set(err, -EUCLEAN, "a disk of %" PRIu64 " bytes cannot be", h->len);
	if (get_be32(buf + 32) != 0)
		return err_set(err, -ENOTSUP, "is encrypted (method %u)", get_be32(buf + 32));
	if (get_be32(buf + 60) != 0)
		return err_set(err, -ENOTSUP,
			       "holds %u internal snapshots, which only qemu-img can take out",
			       get_be32(buf + 60));
	rc = decode_tables(buf, file_len, h, err);
	if (rc < 0)
		return rc;
	len = MIN(len, qcow2_cluster_len(h));
	if (header_len > len)
		return err_set(err, -EUCLEAN, "the header of %u bytes is longer than a cluster",
			       header_len);
	rc = decode_extensions(buf, header_len,
			       backing_off >= header_len ? MIN(len, backing_off) : len, h, err);
	return rc < 0 ? rc : decode_backing(buf, len, backing_off, h, err);
}

int qcow2_header_decode(const uint8_t *buf, size_t len, uint64_t file_len, struct qcow2_header *out,
			struct err *err)
{
	struct qcow2_header h = {0};
	int rc;

	if (!qcow2_is_magic(buf, len))
		return err_set(err, -EINVAL, "not a qcow2 file");
	if (len < QCOW2_V2_HEADER_LEN)
		return err_set(err, -EUCLEAN, "the header of %d bytes is cut off at %zu",
			       QCOW2_V2_HEADER_LEN, len);
	rc = decode(buf, len, file_len, &h, err);
	if (rc == 0)
		*out = h;
	return rc;
}

/* Appends an extension at *at; sets where its data lie. False: no room. */
static bool put_ext(uint8_t *buf, size_t len, size_t *at, uint32_t type, const void *data,
		    struct qcow2_ext *ext)
{
	size_t padded = div_up(ext->len, 8) * 8;

	if (len - *at < 8 + padded)
		return false;
	put_be32(buf + *at, type);
	put_be32(buf + *at + 4, ext->len);
	ext->off = (uint32_t)(*at + 8);
	if (data && ext->len > 0)
		memcpy(buf + ext->off, data, ext->len);
	*at += 8 + padded;
	return true;
}

static void put_fields(const struct qcow2_header *h, uint8_t *buf)
{
	put_be32(buf, QCOW2_MAGIC);
	put_be32(buf + 4, 3);
	put_be32(buf + 20, h->cluster_bits);
	put_be64(buf + QCOW2_LEN_OFF, h->len);
	put_be32(buf + 36, h->l1_entries);
	put_be64(buf + 40, h->l1_off);
	put_be64(buf + 48, h->refcount_off);
	put_be32(buf + 56, h->refcount_clusters);
	put_be32(buf + 96, h->refcount_order);
	put_be32(buf + 100, QCOW2_V3_HEADER_LEN);
}

int qcow2_header_encode(struct qcow2_header *h, const uint8_t *checkpoint, const uint8_t *state,
			uint8_t *buf, size_t len)
{
	struct qcow2_ext format = {.len = (uint32_t)strlen(h->backing_format)};
	struct qcow2_ext end = {.len = 0};
	size_t name_len = strlen(h->backing);
	size_t at = QCOW2_V3_HEADER_LEN;

	if (len < at)
		return -ENAMETOOLONG;
	memset(buf, 0, len);
	put_fields(h, buf);
	if (format.len > 0 &&
	    !put_ext(buf, len, &at, (uint32_t)QCOW2_EXT_BACKING_FORMAT, h->backing_format, &format))
		return -ENAMETOOLONG;
	if (h->checkpoint.len > 0 &&
	    !put_ext(buf, len, &at, QCOW2_EXT_CHECKPOINT, checkpoint, &h->checkpoint))
		return -ENAMETOOLONG;
	if (h->state.len > 0 && !put_ext(buf, len, &at, QCOW2_EXT_STATE, state, &h->state))
		return -ENAMETOOLONG;
	if (!put_ext(buf, len, &at, QCOW2_EXT_END, NULL, &end) || len - at < name_len)
		return -ENAMETOOLONG;
	if (name_len == 0)
		return 0;
	memcpy(buf + at, h->backing, name_len);
	put_be64(buf + 8, at);
	put_be32(buf + 16, (uint32_t)name_len);
	return 0;
}

int qcow2_header_name(struct qcow2_header *h, const char *name, const char *format, struct err *err)
{
	h->backing[0] = h->backing_format[0] = 0;
	if (!name)
		return 0;
	if (name[0] == 0 || strlen(name) > QCOW2_MAX_NAME_LEN)
		return err_set(err, -ENAMETOOLONG,
			       "a backing file's name has 1 to %d bytes, not %zu",
			       QCOW2_MAX_NAME_LEN, strlen(name));
	if (!format || strlen(format) >= QCOW2_FORMAT_LEN)
		return err_set(err, -EINVAL, "the backing file's format is not said");
	strcpy(h->backing, name);
	strcpy(h->backing_format, format);
	return 0;
}

/* Where the sector count begins in the L2 entry of a compressed cluster. */
static unsigned sectors_shift(const struct qcow2_header *h)
{
	return 70 - h->cluster_bits;
}

static void compressed_decode(const struct qcow2_header *h, uint64_t entry,
			      struct qcow2_cluster *out)
{
	unsigned shift = sectors_shift(h);
	uint64_t bits = entry & (entry_compressed - 1);

	out->kind = QCOW2_COMPRESSED;
	out->off = bits & ((UINT64_C(1) << shift) - 1);
	out->len = ((bits >> shift) + 1) * QCOW2_SECTOR_LEN - out->off % QCOW2_SECTOR_LEN;
}

int qcow2_l2_decode(const struct qcow2_header *h, uint64_t entry, struct qcow2_cluster *out,
		    struct err *err)
{
	uint64_t off = entry & entry_off_mask;
	bool zero = entry & entry_zero;

	if (entry & entry_compressed) {
		compressed_decode(h, entry, out);
		return 0;
	}
	if (entry & ~(entry_copied | entry_off_mask | entry_zero) || (zero && h->version < 3) ||
	    off % qcow2_cluster_len(h) != 0)
		return err_set(err, -EUCLEAN, "0x%016" PRIx64 " is no L2 entry", entry);
	out->kind = zero ? QCOW2_ZERO : off != 0 ? QCOW2_PLAIN : QCOW2_NONE;
	out->off = off;
	out->len = off != 0 ? qcow2_cluster_len(h) : 0;
	return 0;
}

uint64_t qcow2_l2_encode(const struct qcow2_header *h, const struct qcow2_cluster *c)
{
	uint64_t copied = c->off != 0 ? entry_copied : 0;
	uint64_t sectors;

	switch (c->kind) {
	case QCOW2_NONE:
		return 0;
	case QCOW2_ZERO:
		return copied | c->off | entry_zero;
	case QCOW2_PLAIN:
		return copied | c->off;
	case QCOW2_COMPRESSED:
		break;
	}
	sectors = (c->off % QCOW2_SECTOR_LEN + c->len - 1) / QCOW2_SECTOR_LEN;
	return entry_compressed | sectors << sectors_shift(h) | c->off;
}

int qcow2_l1_decode(const struct qcow2_header *h, uint64_t entry, uint64_t *off, struct err *err)
{
	*off = entry & entry_off_mask;
	if (entry & ~(entry_copied | entry_off_mask) || *off % qcow2_cluster_len(h) != 0)
		return err_set(err, -EUCLEAN, "0x%016" PRIx64 " is no L1 entry", entry);
	return 0;
}

uint64_t qcow2_l1_encode(uint64_t off)
{
	return entry_copied | off;
}

int qcow2_refcount_entry_decode(const struct qcow2_header *h, uint64_t entry, uint64_t *off,
				struct err *err)
{
	*off = entry;
	if (entry % qcow2_cluster_len(h) != 0)
		return err_set(err, -EUCLEAN, "0x%016" PRIx64 " is no refcount table entry", entry);
	return 0;
}

uint64_t qcow2_refcount_get(const struct qcow2_header *h, const uint8_t *block, uint64_t index)
{
	unsigned bits = 1U << h->refcount_order;

	switch (h->refcount_order) {
	case 3:
		return block[index];
	case 4:
		return get_be16(block + index * 2);
	case 5:
		return get_be32(block + index * 4);
	case 6:
		return get_be64(block + index * 8);
	default: /* several in a byte, the first one in its lowest bits */
		return (block[index * bits / 8] >> (index * bits % 8)) & ((1U << bits) - 1);
	}
}
