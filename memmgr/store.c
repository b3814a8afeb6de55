// SPDX-License-Identifier: MIT
/*
 * Owns the checks that every store shares: a call reaches a store's own functions only with a range
 * inside the store, and a change only when the store is writable. Keeps no state, takes no lock.
 */
#include "memmgr/store.h"

#include <inttypes.h>

static bool is_inside(const struct store *s, uint64_t off, uint64_t len)
{
	return off <= s->len && len <= s->len - off;
}

static int check_change(const struct store *s, const char *what, uint64_t off, uint64_t len,
			struct err *err)
{
	if (!s->writable)
		return err_set(err, -EROFS, "the %s is open for reading only", s->ops->name);
	if (!is_inside(s, off, len))
		return err_set(err, -EINVAL,
			       "cannot %s %" PRIu64 " bytes at %" PRIu64
			       ": the %s ends at %" PRIu64,
			       what, len, off, s->ops->name, s->len);
	return 0;
}

int store_read(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	if (!is_inside(s, off, len))
		return err_set(err, -EIO,
			       "cannot read %zu bytes at %" PRIu64 ": the %s ends at %" PRIu64, len,
			       off, s->ops->name, s->len);
	return len > 0 ? s->ops->read_at(s, buf, len, off, err) : 0;
}

int store_write(struct store *s, const void *buf, size_t len, uint64_t off, unsigned flags,
		struct err *err)
{
	int rc = check_change(s, "write", off, len, err);

	if (rc < 0 || len == 0)
		return rc;
	return s->ops->write_at(s, buf, len, off, flags, err);
}

static int copy_by_reading(struct store *s, uint64_t off, struct store *from, uint64_t from_off,
			   size_t len, struct err *err)
{
	auto_free void *buf = malloc(MAX(len, (size_t)1));
	int rc = buf ? store_read(from, buf, len, from_off, err)
		     : err_set(err, -ENOMEM, "no memory to copy %zu bytes", len);

	return rc ? rc : store_write(s, buf, len, off, 0, err);
}

int store_copy(struct store *s, uint64_t off, struct store *from, uint64_t from_off, size_t len,
	       struct err *err)
{
	struct store_host host = store_host_at(from, from_off);
	int rc = check_change(s, "write", off, len, err);

	if (rc < 0)
		return rc;
	if (s->ops->copy_at && host.fd >= 0 && host.len >= len) {
		rc = s->ops->copy_at(s, &host, len, off, err);
		if (rc != -EOPNOTSUPP)
			return rc;
	}
	return copy_by_reading(s, off, from, from_off, len, err);
}

int store_zero(struct store *s, uint64_t off, uint64_t len, struct err *err)
{
	int rc = check_change(s, "zero", off, len, err);

	if (rc < 0 || len == 0)
		return rc;
	return s->ops->zero_at(s, off, len, err);
}

int store_resize(struct store *s, uint64_t len, struct err *err)
{
	int rc = check_change(s, "resize", 0, 0, err);

	if (rc < 0 || len == s->len)
		return rc;
	return s->ops->resize(s, len, err);
}

int store_sync(struct store *s, struct err *err)
{
	return s->writable ? s->ops->sync(s, err) : 0;
}

int store_sync_data(struct store *s, struct err *err)
{
	if (!s->writable)
		return 0;
	return s->ops->sync_data ? s->ops->sync_data(s, err) : s->ops->sync(s, err);
}

int store_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end, struct err *err)
{
	*start = *end = s->len;
	return off < s->len ? s->ops->next_data(s, off, start, end, err) : 0;
}

struct store_host store_host_at(struct store *s, uint64_t off)
{
	struct store_host host = {.fd = -1, .off = off, .len = 1};

	if (off >= s->len)
		return host;
	host.len = s->len - off;
	if (s->ops->host_at)
		s->ops->host_at(s, off, &host);
	return host;
}

void store_close(struct store *s)
{
	if (s)
		s->ops->close(s);
}

void cleanup_store(struct store **s)
{
	store_close(*s);
}
