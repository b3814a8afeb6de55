// SPDX-License-Identifier: MIT
/*
 * Owns the order that the keys of one map have, found by walking: what serves to find keys again
 * where nobody tells how they are sorted. Holds a copy of every key.
 */
#include "memmgr/structures/ss.h"

struct entry {
	size_t off, len; /* in `bytes` */
	uint64_t rank;
};

struct ss_key_index {
	struct ss_type type;
	uint8_t *bytes;
	size_t len, cap;
	struct entry *entry; /* ascending as bytes */
	size_t count, entry_cap;
};

static struct ss_bytes key_of(const struct ss_key_index *x, const struct entry *e)
{
	return (struct ss_bytes){.data = x->bytes + e->off, .len = e->len};
}

static int compare_entries(const void *a, const void *b, void *ctx)
{
	return ss_compare(SS_ORDER_BYTES, key_of(ctx, a), key_of(ctx, b));
}

/* NULL: the map does not have the key. */
static const struct entry *find(const struct ss_key_index *x, struct ss_bytes key)
{
	size_t low = 0, high = x->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = ss_compare(SS_ORDER_BYTES, key_of(x, &x->entry[mid]), key);

		if (order == 0)
			return &x->entry[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

bool ss_key_index_has(const struct ss_key_index *x, struct ss_bytes key)
{
	return find(x, key);
}

/* A key that the map does not have is behind all that it has. */
static int compare_ranks(const struct ss_type *type, struct ss_bytes a, struct ss_bytes b)
{
	const struct ss_key_index *x = (const struct ss_key_index *)type;
	const struct entry *ea = find(x, a), *eb = find(x, b);
	uint64_t ra = ea ? ea->rank : UINT64_MAX, rb = eb ? eb->rank : UINT64_MAX;

	if (!ea && !eb)
		return ss_compare(SS_ORDER_BYTES, a, b);
	return (ra > rb) - (ra < rb);
}

const struct ss_type *ss_key_index_type(const struct ss_key_index *x)
{
	return &x->type;
}

static int make_room(struct ss_key_index *x, size_t len, struct err *err)
{
	if (x->count == x->entry_cap) {
		size_t cap = MAX(1024, 2 * x->entry_cap);
		struct entry *more = reallocarray(x->entry, cap, sizeof(*more));

		if (!more)
			return err_set(err, -ENOMEM, "no memory for %zu keys", cap);
		x->entry = more;
		x->entry_cap = cap;
	}
	if (len > x->cap - x->len) {
		size_t cap = MAX(x->len + len, 2 * x->cap);
		uint8_t *more = realloc(x->bytes, cap);

		if (!more)
			return err_set(err, -ENOMEM, "no memory for keys of %zu bytes", cap);
		x->bytes = more;
		x->cap = cap;
	}
	return 0;
}

static int add(struct ss_key_index *x, struct ss_bytes key, struct err *err)
{
	int rc = make_room(x, key.len, err);

	if (rc < 0)
		return rc;
	x->entry[x->count] = (struct entry){.off = x->len, .len = key.len, .rank = x->count};
	x->count++;
	if (key.len > 0)
		memcpy(x->bytes + x->len, key.data, key.len);
	x->len += key.len;
	return 0;
}

static int add_all(struct ss_key_index *x, struct ss *ss, struct err *err)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	struct ss_record rec;
	bool more = true;
	int rc = ss_first(ss, &c, err);

	while (rc == 0) {
		rc = ss_next(c, &rec, &more, err);
		if (rc < 0 || !more)
			break;
		rc = add(x, rec.key, err);
	}
	if (rc == 0 && x->count > 0)
		qsort_r(x->entry, x->count, sizeof(*x->entry), compare_entries, x);
	return rc;
}

int ss_key_index_open(struct ss *ss, struct ss_key_index **out, struct err *err)
{
	struct ss_key_index *x = calloc(1, sizeof(*x));
	int rc;

	*out = NULL;
	if (!x)
		return err_set(err, -ENOMEM, "no memory for an index");
	x->type.compare = compare_ranks;
	rc = add_all(x, ss, err);
	if (rc < 0)
		ss_key_index_close(x);
	else
		*out = x;
	return rc;
}

void ss_key_index_close(struct ss_key_index *x)
{
	if (!x)
		return;
	free(x->bytes);
	free(x->entry);
	free(x);
}
