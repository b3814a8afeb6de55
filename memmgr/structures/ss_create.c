// SPDX-License-Identifier: MIT
/*
 * Owns the headers of structures that hold nothing yet, as the library's init writes them into a
 * memory without pages. Source: upstream src/btreemap.rs (BTreeMap::new), btreemap/allocator.rs,
 * cell.rs, base_vec.rs and log.rs at 0.7.2.
 */
#include <inttypes.h>

#include "memmgr/structures/btree.h"
#include "memmgr/structures/log.h"
#include "memmgr/structures/vec.h"

enum {
	BT_DEFAULT_PAGE_LEN = 1024, /* of a map whose keys or values are not bounded */
	HEADER_MAX_LEN = BT_CHUNKS_OFF + BT_CHUNK_HEADER_LEN,
};

/* Three quarters of what a full leaf of version 1 takes. */
static int choose_page_len(const struct ss_form *form, uint32_t *out, struct err *err)
{
	bool bounded = form->max_key_len != SS_UNBOUNDED && form->max_value_len != SS_UNBOUNDED;
	uint64_t sum = bounded ? form->max_key_len + form->max_value_len : 0;
	uint64_t len = bounded ? (191 + 11 * sum) * 3 / 4 : BT_DEFAULT_PAGE_LEN;

	if (len > UINT32_MAX)
		return err_set(err, -EFBIG,
			       "no map has keys of %" PRIu64 " and values of %" PRIu64 " bytes",
			       form->max_key_len, form->max_value_len);
	*out = (uint32_t)len;
	return 0;
}

static int make_btree(const struct ss_form *form, uint8_t *raw, size_t *len, struct err *err)
{
	uint8_t *allocator = raw + BT_ALLOCATOR_OFF, *chunk = raw + BT_CHUNKS_OFF;
	uint32_t page_len = 0;
	int rc = choose_page_len(form, &page_len, err);

	memcpy(raw, "BTR\2", 4);
	put_le32(raw + 4, page_len);
	put_le32(raw + 8, UINT32_MAX);
	memcpy(allocator, "BTA\1", 4);
	put_le64(allocator + 8, page_len);
	put_le64(allocator + 24, BT_CHUNKS_OFF);
	memcpy(chunk, "CHK\1", 4);
	*len = BT_CHUNKS_OFF + BT_CHUNK_HEADER_LEN;
	return rc;
}

static int make_vec(const struct ss_form *form, uint8_t *raw, size_t *len, struct err *err)
{
	if (form->max_value_len > UINT32_MAX)
		return err_set(err, -EINVAL, "a %s has entries of bounded length only",
			       ss_kind_name(form->kind));
	memcpy(raw, form->kind == SS_VEC ? "SVC\1" : "SMH\1", 4);
	put_le32(raw + 12, (uint32_t)form->max_value_len);
	raw[16] = form->fixed;
	*len = VEC_HEADER_LEN;
	return 0;
}

static int put_header(struct store *s, const uint8_t *raw, size_t len, struct err *err)
{
	int rc = s->len < MM_PAGE_LEN ? store_resize(s, MM_PAGE_LEN, err) : 0;

	return rc < 0 ? rc : store_write(s, raw, len, 0, 0, err);
}

int ss_create(struct store *s, struct store *data, const struct ss_form *form, struct err *err)
{
	uint8_t raw[HEADER_MAX_LEN] = {0};
	size_t len = 0;
	int rc = 0;

	if (form->kind == SS_BTREE) {
		rc = make_btree(form, raw, &len, err);
	} else if (form->kind == SS_VEC || form->kind == SS_HEAP) {
		rc = make_vec(form, raw, &len, err);
	} else if (form->kind == SS_CELL) {
		memcpy(raw, "SCL\1", 4);
		len = 8;
	} else if (form->kind == SS_LOG_INDEX && data) {
		memcpy(raw, "GLD\1", 4);
		rc = put_header(data, raw, LOG_DATA_OFF, err);
		memcpy(raw, "GLI\1", 4);
		len = LOG_ENDS_OFF;
	} else {
		rc = err_set(err, -EINVAL, "no %s can be made of nothing",
			     ss_kind_name(form->kind));
	}
	return rc < 0 ? rc : put_header(s, raw, len, err);
}
