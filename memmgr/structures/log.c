// SPDX-License-Identifier: MIT
/*
 * Owns reading the log, which takes two memories:
 *
 *   index  0  3 "GLI"  3  1 version, 1   4 28 reserved   32 8 u64 count
 *         40  8 u64 each: where entry i ends, counted from the first entry's begin
 *   data   0  3 "GLD"  3  1 version, 1   4 28 reserved   32 the entries, one behind the other
 *
 * Source: upstream src/log.rs at 0.7.2.
 */
#include <inttypes.h>
#include <stdio.h>

#include "memmgr/structures/log.h"

static int read_le64(struct blocks *b, uint64_t off, uint64_t *out, struct err *err)
{
	uint8_t raw[8];
	int rc = blocks_read(b, raw, sizeof(raw), off, err);

	*out = rc < 0 ? 0 : get_le64(raw);
	return rc;
}

static int check_magic(struct blocks *b, const char *magic, const char *what, uint64_t min_len,
		       struct err *err)
{
	uint8_t raw[4];
	int rc;

	if (b->store->len < min_len)
		return err_set(err, -EINVAL, "a log's %s does not fit in %" PRIu64 " bytes", what,
			       b->store->len);
	rc = blocks_read(b, raw, sizeof(raw), 0, err);
	if (rc < 0)
		return rc;
	if (memcmp(raw, magic, 3) != 0)
		return err_set(err, -EINVAL, "the memory does not begin with a log's %s", what);
	if (raw[3] != 1)
		return err_set(err, -ENOTSUP, "the log's %s is of version %u; 1 is known", what,
			       raw[3]);
	return 0;
}

int log_index_read(struct blocks *b, uint64_t *count, uint64_t *data_len, struct err *err)
{
	uint64_t room;
	int rc = check_magic(b, "GLI", "index", LOG_ENDS_OFF, err);

	*data_len = 0;
	if (rc == 0)
		rc = read_le64(b, LOG_COUNT_OFF, count, err);
	if (rc < 0)
		return rc;
	room = (b->store->len - LOG_ENDS_OFF) / 8;
	if (*count > room)
		return err_set(err, -EUCLEAN,
			       "the log's index counts %" PRIu64
			       " entries; it has room for %" PRIu64,
			       *count, room);
	return *count == 0 ? 0 : read_le64(b, LOG_ENDS_OFF + (*count - 1) * 8, data_len, err);
}

int log_data_read(struct blocks *b, struct err *err)
{
	return check_magic(b, "GLD", "data", LOG_DATA_OFF, err);
}

bool log_index_plausible(struct blocks *b, struct ss_content *out)
{
	uint64_t count, data_len;
	struct err why = {0};
	int rc = log_index_read(b, &count, &data_len, &why);

	if (rc == 0 && data_len > UINT64_MAX / 2)
		rc = err_set(&why, -EUCLEAN, "no log has %" PRIu64 " bytes of entries", data_len);
	if (rc < 0) {
		memcpy(out->text, why.text, sizeof(out->text) - 1);
		return false;
	}
	out->version = 1;
	out->count = count;
	snprintf(out->text, sizeof(out->text),
		 "a log's index, %" PRIu64 " entries of %" PRIu64 " bytes together", count,
		 data_len);
	return true;
}

bool log_data_plausible(struct blocks *b, struct ss_content *out)
{
	struct err why = {0};

	if (log_data_read(b, &why) < 0) {
		memcpy(out->text, why.text, sizeof(out->text) - 1);
		return false;
	}
	out->version = 1;
	snprintf(out->text, sizeof(out->text), "a log's data; its index is in another memory");
	return true;
}

/* -EUCLEAN: ends before it begins, or behind all entries. */
static int entry(struct ss *ss, uint64_t index, uint64_t *off, uint64_t *len, struct err *err)
{
	struct log *l = log_of(ss);
	uint64_t begin = 0, end = 0;
	int rc = 0;

	if (index > 0)
		rc = read_le64(&l->ss.blocks, LOG_ENDS_OFF + (index - 1) * 8, &begin, err);
	if (rc == 0)
		rc = read_le64(&l->ss.blocks, LOG_ENDS_OFF + index * 8, &end, err);
	if (rc < 0)
		return rc;
	if (begin > end || end > l->data_len)
		return err_set(err, -EUCLEAN,
			       "entry %" PRIu64 " of the log lies from %" PRIu64 " to %" PRIu64
			       ", of %" PRIu64 " bytes",
			       index, begin, end, l->data_len);
	*off = LOG_DATA_OFF + begin;
	*len = end - begin;
	return 0;
}

