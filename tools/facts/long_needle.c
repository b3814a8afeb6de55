// SPDX-License-Identifier: MIT
/*
 * See long_needle.h. The store is read through three windows: one follows the last bytes of the
 * place that is looked at, and one each follows the comparison of the needle's right and left part.
 * All three only ever move forward.
 */
#include "tools/facts/long_needle.h"

enum {
	WINDOW_LEN = 1 << 18,
	PAIRS = 1 << 16,
};

/* ---- the needle ---- */

/* Where the largest suffix begins, in the order of bytes or in the reverse order, and its period.
 */
static size_t largest_suffix(const struct needle *x, bool reverse, size_t *period)
{
	size_t best = 0, other = 1, same = 0;

	*period = 1;
	while (other + same < x->len) {
		uint8_t a = x->bytes[other + same], b = x->bytes[best + same];

		if (a == b) {
			same++;
			if (same == *period) {
				other += *period;
				same = 0;
			}
		} else if ((a < b) != reverse) {
			other += same + 1;
			same = 0;
			*period = other - best;
		} else {
			best = other++;
			same = 0;
			*period = 1;
		}
	}
	return best;
}

static void factorize(struct long_needle *n)
{
	const struct needle *x = &n->needle;
	size_t period, reverse_period;
	size_t at = largest_suffix(x, false, &period);
	size_t reverse_at = largest_suffix(x, true, &reverse_period);

	n->critical = MAX(at, reverse_at);
	n->period = at > reverse_at ? period : reverse_period;
	n->periodic = memcmp(x->bytes, x->bytes + n->period, n->critical) == 0;
	if (!n->periodic)
		n->period = MAX(n->critical, x->len - n->critical) + 1;
}

static unsigned pair_at(const uint8_t *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

int long_needle_prepare(const struct needle *needle, struct long_needle *out, struct err *err)
{
	size_t last = needle->len - 2;

	*out = (struct long_needle){.needle = *needle};
	out->shift = malloc(PAIRS * sizeof(*out->shift));
	if (!out->shift)
		return err_set(err, -ENOMEM, "no memory to search with");
	factorize(out);
	for (size_t i = 0; i < PAIRS; i++)
		out->shift[i] = (uint32_t)MIN(last + 1, (size_t)UINT32_MAX);
	/* The pairs before the last UINT32_MAX are as far away as these. */
	for (size_t i = last - MIN(last, (size_t)UINT32_MAX); i <= last; i++)
		out->shift[pair_at(needle->bytes + i)] = (uint32_t)(last - i);
	return 0;
}

void long_needle_free(struct long_needle *n)
{
	free(n->shift);
	n->shift = NULL;
}

/* ---- the store ---- */

struct window {
	uint64_t off;
	size_t len;
	uint8_t bytes[WINDOW_LEN];
};

struct hunt {
	struct store *s;
	const struct long_needle *n;
	uint64_t to;
	struct progress *progress;
	uint64_t told; /* the progress */
	struct window last, right, left;
};

static void tell(struct hunt *h, uint64_t off)
{
	if (h->progress && off > h->told)
		progress_add(h->progress, off - h->told);
	h->told = MAX(h->told, off);
}

/* The bytes at `off`, at least `min` of them, which is less than a window; *len: how many. */
static int look(struct hunt *h, struct window *w, uint64_t off, size_t min, const uint8_t **at,
		size_t *len, struct err *err)
{
	if (off < w->off || off + min > w->off + w->len) {
		int rc;

		w->off = off;
		w->len = (size_t)MIN(h->to - off, (uint64_t)WINDOW_LEN);
		rc = store_read(h->s, w->bytes, w->len, off, err);
		if (rc)
			return rc;
	}
	*at = w->bytes + (off - w->off);
	*len = w->len - (size_t)(off - w->off);
	return 0;
}

static size_t count_same(const uint8_t *a, const uint8_t *b, size_t len)
{
	enum { STEP = 256 };
	size_t n = 0;

	while (len - n >= STEP && memcmp(a + n, b + n, STEP) == 0)
		n += STEP;
	while (n < len && a[n] == b[n])
		n++;
	return n;
}

/* Moves *at to the first byte of [*at, end) of the needle that the store does not have, `place`
 * being where the needle would begin. */
static int compare(struct hunt *h, struct window *w, uint64_t place, size_t end, size_t *at,
		   struct err *err)
{
	while (*at < end) {
		const uint8_t *bytes;
		size_t len, same;
		int rc = look(h, w, place + *at, 1, &bytes, &len, err);

		if (rc)
			return rc;
		len = MIN(len, end - *at);
		same = count_same(bytes, h->n->needle.bytes + *at, len);
		*at += same;
		if (same < len)
			break;
	}
	return 0;
}

/* How far the last bytes at `place` say to go on; 0: the needle may be there. */
static int shift_at(struct hunt *h, uint64_t place, size_t *shift, struct err *err)
{
	const struct needle *x = &h->n->needle;
	uint64_t off = place + x->len - LONG_NEEDLE_MIN;
	const uint8_t *bytes;
	size_t len;
	int rc = look(h, &h->last, off, LONG_NEEDLE_MIN, &bytes, &len, err);

	if (rc)
		return rc;
	tell(h, off);
	*shift = h->n->shift[pair_at(bytes + LONG_NEEDLE_MIN - 2)];
	if (*shift == 0)
		*shift = memcmp(bytes, x->bytes + x->len - LONG_NEEDLE_MIN, LONG_NEEDLE_MIN) != 0;
	return 0;
}

/* Looks at *place, whose first *known bytes are the needle's, and moves to the next. */
static int step(struct hunt *h, uint64_t *place, size_t *known, bool *found, struct err *err)
{
	const struct long_needle *n = h->n;
	size_t at = MAX(n->critical, *known), left = *known, shift;
	int rc = shift_at(h, *place, &shift, err);

	*found = false;
	if (!rc && shift == 0)
		rc = compare(h, &h->right, *place, n->needle.len, &at, err);
	if (rc)
		return rc;
	if (shift > 0 || at < n->needle.len) {
		*place += shift > 0 ? shift : at - n->critical + 1;
		*known = 0;
		return 0;
	}
	rc = compare(h, &h->left, *place, n->critical, &left, err);
	*found = !rc && left >= n->critical;
	*place += n->period;
	*known = n->periodic ? n->needle.len - n->period : 0;
	return rc;
}

int long_needle_search(struct store *s, const struct long_needle *n, uint64_t from, uint64_t to,
		       search_fn *fn, void *ctx, struct progress *progress, struct err *err)
{
	auto_free struct hunt *h = malloc(sizeof(*h));
	size_t known = 0;
	int rc = 0;

	if (!h)
		return err_set(err, -ENOMEM, "no memory to search with");
	h->s = s;
	h->n = n;
	h->to = to;
	h->progress = progress;
	h->told = from;
	h->last.off = h->right.off = h->left.off = 0;
	h->last.len = h->right.len = h->left.len = 0;
	for (uint64_t place = from; !rc && place < to && to - place >= n->needle.len;) {
		uint64_t here = place;
		bool found;

		rc = step(h, &place, &known, &found, err);
		if (!rc && found)
			rc = fn(ctx, here, err);
	}
	if (!rc)
		tell(h, to);
	return rc;
}
