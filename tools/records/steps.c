// SPDX-License-Identifier: MIT
/* Owns the cursors of both sides. See steps.h. */
#include "tools/records/steps.h"

struct steps {
	struct step a, b;
	struct ss_same *same; /* parts of both that are; or NULL */
	const struct ss_sort *sort;
	struct ss_key_index *index; /* of the keys of A, where no order is told; NULL: not needed */
	steps_fn *fn;
	void *ctx;
};

static int next(struct step *s, struct err *err)
{
	int rc = s->c ? ss_next(s->c, &s->rec, &s->more, err) : 0;

	return rc == 0 && s->more ? ss_value(s->c, &s->value, err) : rc;
}

/* Below 0: A's key comes first. Both maps are sorted alike: where nobody tells how, a key of B that
 * A has comes later there. Asked only when two keys differ, as that takes a walk over A. */
static int compare_keys(struct steps *d, int *place, struct err *err)
{
	int rc = 0;

	if (ss_facts(d->a.ss)->sort_told) {
		*place = ss_sort_compare(d->sort, d->a.rec.key, d->b.rec.key);
		return 0;
	}
	if (!d->index)
		rc = ss_key_index_open(d->a.ss, &d->index, err);
	if (rc == 0)
		*place = ss_key_index_has(d->index, d->b.rec.key) ? -1 : 1;
	return rc;
}

static bool same_bytes(struct ss_bytes a, struct ss_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* *place is below 0: only A is at this place; above 0: only B is. */
static int compare_places(struct steps *d, int *place, struct err *err)
{
	const struct step *a = &d->a, *b = &d->b;

	*place = a->more ? -1 : 1;
	if (!a->more || !b->more)
		return 0;
	if (!ss_facts(a->ss)->keyed) {
		*place = a->rec.index < b->rec.index ? -1 : a->rec.index > b->rec.index;
		return 0;
	}
	*place = 0;
	if (same_bytes(a->rec.key, b->rec.key))
		return 0;
	return compare_keys(d, place, err);
}

static int step_both(struct steps *d, struct err *err)
{
	int rc = d->same ? ss_same_skip(d->same, d->a.c, d->b.c, err) : 0;

	if (rc == 0)
		rc = next(&d->a, err);
	return rc < 0 ? rc : next(&d->b, err);
}

static int step(struct steps *d, struct err *err)
{
	int place, rc = compare_places(d, &place, err);

	if (rc < 0)
		return rc;
	if (place != 0)
		rc = d->fn(d->ctx, place < 0 ? &d->a : NULL, place < 0 ? NULL : &d->b, err);
	else if (!same_bytes(d->a.value, d->b.value))
		rc = d->fn(d->ctx, &d->a, &d->b, err);
	if (rc < 0 || place == 0)
		return rc < 0 ? rc : step_both(d, err);
	return next(place < 0 ? &d->a : &d->b, err);
}

static int walk(struct steps *d, struct err *err)
{
	int rc = d->a.ss ? ss_first(d->a.ss, &d->a.c, err) : 0;

	if (rc == 0 && d->b.ss)
		rc = ss_first(d->b.ss, &d->b.c, err);
	if (rc == 0 && d->a.ss && d->b.ss)
		rc = ss_same_open(d->a.ss, d->b.ss, &d->same, err);
	if (rc == 0)
		rc = step_both(d, err);
	while (rc == 0 && (d->a.more || d->b.more))
		rc = step(d, err);
	return rc;
}

int steps_walk(struct ss *a, struct ss *b, const struct ss_sort *sort, steps_fn *fn, void *ctx,
	       struct err *err)
{
	struct steps d = {.a = {.ss = a}, .b = {.ss = b}, .sort = sort, .fn = fn, .ctx = ctx};
	int rc = walk(&d, err);

	ss_cursor_close(d.a.c);
	ss_cursor_close(d.b.c);
	ss_same_close(d.same);
	ss_key_index_close(d.index);
	return rc;
}
