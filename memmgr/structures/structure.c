// SPDX-License-Identifier: MIT
/*
 * Owns the doors of structures.h that are the same for every kind: they check what a caller may
 * ask and hand it to the kind's functions.
 */
#include <inttypes.h>

#include "memmgr/structures/ss.h"

enum { MAX_WHOLE_LEN = 1 << 29 }; /* of a value that ss_value copies */

void ss_close(struct ss *ss)
{
	if (ss)
		ss->ops->close(ss);
}

void cleanup_ss(struct ss **ss)
{
	ss_close(*ss);
}

const struct ss_facts *ss_facts(const struct ss *ss)
{
	return &ss->facts;
}

int ss_first(struct ss *ss, struct ss_cursor **out, struct err *err)
{
	return ss->ops->first(ss, out, err);
}

static int no_keys(struct err *err)
{
	return err_set(err, -EINVAL, "its records have no keys, only an index");
}

int ss_seek(struct ss *ss, struct ss_bytes from, struct ss_cursor **out, struct err *err)
{
	return ss->ops->seek ? ss->ops->seek(ss, from, false, out, err) : no_keys(err);
}

int ss_find(struct ss *ss, struct ss_bytes key, struct ss_cursor **out, struct err *err)
{
	return ss->ops->seek ? ss->ops->seek(ss, key, true, out, err) : no_keys(err);
}

int ss_seek_index(struct ss *ss, uint64_t index, struct ss_cursor **out, struct err *err)
{
	if (!ss->ops->seek_index)
		return err_set(err, -EINVAL, "its records have keys, no index");
	return ss->ops->seek_index(ss, MIN(index, ss->facts.count), out, err);
}

int ss_resume(struct ss *ss, uint64_t place, struct ss_cursor **out, struct err *err)
{
	return ss->ops->resume ? ss->ops->resume(ss, place, out, err)
			       : ss_seek_index(ss, place + (place < SS_NO_PLACE), out, err);
}

int ss_back(struct ss *ss, uint64_t place, uint64_t n, struct ss_cursor **out, struct err *err)
{
	uint64_t end = MIN(place, ss->facts.count);

	return ss->ops->back ? ss->ops->back(ss, place, n, out, err)
			     : ss_seek_index(ss, end - MIN(n, end), out, err);
}

int ss_next(struct ss_cursor *c, struct ss_record *rec, bool *more, struct err *err)
{
	int rc;

	*rec = (struct ss_record){0};
	*more = false;
	rc = c->ss->ops->next(c, rec, more, err);
	c->at_record = rc == 0 && *more;
	if (!c->ss->ops->resume)
		rec->place = rec->index;
	return rc;
}

int ss_value_read(struct ss_cursor *c, void *buf, size_t len, uint64_t off, struct err *err)
{
	if (!c->at_record || off > c->value_len || len > c->value_len - off)
		return err_set(err, -EINVAL,
			       "no %zu bytes at %" PRIu64 " in a value of %" PRIu64 " bytes", len,
			       off, c->at_record ? c->value_len : 0);
	return len > 0 ? c->ss->ops->value_read(c, buf, len, off, err) : 0;
}

int ss_value(struct ss_cursor *c, struct ss_bytes *out, struct err *err)
{
	const uint8_t *at = NULL;
	int rc;

	if (c->at_record && c->ss->ops->value_peek)
		at = c->ss->ops->value_peek(c);
	*out = (struct ss_bytes){.data = at, .len = c->value_len};
	if (at)
		return 0;
	if (c->value_len > MAX_WHOLE_LEN)
		return err_set(err, -EFBIG,
			       "a value of %" PRIu64 " bytes; at most %d are read whole",
			       c->value_len, MAX_WHOLE_LEN);
	rc = ss_reserve(&c->value, &c->value_cap, MAX(c->value_len, 1), err);
	if (rc == 0)
		rc = ss_value_read(c, c->value, c->value_len, 0, err);
	out->data = c->value;
	return rc;
}

