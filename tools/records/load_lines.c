// SPDX-License-Identifier: MIT
/*
 * Owns reading records from JSON lines and applying them to a structure, one by one. Of keyed
 * structures that are replaced it remembers the keys it has seen, of others nothing.
 */
#include <inttypes.h>

#include "tools/records/load_lines.h"
#include "tools/records/record_line.h"

#include "tools/input/input.h"

struct loader {
	struct ss *ss;
	const struct load_rules *rules;
	struct ss_build *build; /* of an empty map, as long as keys come in its order; or NULL */
	struct load_count *count;
	uint64_t next_index; /* of a line without one */
	uint64_t old_count;
	/* keys seen: lengths and bytes, one behind the other, and where each begins */
	struct buf seen;
	size_t *begin;
	size_t seen_count, begin_cap;
};

static struct ss_bytes bytes_of(const struct buf *b)
{
	return (struct ss_bytes){.data = (const uint8_t *)(b->data ? b->data : ""), .len = b->len};
}

/* ---- keyed ---- */

static int remember(struct loader *l, struct ss_bytes key, struct err *err)
{
	uint8_t len[4];

	if (l->seen_count == l->begin_cap) {
		size_t cap = MAX(1024, 2 * l->begin_cap);
		size_t *more = reallocarray(l->begin, cap, sizeof(*more));

		if (!more)
			return err_set(err, -ENOMEM, "no memory for %zu keys", cap);
		l->begin = more;
		l->begin_cap = cap;
	}
	l->begin[l->seen_count++] = l->seen.len;
	put_le32(len, (uint32_t)key.len);
	buf_add(&l->seen, len, sizeof(len));
	buf_add(&l->seen, key.data, key.len);
	return l->seen.failed ? err_set(err, -ENOMEM, "no memory for %zu keys", l->seen_count) : 0;
}

static int remove_one(struct loader *l, struct ss_bytes key, struct err *err)
{
	bool found;
	int rc = ss_remove(l->ss, key, &found, err);

	if (rc == 0)
		*(found ? &l->count->removed : &l->count->missing) += 1;
	return rc;
}

/* A key on whose place the orders do not agree that all others keep to. */
static int refuse_doubt(struct loader *l, struct ss_bytes key, struct err *err)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	int rc, width = ss_facts(l->ss)->key_width;

	if (!l->rules->doubt || (width >= 0 && key.len != (size_t)width))
		return 0;
	*l->rules->doubt = false;
	rc = ss_find(l->ss, key, &c, err);
	if (rc == -ENOENT && *l->rules->doubt)
		return err_set(err, -EDOM,
			       "the key is new, and the orders that all keys of this map keep to "
			       "place it differently: the order of keys must be given");
	return rc == -ENOENT ? 0 : rc;
}

/* What the program's types could not hold does not go in, though there may be room for it. */
static int check_bound(const char *what, const struct buf *bytes, int64_t most, struct err *err)
{
	if (most < 0 || bytes->len <= (uint64_t)most)
		return 0;
	return err_set(err, -EFBIG, "a %s of %zu bytes; its type has at most %" PRId64, what,
		       bytes->len, most);
}

static int check_bounds(const struct loader *l, const struct record_line *line, struct err *err)
{
	int rc = check_bound("key", &line->key, l->rules->max_key, err);

	return rc < 0 ? rc : check_bound("value", &line->value, l->rules->max_value, err);
}

static int end_build(struct loader *l, struct err *err)
{
	int rc = l->build ? ss_build_end(l->build, err) : 0;

	ss_build_close(l->build);
	l->build = NULL;
	return rc;
}

/* A key out of order ends it: that one and all others are put one by one. */
static int build_on(struct loader *l, const struct record_line *line, bool *taken, struct err *err)
{
	int rc = ss_build_add(l->build, bytes_of(&line->key), bytes_of(&line->value), taken, err);

	if (rc == 0 && *taken && l->rules->mode == LOAD_REPLACE)
		rc = remember(l, bytes_of(&line->key), err);
	return rc < 0 || *taken ? rc : end_build(l, err);
}

static int apply_keyed(struct loader *l, const struct record_line *line, struct err *err)
{
	uint64_t before;
	bool changed, taken = false;
	int rc;

	if (!line->has_key || line->has_index)
		return err_set(err, -EINVAL, "a record here has a \"key\", and no \"index\"");
	if (l->rules->mode == LOAD_DELETE)
		return remove_one(l, bytes_of(&line->key), err);
	if (!line->has_value)
		return err_set(err, -EINVAL, "the record has no \"value\"");
	rc = check_bounds(l, line, err);
	if (rc == 0 && l->build)
		rc = build_on(l, line, &taken, err);
	if (taken)
		l->count->added++;
	if (taken || rc < 0)
		return rc;
	before = ss_facts(l->ss)->count;
	if (rc == 0)
		rc = refuse_doubt(l, bytes_of(&line->key), err);
	if (rc == 0)
		rc = ss_put(l->ss, bytes_of(&line->key), bytes_of(&line->value), &changed, err);
	if (rc < 0)
		return rc;
	if (ss_facts(l->ss)->count > before)
		l->count->added++;
	else
		*(changed ? &l->count->changed : &l->count->unchanged) += 1;
	return l->rules->mode == LOAD_REPLACE ? remember(l, bytes_of(&line->key), err) : 0;
}

static struct ss_bytes seen_at(const struct loader *l, size_t i)
{
	const uint8_t *at = (const uint8_t *)l->seen.data + l->begin[i];

	return (struct ss_bytes){.data = at + 4, .len = get_le32(at)};
}

