// SPDX-License-Identifier: MIT
/*
 * Windows: see store.h. Adds an offset to every call and has no state of its own; locks are the
 * lower store's.
 */
#include "memmgr/store.h"

#include <inttypes.h>

struct window {
	struct store s;
	struct store *under;
	uint64_t base_len;
	bool owns;
};

static struct window *window_of(struct store *s)
{
	return (struct window *)s;
}

static int window_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	struct window *w = window_of(s);

	return store_read(w->under, buf, len, w->base_len + off, err);
}

static int window_write_at(struct store *s, const void *buf, size_t len, uint64_t off,
			   unsigned flags, struct err *err)
{
	struct window *w = window_of(s);

	return store_write(w->under, buf, len, w->base_len + off, flags, err);
}

static int window_zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err)
{
	struct window *w = window_of(s);

	return store_zero(w->under, w->base_len + off, len, err);
}

static int window_resize(struct store *s, uint64_t len, struct err *err)
{
	struct window *w = window_of(s);
	uint64_t under_len;
	int rc;

	if (add_overflows(w->base_len, len, &under_len))
		return err_set(err, -EFBIG, "%" PRIu64 " bytes behind the first %" PRIu64, len,
			       w->base_len);
	rc = store_resize(w->under, under_len, err);
	if (!rc)
		s->len = len;
	return rc;
}

static int window_sync(struct store *s, struct err *err)
{
	return store_sync(window_of(s)->under, err);
}

static int window_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			    struct err *err)
{
	struct window *w = window_of(s);
	int rc = store_next_data(w->under, w->base_len + off, start, end, err);

	*start = MIN(*start - w->base_len, s->len);
	*end = MIN(*end - w->base_len, s->len);
	return rc;
}

static void window_host_at(struct store *s, uint64_t off, struct store_host *out)
{
	struct window *w = window_of(s);

	*out = store_host_at(w->under, w->base_len + off);
	out->len = MIN(out->len, s->len - off);
}

static void window_close(struct store *s)
{
	if (window_of(s)->owns)
		store_close(window_of(s)->under);
	free(s);
}

static const struct store_ops window_ops = {
	.name = "image",
	.read_at = window_read_at,
	.write_at = window_write_at,
	.zero_at = window_zero_at,
	.resize = window_resize,
	.sync = window_sync,
	.next_data = window_next_data,
	.host_at = window_host_at,
	.close = window_close,
};

int window_look(struct store *under, uint64_t base_len, uint64_t len, struct store **out,
		struct err *err)
{
	struct window *w;

	if (base_len > under->len || len > under->len - base_len)
		return err_set(err, -EINVAL,
			       "the image has %" PRIu64 " bytes and ends before byte %" PRIu64,
			       under->len, base_len);
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_set(err, -ENOMEM, "out of memory");
	w->s = (struct store){.ops = &window_ops, .len = len};
	w->under = under;
	w->base_len = base_len;
	*out = &w->s;
	return 0;
}

int window_store_over(struct store *under, uint64_t base_len, struct store **out, struct err *err)
{
	uint64_t len = under->len - MIN(under->len, base_len);
	int rc = window_look(under, base_len, len, out, err);

	if (!rc)
		(*out)->writable = under->writable;
	return rc;
}

int window_store_open(struct store *under, uint64_t base_len, struct store **out, struct err *err)
{
	int rc = window_store_over(under, base_len, out, err);

	if (rc)
		store_close(under);
	else
		window_of(*out)->owns = true;
	return rc;
}

struct store *window_whole(struct store *s, uint64_t *base_len)
{
	bool is_window = s->ops == &window_ops;

	if (base_len)
		*base_len = is_window ? window_of(s)->base_len : 0;
	return is_window ? window_of(s)->under : s;
}

void window_follow(struct store *s)
{
	struct window *w = window_of(s);

	if (s->ops == &window_ops)
		s->len = w->under->len - MIN(w->under->len, w->base_len);
}