static void close_log(struct ss *ss)
{
	blocks_close(&log_of(ss)->data);
	blocks_close(&ss->blocks);
	free(log_of(ss));
}

static int measure(struct ss *ss, struct ss_usage *out, struct ss_report *r, struct err *err)
{
	struct log *l = log_of(ss);

	for (uint64_t i = 0; i < ss->facts.count; i++) {
		struct err why = {0};
		uint64_t off, len = 0;
		int rc = entry(ss, i, &off, &len, &why);

		if (rc == -EUCLEAN)
			ss_find_fault(r, D_LOG_INDEX, "%s", why.text);
		else if (rc < 0)
			return err_set(err, rc, "%s", why.text);
		if (rc < 0)
			continue;
		out->entries++;
		out->value_len += len;
		out->longest_value_len = MAX(out->longest_value_len, len);
	}
	out->held_len = LOG_ENDS_OFF + 8 * ss->facts.count + LOG_DATA_OFF + l->data_len;
	return 0;
}

/* What the log holds then; from the index alone. */
static int write_count(struct ss *ss, uint64_t count, struct err *err)
{
	struct log *l = log_of(ss);
	uint8_t raw[8];
	uint64_t end = 0;
	int rc = 0;

	if (count > 0)
		rc = read_le64(&ss->blocks, LOG_ENDS_OFF + 8 * (count - 1), &end, err);
	put_le64(raw, count);
	if (rc == 0)
		rc = blocks_write(&ss->blocks, raw, sizeof(raw), LOG_COUNT_OFF, err);
	if (rc < 0)
		return rc;
	ss->facts.count = count;
	l->data_len = end;
	return 0;
}

/* Appends as the library does: the bytes, where they end, and then the count. */
static int set(struct ss *ss, uint64_t index, struct ss_bytes value, struct err *err)
{
	struct log *l = log_of(ss);
	uint8_t raw[8];
	uint64_t end;
	int rc;

	if (index < ss->facts.count)
		return err_set(err, -ENOTSUP,
			       "record %" PRIu64 " of a log cannot be another one: those behind it "
			       "would have to move; replace the log",
			       index);
	if (add_overflows(l->data_len, (uint64_t)value.len, &end) || end > UINT64_MAX / 2)
		return err_set(err, -EFBIG, "no log holds that much");
	rc = blocks_write(&l->data, value.data, value.len, LOG_DATA_OFF + l->data_len, err);
	put_le64(raw, end);
	if (rc == 0)
		rc = blocks_write(&ss->blocks, raw, sizeof(raw), LOG_ENDS_OFF + 8 * index, err);
	return rc < 0 ? rc : write_count(ss, index + 1, err);
}

static const struct ss_ops log_ops = {
	INDEX_CURSOR, .entry = entry,     .measure = measure,
	.set = set,   .cut = write_count, .close = close_log,
};

static int read_both(struct log *l, struct store *index, struct store *data, struct err *err)
{
	int rc = blocks_open(index, &l->ss.blocks, err);

	if (rc == 0)
		rc = blocks_open(data, &l->data, err);
	if (rc == 0)
		rc = log_index_read(&l->ss.blocks, &l->ss.facts.count, &l->data_len, err);
	if (rc == 0)
		rc = log_data_read(&l->data, err);
	if (rc == 0 && l->data_len > data->len - LOG_DATA_OFF)
		rc = err_set(err, -EUCLEAN,
			     "the log's index has %" PRIu64
			     " bytes of entries, its data has room for %" PRIu64,
			     l->data_len, data->len - LOG_DATA_OFF);
	return rc;
}

int log_open(struct store *s, struct store *data, struct ss **out, struct err *err)
{
	struct log *l;
	int rc;

	*out = NULL;
	if (!data)
		return err_set(err, -EINVAL, "a log's index alone: its data is in another memory");
	l = calloc(1, sizeof(*l));
	if (!l)
		return err_set(err, -ENOMEM, "no memory for a log");
	l->ss.ops = &log_ops;
	l->ss.values = &l->data;
	rc = read_both(l, s, data, err);
	if (rc < 0) {
		close_log(&l->ss);
		return rc;
	}
	l->ss.facts.kind = SS_LOG_INDEX;
	l->ss.facts.version = 1;
	l->ss.facts.key_width = SS_WIDTH_PREFIXED;
	l->ss.facts.max_value_len = SS_UNBOUNDED;
	*out = &l->ss;
	return 0;
}