static int compare_seen(const void *a, const void *b, void *ctx)
{
	const struct loader *l = ctx;
	const uint8_t *base = (const uint8_t *)l->seen.data;
	const uint8_t *x = base + *(const size_t *)a, *y = base + *(const size_t *)b;

	return ss_sort_compare(&ss_facts(l->ss)->sort, (struct ss_bytes){x + 4, get_le32(x)},
			       (struct ss_bytes){y + 4, get_le32(y)});
}

/* Keys of the structure that were not among those seen, into `out` as they are kept there. Both
 * are in order: one walk does. */
static int find_unseen(struct loader *l, struct loader *out, struct err *err)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	const struct ss_sort *sort = &ss_facts(l->ss)->sort;
	struct ss_record rec;
	size_t at = 0;
	bool more = true;
	int rc = ss_first(l->ss, &c, err);

	while (rc == 0) {
		rc = ss_next(c, &rec, &more, err);
		if (rc < 0 || !more)
			break;
		while (at < l->seen_count && ss_sort_compare(sort, seen_at(l, at), rec.key) < 0)
			at++;
		if (at == l->seen_count || ss_sort_compare(sort, seen_at(l, at), rec.key) != 0)
			rc = remember(out, rec.key, err);
	}
	return rc;
}

static int remove_unseen(struct loader *l, struct err *err)
{
	struct loader gone = {.ss = l->ss, .rules = l->rules};
	int rc;

	if (l->seen_count > 0)
		qsort_r(l->begin, l->seen_count, sizeof(*l->begin), compare_seen, l);
	rc = find_unseen(l, &gone, err);
	for (size_t i = 0; rc == 0 && i < gone.seen_count; i++)
		rc = remove_one(l, seen_at(&gone, i), err);
	buf_free(&gone.seen);
	free(gone.begin);
	return rc;
}

/* ---- by index ---- */

/* Of a log only what is behind its end can be written: the rest goes first, where it differs. */
static int set_or_cut(struct loader *l, uint64_t index, struct ss_bytes value, bool *changed,
		      struct err *err)
{
	int rc = ss_set(l->ss, index, value, changed, err);

	if (rc != -ENOTSUP || l->rules->mode != LOAD_REPLACE)
		return rc;
	rc = ss_cut(l->ss, index, err);
	return rc < 0 ? rc : ss_set(l->ss, index, value, changed, err);
}

static int apply_indexed(struct loader *l, const struct record_line *line, struct err *err)
{
	uint64_t index = line->has_index ? line->index : l->next_index;
	bool changed;
	int rc;

	if (line->has_key || !line->has_value)
		return err_set(err, -EINVAL, "a record here has a \"value\", and no \"key\"");
	if (l->rules->mode == LOAD_DELETE)
		return err_set(err, -ENOTSUP,
			       "records without keys are not deleted one by one: --replace them");
	if (l->rules->mode == LOAD_REPLACE && index != l->next_index)
		return err_set(err, -EINVAL, "record %" PRIu64 " where %" PRIu64 " should follow",
			       index, l->next_index);
	rc = check_bounds(l, line, err);
	if (rc == 0)
		rc = set_or_cut(l, index, bytes_of(&line->value), &changed, err);
	if (rc < 0)
		return rc;
	if (index >= l->old_count)
		l->count->added++;
	else
		*(changed ? &l->count->changed : &l->count->unchanged) += 1;
	l->next_index = index + 1;
	return 0;
}

static int cut_rest(struct loader *l, struct err *err)
{
	if (!ss_kind_is_array(ss_facts(l->ss)->kind))
		return l->next_index == 1 ? 0 : err_set(err, -EINVAL, "one record is needed");
	if (l->next_index < l->old_count)
		l->count->removed += l->old_count - l->next_index;
	return ss_cut(l->ss, l->next_index, err);
}

/* ---- all lines ---- */

static int apply_lines(struct loader *l, FILE *from, struct err *err)
{
	bool keyed = ss_facts(l->ss)->keyed;
	auto_free char *text = NULL;
	struct record_line line = {0};
	uint64_t number = 0;
	size_t cap = 0, len;
	int rc = 0;

	while (rc == 0) {
		number++;
		rc = line_read(from, &text, &cap, &len, err);
		if (rc == 0 && len == 0)
			break;
		if (rc == 0 && strspn(text, " \t\r\n") == len)
			continue;
		if (rc == 0)
			rc = record_line_read(l->rules, text, len, &line, err);
		if (rc == 0)
			rc = keyed ? apply_keyed(l, &line, err) : apply_indexed(l, &line, err);
		if (rc < 0)
			err_prefix(err, rc, "line %" PRIu64, number);
	}
	buf_free(&line.key);
	buf_free(&line.value);
	return rc;
}

int load_lines(FILE *from, struct ss *ss, const struct load_rules *rules, struct load_count *count,
	       struct err *err)
{
	struct loader l = {
		.ss = ss, .rules = rules, .count = count, .old_count = ss_facts(ss)->count};
	int rc = 0;

	if (rules->mode != LOAD_DELETE && ss_facts(ss)->keyed)
		rc = ss_build_open(ss, &l.build, err);
	if (rc == 0)
		rc = apply_lines(&l, from, err);
	if (rc == 0)
		rc = end_build(&l, err);

	if (rc == 0 && rules->mode == LOAD_REPLACE)
		rc = ss_facts(ss)->keyed ? remove_unseen(&l, err) : cut_rest(&l, err);
	ss_build_close(l.build);
	buf_free(&l.seen);
	free(l.begin);
	return rc;
}