int ss_measure(struct ss *ss, int mm_id, struct ss_usage *out, mm_finding_fn *fn, void *ctx,
	       struct err *err)
{
	struct ss_report r = {.fn = fn, .ctx = ctx, .mm_id = mm_id};
	int rc;

	r.guessed = ss->facts.key_width_guessed;
	*out = (struct ss_usage){.order = ss->facts.sort.order};
	rc = ss->ops->measure(ss, out, &r, err);
	ss_report_end(&r);
	return rc;
}

static int cannot(const struct ss *ss, const char *what, struct err *err)
{
	return err_set(err, -ENOTSUP, "a %s %s", ss_kind_name(ss->facts.kind), what);
}

/* Whether the record at a cursor has this value. */
static int has_value(struct ss_cursor *c, struct ss_bytes value, bool *same, struct err *err)
{
	struct ss_bytes have;
	struct ss_record rec;
	bool more;
	int rc = ss_next(c, &rec, &more, err);

	*same = false;
	if (rc < 0 || !more || rec.value_len != value.len)
		return rc;
	rc = ss_value(c, &have, err);
	*same = rc == 0 && (value.len == 0 || memcmp(have.data, value.data, value.len) == 0);
	return rc;
}

/* Where the first key goes is never a question. */
static int refuse_place(const struct ss *ss, struct err *err)
{
	if (ss->facts.sort_told || ss->facts.count == 0)
		return 0;
	return err_set(err, -EDOM,
		       "the key is new, and only the program's type tells where among the %" PRIu64
		       " there are it belongs: the order of keys must be given",
		       ss->facts.count);
}

int ss_put(struct ss *ss, struct ss_bytes key, struct ss_bytes value, bool *changed,
	   struct err *err)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	bool same = false;
	int rc;

	*changed = false;
	if (!ss->ops->put)
		return no_keys(err);
	rc = ss_find(ss, key, &c, err);
	if (rc == 0)
		rc = has_value(c, value, &same, err);
	else if (rc == -ENOENT)
		rc = refuse_place(ss, err);
	if (rc < 0 || same)
		return rc;
	return ss->ops->put(ss, key, value, changed, err);
}

int ss_remove(struct ss *ss, struct ss_bytes key, bool *found, struct err *err)
{
	return ss->ops->remove ? ss->ops->remove(ss, key, found, err) : no_keys(err);
}

int ss_clear(struct ss *ss, struct err *err)
{
	if (ss->ops->clear)
		return ss->ops->clear(ss, err);
	return ss_cut(ss, 0, err);
}

int ss_set(struct ss *ss, uint64_t index, struct ss_bytes value, bool *changed, struct err *err)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	bool same = false;
	int rc;

	*changed = false;
	if (!ss->ops->set)
		return cannot(ss, "has keys, no index", err);
	if (index > ss->facts.count)
		return err_set(err, -EINVAL,
			       "index %" PRIu64 " would leave a hole behind the %" PRIu64
			       " records there are",
			       index, ss->facts.count);
	rc = ss_seek_index(ss, index, &c, err);
	if (rc == 0)
		rc = has_value(c, value, &same, err);
	if (rc < 0 || same)
		return rc;
	*changed = true;
	return ss->ops->set(ss, index, value, err);
}

int ss_sift(struct ss *ss, struct err *err)
{
	return ss->ops->sift ? ss->ops->sift(ss, err) : 0;
}

int ss_cut(struct ss *ss, uint64_t count, struct err *err)
{
	if (!ss->ops->cut)
		return cannot(ss, "cannot be cut", err);
	return count < ss->facts.count ? ss->ops->cut(ss, count, err) : 0;
}

void ss_cursor_close(struct ss_cursor *c)
{
	if (!c)
		return;
	free(c->value);
	c->ss->ops->cursor_close(c);
}

void cleanup_ss_cursor(struct ss_cursor **c)
{
	ss_cursor_close(*c);
}
