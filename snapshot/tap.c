// SPDX-License-Identifier: MIT
/*
 * The tap: a store over an image's store that keeps a cluster's old bytes in the newest snapshot
 * before it changes for the first time since. Also the image as snapshots see it. Never looks at
 * what the bytes mean, and knows nothing of the order of snapshots. Locks: live.h.
 */
#include "snapshot/live.h"

static struct snap_live *live_of(struct store *s)
{
	return (struct snap_live *)s;
}

static bool bit_is_set(struct snap_live *live, uint64_t cluster)
{
	uint64_t word = atomic_load_explicit(&live->bits[cluster / 64], memory_order_acquire);

	return word >> cluster % 64 & 1;
}

static void set_bit(struct snap_live *live, uint64_t cluster)
{
	atomic_fetch_or_explicit(&live->bits[cluster / 64], UINT64_C(1) << cluster % 64,
				 memory_order_release);
}

/* Newer snapshots that are being dropped still stand between the receiver and the image: what they
 * have, the receiver sees. */
static int is_kept(struct snap_live *live, uint64_t cluster, bool *kept, struct err *err)
{
	size_t at = live->count;

	while (at > 0 && live->chain[at - 1] != live->receiver)
		at--;
	return chain_changed(live, at - 1, live->count, cluster, kept, err);
}

static int copy_first(struct snap_live *live, uint64_t cluster, struct err *err)
{
	bool kept;
	int rc = is_kept(live, cluster, &kept, err);

	if (!rc && !kept) {
		rc = snap_keep(live->receiver->file, cluster * LIVE_CLUSTER_LEN, live->image, err);
		if (rc)
			err_prefix(err, rc, "the old bytes cannot be kept for snapshot '%s'",
				   live->receiver->name);
	}
	return rc;
}

int tap_keep(struct snap_live *live, uint64_t cluster, bool *kept, struct err *err)
{
	auto_unlock pthread_mutex_t *held = NULL;

	if (cluster >= live_clusters(live->receiver->file->len) || bit_is_set(live, cluster))
		return 0;
	*kept = true;
	held = lock(&live->stripe[cluster % LIVE_STRIPES]);
	return bit_is_set(live, cluster) ? 0 : copy_first(live, cluster, err);
}

int tap_keep_range(struct snap_live *live, uint64_t off, uint64_t end, bool *kept, struct err *err)
{
	end = MIN(end, live->receiver->file->len);
	/* From the cluster's beginning: all of it is kept, or nothing. */
	off = round_down(off, LIVE_CLUSTER_LEN);
	while (off < end) {
		uint64_t start, stop;
		int rc = store_next_data(live->image, off, &start, &stop, err);

		if (rc || start >= end || start == stop)
			return rc;
		stop = MIN(stop, end);
		for (off = start; !rc && off < stop;
		     off = round_down(off, LIVE_CLUSTER_LEN) + LIVE_CLUSTER_LEN)
			rc = tap_keep(live, off / LIVE_CLUSTER_LEN, kept, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* The image may change where `kept` was said to be true: what it held is on disk elsewhere. */
static int settle(struct snap_live *live, bool kept, struct err *err)
{
	return kept && !live->unordered && !live->kept_ahead ? kept_sync(live, err) : 0;
}

int tap_check_whole(struct snap_live *live, struct err *err)
{
	return live->half_way ? err_set(err, -EIO,
					"a rollback has stopped half-way: unmount the image, and "
					"mount it again, and the rollback goes on")
			      : 0;
}

/* The clusters `first` to `last` may be written. Their bits are set only when their old bytes are
 * on disk: who sees a bit waits for nobody. */
static int free_for_writing(struct snap_live *live, uint64_t first, uint64_t last, struct err *err)
{
	uint64_t end = MIN(last + 1, live_clusters(live->receiver->file->len));
	bool kept = false;
	int rc = 0;

	for (uint64_t c = first; !rc && c < end; c++)
		rc = tap_keep(live, c, &kept, err);
	if (!rc)
		rc = settle(live, kept, err);
	for (uint64_t c = first; !rc && kept && c < end; c++)
		set_bit(live, c);
	return rc;
}

int tap_set_len(struct snap_live *live, uint64_t len, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&live->len_lock);
	int rc = store_resize(live->image, len, err);

	live->s.len = live->image->len;
	return rc;
}

int tap_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	return store_read(live_of(s)->image, buf, len, off, err);
}

int tap_write_at(struct store *s, const void *buf, size_t len, uint64_t off, unsigned flags,
		 struct err *err)
{
	struct snap_live *live = live_of(s);
	int rc = tap_check_whole(live, err);

	if (!rc && live->receiver)
		rc = free_for_writing(live, off / LIVE_CLUSTER_LEN,
				      (off + len - 1) / LIVE_CLUSTER_LEN, err);
	return rc ? rc : store_write(live->image, buf, len, off, flags, err);
}

int tap_zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err)
{
	struct snap_live *live = live_of(s);
	bool kept = false;
	int rc = tap_check_whole(live, err);

	if (!rc && live->receiver)
		rc = tap_keep_range(live, off, off + len, &kept, err);
	if (!rc)
		rc = settle(live, kept, err);
	return rc ? rc : store_zero(live->image, off, len, err);
}

int tap_resize(struct store *s, uint64_t len, struct err *err)
{
	struct snap_live *live = live_of(s);
	bool kept = false;
	int rc = tap_check_whole(live, err);

	if (!rc && live->receiver && len < s->len)
		rc = tap_keep_range(live, len, s->len, &kept, err);
	if (!rc)
		rc = settle(live, kept, err);
	return rc ? rc : tap_set_len(live, len, err);
}

int tap_sync(struct store *s, struct err *err)
{
	return store_sync(live_of(s)->image, err);
}

int tap_sync_data(struct store *s, struct err *err)
{
	return store_sync_data(live_of(s)->image, err);
}

int tap_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end, struct err *err)
{
	return store_next_data(live_of(s)->image, off, start, end, err);
}

void tap_host_at(struct store *s, uint64_t off, struct store_host *out)
{
	*out = store_host_at(live_of(s)->image, off);
}

static struct snap_live *live_under(struct store *s)
{
	return ((struct base *)s)->live;
}

static int base_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	struct snap_live *live = live_under(s);
	auto_rw_unlock pthread_rwlock_t *held = lock_shared(&live->len_lock);
	uint64_t image_len = live->image->len;
	size_t there = off < image_len ? MIN((uint64_t)len, image_len - off) : 0;

	memset((uint8_t *)buf + there, 0, len - there);
	return there ? store_read(live->image, buf, there, off, err) : 0;
}

static int base_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			  struct err *err)
{
	struct snap_live *live = live_under(s);
	auto_rw_unlock pthread_rwlock_t *held = lock_shared(&live->len_lock);
	int rc = store_next_data(live->image, off, start, end, err);

	if (!rc && *start == *end)
		*start = *end = s->len;
	return rc;
}

const struct store_ops base_ops = {
	.name = "image",
	.read_at = base_read_at,
	.next_data = base_next_data,
};
