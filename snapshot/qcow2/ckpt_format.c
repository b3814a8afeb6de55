// SPDX-License-Identifier: MIT
/*
 * Owns the bytes of a checkpoint's extension and of its table's entries. Keeps no state, reads no
 * file. What it hands out fits the file's length and the image's.
 */
#include "snapshot/qcow2/ckpt_format.h"

#include <inttypes.h>

#include "memmgr/memmgr.h"
#include "snapshot/qcow2/deflate.h"

const char ckpt_trailer[] = "canisterfs ckpt\n";

size_t ckpt_ext_encode(const struct ckpt_ext *ext, uint8_t *buf)
{
	memset(buf, 0, CKPT_EXT_LEN);
	put_be32(buf, ext->side_len > 0 ? CKPT_SIDE_VERSION : CKPT_VERSION);
	put_be32(buf + 4, ext->kind);
	put_be64(buf + 8, ext->image_len);
	memcpy(buf + 16, ext->content, SHA_LEN);
	memcpy(buf + 48, ext->base, SHA_LEN);
	put_be64(buf + 80, ext->table_off);
	put_be64(buf + 88, ext->entries);
	memcpy(buf + 96, ext->table_hash, SHA_LEN);
	memcpy(buf + CKPT_META_HASH_OFF, ext->meta_hash, SHA_LEN);
	put_be64(buf + 160, ext->data_clusters);
	put_be32(buf + 168, ext->bucket_pages);
	put_be32(buf + 172, ext->buckets);
	put_be32(buf + 176, ext->memories);
	if (ext->side_len == 0)
		return CKPT_EXT_LEN;
	put_be64(buf + 184, ext->side_len);
	memcpy(buf + 192, ext->side_hash, SHA_LEN);
	return CKPT_SIDE_EXT_LEN;
}

bool ckpt_has_base(const struct ckpt_ext *ext)
{
	return !is_zero(ext->base, SHA_LEN);
}

uint64_t ckpt_side_off(const struct ckpt_ext *ext)
{
	return ext->table_off + ext->entries * CKPT_ENTRY_LEN;
}

uint64_t ckpt_trailer_off(const struct ckpt_ext *ext)
{
	return ckpt_side_off(ext) + ext->side_len;
}

static void decode_fields(const uint8_t *buf, struct ckpt_ext *ext)
{
	*ext = (struct ckpt_ext){.side_len = 0};
	ext->kind = get_be32(buf + 4);
	ext->image_len = get_be64(buf + 8);
	memcpy(ext->content, buf + 16, SHA_LEN);
	memcpy(ext->base, buf + 48, SHA_LEN);
	ext->table_off = get_be64(buf + 80);
	ext->entries = get_be64(buf + 88);
	memcpy(ext->table_hash, buf + 96, SHA_LEN);
	memcpy(ext->meta_hash, buf + CKPT_META_HASH_OFF, SHA_LEN);
	ext->data_clusters = get_be64(buf + 160);
	ext->bucket_pages = get_be32(buf + 168);
	ext->buckets = get_be32(buf + 172);
	ext->memories = get_be32(buf + 176);
	if (get_be32(buf) != CKPT_SIDE_VERSION)
		return;
	ext->side_len = get_be64(buf + 184);
	memcpy(ext->side_hash, buf + 192, SHA_LEN);
}

static int check_version(const uint8_t *buf, size_t len, struct err *err)
{
	uint32_t version = len < 4 ? 0 : get_be32(buf);
	size_t want = version == CKPT_SIDE_VERSION ? CKPT_SIDE_EXT_LEN : CKPT_EXT_LEN;

	if (version > CKPT_SIDE_VERSION)
		return err_set(err, -ENOTSUP,
			       "is a checkpoint of version %u, where 1 and 2 are known", version);
	if (len != want || version == 0)
		return err_set(err, -EUCLEAN, "the checkpoint extension has %zu bytes, not %zu",
			       len, want);
	return 0;
}

/* The table, the bundle and the trailer lie one behind the other in the file. */
static bool fits_file(const struct ckpt_ext *ext, uint64_t file_len)
{
	uint64_t bytes, end;

	return !mul_overflows(ext->entries, (uint64_t)CKPT_ENTRY_LEN, &bytes) &&
	       !add_overflows(ext->table_off, bytes, &end) &&
	       !add_overflows(end, ext->side_len, &end) && ext->table_off % CKPT_CLUSTER_LEN == 0 &&
	       ext->table_off > 0 && end <= file_len && file_len - end >= CKPT_TRAILER_LEN;
}

int ckpt_ext_decode(const uint8_t *buf, size_t len, uint64_t file_len, struct ckpt_ext *out,
		    struct err *err)
{
	struct ckpt_ext ext;
	uint64_t clusters;
	int rc = check_version(buf, len, err);

	if (rc < 0)
		return rc;
	decode_fields(buf, &ext);
	clusters = div_up(ext.image_len, CKPT_CLUSTER_LEN);
	if (ext.kind > MM_MANAGED || ext.image_len > INT64_MAX || ext.entries > clusters ||
	    ext.data_clusters > clusters || get_be32(buf + 180) != 0 ||
	    (len == CKPT_SIDE_EXT_LEN && ext.side_len == 0))
		return err_set(err, -EUCLEAN, "the checkpoint extension is damaged");
	if (!fits_file(&ext, file_len))
		return err_set(err, -EUCLEAN,
			       "the checkpoint is cut off or damaged: %" PRIu64
			       " checksums at %" PRIu64 " are not in a file of %" PRIu64 " bytes",
			       ext.entries, ext.table_off, file_len);
	*out = ext;
	return 0;
}

void ckpt_entry_encode(const struct ckpt_entry *e, uint8_t *buf)
{
	put_be64(buf, e->cluster);
	memcpy(buf + 8, e->leaf, SHA_LEN);
	put_be32(buf + 40, e->stored_len);
	put_be32(buf + 44, e->crc);
}

int ckpt_entry_decode(const uint8_t *buf, uint64_t least, uint64_t image_len,
		      struct ckpt_entry *out, struct err *err)
{
	struct ckpt_entry e = {
		.cluster = get_be64(buf),
		.stored_len = get_be32(buf + 40),
		.crc = get_be32(buf + 44),
	};

	if (e.cluster < least || e.cluster >= div_up(image_len, CKPT_CLUSTER_LEN) ||
	    e.stored_len > codec_bound(CKPT_CLUSTER_LEN))
		return err_set(err, -EUCLEAN,
			       "a checksum of %u bytes for cluster %" PRIu64 " cannot follow that "
			       "for cluster %" PRIu64,
			       e.stored_len, e.cluster, least);
	memcpy(e.leaf, buf + 8, SHA_LEN);
	*out = e;
	return 0;
}
