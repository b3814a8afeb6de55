// SPDX-License-Identifier: MIT
/*
 * Owns reading what is one value: the cell ("SCL", u8 version 1, u32 length, bytes) and a payload
 * that a program keeps at offset 0, with or without its u32 length before it. Source: upstream
 * src/cell.rs at 0.7.2.
 */
#include <inttypes.h>
#include <stdio.h>

#include "memmgr/structures/ss.h"

enum { CELL_HEADER_LEN = 8 };

struct single {
	struct ss ss;
	uint64_t off, len;
};

static int cell_header_read(struct blocks *b, uint32_t *len, struct err *err)
{
	uint8_t raw[CELL_HEADER_LEN];
	int rc;

	if (b->store->len < sizeof(raw))
		return err_set(err, -EINVAL, "a cell does not fit in %" PRIu64 " bytes",
			       b->store->len);
	rc = blocks_read(b, raw, sizeof(raw), 0, err);
	if (rc < 0)
		return rc;
	if (memcmp(raw, "SCL", 3) != 0)
		return err_set(err, -EINVAL, "the memory does not begin with a cell's header");
	if (raw[3] != 1)
		return err_set(err, -ENOTSUP, "the cell's header is of version %u; 1 is known",
			       raw[3]);
	*len = get_le32(raw + 4);
	if (*len > b->store->len - CELL_HEADER_LEN)
		return err_set(err, -EUCLEAN,
			       "a cell's value of %" PRIu32
			       " bytes does not fit in a memory of %" PRIu64,
			       *len, b->store->len);
	return 0;
}

bool cell_plausible(struct blocks *b, struct ss_content *out)
{
	struct err why = {0};
	uint32_t len = 0;

	if (cell_header_read(b, &len, &why) < 0) {
		memcpy(out->text, why.text, sizeof(out->text) - 1);
		return false;
	}
	out->version = 1;
	out->count = 1;
	out->payload_off = CELL_HEADER_LEN;
	out->payload_len = len;
	snprintf(out->text, sizeof(out->text), "cell with a value of %" PRIu32 " bytes", len);
	return true;
}

static int entry(struct ss *ss, uint64_t index, uint64_t *off, uint64_t *len, struct err *err)
{
	*off = ((struct single *)ss)->off;
	*len = ((struct single *)ss)->len;
	return 0;
}

static void close_single(struct ss *ss)
{
	blocks_close(&ss->blocks);
	free(ss);
}

static int measure(struct ss *ss, struct ss_usage *out, struct ss_report *r, struct err *err)
{
	const struct single *single = (struct single *)ss;

	out->entries = 1;
	out->value_len = out->longest_value_len = single->len;
	out->held_len = single->off + single->len;
	return 0;
}

/* As the library and its writer do: the length before the bytes; what is behind stays. */
static int set(struct ss *ss, uint64_t index, struct ss_bytes value, struct err *err)
{
	struct single *single = (struct single *)ss;
	uint8_t raw[4];
	int rc = 0;

	if (index > 0)
		return err_set(err, -EINVAL, "there is one record here, and none behind it");
	if (single->off > 0 && value.len > UINT32_MAX)
		return err_set(err, -EFBIG, "a value of %zu bytes; its length has 4", value.len);
	put_le32(raw, (uint32_t)value.len);
	if (single->off > 0)
		rc = blocks_write(&ss->blocks, raw, sizeof(raw), single->off - sizeof(raw), err);
	if (rc == 0)
		rc = blocks_write(&ss->blocks, value.data, value.len, single->off, err);
	if (rc == 0)
		single->len = value.len;
	return rc;
}

static const struct ss_ops single_ops = {
	INDEX_CURSOR, .entry = entry, .measure = measure, .set = set, .close = close_single,
};

int single_open(struct store *s, const struct ss_content *content, struct ss **out, struct err *err)
{
	bool cell = content->kind == SS_CELL || content->resembles == SS_CELL;
	struct single *single = calloc(1, sizeof(*single));
	uint32_t len = 0;
	int rc;

	*out = NULL;
	if (!single)
		return err_set(err, -ENOMEM, "no memory for a cell");
	rc = blocks_open(s, &single->ss.blocks, err);
	if (rc == 0 && cell)
		rc = cell_header_read(&single->ss.blocks, &len, err);
	if (rc < 0) {
		close_single(&single->ss);
		return rc;
	}
	single->ss.ops = &single_ops;
	single->ss.values = &single->ss.blocks;
	single->off = cell ? CELL_HEADER_LEN : content->payload_off;
	single->len = cell ? len : content->payload_len;
	single->ss.facts = (struct ss_facts){.kind = cell ? SS_CELL : content->kind,
					     .version = content->version,
					     .count = 1,
					     .key_width = SS_WIDTH_PREFIXED,
					     .max_value_len = SS_UNBOUNDED};
	*out = &single->ss;
	return 0;
}
