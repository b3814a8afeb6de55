// SPDX-License-Identifier: MIT
/*
 * Takes, drops and renames live snapshots. Every step leaves what the next opening can go on from;
 * see live.h. Locks: op_lock throughout; the gate and chain_lock for moments.
 */
#include "snapshot/live.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

static int no_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	return -EIO;
}

static int no_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			struct err *err)
{
	return 0;
}

/* What a snapshot stands on before it stands in the chain: its length can be set without a look
 * below. */
static struct store nothing = {
	.ops = &(const struct store_ops){.name = "nothing",
					 .read_at = no_read_at,
					 .next_data = no_next_data},
};

static int check_name(const char *name, struct err *err)
{
	if (strlen(name) > LIVE_NAME_MAX)
		return err_set(err, -ENAMETOOLONG, "a snapshot's name has at most %d bytes",
			       LIVE_NAME_MAX);
	if (name[0] == 0 || name[0] == '.' || strchr(name, '/'))
		return err_set(err, -EINVAL,
			       "'%s' cannot be a snapshot's name: it is empty, begins with a dot "
			       "or has a slash in it",
			       name);
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			return err_set(err, -EINVAL, "a snapshot's name has no control characters");
	return 0;
}

static int check_new_name(struct snap_live *live, const char *name, struct err *err)
{
	size_t at;
	int rc = check_name(name, err);

	if (rc)
		return rc;
	rc = chain_find(live, name, &at, NULL);
	return rc == -ENOENT ? 0 : err_set(err, -EEXIST, "there is a snapshot '%s' already", name);
}

static int check_change(struct snap_live *live, struct err *err)
{
	return live->s.writable ? tap_check_whole(live, err)
				: err_set(err, -EROFS, "the image is open for reading only");
}

static int make_dir(struct snap_live *live, struct err *err)
{
	int rc;

	if (bond_fits(live->bond, SIDE_SNAP))
		return 0;
	rc = bond_attach(live->bond, SIDE_SNAP, err);
	return rc ? rc : chain_make_room(live, err);
}

static uint64_t len_now(struct snap_live *live)
{
	uint64_t len;

	pthread_rwlock_rdlock(&live->len_lock);
	len = live->s.len;
	pthread_rwlock_unlock(&live->len_lock);
	return len;
}

/* A file that nobody needs yet, under a hidden name. */
static int make_file(struct snap_live *live, struct kept *kept, struct err *err)
{
	auto_free char *path = live_path(live, kept->name, ".qcow2");
	char backing[2 * NAME_MAX + 16];
	uint8_t record[SNAP_RECORD_MAX];
	struct snap_new what = {
		.len = len_now(live),
		.backing = backing,
		.backing_format = live_format(live),
		.record = record,
		.record_len = kept_record_encode(&kept->record, record),
	};
	struct store *file;
	int rc;

	live_image_name(live, backing, sizeof(backing));
	rc = path ? snap_create_unsynced(path, &what, err) : -ENOMEM;
	if (!rc)
		rc = file_store_open(path, true, &file, err);
	if (!rc)
		rc = snap_open_on(file, &nothing, SNAP_WRITABLE | SNAP_LIVE_BACKING, &kept->file,
				  err);
	return rc;
}

/* The instant. Gate closed. On failure all is as before. */
static int switch_to(struct snap_live *live, struct kept *kept, struct err *err)
{
	struct kept *before = live->count > 0 ? live->chain[live->count - 1] : NULL;
	_Atomic uint64_t *bits = chain_bits(live->s.len);
	bool resized = kept->file->len != live->s.len;
	int rc = bits ? store_resize(kept->file, live->s.len, err)
		      : err_set(err, -ENOMEM, "no memory to keep old bytes");

	if (!rc && resized && !live->unordered)
		rc = store_sync(kept->file, err);
	live->chain[live->count++] = kept;
	if (!rc)
		rc = chain_link(live, live->count - 1, err);
	if (!rc && before)
		rc = chain_link(live, live->count - 2, err);
	if (rc) {
		live->count--;
		free(bits);
		return rc;
	}
	chain_set_receiver(live, kept, bits);
	return 0;
}

static int enter(struct snap_live *live, struct kept *kept, struct err *err)
{
	int rc;

	live->gate.close(live->gate.ctx);
	rc = live_side_keep(live, kept->record.seq, err);
	if (!rc) {
		pthread_rwlock_wrlock(&live->chain_lock);
		rc = switch_to(live, kept, err);
		pthread_rwlock_unlock(&live->chain_lock);
	}
	if (rc)
		live_side_drop(live, kept->record.seq);
	live->gate.open(live->gate.ctx);
	return rc;
}

