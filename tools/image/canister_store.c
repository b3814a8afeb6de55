// SPDX-License-Identifier: MIT
/*
 * The stable memory of a canister snapshot as a store: a file store, and the number in
 * metadata.json that follows its length. See canister_dir.h. As with every store one thread at a
 * time changes the length; any may sync.
 */
#include <inttypes.h>
#include <pthread.h>

#include "tools/image/canister_dir.h"

struct canister_store {
	struct store s;
	struct store *under;
	char *dir;
	int lock_fd;
	pthread_mutex_t sync_lock; /* metadata.json is written by one at a time */
	uint64_t said_len;         /* what it says; UINT64_MAX: not known. sync_lock */
};

static struct canister_store *canister_of(struct store *s)
{
	return (struct canister_store *)s;
}

static int canister_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	return store_read(canister_of(s)->under, buf, len, off, err);
}

static int canister_write_at(struct store *s, const void *buf, size_t len, uint64_t off,
			     unsigned flags, struct err *err)
{
	return store_write(canister_of(s)->under, buf, len, off, flags, err);
}

static int canister_zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err)
{
	return store_zero(canister_of(s)->under, off, len, err);
}

static int say_len(struct canister_store *c, uint64_t len, struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&c->sync_lock);
	if (c->said_len != len)
		rc = canister_dir_set_len(c->dir, len, err);
	if (!rc)
		c->said_len = len;
	pthread_mutex_unlock(&c->sync_lock);
	return rc;
}

static int canister_resize(struct store *s, uint64_t len, struct err *err)
{
	struct canister_store *c = canister_of(s);
	int rc = 0;

	if (len > CANISTER_STABLE_MAX_LEN)
		return err_set(err, -ENOSPC,
			       "%" PRIu64 " bytes; a canister has at most %" PRIu64
			       " of stable memory",
			       len, CANISTER_STABLE_MAX_LEN);
	if (len < s->len)
		rc = say_len(c, len, err);
	if (!rc)
		rc = store_resize(c->under, len, err);
	s->len = c->under->len;
	return rc;
}

static int canister_sync(struct store *s, struct err *err)
{
	struct canister_store *c = canister_of(s);
	uint64_t len = s->len;
	int rc = store_sync(c->under, err);

	return rc ? rc : say_len(c, len, err);
}

static int canister_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			      struct err *err)
{
	return store_next_data(canister_of(s)->under, off, start, end, err);
}

static void canister_host_at(struct store *s, uint64_t off, struct store_host *out)
{
	*out = store_host_at(canister_of(s)->under, off);
}

static void canister_close(struct store *s)
{
	struct canister_store *c = canister_of(s);

	store_close(c->under);
	cleanup_close(&c->lock_fd);
	pthread_mutex_destroy(&c->sync_lock);
	free(c->dir);
	free(c);
}

static const struct store_ops canister_ops = {
	.name = "canister snapshot",
	.read_at = canister_read_at,
	.write_at = canister_write_at,
	.zero_at = canister_zero_at,
	.resize = canister_resize,
	.sync = canister_sync,
	.next_data = canister_next_data,
	.host_at = canister_host_at,
	.close = canister_close,
};

int canister_dir_open(const char *path, bool writable, struct store **out, struct err *err)
{
	struct canister_store *c = calloc(1, sizeof(*c));
	auto_store struct store *s = c ? &c->s : NULL;
	int rc;

	if (!c)
		return err_set(err, -ENOMEM, "out of memory");
	c->s = (struct store){.ops = &canister_ops, .writable = writable};
	c->lock_fd = -1;
	c->said_len = UINT64_MAX;
	pthread_mutex_init(&c->sync_lock, NULL);
	/* The daemon's current directory is "/". */
	c->dir = realpath(path, NULL);
	if (!c->dir)
		return err_sys(err, -errno, "cannot open");
	rc = canister_dir_lock(c->dir, writable, &c->lock_fd, err);
	if (!rc)
		rc = canister_dir_stable(c->dir, writable, &c->under, err);
	if (rc)
		return rc;
	c->s.len = c->under->len;
	*out = s;
	s = NULL;
	return 0;
}