/* Gives snapshot `at` a name, and tells the older one, for other programs' sake. */
static int give_name(struct snap_live *live, size_t at, const char *name, struct err *err)
{
	struct kept *kept = live->chain[at];
	auto_free char *from = live_path(live, kept->name, ".qcow2");
	auto_free char *to = live_path(live, name, ".qcow2");
	int rc = 0;

	if (!from || !to)
		return err_set(err, -ENOMEM, "no memory for a path");
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0)
		return err_sys(err, -errno, "cannot rename its file to %s", to);
	pthread_rwlock_wrlock(&live->chain_lock);
	snprintf(kept->name, sizeof(kept->name), "%s", name);
	kept->hidden = name[0] == '.';
	/* Where this fails only the name is old, until the image is opened again. */
	if (at > 0)
		rc = chain_link(live, at - 1, NULL);
	pthread_rwlock_unlock(&live->chain_lock);
	(void)rc;
	return 0;
}

/* It is on disk before it counts: from then on what the older ones need may be here alone. */
static int settle_new(struct snap_live *live, struct kept *kept, struct err *err)
{
	int rc = live->unordered ? 0 : store_sync(kept->file, err);

	if (!rc && !live->unordered)
		rc = chain_sync_dir(live, err);
	return rc ? rc : bond_set_ordered(live->bond, SIDE_SNAP, !live->unordered, err);
}

static int create(struct snap_live *live, const char *name, struct err *err)
{
	struct timespec now;
	struct kept_record record = {.seq = 1};
	struct kept *kept;
	char hidden[32];
	int rc;

	clock_gettime(CLOCK_REALTIME, &now);
	record.sec = now.tv_sec;
	record.nsec = now.tv_nsec;
	if (live->count > 0)
		record.seq = live->chain[live->count - 1]->record.seq + 1;
	snprintf(hidden, sizeof(hidden), ".%llu", (unsigned long long)record.seq);
	kept = kept_new(&record, hidden);
	if (!kept)
		return err_set(err, -ENOMEM, "no memory for a snapshot");
	rc = make_file(live, kept, err);
	if (!rc)
		rc = settle_new(live, kept, err);
	if (!rc)
		rc = enter(live, kept, err);
	if (rc) {
		auto_free char *path = live_path(live, hidden, ".qcow2");

		kept_unref(kept);
		if (path)
			unlink(path);
		return rc;
	}
	/* What it has from the image alone is on disk before it has a name. */
	if (!live->unordered)
		rc = store_sync_data(live->image, err);
	if (!rc)
		rc = give_name(live, live->count - 1, name, err);
	if (rc && kept->hidden)
		(void)!live_end(live, live->count - 1, NULL);
	if (!rc && !live->unordered)
		rc = chain_sync_dir(live, err);
	return rc;
}

int snap_live_create(struct snap_live *live, const char *name, struct err *err)
{
	int rc = check_change(live, err);

	pthread_mutex_lock(&live->op_lock);
	if (!rc)
		rc = check_new_name(live, name, err);
	if (!rc && live->count >= LIVE_MAX_SNAPSHOTS)
		rc = err_set(err, -EMLINK, "there are %d snapshots already, the most that can be",
			     LIVE_MAX_SNAPSHOTS);
	if (!rc)
		rc = make_dir(live, err);
	if (!rc)
		rc = create(live, name, err);
	pthread_mutex_unlock(&live->op_lock);
	return rc;
}

/* ---- the end of one ---- */

/* One cluster that `older` would look for in `from`, once that is gone, further below. */
static int hand_over(struct kept *older, struct kept *from, uint64_t off, struct err *err)
{
	uint64_t len = from->file->len;
	size_t there = off < len ? MIN((uint64_t)LIVE_CLUSTER_LEN, len - off) : 0;
	bool held;
	int rc = snap_holds(older->file, off, &held, err);

	if (rc || held)
		return rc;
	if (there > 0) {
		rc = snap_holds(from->file, off, &held, err);
		if (rc || (!held && there == LIVE_CLUSTER_LEN))
			return rc;
	}
	return snap_keep(older->file, off, from->file, err);
}

static int hand_all_over(struct kept *older, struct kept *from, struct err *err)
{
	int rc = 0;

	for (uint64_t off = 0; !rc && off < older->file->len; off += LIVE_CLUSTER_LEN)
		rc = hand_over(older, from, off, err);
	return rc ? rc : store_sync(older->file, err);
}

static void take_out(struct snap_live *live, size_t at)
{
	memmove(&live->chain[at], &live->chain[at + 1],
		(live->count - at - 1) * sizeof(*live->chain));
	live->count--;
}

/* Moments without readers and writers; after the first the hidden newest gets no more old bytes. */
static int leave_receiver(struct snap_live *live, size_t at, struct err *err)
{
	struct kept *next = at > 0 ? live->chain[at - 1] : NULL;
	_Atomic uint64_t *bits = NULL;

	if (live->receiver != live->chain[at])
		return 0;
	if (next) {
		bits = chain_bits(next->file->len);
		if (!bits)
			return err_set(err, -ENOMEM, "no memory to keep old bytes");
	}
	live->gate.close(live->gate.ctx);
	chain_set_receiver(live, next, bits);
	live->gate.open(live->gate.ctx);
	return 0;
}

static int unlink_from_chain(struct snap_live *live, size_t at, struct err *err)
{
	struct kept *kept = live->chain[at];
	int rc = 0;

	live->gate.close(live->gate.ctx);
	pthread_rwlock_wrlock(&live->chain_lock);
	take_out(live, at);
	if (at > 0)
		rc = chain_link(live, at - 1, err);
	if (rc) {
		memmove(&live->chain[at + 1], &live->chain[at],
			(live->count - at) * sizeof(*live->chain));
		live->chain[at] = kept;
		live->count++;
	}
	pthread_rwlock_unlock(&live->chain_lock);
	live->gate.open(live->gate.ctx);
	return rc;
}

int live_end(struct snap_live *live, size_t at, struct err *err)
{
	struct kept *kept = live->chain[at];
	auto_free char *path = live_path(live, kept->name, ".qcow2");
	int rc = path ? leave_receiver(live, at, err) : -ENOMEM;

	if (!rc && at > 0)
		rc = hand_all_over(live->chain[at - 1], kept, err);
	if (!rc)
		rc = unlink_from_chain(live, at, err);
	if (rc)
		return rc;
	live_side_drop(live, kept->record.seq);
	kept_unref(kept);
	if (unlink(path) < 0)
		return err_sys(err, -errno, "cannot remove %s", path);
	return chain_sync_dir(live, err);
}

int live_end_hidden(struct snap_live *live, struct err *err)
{
	for (size_t i = live->count; i > 0; i--) {
		int rc = live->chain[i - 1]->hidden ? live_end(live, i - 1, err) : 0;

		if (rc)
			return rc;
	}
	return 0;
}

static int drop_stale(struct snap_live *live, const char *name, struct err *err)
{
	auto_free char *path = live_path(live, name, ".stale");

	for (size_t i = 0; path && i < live->stale_count; i++) {
		if (strcmp(live->stale[i]->name, name) != 0)
			continue;
		if (unlink(path) < 0)
			return err_sys(err, -errno, "cannot remove %s", path);
		kept_unref(live->stale[i]);
		live->stale[i] = live->stale[--live->stale_count];
		return chain_sync_dir(live, err);
	}
	return -ESTALE;
}

static int drop(struct snap_live *live, const char *name, struct err *err)
{
	char hidden[32];
	size_t at;
	int rc = chain_find(live, name, &at, err);

	if (rc == -ESTALE)
		return drop_stale(live, name, err);
	if (rc)
		return rc;
	snprintf(hidden, sizeof(hidden), ".%llu", (unsigned long long)live->chain[at]->record.seq);
	rc = give_name(live, at, hidden, err);
	if (!rc)
		rc = chain_sync_dir(live, err);
	if (rc)
		return rc;
	pthread_rwlock_wrlock(&live->chain_lock);
	live->chain[at]->gone = true;
	pthread_rwlock_unlock(&live->chain_lock);
	return live_end(live, at, err);
}

int snap_live_drop(struct snap_live *live, const char *name, struct err *err)
{
	int rc = check_change(live, err);

	pthread_mutex_lock(&live->op_lock);
	if (!rc)
		rc = drop(live, name, err);
	pthread_mutex_unlock(&live->op_lock);
	return rc;
}

int snap_live_rename(struct snap_live *live, const char *from, const char *to, struct err *err)
{
	int rc = check_change(live, err);
	size_t at;

	pthread_mutex_lock(&live->op_lock);
	if (!rc)
		rc = chain_find(live, from, &at, err);
	if (!rc && strcmp(from, to) != 0) {
		rc = check_new_name(live, to, err);
		if (!rc)
			rc = give_name(live, at, to, err);
		if (!rc)
			rc = chain_sync_dir(live, err);
	}
	pthread_mutex_unlock(&live->op_lock);
	return rc;
}
